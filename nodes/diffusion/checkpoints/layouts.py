"""One layout of names turned into another by a table: helpers for families' modules. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.diffusion.checkpoints.families import Shapes, Source


@dataclass(frozen=True)
class Split:
    """A joint tensor, cut along its first side: new names, each with its number of equal shares."""

    shares: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Swapped:
    """A tensor whose two halves are the other way round: shift and scale, scale and shift."""

    name: str


Table = Mapping[str, "str | Split | Swapped"]
"""Old name → new, `#` standing for a block's number, with or without the last word (`weight`)."""


@dataclass(frozen=True)
class Laid:
    """Where each parameter comes from, and its shape."""

    sources: dict[str, Source]
    shapes: dict[str, tuple[int, ...]]
    unread: frozenset[str] = frozenset()


def split(base: str, *names: str) -> Split:
    """Equal parts: queries, keys and values."""
    return Split(tuple((f"{base}.{name}", 1) for name in names))


def lay(shapes: Shapes, table: Table, rows: tuple[str, ...], unread: frozenset[str]) -> Laid:
    """Every tensor under its new names.

    `rows` are what blocks are called (`double_blocks`). What the table does not know keeps its
    name, and is reported when a network has no place for it; `unread` is left out.
    """
    block = re.compile(rf"^({'|'.join(map(re.escape, rows))})\.(\d+)\.")
    laid = Laid({}, {}, unread & shapes.keys())
    for name in shapes.keys() - unread:
        match = block.match(name)
        number = match[2] if match else ""
        key = f"{match[1]}.#.{name[match.end() :]}" if match else name
        target, last = table.get(key), ""
        if target is None:
            stem, _, word = key.rpartition(".")
            target, last = table.get(stem), f".{word}"
        for new, source, shape in _parts(name, shapes[name], target or key, last):
            new = new.replace("#", number)
            laid.sources[new] = source
            laid.shapes[new] = shape
    return laid


def as_it_is(shapes: Shapes) -> Laid:
    """Tensors that have their parameters' own names."""
    return Laid({name: Source((name,)) for name in shapes}, dict(shapes))


def count(shapes: Shapes, row: str) -> int:
    """How many blocks a row has: the highest number and one."""
    start = row + "."
    numbers = [int(n[len(start) :].partition(".")[0]) for n in shapes if n.startswith(start)]
    return max(numbers, default=-1) + 1


def swap_halves(tensor: Any) -> Any:
    """A tensor with its second half first, along the first side."""
    return tensor.roll(len(tensor) // 2, 0)


def rows_of(first: int, last: int, of: int) -> Callable[[Any], Any]:
    """The shares `first` to `last` of `of` equal ones along the first side."""

    def change(tensor: Any) -> Any:
        share = len(tensor) // of
        return tensor[first * share : last * share]

    return change


def _parts(
    name: str, shape: tuple[int, ...], target: str | Split | Swapped, last: str
) -> list[tuple[str, Source, tuple[int, ...]]]:
    if isinstance(target, str):
        return [(target + (last if not target.endswith(last) else ""), Source((name,)), shape)]
    if isinstance(target, Swapped):
        return [(target.name + last, Source((name,), swap_halves), shape)]
    total, at, found = sum(share for _, share in target.shares), 0, []
    for new, share in target.shares:
        source = Source((name,), rows_of(at, at + share, total))
        found.append((new + last, source, (shape[0] // total * share, *shape[1:])))
        at += share
    return found
