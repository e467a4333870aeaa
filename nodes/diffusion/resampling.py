"""Resampling and blurring along one axis: each output element is a weighted sum of a few inputs.

Written out instead of `interpolate(antialias=True)`: one code for every filter and device (that
operator is missing on some), equal to Pillow's `resize` on float pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch

Kernel = Callable[[torch.Tensor], torch.Tensor]
Taps = tuple[torch.Tensor, torch.Tensor]  # indices int64 [out, taps], weights float32 [out, taps]


def _box(x: torch.Tensor) -> torch.Tensor:
    return ((x > -0.5) & (x <= 0.5)).to(x.dtype)


def _triangle(x: torch.Tensor) -> torch.Tensor:
    return (1 - x.abs()).clamp(min=0)


def _hamming(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.abs() < 1, torch.sinc(x) * (0.54 + 0.46 * torch.cos(math.pi * x)), 0.0)


def _cubic(x: torch.Tensor) -> torch.Tensor:
    """Keys 1981, "Cubic convolution interpolation for digital image processing", a = -0.5."""
    a, x = -0.5, x.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))


def _lanczos(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x.abs() < 3, torch.sinc(x) * torch.sinc(x / 3), 0.0)


def _magic_2013(x: torch.Tensor) -> torch.Tensor:
    """Costella 2013, "The magic kernel sharp": a quadratic B-spline, sharpened by three taps."""
    x = x.abs()
    near = 17 / 16 - 7 / 4 * x * x
    middle = (4 * x * x - 11 * x + 7) / 4
    far = -((x - 2.5) ** 2) / 8
    return torch.where(x < 0.5, near, torch.where(x < 1.5, middle, torch.where(x < 2.5, far, 0.0)))


def _magic_2021(x: torch.Tensor) -> torch.Tensor:
    """Costella 2021, "Solving the mystery of Magic Kernel Sharp": sharpened by seven taps."""
    x = x.abs()
    pieces = (
        (0.5, 577 / 576 - 239 / 144 * x * x),
        (1.5, (140 * x * x - 379 * x + 239) / 144),
        (2.5, -(24 * x * x - 113 * x + 130) / 144),
        (3.5, (4 * x * x - 27 * x + 45) / 144),
        (4.5, -((2 * x - 9) ** 2) / 1152),
    )
    result = torch.zeros_like(x)
    for end, piece in reversed(pieces):
        result = torch.where(x < end, piece, result)
    return result


def _filtered(support: float, kernel: Kernel, size: int, target: int) -> Taps:
    """What each of `target` elements reads of `size`; the kernel widens where it shrinks."""
    scale = size / target
    stretch = max(scale, 1.0)
    reach = support * stretch
    centre = (torch.arange(target, dtype=torch.float64) + 0.5) * scale  # [out]
    first = (centre - reach + 0.5).floor()
    places = first[:, None] + torch.arange(math.ceil(2 * reach) + 1)  # [out, taps]
    weights = kernel((places + 0.5 - centre[:, None]) / stretch)
    weights = torch.where((places >= 0) & (places < size), weights, 0.0)
    weights = weights / weights.sum(1, keepdim=True)
    return places.clamp(0, size - 1).long(), weights.float()


def _nearest(size: int, target: int) -> Taps:
    # floor((k + 1/2) * size / target) in integers: floats would fall to either side of a whole one.
    places = (2 * torch.arange(target) + 1) * size // (2 * target)
    return places[:, None], torch.ones(target, 1)


FILTERS: dict[str, Callable[[int, int], Taps]] = {
    "nearest": _nearest,
    "area": partial(_filtered, 0.5, _box),
    "bilinear": partial(_filtered, 1.0, _triangle),
    "hamming": partial(_filtered, 1.0, _hamming),
    "bicubic": partial(_filtered, 2.0, _cubic),
    "lanczos": partial(_filtered, 3.0, _lanczos),
    "mks2013": partial(_filtered, 2.5, _magic_2013),
    "mks2021": partial(_filtered, 4.5, _magic_2021),
}


def resample(x: torch.Tensor, height: int, width: int, filter: str) -> torch.Tensor:
    """[B, H, W, ...] to [B, height, width, ...], antialiased; may overshoot 0..1 slightly."""
    taps = FILTERS[filter]
    if x.shape[2] != width:
        x = _weighted(x, 2, *taps(x.shape[2], width))
    if x.shape[1] != height:
        x = _weighted(x, 1, *taps(x.shape[1], height))
    return x


def gaussian_blur(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """[B, H, W, ...] blurred along H and W; `sigma` in pixels, cut at 3 sigma, edges mirrored."""
    if sigma <= 0:
        return x
    radius = math.ceil(3 * sigma)
    offsets = torch.arange(-radius, radius + 1)  # [taps]
    weights = torch.exp(-0.5 * (offsets.double() / sigma) ** 2)
    return convolved(x, offsets, (weights / weights.sum()).float(), (1, 2))


def box_blur(x: torch.Tensor, radius: int) -> torch.Tensor:
    """[B, H, W, ...]: the mean of the 2 radius + 1 neighbours along H, then W; edges mirrored."""
    offsets = torch.arange(-radius, radius + 1)
    return convolved(x, offsets, torch.full((len(offsets),), 1 / len(offsets)), (1, 2))


def convolved(
    x: torch.Tensor, offsets: torch.Tensor, weights: torch.Tensor, axes: Sequence[int]
) -> torch.Tensor:
    """Sum over taps of weights * x at each place + offset, along each axis; edges mirrored."""
    for axis in axes:
        size = x.shape[axis]
        places = _mirrored(torch.arange(size)[:, None] + offsets, size)  # [size, taps]
        x = _weighted(x, axis, places, weights.expand(size, -1))
    return x


def _mirrored(places: torch.Tensor, size: int) -> torch.Tensor:
    """Places beyond an edge, thrown back without repeating the edge: -1 is 1, size is size - 2."""
    if size == 1:
        return torch.zeros_like(places)
    period = 2 * (size - 1)
    folded = places.remainder(period)
    return torch.minimum(folded, period - folded)


def _weighted(
    x: torch.Tensor, axis: int, places: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Sum over taps of x[places] * weights along `axis`; tap by tap, to hold little memory."""
    shape = [1] * x.dim()
    shape[axis] = -1
    places, weights = places.to(x.device), weights.to(x.device)
    total = x.index_select(axis, places[:, 0]) * weights[:, 0].view(shape)
    for k in range(1, places.shape[1]):
        total = total + x.index_select(axis, places[:, k]) * weights[:, k].view(shape)
    return total
