"""What a run shows while it goes on: a live display on a terminal, plain lines elsewhere.

Both are told each event of the run. Rich is imported only for the live one. Imports `events`.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TextIO

from nodeflow.events import (
    Event,
    LoopStep,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunStarted,
)

PARTS = 10
"""How many lines at most a loop or a node writes where there is no terminal."""


class Display(AbstractContextManager["Display"]):
    """Shows nothing; what the others build on."""

    def __call__(self, event: Event) -> None:
        """Take note of an event."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was found."""


def display_for(stream: TextIO | None = None) -> Display:
    """The display that suits a stream, by default standard error."""
    stream = sys.stderr if stream is None else stream
    return LiveDisplay(stream) if stream.isatty() else PlainDisplay(stream)


class _Counter:
    """How many nodes of the top of the graph are done, of how many."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0

    def take(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.total, self.done = event.total, 0
        elif isinstance(event, (NodeFinished, NodeCached, NodeSkipped)) and is_top(event.path):
            self.done += 1


def is_top(path: str) -> bool:
    """Whether a node is at the top of the graph, not in a pass of a loop."""
    return "[" not in path


class PlainDisplay(Display):
    """One line per node of the top of the graph, and a few per loop, in an order that time does not
    change."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.nodes = _Counter()
        self.types: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        self.nodes.take(event)
        if isinstance(event, RunStarted):
            cached = f", {event.cached} of them at hand" if event.cached else ""
            self._line(f"{event.total} node{'' if event.total == 1 else 's'}{cached}")
        elif isinstance(event, NodeStarted) and is_top(event.path):
            self.types[event.path] = event.type
        elif isinstance(event, NodeFinished) and is_top(event.path):
            self._count(f"{event.path} ({self.types.pop(event.path)}) {event.seconds:.2f} s")
        elif isinstance(event, NodeSkipped) and is_top(event.path):
            self._count(f"{event.path} skipped: {event.why}")
        elif isinstance(event, NodeFailed):
            self._line(f"{event.path} failed: {event.message}")
        elif isinstance(event, LoopStep):
            if is_top(event.path) and _worth_a_line(event.index, event.count):
                self._line(f"  {event.path} {event.index}/{event.count}")
        elif isinstance(event, NodeProgress) and is_top(event.path):
            worth = _worth_a_line(event.value, event.total)
            if worth:
                self._line(f"  {event.path} {event.value}/{event.total}{told(event)}")

    def _count(self, text: str) -> None:
        self._line(f"[{self.nodes.done}/{self.nodes.total}] {text}")

    def _line(self, text: str) -> None:
        print(text, file=self.stream, flush=True)


def _worth_a_line(value: int, total: int) -> bool:
    """Whether `value` is the first of a tenth of `total`; 0 never is."""
    if value <= 0 or total <= 0:
        return False
    return (value * PARTS) // total > ((value - 1) * PARTS) // total


def told(event: NodeProgress) -> str:
    """What a node tells beside its progress: `  loss 0.031`."""
    words = []
    for name, value in event.info.items():
        if isinstance(value, float):
            words.append(f"{name} {value:.4g}")
        elif isinstance(value, (str, int)):
            words.append(f"{name} {value}")
    return "  " + ", ".join(words) if words else ""


class LiveDisplay(Display):
    """Bars on a terminal: nodes, the passes of each loop that is open, parts of a node."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Column

        def text(template: str) -> TextColumn:
            return TextColumn(template, markup=False, table_column=Column(no_wrap=True))

        self.nodes = _Counter()
        self.bars: dict[str, Any] = {}
        self.progress = Progress(
            text("{task.description}"),
            BarColumn(bar_width=16, table_column=Column(min_width=16)),
            text("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(table_column=Column(min_width=7)),
            _told_column(Column(no_wrap=True)),
            console=Console(file=stream),
            transient=True,
        )
        self.main = self.progress.add_task("nodes", total=1, told="", rated=False)

    def __enter__(self) -> LiveDisplay:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        self.nodes.take(event)
        if isinstance(event, RunStarted):
            self.progress.update(self.main, total=max(1, event.total))
        elif isinstance(event, NodeStarted):
            self.progress.update(self.main, told=f"{event.path} ({event.type})")
        elif isinstance(event, LoopStep):
            self._loop(event)
        elif isinstance(event, NodeProgress):
            self._bar(event.path, event.value, event.total, told(event))
        elif isinstance(event, NodeFailed):
            self.progress.console.print(f"{event.path} failed: {event.message}", markup=False)
        if isinstance(event, (NodeFinished, NodeFailed, NodeSkipped)):
            self._drop(event.path)
        if isinstance(event, (RunStarted, NodeFinished, NodeCached, NodeSkipped)):
            self.progress.update(self.main, completed=self.nodes.done)

    def _loop(self, event: LoopStep) -> None:
        """A loop's bar begins at its first pass that is not at hand: the rate is of work done."""
        if event.path not in self.bars:
            self._bar(event.path, 0, event.count, "")
            task = self.bars[event.path]
            self.progress.reset(task, completed=event.first, total=event.count)
        self.progress.update(self.bars[event.path], completed=max(event.index, event.first))

    def _bar(self, path: str, value: int, total: int, text: str) -> None:
        if path not in self.bars:
            self.bars[path] = self.progress.add_task(f"  {path}", total=total, told="", rated=True)
        self.progress.update(self.bars[path], completed=value, total=total, told=text)

    def _drop(self, path: str) -> None:
        task = self.bars.pop(path, None)
        if task is not None:
            self.progress.remove_task(task)


def _told_column(column: Any) -> Any:
    """Passes a second, or seconds a pass where they are slow, the time left, and what is told."""
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class ToldColumn(ProgressColumn):
        max_refresh = 0.1

        def render(self, task: Task) -> Text:
            words = [task.fields["told"].strip()]
            if task.speed and task.fields["rated"]:
                slow = task.speed < 1
                rate = f"{1 / task.speed:.1f} s/it" if slow else f"{task.speed:.1f} it/s"
                left = task.time_remaining
                words = [rate, *([] if left is None else [f"{left:.0f} s left"]), *words]
            return Text(", ".join(word for word in words if word))

    return ToldColumn(column)
