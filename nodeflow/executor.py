"""Runs a graph: what is needed, once, in an order that holds little; the rest comes from the cache.

Frames stand on an explicit stack (a loop's pass is a frame of its own), so that neither a long
chain nor deep bodies recurse. Imports every layer above.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from nodeflow.cache import MISS, Cache, MadeFrom, why_run
from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, GraphError, MutationError, NodeError
from nodeflow.events import (
    Event,
    LoopStep,
    NodeCached,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from nodeflow.faults import Faults, check_count, check_types, node_error
from nodeflow.fingerprint import Key, slot_keys, source_key, static_keys
from nodeflow.frame import Frame, Ledger, LoopRun, open_loop
from nodeflow.graph import Graph
from nodeflow.guard import InputWatch, check_wired
from nodeflow.memory import BASE_BYTES, nbytes
from nodeflow.plan import targets
from nodeflow.program import Program, Task
from nodeflow.registry import Registry
from nodeflow.result import (
    Before,
    NodeRecord,
    OnEvent,
    OnFound,
    OnInputs,
    OnValue,
    RunOptions,
    RunResult,
)
from nodeflow.sockets import PLAIN, socket_info
from nodeflow.validate import program


def run(
    graph: Graph,
    inputs: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    *,
    cache: Cache | None = None,
    on_event: OnEvent | None = None,
    registry: Registry | None = None,
    context: RunContext | None = None,
    cancel: threading.Event | None = None,
    keep_going: bool = False,
    check: bool = False,
    on_value: OnValue | None = None,
    on_inputs: OnInputs | None = None,
    on_found: OnFound | None = None,
    before: Before | None = None,
) -> RunResult:
    """Run a graph and return its outputs, with what became of each node.

    Args:
        graph: the graph; it is checked first, in whole.
        inputs: values for its declared inputs.
        outputs: names of declared outputs, or `node.port`; by default what the graph is for.
        cache: where results are looked up and kept; by default one for this run alone.
        on_event: called with each event, in order, from the thread that runs.
        context: device, output folder and metadata for the nodes.
        cancel: set it from anywhere to stop between two nodes or steps.
        keep_going: after a failure, still run what does not depend on it.
        check: catch nodes that change their inputs or return what they do not promise.
        on_value: called with (path, port, value, key) of each value made, a loop's and those that
            a pass is given (`denoise[7]`, `each.step`) among them.
        on_inputs: called with (path, arguments) of each node about to run.
        on_found: called with (path, port, key) of each output that need not be made.
        before: called with the path of each node, loop (`denoise`) and pass (`denoise[7]`) before
            it begins; it may take its time, and may raise `Cancelled`.

    Raises:
        GraphError: something is wrong with the graph or the inputs; nothing has run.
        NodeError: a node failed (not with `keep_going`); `.result` holds what had finished.
        Cancelled: `.result` holds what had finished.
    """
    if inputs:
        graph = graph.with_inputs(inputs)
    made = program(graph, registry)
    if made.errors:
        raise GraphError(made.errors)
    context = context or RunContext()
    if cancel is not None:
        context = replace(context, cancel_event=cancel)
    options = RunOptions(on_event, keep_going, check, on_value, on_inputs, on_found, before)
    store = Cache() if cache is None else cache
    return _Run(made, outputs, store, context, options).go()


class _Run:
    """One run, from the first decision to the result."""

    def __init__(
        self,
        made: Program,
        outputs: Sequence[str] | None,
        cache: Cache,
        context: RunContext,
        options: RunOptions,
    ) -> None:
        self.made = made
        self.asked = targets(made, outputs)
        self.cache = cache
        self.context = context
        self.options = options
        self.result = RunResult()
        self.faults = Faults(self.result, options)
        self.ledger = Ledger()
        self.made_now: set[Key] = set()
        """The keys of what this run has made."""

    def go(self) -> RunResult:
        start = perf_counter()
        root = self._open_root()
        try:
            self._execute(root)
        except (NodeError, Cancelled, KeyboardInterrupt) as error:
            cancelled = not isinstance(error, NodeError)
            self._finish(root, start, "cancelled" if cancelled else "failed")
            stop = Cancelled("interrupted") if isinstance(error, KeyboardInterrupt) else error
            stop.result = self.result  # type: ignore[union-attr]
            raise stop from error.__cause__
        self._finish(root, start, "failed" if self.result.errors else "done")
        return self.result

    def _open_root(self) -> Frame:
        """Keys for the whole top scope, then what must run, backwards from what is wanted."""
        scope = self.made.scope
        static_keys(scope)
        root = Frame(scope, self.asked.order, "", self.ledger)
        root.keys = slot_keys(scope, [], self.context.device)
        root.decide(self.asked.wanted.values(), self.cache)
        cached = root.at_rest()
        self._emit(RunStarted(len(self.asked.order), len(cached)))
        self._note_cached(root, cached)
        return root

    def _finish(self, root: Frame, start: float, status: str) -> None:
        for name, slot in self.asked.wanted.items():
            if slot in root.values:
                self.result.outputs[name] = root.values[slot]
        self.result.status = status
        self.result.peak_bytes = self.ledger.peak
        self.result.seconds = perf_counter() - start
        self._emit(RunFinished(status, self.result.seconds))

    # ── frames ─────────────────────────────────────────────────────────────────────────────────

    def _execute(self, root: Frame) -> None:
        stack = [root]
        while stack:
            frame = stack[-1]
            try:
                opened = self._advance(frame)
            except NodeError as error:
                self.faults.fail(stack, error)
                continue
            if opened is not None:
                stack.append(opened)
            elif frame.loop is None:
                stack.pop()
                if frame.parent is not None:
                    frame.parent.take(frame)
                    frame.parent.index += 1

    def _advance(self, frame: Frame) -> Frame | None:
        """Run the frame's tasks up to the next loop; the frame of that loop's next pass, or None
        when the frame has no more to do."""
        while True:
            if frame.loop is not None:
                child = self._next_pass(frame.loop)
                if child is not None:
                    return child
                self._close_loop(frame, frame.loop)
            task = self._run_tasks(frame)
            if task is None:
                return None
            self._open_loop(frame, task)

    def _run_tasks(self, frame: Frame) -> Task | None:
        """Run tasks in order; stop at a loop, which is returned, or at the end."""
        order, tasks, run = frame.order, frame.scope.tasks, frame.run
        cancelled = self.context.cancel_event.is_set
        while frame.position < len(order):
            index = order[frame.position]
            frame.position += 1
            if not run[index]:
                continue
            task = tasks[index]
            if cancelled():
                raise Cancelled("the run was cancelled")
            because = frame.failure(task)
            if because is not None:
                self.faults.skip(frame, task, f"{because} failed")
                self.faults.lose(frame, task, because)
            elif self._take_equal(frame, task):
                continue
            elif task.chooses and index not in frame.chosen:
                for needless in frame.choose(task, self.cache):
                    self.faults.skip(frame, tasks[needless], f"{frame.path(task)} chose another")
            elif task.loop is not None:
                return task
            else:
                try:
                    self._run_task(frame, task)
                except NodeError as error:
                    if not self.options.keep_going or frame.parent is not None:
                        raise
                    self.faults.mark(frame, task, error)
        return None

    def _take_equal(self, frame: Frame, task: Task) -> bool:
        """Take what an equal node of this run has made, if the cache still holds it."""
        slots = range(task.first, task.first + len(task.outputs))
        if task.writes or not any(frame.keys[slot] in self.made_now for slot in slots):
            return False
        found = {slot: self.cache.get(frame.keys[slot]) for slot in slots if frame.readers[slot]}
        if any(value is MISS for value in found.values()):
            return False
        for slot, value in found.items():
            frame.hold(slot, value, nbytes(value))
        self._note_cached(frame, [task])
        frame.release(task)
        return True

    def _open_loop(self, frame: Frame, task: Task) -> None:
        path = frame.path(task)
        if self.options.before is not None:
            self.options.before(path)
        why = self._why(frame, task, path) if not frame.label else ""
        self._emit(NodeStarted(path, task.type, why))
        self.result.nodes[path] = NodeRecord("ran", why, -perf_counter())
        try:
            frame.loop = open_loop(frame, task, self.cache, self.context.device)
        except Exception as error:
            raise node_error(path, task, frame, error) from error

    def _next_pass(self, loop: LoopRun) -> Frame | None:
        if loop.index >= len(loop.passes):
            return None
        frame = loop.passes[loop.index]
        frame.parent = loop
        if self.options.on_value is not None:
            for (name, _, slot), values in zip(loop.program.each, loop.lists, strict=True):
                key = frame.keys[slot]
                self.options.on_value(frame.label, f"each.{name}", values[loop.index], key)
        if self.options.on_event is not None:
            path = loop.frame.path(loop.task)
            self._emit(LoopStep(path, loop.index, len(loop.passes), loop.first))
        self._note_cached(frame, frame.at_rest())
        if self.options.before is not None:
            self.options.before(frame.label)
        loop.give(frame)
        return frame

    def _close_loop(self, frame: Frame, loop: LoopRun) -> None:
        """Put a finished loop's outputs into the frame it is a task of."""
        for size in loop.collected_sizes:
            self.ledger.remove(size)
        task = loop.task
        record = self.result.nodes[frame.path(task)]
        record.seconds += perf_counter()
        if loop.fault is not None:
            raise loop.fault
        frame.loop = None
        for slot, value in loop.outputs().items():
            if slot not in frame.values:
                self._store(frame, task, slot, value, record)
        self._emit(NodeFinished(frame.path(task), record.seconds, record.nbytes))
        frame.release(task)

    # ── one task ───────────────────────────────────────────────────────────────────────────────

    def _run_task(self, frame: Frame, task: Task) -> None:
        path = frame.path(task)
        arguments = dict(task.params)
        values = frame.values
        read = frame.chosen.get(task.index)
        for port, source in task.sources:
            if isinstance(source, int):
                arguments[port] = values[source] if read is None else values.get(source)
            elif read is None or source[0] in read:
                arguments[port] = [values[slot] for slot in source]
            else:
                arguments[port] = None
        if self.options.before is not None:
            self.options.before(path)
        if self.options.on_inputs is not None:
            self.options.on_inputs(path, arguments)
        why = self._why(frame, task, path)
        record = self.result.nodes[path] = NodeRecord("ran", why)
        if self.options.on_event is not None:
            self._emit(NodeStarted(path, task.type, why))
        start = perf_counter()
        try:
            result = self._call(path, task, arguments)
        except Exception as error:
            if isinstance(error, (Cancelled, NodeError)):
                raise
            raise node_error(path, task, frame, error) from error
        record.seconds = perf_counter() - start
        if len(task.outputs) > 1:
            check_count(path, task, result)
            for offset, value in enumerate(result):
                self._store(frame, task, task.first + offset, value, record)
        elif task.outputs:
            self._store(frame, task, task.first, result, record)
        if self.options.check:
            check_types(frame, task, path)
        if self.options.on_event is not None:
            self._emit(NodeFinished(path, record.seconds, record.nbytes))
        frame.release(task)

    def _call(self, path: str, task: Task, arguments: dict[str, Any]) -> Any:
        definition = task.definition
        assert definition is not None
        check_wired(definition.inputs, {port: arguments[port] for port, _ in task.sources})
        if definition.context_name:
            own = replace(self.context, on_progress=self._progress(path))
            arguments[definition.context_name] = own
        if not self.options.check:
            return definition.function(**arguments)
        watch = InputWatch({k: v for k, v in arguments.items() if k in definition.inputs})
        result = definition.function(**arguments)
        changed = watch.changed()
        if changed:
            raise MutationError(path, task.type, "it changed its inputs in place", changed)
        return result

    def _store(self, frame: Frame, task: Task, slot: int, value: Any, record: NodeRecord) -> None:
        """Put an output into its slot and the cache."""
        size = BASE_BYTES if type(value) in PLAIN else nbytes(value)
        frame.hold(slot, value, size)
        record.nbytes += size
        tp = frame.scope.slot_types[slot]
        persist = tp in PLAIN or socket_info(tp).persist
        if not task.writes and frame.keys[slot] is not None:
            self.made_now.add(frame.keys[slot])
            self.cache.put(frame.keys[slot], value, record.seconds, size, persist=persist)
        if self.options.on_value is not None:
            port = task.outputs[slot - task.first]
            self.options.on_value(frame.path(task), port, value, frame.keys[slot])

    def _progress(self, path: str) -> Callable[[int, int, Mapping[str, Any]], None]:
        def report(value: int, total: int, info: Mapping[str, Any]) -> None:
            self._emit(NodeProgress(path, value, total, info))

        return report

    def _why(self, frame: Frame, task: Task, path: str) -> str:
        """Why the task runs, from what it was made of last time; notes what it is made of now."""
        definition = task.definition
        inputs = {port: source_key(source, frame.keys) for port, source in task.sources}
        itself = task.static_key or b""
        keys = frame.keys[task.first : task.first + len(task.outputs)]
        if task.loop is not None:  # what its body does, told by what comes out
            itself = b"".join(key or b"" for key in keys)
        version = definition.version if definition else 1
        now = MadeFrom(task.type, version, task.params, inputs, itself)
        before = self.cache.made.get(path)
        self.cache.made[path] = now
        if task.writes:
            return "it writes, so it runs each time"
        if definition is not None and definition.volatile:
            return "it depends on more than its inputs, so it runs each time"
        return why_run(before, now, not self.cache.withheld.isdisjoint(keys))

    def _note_cached(self, frame: Frame, tasks: Sequence[Task]) -> None:
        nodes, options = self.result.nodes, self.options
        paths = [frame.path(task) for task in tasks]
        for path in paths:
            nodes[path] = NodeRecord("cached")
        if options.on_event is not None:
            for path in paths:
                options.on_event(NodeCached(path))
        if options.on_found is not None:
            for path, task in zip(paths, tasks, strict=True):
                for slot, port in enumerate(task.outputs, start=task.first):
                    options.on_found(path, port, frame.keys[slot])

    def _emit(self, event: Event) -> None:
        if self.options.on_event is not None:
            self.options.on_event(event)
