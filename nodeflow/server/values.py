"""Looks into values by what their socket types say of them. Imports `memory`, `sockets`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nodeflow.memory import is_module, is_tensor
from nodeflow.sockets import SocketInfo

NUMBER = re.compile(r"\[\d+\]")
"""Of a pass, in a path."""


def node_of(path: str) -> str:
    """A path without the numbers of passes."""
    return NUMBER.sub("", path)


def step_of(path: str) -> int | None:
    """The number of the innermost pass, or None."""
    found = NUMBER.findall(path)
    return int(found[-1][1:-1]) if found else None


def info_of(value: Any) -> SocketInfo | None:
    """How values of this kind are declared; a list is told by its first element."""
    if isinstance(value, list) and value:
        return info_of(value[0])
    info = getattr(type(value), "__socket__", None)
    return info if isinstance(info, SocketInfo) else None


def role_of(value: Any) -> str:
    """What the value is to a run: `x_t`, `x0`, `eps` …, or ""."""
    info = info_of(value)
    return info.role if info is not None else ""


def persists(value: Any) -> bool:
    """Whether a value is data; models and what else is made of weights are not."""
    info = info_of(value)
    return info is not None and info.persist


def type_of(value: Any) -> str:
    """The name of the value's type."""
    if isinstance(value, list):
        return f"list[{type_of(value[0])}]" if value else "list"
    return type(value).__name__


def parts(value: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each tensor in a value: the fields that lead to it, the socket value it is part of, itself.
    Models and what else is made of weights are passed by."""
    pending: list[tuple[str, Any, Any]] = [("", value, value)]
    seen: set[int] = set()
    while pending:
        name, owner, item = pending.pop()
        if is_tensor(item):
            if not (item.is_complex() or item.is_meta or item.is_quantized):
                yield name, owner, item
            continue
        if is_module(item) or id(item) in seen or isinstance(item, (str, bytes, int, float)):
            continue
        seen.add(id(item))
        inner: list[tuple[str, Any, Any]] = []
        if isinstance(item, (list, tuple)):
            inner = [(f"{name}[{i}]", owner, part) for i, part in enumerate(item)]
        elif isinstance(item, Mapping):
            inner = [(f"{name}.{key}".lstrip("."), owner, part) for key, part in item.items()]
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            if not persists(item) and info_of(item) is not None:
                continue
            owner = item if info_of(item) is not None else owner
            for field in dataclasses.fields(item):
                part = getattr(item, field.name)
                inner.append((f"{name}.{field.name}".lstrip("."), owner, part))
        pending.extend(reversed(inner))


def series(value: Any) -> Iterator[tuple[str, list[float]]]:
    """Rows of numbers that a value holds beside tensors: a schedule's noise levels, by field."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return
    for field in dataclasses.fields(value):
        part = getattr(value, field.name)
        if isinstance(part, (list, tuple)) and part and all(type(x) is float for x in part):
            yield field.name, list(part)
