"""`GraphBuilder`: write a graph in Python, with the node functions themselves; the result is the
same `Graph` that a JSON file gives.

    g = GraphBuilder(title="Noise")
    start = g.add(latent.empty, width=128, height=128)
    doubled = g.add(latent.repeat, latent=start, count=2)
    g.output("latent", doubled)
    graph = g.build()

Imports the layers up to `validate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.graph import GROUP, LOOP, MAP, Graph, Group, Link, Loop, Node, Source, State, nearest
from nodeflow.node import NodeDefinition, definition_of


@dataclass(frozen=True)
class Wire:
    """An output of a node in a builder: pass it to another node's port."""

    link: Link
    scope: _Scope


class Handle:
    """A node in a builder. It stands for its only output; several are attributes
    (`loaded.clip`)."""

    def __init__(self, scope: _Scope, id: str, outputs: tuple[str, ...]) -> None:
        self._scope = scope
        self._outputs = outputs
        self.id = id

    def __getattr__(self, name: str) -> Wire:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Wire:
        """The output of that name."""
        if name not in self._outputs:
            near = nearest(name, self._outputs)
            hint = f"did you mean {near!r}?" if near else f"it has {', '.join(self._outputs)}"
            where = f"{self.id}.{name}"
            text = f"{self.id} has no output {name!r}"
            raise GraphError([Problem("unknown-port", where, text, hint)])
        return Wire(Link(self.id, name), self._scope)


