"""What is asked for, checked before it is a run. Imports the layers up to `job`,
`server.protocol`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.job import with_writers
from nodeflow.plan import targets
from nodeflow.registry import Registry
from nodeflow.server.protocol import RunRequest
from nodeflow.validate import program

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Checked:
    """A request that can be run. `request` and `extra` are JSON; `problems` are warnings."""

    request: str
    extra: str
    title: str
    problems: list[Problem]


def check_name(run: str) -> str:
    """The name, if it can be a run's: it is a folder's name too.

    Raises:
        GraphError: it cannot.
    """
    if not _RUN_ID.fullmatch(run):
        hint = "letters, digits, _ and -, at most 64"
        raise GraphError([Problem("bad-run-id", "", f"{run[:80]!r} names no run", hint)])
    return run


def check_request(
    request: RunRequest, extra: Mapping[str, Any], registry: Registry, most: int
) -> Checked:
    """The request, if its graph can be run and has at most so many nodes. Takes its time.

    Raises:
        GraphError: with all that is wrong.
    """
    if count_nodes(request.graph, most) > most:
        text = f"the graph has more than {most} nodes, which is as many as may be"
        raise GraphError([Problem("too-large", "", text)])
    graph = graph_from_data(request.graph, registry)
    if request.inputs:
        graph = graph.with_inputs(request.inputs)
    made = program(graph, registry)
    if made.errors:
        raise GraphError(made.errors)
    outputs = None if request.outputs is None else tuple(request.outputs)
    targets(made, with_writers(made, outputs))
    try:
        text = json.dumps(request.model_dump(), allow_nan=False)
        kept = json.dumps(dict(extra), allow_nan=False)
    except ValueError as error:
        raise GraphError([Problem("no-number", "", f"no JSON: {error}")]) from error
    return Checked(text, kept, (request.title or graph.title)[:200], made.problems)


def count_nodes(graph: Mapping[str, Any], most: int) -> int:
    """The nodes of a graph's data, bodies and inner graphs included; stops counting beyond `most`.
    What is no graph counts as none: whoever reads it says what is wrong."""
    count, pending = 0, [graph.get("nodes")]
    while pending and count <= most:
        nodes = pending.pop()
        if not isinstance(nodes, dict):
            continue
        count += len(nodes)
        for node in nodes.values():
            if isinstance(node, dict):
                inner = node.get("graph")
                pending.append(node.get("body"))
                pending.append(inner.get("nodes") if isinstance(inner, dict) else None)
    return count
