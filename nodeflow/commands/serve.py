"""`nodeflow serve`: where it listens, what it says of that, and how it stops.

Imports `devices`, `server.app`, `server.security`, `server.settings`, `commands.report`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import socket
import sys
import time
import webbrowser
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from aiohttp import web

from nodeflow.commands.report import DONE, USAGE, tell_problems
from nodeflow.devices import wrong_name
from nodeflow.errors import Problem
from nodeflow.server import security
from nodeflow.server.app import make_app, warm_up
from nodeflow.server.runs import StoreError
from nodeflow.server.settings import Settings

log = logging.getLogger("nodeflow.server")

AUTO = "auto"
STOPPED_AT_ONCE = 130
CONNECTIONS_GRACE = 3.0
"""Seconds that answers under way get when the server stops."""
BACKLOG = 256


@dataclass(frozen=True)
class ServeOrder:
    """What the command line asked for. A token of `auto` is one that is made now."""

    settings: Settings
    grace: float = 10.0
    log_json: bool = False
    log_level: str = "info"
    open: bool = False


def serve_command(order: ServeOrder) -> int:
    """Serve until a signal comes; an exit code. The process moves into the folder it serves."""
    settings = _with_token(order.settings)
    problem = _why_not(settings)
    if problem is None:
        try:
            listening = _bind(settings)
        except OSError as error:
            problem = _unbindable(settings, error)
    if problem is not None:
        tell_problems([problem])
        return USAGE
    _log_to_stderr(order)
    with contextlib.closing(listening):
        # Paths in graphs begin here, in the workers too: `input/photo.png` is an uploaded file, and
        # no path of this machine goes into a graph or an answer.
        os.chdir(settings.base)
        port = listening.getsockname()[1]
        made = replace(order, settings=replace(settings, port=port))
        return asyncio.run(_serve(made, listening))


async def _serve(order: ServeOrder, listening: socket.socket) -> int:
    settings = order.settings
    app = make_app(settings, grace=order.grace)
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=CONNECTIONS_GRACE,
        **security.runner_options(),
    )
    stop = asyncio.Event()
    _heed_signals(stop)
    try:
        await runner.setup()
        await web.SockSite(runner, listening, backlog=BACKLOG).start()
        url = _url(settings)
        print(f"nodeflow is at {url}", flush=True)
        log.info("listening", extra={"facts": {"host": settings.host, "port": settings.port}})
        if order.open:
            webbrowser.open(url)
        if not settings.headless:
            await warm_up(app)
        await stop.wait()
        log.info("stopping", extra={"facts": {"grace": order.grace}})
    except StoreError as error:
        tell_problems([Problem("no-queue", "--dir", str(error), "choose another with --dir")])
        return USAGE
    finally:
        await runner.cleanup()
    return DONE


def _with_token(settings: Settings) -> Settings:
    """A token where one was asked for, or where others could call."""
    made = settings.token == AUTO
    needed = not settings.token and not security.is_loopback(settings.host)
    return replace(settings, token=security.new_token()) if made or needed else settings


def _why_not(settings: Settings) -> Problem | None:
    why = security.why_not_listen(settings)
    if why is not None:
        return Problem("unsafe", "serve", why, "see `nodeflow serve --help`")
    for name in settings.device.split(","):  # a worker for each
        wrong = wrong_name(name.strip())
        if wrong is not None:
            return wrong
    try:
        settings.own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Problem("no-folder", "--dir", f"{settings.base}: {error.strerror}")
    if not os.access(settings.own, os.W_OK):
        return Problem("no-folder", "--dir", f"{settings.base} is not writable")
    return None


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    host = settings.host.strip("[]")
    return socket.create_server((host, settings.port), family=family, backlog=BACKLOG)


def _unbindable(settings: Settings, error: OSError) -> Problem:
    where = f"{settings.host}:{settings.port}"
    taken = error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE))
    if taken:
        hint = "stop what listens there, or choose another with --port (0 is any that is free)"
        return Problem("port-taken", "--port", f"{where} is taken", hint)
    return Problem("no-address", "--host", f"cannot listen at {where}: {error.strerror}")


def _url(settings: Settings) -> str:
    """The address for a browser on this machine; with the token, which is told nowhere else."""
    host = settings.host.strip("[]")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    host = f"[{host}]" if ":" in host else host
    token = f"?token={quote(settings.token)}" if settings.token else ""
    return f"http://{host}:{settings.port}/{token}"


# ── signals ─────────────────────────────────────────────────────────────────────────────────────


def _heed_signals(stop: asyncio.Event) -> None:
    """The first asks the server to stop in good order, the second ends it at once."""
    loop = asyncio.get_running_loop()

    def heed() -> None:
        if stop.is_set():
            # Workers end when nobody holds the other end of their input.
            os._exit(STOPPED_AT_ONCE)
        stop.set()

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, heed)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(heed))


# ── the log ─────────────────────────────────────────────────────────────────────────────────────


def _log_to_stderr(order: ServeOrder) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if order.log_json else Readable())
    root = logging.getLogger("nodeflow")
    root.handlers[:] = [handler]
    root.setLevel(order.log_level.upper())
    root.propagate = False
    logging.getLogger("aiohttp").handlers[:] = [handler]


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts = getattr(record, "facts", None)
    return facts if isinstance(facts, dict) else {}


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, message, and the facts of `extra={"facts": {…}}`."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


class Readable(logging.Formatter):
    """The same for people. What a client sent cannot begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        line = f"{at} {record.levelname.lower()} {message} {facts}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line
