"""Checks a graph and makes it a program: every problem at once, before anything runs.

Scopes are checked outside in, each in topological order, so that the type of every wire is known
when its reader is looked at. A loop's body is a scope of its own, checked when its loop is reached;
bodies are walked with an explicit stack. Imports the layers up to `wires`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, TypeVar

from nodeflow.check_node import NodeCheck
from nodeflow.errors import Problem
from nodeflow.flatten import flatten
from nodeflow.graph import (
    FORBIDDEN_IN_ID,
    MAP,
    Graph,
    Group,
    Link,
    Loop,
    Node,
    children,
    fed_by,
    few_hints,
    nearest,
    two_sources,
    unknown_input,
    walk,
)
from nodeflow.modes import has_modes, without_modes
from nodeflow.program import Carried, LoopProgram, Program, Scope, SlotSource, Task
from nodeflow.registry import Registry, default_registry
from nodeflow.revise import revised
from nodeflow.sockets import assignable, element, is_list, type_name
from nodeflow.wires import RESERVED, OpenScope, Wires

_Unknown = TypeVar("_Unknown")
UNKNOWN: Any = _Unknown
"""Type of what a faulty node would give: fits everywhere, so that one fault is told once."""


def validate(graph: Graph, registry: Registry | None = None) -> list[Problem]:
    """Everything that is wrong with a graph, errors first; empty if it can run as it is."""
    problems = program(graph, registry).problems
    return sorted(problems, key=lambda p: p.severity != "error")


def program(graph: Graph, registry: Registry | None = None) -> Program:
    """The graph as a program, with its problems. Worked out once per graph and registry."""
    registry = registry or default_registry()
    known = graph.memo.get("program")
    if known is not None and known[0] is registry:
        found: Program = known[1]
        return found
    with few_hints():
        made = _revised(graph, registry) or _checked(graph, registry)
    graph.memo["program"] = (registry, made)
    return made


def _checked(graph: Graph, registry: Registry) -> Program:
    """The program of what is left once muted and bypassed nodes are taken out."""
    if not has_modes(graph):
        return _Checker(graph, registry).check()
    left, problems = without_modes(graph, registry)
    made = _Checker(left, registry).check()
    made.graph = graph
    made.problems[:0] = problems
    return made


def _revised(graph: Graph, registry: Registry) -> Program | None:
    """The program taken over from the graph that this one was edited from, if that serves."""
    base, paths = graph.memo.pop("edited", (None, ()))
    known = base.memo.get("program") if base is not None else None
    if known is None or known[0] is not registry:
        return None
    made = revised(known[1], graph, paths, registry)
    if made is not None:
        for key, value in base.memo.items():
            if key[0] == "targets":
                graph.memo[key] = (made, value[1])
    return made


_Steps = Generator["_Steps", Any, Any]


class _Checker:
    def __init__(self, graph: Graph, registry: Registry) -> None:
        self.graph = graph
        self.registry = registry
        self.problems: list[Problem] = list(registry.failures)
        self.node = NodeCheck(registry, self.problem)
        self.wires = Wires(graph, self.problem)

    def problem(self, code: str, where: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(code, where, message, hint))

    def warning(self, code: str, where: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(code, where, message, hint, severity="warning"))

    def check(self) -> Program:
        self._ids()
        opened: OpenScope = _drive(self._scope(self.graph.nodes, "", {}))
        outputs = self._outputs(opened)
        self._inputs()
        self._unused(opened.scope, outputs)
        return Program(self.graph, opened.scope, outputs, self.problems)

    # ── one scope ──────────────────────────────────────────────────────────────────────────────

    def _scope(self, nodes: Mapping[str, Node], path: str, given: Mapping[str, Any]) -> _Steps:
        """Check the nodes of one scope; `given` maps what it is given to types."""
        where = f"{path}/" if path else ""
        flat = flatten(nodes, where)
        self.problems.extend(flat.problems)
        scope = Scope(path, tuple(given), slot_types=list(given.values()))
        scope.slot_task = [-1] * len(given)
        scope.has_groups = bool(flat.groups)
        opened = OpenScope(scope, flat, scope.index, {name: i for i, name in enumerate(given)})
        for index, (id, node) in enumerate(flat.nodes.items()):
            opened.index[id] = index
            definition = self.node.definition(f"{where}{id}", node)
            task = Task(index, f"{where}{id}", node, definition, {}, (), 0, ())
            scope.tasks.append(task)
        for id, task in zip(flat.nodes, scope.tasks, strict=True):
            opened.wires.append(self.wires.wires(opened, id, task))
        scope.order = self.wires.sort(opened)
        for index in scope.order:
            task = scope.tasks[index]
            wires = self.wires.slots(opened, index)
            task.first = len(scope.slot_types)
            if isinstance(task.node, Loop):
                yield from self._loop(opened, task, dict(wires))
            else:
                task.params = self.node.params(task)
                types = self.node.types(task, wires, scope)
                self._add_slots(opened, task, types)
            task.sources = self.node.sources(task, wires)
            scope.writes = scope.writes or task.writes
            scope.has_choices = scope.has_choices or task.chooses
        return opened

    def _add_slots(self, opened: OpenScope, task: Task, types: Mapping[str, Any]) -> None:
        task.outputs = tuple(types)
        opened.scope.slot_types.extend(types.values())
        opened.scope.slot_task.extend([task.index] * len(types))

    def _ids(self) -> None:
        """Ids are names of their own: paths, links and pass numbers are written with other
        signs."""
        pending: list[tuple[str, Node | None, Mapping[str, Node]]] = [("", None, self.graph.nodes)]
        while pending:
            prefix, holder, nodes = pending.pop()
            for id, node in nodes.items():
                where = f"{prefix}{id}"
                bad = sorted({c for c in id if c in FORBIDDEN_IN_ID or c.isspace()})
                if bad or not id:
                    text = f"{id!r} has {', '.join(map(repr, bad))} in it" if bad else "empty id"
                    self.problem("bad-id", where, text, "ids are letters, digits, _ and -")
                elif id in RESERVED and isinstance(holder, Loop):
                    text = f"in a body, {id!r} means what the loop gives"
                    self.problem("bad-id", where, text, "rename the node")
                if children(node):
                    pending.append((f"{where}/", node, children(node)))

    # ── loops ──────────────────────────────────────────────────────────────────────────────────

    def _loop(self, opened: OpenScope, task: Task, wires: dict[str, SlotSource | None]) -> _Steps:
        """Check a loop: what goes in, its body as a scope of its own, what comes out."""
        loop = task.node
        assert isinstance(loop, Loop)
        self._loop_shape(task, loop)
        types = opened.scope.slot_types
        given: dict[str, Any] = {}
        for name, slot in wires.items():
            tp = types[slot] if isinstance(slot, int) else UNKNOWN
            if name.startswith("each."):
                tp = self._each_type(task, name, tp)
            given[name] = tp
        body: OpenScope = yield self._scope(loop.body, task.path, given)
        task.first = len(opened.scope.slot_types)
        out = {name: given[f"state.{name}"] for name in loop.state}
        next_slots = self._body_slots(
            body, task, {name: (f"state.{name}", s.next) for name, s in loop.state.items()}
        )
        for name, slot in next_slots.items():
            self._check_next(body, task, name, slot, out[name])
        collected = self._body_slots(
            body, task, {name: (f"collect.{name}", link) for name, link in loop.collect.items()}
        )
        for name, slot in collected.items():
            inner = body.scope.slot_types[slot]
            out[name] = UNKNOWN if inner is UNKNOWN else list[inner]  # type: ignore[valid-type]
        for name in loop.collect:
            out.setdefault(name, UNKNOWN)
        self._add_slots(opened, task, out)
        if len(next_slots) == len(loop.state) and len(collected) == len(loop.collect):
            task.loop = _loop_program(loop, body, wires, next_slots, collected)

    def _loop_shape(self, task: Task, loop: Loop) -> None:
        if loop.params or loop.links:
            ports = ", ".join([*loop.params, *loop.links])
            hint = "a loop reads through each, const and state"
            self.problem("loop-links", task.path, f"the loop has no ports {ports}", hint)
        if not loop.each:
            hint = "for a number of passes walk a list.range"
            self.problem("loop-each", task.path, "the loop walks no list (each is empty)", hint)
        if loop.type == MAP and not loop.collect:
            hint = 'write "collect": {"name": "node.port"}'
            self.problem("loop-collect", task.path, "the map collects nothing", hint)
        if loop.type != MAP and not loop.state and not loop.collect:
            hint = "give it a state to carry or something to collect"
            self.problem("loop-output", task.path, "nothing comes out of the loop", hint)
        for name in sorted(set(loop.state) & set(loop.collect)):
            hint = "rename one of them"
            self.problem("loop-names", task.path, f"{name!r} is both a state and collected", hint)

    def _each_type(self, task: Task, name: str, tp: Any) -> Any:
        if tp is UNKNOWN or is_list(tp):
            return UNKNOWN if tp is UNKNOWN else element(tp)
        hint = "each walks lists; use const for a single value"
        text = f"got {type_name(tp)}, expected a list"
        self.problem("type-mismatch", f"{task.path}.{name}", text, hint)
        return UNKNOWN

    def _body_slots(
        self, body: OpenScope, task: Task, links: Mapping[str, tuple[str, Link]]
    ) -> dict[str, int]:
        """The body's slots that the loop carries or collects, by name."""
        found = {}
        for name, (port, link) in links.items():
            where = f"{task.path}.{port}"
            slot = self.wires.slot(body, self.wires.origin(body, "", link, where), where)
            if slot is not None:
                found[name] = slot
        return found

    def _check_next(self, body: OpenScope, task: Task, name: str, slot: int, init: Any) -> None:
        tp = body.scope.slot_types[slot]
        if not assignable(tp, init):
            self.problem(
                "state-mismatch",
                f"{task.path}.state.{name}",
                f"next is {type_name(tp)} ({body.scope.slot_name(slot)}), "
                f"but the state began as {type_name(init)}",
                self.node.conversion_hint(tp, init),
            )

    # ── the whole graph ────────────────────────────────────────────────────────────────────────

    def _outputs(self, opened: OpenScope) -> dict[str, int]:
        """Slots of the declared outputs, and of every `node.port` that may be asked for."""
        slots = {opened.scope.slot_name(slot): slot for slot in range(len(opened.scope.slot_types))}
        for path, group in opened.flat.groups.items():
            for name in group.graph.outputs:
                origin = opened.flat.resolve("", Link(path, name))
                if not isinstance(origin, Problem) and f"{origin[0]}.{origin[1]}" in slots:
                    slots[f"{path}.{name}"] = slots[f"{origin[0]}.{origin[1]}"]
        for name, link in self.graph.outputs.items():
            where = f"outputs.{name}"
            slot = self.wires.slot(opened, self.wires.origin(opened, "", link, where), where)
            if slot is not None:
                slots[name] = slot
        return slots

    def _inputs(self) -> None:
        """Every declared input must name ports that are there."""
        for name, targets in self.graph.inputs.items():
            if not targets:
                self.problem("unknown-port", f"inputs.{name}", "the input feeds no port")
                continue
            for path, port in self.graph.input_targets(name):
                where = f"inputs.{name}"
                node = self.graph.node(path)
                if node is None:
                    near = nearest(path, (known for known, _ in walk(self.graph)))
                    hint = f"did you mean {near}.{port}?" if near else ""
                    self.problem("unknown-node", where, f"there is no node {path!r}", hint)
                elif node.type in self.registry:
                    self.node.check_input(where, path, port, node)
                elif isinstance(node, Loop):
                    hint = "name a port of a node outside that feeds the loop, or one in its body"
                    self.problem(
                        "unknown-port", where, f"a loop has no port {port!r} of its own", hint
                    )
                elif isinstance(node, Group):
                    problem = unknown_input(port, node.graph.inputs)
                    self.problem("unknown-port", where, f"{path}: {problem.message}", problem.hint)
            for target in targets:
                path, _, port = target.rpartition(".")
                feeder = fed_by(self.graph, path, port)
                if feeder:
                    problem = two_sources(f"inputs.{name}", feeder)
                    self.problem(problem.code, problem.where, problem.message, problem.hint)

    def _unused(self, scope: Scope, outputs: Mapping[str, int]) -> None:
        """Warn of nodes that no declared output needs."""
        told = self.graph.outputs and all(name in outputs for name in self.graph.outputs)
        # What hangs on a fault looks unused: let the fault be mended first.
        if not told or any(problem.severity == "error" for problem in self.problems):
            return
        slots = [outputs[name] for name in self.graph.outputs]
        needed = scope.needed(slots, (task.index for task in scope.tasks if task.writes))
        for task in scope.tasks:
            if not needed[task.index]:
                hint = "it will not run; declare an output that reads it, or remove it"
                self.warning("unused", task.path, "no output needs this node", hint)


def _loop_program(
    loop: Loop,
    body: OpenScope,
    wires: Mapping[str, SlotSource | None],
    next_slots: Mapping[str, int],
    collected: Mapping[str, int],
) -> LoopProgram | None:
    """The loop's wiring as slots; None if a wire into it leads nowhere."""

    def pairs(kind: str, names: Mapping[str, Any]) -> tuple[tuple[str, int, int], ...]:
        return tuple((n, wires[f"{kind}.{n}"], body.given[f"{kind}.{n}"]) for n in names)  # type: ignore[misc]

    if any(slot is None for slot in wires.values()):
        return None
    return LoopProgram(
        body=body.scope,
        each=pairs("each", loop.each),
        const=pairs("const", loop.const),
        state=tuple(
            Carried(name, init, given, next_slots[name])
            for name, init, given in pairs("state", loop.state)
        ),
        collect=tuple(collected.items()),
    )


def _drive(steps: _Steps) -> Any:
    """Run nested generators with a stack of our own: a yielded generator is a call, its return
    value the answer."""
    stack, answer = [steps], None
    while stack:
        try:
            stack.append(stack[-1].send(answer))
            answer = None
        except StopIteration as stop:
            stack.pop()
            answer = stop.value
    return answer
