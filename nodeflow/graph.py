"""The immutable model of a graph: nodes, links, loops, groups. Knows no node types and runs
nothing.

Imports only `errors`. All updates return a new graph that shares what did not change.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeAlias

from nodeflow.errors import GraphError, Problem

LOOP = "flow.loop"
MAP = "flow.map"
GROUP = "flow.graph"
STRUCTURAL = (LOOP, MAP, GROUP)
FORBIDDEN_IN_ID = "./[]"
EMPTY: Mapping[str, Any] = {}
LONGEST_HINTED, LISTED = 200, 50
"""Characters of a name that others are likened to, and names that a hint lists."""
COMPARISONS = 60_000
"""How many names a check of a graph holds against others, for hints."""
_effort: ContextVar[list[int] | None] = ContextVar("effort", default=None)


@dataclass(frozen=True, slots=True)
class Link:
    """One end of a wire: the output `port` of `node`; in a loop's body `node` may be `each`,
    `const` or `state`."""

    node: str
    port: str

    @classmethod
    def parse(cls, text: str) -> Link:
        """`node.port`. What has no dot is a link to a port without a name, which none has."""
        node, _, port = text.partition(".")
        return cls(node, port)

    def __str__(self) -> str:
        return f"{self.node}.{self.port}"


Source: TypeAlias = "Link | tuple[Link, ...]"
"""What feeds a port: one wire, or several gathered into a list."""


@dataclass(frozen=True, slots=True)
class Node:
    """One use of a node type: its literals and its wires."""

    type: str
    version: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Source] = field(default_factory=dict)
    mode: str = ""
    """"mute": it does not run, nor does what needs it; "bypass": it hands on what comes in."""


@dataclass(frozen=True, slots=True)
class State:
    """A value that a loop carries: where it starts outside, and what is its next inside the
    body."""

    init: Link
    next: Link


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """A scan over lists (`flow.loop`), or the same without carried state (`flow.map`).

    `each` walks lists, `const` is read by every iteration, `state` is carried, `collect` gathers.
    """

    each: Mapping[str, Link] = field(default_factory=dict)
    const: Mapping[str, Link] = field(default_factory=dict)
    state: Mapping[str, State] = field(default_factory=dict)
    collect: Mapping[str, Link] = field(default_factory=dict)
    body: Mapping[str, Node] = field(default_factory=dict)

    def outer_links(self) -> Iterable[tuple[str, Link]]:
        """What the loop reads from outside, by the name the body knows it under."""
        for name, link in self.each.items():
            yield f"each.{name}", link
        for name, link in self.const.items():
            yield f"const.{name}", link
        for name, state in self.state.items():
            yield f"state.{name}", state.init


@dataclass(frozen=True, slots=True)
class Group(Node):
    """A whole graph used as one node: its declared inputs and outputs are the ports.

    `file` is the path it was read from, as the graph file writes it, or "" where it stands inline.
    """

    graph: Graph = field(default_factory=lambda: Graph())
    file: str = ""


@dataclass(frozen=True)
class Graph:
    """A graph file in memory. `inputs` name ports, also inside bodies (`denoise/guide.scale`);
    one input may feed several. `outputs` name what the graph is for."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, Link] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    view: Mapping[str, Any] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What is known of this graph without looking: the program made of it, or the graph that it was
    edited from and the paths of the nodes that differ."""

    def node(self, path: str) -> Node | None:
        """The node at `denoise/guide`, through bodies and groups."""
        nodes: Mapping[str, Node] = self.nodes
        found: Node | None = None
        for part in path.split("/"):
            found = nodes.get(part)
            if found is None:
                return None
            nodes = children(found)
        return found

    def input_targets(self, name: str) -> tuple[tuple[str, str], ...]:
        """(node path, port) of each port that a declared input feeds, through groups: an input that
        feeds a group's input feeds what that one feeds."""
        found: list[tuple[str, str]] = []
        pending = [("", target) for target in reversed(self.inputs[name])]
        while pending:
            prefix, target = pending.pop()
            path, _, port = (prefix + target).rpartition(".")
            node = self.node(path)
            if isinstance(node, Group) and port in node.graph.inputs:
                inner = reversed(node.graph.inputs[port])
                pending.extend((f"{path}/", target) for target in inner)
            else:
                found.append((path, port))
        return tuple(found)

    def with_params(self, values: Mapping[str, Any]) -> Graph:
        """This graph with literals set: `{"denoise/guide.scale": 5.0}`. A literal takes the place
        of a wire at the same port.

        Raises:
            GraphError: a path names no node, or a port inside a group that the group itself feeds;
                every such path is reported.
        """
        graph, problems = self, []
        for where, value in values.items():
            path, _, port = where.rpartition(".")
            if graph.node(path) is None:
                problems.append(_no_such_node(graph, where, path))
                continue
            feeder = fed_by(graph, path, port)
            if feeder:
                problems.append(two_sources(where, feeder))
                continue
            graph = _replace_node(graph, path.split("/"), port, value)
        if problems:
            raise GraphError(problems)
        if graph is not self:
            graph.memo["edited"] = (self, tuple(where.rpartition(".")[0] for where in values))
        return graph

    def with_inputs(self, values: Mapping[str, Any]) -> Graph:
        """This graph with its declared inputs set to literals.

        Raises:
            GraphError: a name is not declared; every such name is reported, with the nearest.
        """
        problems, params = [], {}
        with few_hints():
            for name, value in values.items():
                if name not in self.inputs:
                    problems.append(unknown_input(name, self.inputs))
                    continue
                params.update(dict.fromkeys(self.inputs[name], value))
        if problems:
            raise GraphError(problems)
        return self.with_params(params)


