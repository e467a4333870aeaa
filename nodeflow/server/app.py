"""The application: routes, what is started and stopped with it, and what becomes of faults.

Imports everything of `server`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from nodeflow import __version__
from nodeflow.confinement import release
from nodeflow.errors import GraphError, NodeflowError, Problem
from nodeflow.registry import Registry, load_registry
from nodeflow.server import attention, comfyui, files, protocol, security, tensors, trajectory
from nodeflow.server.api import catalogue, check, graphs, info, queue, runs, templates
from nodeflow.server.api.table import PREFIX, Route, add_routes
from nodeflow.server.hub import Hub
from nodeflow.server.keys import HUB, REGISTRY, RUNS, SETTINGS
from nodeflow.server.metrics import Metrics
from nodeflow.server.openapi import document
from nodeflow.server.pages import add_page, built_page
from nodeflow.server.places import confine_process
from nodeflow.server.protocol import QueueEvent
from nodeflow.server.runs import Runs, StoreError, ToolError
from nodeflow.server.settings import Settings
from nodeflow.server.store import NoSuchRun, QueueFull, WrongState
from nodeflow.server.wire import Refusal, in_thread, json_answer, problems_answer, refusal

log = logging.getLogger("nodeflow.server")
access = logging.getLogger("nodeflow.server.access")

GRACE = web.AppKey("grace", float)
"""Seconds that running runs get when the application stops."""
METRICS = web.AppKey("metrics", Metrics)
DEFAULT_GRACE = 10.0
STATUS: dict[type[NodeflowError], tuple[int, str]] = {
    NoSuchRun: (404, "no-such-run"),
    WrongState: (409, "wrong-state"),
    QueueFull: (429, "queue-full"),
    StoreError: (503, "no-queue"),
}
EVENTS = (
    *(protocol.RunEvent, protocol.NodeEvent, protocol.StepEvent, protocol.OutputEvent),
    *(protocol.ErrorEvent, protocol.PausedEvent, protocol.QueueEvent, protocol.GraphsEvent),
    *(protocol.Subscribe, protocol.TensorHead, protocol.PreviewHead),
)
"""Models that only the socket uses."""
ROUTES: list[Route] = [
    *(*runs.ROUTES, *queue.ROUTES, *graphs.ROUTES),
    *(*catalogue.ROUTES, *check.ROUTES, *info.ROUTES),
]
"""What is routed here; the others route their own tables."""
TABLE = [
    *(*ROUTES, *templates.ROUTES, *files.ROUTES),
    *(*tensors.ROUTES, *trajectory.ROUTES, *attention.ROUTES),
]
"""What the document describes."""


def make_app(
    settings: Settings, registry: Registry | None = None, grace: float = DEFAULT_GRACE
) -> web.Application:
    """The server of these settings; its workers start and stop with it."""
    # The parser's own limit guards every route; those that take files read in parts.
    app = web.Application(client_max_size=settings.limits.body_bytes, middlewares=[_faults_told])
    app[SETTINGS] = settings
    app[REGISTRY] = registry if registry is not None else load_registry(settings.nodes)
    app[GRACE] = grace
    app[RUNS] = Runs(settings, app[REGISTRY])
    app[HUB] = Hub(settings.limits, lambda: _queue_now(app[RUNS]))
    app[METRICS] = Metrics(app[RUNS], app[HUB], app[REGISTRY])
    app[catalogue.KEPT] = {}
    app[graphs.GRAPHS] = graphs.GraphFiles(settings.graphs)
    app[templates.TEMPLATES] = templates.Templates(app[REGISTRY])
    security.setup(app, settings)
    app.middlewares[:0] = [_logged, _faults_told]  # for what the guards themselves do
    setup_routes(app)
    app.cleanup_ctx.extend([_running, tensors.in_bounds])
    app.on_shutdown.append(_goodbye)
    return app


def setup_routes(app: web.Application) -> None:
    """All routes: ours, those of files and tensors, ComfyUI's, and the page."""
    add_routes(app, ROUTES)
    described = document(TABLE, __version__, EVENTS)

    async def tell_api(request: web.Request) -> web.Response:
        return json_answer(described)

    app.router.add_get(f"{PREFIX}/openapi.json", tell_api)
    app.router.add_get(f"{PREFIX}/ws", _socket)
    app.router.add_get("/metrics", app[METRICS].answer)
    templates.setup_routes(app)
    files.setup_routes(app)
    tensors.setup_routes(app)
    trajectory.setup_routes(app)
    attention.setup_routes(app)
    comfyui.setup_routes(app)
    if not app[SETTINGS].headless:
        add_page(app, built_page())


