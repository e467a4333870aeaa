"""What a run does about faults: telling them, marking what they cost, going on around them.

Imports `errors`, `events`, `program`, `guard`, `frame`, `result`, `memory`.
"""

from __future__ import annotations

from typing import Any

from nodeflow.errors import NodeError, OutputTypeError
from nodeflow.events import Event, NodeFailed, NodeSkipped
from nodeflow.frame import Frame
from nodeflow.graph import MAP
from nodeflow.guard import wrong_output
from nodeflow.memory import short
from nodeflow.program import Task
from nodeflow.result import NodeRecord, RunOptions, RunResult


def node_error(path: str, task: Task, frame: Frame, error: Exception) -> NodeError:
    """An exception as the node's own error, with what the node was given."""
    inputs = {port: short(value) for port, value in task.params.items()}
    for port, source in task.sources:
        slots = (source,) if isinstance(source, int) else source
        inputs[port] = ", ".join(short(frame.values.get(slot)) for slot in slots)
    text = str(error) or type(error).__name__
    kind = "" if type(error).__module__.startswith("nodeflow") else f"{type(error).__name__}: "
    return NodeError(path, task.type, f"{kind}{text}", inputs)


def check_count(path: str, task: Task, result: Any) -> None:
    """Raise `OutputTypeError` unless a node of several outputs returned as many values."""
    if not isinstance(result, tuple) or len(result) != len(task.outputs):
        expected = f"a tuple of {', '.join(task.outputs)}"
        raise OutputTypeError(path, task.type, f"it returned {short(result)}, expected {expected}")


def check_types(frame: Frame, task: Task, path: str) -> None:
    """Raise `OutputTypeError` unless the outputs are what their ports promise."""
    for slot in range(task.first, task.first + len(task.outputs)):
        fault = wrong_output(frame.values[slot], frame.scope.slot_types[slot])
        if fault:
            raise OutputTypeError(path, task.type, f"{frame.scope.slot_name(slot)}: {fault}")


class Faults:
    """The faults of one run, noted in its result."""

    def __init__(self, result: RunResult, options: RunOptions) -> None:
        self.result = result
        self.options = options

    def fail(self, stack: list[Frame], error: NodeError) -> None:
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
        self.mark(root, task, error)

    def mark(self, frame: Frame, task: Task, error: NodeError) -> None:
        """A task has failed, itself or in its body; the run goes on."""
        path = frame.path(task)
        record = self.result.nodes.setdefault(path, NodeRecord("failed"))
        if record.state != "failed" and error.path == path:
            self._emit(NodeFailed(path, error.message))
        record.state = "failed"
        if error not in self.result.errors:
            self.result.errors.append(error)
        self.lose(frame, task, error.path)

    def skip(self, frame: Frame, task: Task, why: str) -> None:
        """A task will not run."""
        path = frame.path(task)
        self.result.nodes[path] = NodeRecord("skipped", why)
        self._emit(NodeSkipped(path, why))

    def lose(self, frame: Frame, task: Task, because: str) -> None:
        """What a task would have made will not come."""
        for slot in range(task.first, task.first + len(task.outputs)):
            frame.failed[slot] = because
        frame.release(task)

    def _emit(self, event: Event) -> None:
        if self.options.on_event is not None:
            self.options.on_event(event)
