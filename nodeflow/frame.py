"""The state of a run: one frame per scope that is being run, one `LoopRun` per loop.

Which tasks run is decided backwards from what is wanted, asking the cache for each value on the
way: what is at hand needs nothing before it. A loop is its passes one after another, so a changed
tail resumes from the last pass whose state is at hand. Imports the layers up to `cache` and `plan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodeflow.cache import MISS, Cache
from nodeflow.errors import InputError, NodeError
from nodeflow.fingerprint import Key, digest, element_key, slot_keys
from nodeflow.memory import Account, content_key, nbytes
from nodeflow.plan import body_order
from nodeflow.program import LoopProgram, Scope, Task


class Ledger(Account):
    """Bytes that the values of a run hold, and the most they held."""

    __slots__ = ("peak",)

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0

    def add(self, size: int) -> None:
        if type(size) is int:  # most values: there are many of them
            self.held += size
        else:
            super().add(size)
        if self.held > self.peak:
            self.peak = self.held


class Frame:
    """One scope being run: values and keys by slot, which tasks run, who still reads what."""

    __slots__ = (
        "chosen",
        "done",
        "failed",
        "keys",
        "label",
        "ledger",
        "loop",
        "order",
        "parent",
        "position",
        "readers",
        "run",
        "scope",
        "sizes",
        "values",
        "waits",
        "wanted",
    )

    def __init__(self, scope: Scope, order: Sequence[int], label: str, ledger: Ledger) -> None:
        self.scope = scope
        self.ledger = ledger
        self.order = order
        self.label = label
        self.parent: LoopRun | None = None
        self.values: dict[int, Any] = {}
        self.sizes: dict[int, int] = {}
        self.keys: list[Key] = []
        self.run = bytearray(len(scope.tasks))
        self.done = bytearray(len(scope.tasks))
        self.waits = bytearray(len(scope.tasks))
        """Tasks whose turn hangs on a choice that is not made yet."""
        self.chosen: dict[int, list[int]] = {}
        """Of each task that has chosen, the slots that it reads."""
        self.readers: list[int] = []
        self.wanted: list[int] = []
        self.position = 0
        self.loop: LoopRun | None = None
        self.failed: dict[int, str] = {}
        """Slots whose value will not come, and the path of the node that failed."""

    def path(self, task: Task) -> str:
        """The task's path with the numbers of the passes: `denoise[7]/cond`."""
        return self.label + task.path[len(self.scope.path) :]

    def hold(self, slot: int, value: Any, size: int) -> None:
        """Put a value into its slot, in place of what may be there: a node that runs for the sake
        of one output makes the others again."""
        if slot in self.sizes:
            self.ledger.remove(self.sizes[slot])
        self.values[slot] = value
        self.sizes[slot] = size
        self.ledger.add(size)

    def let_go(self, slot: int) -> None:
        self.values.pop(slot, None)
        size = self.sizes.pop(slot, None)
        if size is not None:
            self.ledger.remove(size)

    def decide(self, wanted: Iterable[int], cache: Cache) -> set[int]:
        """Mark the tasks to run so that the wanted slots get values, taking from the cache what it
        has. Tasks that write run in any case. Where a task will choose between its inputs, what
        feeds them waits for the choice, after which this is called again. Returns which given slots
        are needed, or may be."""
        scope, run, done = self.scope, self.run, self.done
        self.wanted = list(wanted)
        need = bytearray(len(scope.slot_types))
        for slot in self.wanted:
            need[slot] = 1
        may = bytearray(need) if scope.has_choices else need
        tasks = scope.tasks
        for index in reversed(self.order):
            if done[index]:
                continue
            task = tasks[index]
            needed, possible = self._missing(task, need, may, cache)
            run[index] = needed
            self.waits[index] = possible and not needed
            if needed:
                for slot in self._sure_reads(task):
                    need[slot] = 1
            if possible and may is not need:
                for slot in self._reads(task):
                    may[slot] = 1
        self._count_readers()
        return {slot for slot in range(len(scope.given)) if may[slot]}

    def _missing(
        self, task: Task, need: bytearray, may: bytearray, cache: Cache
    ) -> tuple[bool, bool]:
        """Whether the task must run, and whether it may have to; what is in the cache is taken."""
        needed = possible = task.writes
        for slot in range(task.first, task.first + len(task.outputs)):
            if not may[slot] or task.writes or slot in self.values:
                continue
            value = cache.get(self.keys[slot])
            if value is MISS:
                possible = True
                needed = needed or bool(need[slot])
            else:
                self.hold(slot, value, nbytes(value))
        return needed, possible

    def choose(self, task: Task, cache: Cache) -> list[int]:
        """Let a task that chooses say which input it needs, and decide anew. The frame begins again
        at its first task, so that what the choice needs comes before. Returns the tasks that the
        choice has made needless."""
        definition = task.definition
        assert definition is not None
        assert definition.chooses is not None
        fed = dict(task.sources)
        told = {}
        for port in definition.choosing:
            source = fed.get(port)
            told[port] = task.params[port] if source is None else self.values[source]  # type: ignore[index]
        ports = (*definition.choosing, definition.chooses(**told))
        self.chosen[task.index] = task.reads_at(ports)
        waited = bytes(self.waits)
        self.decide(self.wanted, cache)
        self.position = 0
        return [i for i, was in enumerate(waited) if was and not self.waits[i] and not self.run[i]]

    def at_rest(self) -> list[Task]:
        """The tasks that need not run, whatever is chosen."""
        idle = (i for i in self.order if not self.run[i] and not self.waits[i])
        return [self.scope.tasks[i] for i in idle]

    def _reads(self, task: Task) -> Iterable[int]:
        """What a task reads; once it has chosen, that alone."""
        chosen = self.chosen.get(task.index)
        return task.reads() if chosen is None else chosen

    def _sure_reads(self, task: Task) -> Iterable[int]:
        """What a task is sure to read; before it has chosen, what it chooses by."""
        if not task.chooses or task.index in self.chosen:
            return self._reads(task)
        assert task.definition is not None
        return task.reads_at(task.definition.choosing)

    def _count_readers(self) -> None:
        """Count who still reads each slot, and let go of what nobody does."""
        readers = [0] * len(self.scope.slot_types)
        tasks = self.scope.tasks
        for index in self.order:
            if self.run[index] or self.waits[index]:
                for slot in self._reads(tasks[index]):
                    readers[slot] += 1
        for slot in self.wanted:
            readers[slot] += 1
        self.readers = readers
        if self.scope.has_choices:
            for slot in [slot for slot in self.values if not readers[slot]]:
                self.let_go(slot)

    def release(self, task: Task) -> None:
        """Let go of the task's inputs that nobody else will read, and of outputs nobody wants."""
        self.run[task.index] = 0
        self.done[task.index] = 1
        readers = self.readers
        for slot in self._reads(task):
            readers[slot] -= 1
            if readers[slot] == 0:
                self.let_go(slot)
        for slot in range(task.first, task.first + len(task.outputs)):
            if readers[slot] == 0:
                self.let_go(slot)

    def let_all_go(self) -> None:
        for slot in list(self.values):
            self.let_go(slot)

    def failure(self, task: Task) -> str | None:
        """The path of a failed node that this task hangs on, if any."""
        if not self.failed:
            return None
        reads = self._sure_reads(task)
        return next((self.failed[slot] for slot in reads if slot in self.failed), None)


