"""Generic nodes that steer what goes on: switch, pass through, wait, require. Imports no torch.

Loops and graphs used as nodes (`flow.loop`, `flow.map`, `flow.graph`) belong to the engine.
"""

from __future__ import annotations

from typing import TypeVar

from nodeflow.errors import InputError
from nodeflow.node import node

T = TypeVar("T")
Other = TypeVar("Other")


@node("flow.pass_through")
def pass_through(value: T) -> T:
    """Give on what comes in, unchanged: a place to tie wires together."""
    return value


def _side(condition: bool) -> str:
    return "if_true" if condition else "if_false"


@node("flow.switch", chooses=_side)
def switch(condition: bool, if_true: T, if_false: T) -> T:
    """Give on one of two values of one type, as the condition says; the other is not computed."""
    return if_true if condition else if_false


@node("flow.after")
def after(value: T, wait_for: Other) -> T:
    """Give a value on only once something else is finished, which is not looked at."""
    return value


@node("flow.require")
def require(value: T, condition: bool, message: str = "the condition does not hold") -> T:
    """Give a value on if the condition holds, and stop the run with the message if it does not."""
    if not condition:
        raise InputError("condition", "no", "yes", message)
    return value
