"""What a ControlNet adds at one step, as a value: taken out, added up, weakened, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from nodes.diffusion import control, pixels
from nodes.diffusion.autoencode import encode
from nodes.diffusion.control_fit import check_fits
from nodes.diffusion.control_flow import Residuals
from nodes.diffusion.prediction import input_of
from nodes.diffusion.requests import Request, batch_of_row
from nodes.diffusion.resampling import resample
from nodes.types import Conditioning, Control, ControlNet, ControlUse, Model, Step, Vae

_MIDDLE = "mid"


def control_at(use: ControlUse, model: Model, x: Tensor, step: Step, text: Conditioning) -> Control:
    """What a ControlNet adds to x [B, C, H, W] under one text, for each picture.

    A CPU takes the pictures one by one, as a model's own answer does.
    """
    check_fits(use.net, model)
    count = len(x)
    alone = count > 1 and next(model.network.parameters()).device.type == "cpu"
    groups = [[k] for k in range(count)] if alone else [list(range(count))]
    parts = []
    for pictures in groups:
        request = Request(
            x=input_of(model, x[pictures], step.sigma),
            timestep=step.timestep,
            rows=[batch_of_row(text, k) for k in pictures],
            pictures=pictures,
        )
        parts.append(control.ask_one(use, model, request))
    joined = {
        name: tuple(torch.cat(same) for same in zip(*(p[name] for p in parts), strict=True))
        for name in parts[0]
    }
    return Control(tuple(joined.items()))


def added_up(controls: Sequence[Control], model: Model | None = None) -> Control:
    """All that several ControlNets add, place by place."""
    depths = {} if model is None else control.depths_of(model)
    found: Residuals = {}
    for each in controls:
        found = control.summed(found, dict(each.residuals), depths)
    return Control(tuple((name, tuple(tensors)) for name, tensors in found.items()))


def scaled(given: Control, first: float, last: float) -> Control:
    """Each tensor times a number that goes on a line from the first place to the last one.

    What goes into a UNet's middle is the last place.
    """
    total = sum(len(tensors) for name, tensors in given.residuals)
    ordered = sorted(given.residuals, key=lambda pair: pair[0].startswith(_MIDDLE))
    found, place = [], 0
    for name, tensors in ordered:
        factors = []
        for _ in tensors:
            share = place / (total - 1) if total > 1 else 0.0
            factors.append(first + (last - first) * share)
            place += 1
        found.append((name, tuple(f * t for f, t in zip(factors, tensors, strict=True))))
    return Control(tuple(found))


def encoded_hint(net: ControlNet, vae: Vae, hint: Tensor) -> Tensor:
    """A hint [B, H, W, 3] in 0..1 as the latent [B, C, h, w] that a network was trained on.

    Those for Stable Diffusion 3 that are told no text as one vector leave out the latent's shift.
    """
    bare = getattr(net.network.config, "force_zeros_for_pooled_projection", False)
    return encode(replace(vae, shift=0.0) if bare else vae, hint).mean


def encoded_hole(vae: Vae, picture: Tensor, mask: Tensor) -> Tensor:
    """A picture [B, H, W, 3] without what a mask [B or 1, H, W] covers, as a latent with 1 - mask
    beside it: [B, C + 1, h, w]."""
    black = torch.where(mask[..., None] > 0.5, 0.0, picture)
    latent = encode(vae, black).mean
    seen = 1 - torch.nn.functional.interpolate(mask[:, None], latent.shape[-2:])
    return torch.cat([latent, seen.to(latent).expand(len(latent), -1, -1, -1)], dim=1)


def drawn(given: Control, latent: Tensor, side: int = 96) -> Tensor:
    """The tensors' mean sizes over their channels as panels in a grid, [B, H, W, 3] in 0..1.

    Brightness is relative to each panel's largest value.
    """
    height, width = latent.shape[-2:]
    factor = side / max(height, width)
    size = (max(round(height * factor), 1), max(round(width * factor), 1))
    batch = max(len(t) for _, tensors in given.residuals for t in tensors)
    panels = [
        _panel(tensor, height, width, size).expand(batch, -1, -1, -1)
        for _, tensors in given.residuals
        for tensor in tensors
    ]
    columns = min(len(panels), 5)
    rows = [torch.stack([panel[k] for panel in panels]) for k in range(batch)]
    return torch.cat([pixels.grid(row, columns, 2, (0.0, 0.0, 0.3)) for row in rows])


def _panel(tensor: Tensor, height: int, width: int, size: tuple[int, int]) -> Tensor:
    strength = tensor.float().abs().mean(dim=-1 if tensor.ndim == 3 else 1)  # tokens or a map
    if tensor.ndim == 3:
        rows = -(-height // 2)
        strength = strength.reshape(len(tensor), rows, strength.shape[1] // rows)
    strength = strength / strength.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    return resample(strength[..., None].expand(-1, -1, -1, 3), *size, "nearest").cpu()
