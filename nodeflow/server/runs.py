"""`Runs`: the one front to queue, store and workers, for all routes and the websocket.

All that is told (`listen`) is committed before, and told on the loop in the order in which it was
committed. Of a run that has ended nothing is kept in memory. The store is used from a thread of its
own, graphs are checked in others. Imports the layers up to `job`, and the server's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.job import with_writers
from nodeflow.plan import targets
from nodeflow.registry import Registry
from nodeflow.server.database import StoreError
from nodeflow.server.frames import Frame
from nodeflow.server.pipe import Message
from nodeflow.server.pool import Death, ToolError, WorkerProcess, devices
from nodeflow.server.protocol import (
    ProblemData,
    QueueState,
    RunAccepted,
    RunChange,
    RunContinue,
    RunDetail,
    RunPage,
    RunRequest,
    RunSummary,
)
from nodeflow.server.rows import Ended, Happened, NewRun, Shown, Told, Work, error_data
from nodeflow.server.settings import Settings
from nodeflow.server.store import NoSuchRun, QueueFull, Store, WrongState
from nodeflow.validate import program

__all__ = [
    "NoSuchRun",
    "QueueFull",
    "Runs",
    "StoreError",
    "ToolError",
    "WrongState",
]

log = logging.getLogger("nodeflow.server")

CANCEL_GRACE = 5.0
"""Seconds that a run which was asked to stop may take, before its worker is ended."""
QUEUE_SECONDS = 0.05
BATCH_SECONDS = 0.02
BATCH_ITEMS, BATCH_BYTES = 2_000, 8 << 20
"""Events are written together: those of so long, or so many."""
READY_SECONDS = 120.0
"""How long a tool waits for a worker that is being begun."""
ASIDE_SECONDS = 3_600
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_T = TypeVar("_T")
Listener = Callable[["dict[str, Any] | Frame"], None]


@dataclass
class _Active:
    """The run that a worker has."""

    work: Work
    nodes: dict[str, None] = field(default_factory=dict)
    """Paths of the nodes that run now, the innermost last."""
    cancelled: str | None = None
    """Why it was asked to stop, if it was."""


class Runs:
    """Every run of a server: those that wait, that run, and that have ended."""

    def __init__(
        self, settings: Settings, registry: Registry, *, cancel_grace: float = CANCEL_GRACE
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.cancel_grace = cancel_grace
        self.workers: list[WorkerProcess] = []
        self._active: dict[WorkerProcess, _Active] = {}
        self._live: dict[str, Told] = {}
        """Where each run stands that waits or runs."""
        self._listeners: list[Listener] = []
        self._paused = False
        self._opened = False
        self._stopping = False
        self._pending: list[Happened | Shown | Ended] = []
        self._pending_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._queue_told = 0.0
        self._queue_timer: asyncio.TimerHandle | None = None

    @property
    def restarts(self) -> int:
        """How often a worker was begun again."""
        return sum(max(0, worker.begun - 1) for worker in self.workers)

    # ── beginning and end ──────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Open the queue, see to what was cut, and begin the workers.

        Raises:
            StoreError: another server has this folder, or nothing can be written to it.
        """
        settings = self.settings
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._checks = ThreadPoolExecutor(2, thread_name_prefix="check")
        for folder in (settings.output, settings.input, settings.temp, settings.traces):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._loop.run_in_executor(self._thread, self._open)
        except BaseException:
            self._thread.shutdown()
            self._checks.shutdown()
            raise
        self._opened = True
        for told in await self._do(lambda: self._store.live()):
            assert told.summary is not None
            self._live[told.summary.run] = told
        self._dispatcher = asyncio.create_task(self._dispatch(), name="queue")
        self.workers = [
            WorkerProcess(settings, device, self._heard, self._died, self._waits)
            for device in devices(settings)
        ]
        for worker in self.workers:
            worker.start()

    async def stop(self, grace_seconds: float = 0.0) -> None:
        """Begin no more runs, let those that run finish for so long, and end the workers. What has
        not finished is queued again."""
        if not self._opened or self._stopping:
            return
        self._stopping = True
        if self._active and grace_seconds > 0:
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
        await self._do(lambda: self._store.recover("the server stopped", counts=False))
        if self._queue_timer is not None:
            self._tell_queue_now()
        self._active.clear()
        await self._do(lambda: self._store.close())
        self._thread.shutdown()
        self._checks.shutdown()

    def _open(self) -> None:
        self._store = Store(self.settings.database, self.settings.limits.kept_runs)
        again = self._store.recover("the server ended while it ran")
        if again:
            log.warning("%d runs had been cut: %s", len(again), ", ".join(again))
        self._store.take()
        self._paused = self._store.note("paused") == "yes"
        self._sweep()
        for aside in self.settings.output.glob(".nodeflow-*"):
            if aside.is_dir() and aside.stat().st_mtime < time.time() - ASIDE_SECONDS:
                shutil.rmtree(aside, ignore_errors=True)  # of a worker that was killed

    # ── into the queue ─────────────────────────────────────────────────────────────────────────

    async def submit(
        self,
        request: RunRequest,
        *,
        run_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> RunAccepted:
        """Check a graph and put it into the queue; when this returns, it is there to stay.

        Raises:
            GraphError: with all that is wrong with the graph, its inputs or `run_id`.
            QueueFull: as many wait as may.
        """
        run = uuid.uuid4().hex if run_id is None else run_id
        if not _RUN_ID.fullmatch(run):
            hint = "letters, digits, _ and -, at most 64"
            raise GraphError([Problem("bad-run-id", "", f"{run[:80]!r} names no run", hint)])
        text, kept, title, warnings = await self._loop.run_in_executor(
            self._checks, self._checked, request, dict(extra or {})
        )
        new = NewRun(
            run=run,
            title=title,
            client=request.client,
            trace=request.trace,
            priority=request.priority,
            front=request.front,
            request=text,
            extra=kept,
        )
        limit = self.settings.limits.queued_runs
        try:
            position = await self._do(lambda: self._store.add(new, limit))
        except WrongState as error:
            raise GraphError([Problem("run-exists", "", str(error))]) from error
        told = [ProblemData.model_validate(problem.as_json()) for problem in warnings]
        return RunAccepted(run=run, position=position, problems=told)

    def _checked(
        self, request: RunRequest, extra: dict[str, Any]
    ) -> tuple[str, str, str, list[Problem]]:
        """Request and extra as JSON, the run's title, and warnings. In a thread."""
        most = self.settings.limits.graph_nodes
        if count_nodes(request.graph, most) > most:
            text = f"the graph has more than {most} nodes, which is as many as may be"
            raise GraphError([Problem("too-large", "", text)])
        graph = graph_from_data(request.graph, self.registry)
        if request.inputs:
            graph = graph.with_inputs(request.inputs)
        made = program(graph, self.registry)
        if made.errors:
            raise GraphError(made.errors)
        targets(made, with_writers(made, tuple(request.outputs) if request.outputs else None))
        try:
            text = json.dumps(request.model_dump(), allow_nan=False)
            kept = json.dumps(extra, allow_nan=False)
        except ValueError as error:
            raise GraphError([Problem("no-number", "", f"no JSON: {error}")]) from error
        title = (request.title or graph.title)[:200]
        return text, kept, title, made.problems

    # ── changes ────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, run: str, reason: str = "cancelled") -> None:
        """Take a run out of the queue, or ask it to stop; one that has ended stays as it is.

        Raises:
            NoSuchRun: it is not there.
        """
        if await self._do(lambda: self._store.cancel_queued(run, reason)):
            return
        found = self._worker_of(run)
        if found is None:
            return
        worker, active = found
        if active.cancelled is None:
            active.cancelled = reason
            self._loop.call_later(self.cancel_grace, self._end_deaf, worker, active)
        await worker.send({"do": "cancel", "run": run})

    async def change(self, run: str, change: RunChange) -> None:
        """Give a queued run another place or priority. Raises NoSuchRun, WrongState."""
        await self._do(lambda: self._store.change(run, change.before, change.priority))

    async def delete(self, run: str) -> None:
        """Forget a run that has ended or waits. Raises NoSuchRun, WrongState."""
        await self._do(lambda: self._store.delete(run))

    async def clear_queue(self) -> None:
        """Cancel every run that waits."""
        await self._do(lambda: self._store.clear_queue("the queue was cleared"))

    async def clear_history(self) -> None:
        """Forget every run that has ended."""
        await self._do(lambda: self._store.clear_history())

    async def set_paused(self, paused: bool) -> None:
        """Begin no more runs, or go on; a server that begins again still knows."""
        self._paused = paused
        await self._do(lambda: self._store.set_note("paused", "yes" if paused else ""))
        self._tell_queue()
        self._wake.set()

    async def go_on(self, run: str, how: RunContinue) -> None:
        """Let a run go on that waits at a breakpoint.

        Raises:
            NoSuchRun: it is not there.
            WrongState: it does not wait.
            GraphError: literals were to be set, which no run takes once it has begun.
        """
        if how.params:
            text = "a run that has begun takes no other literals"
            raise GraphError([Problem("not-now", "", text, "cancel it, change them, run again")])
        summary = await self.summary(run)
        found = self._worker_of(run)
        if found is None or summary.state != "paused":
            raise WrongState(f"run {run!r} does not wait at a breakpoint: it is {summary.state}")
        await found[0].send({"do": "continue", "run": run, "step": how.step})

    async def free(self, models: bool = True, cache: bool = True) -> None:
        """Let the workers let go of what they keep, between two runs."""
        for worker in self.workers:
            await worker.send({"do": "free", "models": models, "cache": cache})

    # ── what is asked ──────────────────────────────────────────────────────────────────────────

    def state(self) -> QueueState:
        """What runs and what waits, in the order of running."""
        found = [told for told in self._live.values() if told.summary is not None]
        return QueueState(paused=self._paused, running=self._running(), queued=_in_order(found))

    async def page(
        self, states: Sequence[str] | None = None, limit: int = 50, before: int | None = None
    ) -> RunPage:
        """The newest runs in these states (none: in any), older than number `before`."""
        return await self._do(lambda: self._store.page(states or (), limit, before))

    async def summary(self, run: str) -> RunSummary:
        """How a run stands. Raises NoSuchRun."""
        return await self._do(lambda: self._store.summary(run))

    async def detail(self, run: str, after: int = 0) -> RunDetail:
        """A run with its graph, and its events after number `after`: at most 10,000; who misses
        some up to `last_seq` asks again. Raises NoSuchRun."""
        return await self._do(lambda: self._detail(run, after))

    async def extra(self, run: str) -> dict[str, Any]:
        """What was given to `submit` beside the request. Raises NoSuchRun."""
        return await self._do(lambda: self._store.extra(run))

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Have every message told from now on, on the loop; returns what ends that."""
        self._listeners.append(callback)

        def stop() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a tool answers, in a worker, beside what that runs.

        Raises:
            ToolError: there is none, it failed, or the worker ended.
        """
        if not any(worker.ready for worker in self.workers):
            self._ready.clear()
            try:
                await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
            except asyncio.TimeoutError as error:
                raise ToolError(Problem("no-worker", "", "no worker is there")) from error
        ready = [worker for worker in self.workers if worker.ready]
        free = [worker for worker in ready if worker not in self._active]
        return await (free or ready)[0].call(tool, arguments)

    def _detail(self, run: str, after: int) -> RunDetail:
        store = self._store
        request = store.request(run)
        return RunDetail(
            summary=store.summary(run),
            graph=request["graph"],
            inputs=request["inputs"],
            events=store.events(run, after),
        )

    # ── from the store ─────────────────────────────────────────────────────────────────────────

    def _do(self, act: Callable[[], _T]) -> asyncio.Future[_T]:
        """Do something with the store, in its thread, in the order of asking. What it has to tell
        is told before whoever waits for the answer goes on."""

        def work() -> _T:
            try:
                return act()
            finally:
                told = self._store.take()
                if told:
                    self._loop.call_soon_threadsafe(self._publish, told)
                self._sweep()

        return self._loop.run_in_executor(self._thread, work)

    def _sweep(self) -> None:
        """The traces of runs that were forgotten go too. In the store's thread."""
        retired, self._store.retired = self._store.retired, []
        for run in retired:
            shutil.rmtree(self.settings.traces / run, ignore_errors=True)

    def _publish(self, told: Iterable[Told]) -> None:
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
                self._tell(item.message)
        if moved:
            self._tell_queue()
            self._wake.set()

    def _note(self, message: dict[str, Any] | Frame) -> None:
        """Keep what `state` tells of a run that runs as new as its events."""
        if isinstance(message, Frame):
            return
        live = self._live.get(message["data"].get("run", ""))
        if live is not None and live.summary is not None:
            seq = message["data"].get("seq", 0)
            live.summary.last_seq = max(live.summary.last_seq, seq)

    def _tell(self, message: dict[str, Any] | Frame) -> None:
        for listener in list(self._listeners):
            try:
                listener(message)
            except Exception:  # one who listens badly does not keep the others from hearing
                log.exception("a listener failed")

    def _tell_queue(self) -> None:
        """Tell how the queue stands, at once, but no more often than anybody can look."""
        now = self._loop.time()
        if now < self._queue_told + QUEUE_SECONDS:
            if self._queue_timer is None:
                wait = self._queue_told + QUEUE_SECONDS - now
                self._queue_timer = self._loop.call_later(wait, self._tell_queue_now)
            return
        self._tell_queue_now()

    def _tell_queue_now(self) -> None:
        if self._queue_timer is not None:
            self._queue_timer.cancel()
            self._queue_timer = None
        self._queue_told = self._loop.time()
        if self._listeners:
            state = self.state()
            data = {
                "paused": state.paused,
                "running": [summary.run for summary in state.running],
                "queued": [summary.run for summary in state.queued],
            }
            self._tell({"type": "nf.queue", "data": data})

    def _running(self) -> list[RunSummary]:
        found = (told.summary for told in self._live.values())
        running = [s for s in found if s is not None and s.state in ("running", "paused")]
        return sorted(running, key=lambda summary: (summary.started_at or 0.0, summary.number))

    # ── to and from the workers ────────────────────────────────────────────────────────────────

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
                    self._loop.call_later(1.0, self._wake.set)

    async def _give(self, worker: WorkerProcess) -> None:
        if self._paused or self._stopping or not worker.ready or worker in self._active:
            return
        process = worker.begun
        work = await self._do(lambda: self._store.begin())
        if work is None:
            return
        if not worker.ready or worker.begun != process:
            number, reason = work.number, "the worker ended before it began"
            await self._do(lambda: self._store.cut(number, reason, counts=False))
            return
        self._active[worker] = _Active(work)
        await worker.send({"do": "run", "run": work.run}, work.request.encode())

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
        if head["kind"] == "events":
            for type, data in head["events"]:
                _follow(active, type, data)
                self._pending.append(Happened(number, type, data))
            self._pending_bytes += 200 * len(head["events"])
            if any(type == "nf.run" for type, _ in head["events"]):
                self._flush()
        elif head["kind"] == "frame":
            frame = Frame(head["frame"], head["head"], message.payload)
            self._pending.append(Shown(number, frame))
            self._pending_bytes += len(message.payload)
        elif head["kind"] == "end":
            worker.deaths = 0
            reason = head["reason"]
            if head["state"] == "cancelled" and active.cancelled is not None:
                reason = active.cancelled
            self._pending.append(
                Ended(number, head["state"], reason, head["counts"], head["peak_bytes"])
            )
            await self._release(worker)
            return
        if len(self._pending) > BATCH_ITEMS or self._pending_bytes > BATCH_BYTES:
            await self._flush()  # nobody reads the worker meanwhile
        elif self._timer is None and self._pending:
            self._timer = self._loop.call_later(BATCH_SECONDS, self._flush)

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
            await self._do(lambda: self._store.cut(number, reason, path=path))
        await self._release(worker)

    async def _release(self, worker: WorkerProcess) -> None:
        """A worker's run is over: write what it told, then give it the next."""
        await self._flush()
        self._active.pop(worker, None)
        if not self._active:
            self._idle.set()
        self._wake.set()

    def _flush(self) -> asyncio.Future[None]:
        """Write what is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        items, self._pending, self._pending_bytes = self._pending, [], 0
        return self._do(lambda: self._record(items))

    def _record(self, items: Sequence[Happened | Shown | Ended]) -> None:
        """Keep what workers told. In the store's thread, which waits for a disk to have room: all
        else that is asked of it waits as well, and so do the workers."""
        while items:
            try:
                self._store.record(items)
                return
            except sqlite3.OperationalError as error:
                log.error("the queue cannot be written to: %s", error)
                if self._stopping:
                    return
                time.sleep(1.0)
            except Exception:
                if len(items) == 1:
                    log.exception("an event is lost")
                    return
                for item in items:
                    self._record([item])
                return

    def _end_deaf(self, worker: WorkerProcess, active: _Active) -> None:
        """End the worker of a run that was asked to stop and did not."""
        if self._active.get(worker) is active:
            log.warning("run %s does not stop: its worker is ended", active.work.run)
            worker.kill()

    def _worker_of(self, run: str) -> tuple[WorkerProcess, _Active] | None:
        for worker, active in self._active.items():
            if active.work.run == run:
                return worker, active
        return None


def count_nodes(graph: Mapping[str, Any], most: int) -> int:
    """The nodes of a graph's data, bodies and inner graphs included; stops counting beyond `most`.
    What is no graph counts as none: whoever reads it says what is wrong."""
    count, pending = 0, [graph.get("nodes")]
    while pending and count <= most:
        nodes = pending.pop()
        if not isinstance(nodes, dict):
            continue
        count += len(nodes)
        for node in nodes.values():
            if isinstance(node, dict):
                inner = node.get("graph")
                pending.append(node.get("body"))
                pending.append(inner.get("nodes") if isinstance(inner, dict) else None)
    return count


def _in_order(found: Iterable[Told]) -> list[RunSummary]:
    queued = [(t.summary, t.place) for t in found if t.summary and t.summary.state == "queued"]
    queued.sort(key=lambda pair: (-pair[0].priority, pair[1], pair[0].number))
    return [summary for summary, _ in queued]


def _follow(active: _Active, type: str, data: Mapping[str, Any]) -> None:
    """Know which nodes run, should the worker end."""
    if type == "nf.node":
        active.nodes.pop(data["path"], None)
        if data["state"] == "running":
            active.nodes[data["path"]] = None
