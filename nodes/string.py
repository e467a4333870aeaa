"""Texts: joined, filled in, split, and made from numbers and back. Imports no torch."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
from collections.abc import Mapping
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Seed, Text, TextArea

Plain = str | int | float | bool
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}|[{}]")
# Fill and align, sign, zero, width, thousands, precision, kind; small enough to stay harmless.
_FORMAT = re.compile(r"(?:[ _*.0-]?[<>^])?[+ ]?0?[0-9]{0,2}[,_]?(?:\.[0-9]{1,2})?[dfeEgGsxX%]?")


@node("string.join")
def join(texts: list[str], separator: str = ", ") -> str:
    """Join texts into one, with a separator between any two."""
    return separator.join(texts)


@node("string.template")
def template(
    template: Annotated[str, TextArea()] = "{a}, {b}",
    a: Plain = "",
    b: Plain = "",
    c: Plain = "",
    d: Plain = "",
) -> str:
    """Fill a, b, c and d into a text: `{a} in {b:.2f}`.

    After a colon, a format as Python's (`{a:.2f}`, `{b:03}`); `{{` and `}}` are braces themselves.
    Only these names are filled in, and nothing is looked up inside of them.
    """
    return _filled(template, {"a": a, "b": b, "c": c, "d": d})


@node("string.fill")
def fill(template: Annotated[str, TextArea()], names: list[str], values: list[str]) -> str:
    """Fill named texts into a text: `{animal} in {place}`; one value for each name.

    Written as in `string.template`.
    """
    if len(names) != len(values):
        raise InputError("values", f"{len(values)} values", f"{len(names)}, one for each name")
    return _filled(template, dict(zip(names, values, strict=True)))


def _filled(template: str, values: Mapping[str, Plain]) -> str:
    def field(found: re.Match[str]) -> str:
        whole = found[0]
        if whole in ("{{", "}}"):
            return whole[0]
        if found[1] is None:
            hint = "write {{ or }} for a brace itself"
            got = f"{whole!r} alone, character {found.start() + 1}"
            raise InputError("template", got, "{name}", hint)
        if found[1] not in values:
            near = difflib.get_close_matches(found[1], values, n=1)
            hint = f"did you mean {{{near[0]}}}?" if near else ""
            raise InputError("template", whole, f"one of {', '.join(values)} in braces", hint)
        return _formatted(values[found[1]], found[2] or "", "template")

    return _FIELD.sub(field, template)


def _formatted(value: Plain, spec: str, port: str) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, float) and not spec:
        return _shortest(value)
    if not _FORMAT.fullmatch(spec):
        raise InputError(port, f"format {spec!r}", "a format such as .2f, 03 or >8")
    try:
        return format(value, spec)
    except ValueError as error:
        got = f"format {spec!r} for {value!r}: {error}"
        raise InputError(port, got, "one that fits") from error


def _shortest(value: float) -> str:
    """The shortest text that reads back as this number; 7.0 is `7`."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


@node("string.replace")
def replace(text: Annotated[str, TextArea()], old: str, new: str = "") -> str:
    """Replace every occurrence of one text by another; upper and lower case are told apart."""
    if not old:
        raise InputError("old", "an empty text", "the text that is to be replaced")
    return text.replace(old, new)


@node("string.upper")
def upper(text: str) -> str:
    """Write a text in capital letters."""
    return text.upper()


@node("string.lower")
def lower(text: str) -> str:
    """Write a text in small letters."""
    return text.lower()


@node("string.strip")
def strip(text: str) -> str:
    """Cut spaces and empty lines off both ends of a text."""
    return text.strip()


@node("string.lines")
def lines(text: Annotated[str, TextArea()] = "") -> list[str]:
    """Split a text into its lines, trimmed; empty ones are left out."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@node("string.split")
def split(text: str, separator: str = ",") -> list[str]:
    """Split a text at each separator, the pieces trimmed; empty ones are kept."""
    if not separator:
        raise InputError("separator", "an empty text", "at least one character")
    return [piece.strip() for piece in text.split(separator)]


@node("string.contains")
def contains(text: str, part: str) -> bool:
    """Tell whether a text has another one in it; upper and lower case are told apart."""
    return part in text


@node("string.choose_by_seed")
def choose_by_seed(options: list[str], seed: Annotated[int, Seed()] = 0) -> str:
    """Choose one of several texts by a seed: the same seed always chooses the same.

    Index = (first 8 bytes of SHA-256 of the seed's decimal digits, big-endian) mod count, so that
    neighbouring seeds choose independently.
    """
    if not options:
        raise InputError("options", "an empty list", "at least one text")
    digest = hashlib.sha256(str(seed).encode()).digest()
    return options[int.from_bytes(digest[:8], "big") % len(options)]


@node("string.from_number")
def from_number(value: float = 0.0, format: Annotated[str, Text(placeholder=".2f")] = "") -> str:
    """Write a number as text, by a format as Python's (`.2f`), or as short as it can be."""
    return _formatted(float(value), format, "format")


@node("string.from_integer")
def from_integer(value: int = 0, digits: Annotated[int, Number(0, 30)] = 0) -> str:
    """Write a whole number as text, filled up with zeros to at least so many digits."""
    if not 0 <= digits <= 30:
        raise InputError("digits", str(digits), "0..30")
    return f"{'-' if value < 0 else ''}{abs(value):0{digits or 1}}"


@node("string.to_number")
def to_number(text: str) -> float:
    """Read a number from a text, such as `7.5`; anything else is an error."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("text", repr(text[:60]), "a number such as 7.5")
    return value


@node("string.to_integer")
def to_integer(text: str) -> int:
    """Read a whole number from a text, such as `20`; anything else is an error."""
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,19}\s*", text):
        raise InputError("text", repr(text[:60]), "a whole number such as 20")
    return int(text)
