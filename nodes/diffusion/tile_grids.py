"""A picture in tiles, as pictures of their own, and back."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import torch
from torch import Tensor

from nodes.diffusion.tiling import Span, Tiling, join, ramp, spans
from nodes.types import TileGrid


def grid(height: int, width: int, tile: int, overlap: int) -> TileGrid:
    """Tiles from edge to edge that overlap by at least `overlap`."""
    tiling = Tiling(tile, overlap)
    return TileGrid(tuple(spans(height, tiling)), tuple(spans(width, tiling)), height, width)


def between(found: TileGrid) -> TileGrid:
    """Tiles of the same size that lie half-way between those of a grid, over its seams."""
    return TileGrid(_half_way(found.rows), _half_way(found.columns), found.height, found.width)


def _half_way(along: Sequence[Span]) -> tuple[Span, ...]:
    if len(along) == 1:
        return tuple(along)
    size = along[0][1] - along[0][0]
    starts = [(first[0] + second[0]) // 2 for first, second in pairwise(along)]
    return tuple((start, start + size) for start in starts)


def cut(pixels: Tensor, found: TileGrid) -> list[Tensor]:
    """The tiles [B, h, w, C] of a picture, row by row."""
    return [pixels[:, a:b, c:d] for (a, b), (c, d) in product(found.rows, found.columns)]


def joined(tiles: Sequence[Tensor], found: TileGrid, scale: int) -> Tensor:
    """Tiles [B, scale h, scale w, C] as the picture of a grid that reaches all its edges."""
    parts = [tile.permute(0, 3, 1, 2) for tile in tiles]
    whole = join(parts, found.rows, found.columns, scale)
    return whole.permute(0, 2, 3, 1).contiguous()


def laid_over(tiles: Sequence[Tensor], found: TileGrid, original: Tensor) -> Tensor:
    """Tiles of a grid that does not reach the edges, over a picture [B, H, W, C] of the same size.

    Towards every edge of their common area they fade into the picture, over a quarter of a tile.
    """
    top, bottom = found.rows[0][0], found.rows[-1][1]
    left, right = found.columns[0][0], found.columns[-1][1]
    moved = TileGrid(
        tuple((a - top, b - top) for a, b in found.rows),
        tuple((c - left, d - left) for c, d in found.columns),
        bottom - top,
        right - left,
    )
    inner = joined(tiles, moved, 1)
    down = _fading(bottom - top, top > 0, bottom < found.height, found.rows[0])
    across = _fading(right - left, left > 0, right < found.width, found.columns[0])
    weight = torch.outer(down, across).to(original)[None, ..., None]
    whole = original.clone()
    part = whole[:, top:bottom, left:right]
    whole[:, top:bottom, left:right] = part + weight * (inner - part)
    return whole


def _fading(length: int, at_start: bool, at_end: bool, tile: Span) -> Tensor:
    reach = max((tile[1] - tile[0]) // 4, 1)
    line = torch.ones(length)
    if at_start:
        line *= ramp(length, reach)
    if at_end:
        line *= ramp(length, reach).flip(0)
    return line


def seams(found: TileGrid, width: int) -> Tensor:
    """1 within `width` / 2 pixels of where neighbouring tiles meet, 0 elsewhere; [1, H, W]."""
    down, across = (
        _near_seams(along, size, width)
        for along, size in ((found.rows, found.height), (found.columns, found.width))
    )
    return torch.maximum(down[:, None], across[None, :])[None]


def _near_seams(along: Sequence[Span], size: int, width: int) -> Tensor:
    line = torch.zeros(size)
    for first, second in pairwise(along):
        middle = (first[1] + second[0]) / 2
        line[max(round(middle - width / 2), 0) : round(middle + width / 2)] = 1
    return line
