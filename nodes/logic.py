"""Yes and no: numbers compared, and answers combined. Imports no torch."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Number

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


@node("logic.compare")
def compare(
    a: float = 0.0,
    b: float = 0.0,
    comparison: Annotated[str, Choice("<", "<=", "==", "!=", ">=", ">")] = "<",
) -> bool:
    """Compare two numbers, exactly: a < b, and so on."""
    return _COMPARISONS[comparison](a, b)


@node("logic.near")
def near(a: float = 0.0, b: float = 0.0, tolerance: Annotated[float, Number(0)] = 1e-6) -> bool:
    """Tell whether two numbers are the same up to a tolerance: |a - b| <= tolerance."""
    return abs(a - b) <= tolerance


@node("logic.both", title="And (both)")
def both(a: bool = False, b: bool = False) -> bool:
    """Tell whether both are true: a and b."""
    return a and b


@node("logic.either", title="Or (either)")
def either(a: bool = False, b: bool = False) -> bool:
    """Tell whether one or the other is true, or both: a or b."""
    return a or b


@node("logic.differ", title="Xor (one of two)")
def differ(a: bool = False, b: bool = False) -> bool:
    """Tell whether exactly one of the two is true: a xor b."""
    return a != b


@node("logic.opposite", title="Not (opposite)")
def opposite(value: bool = False) -> bool:
    """Turn yes into no and no into yes: not value."""
    return not value
