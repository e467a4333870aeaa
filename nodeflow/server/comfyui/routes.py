"""ComfyUI's routes, each at `/x` and `/api/x`, over the same queue and files as our own.

Imports `server.comfyui.*` and what those import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from nodeflow.formats.comfyui.spec import default_table
from nodeflow.server.comfyui import answers, object_info, record, system
from nodeflow.server.comfyui.messages import FEATURES, Comfy, Telling
from nodeflow.server.comfyui.pictures import get_view, post_image, post_mask
from nodeflow.server.comfyui.prompts import TELLING, post_prompt
from nodeflow.server.keys import HUB, REGISTRY, RUNS, SETTINGS
from nodeflow.server.protocol import RunSummary
from nodeflow.server.runs import NoSuchRun, WrongState
from nodeflow.server.wire import Refusal, json_answer, parse

ENDED = ("done", "failed", "cancelled")
MOST_HISTORY = 200
"""Runs told at once; a run's prompt may be long."""
MOST_FILES = 1000
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif")

Handler = Callable[[web.Request], Awaitable[Any]]


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object in a body; nothing at all is an empty one. ComfyUI's clients often send no
    content type, so none is asked for: pages of strangers are refused by their Origin.

    Raises:
        Refusal: it is no JSON, or no object.
    """
    body = await request.read()
    data = parse(body) if body.strip() else {}
    if not isinstance(data, dict):
        raise Refusal(400, [])
    return data


# ── prompts, queue, history ────────────────────────────────────────────────────────────────────


async def _post_prompt(request: web.Request) -> web.Response:
    return await post_prompt(request.app, await _body(request))


async def _get_prompt(request: web.Request) -> dict[str, Any]:
    return {"exec_info": {"queue_remaining": remaining(request.app)}}


def remaining(app: web.Application) -> int:
    """How many runs wait or run."""
    state = app[RUNS].state()
    return len(state.running) + len(state.queued)


async def _record(app: web.Application, run: str) -> record.Record | None:
    return record.read(await app[RUNS].extra(run))


async def _items(app: web.Application, summaries: list[RunSummary]) -> list[list[Any]]:
    found = []
    for summary in summaries:
        try:
            found.append(answers.queue_item(summary, await _record(app, summary.run)))
        except NoSuchRun:  # it was deleted meanwhile
            continue
    return found


async def _get_queue(request: web.Request) -> dict[str, Any]:
    state = request.app[RUNS].state()
    return {
        "queue_running": await _items(request.app, list(state.running)),
        "queue_pending": await _items(request.app, list(state.queued)),
    }


async def _post_queue(request: web.Request) -> dict[str, Any]:
    data, runs = await _body(request), request.app[RUNS]
    if data.get("clear"):
        await runs.clear_queue()
    queued = {summary.run for summary in runs.state().queued}
    for run in _ids(data):
        if run in queued:
            request.app[TELLING].forget(run)
            await runs.cancel(run, "deleted from the queue")
    return {}


def _ids(data: Mapping[str, Any]) -> list[str]:
    found = data.get("delete")
    return [run for run in found if isinstance(run, str)] if isinstance(found, list) else []


async def _get_history(request: web.Request) -> dict[str, Any]:
    """The last runs, the oldest first."""
    most = _number(request, "max_items", MOST_HISTORY)
    offset = _number(request, "offset", 0)
    if most == 0:
        return {}
    page = await request.app[RUNS].page(ENDED, min(most, MOST_HISTORY) + offset)
    chosen = page.runs[: len(page.runs) - offset] if offset else page.runs
    found = {}
    for summary in reversed(chosen):
        found.update(await _history_of(request.app, summary))
    return found


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdigit() and len(text) < 9 else default


async def _history_of(app: web.Application, summary: RunSummary) -> dict[str, Any]:
    try:
        found = await _record(app, summary.run)
    except NoSuchRun:
        return {}
    return {} if found is None else {summary.run: answers.history_entry(summary, found)}


async def _get_run(request: web.Request) -> dict[str, Any]:
    try:
        summary = await request.app[RUNS].summary(request.match_info["id"])
    except NoSuchRun:
        return {}
    return await _history_of(request.app, summary) if summary.state in ENDED else {}


async def _post_history(request: web.Request) -> dict[str, Any]:
    data, runs = await _body(request), request.app[RUNS]
    if data.get("clear"):
        await runs.clear_history()
    for run in _ids(data):
        try:
            if (await runs.summary(run)).state in ENDED:
                await runs.delete(run)
        except (NoSuchRun, WrongState):
            continue
    return {}


async def _post_interrupt(request: web.Request) -> dict[str, Any]:
    data, runs = await _body(request), request.app[RUNS]
    wanted = data.get("prompt_id")
    for summary in runs.state().running:
        if wanted is None or summary.run == wanted:
            await runs.cancel(summary.run, "interrupted")
    return {}


async def _post_free(request: web.Request) -> dict[str, Any]:
    data = await _body(request)
    models, cache = bool(data.get("unload_models")), bool(data.get("free_memory"))
    if models or cache:
        await request.app[RUNS].free(models=models, cache=cache)
    return {}


# ── what there is ──────────────────────────────────────────────────────────────────────────────


async def _get_object_info(request: web.Request) -> dict[str, Any]:
    files = await _files(request.app)
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: _infos(request.app, files, request.match_info.get("name"))
    )


def _infos(
    app: web.Application, files: Mapping[str, list[str]], wanted: str | None
) -> dict[str, Any]:
    table = default_table()
    found = {
        name: object_info.of_table(spec, table, files)
        for name, spec in table.nodes.items()
        if wanted in (None, name)
    }
    for definition in app[REGISTRY]:
        if wanted in (None, definition.id):
            found.setdefault(definition.id, object_info.of_definition(definition, table))
    return found


async def _files(app: web.Application) -> dict[str, list[str]]:
    """Pictures in the input and output folders, for the nodes that load one."""
    settings = app[SETTINGS]

    def listed() -> dict[str, list[str]]:
        return {
            "input": _listed(settings.input),
            "output": [f"{name} [output]" for name in _listed(settings.output)],
        }

    return await asyncio.get_running_loop().run_in_executor(None, listed)


def _listed(folder: Any) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix.lower() in _PICTURES and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        ):
            found.append(path.relative_to(folder).as_posix())
        if len(found) >= MOST_FILES:
            break
    return found


async def _get_stats(request: web.Request) -> dict[str, Any]:
    return system.stats(request.app[SETTINGS])


async def _get_embeddings(request: web.Request) -> list[str]:
    return system.embeddings(default_table())


async def _get_folders(request: web.Request) -> list[str]:
    return sorted(default_table().folders)


async def _get_models(request: web.Request) -> Any:
    found = system.models(default_table(), request.match_info["folder"])
    return json_answer([], 404) if found is None else found


async def _get_model_folders(request: web.Request) -> list[dict[str, Any]]:
    return [{"name": name, "folders": []} for name in sorted(default_table().folders)]


async def _get_model_files(request: web.Request) -> Any:
    found = system.models(default_table(), request.match_info["folder"])
    if found is None:
        return json_answer([], 404)
    return [{"name": name, "pathIndex": 0} for name in found]


async def _get_model_texts(request: web.Request) -> Any:
    name = request.query.get("filename", "")
    folder = request.match_info["folder"]
    found = system.model_texts(default_table(), folder, name)
    return web.Response(status=404) if found is None else found


async def _get_features(request: web.Request) -> dict[str, Any]:
    return {**FEATURES, "max_upload_size": request.app[SETTINGS].limits.upload_bytes}


async def _get_nothing(request: web.Request) -> list[Any]:
    return []


async def _get_settings(request: web.Request) -> dict[str, Any]:
    return {}


async def _get_setting(request: web.Request) -> Any:
    return json_answer(None)


async def _post_setting(request: web.Request) -> dict[str, Any]:
    """Taken and not kept: what a client's editor looks like is no business of this server's."""
    await request.read()
    return {}


async def _get_users(request: web.Request) -> dict[str, Any]:
    return {"storage": "server", "migrated": True}


async def _socket(request: web.Request) -> Any:
    client = request.query.get("clientId", "")[:100]
    return await request.app[HUB].connect(request, Comfy(request.app[TELLING], client))


ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/prompt", _post_prompt),
    ("GET", "/prompt", _get_prompt),
    ("GET", "/queue", _get_queue),
    ("POST", "/queue", _post_queue),
    ("GET", "/history", _get_history),
    ("POST", "/history", _post_history),
    ("GET", "/history/{id}", _get_run),
    ("POST", "/interrupt", _post_interrupt),
    ("POST", "/free", _post_free),
    ("GET", "/view", get_view),
    ("POST", "/upload/image", post_image),
    ("POST", "/upload/mask", post_mask),
    ("GET", "/object_info", _get_object_info),
    ("GET", "/object_info/{name}", _get_object_info),
    ("GET", "/system_stats", _get_stats),
    ("GET", "/embeddings", _get_embeddings),
    ("GET", "/models", _get_folders),
    ("GET", "/models/{folder}", _get_models),
    ("GET", "/experiment/models", _get_model_folders),
    ("GET", "/experiment/models/{folder}", _get_model_files),
    ("GET", "/view_metadata/{folder}", _get_model_texts),
    ("GET", "/extensions", _get_nothing),
    ("GET", "/features", _get_features),
    ("GET", "/settings", _get_settings),
    ("POST", "/settings", _post_setting),
    ("GET", "/settings/{id}", _get_setting),
    ("POST", "/settings/{id}", _post_setting),
    ("GET", "/users", _get_users),
    ("GET", "/ws", _socket),
]


def setup_routes(app: web.Application) -> None:
    """Route all of it, and listen to the runs."""
    app[TELLING] = Telling(lambda: remaining(app))
    for method, path, handler in ROUTES:
        for prefix in ("", "/api"):
            app.router.add_route(method, prefix + path, _served(handler))
    app.on_startup.append(_listen)


async def _listen(app: web.Application) -> None:
    """Tell of runs, also of those that were in the queue when the server began."""
    app[RUNS].listen(app[TELLING].heard)
    state = app[RUNS].state()
    for summary in (*state.running, *state.queued):
        found = await _record(app, summary.run)
        if found is not None:
            app[TELLING].expect(summary.run, found)


def _served(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Data as JSON, and refusals in ComfyUI's shape."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except Refusal as error:
            first = error.problems[0] if error.problems else None
            text = first.message if first else "the body is no JSON object"
            type = first.code.replace("-", "_") if first else "invalid_prompt"
            details = "\n".join(map(str, error.problems)) or text
            return json_answer(answers.error(type, text, details), error.status, error.headers)
        except web.HTTPRequestEntityTooLarge:
            text = "the body is too large"
            return json_answer(answers.error("too_large", text), 413)
        return answer if isinstance(answer, web.StreamResponse) else json_answer(answer)

    return serve
