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
from nodeflow.errors import (
    Cancelled,
    GraphError,
    MutationError,
    NodeError,
    OutputTypeError,
)
from nodeflow.events import (
    Event,
    LoopStep,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from nodeflow.fingerprint import Key, slot_keys, source_key, static_keys
from nodeflow.frame import Frame, Ledger, LoopRun, open_loop
from nodeflow.graph import MAP, Graph
from nodeflow.guard import InputWatch, check_wired, wrong_output
from nodeflow.memory import BASE_BYTES, nbytes, short
from nodeflow.plan import targets
from nodeflow.program import Program, Task
from nodeflow.registry import Registry
from nodeflow.result import NodeRecord, OnEvent, RunOptions, RunResult
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
    options = RunOptions(on_event, keep_going, check)
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
        self._note_cached(cached)
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
                self._fail(stack, error)
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
                self._skip(frame, task, f"{because} failed")
                self._mark_lost(frame, task, because)
            elif self._take_equal(frame, task):
                continue
            elif task.chooses and index not in frame.chosen:
                for needless in frame.choose(task, self.cache):
                    self._skip(frame, tasks[needless], f"{frame.path(task)} chose another")
            elif task.loop is not None:
                return task
            else:
                try:
                    self._run_task(frame, task)
                except NodeError as error:
                    if not self.options.keep_going or frame.parent is not None:
                        raise
                    self._mark_failed(frame, task, error)
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
        self._note_cached([frame.path(task)])
        frame.release(task)
        return True

    def _open_loop(self, frame: Frame, task: Task) -> None:
        path = frame.path(task)
        why = self._why(frame, task, path) if not frame.label else ""
        self._emit(NodeStarted(path, task.type, why))
        self.result.nodes[path] = NodeRecord("ran", why, -perf_counter())
        try:
            frame.loop = open_loop(frame, task, self.cache, self.context.device)
        except Exception as error:
            raise self._node_error(path, task, frame, error) from error

    def _next_pass(self, loop: LoopRun) -> Frame | None:
        if loop.index >= len(loop.passes):
            return None
        frame = loop.passes[loop.index]
        frame.parent = loop
        if self.options.on_event is not None:
            path = loop.frame.path(loop.task)
            self._emit(LoopStep(path, loop.index, len(loop.passes), loop.first))
        self._note_cached(frame.at_rest())
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
        definition = task.definition
        assert definition is not None
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
            raise self._node_error(path, task, frame, error) from error
        record.seconds = perf_counter() - start
        if len(task.outputs) > 1:
            self._check_count(path, task, result)
            for offset, value in enumerate(result):
                self._store(frame, task, task.first + offset, value, record)
        elif task.outputs:
            self._store(frame, task, task.first, result, record)
        if self.options.check:
            self._check_types(frame, task, path)
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

    def _progress(self, path: str) -> Callable[[int, int, Mapping[str, Any]], None]:
        def report(value: int, total: int, info: Mapping[str, Any]) -> None:
            self._emit(NodeProgress(path, value, total, info))

        return report

    def _why(self, frame: Frame, task: Task, path: str) -> str:
        """Why the task runs, from what it was made of last time; notes what it is made of now."""
        definition = task.definition
        inputs = {port: source_key(source, frame.keys) for port, source in task.sources}
        itself = task.static_key or b""
        if task.loop is not None:  # what its body does, told by what comes out
            slots = range(task.first, task.first + len(task.outputs))
            itself = b"".join(frame.keys[slot] or b"" for slot in slots)
        version = definition.version if definition else 1
        now = MadeFrom(task.type, version, task.params, inputs, itself)
        before = self.cache.made.get(path)
        self.cache.made[path] = now
        if task.writes:
            return "it writes, so it runs each time"
        if definition is not None and definition.volatile:
            return "it depends on more than its inputs, so it runs each time"
        return why_run(before, now)

    # ── faults ─────────────────────────────────────────────────────────────────────────────────

    def _node_error(self, path: str, task: Task, frame: Frame, error: Exception) -> NodeError:
        inputs = {port: short(value) for port, value in task.params.items()}
        for port, source in task.sources:
            slots = (source,) if isinstance(source, int) else source
            inputs[port] = ", ".join(short(frame.values.get(slot)) for slot in slots)
        text = str(error) or type(error).__name__
        kind = "" if type(error).__module__.startswith("nodeflow") else f"{type(error).__name__}: "
        return NodeError(path, task.type, f"{kind}{text}", inputs)

    def _check_count(self, path: str, task: Task, result: Any) -> None:
        if not isinstance(result, tuple) or len(result) != len(task.outputs):
            expected = f"a tuple of {', '.join(task.outputs)}"
            raise OutputTypeError(
                path, task.type, f"it returned {short(result)}, expected {expected}"
            )

    def _check_types(self, frame: Frame, task: Task, path: str) -> None:
        for slot in range(task.first, task.first + len(task.outputs)):
            fault = wrong_output(frame.values[slot], frame.scope.slot_types[slot])
            if fault:
                raise OutputTypeError(path, task.type, f"{frame.scope.slot_name(slot)}: {fault}")

    def _fail(self, stack: list[Frame], error: NodeError) -> None:
        """Without `keep_going`, end the run. With it the other passes of a map go on, which stand
        alone, and what is around the innermost map, or the outermost loop, fails as a whole."""
        if error not in self.result.errors:
            self.result.nodes.setdefault(error.path, NodeRecord("failed")).state = "failed"
            self._emit(NodeFailed(error.path, error.message))
            self.result.errors.append(error)
        if not self.options.keep_going:
            raise error
        for depth in range(len(stack) - 1, 0, -1):
            around = stack[depth].parent
            if around is not None and around.task.type == MAP:
                around.fault = around.fault or error
                around.index += 1
                for frame in stack[depth:]:
                    frame.let_all_go()
                del stack[depth:]
                return
        root = stack[0]
        del stack[1:]
        loop = root.loop
        root.loop = None
        task = loop.task if loop is not None else root.scope.tasks[root.order[root.position - 1]]
        self._mark_failed(root, task, error)

    def _mark_failed(self, frame: Frame, task: Task, error: NodeError) -> None:
        path = frame.path(task)
        record = self.result.nodes.setdefault(path, NodeRecord("failed"))
        if record.state != "failed" and error.path == path:
            self._emit(NodeFailed(path, error.message))
        record.state = "failed"
        if error not in self.result.errors:
            self.result.errors.append(error)
        self._mark_lost(frame, task, error.path)

    def _skip(self, frame: Frame, task: Task, why: str) -> None:
        path = frame.path(task)
        self.result.nodes[path] = NodeRecord("skipped", why)
        self._emit(NodeSkipped(path, why))

    def _mark_lost(self, frame: Frame, task: Task, because: str) -> None:
        """What a task would have made will not come."""
        for slot in range(task.first, task.first + len(task.outputs)):
            frame.failed[slot] = because
        frame.release(task)

    def _note_cached(self, paths: Sequence[str]) -> None:
        nodes = self.result.nodes
        for path in paths:
            nodes[path] = NodeRecord("cached")
        if self.options.on_event is not None:
            for path in paths:
                self._emit(NodeCached(path))

    def _emit(self, event: Event) -> None:
        if self.options.on_event is not None:
            self.options.on_event(event)