@dataclass(slots=True)
class LoopRun:
    """One loop being run: its passes, what they have carried and collected so far."""

    task: Task
    program: LoopProgram
    frame: Frame
    """The frame that the loop is a task of."""
    passes: list[Frame]
    lists: list[list[Any]]
    """Per `each`, the values it walks."""
    consts: dict[int, Any]
    """Values that every pass reads, by slot in the body."""
    index: int
    """The pass that runs now."""
    first: int
    collected: dict[str, list[Any]]
    carried: dict[int, tuple[Any, int]]
    """The carried values with their bytes, by slot given, for the pass that runs now."""
    collected_sizes: list[int] = field(default_factory=list)
    fault: NodeError | None = None
    """Of a map that goes on after a pass failed: the first fault."""

    def give(self, frame: Frame) -> None:
        """Put what a pass is given into its slots."""
        frame.values.update(
            {slot: value for slot, value in self.consts.items() if frame.readers[slot]}
        )
        for (_, _, slot), values in zip(self.program.each, self.lists, strict=True):
            if frame.readers[slot]:
                frame.values[slot] = values[self.index]
        for slot, (value, size) in self.carried.items():
            if frame.readers[slot]:
                frame.hold(slot, value, size)
        self.carried = {}  # the frame alone holds it now, and lets it go after its last reader

    def take(self, frame: Frame) -> None:
        """Take what a finished pass carries on and adds to the collections."""
        for name, slot in self.program.collect:
            if name in self.collected:
                self.collected[name].append(frame.values[slot])
                size = frame.sizes.get(slot, 0)
                self.collected_sizes.append(size)
                frame.ledger.add(size)
        self.carried = {
            state.given: (frame.values[state.next], frame.sizes.get(state.next, 0))
            for state in self.program.state
            if state.next in frame.wanted and state.next in frame.values
        }
        frame.let_all_go()

    def outputs(self) -> dict[int, Any]:
        """The loop's outputs by slot outside, once all passes have run."""
        first, program = self.task.first, self.program
        found: dict[int, Any] = {}
        for offset, state in enumerate(program.state):
            if state.given in self.carried:
                found[first + offset] = self.carried[state.given][0]
        for offset, (name, _) in enumerate(program.collect, start=len(program.state)):
            if name in self.collected:
                found[first + offset] = self.collected[name]
        return found


