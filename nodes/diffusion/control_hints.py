"""The pictures that ControlNets are shown, one for each row of a call."""

from __future__ import annotations

import torch
from torch import Tensor

from nodes.diffusion import regions
from nodes.diffusion.requests import Request
from nodes.diffusion.resampling import resample
from nodes.types import ControlUse

FACTOR = 8  # pixels, per side, that one latent pixel stands for, in all families with ControlNets


def pixel_rows(use: ControlUse, request: Request, multiple: int = 1) -> Tensor:
    """The hint as pixels [n, C, 8 h, 8 w] in 0..1 for a latent [n, ..., h, w].

    Cut to the request's area, and resized by Lanczos where it has another size; `multiple` rounds
    its sides up to what an adapter can divide. Where there is a hole it is -1.

    Raises:
        ValueError: there are several hints, but not one for each picture.
    """
    size = tuple(_up(FACTOR * side, multiple) for side in request.x.shape[-2:])
    hint = _fitted(use.hint, request, size, "lanczos")
    if use.mask is not None:
        hole = _fitted(use.mask[..., None], request, size, "nearest") > 0.5
        hint = torch.where(hole, -1.0, hint)
    return _of_pictures(hint, request).movedim(-1, 1)


def _fitted(pixels: Tensor, request: Request, size: tuple[int, ...], filter: str) -> Tensor:
    """The area's part of pictures [B, H, W, C] in a size."""
    rows, columns = regions.window(request.area, pixels.shape[:3])
    part = pixels[:, rows, columns]
    if part.shape[1:3] == size:
        return part
    return resample(part, size[0], size[1], filter).clamp(0, 1)


def latent_rows(use: ControlUse, request: Request) -> Tensor:
    """The hint as latents [n, C, h, w] for the networks that read an encoded picture.

    Raises:
        ValueError: it was encoded from a picture of another size than is being made.
    """
    rows, columns = regions.window(request.area, use.hint.shape)
    hint = use.hint[..., rows, columns]
    if hint.shape[-2:] != request.x.shape[-2:]:
        got, wanted = (
            " × ".join(str(FACTOR * side) for side in reversed(t.shape[-2:]))
            for t in (hint, request.x)
        )
        raise ValueError(
            f"the ControlNet's hint is {got} px, the picture {wanted}: resize the hint"
        )
    return _of_pictures(hint, request)


def _of_pictures(hint: Tensor, request: Request) -> Tensor:
    if len(hint) == 1:
        return hint.expand(len(request.rows), *hint.shape[1:])
    if max(request.pictures) >= len(hint):
        raise ValueError(
            f"the ControlNet has {len(hint)} hints, and picture {max(request.pictures) + 1} has "
            "none: give one for all, or one for each picture of the batch"
        )
    return hint[torch.tensor(list(request.pictures), device=hint.device)]


def _up(side: int, multiple: int) -> int:
    return -(-side // multiple) * multiple
