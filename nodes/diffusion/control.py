"""Asking ControlNets and T2I-Adapters what they add inside a denoiser.

Which class the network beside the denoiser is of tells how it is asked, and under which argument
of the denoiser its tensors go in. Zhang et al. 2023, arXiv 2302.05543; Mou et al. 2023, arXiv
2302.08453.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.control_fit import check_fits
from nodes.diffusion.control_flow import Residuals, ask_flux, ask_sd3, mode_of
from nodes.diffusion.control_hints import pixel_rows
from nodes.diffusion.networks_unet import unet_inputs
from nodes.diffusion.requests import Request, like_weights, texts_in_one
from nodes.types import Conditioning, ControlUse, Model

_DOWN, _MID = "down_block_additional_residuals", "mid_block_additional_residual"
_INSIDE = "down_intrablock_additional_residuals"


def residuals_of(
    uses: Sequence[ControlUse], model: Model, request: Request
) -> Mapping[str, Sequence[Tensor]]:
    """What ControlNets add inside a denoiser for a request: tensors [n, ...] by the name of the
    denoiser's argument, summed over the networks, strengths included.

    One of strength 0 is not asked.

    Raises:
        ValueError: one is for models of another family, or has no hint for a picture.
    """
    found: Residuals = {}
    for use in uses:
        check_fits(use.net, model)
        if use.strength != 0:
            found = summed(found, ask_one(use, model, request), depths_of(model))
    return found


def ask_one(use: ControlUse, model: Model, request: Request) -> Residuals:
    """What one ControlNet adds, whatever its strength."""
    with torch.no_grad():
        return _CALLS[type(use.net.network).__name__](use, model, request)


def depths_of(model: Model) -> dict[str, int]:
    """How many blocks of a transformer take a tensor, by the argument's name; none for a UNet."""
    names = {
        "block_controlnet_hidden_states": "transformer_blocks",
        "controlnet_block_samples": "transformer_blocks",
        "controlnet_single_block_samples": "single_transformer_blocks",
    }
    found = {name: getattr(model.network, blocks, None) for name, blocks in names.items()}
    return {name: len(blocks) for name, blocks in found.items() if blocks is not None}


def summed(a: Residuals, b: Residuals, depths: Mapping[str, int]) -> Residuals:
    """Two networks' tensors added, place by place.

    Where one has fewer than the other both are first dealt out to all of a transformer's blocks,
    each tensor for a run of blocks, as the transformer would.

    Raises:
        ValueError: that is not known of the model, or it is a UNet, where the places are one kind.
    """
    found = dict(a)
    for name, tensors in b.items():
        before = found.get(name)
        if before is None:
            found[name] = tensors
            continue
        if len(before) != len(tensors):
            if name not in depths:
                raise ValueError(f"{len(before)} and {len(tensors)} tensors for {name}")
            before, tensors = (_dealt(each, name, depths[name]) for each in (before, tensors))
        found[name] = [x + y for x, y in zip(before, tensors, strict=True)]
    return found


def _dealt(tensors: Sequence[Tensor], name: str, blocks: int) -> list[Tensor]:
    run = blocks / len(tensors)
    if name != "block_controlnet_hidden_states":
        run = math.ceil(run)  # Flux rounds the length of a run, Stable Diffusion 3 its end
    return [tensors[int(k / run)] for k in range(blocks)]


