"""Breakpoints of a run: where it waits, until somebody says to go on. Worker side.

Imports `errors`, `server.reporter`, `server.values`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from nodeflow.errors import Cancelled
from nodeflow.server.reporter import Reporter
from nodeflow.server.values import node_of


class Breaks:
    """Stops the thread that runs before the nodes and passes named.

    A node's path without numbers (`denoise/guide`) stops before each of its passes, one with
    numbers (`denoise[3]/guide`, `denoise[3]`) before that one.
    """

    def __init__(self, stops: Iterable[str], reporter: Reporter) -> None:
        self.stops = frozenset(stops)
        self.reporter = reporter
        self._changed = threading.Condition()
        self._waits = False
        self._single = False
        self._cancelled = False

    def before(self, path: str) -> None:
        """A node, loop or pass is about to begin.

        Raises:
            Cancelled: the run was cancelled while it waited.
        """
        if not self._stops_at(path):
            return
        with self._changed:
            self._waits = not self._cancelled  # before it is told: the answer may come at once
        self.reporter.tell("nf.paused", {"node": node_of(path), "path": path})
        self.reporter.state("paused")
        with self._changed:
            self._changed.wait_for(lambda: not self._waits)
            if self._cancelled:
                raise Cancelled("the run was cancelled")
        self.reporter.state("running")

    def go_on(self, *, step: bool) -> None:
        """From any thread: let a run that waits go on, with `step` to the next node."""
        with self._changed:
            self._single = step
            self._waits = False
            self._changed.notify_all()

    def cancel(self) -> None:
        """From any thread: do not wait (any more)."""
        with self._changed:
            self._cancelled = True
            self._waits = False
            self._changed.notify_all()

    def _stops_at(self, path: str) -> bool:
        if path in self.stops:
            return True
        if path.endswith("]"):  # a pass, not a node
            return False
        return self._single or node_of(path) in self.stops
