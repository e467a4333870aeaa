"""What is wrong with a graph file's data, told by place and in the file's own words.

Imports `errors`, `graph` (for nearest names), `formats.schema`.
"""

from __future__ import annotations

import math
import reprlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from nodeflow.errors import Problem
from nodeflow.formats.schema import GraphFile, NodeFile, StateFile
from nodeflow.graph import nearest

FIELDS = (*GraphFile.model_fields, *NodeFile.model_fields, *StateFile.model_fields)
MAX_JSON_DEPTH = 256
"""Brackets within brackets: four for each body that a graph may nest, and far below where Python or
Pydantic stop."""


class Repeated(dict[str, Any]):
    """A JSON object in which names stand twice, as `json.loads` would have lost without a word."""

    names: tuple[str, ...] = ()


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook`: a dict, or `Repeated` where a name stands twice."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = Repeated(found)
    count = Counter(name for name, _ in pairs)
    repeated.names = tuple(name for name in found if count[name] > 1)
    return repeated


def no_number(text: str) -> Any:
    """A `parse_constant`: NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{text} is no JSON number")


def shape_problems(data: dict[str, Any], where: str) -> Iterator[Problem]:
    """Nesting beyond all sense, names that stand twice, numbers without end. Walks with a stack of
    its own."""
    pending: list[tuple[Any, str, int]] = [(data, "", 1)]
    while pending:
        item, place, depth = pending.pop()
        if depth > MAX_JSON_DEPTH:
            text = f"nested deeper than {MAX_JSON_DEPTH} brackets"
            yield Problem("too-deep", _shortened(place) or where, text, "keep groups in own files")
            return
        if isinstance(item, Repeated):
            for name in item.names:
                text = f"{name!r} stands twice in one object; only the last would count"
                yield Problem("double-id", _join(place, name), text, "rename or remove one")
        parts: Any = item.items() if isinstance(item, dict) else enumerate(item)
        for name, value in parts:
            if isinstance(value, (dict, list)):
                pending.append((value, _join(place, name), depth + 1))
            elif value in (math.inf, -math.inf):
                text = "the number is larger than any that can be counted with"
                yield Problem("no-number", _join(place, name), text, "write a smaller one")


def schema_problems(error: ValidationError, data: Any, where: str) -> Iterator[Problem]:
    """Pydantic's faults as problems, one per place: of a field that may be one thing or another,
    Pydantic tells why it is neither."""
    seen: set[str] = set()
    for fault in error.errors(include_url=False, include_input=True):
        missing = fault["type"] == "missing"
        place, branch = _place(fault["loc"], data, missing)
        value = fault.get("input")
        if branch == "str" and isinstance(value, (dict, list)):
            continue  # it was meant as the other branch, whose fault is told
        if place in seen:
            continue
        seen.add(place)
        yield _schema_problem(fault["type"], fault["msg"], place or where, value, branch)


def _schema_problem(kind: str, message: str, place: str, value: Any, branch: str) -> Problem:
    name = place.rpartition("/")[2]
    if kind == "missing":
        return Problem("schema", place, f"{name!r} is missing")
    if kind == "extra_forbidden":
        near = nearest(name, FIELDS)
        hint = f"did you mean {near!r}?" if near else "see docs/graphs.md"
        return Problem("schema", place, f"there is no field {name!r}", hint)
    if branch:
        message = "Input should be a text or a list of texts"
        if name == "graph":
            message = "Input should be the path of a file or a graph"
    elif kind == "model_type":
        message = "Input should be an object"
    got = _short.repr(value)
    return Problem("schema", place, f"{message}; got {got if len(got) <= 60 else got[:59] + '…'}")


def _place(loc: tuple[int | str, ...], data: Any, missing: bool) -> tuple[str, str]:
    """A fault's place in the file, and the branch of a union it was told for: that is in `loc`, but
    not in the file."""
    parts, branch, item = "", "", data
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(item, dict) and (part in item or (last and missing)):
            parts, item = _join(parts, part), item.get(part)
        elif isinstance(item, list) and isinstance(part, int) and part < len(item):
            parts, item = _join(parts, part), item[part]
        elif part != "[key]":
            branch = str(part)
    return parts, branch


def _join(place: str, part: int | str) -> str:
    return f"{place}/{part}" if place else str(part)


def _shortened(place: str) -> str:
    return place if len(place) <= 80 else f"{place[:60]}/…"


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60
_short.maxlevel = 2
"""Nested data as text, cut before it is written out."""