def _ask_controlnet(use: ControlUse, model: Model, request: Request) -> Residuals:
    def ask(part: Request, embeddings: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        hint = like_weights(use.net.network, _rgb(pixel_rows(use, part)))
        return _forward(use, part, embeddings, controlnet_cond=hint, scale=use.strength)

    return _by_length(request, ask)


def _ask_union(use: ControlUse, model: Model, request: Request) -> Residuals:
    """A network for many kinds of hints: it is told which one as a number and as a mark."""
    network, mode = use.net.network, mode_of(use)

    def ask(part: Request, embeddings: Tensor) -> tuple[Sequence[Tensor], Tensor]:
        hint = like_weights(network, _rgb(pixel_rows(use, part)))
        marks = torch.zeros(len(part.rows), network.config.num_control_type)
        marks[:, mode] = 1
        return _forward(
            use,
            part,
            embeddings,
            controlnet_cond=[hint],
            scale=[use.strength],
            control_type=like_weights(network, marks),
            control_type_idx=[mode],
        )

    return _by_length(request, ask)


def _forward(
    use: ControlUse, request: Request, embeddings: Tensor, scale: Any, **more: Any
) -> tuple[Sequence[Tensor], Tensor]:
    """The network's tensors for the UNet's way down, and the one for its middle."""
    network = use.net.network
    rows = [replace(row, extras=_told(row)) for row in request.rows]
    told = unet_inputs(network, replace(request, rows=rows, residuals={}))
    x = like_weights(network, request.x[:, : network.config.in_channels])
    down, mid = network(
        x,
        torch.full((len(x),), request.timestep, dtype=torch.float32, device=x.device),
        encoder_hidden_states=like_weights(network, embeddings),
        conditioning_scale=scale,
        guess_mode=use.guess,
        added_cond_kwargs=told.get("added_cond_kwargs"),
        class_labels=told.get("class_labels"),
        return_dict=False,
        **more,
    )
    return down, mid


def _told(row: Conditioning) -> tuple[tuple[str, Any], ...]:
    """What a text brings for a ControlNet too; what changes attention is for the UNet alone."""
    return tuple(pair for pair in row.extras if pair[0] in ("added_cond", "class_labels"))


def _by_length(
    request: Request, ask: Callable[[Request, Tensor], tuple[Sequence[Tensor], Tensor]]
) -> Residuals:
    """A call for the rows of each length of text: these networks take no mask, and padding that
    they attend to would show in the picture."""
    groups: dict[int, list[int]] = {}
    rows = [_without_padding(row) for row in request.rows]
    for place, row in enumerate(rows):
        groups.setdefault(row.embeddings.shape[1], []).append(place)
    downs, mids = [], []
    for places in groups.values():
        part = replace(
            request,
            x=request.x if len(groups) == 1 else request.x[places],
            rows=[rows[k] for k in places],
            pictures=[request.pictures[k] for k in places],
        )
        down, mid = ask(part, texts_in_one(part.rows)[0])
        downs.append(down)
        mids.append(mid)
    order = torch.tensor([k for places in groups.values() for k in places]).argsort()

    def in_order(parts: Sequence[Tensor]) -> Tensor:
        return parts[0] if len(parts) == 1 else torch.cat(list(parts))[order.to(parts[0].device)]

    together = [in_order(depth) for depth in zip(*downs, strict=True)]
    return {_DOWN: together, _MID: [in_order(mids)]}


def _without_padding(row: Conditioning) -> Conditioning:
    if row.attention_mask is None:
        return row
    there = row.attention_mask[0].bool()
    return replace(row, embeddings=row.embeddings[:, there], attention_mask=None)


def _ask_adapter(use: ControlUse, model: Model, request: Request) -> Residuals:
    """A T2I-Adapter looks at the hint alone: not at the latent, nor the text, nor the clock."""
    network = use.net.network
    hint = pixel_rows(use, request, multiple=network.config.downscale_factor)
    grey = network.config.in_channels == 1
    shown = hint.mean(dim=1, keepdim=True) if grey else _rgb(hint)
    features = network(like_weights(network, shown))
    return {_INSIDE: [use.strength * feature for feature in features]}


def _rgb(hint: Tensor) -> Tensor:
    return hint.expand(-1, 3, -1, -1) if hint.shape[1] == 1 else hint


_CALLS: dict[str, Callable[[ControlUse, Model, Request], Residuals]] = {
    "ControlNetModel": _ask_controlnet,
    "ControlNetUnionModel": _ask_union,
    "T2IAdapter": _ask_adapter,
    "SD3ControlNetModel": ask_sd3,
    "FluxControlNetModel": ask_flux,
}
