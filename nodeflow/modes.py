"""Muted and bypassed nodes: the graph that is left when they are taken out.

A muted node does not run, and neither does what cannot do without it; a port with a default falls
back on that. A bypassed node hands on what comes in: each output is the first input whose type
fits. Imports `graph`, `registry`, `sockets`, `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from nodeflow.errors import Problem
from nodeflow.graph import Graph, Group, Link, Loop, Node, Source, State, children, walk
from nodeflow.node import NodeDefinition
from nodeflow.registry import Registry
from nodeflow.sockets import assignable

MUTE, BYPASS = "mute", "bypass"
MODES = (MUTE, BYPASS)


@dataclass(frozen=True, slots=True)
class Literal:
    """What a bypassed node hands on where its input is no wire."""

    value: Any


@dataclass(frozen=True, slots=True)
class FromInput:
    """What a bypassed node in a group hands on where the group's input feeds it."""

    name: str


_End: TypeAlias = "Source | Literal | FromInput"


@dataclass(slots=True)
class _Gone:
    """What happened to the outputs of the nodes taken out of one scope."""

    muted: set[str] = field(default_factory=set)
    passed: dict[str, dict[str, _End]] = field(default_factory=dict)
    """Bypassed node → output → what stands for it."""
    through: dict[str, dict[str, _End]] = field(default_factory=dict)
    """Group that is left → output that hands on what comes in → what stands for it."""

    def stands_for(self, link: Link) -> _End | None:
        """What stands for an output; None for one that is left as it is, or hands on nothing."""
        known = self.passed.get(link.node) or self.through.get(link.node) or {}
        return known.get(link.port)


@dataclass(slots=True)
class _Home:
    """The graph, or the graph of a group, whose nodes are looked at."""

    registry: Registry
    fed: Mapping[str, str]
    """In a group: `node.port` → the group's input that feeds it."""
    problems: list[Problem] = field(default_factory=list)
    targets: dict[str, list[str]] = field(default_factory=dict)
    """Of the group's inputs, the ports that they feed in place of a bypassed node's."""

    def problem(self, code: str, where: str, message: str, hint: str) -> None:
        self.problems.append(Problem(code, where, message, hint))


def has_modes(graph: Graph) -> bool:
    """Whether any node of the graph is muted or bypassed."""
    return any(node.mode for _, node in walk(graph))


def without_modes(graph: Graph, registry: Registry) -> tuple[Graph, list[Problem]]:
    """The graph without its muted and bypassed nodes, and what cannot be left out as asked."""
    made, problems, _ = _graph(graph, _Home(registry, {}))
    return made, problems


def _graph(graph: Graph, home: _Home) -> tuple[Graph, list[Problem], dict[str, str]]:
    """The graph that is left, what is wrong, and of a group the outputs that hand on an input."""
    through: dict[str, str] = {}
    nodes, gone = _scope(graph.nodes, "", home)
    outputs = {}
    for name, link in graph.outputs.items():
        found = _follow(link, gone, f"outputs.{name}", home)
        if isinstance(found, Link):
            outputs[name] = found
        elif isinstance(found, FromInput):
            through[name] = found.name
        else:
            text = "it comes from a node that is muted, or needs one that is"
            home.problems.append(Problem("muted", f"outputs.{name}", text, severity="warning"))
    if graph.outputs and not outputs and not through:
        text = "every output of the graph comes from a node that is muted"
        home.problem("all-muted", "outputs", text, "unmute a node")
    made = replace(graph, nodes=nodes, outputs=outputs, inputs={})
    inputs = {
        name: (*(t for t in targets if not _is_gone(t, graph, made)), *home.targets.get(name, ()))
        for name, targets in graph.inputs.items()
    }
    kept = {name: targets for name, targets in inputs.items() if targets}
    return replace(made, inputs=kept), home.problems, through


def _is_gone(target: str, before: Graph, after: Graph) -> bool:
    """Whether the node that an input feeds was taken out; one that never was is told elsewhere."""
    path = target.rpartition(".")[0]
    return before.node(path) is not None and after.node(path) is None


