"""Worker processes: begun, talked to, and begun again when they have ended, whyever they did.

Imports `errors`, `server.settings`, `server.pipe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodeflow.errors import NodeflowError, Problem
from nodeflow.server.pipe import Message, packed, receive
from nodeflow.server.settings import Settings

log = logging.getLogger("nodeflow.server")
worker_log = logging.getLogger("nodeflow.server.worker")

FIRST_DELAY, LONGEST_DELAY = 0.25, 30.0
"""Seconds before a worker that ended is begun again: none the first time, then twice as many each
time, until one has done something."""
END_SECONDS = 2.0
"""How long a worker whose input was closed may take to end."""
LONGEST_LINE = 4_000
FAULTS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
"""Signals that a process brings upon itself."""


class ToolError(NodeflowError):
    """A tool in a worker failed, or the worker with it."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


@dataclass(frozen=True)
class Death:
    """How a worker ended. `by_itself` tells that what it ran did it; what else ends a process (the
    system for want of memory, a person) may have nothing to do with the run."""

    reason: str
    by_itself: bool


def devices(settings: Settings) -> list[str]:
    """The device of each worker: `cuda:0,cuda:1`, or one name for as many as are asked for."""
    names = [name.strip() for name in settings.device.split(",") if name.strip()] or ["auto"]
    if len(names) > 1:
        return names
    count = max(1, settings.workers)
    if count > 1 and names[0] in ("cuda", "xpu"):
        return [f"{names[0]}:{number}" for number in range(count)]
    return names * count


def death_of(code: int) -> Death:
    """What the exit code of a worker says."""
    if code < 0:
        name = _signal_name(-code)
        if name == "SIGKILL":
            return Death("the worker was killed (SIGKILL), probably for want of memory", False)
        if name in FAULTS:
            return Death(f"the worker crashed ({name})", True)
        return Death(f"the worker was ended from outside ({name})", False)
    if os.name == "nt" and code == 1:  # as TerminateProcess leaves it
        return Death("the worker was ended from outside", False)
    if code >= 0x80000000:
        return Death(f"the worker crashed (0x{code:08X})", True)
    return Death(f"the worker ended by itself, with code {code}", True)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class WorkerProcess:
    """One place for a worker: the process in it, and the next one after that ended.

    `on_message` gets what it says, `on_death` how it ended, `on_ready` that it waits for work; all
    on the loop, and awaited, so that a reader who cannot keep up slows the worker down.
    """

    def __init__(
        self,
        settings: Settings,
        device: str,
        on_message: Callable[[WorkerProcess, Message], Any],
        on_death: Callable[[WorkerProcess, Death], Any],
        on_ready: Callable[[WorkerProcess], Any],
    ) -> None:
        self.settings = settings
        self.device = device
        self.on_message = on_message
        self.on_death = on_death
        self.on_ready = on_ready
        self.ready = False
        self.process: asyncio.subprocess.Process | None = None
        self.deaths = 0
        """Since one has done something."""
        self.begun = 0
        self._stops = False
        self._task: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def start(self) -> None:
        """Begin, and go on for as long as the server does."""
        self._task = asyncio.create_task(self._live(), name=f"worker {self.device}")

    async def stop(self) -> None:
        """End the process: it ends by itself when nobody talks to it."""
        self._stops = True
        process = self.process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), END_SECONDS)
        self.kill()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def kill(self) -> None:
        """End the process as it is."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    async def send(self, head: Mapping[str, Any], payload: bytes = b"") -> None:
        """Say something; a worker that has gone does not hear it, and its end is told by itself."""
        process = self.process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        with contextlib.suppress(ConnectionError):
            process.stdin.write(packed(head, payload))
            await process.stdin.drain()

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a tool answers.

        Raises:
            ToolError: it failed, or the worker ended.
        """
        if not self.ready:
            raise ToolError(Problem("worker-ended", "", "the worker is being begun again"))
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            order = {"do": "call", "id": number, "tool": tool, "arguments": dict(arguments)}
            await self.send(order)
            return await answer
        finally:
            self._answers.pop(number, None)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        while not self._stops:
            if self.deaths > 1:
                delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self.deaths - 2))
                log.warning("the worker on %s begins again in %.1f s", self.device, delay)
                await asyncio.sleep(delay)
            try:
                death = await self._one()
            except asyncio.CancelledError:
                self.kill()
                raise
            except Exception as error:
                log.exception("the worker on %s cannot be talked to", self.device)
                self.kill()
                death = Death(f"the worker cannot be talked to: {error}", False)
            self.ready = False
            self.process = None
            self._refuse_calls(death)
            if self._stops:
                return
            self.deaths += 1
            log.error("on %s %s", self.device, death.reason)
            await self.on_death(self, death)

    async def _one(self) -> Death:
        """One process, from its beginning to its end."""
        process = self.process = await _begun()
        self.begun += 1
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.create_task(_log_lines(process.stderr))
        try:
            await self.send(_first_words(self.settings, self.device))
            while (message := await receive(process.stdout)) is not None:
                kind = message.head["kind"]
                if kind == "ready":
                    self.ready = True
                    await self.on_ready(self)
                elif kind == "answer":
                    self._answered(message.head)
                else:
                    await self.on_message(self, message)
            code = await process.wait()
        finally:
            # A process that a node began may hold the pipe open: it is not waited for.
            await asyncio.wait({errors}, timeout=0.2)
            errors.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await errors
        return death_of(code)

    def _answered(self, head: Mapping[str, Any]) -> None:
        answer = self._answers.get(head["id"])
        if answer is None or answer.done():
            return
        if "problem" in head:
            answer.set_exception(ToolError(Problem(**head["problem"])))
        else:
            answer.set_result(head["result"])

    def _refuse_calls(self, death: Death) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ToolError(Problem("worker-ended", "", death.reason)))


async def _begun() -> asyncio.subprocess.Process:
    """A worker's process. Who is cancelled while it begins ends it again: nobody else knows it."""
    beginning = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "nodeflow.server.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
        )
    )
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        process = await beginning
        process.kill()
        await process.wait()
        raise


def _first_words(settings: Settings, device: str) -> dict[str, Any]:
    package = Path(__file__).resolve().parents[1]
    shipped = (package / "data", package.parent / "graphs")
    read = (settings.input, settings.graphs, *settings.read, *shipped)
    return {
        "device": device,
        "output": str(settings.output.absolute()),
        "temp": str(settings.temp.absolute()),
        "traces": str(settings.traces.absolute()),
        "read": [str(folder.absolute()) for folder in read],
        "nodes": [str(folder.absolute()) for folder in settings.nodes],
        "cache_bytes": settings.cache_bytes,
        "trace_bytes": settings.limits.run_trace_bytes,
    }


def _environment() -> dict[str, str]:
    """The environment of a worker: it finds the nodeflow that the server is of, and takes no module
    from the folder it happens to be in."""
    own = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH", "")
    known = f"{own}{os.pathsep}{path}" if path else own
    return {**os.environ, "PYTHONPATH": known, "PYTHONSAFEPATH": "1"}


async def _log_lines(reader: asyncio.StreamReader) -> None:
    """Put what a worker prints into the log, line by line."""
    rest = b""
    while data := await reader.read(1 << 16):
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
            if text:
                worker_log.info("%s", text)
