"""A graph made ready to run: groups dissolved, wires as slot numbers, loops with a program of
their own.

A *scope* is the top of a graph or the body of a loop. Its values live in numbered slots: first
those it is given (`each.step`, `const.model`, …), then the outputs of its tasks. Built by
`validate`. Imports `graph`, `node`, `errors`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from nodeflow.errors import Problem
from nodeflow.graph import Graph, Node
from nodeflow.node import NodeDefinition

SlotSource: TypeAlias = "int | tuple[int, ...]"
"""What feeds a port: one slot, or several gathered into a list."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A value that a loop carries, as slots: `init` outside; `given` and `next` in the body."""

    name: str
    init: int
    given: int
    next: int


@dataclass(frozen=True, slots=True)
class LoopProgram:
    """A loop's body and how values pass in and out. Pairs are (name, slot outside, slot in the
    body); `collect` is (name, slot in the body). The loop's outputs are its states, then its
    collections."""

    body: Scope
    each: tuple[tuple[str, int, int], ...]
    const: tuple[tuple[str, int, int], ...]
    state: tuple[Carried, ...]
    collect: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Task:
    """One node of a scope. `sources` holds its wired ports in the order of the signature; `params`
    the literals of all others, defaults included. `first` is the slot of its first output."""

    index: int
    path: str
    node: Node
    definition: NodeDefinition | None
    params: Mapping[str, Any]
    sources: tuple[tuple[str, SlotSource], ...]
    first: int
    outputs: tuple[str, ...]
    loop: LoopProgram | None = None
    static_key: bytes | None = None
    """The part of the key that no wire changes; b"" where it cannot be told, None until asked."""

    @property
    def type(self) -> str:
        return self.node.type

    @property
    def writes(self) -> bool:
        """Whether the task changes the world, itself or in its body."""
        if self.loop is not None:
            return self.loop.body.writes
        return self.definition is not None and self.definition.writes

    @property
    def chooses(self) -> bool:
        return self.definition is not None and self.definition.chooses is not None

    def reads_at(self, ports: Container[str]) -> list[int]:
        """The slots it reads at these ports."""
        found: list[int] = []
        for port, source in self.sources:
            if port in ports:
                found.extend((source,) if isinstance(source, int) else source)
        return found

    def reads(self) -> Iterator[int]:
        """Every slot it reads, as often as it does."""
        for _, source in self.sources:
            if isinstance(source, int):
                yield source
            else:
                yield from source


@dataclass(slots=True)
class Scope:
    """Tasks in an order that respects every wire, and the slots between them."""

    path: str
    given: tuple[str, ...] = ()
    tasks: list[Task] = field(default_factory=list)
    slot_types: list[Any] = field(default_factory=list)
    slot_task: list[int] = field(default_factory=list)
    """The task that makes a slot's value; -1 for what the scope is given."""
    order: list[int] = field(default_factory=list)
    """Task indices, each after all it reads."""
    run_order: list[int] = field(default_factory=list)
    """Of a loop's body: the needed tasks in the order of running, once that is worked out."""
    index: dict[str, int] = field(default_factory=dict)
    """Task numbers by id, of the nodes that stood in no group by their plain id."""
    has_groups: bool = False
    has_choices: bool = False
    """Whether a task of it chooses which of its inputs it needs."""
    writes: bool = False

    def needed(self, slots: Iterable[int], tasks: Iterable[int]) -> bytearray:
        """Which tasks it takes to give these slots and to run these tasks, a flag for each."""
        flags = bytearray(len(self.tasks))
        for index in tasks:
            flags[index] = 1
        self._flag_makers(slots, flags)
        for index in reversed(self.order):
            if flags[index]:
                self._flag_makers(self.tasks[index].reads(), flags)
        return flags

    def _flag_makers(self, slots: Iterable[int], flags: bytearray) -> None:
        for slot in slots:
            if self.slot_task[slot] >= 0:
                flags[self.slot_task[slot]] = 1

    def slot_name(self, slot: int) -> str:
        """`path.port` of a slot's value."""
        owner = self.slot_task[slot]
        if owner < 0:
            return self.given[slot]
        task = self.tasks[owner]
        return f"{task.path}.{task.outputs[slot - task.first]}"


@dataclass(slots=True)
class Program:
    """A checked graph. `outputs` maps the names that may be asked for to slots of the top scope.

    `problems` holds errors and warnings; with an error in it, the program is not to be run.
    """

    graph: Graph
    scope: Scope
    outputs: dict[str, int]
    problems: list[Problem]

    @property
    def errors(self) -> list[Problem]:
        return [p for p in self.problems if p.severity == "error"]
