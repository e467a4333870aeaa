"""Arithmetic written as text, evaluated safely: helpers, no nodes.

The text is parsed, every piece of it is looked at before anything is computed, and only numbers,
the given names, operators and the functions below pass. The evaluation itself is simpleeval's.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from nodeflow.errors import InputError

Number = int | float
LONGEST = 1000  # characters; deep nesting is bounded with it
_MOST_BITS = 4096  # of a whole number: far beyond floats, far below what takes time

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e}


def _power(base: Number, exponent: Number) -> Number:
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent > 0
    if whole and int(base).bit_length() * exponent > _MOST_BITS:
        raise OverflowError("a power that is too large")
    result: Number = operator.pow(base, exponent)
    return result


def _round(value: Number, digits: Number = 0) -> float:
    if not -15 <= digits <= 15:
        raise ValueError(f"round to {digits} digits: -15 to 15 make sense")
    return round(float(value), int(digits))


def _clamp(value: Number, low: Number, high: Number) -> Number:
    if low > high:
        raise ValueError(f"clamp between {low:g} and {high:g}: the ends are swapped")
    return min(max(value, low), high)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "atan2": math.atan2,
    "clamp": _clamp,
}

OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

_STRUCTURE = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.And, ast.Or, ast.Load)


def evaluate(expression: str, names: Mapping[str, Number]) -> Number:
    """The value of an expression over `names`; True and False where it is a comparison.

    Raises:
        InputError: no expression, an unknown name (with the nearest one), anything but arithmetic,
            or a result that is no finite real number; says the column where it can.
    """
    from simpleeval import SimpleEval

    known = {**CONSTANTS, **names}
    tree = _parsed(expression)
    for piece in ast.walk(tree):
        _check(piece, expression, known)
    evaluator = SimpleEval(operators=dict(OPERATORS), functions=dict(FUNCTIONS), names=known)
    try:
        result = evaluator.eval(expression, previously_parsed=tree)
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        used = {piece.id for piece in ast.walk(tree) if isinstance(piece, ast.Name)}
        given = ", ".join(f"{name} = {names[name]:g}" for name in names if name in used)
        got = f"{expression!r}: {error}" + (f" (with {given})" if given else "")
        raise InputError("expression", got, "something that can be computed") from error
    return _finite(result, expression)


def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise InputError("expression", f"{len(expression)} characters", f"at most {LONGEST}")
    try:
        return ast.parse(" ".join(expression.splitlines()).strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = getattr(error, "offset", None)
        where = f" at column {place}" if place else " at its end"
        got = f"{expression!r}: {getattr(error, 'msg', error)}{where}"
        raise InputError("expression", got, "an expression, for example 2 * a + 1") from error


def _check(piece: ast.AST, expression: str, known: Mapping[str, Number]) -> None:
    if isinstance(piece, (*_STRUCTURE, *OPERATORS)):
        return
    if isinstance(piece, ast.Constant) and isinstance(piece.value, (int, float)):
        return
    if isinstance(piece, ast.Call) and isinstance(piece.func, ast.Name) and not piece.keywords:
        if piece.func.id not in FUNCTIONS:
            raise _unknown(piece.func, f"{piece.func.id}()", FUNCTIONS, expression)
        return
    if isinstance(piece, ast.Name):
        if piece.id not in known and piece.id not in FUNCTIONS:
            raise _unknown(piece, piece.id, known, expression)
        return
    found = f"{type(piece).__name__}{_column(piece)}"
    hint = "only + - * / // % **, comparisons, and, or, not, x if y else z and functions"
    raise InputError("expression", f"{expression!r} with {found}", "arithmetic", hint)


def _unknown(
    piece: ast.Name, name: str, known: Mapping[str, object], expression: str
) -> InputError:
    near = difflib.get_close_matches(piece.id, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else ""
    got = f"{expression!r} with unknown {name}{_column(piece)}"
    return InputError("expression", got, f"one of {', '.join(known)}", hint)


def _column(piece: ast.AST) -> str:
    """Where a piece begins, counted from 1."""
    place = getattr(piece, "col_offset", None)
    return "" if place is None else f" at column {place + 1}"


def _finite(result: object, expression: str) -> Number:
    try:
        if isinstance(result, (bool, int, float)) and math.isfinite(result):
            return result
    except OverflowError:  # a whole number beyond floats
        pass
    kind = "a number beyond all bounds" if isinstance(result, (int, float)) else f"{result!r}"
    raise InputError("expression", f"{expression!r}, which is {kind}", "a finite real number")
