"""`Runs`: the one front to queue, store and workers, for all routes and the websocket.

All that is told (`listen`) is committed before, and told on the loop in the order in which it was
committed. Imports the layers up to `job`, and the server's.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nodeflow.errors import GraphError, Problem
from nodeflow.registry import Registry
from nodeflow.server.accept import check_name, check_request
from nodeflow.server.archive import Archive
from nodeflow.server.board import Board, Listener
from nodeflow.server.crew import Crew
from nodeflow.server.database import StoreError
from nodeflow.server.pool import ToolError, WorkerProcess
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
from nodeflow.server.rows import NewRun, Told
from nodeflow.server.settings import Settings
from nodeflow.server.store import NoSuchRun, QueueFull, Store, WrongState

__all__ = ["NoSuchRun", "QueueFull", "Runs", "StoreError", "ToolError", "WrongState"]

CANCEL_GRACE = 5.0
"""Seconds that a run which was asked to stop may take, before its worker is ended."""


class Runs:
    """Every run of a server: those that wait, that run, and that have ended."""

    def __init__(
        self, settings: Settings, registry: Registry, *, cancel_grace: float = CANCEL_GRACE
    ) -> None:
        self.settings = settings
        self.registry = registry
        self._board = Board()
        self._archive = Archive(settings, self._publish)
        self._crew = Crew(settings, self._archive, lambda: self._board.paused, cancel_grace)
        self._opened = False

    @property
    def workers(self) -> Sequence[WorkerProcess]:
        return self._crew.workers

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
        live = await self._archive.open()
        self._checks = ThreadPoolExecutor(2, thread_name_prefix="check")
        self._opened = True
        self._board.paused = await self._archive.do(lambda store: store.note("paused")) == "yes"
        self._board.publish(live)
        self._crew.start()

    async def stop(self, grace_seconds: float = 0.0) -> None:
        """Begin no more runs, let those that run finish for so long, and end the workers. What has
        not finished is queued again."""
        if not self._opened or self._crew.stopping:
            return
        await self._crew.stop(grace_seconds)
        await self._archive.close()
        self._board.close()
        self._checks.shutdown()

    def _publish(self, told: list[Told]) -> None:
        if self._board.publish(told):
            self._crew.wake()

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
        run = uuid.uuid4().hex if run_id is None else check_name(run_id)
        limits = self.settings.limits
        checked = await asyncio.get_running_loop().run_in_executor(
            self._checks, check_request, request, extra or {}, self.registry, limits.graph_nodes
        )
        new = NewRun(
            run=run,
            title=checked.title,
            client=request.client,
            trace=request.trace,
            priority=request.priority,
            front=request.front,
            request=checked.request,
            extra=checked.extra,
        )
        try:
            position = await self._archive.do(lambda store: store.add(new, limits.queued_runs))
        except WrongState as error:
            raise GraphError([Problem("run-exists", "", str(error))]) from error
        told = [ProblemData.model_validate(problem.as_json()) for problem in checked.problems]
        return RunAccepted(run=run, position=position, problems=told)

    # ── changes ────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, run: str, reason: str = "cancelled") -> None:
        """Take a run out of the queue, or ask it to stop; one that has ended stays as it is.

        Raises:
            NoSuchRun: it is not there.
        """
        if not await self._archive.do(lambda store: store.cancel_queued(run, reason)):
            await self._crew.cancel(run, reason)

    async def change(self, run: str, change: RunChange) -> None:
        """Give a queued run another place or priority. Raises NoSuchRun, WrongState."""
        await self._archive.do(lambda store: store.change(run, change.before, change.priority))

    async def delete(self, run: str) -> None:
        """Forget a run that has ended or waits. Raises NoSuchRun, WrongState."""
        await self._archive.do(lambda store: store.delete(run))

    async def clear_queue(self) -> None:
        """Cancel every run that waits."""
        await self._archive.do(lambda store: store.clear_queue("the queue was cleared"))

    async def clear_history(self) -> None:
        """Forget every run that has ended."""
        await self._archive.do(lambda store: store.clear_history())

    async def set_paused(self, paused: bool) -> None:
        """Begin no more runs, or go on; a server that begins again still knows."""
        self._board.paused = paused
        await self._archive.do(lambda store: store.set_note("paused", "yes" if paused else ""))
        self._board.tell_queue()
        self._crew.wake()

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
        if summary.state != "paused":
            raise WrongState(f"run {run!r} does not wait at a breakpoint: it is {summary.state}")
        await self._crew.go_on(run, step=how.step)

    async def free(self, models: bool = True, cache: bool = True) -> None:
        """Let the workers let go of what they keep, between two runs."""
        await self._crew.free(models=models, cache=cache)

    # ── what is asked ──────────────────────────────────────────────────────────────────────────

    def state(self) -> QueueState:
        """What runs and what waits, in the order of running."""
        return self._board.state()

    async def page(
        self, states: Sequence[str] | None = None, limit: int = 50, before: int | None = None
    ) -> RunPage:
        """The newest runs in these states (none: in any), older than number `before`."""
        return await self._archive.do(lambda store: store.page(states or (), limit, before))

    async def makers(self, kind: str, paths: Sequence[str]) -> dict[str, str]:
        """The run that made each of these files last, of those that are known."""
        return await self._archive.do(lambda store: store.makers(kind, paths))

    async def summary(self, run: str) -> RunSummary:
        """How a run stands. Raises NoSuchRun."""
        return await self._archive.do(lambda store: store.summary(run))

    async def detail(self, run: str, after: int = 0) -> RunDetail:
        """A run with its graph, and its events after number `after`: at most 10,000; who misses
        some up to `last_seq` asks again. Raises NoSuchRun."""
        return await self._archive.do(lambda store: _detail(store, run, after))

    async def extra(self, run: str) -> dict[str, Any]:
        """What was given to `submit` beside the request. Raises NoSuchRun."""
        return await self._archive.do(lambda store: store.extra(run))

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Have every message told from now on, on the loop; returns what ends that."""
        return self._board.listen(callback)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a tool answers, in a worker, beside what that runs.

        Raises:
            ToolError: there is none, it failed, or the worker ended.
        """
        return await self._crew.call(tool, arguments)


def _detail(store: Store, run: str, after: int) -> RunDetail:
    request = store.request(run)
    return RunDetail(
        summary=store.summary(run),
        graph=request["graph"],
        inputs=request["inputs"],
        events=store.events(run, after),
    )
