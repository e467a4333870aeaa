"""The workers and the runs they have: who gets which, what they tell, what becomes of it when they
end. Used on the loop.

Imports `errors`, `server.settings`, `server.frames`, `server.pipe`, `server.pool`, `server.rows`,
`server.store`, `server.archive`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nodeflow.errors import Problem
from nodeflow.server.archive import Archive
from nodeflow.server.frames import Frame
from nodeflow.server.pipe import Message
from nodeflow.server.pool import Death, ToolError, WorkerProcess, devices
from nodeflow.server.rows import Ended, Happened, Shown, Work, error_data
from nodeflow.server.settings import Settings
from nodeflow.server.store import Store

log = logging.getLogger("nodeflow.server")

BATCH_SECONDS = 0.02
BATCH_ITEMS, BATCH_BYTES = 2_000, 8 << 20
"""Events are written together: those of so long, or so many."""
READY_SECONDS = 120.0
"""How long a tool waits for a worker that is being begun."""
FULL_SECONDS = 1.0
"""How long to wait for a disk that is full."""


@dataclass
class Active:
    """The run that a worker has."""

    work: Work
    nodes: dict[str, None] = field(default_factory=dict)
    """Paths of the nodes that run now, the innermost last."""
    cancelled: str | None = None
    """Why it was asked to stop, if it was."""
    paused: bool = False
    """Whether it waits at a breakpoint."""


class Crew:
    """All workers of a server. `held` tells whether the queue is paused."""

    def __init__(
        self,
        settings: Settings,
        archive: Archive,
        held: Callable[[], bool],
        cancel_grace: float,
    ) -> None:
        self.archive = archive
        self.held = held
        self.cancel_grace = cancel_grace
        self.stopping = False
        self.workers = [
            WorkerProcess(settings, device, self._heard, self._died, self._waits)
            for device in devices(settings)
        ]
        self._active: dict[WorkerProcess, Active] = {}
        self._pending: list[Happened | Shown | Ended] = []
        self._pending_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin the workers, and give them what waits."""
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._dispatcher = asyncio.create_task(self._dispatch(), name="queue")
        for worker in self.workers:
            worker.start()

    async def stop(self, grace_seconds: float) -> None:
        """Give no more runs, let those that run finish for so long, and end the workers. What has
        not finished is queued again."""
        self.stopping = True
        if any(not active.paused for active in self._active.values()) and grace_seconds > 0:
            self._idle.clear()
            try:
                await asyncio.wait_for(self._idle.wait(), grace_seconds)
            except asyncio.TimeoutError:
                log.warning("%d runs go back into the queue", len(self._active))
        self._dispatcher.cancel()
        await asyncio.gather(self._dispatcher, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self.workers))
        for active in self._active.values():
            if active.cancelled is not None:
                self._pending.append(Ended(active.work.number, "cancelled", active.cancelled))
        await self._flush()
        await self.archive.do(lambda store: store.recover("the server stopped", counts=False))
        self._active.clear()

    def wake(self) -> None:
        """Look whether there is something to begin."""
        self._wake.set()

    async def cancel(self, run: str, reason: str) -> None:
        """Ask a run to stop; if it does not, its worker is ended after the grace."""
        for worker, active in self._active.items():
            if active.work.run == run:
                if active.cancelled is None:
                    active.cancelled = reason
                    self._loop.call_later(self.cancel_grace, self._end_deaf, worker, active)
                await worker.send({"do": "cancel", "run": run})
                return

    async def go_on(self, run: str, *, step: bool) -> None:
        """Let a run go on that waits at a breakpoint."""
        for worker, active in self._active.items():
            if active.work.run == run:
                await worker.send({"do": "continue", "run": run, "step": step})
                return

    async def free(self, *, models: bool, cache: bool) -> None:
        """Let the workers let go of what they keep, between two runs."""
        for worker in self.workers:
            await worker.send({"do": "free", "models": models, "cache": cache})

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a tool answers, in a worker that is free, or beside what one runs."""
        if not any(worker.ready for worker in self.workers):
            self._ready.clear()
            try:
                await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
            except asyncio.TimeoutError as error:
                raise ToolError(Problem("no-worker", "", "no worker is there")) from error
        ready = [worker for worker in self.workers if worker.ready]
        free = [worker for worker in ready if worker not in self._active]
        return await (free or ready)[0].call(tool, arguments)

    # ── from the queue ─────────────────────────────────────────────────────────────────────────

    async def _dispatch(self) -> None:
        """Give the first of the queue to each worker that has nothing to do."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for worker in self.workers:
                try:
                    await self._give(worker)
                except asyncio.CancelledError:
                    raise
                except Exception:  # a full disk: the run waits
                    log.exception("the queue cannot go on; trying again")
                    self._loop.call_later(FULL_SECONDS, self._wake.set)

    async def _give(self, worker: WorkerProcess) -> None:
        if self.held() or self.stopping or not worker.ready or worker in self._active:
            return
        process = worker.begun
        work = await self.archive.do(lambda store: store.begin())
        if work is None:
            return
        if not worker.ready or worker.begun != process:
            number, reason = work.number, "the worker ended before it began"
            await self.archive.do(lambda store: store.cut(number, reason, counts=False))
            return
        self._active[worker] = Active(work)
        await worker.send({"do": "run", "run": work.run}, work.request.encode())

    # ── from the workers ───────────────────────────────────────────────────────────────────────

    async def _waits(self, worker: WorkerProcess) -> None:
        self._ready.set()
        self._wake.set()

    async def _heard(self, worker: WorkerProcess, message: Message) -> None:
        """A worker tells of its run."""
        active = self._active.get(worker)
        head = message.head
        if active is None or head["run"] != active.work.run:
            return
        number = active.work.number
        if head["kind"] == "end":
            worker.deaths = 0
            asked = head["state"] == "cancelled" and active.cancelled is not None
            reason = active.cancelled if asked and active.cancelled else head["reason"]
            counts, peak = head["counts"], head["peak_bytes"]
            self._pending.append(Ended(number, head["state"], reason, counts, peak))
            await self._release(worker)
            return
        now = False
        if head["kind"] == "events":
            for type, data in head["events"]:
                _follow(active, type, data)
                self._pending.append(Happened(number, type, data))
                now = now or type == "nf.run"
            self._pending_bytes += 200 * len(head["events"])
        elif head["kind"] == "frame":
            frame = Frame(head["frame"], head["head"], message.payload)
            self._pending.append(Shown(number, frame))
            self._pending_bytes += len(message.payload)
        await self._flush_when_due(now)

    async def _died(self, worker: WorkerProcess, death: Death) -> None:
        """A worker has ended; what of its run?"""
        active = self._active.get(worker)
        if active is None:
            return
        number, path = active.work.number, next(reversed(active.nodes), "")
        reason = f"{death.reason} while {path} ran" if path else death.reason
        if active.cancelled is not None:
            self._pending.append(Ended(number, "cancelled", active.cancelled))
        elif death.by_itself:
            data = error_data("worker-died", reason, path)
            self._pending.append(Happened(number, "nf.error", data))
            self._pending.append(Ended(number, "failed", reason))
        else:
            await self._flush()
            await self.archive.do(lambda store: store.cut(number, reason, path=path))
        await self._release(worker)

    async def _release(self, worker: WorkerProcess) -> None:
        """A worker's run is over: write what it told, then give it the next."""
        await self._flush()
        self._active.pop(worker, None)
        if not self._active:
            self._idle.set()
        self._wake.set()

    def _end_deaf(self, worker: WorkerProcess, active: Active) -> None:
        """End the worker of a run that was asked to stop and did not."""
        if self._active.get(worker) is active:
            log.warning("run %s does not stop: its worker is ended", active.work.run)
            worker.kill()

    # ── to the store ───────────────────────────────────────────────────────────────────────────

    async def _flush_when_due(self, now: bool) -> None:
        if now:
            self._flush()
        elif len(self._pending) > BATCH_ITEMS or self._pending_bytes > BATCH_BYTES:
            await self._flush()  # nobody reads the worker meanwhile
        elif self._timer is None and self._pending:
            self._timer = self._loop.call_later(BATCH_SECONDS, self._flush)

    def _flush(self) -> asyncio.Future[None]:
        """Write what is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        items, self._pending, self._pending_bytes = self._pending, [], 0
        return self.archive.do(lambda store: self._record(store, items))

    def _record(self, store: Store, items: Sequence[Happened | Shown | Ended]) -> None:
        """Keep what workers told. In the store's thread, which waits for a disk to have room: all
        else that is asked of it waits as well, and so do the workers."""
        while items:
            try:
                store.record(items)
                return
            except sqlite3.OperationalError as error:
                log.error("the queue cannot be written to: %s", error)
                if self.stopping:
                    return
                time.sleep(FULL_SECONDS)
            except Exception:
                if len(items) == 1:
                    log.exception("an event is lost")
                    return
                for item in items:
                    self._record(store, [item])
                return


def _follow(active: Active, type: str, data: Mapping[str, Any]) -> None:
    """Know which nodes run, should the worker end."""
    if type == "nf.run":
        active.paused = data["state"] == "paused"
    if type == "nf.node":
        active.nodes.pop(data["path"], None)
        if data["state"] == "running":
            active.nodes[data["path"]] = None