def open_loop(frame: Frame, task: Task, cache: Cache, device: str) -> LoopRun:
    """Work out the keys of every pass of a loop and which tasks of which passes must run.

    Raises:
        InputError: the lists that the loop walks differ in length.
    """
    program = task.loop
    assert program is not None
    values = frame.values
    lists = [list(values[outer]) for _, outer, _ in program.each]
    names = [f"each.{name}" for name, _, _ in program.each]
    count = _common_length(names, lists)
    wanted = _wanted_outputs(frame, task)
    passes = _passes(frame, task, lists, count, device)
    needed = {program.state[i].name for i in wanted if i < len(program.state)}
    collected = {
        program.collect[i - len(program.state)][0] for i in wanted if i >= len(program.state)
    }
    carry = {state.given for state in program.state if state.name in needed}
    for inner in reversed(passes):
        ends = [state.next for state in program.state if state.given in carry]
        ends += [slot for name, slot in program.collect if name in collected]
        given = inner.decide(list(dict.fromkeys(ends)), cache)
        direct = {slot for slot in ends if slot < len(program.body.given)}
        carry = {s.given for s in program.state if s.given in given or s.given in direct}
    first = next((i for i, inner in enumerate(passes) if any(inner.run)), count)
    return LoopRun(
        task,
        program,
        frame,
        passes,
        lists,
        {inside: values[outer] for _, outer, inside in program.const},
        index=0,
        first=first,
        collected={name: [] for name in collected},
        carried={s.given: (values[s.init], 0) for s in program.state if s.given in carry},
    )


def _passes(
    frame: Frame, task: Task, lists: Sequence[list[Any]], count: int, device: str
) -> list[Frame]:
    """A frame per pass with its keys: elements by content where they are small, else by place."""
    program = task.loop
    assert program is not None
    order = body_order_of(program)
    keys = frame.keys
    state: dict[int, Key] = {s.given: keys[s.init] for s in program.state}
    const: dict[int, Key] = {inside: keys[outer] for _, outer, inside in program.const}
    label = frame.path(task)
    passes = []
    for index in range(count):
        given: dict[int, Key] = {**const, **state}
        for (_, outer, inside), values in zip(program.each, lists, strict=True):
            told = content_key(values[index])
            given[inside] = (
                element_key(keys[outer], index) if told is None else digest(b"content", told)
            )
        inner = Frame(program.body, order, f"{label}[{index}]", frame.ledger)
        known = [given[slot] for slot in range(len(program.body.given))]
        inner.keys = slot_keys(program.body, known, device)
        state = {s.given: inner.keys[s.next] for s in program.state}
        passes.append(inner)
    return passes


def body_order_of(program: LoopProgram) -> list[int]:
    """The order of one pass, worked out once."""
    if not program.body.run_order:
        program.body.run_order.extend(body_order(program))
    return program.body.run_order


def _wanted_outputs(frame: Frame, task: Task) -> list[int]:
    """Which outputs of a loop somebody reads, and the cache did not have."""
    slots = range(task.first, task.first + len(task.outputs))
    return [
        offset
        for offset, slot in enumerate(slots)
        if frame.readers[slot] and slot not in frame.values
    ]


def _common_length(names: Sequence[str], lists: Sequence[list[Any]]) -> int:
    lengths = [len(values) for values in lists]
    if len(set(lengths)) > 1:
        got = ", ".join(f"{n} has {c}" for n, c in zip(names, lengths, strict=True))
        raise InputError(names[0], got, "lists of one length", "the lists are walked in step")
    return lengths[0]
