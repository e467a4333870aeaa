"""Numbers: expressions and the plain operations. Imports no torch."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Expression, Slider


class Division(NamedTuple):
    quotient: int
    remainder: int


@node("math.expression")
def expression(
    expression: Annotated[str, Expression()] = "a + b",
    a: float = 0.0,
    b: float = 0.0,
    c: float = 0.0,
    d: float = 0.0,
) -> float:
    """Compute a number from an expression over a, b, c and d.

    + - * / // % **, comparisons, and, or, not, `x if y else z`, the functions min max abs round
    floor ceil sqrt exp log log2 log10 sin cos tan atan2 clamp, and pi and e. Nothing else: no text,
    no attributes. The result must be finite; a comparison gives 1 or 0.
    """
    from nodes.expressions import evaluate

    return float(evaluate(expression, {"a": a, "b": b, "c": c, "d": d}))


@node("math.integer_expression")
def integer_expression(
    expression: Annotated[str, Expression()] = "a + b",
    a: int = 0,
    b: int = 0,
    c: int = 0,
    d: int = 0,
) -> int:
    """Compute a whole number from an expression over whole numbers a, b, c and d.

    As `math.expression`; the result must be whole: use `//`, round, floor or ceil.
    """
    from nodes.expressions import evaluate

    value = evaluate(expression, {"a": a, "b": b, "c": c, "d": d})
    if value != int(value):
        got = f"{expression!r}, which is {value:g}"
        raise InputError("expression", got, "a whole number", "use //, round, floor or ceil")
    return int(value)


@node("math.condition")
def condition(
    expression: Annotated[str, Expression()] = "a > b",
    a: float = 0.0,
    b: float = 0.0,
    c: float = 0.0,
    d: float = 0.0,
) -> bool:
    """Decide by an expression over a, b, c and d: a comparison, or several with and, or, not.

    As `math.expression`; a result that is a number is refused, as it decides nothing.
    """
    from nodes.expressions import evaluate

    value = evaluate(expression, {"a": a, "b": b, "c": c, "d": d})
    if not isinstance(value, bool):
        got = f"{expression!r}, which is {value:g}"
        raise InputError("expression", got, "yes or no", "compare it, for example a > 0")
    return value


@node("math.add")
def add(a: float = 0.0, b: float = 0.0) -> float:
    """Add two numbers: a + b."""
    return a + b


@node("math.subtract")
def subtract(a: float = 0.0, b: float = 0.0) -> float:
    """Subtract the second number from the first: a - b."""
    return a - b


@node("math.multiply")
def multiply(a: float = 1.0, b: float = 1.0) -> float:
    """Multiply two numbers: a * b."""
    return a * b


@node("math.divide")
def divide(a: float = 1.0, b: float = 1.0) -> float:
    """Divide the first number by the second: a / b. Division by 0 is an error."""
    if b == 0:
        raise InputError("b", "0", "another number", "nothing can be divided by 0")
    return a / b


@node("math.divide_whole")
def divide_whole(a: int = 1, b: int = 1) -> Division:
    """Divide whole numbers, rounded down, and give the remainder: a = quotient * b + remainder.

    The remainder has the sign of b, as in Python.
    """
    if b == 0:
        raise InputError("b", "0", "another number", "nothing can be divided by 0")
    return Division(*divmod(a, b))


@node("math.minimum")
def minimum(values: list[float]) -> float:
    """Take the smallest of several numbers."""
    if not values:
        raise InputError("values", "an empty list", "at least one number")
    return min(values)


@node("math.maximum")
def maximum(values: list[float]) -> float:
    """Take the largest of several numbers."""
    if not values:
        raise InputError("values", "an empty list", "at least one number")
    return max(values)


@node("math.mean")
def mean(values: list[float]) -> float:
    """Take the mean of several numbers: their sum over their count."""
    if not values:
        raise InputError("values", "an empty list", "at least one number")
    return math.fsum(values) / len(values)


@node("math.clamp")
def clamp(value: float = 0.0, low: float = 0.0, high: float = 1.0) -> float:
    """Keep a number between two ends: what is beyond an end becomes that end."""
    if low > high:
        raise InputError("low", f"{low:g} above high {high:g}", "low at most high", "swap them")
    return min(max(value, low), high)


@node("math.interpolate")
def interpolate(
    start: float = 0.0,
    end: float = 1.0,
    amount: Annotated[float, Slider(0, 1, step=0.01)] = 0.5,
) -> float:
    """Go part of the way from one number to another: start (1 - amount) + end amount."""
    return start * (1 - amount) + end * amount
