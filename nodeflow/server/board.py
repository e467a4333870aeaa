"""What waits and what runs, kept at hand, and who is told of it. Used on the loop.

Of a run that has ended nothing is kept. Imports `server.frames`, `server.protocol`, `server.rows`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from nodeflow.server.frames import Frame
from nodeflow.server.protocol import QueueState, RunSummary
from nodeflow.server.rows import Told

log = logging.getLogger("nodeflow.server")

QUEUE_SECONDS = 0.05
"""Between two `nf.queue` at least."""
Listener = Callable[["dict[str, Any] | Frame"], None]


class Board:
    """Shows how the queue stands, and passes on what happens."""

    def __init__(self) -> None:
        self.paused = False
        self._live: dict[str, Told] = {}
        """Where each run stands that waits or runs."""
        self._listeners: list[Listener] = []
        self._queue_told = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._live)

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Have every message told from now on; returns what ends that."""
        self._listeners.append(callback)

        def stop() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop

    def close(self) -> None:
        """Tell what is still to be told."""
        if self._timer is not None:
            self._tell_queue_now()

    def publish(self, told: Iterable[Told]) -> bool:
        """Take note of what is so by now, then tell it; whether the queue is another."""
        told = list(told)
        moved = False
        for item in told:
            if item.summary is not None:
                moved = True
                if item.summary.finished_at is None:
                    self._live[item.summary.run] = item
                else:
                    self._live.pop(item.summary.run, None)
            elif item.gone:
                moved = self._live.pop(item.gone, None) is not None or moved
        for item in told:
            if item.message is not None:
                self._note(item.message)
                self.tell(item.message)
        if moved:
            self.tell_queue()
        return moved

    def tell(self, message: dict[str, Any] | Frame) -> None:
        """Tell all who listen."""
        for listener in list(self._listeners):
            try:
                listener(message)
            except Exception:  # one who listens badly does not keep the others from hearing
                log.exception("a listener failed")

    def tell_queue(self) -> None:
        """Tell how the queue stands, at once, but no more often than anybody can look."""
        loop = asyncio.get_running_loop()
        wait = self._queue_told + QUEUE_SECONDS - loop.time()
        if wait <= 0:
            self._tell_queue_now()
        elif self._timer is None:
            self._timer = loop.call_later(wait, self._tell_queue_now)

    def state(self) -> QueueState:
        """What runs and what waits, in the order of running."""
        return QueueState(paused=self.paused, running=self._running(), queued=self._queued())

    def _tell_queue_now(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._queue_told = asyncio.get_running_loop().time()
        if self._listeners:
            data = {
                "paused": self.paused,
                "running": [summary.run for summary in self._running()],
                "queued": [summary.run for summary in self._queued()],
            }
            self.tell({"type": "nf.queue", "data": data})

    def _note(self, message: dict[str, Any] | Frame) -> None:
        """Keep what `state` tells of a run that runs as new as its events."""
        if isinstance(message, Frame):
            return
        live = self._live.get(message["data"].get("run", ""))
        if live is not None and live.summary is not None:
            seq = message["data"].get("seq", 0)
            live.summary.last_seq = max(live.summary.last_seq, seq)

    def _running(self) -> list[RunSummary]:
        found = (told.summary for told in self._live.values())
        running = [s for s in found if s is not None and s.state in ("running", "paused")]
        return sorted(running, key=lambda summary: (summary.started_at or 0.0, summary.number))

    def _queued(self) -> list[RunSummary]:
        found = ((told.summary, told.place) for told in self._live.values())
        queued = [(s, place) for s, place in found if s is not None and s.state == "queued"]
        queued.sort(key=lambda pair: (-pair[0].priority, pair[1], pair[0].number))
        return [summary for summary, _ in queued]
