"""Numbers made whole. Imports no torch."""

from __future__ import annotations

import math
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number


@node("rounding.nearest")
def nearest(value: float = 0.0) -> int:
    """Round to the nearest whole number; a half goes to the even one."""
    return round(_finite(value))


@node("rounding.floor")
def floor(value: float = 0.0) -> int:
    """Round down to a whole number."""
    return math.floor(_finite(value))


@node("rounding.ceil")
def ceil(value: float = 0.0) -> int:
    """Round up to a whole number."""
    return math.ceil(_finite(value))


@node("rounding.to_multiple")
def to_multiple(value: float = 512.0, multiple: Annotated[int, Number(1, 65536)] = 8) -> int:
    """Round to the nearest multiple of a number, as widths and heights need; a half goes up."""
    return math.floor(_finite(value) / multiple + 0.5) * multiple


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise InputError("value", str(value), "a finite number")
    return value
