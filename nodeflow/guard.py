"""Checks while a graph runs: what wires bring to ports with widgets; and those of `--check`, a node
that changes an input in place, an output that is not what the signature promises.

Imports `memory`, `sockets`, `errors`, `node`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from nodeflow.errors import NodeflowError
from nodeflow.memory import short, tensors
from nodeflow.node import InputPort
from nodeflow.sockets import type_name, value_fits


class InputWatch:
    """Remembers what a node's inputs are like before it runs, and tells what it changed.

    Tensors are told by their version counter, which every in-place operation raises; lists and
    dicts by their elements.
    """

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self._tensors = [
            (port, tensor, tensor._version)
            for port, value in inputs.items()
            for tensor in tensors(value)
            if not tensor.is_inference()
        ]
        self._containers = [
            (port, held, _elements(held))
            for port, value in inputs.items()
            for held in _containers(value)
        ]

    def changed(self) -> dict[str, str]:
        """Ports whose value was changed in place, with what is there now."""
        found = {
            port: f"{short(tensor)} was written in place"
            for port, tensor, version in self._tensors
            if tensor._version != version
        }
        for port, held, before in self._containers:
            if _elements(held) != before:
                found.setdefault(port, f"a {type(held).__name__} in it was changed in place")
        return found


def check_wired(ports: Mapping[str, InputPort], values: Mapping[str, Any]) -> None:
    """Hold what wires bring against the widgets of their ports, as literals are before the run.

    Raises:
        NodeflowError: a value that its widget refuses. What depends on files the node itself tells,
            but whether it may look for them at all.
    """
    for name, value in values.items():
        widget = ports[name].widget
        if widget is None or value is None:
            continue
        fault = widget.barred(value) if widget.looks_outside else widget.check(value)
        if fault:
            raise NodeflowError(f"{name}: {fault}. {widget.hint(value)}".rstrip())


def wrong_output(value: Any, tp: Any) -> str | None:
    """What is wrong with an output, in words, or None."""
    if value_fits(value, tp):
        return None
    return f"got {short(value)} ({type(value).__name__}), expected {type_name(tp)}"


def _elements(held: Any) -> list[int]:
    items = held.items() if isinstance(held, dict) else enumerate(held)
    return [part for key, item in items for part in (hash(key), id(item))]


def _containers(value: Any) -> Iterator[Any]:
    """The lists and dicts in a value, through frozen dataclasses; not inside models."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, (list, dict)):
            yield item
            pending.extend(item.values() if isinstance(item, dict) else item)
        elif isinstance(item, tuple):
            pending.extend(item)
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            pending.extend(getattr(item, field.name) for field in dataclasses.fields(item))
