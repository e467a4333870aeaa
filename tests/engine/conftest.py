"""A few node types of plain numbers and lists, enough to test the engine without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypeVar

import pytest

from nodeflow.context import RunContext
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry
from nodeflow.sockets import socket
from nodeflow.widgets import Choice, FilePath, Slider

T = TypeVar("T")
CALLS: list[str] = []
"""What the nodes below did, in order; cleared before each test."""


@socket("apple")
@dataclass(frozen=True)
class Apple:
    weight: int = 1


@socket("pear")
@dataclass(frozen=True)
class Pear:
    weight: int = 1


@socket("apple")
@dataclass(frozen=True)
class RedApple(Apple):
    pass


class Parts(NamedTuple):
    quotient: int
    remainder: int


def _did(name: str, value: Any) -> Any:
    CALLS.append(name)
    return value


@node("t.number")
def number(value: int = 1) -> int:
    """Give a number."""
    return _did(f"number {value}", value)


@node("t.add")
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return _did(f"add {a} {b}", a + b)


@node("t.scaled")
def scaled(value: int, by: Annotated[float, Slider(0, 10)] = 1.0) -> float:
    """Multiply a number by a number in 0..10."""
    return _did("scaled", value * by)


@node("t.divide")
def divide(a: int, b: int) -> Parts:
    """Divide a by b, with remainder."""
    return _did(f"divide {a} {b}", Parts(*divmod(a, b)))


@node("t.count")
def count(n: int = 3) -> list[int]:
    """Give 0..n-1."""
    return _did(f"count {n}", list(range(n)))


@node("t.numbers")
def numbers(values: list[int]) -> list[int]:
    """Give the numbers that are given."""
    return _did("numbers", list(values))


@node("t.total")
def total(values: list[int]) -> int:
    """Add up a list."""
    return _did("total", sum(values))


@node("t.choose")
def choose(which: bool, yes: T, no: T) -> T:
    """Give one of two."""
    return yes if which else no


def _side(which: bool) -> str:
    return "yes" if which else "no"


@node("t.switch", chooses=_side)
def switch(which: bool, yes: T, no: T) -> T:
    """Give one of two; the other is not computed."""
    return yes if which else no


@node("t.above")
def above(value: int, limit: int = 0) -> bool:
    """Tell whether a number is above a limit."""
    return bool(_did(f"above {value}", value > limit))


@node("t.first")
def first(values: list[T]) -> T:
    """Give the first of a list."""
    return values[0]


@node("t.apple")
def apple(weight: int = 1) -> Apple:
    """Grow an apple."""
    return _did("apple", Apple(weight))


@node("t.red_apple")
def red_apple() -> RedApple:
    """Grow a red apple."""
    return RedApple()


@node("t.graft")
def graft(apple: Apple) -> Pear:
    """Turn an apple into a pear."""
    return Pear(apple.weight)


@node("t.weigh")
def weigh(pear: Pear) -> int:
    """Weigh a pear."""
    return pear.weight


@node("t.fail")
def fail(value: int = 0) -> int:
    """Fail."""
    raise ValueError("this always fails")


@node("t.fail_at")
def fail_at(value: int, bad: int = 0) -> int:
    """Fail where value is bad, else pass on."""
    if value == bad:
        raise ValueError(f"{value} is bad")
    return _did(f"fail_at {value}", value)


@node("t.wrong")
def wrong(value: int = 0) -> int:
    """Promise a number and give text."""
    return "text"  # type: ignore[return-value]


@node("t.spoil")
def spoil(values: list[int]) -> int:
    """Change the list it was given."""
    values.append(1)
    return len(values)


@node("t.clock", volatile=True)
def clock() -> int:
    """Give the number of things that happened."""
    return _did("clock", len(CALLS))


@node("t.write", writes=True)
def write(value: int, ctx: RunContext) -> None:
    """Write a number somewhere."""
    CALLS.append(f"write {value}")


@node("t.read")
def read(path: Annotated[str, FilePath()]) -> str:
    """Read a text file."""
    CALLS.append("read")
    with open(path, encoding="utf-8") as file:
        return file.read()


@node("t.flavour")
def flavour(name: Annotated[str, Choice("sweet", "sour")] = "sweet") -> str:
    """Give a flavour."""
    return name


@node("t.slow")
def slow(ctx: RunContext, value: int = 0, steps: int = 3) -> int:
    """Go through some steps and tell."""
    for step in range(steps):
        ctx.progress(step + 1, steps)
    return _did("slow", value)


@pytest.fixture(autouse=True)
def _fresh_calls() -> None:
    CALLS.clear()


@pytest.fixture
def calls() -> list[str]:
    return CALLS


@pytest.fixture(scope="session")
def registry() -> Registry:
    found = Registry()
    for value in list(globals().values()):
        if isinstance(value, Callable) and hasattr(value, "__node__"):  # type: ignore[arg-type]
            found.add(definition_of(value))
    return found