def _scope(nodes: Mapping[str, Node], path: str, home: _Home) -> tuple[dict[str, Node], _Gone]:
    """The nodes of one scope that are left. Recurses as deep as bodies are nested, which reading a
    graph has bounded."""
    gone = _Gone()
    inner: dict[str, Node] = {}
    for id, node in nodes.items():
        where = f"{path}{id}"
        if node.mode == MUTE:
            gone.muted.add(id)
        elif node.mode == BYPASS:
            gone.passed[id] = _handed_on(where, node, home)
        else:
            left, through = _inside(where, node, home)
            gone.through[id] = through
            if left is not None:
                inner[id] = left
            elif not through:
                gone.muted.add(id)
    _spread(inner, gone, home.registry)
    kept = {
        id: _rewired(node, f"{path}{id}", gone, home)
        for id, node in inner.items()
        if id not in gone.muted
    }
    return kept, gone


def _inside(where: str, node: Node, home: _Home) -> tuple[Node | None, dict[str, _End]]:
    """A loop or group with the same done inside, None if what it is for is muted there; and the
    outputs that hand on what comes in."""
    if not any(child.mode or children(child) for child in children(node).values()):
        return node, {}
    if isinstance(node, Loop):
        return _inside_loop(where, node, home), {}
    assert isinstance(node, Group)
    fed = {target: name for name, many in node.graph.inputs.items() for target in many}
    graph, found, names = _graph(node.graph, _Home(home.registry, fed))
    if any(problem.code == "all-muted" for problem in found):
        return None, {}
    home.problems += [
        replace(p, where=f"{where}/{p.where}") for p in found if p.severity == "error"
    ]
    given = _given(where, node, home)
    through = {out: given[name] for out, name in names.items() if name in given}
    if not graph.outputs:
        return None, through
    params = {name: value for name, value in node.params.items() if name in graph.inputs}
    links = {name: source for name, source in node.links.items() if name in graph.inputs}
    return replace(node, graph=graph, file="", params=params, links=links), through


def _inside_loop(where: str, node: Loop, home: _Home) -> Loop | None:
    body, gone = _scope(node.body, f"{where}/", home)
    state = {}
    for name, carried in node.state.items():
        end = _follow(carried.next, gone, f"{where}.state.{name}", home)
        if not isinstance(end, Link):
            return None  # nothing to carry on: the loop cannot do its work
        state[name] = State(carried.init, end)
    collect = {}
    for name, link in node.collect.items():
        end = _follow(link, gone, f"{where}.collect.{name}", home)
        if isinstance(end, Link):
            collect[name] = end
    if not state and not collect:
        return None
    return replace(node, body=body, state=state, collect=collect)


def _spread(nodes: Mapping[str, Node], gone: _Gone, registry: Registry) -> None:
    """Mute what cannot do without a muted node, and what cannot do without that, to the end."""
    readers: dict[str, list[str]] = {}
    for id, node in nodes.items():
        for _, source in _sources(node):
            for link in _links(source, gone):
                readers.setdefault(link.node, []).append(id)
    pending = list(gone.muted)
    while pending:
        for id in readers.get(pending.pop(), ()):
            if id not in gone.muted and _cannot_run(nodes[id], gone, registry):
                gone.muted.add(id)
                pending.append(id)


def _cannot_run(node: Node, gone: _Gone, registry: Registry) -> bool:
    definition = registry.get(node.type)
    for port, source in _sources(node):
        links = list(_links(source, gone))
        if links and all(link.node in gone.muted for link in links):
            spec = definition.inputs.get(port) if definition else None
            if spec is None or spec.required:
                return True
    return False


def _links(source: _End, gone: _Gone) -> list[Link]:
    """The wires of a source, those from bypassed nodes followed to where they come from."""
    found: list[Link] = []
    pending = [source]
    seen: set[Link] = set()
    while pending:
        item = pending.pop()
        if isinstance(item, tuple):
            pending.extend(reversed(item))
        elif isinstance(item, Link) and item not in seen:
            seen.add(item)
            stands = gone.stands_for(item)
            if stands is not None:
                pending.append(stands)
            elif item.node not in gone.passed:
                found.append(item)
    return found


