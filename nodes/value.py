"""Constants: one value that several nodes read, and a graph's own inputs. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Colour, Seed, TextArea


@node("value.number")
def number(value: float = 0.0) -> float:
    """Give a number."""
    return value


@node("value.integer")
def integer(value: int = 0) -> int:
    """Give a whole number."""
    return value


@node("value.text")
def text(value: Annotated[str, TextArea()] = "") -> str:
    """Give a text of one line or several."""
    return value


@node("value.boolean")
def boolean(value: bool = False) -> bool:
    """Give yes or no."""
    return value


@node("value.seed")
def seed(value: Annotated[int, Seed()] = 0) -> int:
    """Give a seed, 0..2^63 - 1, that several nodes can share."""
    return value


@node("value.colour")
def colour(value: Annotated[str, Colour()] = "#808080") -> str:
    """Give a colour as `#rrggbb`."""
    return value


@node("value.numbers")
def numbers(values: list[float]) -> list[float]:
    """Give a list of numbers, for example to sweep over."""
    return values


@node("value.integers")
def integers(values: list[int]) -> list[int]:
    """Give a list of whole numbers, for example to sweep over."""
    return values


@node("value.texts")
def texts(values: list[str]) -> list[str]:
    """Give a list of texts, for example prompts to sweep over."""
    return values
