"""What a pixel becomes by the pixels around it: medians, grey morphology. [B, H, W, C]."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nodes.diffusion.masks import grown
from nodes.diffusion.pixels import edge_places

_MOST = 1 << 24  # values that a window's copies may take at once: 64 MiB


def median(x: torch.Tensor, radius: int) -> torch.Tensor:
    """The middle one of the (2 radius + 1)^2 values around each; edges mirrored."""
    if radius == 0:
        return x
    side = 2 * radius + 1
    count, height, width, channels = x.shape
    rows = edge_places(height, radius, radius, mirror=True).to(x.device)
    columns = edge_places(width, radius, radius, mirror=True).to(x.device)
    wide = x.index_select(1, rows).index_select(2, columns)
    windows = wide.unfold(1, side, 1).unfold(2, side, 1)  # [B, H, W, C, side, side], no copy
    step = max(1, _MOST // (count * width * channels * side * side))
    parts = [
        windows[:, top : top + step].flatten(-2).median(-1).values for top in range(0, height, step)
    ]
    return torch.cat(parts, 1)


def _dilated(x: torch.Tensor, radius: int, shape: str) -> torch.Tensor:
    count, _, _, channels = x.shape
    planes = x.movedim(-1, 1).flatten(0, 1)  # [B * C, H, W]
    return grown(planes, radius, shape).unflatten(0, (count, channels)).movedim(1, -1)


def _opened(x: torch.Tensor, radius: int, shape: str) -> torch.Tensor:
    return _dilated(_dilated(x, -radius, shape), radius, shape)


def _closed(x: torch.Tensor, radius: int, shape: str) -> torch.Tensor:
    return _dilated(_dilated(x, radius, shape), -radius, shape)


MORPHOLOGY: dict[str, Callable[[torch.Tensor, int, str], torch.Tensor]] = {
    "dilate": _dilated,
    "erode": lambda x, radius, shape: _dilated(x, -radius, shape),
    "open": _opened,
    "close": _closed,
    "gradient": lambda x, r, s: _dilated(x, r, s) - _dilated(x, -r, s),
    "top_hat": lambda x, r, s: x - _opened(x, r, s),
    "bottom_hat": lambda x, r, s: _closed(x, r, s) - x,
}
