"""Dissolves groups: a `flow.graph` node becomes the nodes of its graph, under its own path.

Imports `graph`, `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.graph import (
    Graph,
    Group,
    Link,
    Loop,
    Node,
    Source,
    fed_by,
    nearest,
    two_sources,
    unknown_input,
)


@dataclass(slots=True)
class Flat:
    """The nodes of one scope without groups. A node's links are read from `prefix`, its home."""

    nodes: dict[str, Node] = field(default_factory=dict)
    prefix: dict[str, str] = field(default_factory=dict)
    """Home of a node, where it is not the scope itself."""
    groups: dict[str, Group] = field(default_factory=dict)
    rewired: dict[str, dict[str, tuple[str, Source]]] = field(default_factory=dict)
    """Node path → port → (prefix, source) of what comes in through a group's input."""
    problems: list[Problem] = field(default_factory=list)

    def resolve(self, prefix: str, link: Link) -> tuple[str, str] | Problem:
        """(path, port) of the output that a link means, through the outputs of groups."""
        path, port = prefix + link.node, link.port
        while path in self.groups:
            outputs = self.groups[path].graph.outputs
            inner = outputs.get(port)
            if inner is None:
                near = nearest(port, outputs)
                hint = f"did you mean {path}.{near}?" if near else f"it has {', '.join(outputs)}"
                return Problem("unknown-port", "", f"{path} has no output {port!r}", hint)
            path, port = f"{path}/{inner.node}", inner.port
        return path, port


def flatten(nodes: Mapping[str, Node], where: str) -> Flat:
    """The nodes of a scope with every group dissolved, outermost first. `where` is the scope's path
    with a trailing `/`, or "", for problems."""
    flat = Flat()
    if not any(isinstance(node, Group) for node in nodes.values()):
        flat.nodes = dict(nodes)
        return flat
    pending: list[tuple[str, str, Node]] = [("", id, node) for id, node in nodes.items()]
    pending.reverse()
    while pending:
        prefix, id, node = pending.pop()
        path = prefix + id
        if not isinstance(node, Group):
            flat.nodes[path] = _with_overrides(flat, path, node)
            if prefix:
                flat.prefix[path] = prefix
            continue
        flat.groups[path] = node
        inner = _feed_group(flat, path, prefix, node, where)
        pending.extend((f"{path}/", id, child) for id, child in reversed(list(inner.nodes.items())))
    return flat


def _feed_group(flat: Flat, path: str, prefix: str, group: Group, where: str) -> Graph:
    """The group's graph with its literals set; its wired inputs are noted in `flat.rewired`."""
    graph = group.graph
    outer = flat.rewired.get(path, {})
    literals = {k: v for k, v in group.params.items() if k not in outer}
    wires = {**{k: (prefix, source) for k, source in group.links.items()}, **outer}
    for name in [*literals, *wires]:
        if name not in graph.inputs:
            problem = unknown_input(name, graph.inputs)
            flat.problems.append(replace(problem, where=f"{where}{path}.{name}"))
    for name in set(group.params) & set(group.links):
        text = "the port has both a literal and a wire"
        problem = Problem("two-sources", f"{where}{path}.{name}", text, "remove one of the two")
        flat.problems.append(problem)
    known = {k: v for k, v in literals.items() if k in graph.inputs}
    try:
        graph = graph.with_params(
            {target: value for name, value in known.items() for target in graph.inputs[name]}
        )
    except GraphError as error:
        flat.problems.extend(replace(p, where=f"{where}{path}/{p.where}") for p in error.problems)
    for name, wire in wires.items():
        for target in graph.inputs.get(name, ()):
            _rewire(flat, path, target, wire, where)
    return graph


def _rewire(flat: Flat, path: str, target: str, wire: tuple[str, Source], where: str) -> None:
    inner, _, port = target.rpartition(".")
    node = flat.groups[path].graph.node(inner)
    if node is None:
        flat.problems.append(
            Problem(
                "unknown-node", f"{where}{path}", f"its input feeds {target}, which is not there"
            )
        )
    elif _inside_loop(flat.groups[path].graph, inner):
        flat.problems.append(
            Problem(
                "wire-into-body",
                f"{where}{path}",
                f"a wire cannot enter a loop's body at {target}",
                "let the graph's input feed a node outside the loop and pass it in by const",
            )
        )
    elif feeder := fed_by(flat.groups[path].graph, inner, port):
        problem = two_sources(f"{where}{path}/{target}", f"{where}{path}/{feeder}")
        flat.problems.append(problem)
    else:
        flat.rewired.setdefault(f"{path}/{inner}", {})[port] = wire


def _inside_loop(graph: Graph, path: str) -> bool:
    parts = path.split("/")
    return any(isinstance(graph.node("/".join(parts[:end])), Loop) for end in range(1, len(parts)))


def _with_overrides(flat: Flat, path: str, node: Node) -> Node:
    """A node whose rewired ports have lost the literals and links they had in the file."""
    wires = flat.rewired.get(path)
    if not wires:
        return node
    params: dict[str, Any] = {k: v for k, v in node.params.items() if k not in wires}
    links = {**node.links, **{port: source for port, (_, source) in wires.items()}}
    return replace(node, params=params, links=links)