def fed_by(graph: Graph, path: str, port: str) -> str | None:
    """The port of a group around the node at `path` through which that group sets `port`."""
    parts = path.split("/")
    for end in range(1, len(parts)):
        group = graph.node("/".join(parts[:end]))
        if not isinstance(group, Group):
            continue
        inside = "/".join(parts[end:])
        for name in (*group.params, *group.links):
            if name in group.graph.inputs and (inside, port) in group.graph.input_targets(name):
                return f"{'/'.join(parts[:end])}.{name}"
    return None


def two_sources(where: str, feeder: str) -> Problem:
    """The problem of a port inside a group that the group feeds already."""
    text = f"{feeder} feeds this port already"
    return Problem("two-sources", where, text, f"set {feeder} instead")


def unknown_input(name: str, declared: Collection[str]) -> Problem:
    """The problem of a name that is no declared input."""
    names = sorted(declared) if len(declared) <= LISTED else declared
    near = nearest(name, names)
    offered = listed(names)
    hint = f"did you mean {near!r}? inputs: {offered}" if near else f"inputs: {offered}"
    return Problem("unknown-input", name, f"the graph declares no input {name!r}", hint)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    if worn_out():
        return None
    found = close_names(name, list(names), 1)
    return found[0] if found else None


def worn_out() -> bool:
    """Whether the effort of `few_hints` is spent."""
    left = _effort.get()
    return left is not None and left[0] < 0


def close_names(name: str, names: Sequence[str], count: int) -> list[str]:
    """The names most like `name`, the likest first. Within `few_hints` only as long as the effort
    lasts; names of a length that nobody types are like none."""
    left = _effort.get()
    if left is not None:
        left[0] -= len(names)
    if len(name) > LONGEST_HINTED or worn_out():
        return []
    return difflib.get_close_matches(name, names, n=count, cutoff=0.5)


@contextmanager
def few_hints() -> Iterator[None]:
    """Check a graph with a bound on the comparisons of names: with thousands of unknown ones, each
    held against thousands of known ones, a small graph would keep a server busy for minutes."""
    token = _effort.set([COMPARISONS])
    try:
        yield
    finally:
        _effort.reset(token)


def listed(names: Iterable[str]) -> str:
    """Names for a hint; of many, the first."""
    first = list(islice(names, LISTED + 1))
    return ", ".join(first[:LISTED]) + (", …" if len(first) > LISTED else "") or "none"


def children(node: Node) -> Mapping[str, Node]:
    """The nodes inside a loop's body or a group."""
    if isinstance(node, Loop):
        return node.body
    return node.graph.nodes if isinstance(node, Group) else EMPTY


def walk(graph: Graph) -> Iterable[tuple[str, Node]]:
    """Every node with its path, outer before inner, in the order of the file."""
    pending = [(id, node) for id, node in reversed(list(graph.nodes.items()))]
    while pending:
        path, node = pending.pop()
        yield path, node
        inside = children(node)
        if inside:
            pending.extend((f"{path}/{id}", child) for id, child in reversed(list(inside.items())))


def _no_such_node(graph: Graph, where: str, path: str) -> Problem:
    near = nearest(path, (known for known, _ in walk(graph)))
    hint = f"did you mean {near!r}?" if near else "see the nodes with `nodeflow plan`"
    return Problem("unknown-node", where, f"there is no node {path!r}", hint)


def _replace_node(graph: Graph, parts: list[str], port: str, value: Any) -> Graph:
    """Set one literal along a path of ids, rebuilding only the nodes on that path."""
    holders: list[Node] = []
    nodes: Mapping[str, Node] = graph.nodes
    for part in parts:
        holders.append(nodes[part])
        nodes = children(holders[-1])
    old = holders[-1]
    links = {name: source for name, source in old.links.items() if name != port}
    new: Node = replace(old, params={**old.params, port: value}, links=links)
    for holder, part in zip(reversed(holders[:-1]), reversed(parts[1:]), strict=True):
        if isinstance(holder, Loop):
            new = replace(holder, body={**holder.body, part: new})
        else:
            assert isinstance(holder, Group)
            inner = replace(holder.graph, nodes={**holder.graph.nodes, part: new})
            new = replace(holder, graph=inner, file="")  # its file says something else now
    return replace(graph, nodes={**graph.nodes, parts[0]: new})
