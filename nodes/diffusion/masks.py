"""Arithmetic on masks [B, H, W] in 0..1: drawn shapes, and grey morphology."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

# Rec. ITU-R BT.709: how much of what the eye takes for brightness each channel gives.
LUMA = (0.2126, 0.7152, 0.0722)

COMBINE: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": lambda a, b: (a + b).clamp(max=1),
    "subtract": lambda a, b: (a - b).clamp(min=0),
    "multiply": lambda a, b: a * b,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "difference": lambda a, b: (a - b).abs(),
}


def dilated_square(x: torch.Tensor, radius: int) -> torch.Tensor:
    """The largest value within `radius` pixels along each axis, [B, H, W]; nothing lies outside."""
    across = _row_maximum(_row_tables(x, radius), radius, radius, x.shape[2])
    turned = across.transpose(1, 2)  # [B, W, H]
    down = _row_maximum(_row_tables(turned, radius), radius, radius, x.shape[1])
    return down.transpose(1, 2).contiguous()


def dilated_disc(x: torch.Tensor, radius: int) -> torch.Tensor:
    """The largest value within a Euclidean distance of `radius` pixels, [B, H, W].

    Row `shift` of a disc reaches sqrt(radius^2 - shift^2) to each side.
    """
    return _dilated(x, radius, lambda shift: math.isqrt(radius * radius - shift * shift))


def dilated_diamond(x: torch.Tensor, radius: int) -> torch.Tensor:
    """The largest value within `radius` steps along the axes, [B, H, W]."""
    return _dilated(x, radius, lambda shift: radius - abs(shift))


def _dilated(x: torch.Tensor, radius: int, reach_of: Callable[[int], int]) -> torch.Tensor:
    """The largest value within a shape that is a pile of rows, by how far each reaches."""
    _, height, width = x.shape
    tables = _row_tables(x, radius)
    result = torch.zeros_like(x)
    for shift in range(-min(radius, height - 1), min(radius, height - 1) + 1):
        row = _row_maximum(tables, radius, reach_of(shift), width)
        source = row[:, max(0, -shift) : height - max(0, shift)]
        target = result[:, max(0, shift) : height - max(0, -shift)]
        target.copy_(torch.maximum(target, source))
    return result


def _row_tables(x: torch.Tensor, radius: int) -> list[torch.Tensor]:
    """Table j holds the largest of each 2^j neighbours in a row, `radius` zeros on either side.

    Any window is the union of two of them, so that a wide one costs no more than a narrow one.
    """
    tables = [F.pad(x, (radius, radius))]
    while 2 ** len(tables) <= 2 * radius + 1:
        last, step = tables[-1], 2 ** (len(tables) - 1)
        tables.append(torch.maximum(last[..., :-step], last[..., step:]))
    return tables


def _row_maximum(tables: list[torch.Tensor], radius: int, reach: int, width: int) -> torch.Tensor:
    """The largest value within `reach` to either side in a row, [B, H, W]."""
    power = (2 * reach + 1).bit_length() - 1
    first = radius - reach
    second = radius + reach - 2**power + 1
    table = tables[power]
    return torch.maximum(table[..., first : first + width], table[..., second : second + width])


DILATE: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "disc": dilated_disc,
    "square": dilated_square,
    "diamond": dilated_diamond,
}


def grown(x: torch.Tensor, pixels: int, shape: str) -> torch.Tensor:
    """Dilation by `pixels`; where negative, erosion, which is the dilation of what is not."""
    if pixels >= 0:
        return DILATE[shape](x, pixels)
    return 1 - DILATE[shape](1 - x, -pixels)


def rectangle(
    height: int, width: int, left: float, top: float, right: float, bottom: float
) -> torch.Tensor:
    """How much of each pixel the rectangle covers, exactly; [1, height, width]."""
    across = _overlap(width, left, right)
    down = _overlap(height, top, bottom)
    return (down[:, None] * across[None, :]).unsqueeze(0).float()


def _overlap(size: int, start: float, end: float) -> torch.Tensor:
    """Length of [start, end] within each pixel [k, k + 1]."""
    edges = torch.arange(size + 1, dtype=torch.float64).clamp(min(start, end), max(start, end))
    return edges.diff()


def ellipse(
    height: int, width: int, left: float, top: float, right: float, bottom: float
) -> torch.Tensor:
    """The ellipse in a box, its edge one pixel soft; [1, height, width].

    Coverage is 0.5 - d, clamped, with d the distance in pixels to first order: for p relative to
    the centre and radii r, k0 = |p / r|, k1 = |p / r^2|, d = k0 * (k0 - 1) / k1.
    """
    radii = max(abs(right - left) / 2, 1e-6), max(abs(bottom - top) / 2, 1e-6)
    x = torch.arange(width, dtype=torch.float64) + 0.5 - (left + right) / 2  # [W]
    y = (torch.arange(height, dtype=torch.float64) + 0.5 - (top + bottom) / 2)[:, None]  # [H, 1]
    k0 = torch.hypot(x / radii[0], y / radii[1])
    k1 = torch.hypot(x / radii[0] ** 2, y / radii[1] ** 2)
    distance = torch.where(k1 > 0, k0 * (k0 - 1) / k1.clamp(min=1e-30), -min(radii))
    return (0.5 - distance).clamp(0, 1).unsqueeze(0).float()


def ramp(height: int, width: int, degrees: float) -> torch.Tensor:
    """From 0 to 1 across the picture along a direction, [1, height, width].

    0 degrees runs to the right, 90 down. The outermost pixel centres are exactly 0 and 1.
    """
    angle = math.radians(degrees % 360)
    across, down = round(math.cos(angle), 12), round(math.sin(angle), 12)
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    y = (torch.arange(height, dtype=torch.float64) - (height - 1) / 2)[:, None]
    length = abs(across) * (width - 1) + abs(down) * (height - 1)
    along = (across * x + down * y) / length if length else torch.zeros(height, width)
    return (along + 0.5).clamp(0, 1).unsqueeze(0).float()


def widened(
    height: int, width: int, borders: tuple[int, int, int, int], feather: int
) -> torch.Tensor:
    """1 on the new borders (left, top, right, bottom) of a picture, fading over `feather` pixels.

    [1, top + height + bottom, left + width + right]. A pixel whose centre lies d inside the old
    picture, seen from a side that was widened, has 1 - d / feather; the nearest side counts.
    """
    left, top, right, bottom = borders
    across = _nearness(width, left, right, feather)  # [W]
    down = _nearness(height, top, bottom, feather)  # [H]
    return torch.maximum(across[None, :], down[:, None]).unsqueeze(0).float()


def _nearness(size: int, before: int, after: int, feather: int) -> torch.Tensor:
    places = torch.arange(-before, size + after, dtype=torch.float64) + 0.5
    inside = torch.full_like(places, float("inf"))
    if before:
        inside = torch.minimum(inside, places)
    if after:
        inside = torch.minimum(inside, size - places)
    if feather == 0:
        return (inside < 0).double()
    return (1 - inside / feather).clamp(0, 1)
