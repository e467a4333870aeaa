"""Lists of anything: made, counted, picked from, cut and joined. Imports no torch."""

from __future__ import annotations

import builtins
import math
import re
from typing import Annotated, TypeVar

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Text

T = TypeVar("T")
_MOST = 100_000  # elements that a list made from numbers may have: a typing error asks for more


@node("list.make")
def make(items: list[T]) -> list[T]:
    """Gather several wires of one type into one list, in their order."""
    return builtins.list(items)


@node("list.length")
def length(items: list[T]) -> int:
    """Count the elements of a list."""
    return len(items)


@node("list.choose")
def choose(items: list[T], index: int = 0) -> T:
    """Take one element out of a list, counted from 0; -1 is the last."""
    count = len(items)
    if not -count <= index < count:
        expected = f"{-count}..{count - 1}, as there are {count}" if count else "no empty list"
        raise InputError("index", str(index), expected)
    return items[index]


@node("list.slice")
def slice(
    items: list[T], start: int | None = None, stop: int | None = None, step: int = 1
) -> list[T]:
    """Take a part of a list, as Python's items[start:stop:step].

    Negative places count from the end, what lies beyond an end is left out, and an end that is not
    given is the list's own. A negative step walks backwards.
    """
    if step == 0:
        raise InputError("step", "0", "another number", "1 takes every element")
    return items[start:stop:step]


@node("list.concat")
def concat(first: list[T], second: list[T]) -> list[T]:
    """Put one list behind another."""
    return [*first, *second]


@node("list.append")
def append(items: list[T], item: T) -> list[T]:
    """Put one element at the end of a list."""
    return [*items, item]


@node("list.repeat")
def repeat(items: list[T], times: Annotated[int, Number(0, 100_000)] = 2) -> list[T]:
    """Repeat a list as a whole: [a, b] twice is [a, b, a, b]."""
    if times < 0 or len(items) * times > _MOST:
        got = f"{times} times {len(items)} elements"
        raise InputError("times", got, f"0 and up, and at most {_MOST} elements in all")
    return items * times


@node("list.stretch")
def stretch(items: list[T], times: Annotated[int, Number(0, 100_000)] = 2) -> list[T]:
    """Repeat each element of a list: [a, b] twice is [a, a, b, b].

    With `list.repeat` for another list, all pairs of two lists: their grid.
    """
    if times < 0 or len(items) * times > _MOST:
        got = f"{times} times {len(items)} elements"
        raise InputError("times", got, f"0 and up, and at most {_MOST} elements in all")
    return [item for item in items for _ in builtins.range(times)]


@node("list.reverse")
def reverse(items: list[T]) -> list[T]:
    """Turn a list round: the last element comes first."""
    return items[::-1]


@node("list.range")
def range(start: int = 0, stop: int = 10, step: int = 1) -> list[int]:
    """Count from `start` up to but without `stop`, by `step`, as Python's range."""
    if step == 0:
        raise InputError("step", "0", "another number", "1 counts up, -1 down")
    count = -(-(stop - start) // step)  # rounded up; len() of a huge range overflows
    if count > _MOST:
        raise InputError("stop", f"{count} numbers", f"at most {_MOST}", "a larger step?")
    return builtins.list(builtins.range(start, stop, step))


@node("list.linspace")
def linspace(
    start: float = 0.0, stop: float = 1.0, count: Annotated[int, Number(0, 100_000)] = 5
) -> list[float]:
    """Spread numbers evenly from `start` to `stop`, both included.

    Element k is start (1 - s) + stop s with s = k / (count - 1); of one number, `start`.
    """
    if not 0 <= count <= _MOST:
        raise InputError("count", str(count), f"0..{_MOST}")
    last = max(count - 1, 1)
    return [start * (1 - k / last) + stop * (k / last) for k in builtins.range(count)]


@node("list.numbers_from_text")
def numbers_from_text(text: Annotated[str, Text(placeholder="1, 2.5, 4")] = "") -> list[float]:
    """Read numbers from a text, parted by commas, semicolons or spaces: `1, 2.5, 4`."""
    numbers = []
    for k, piece in enumerate(p for p in re.split(r"[,;\s]+", text) if p):
        try:
            number = float(piece)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError("text", f"{piece!r} at place {k}", "a number such as 2.5")
        numbers.append(number)
    return numbers


@node("list.integers_from_text")
def integers_from_text(text: Annotated[str, Text(placeholder="1, 2, 4")] = "") -> list[int]:
    """Read whole numbers from a text, parted by commas, semicolons or spaces: `1, 2, 4`."""
    numbers = []
    for k, piece in enumerate(p for p in re.split(r"[,;\s]+", text) if p):
        if not re.fullmatch(r"[+-]?[0-9]{1,19}", piece):
            raise InputError("text", f"{piece!r} at place {k}", "a whole number such as 20")
        numbers.append(int(piece))
    return numbers