class _Scope:
    """Nodes being added: the top of a graph or a loop's body."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(self, function: Callable[..., Any], id: str = "", /, **ports: Any) -> Handle:
        """Add a node. Wires and handles become links (a list of them is gathered), the rest
        literals.

        Args:
            function: a function decorated with `@node`.
            id: the node's id; by default the function's name, with a number if it is taken.

        Raises:
            GraphError: a port that the node has not, or a wire from another scope.
        """
        definition = definition_of(function)
        params, links = self._split(definition, ports)
        id = self._free_id(id, definition.id.rpartition(".")[2])
        self.nodes[id] = Node(definition.id, definition.version, params, links)
        return Handle(self, id, tuple(port.name for port in definition.outputs))

    def graph(self, graph: Graph, id: str = "", /, *, file: str = "", **ports: Any) -> Handle:
        """Use a whole graph as one node; its declared inputs and outputs are the ports."""
        params: dict[str, Any] = {}
        links: dict[str, Source] = {}
        for name, value in ports.items():
            source = self._source(value, name)
            if source is None:
                params[name] = value
            else:
                links[name] = source
        id = self._free_id(id, "graph")
        self.nodes[id] = Group(GROUP, 1, params, links, graph=graph, file=file)
        return Handle(self, id, tuple(graph.outputs))

    def loop(self, id: str = "", /) -> LoopBuilder:
        """Begin a `flow.loop` (or, without state, a `flow.map`) in this scope."""
        return LoopBuilder(self, id)

    def _split(
        self, definition: NodeDefinition, ports: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Source]]:
        params: dict[str, Any] = {}
        links: dict[str, Source] = {}
        problems = []
        for name, value in ports.items():
            if name not in definition.inputs:
                near = nearest(name, definition.inputs)
                known = ", ".join(definition.inputs)
                hint = f"did you mean {near!r}?" if near else f"inputs: {known}"
                text = f"{definition.id} has no input {name!r}"
                problems.append(Problem("unknown-port", f"{definition.id}.{name}", text, hint))
                continue
            source = self._source(value, name)
            if source is None:
                params[name] = value
            else:
                links[name] = source
        if problems:
            raise GraphError(problems)
        return params, links

    def _source(self, value: Any, port: str) -> Source | None:
        """The link that a value stands for; None for a literal."""
        if isinstance(value, (list, tuple)) and any(isinstance(v, (Wire, Handle)) for v in value):
            if not all(isinstance(v, (Wire, Handle)) for v in value):
                text = "a list holds both wires and literals"
                hint = "make a node of each literal, as value.integer"
                raise GraphError([Problem("mixed-list", port, text, hint)])
            return tuple(self._link(v, port) for v in value)
        return self._link(value, port) if isinstance(value, (Wire, Handle)) else None

    def _link(self, value: Any, port: str) -> Link:
        wire = _wire(value)
        if wire.scope is not self:
            text = f"{wire.link} is in another scope"
            hint = "a loop's body is closed: pass it in by each, const or state"
            raise GraphError([Problem("outside-body", port, text, hint)])
        return wire.link

    def _free_id(self, id: str, stem: str) -> str:
        if id:
            if id in self.nodes:
                hint = "give each node an id of its own"
                raise GraphError([Problem("double-id", id, f"there is a node {id!r}", hint)])
            return id
        number = 1
        while (name := stem if number == 1 else f"{stem}_{number}") in self.nodes:
            number += 1
        return name


class LoopBuilder(_Scope):
    """The body of a loop while it is written. `each`, `const` and `state` give the wires to read
    inside; `close` ends the body and gives the loop's outputs outside."""

    def __init__(self, outer: _Scope, id: str) -> None:
        super().__init__()
        self._outer = outer
        self._id = id
        self._each: dict[str, Link] = {}
        self._const: dict[str, Link] = {}
        self._init: dict[str, Link] = {}

    def each(self, name: str, source: Wire | Handle) -> Wire:
        """Walk a list; inside, the wire carries one element a pass."""
        return self._enter("each", self._each, name, source)

    def const(self, name: str, source: Wire | Handle) -> Wire:
        """Read a value of outside in every pass."""
        return self._enter("const", self._const, name, source)

    def state(self, name: str, init: Wire | Handle) -> Wire:
        """Carry a value from pass to pass; `close` says what its next is."""
        return self._enter("state", self._init, name, init)

    def close(
        self,
        *,
        next: Mapping[str, Wire | Handle] | None = None,
        collect: Mapping[str, Wire | Handle] | None = None,
    ) -> Handle:
        """End the body.

        Args:
            next: for each state, the value for the next pass.
            collect: values of every pass, as lists.

        Raises:
            GraphError: a state without its next, or a next that is no state.
        """
        nexts = {name: self._link(value, f"next.{name}") for name, value in (next or {}).items()}
        odd = sorted(set(nexts) ^ set(self._init))
        if odd:
            text = "each state needs a next, each next a state"
            raise GraphError(
                [Problem("state-next", name, text, "see close(next=…)") for name in odd]
            )
        gathered = {n: self._link(value, f"collect.{n}") for n, value in (collect or {}).items()}
        kind = LOOP if self._init else MAP
        id = self._outer._free_id(self._id, kind.rpartition(".")[2])
        self._outer.nodes[id] = Loop(
            kind,
            each=self._each,
            const=self._const,
            state={name: State(init, nexts[name]) for name, init in self._init.items()},
            collect=gathered,
            body=dict(self.nodes),
        )
        return Handle(self._outer, id, (*self._init, *gathered))

    def _enter(self, kind: str, held: dict[str, Link], name: str, source: Wire | Handle) -> Wire:
        held[name] = self._outer._link(source, f"{kind}.{name}")
        return Wire(Link(kind, name), self)


class GraphBuilder(_Scope):
    """Builds a graph node by node; `build` gives the immutable `Graph`."""

    def __init__(self, *, title: str = "", description: str = "") -> None:
        super().__init__()
        self._title = title
        self._description = description
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._outputs: dict[str, Link] = {}

    def input(self, name: str, *targets: str) -> None:
        """Declare a parameter of the graph: the ports it feeds, as `node.port`."""
        self._inputs[name] = targets

    def output(self, name: str, source: Wire | Handle) -> None:
        """Declare what the graph is for."""
        self._outputs[name] = self._link(source, f"outputs.{name}")

    def build(self) -> Graph:
        """The graph so far. What is added later does not change it."""
        return Graph(
            nodes=dict(self.nodes),
            inputs=dict(self._inputs),
            outputs=dict(self._outputs),
            title=self._title,
            description=self._description,
        )


def _wire(value: Wire | Handle) -> Wire:
    if isinstance(value, Wire):
        return value
    outputs: Iterable[str] = value._outputs
    names = tuple(outputs)
    if len(names) != 1:
        text = f"{value.id} has {len(names)} outputs: {', '.join(names)}"
        hint = f"write {value.id}.{names[0]}" if names else "it gives nothing"
        raise GraphError([Problem("which-output", value.id, text, hint)])
    return Wire(Link(value.id, names[0]), value._scope)
