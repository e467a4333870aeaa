"""What somebody types becomes typed values: `prompt="a cat" seed=3`, `--set denoise/guide.scale=5`.

The type of the port that a name leads to decides what a text means. Everything wrong is told at
once, as `Problem`s. Imports `errors`, `sockets`, `graph`, `registry`, `node`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nodeflow.errors import GraphError, Problem
from nodeflow.graph import Graph, Group, unknown_input
from nodeflow.registry import Registry
from nodeflow.sockets import (
    accepts_none,
    element,
    is_list,
    is_plain,
    literal_fits,
    type_name,
    union_members,
)

ANY = TypeVar("ANY")
"""The type of a port that nobody knows: its text is read as JSON where it is some."""

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
_NONE = ("none", "null")


def split_assignments(texts: Iterable[str]) -> dict[str, str]:
    """`name=value` texts by name; of a name given twice the last counts.

    Raises:
        ValueError: a text has no `=`, or nothing before it.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{text!r} is no name=value")
        found[name.strip()] = value
    return found


def set_texts(
    graph: Graph, registry: Registry, inputs: Mapping[str, str], params: Mapping[str, str]
) -> tuple[Graph, list[Problem]]:
    """The graph with declared inputs and `node.param` literals set from texts, and what is wrong.

    What can be set is set, so that the rest of the graph is checked as it was meant.
    """
    problems: list[Problem] = []
    for name, text in inputs.items():
        if name not in graph.inputs:
            problems.append(_unknown(graph, name))
            continue
        types = [_port_type(graph, registry, *target) for target in graph.input_targets(name)]
        graph = _set(graph, name, text, types, problems, declared=True)
    for where, text in params.items():
        path, _, port = where.rpartition(".")
        if not path:
            hint = "write --set node.param=value"
            declared = where in graph.inputs
            hint = f"{where!r} is an input of the graph: leave --set out" if declared else hint
            problems.append(Problem("unknown-node", where, "this names no node", hint))
            continue
        types = [_port_type(graph, registry, path, port)]
        graph = _set(graph, where, text, types, problems, declared=False)
    return graph, problems


def parse_value(text: str, tp: Any) -> Any:
    """The value that `text` means at a port of type `tp`.

    `@name` is the text in the file `name`, and `@@` an `@` at the beginning. Lists are JSON or
    separated by commas; `none` is None where the port takes it.

    Raises:
        ValueError: it means none; says what was got and expected.
    """
    text = _file_text(text)
    if accepts_none(tp) and text.strip().lower() in _NONE:
        return None
    members = sorted(union_members(tp), key=_strictness)
    for member in members:
        if is_list(member) and str in members and not text.lstrip().startswith("["):
            continue  # where a text may stand as it is, a comma separates nothing
        try:
            return _parse_member(text, member)
        except ValueError:
            continue
    shown = text if len(text) <= 60 else text[:57] + "…"
    raise ValueError(f"got {shown!r}, expected {_expected(tp)}")


def _set(
    graph: Graph,
    name: str,
    text: str,
    types: Sequence[Any],
    problems: list[Problem],
    *,
    declared: bool,
) -> Graph:
    if not types:  # the check of the graph tells of an input that feeds nothing
        return graph
    if not any(isinstance(tp, TypeVar) or is_plain(tp) for tp in types):
        expected = " or ".join(dict.fromkeys(type_name(tp) for tp in types))
        message = f"it takes {expected}, which no text can give"
        hint = "connect a node that makes it, such as load.image for a picture"
        problems.append(Problem("wrong-literal", name, message, hint))
        return graph
    try:
        value = _parse_for_all(text, types)
        return graph.with_inputs({name: value}) if declared else graph.with_params({name: value})
    except ValueError as error:
        problems.append(Problem("wrong-literal", name, str(error), _hint(types)))
    except GraphError as error:
        problems.extend(error.problems)
    return graph


def _parse_for_all(text: str, types: Sequence[Any]) -> Any:
    """One value for all the ports that an input feeds: the first reading that fits them all."""
    value, fault = None, None
    for tp in types:
        try:
            value = parse_value(text, tp)
        except ValueError as error:
            fault = fault or error
            continue
        if all(literal_fits(value, other) for other in types):
            return value
    if fault is not None:
        raise fault
    return value


def _port_type(graph: Graph, registry: Registry, path: str, port: str) -> Any:
    """The type of a port, through groups; ANY where the check will say what is wrong."""
    node = graph.node(path)
    if isinstance(node, Group) and port in node.graph.inputs:
        inner = node.graph.input_targets(port)
        return _port_type(node.graph, registry, *inner[0]) if inner else ANY
    definition = registry.get(node.type) if node is not None else None
    found = definition.inputs.get(port) if definition is not None else None
    return ANY if found is None else found.type


def _parse_member(text: str, tp: Any) -> Any:
    word = text.strip()
    if isinstance(tp, TypeVar):
        return _any_value(text)
    if is_list(tp):
        return _parse_list(word, tp)
    if tp is str:
        return text
    if tp is bool:
        if word.lower() in _TRUE or word.lower() in _FALSE:
            return word.lower() in _TRUE
        raise ValueError(word)
    if tp is int:
        return int(word)
    if tp is float:
        number = float(word)
        if not math.isfinite(number):
            raise ValueError(word)
        return number
    raise ValueError(f"a text cannot be {type_name(tp)}")


def _parse_list(text: str, tp: Any) -> list[Any]:
    if text.startswith("["):
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ValueError(text[:60]) from error
        if literal_fits(values, tp):
            return list(values)
        raise ValueError(text)
    inner = element(tp)
    if is_list(inner):
        raise ValueError(text)
    return [parse_value(part.strip(), inner) for part in text.split(",")] if text else []


def _any_value(text: str) -> Any:
    """JSON where the text is a plain value or a list in JSON, and otherwise the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return text
    return text if isinstance(value, dict) else value


def _file_text(text: str) -> str:
    if not text.startswith("@"):
        return text
    if text.startswith("@@"):
        return text[1:]
    try:
        path = Path(os.path.expanduser(text[1:]))
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, or no path at all
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ValueError(
            f"got {text!r}, expected a text file: {reason}; for text that begins with @ write @@"
        ) from error


def _strictness(tp: Any) -> int:
    """Which member of a union is tried first: the one that fewest texts fit."""
    order = [int, float, bool]
    if tp in order:
        return order.index(tp)
    return 9 if tp is str else 5


def _expected(tp: Any) -> str:
    return "true or false" if tp is bool else type_name(tp)


def _hint(types: Sequence[Any]) -> str:
    tp = types[0]
    if is_list(tp):
        return "separate values with commas, or write a JSON list"
    if int in union_members(tp) and float not in union_members(tp):
        return "write a whole number"
    return ""


def _unknown(graph: Graph, name: str) -> Problem:
    if "." in name and graph.node(name.rpartition(".")[0]) is not None:
        hint = f"to set a node's parameter write --set {name}=…"
        return Problem("unknown-input", name, f"the graph declares no input {name!r}", hint)
    return unknown_input(name, graph.inputs)
