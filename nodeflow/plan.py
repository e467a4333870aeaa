"""What a run would do, told beforehand: the order, what is held when, and the predicted peak.

Imports the layers up to `order` and `validate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.graph import Graph, nearest
from nodeflow.order import memory_order, predicted_sizes
from nodeflow.program import LoopProgram, Program, Scope
from nodeflow.registry import Registry
from nodeflow.sockets import type_name
from nodeflow.validate import program


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One node in the order of running. `held` are bytes while it runs, what it makes included;
    `frees` names the values let go after it. A loop's `body` is the plan of one pass."""

    path: str
    type: str
    makes: tuple[tuple[str, str, int], ...]
    """(output, type, predicted bytes)"""
    held: int
    frees: tuple[str, ...]
    body: Plan | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The order of a graph or of a loop's body, and the most bytes held at once."""

    steps: tuple[PlanStep, ...]
    peak: int
    peak_at: str
    kept: tuple[str, ...] = ()
    """The values asked for, held to the end."""

    def as_json(self) -> dict[str, Any]:
        """The plan as plain data; loops hold the plan of their body."""
        steps = []
        for step in self.steps:
            entry: dict[str, Any] = {
                "node": step.path,
                "type": step.type,
                "makes": [{"output": o, "type": t, "bytes": b} for o, t, b in step.makes],
                "held_bytes": step.held,
                "frees": list(step.frees),
            }
            if step.body is not None:
                entry["body"] = step.body.as_json()
            steps.append(entry)
        return {"steps": steps, "peak_bytes": self.peak, "peak_at": self.peak_at}


@dataclass(slots=True)
class Targets:
    """What a run is asked for: slots by name, and the tasks of the top scope that takes, in the
    order of running."""

    wanted: dict[str, int]
    order: list[int]


def plan(
    graph: Graph, registry: Registry | None = None, *, outputs: Sequence[str] | None = None
) -> Plan:
    """The plan of a graph for its outputs, or for those named.

    Raises:
        GraphError: the graph has errors, or an output is not there.
    """
    made = program(graph, registry)
    if made.errors:
        raise GraphError(made.errors)
    asked = targets(made, outputs)
    sizes = predicted_sizes(made.scope, {})
    return _plan_scope(made.scope, asked.order, sizes, asked.wanted)


def targets(made: Program, outputs: Sequence[str] | None) -> Targets:
    """What the named outputs take; without names, what the graph is for.

    That is its declared outputs and all that writes; a graph that declares none and writes nothing
    is for the values that nobody reads.
    """
    key = ("targets", None if outputs is None else tuple(outputs))
    known = made.graph.memo.get(key)
    if known is not None and known[0] is made:
        found: Targets = known[1]
        return found
    scope = made.scope
    wanted = _wanted(made, outputs)
    writers = [t.index for t in scope.tasks if t.writes] if outputs is None else []
    if outputs is not None:
        paths = {name for name in outputs if name not in made.outputs}
        writers = [t.index for t in scope.tasks if t.path in paths]
    needed = scope.needed(wanted.values(), writers)
    sizes = predicted_sizes(scope, {})
    asked = Targets(wanted, memory_order(scope, sizes, wanted.values(), needed))
    made.graph.memo[key] = (made, asked)
    return asked


def _wanted(made: Program, outputs: Sequence[str] | None) -> dict[str, int]:
    scope = made.scope
    if outputs is not None:
        problems, wanted = [], {}
        paths = {task.path: task for task in scope.tasks}
        for name in outputs:
            if name in made.outputs:
                wanted[name] = made.outputs[name]
            elif name in paths and (paths[name].writes or len(paths[name].outputs) == 1):
                if not paths[name].writes:
                    wanted[name] = paths[name].first
            else:
                declared = [*made.graph.outputs, *made.outputs]
                near = nearest(name, declared)
                offered = ", ".join(made.graph.outputs) or "none declared"
                hint = f"did you mean {near!r}?" if near else f"outputs: {offered}"
                text = f"the graph has no output {name!r}"
                problems.append(Problem("unknown-output", name, text, hint))
        if problems:
            raise GraphError(problems)
        return wanted
    if made.graph.outputs or scope.writes:
        return {name: made.outputs[name] for name in made.graph.outputs if name in made.outputs}
    read = {slot for task in scope.tasks for slot in task.reads()}
    return {scope.slot_name(s): s for s in range(len(scope.slot_types)) if s not in read}


def _plan_scope(
    scope: Scope, order: Sequence[int], sizes: Sequence[int], wanted: Mapping[str, int]
) -> Plan:
    readers = [0] * len(sizes)
    for index in order:
        for slot in scope.tasks[index].reads():
            readers[slot] += 1
    for slot in wanted.values():
        readers[slot] += 1
    held, peak, peak_at, steps = 0, 0, "", []
    for index in order:
        task = scope.tasks[index]
        slots = range(task.first, task.first + len(task.outputs))
        body = _plan_body(task.loop, sizes) if task.loop is not None else None
        held += sum(sizes[slot] for slot in slots)
        now = held + (body.peak if body else 0)
        if now > peak:
            peak, peak_at = now, task.path
        gone = []
        for slot in [*task.reads(), *slots]:
            readers[slot] -= slot not in slots
            if readers[slot] == 0 and slot >= len(scope.given):
                gone.append(slot)
        held -= sum(sizes[slot] for slot in gone)
        makes = tuple(
            (name, type_name(scope.slot_types[slot]), sizes[slot])
            for name, slot in zip(task.outputs, slots, strict=True)
        )
        frees = tuple(scope.slot_name(slot) for slot in gone)
        steps.append(PlanStep(task.path, task.type, makes, now, frees, body))
    return Plan(tuple(steps), peak, peak_at, tuple(wanted))


def _plan_body(loop: LoopProgram, outer: Sequence[int]) -> Plan:
    """The plan of one pass. What it is given is held outside and not counted again; nesting
    recurses as deep as bodies are nested."""
    given = {inside: outer[slot] for _, slot, inside in loop.const}
    given.update({state.given: outer[state.init] for state in loop.state})
    body = loop.body
    sizes = predicted_sizes(body, given)
    kept = {f"state.{state.name}": state.next for state in loop.state}
    kept.update({f"collect.{name}": slot for name, slot in loop.collect})
    return _plan_scope(body, body_order(loop), sizes, kept)


def body_order(loop: LoopProgram) -> list[int]:
    """The order of one pass: what the loop carries and collects, and what writes."""
    body = loop.body
    kept = [state.next for state in loop.state] + [slot for _, slot in loop.collect]
    writers = [task.index for task in body.tasks if task.writes]
    sizes = predicted_sizes(body, {})
    for _, _, inside in (*loop.each, *loop.const):
        sizes[inside] = 0  # held outside, whoever reads it here
    return memory_order(body, sizes, kept, body.needed(kept, writers))