def _queue_now(every: Any) -> dict[str, Any]:
    state = every.state()
    event = QueueEvent(
        paused=state.paused,
        running=[run.run for run in state.running],
        queued=[run.run for run in state.queued],
    )
    return event.model_dump()


async def _socket(request: web.Request) -> Any:
    return await request.app[HUB].connect(request)


async def _running(app: web.Application) -> AsyncIterator[None]:
    """Queue and workers, as long as the application runs."""
    settings = app[SETTINGS]
    for folder in (settings.output, settings.input, settings.graphs, settings.temp):
        folder.mkdir(parents=True, exist_ok=True)
    confine_process(settings)
    stops = [app[RUNS].listen(app[HUB].tell), app[RUNS].listen(app[METRICS].heard)]
    try:
        await app[RUNS].start()
        try:
            yield
        finally:
            await app[RUNS].stop(app[GRACE])
            await asyncio.gather(*app[METRICS].tasks, return_exceptions=True)
    finally:
        for stop in stops:
            stop()
        release()


async def warm_up(app: web.Application) -> None:
    """Have ready what the page asks for first."""
    await catalogue.kept_nodes(app)
    await in_thread(app[templates.TEMPLATES].all)


async def _goodbye(app: web.Application) -> None:
    await app[HUB].close()


# ── faults and the log ──────────────────────────────────────────────────────────────────────────


@web.middleware
async def _logged(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A line for each request, at the level `debug`: a page asks often."""
    began = time.perf_counter()
    response = await handler(request)
    if access.isEnabledFor(logging.DEBUG):
        facts = {
            "method": request.method,
            "path": request.path[:200],
            "status": response.status,
            "ms": round((time.perf_counter() - began) * 1000, 2),
        }
        access.debug("%(method)s %(path)s %(status)s %(ms)s ms", facts, extra={"facts": facts})
    return response


@web.middleware
async def _faults_told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every fault as an answer that can be read; what nobody expected is told in the log alone."""
    try:
        return await handler(request)
    except NodeflowError as error:
        return _refused(error)
    except web.HTTPException as error:
        if error.status < 400 or not _is_ours(request):
            raise
        return _http_refused(error)
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path[:200])
        hint = "it is in the server's log"
        problem = Problem("internal", "", "the server made a mistake", hint)
        return problems_answer(500, [problem])


def _refused(error: NodeflowError) -> web.Response:
    if isinstance(error, Refusal):
        return problems_answer(error.status, error.problems, error.headers)
    if isinstance(error, GraphError):
        return problems_answer(400, error.problems)
    if isinstance(error, ToolError):
        status = 503 if error.problem.code == "no-worker" else 400
        return problems_answer(status, [error.problem])
    for kind, (status, code) in STATUS.items():
        if isinstance(error, kind):
            return problems_answer(status, [Problem(code, "", str(error))])
    return problems_answer(400, [Problem("refused", "", str(error))])


def _http_refused(error: web.HTTPException) -> web.Response:
    codes = {404: "no-such-route", 405: "wrong-method", 413: "too-large"}
    code = codes.get(error.status, "refused")
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    answer = refusal(error.status, code, "", error.reason)
    return problems_answer(answer.status, answer.problems, allow)


def _is_ours(request: web.Request) -> bool:
    return request.path.startswith(f"{PREFIX}/") or request.path == PREFIX
