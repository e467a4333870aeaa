"""Pictures through a network one at a time, whole or in tiles that fade into each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import torch

Progress = Callable[[int, int], object]
Part = Callable[[torch.Tensor], torch.Tensor]
Span = tuple[int, int]
Window = tuple[Any, ...]


@dataclass(frozen=True)
class Tiling:
    """Squares of `tile` places that overlap by at least `overlap` of them."""

    tile: int
    overlap: int


def one_by_one(
    through: Part,
    source: torch.Tensor,
    tiling: Tiling | None,
    shrink: int,
    grow: int,
    progress: Progress | None,
) -> torch.Tensor:
    """Each picture through the network: whole, or in tiles where it is larger than one.

    A latent pixel is `shrink` pixels of the source and `grow` of the result. Tiles are added to the
    result as they come: beside it there are one weight for each of its places, and one tile.
    """
    down, across = (spans(side // shrink, tiling) for side in source.shape[-2:])
    windows = [
        (..., _scaled(rows, shrink), _scaled(columns, shrink))
        for rows, columns in product(down, across)
    ]
    parts = _answers(through, source, windows, progress)
    if len(windows) == 1:
        answers = list(parts)
        return answers[0] if len(answers) == 1 else torch.cat(answers)
    first = next(parts)
    height, width = down[-1][1] * grow, across[-1][1] * grow
    # Channels last, which is how pictures are kept in the end: no copy of all of it is needed then.
    whole = first.new_zeros(len(source), height, width, first.shape[1]).movedim(3, 1)
    parts = _again(first, parts)
    del first
    for picture in whole.split(1):
        _add_up(islice(parts, len(windows)), down, across, grow, picture)
    return whole


def _answers(
    through: Part, source: torch.Tensor, windows: Sequence[Window], progress: Progress | None
) -> Iterator[torch.Tensor]:
    """The windows of each picture through the network, one after the other."""
    total = len(source) * len(windows)
    for done, (picture, window) in enumerate(product(source.split(1), windows), start=1):
        with torch.no_grad():
            part = through(picture[window])
        if progress:
            progress(done, total)
        yield part
        del part  # not to be held while the next one is made


def _again(first: torch.Tensor, rest: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    """What was taken to look at, before the rest."""
    yield first
    del first
    yield from rest


def spans(length: int, tiling: Tiling | None) -> list[Span]:
    """Where tiles start and end along one side: evenly spread, from edge to edge."""
    if tiling is None or length <= tiling.tile:
        return [(0, length)]
    count = math.ceil((length - tiling.overlap) / (tiling.tile - tiling.overlap))
    starts = [round((length - tiling.tile) * k / (count - 1)) for k in range(count)]
    return [(start, start + tiling.tile) for start in starts]


def _scaled(span: Span, scale: int) -> slice:
    return slice(span[0] * scale, span[1] * scale)


def join(
    parts: Sequence[torch.Tensor], down: Sequence[Span], across: Sequence[Span], grow: int
) -> torch.Tensor:
    """Tiles laid over each other: a mean, in which a tile counts less towards its edges."""
    height, width = down[-1][1] * grow, across[-1][1] * grow
    total = parts[0].new_zeros(*parts[0].shape[:2], height, width)
    _add_up(parts, down, across, grow, total)
    return total


def _add_up(
    parts: Iterable[torch.Tensor],
    down: Sequence[Span],
    across: Sequence[Span],
    grow: int,
    total: torch.Tensor,
) -> None:
    """Lay tiles over each other into `total`, zeros [B, C, H, W], each as it comes."""
    weights = total.new_zeros(1, 1, *total.shape[2:])
    places = product(
        zip(down, _ramps(down, grow), strict=True), zip(across, _ramps(across, grow), strict=True)
    )
    for part, ((rows, falling), (columns, rising)) in zip(parts, places, strict=True):
        weight = torch.outer(falling, rising).to(total)
        window = (..., _scaled(rows, grow), _scaled(columns, grow))
        total[window] += part * weight
        weights[window] += weight
    total /= weights


def _ramps(along: Sequence[Span], grow: int) -> list[torch.Tensor]:
    """Each tile's weights along one side: 1, and a line down to 0 where it overlaps a neighbour."""
    ramps = []
    for k, (start, end) in enumerate(along):
        weights = torch.ones((end - start) * grow)
        if k > 0:
            weights *= ramp(len(weights), (along[k - 1][1] - start) * grow)
        if k + 1 < len(along):
            weights *= ramp(len(weights), (end - along[k + 1][0]) * grow).flip(0)
        ramps.append(weights)
    return ramps


def ramp(length: int, rise: int) -> torch.Tensor:
    """A line from 0 to 1 over the first `rise` places, read at their middles, then 1."""
    return ((torch.arange(length) + 0.5) / max(rise, 0.5)).clamp(max=1)
