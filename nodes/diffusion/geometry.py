"""Pictures turned by any angle: each new pixel is read where it was before.

Pictures are float32 [B, H, W, C] in 0..1. The weights are worked out here rather than by
`grid_sample`, whose cubic is sharper than that of `resampling`, and which some devices lack.
"""

from __future__ import annotations

import math

import torch

from nodes.diffusion.pixels import Colour, canvas, mixed, premultiplied, unpremultiplied

REACH = {"nearest": 0, "bilinear": 1, "bicubic": 2}
"""How many pixels on each side of a place a filter reads."""


def rotated(
    pixels: torch.Tensor, degrees: float, filter: str, expand: bool, colour: Colour
) -> torch.Tensor:
    """Turned clockwise about the centre, [B, H', W', C]; what was outside shows `colour`.

    `expand` makes the sheet large enough for every corner; else it keeps its size.
    """
    _, height, width, channels = pixels.shape
    angle = math.radians(degrees % 360)
    cos, sin = round(math.cos(angle), 12), round(math.sin(angle), 12)
    tall, wide = height, width
    if expand:
        wide = math.ceil(abs(width * cos) + abs(height * sin) - 1e-6)
        tall = math.ceil(abs(width * sin) + abs(height * cos) - 1e-6)
    x = torch.arange(wide, dtype=torch.float64) + 0.5 - wide / 2  # [W']
    y = (torch.arange(tall, dtype=torch.float64) + 0.5 - tall / 2)[:, None]  # [H', 1]
    across = cos * x + sin * y + width / 2 - 0.5  # the pixel that stood there, [H', W']
    down = -sin * x + cos * y + height / 2 - 0.5
    flat = premultiplied(pixels) if channels == 4 else pixels
    covered = torch.cat([flat, torch.ones_like(flat[..., :1])], -1)
    read = _sampled(covered, across, down, filter)
    share = read[..., -1:].clamp(0, 1)
    inside = read[..., :-1] / share.clamp(min=1e-6)  # the mean of what the picture covers
    inside = unpremultiplied(inside) if channels == 4 else inside.clamp(0, 1)
    return mixed(canvas(pixels, tall, wide, colour), inside, share)


def read_at(pixels: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """[B, H, W, C] read bilinearly at places [H', W'] within it, in pixels from the first one."""
    return _sampled(pixels, across, down, "bilinear").clamp(0, 1)


def _sampled(
    x: torch.Tensor, across: torch.Tensor, down: torch.Tensor, filter: str
) -> torch.Tensor:
    """[B, H, W, C] read at fractional places [H', W'], nothing lying outside."""
    count, height, width, channels = x.shape
    places = x.reshape(count, height * width, channels)
    columns, rows = _taps(across, filter), _taps(down, filter)
    total = x.new_zeros(count, across.numel(), channels)
    for row, row_weight in rows:
        for column, column_weight in columns:
            known = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            weight = torch.where(known, row_weight * column_weight, 0.0).float().flatten()
            read = places.index_select(1, index.flatten().to(x.device))
            total = total + read * weight.to(x.device)[None, :, None]
    return total.view(count, *across.shape, channels)


def _taps(place: torch.Tensor, filter: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The pixels that are read along one axis, each with its weight."""
    if filter == "nearest":
        return [((place + 0.5).floor().long(), torch.ones_like(place))]
    first, reach = place.floor(), REACH[filter]
    weigh = _triangle if filter == "bilinear" else _cubic
    offsets = range(1 - reach, reach + 1)
    return [((first + k).long(), weigh(first + k - place)) for k in offsets]


def _triangle(x: torch.Tensor) -> torch.Tensor:
    return (1 - x.abs()).clamp(min=0)


def _cubic(x: torch.Tensor) -> torch.Tensor:
    """Keys 1981 with a = -0.5, as in `resampling`."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0.0))
