"""What every run that is saved is asked for and told of, from the command line or by the server.

Imports the layers up to `plan`, `provenance`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from nodeflow.plan import Targets
from nodeflow.program import Program
from nodeflow.provenance import every_task
from nodeflow.sockets import PLAIN, is_plain, socket_info


def with_writers(made: Program, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The outputs to ask the engine for: those named; else what the graph is for, and of nodes that
    write what they tell of it, which is the paths of what they saved."""
    if names is not None or not made.scope.writes:
        return names
    found = [name for name in made.graph.outputs if name in made.outputs]
    types = made.scope.slot_types
    for task in made.scope.tasks:
        if task.writes:
            slots = () if task.loop is not None else enumerate(task.outputs, start=task.first)
            told = [f"{task.path}.{port}" for slot, port in slots if is_plain(types[slot])]
            found += told or [task.path]
    return tuple(found)


def asks_for_device(made: Program) -> bool:
    """Whether any node asks the run for its device, for which torch must be imported."""
    return any(t.definition and t.definition.wants_context for t in every_task(made.scope))


def thread_count(device: str, recorded: Mapping[str, Any]) -> int | None:
    """How many threads torch adds with, where that decides the last bit: on the processor. A
    picture is repeated with as many as it was made with, if this machine has them."""
    if device != "cpu":
        return None
    try:
        import torch
    except ImportError:
        return None
    wanted = recorded.get("threads")
    if type(wanted) is int and 1 <= wanted <= (os.cpu_count() or 1):
        torch.set_num_threads(wanted)
    return int(torch.get_num_threads())


def file_stem(stem: str, name: str, made: Program, asked: Targets) -> str:
    """The name of an output's file: the graph's, with the output's where several are saved."""
    types = made.scope.slot_types
    saved = [other for other, slot in asked.wanted.items() if socket_info(types[slot]).save]
    return stem if len(saved) <= 1 else f"{stem}_{re.sub(r'[^A-Za-z0-9_-]+', '_', name)}"


def is_plain_value(value: Any) -> bool:
    """Whether a value is told as it is: a number, a text, or a list of such."""
    if isinstance(value, list):
        return all(is_plain_value(item) for item in value)
    return value is None or type(value) in PLAIN