def _sources(node: Node) -> list[tuple[str, Source]]:
    if isinstance(node, Loop):
        return list(node.outer_links())
    return list(node.links.items())


def _given(where: str, node: Node, home: _Home) -> dict[str, _End]:
    """What each port of a node is given: a literal, a wire, or what a group's input brings."""
    given: dict[str, _End] = {name: Literal(value) for name, value in node.params.items()}
    given.update(node.links)
    for target, name in home.fed.items():
        path, _, port = target.rpartition(".")
        if path == where:
            given[port] = FromInput(name)
    return given


def _handed_on(where: str, node: Node, home: _Home) -> dict[str, _End]:
    """What stands for each output of a bypassed node. What has no fitting input is left out."""
    if isinstance(node, Loop):
        return {name: state.init for name, state in node.state.items()}
    given = _given(where, node, home)
    if isinstance(node, Group):
        return {name: given[name] for name in node.graph.outputs if name in given}
    definition = home.registry.get(node.type)
    return {} if definition is None else _first_fitting(definition, given)


def _first_fitting(definition: NodeDefinition, given: Mapping[str, _End]) -> dict[str, _End]:
    found: dict[str, _End] = {}
    for output in definition.outputs:
        fitting = [
            given[name]
            for name, port in definition.inputs.items()
            if name in given and assignable(port.type, output.type)
        ]
        wires = [source for source in fitting if not isinstance(source, Literal)]
        if wires or fitting:
            found[output.name] = (wires or fitting)[0]
    return found


def _follow(link: Link, gone: _Gone, where: str, home: _Home) -> _End | None:
    """What a wire leads to once bypassed nodes are passed; None where it comes from nothing."""
    seen: set[Link] = set()
    current: _End = link
    while isinstance(current, Link) and current not in seen:
        seen.add(current)
        stands = gone.stands_for(current)
        if stands is not None:
            current = stands
        elif current.node in gone.passed:
            text = (
                f"{current.node} is bypassed, but no input of it fits its output {current.port!r}"
            )
            home.problem("no-bypass", where, text, "mute it, or wire this port anew")
            return None
        else:
            return None if current.node in gone.muted else current
    return None if isinstance(current, Link) else current  # a ring of bypassed nodes gives nothing


def _rewired(node: Node, where: str, gone: _Gone, home: _Home) -> Node:
    """A node that is left, its wires leading past what is not."""
    if isinstance(node, Loop):
        return _rewired_loop(node, where, gone, home)
    links: dict[str, Source] = {}
    params = dict(node.params)
    for port, source in node.links.items():
        ends = [
            _follow(link, gone, f"{where}.{port}", home)
            for link in ((source,) if isinstance(source, Link) else source)
        ]
        if isinstance(source, Link):
            (end,) = ends
            if isinstance(end, Literal):
                params[port] = end.value
            elif isinstance(end, FromInput):
                home.targets.setdefault(end.name, []).append(f"{where}.{port}")
            elif end is not None:
                links[port] = end
            continue
        wires = [w for end in ends for w in _as_links(end, f"{where}.{port}", home)]
        if wires:
            links[port] = tuple(wires)
    if links == dict(node.links):
        return node
    return replace(node, params=params, links=links)


def _rewired_loop(loop: Loop, where: str, gone: _Gone, home: _Home) -> Loop:
    def one(name: str, link: Link) -> Link:
        wires = _as_links(_follow(link, gone, f"{where}.{name}", home), f"{where}.{name}", home)
        return wires[0] if wires else link

    return replace(
        loop,
        each={name: one(f"each.{name}", link) for name, link in loop.each.items()},
        const={name: one(f"const.{name}", link) for name, link in loop.const.items()},
        state={
            name: State(one(f"state.{name}", state.init), state.next)
            for name, state in loop.state.items()
        },
    )


def _as_links(end: _End | None, where: str, home: _Home) -> tuple[Link, ...]:
    if end is None:
        return ()
    if isinstance(end, (Literal, FromInput)):
        text = "a bypassed node hands on no wire here, where only a wire can be"
        home.problem("no-bypass", where, text, "wire a node that gives the value")
        return ()
    return (end,) if isinstance(end, Link) else end
