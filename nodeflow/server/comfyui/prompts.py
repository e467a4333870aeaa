"""`POST /prompt`: a prompt becomes a graph in the queue.

Imports `formats.comfyui`, `server.runs`, `server.comfyui.{record,answers,messages}`.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from aiohttp import web

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.comfyui.build import Folders
from nodeflow.formats.comfyui.faults import problem
from nodeflow.formats.comfyui.spec import default_table
from nodeflow.formats.comfyui.translate import Translated, translate
from nodeflow.formats.graph_json import graph_to_data
from nodeflow.graph import Graph
from nodeflow.server.comfyui import answers, record
from nodeflow.server.comfyui.messages import QUEUE_CHANGED, Comfy, Telling
from nodeflow.server.hub import Hub
from nodeflow.server.keys import HUB, REGISTRY, RUNS, SETTINGS
from nodeflow.server.places import param_of
from nodeflow.server.protocol import RunRequest
from nodeflow.server.runs import QueueFull
from nodeflow.server.settings import Settings
from nodeflow.server.wire import json_answer

TELLING = web.AppKey("comfyui_telling", Telling)
MAX_TITLE = 200


@dataclass(frozen=True)
class Posted:
    """What a client sent, as far as it makes sense."""

    prompt: Any
    client: str = ""
    run: str = ""
    front: bool = False
    extra_data: Mapping[str, Any] | None = None
    targets: tuple[str, ...] | None = None


def posted(data: Mapping[str, Any]) -> Posted:
    """The body of a `POST /prompt`. What is of another kind than it should be counts as left out,
    as ComfyUI has it."""

    def text(name: str) -> str:
        value = data.get(name)
        return value[:100] if isinstance(value, str) else ""

    number, extra, targets = (
        data.get("number"),
        data.get("extra_data"),
        data.get("partial_execution_targets"),
    )
    ahead = isinstance(number, (int, float)) and number < 0
    return Posted(
        data["prompt"],
        text("client_id"),
        text("prompt_id"),
        bool(data.get("front")) or ahead,
        extra if isinstance(extra, Mapping) else {},
        tuple(map(str, targets)) if isinstance(targets, list) else None,
    )


async def post_prompt(app: web.Application, data: Mapping[str, Any]) -> web.Response:
    """Translate, check and queue a prompt."""
    if "prompt" not in data:
        text = "the body has no prompt"
        hint = 'send {"prompt": {…}}'
        return json_answer(answers.error("no_prompt", "No prompt provided", f"{text}: {hint}"), 400)
    asked = posted(data)
    made = await _translated(app, asked)
    if any(p.severity == "error" for p in made.problems):
        return json_answer(answers.refused(made.problems, asked.prompt), 400)
    run = asked.run or str(uuid.uuid4())
    kept = record.made_of(asked.client, asked.prompt, asked.extra_data or {}, made.mapping)
    telling = app[TELLING]
    telling.expect(run, kept)
    try:
        accepted = await app[RUNS].submit(
            _request(made, asked), run_id=run, extra={record.KEY: kept.as_json()}
        )
    except GraphError as error:
        telling.forget(run)
        problems = [_at_node(found, kept) for found in error.problems]
        return json_answer(answers.refused(problems, asked.prompt), 400)
    except QueueFull as error:
        telling.forget(run)
        return json_answer(answers.error("queue_full", "The queue is full", str(error)), 429)
    except BaseException:
        telling.forget(run)
        raise
    tell_growth(app[HUB])
    number = (await app[RUNS].summary(run)).number
    answer = {"prompt_id": run, "number": number, "node_errors": {}}
    warnings = [p.as_json() for p in made.problems]
    warnings += [found.model_dump() for found in accepted.problems]
    if warnings:
        answer["warnings"] = warnings
    return json_answer(answer)


def tell_growth(hub: Hub) -> None:
    """Tell at once that something waits: clients take a queue of 0 for the end of their run."""
    for socket in list(hub.sockets):
        if isinstance(socket.dialect, Comfy):
            socket.told({"type": QUEUE_CHANGED, "data": {}})


async def _translated(app: web.Application, asked: Posted) -> Translated:
    settings, registry = app[SETTINGS], app[REGISTRY]
    table = default_table()
    count = len(asked.prompt) if isinstance(asked.prompt, Mapping) else 0
    most = settings.limits.graph_nodes
    if count > most:
        text = f"the prompt has {count} nodes, at most {most} are taken"
        return Translated(Graph(), [problem("invalid_prompt", "", text)], {})
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        None,
        lambda: translate(asked.prompt, table, registry, folders(settings), targets=asked.targets),
    )


def folders(settings: Settings) -> Folders:
    """Where a prompt's files are on this server."""
    places = settings.input, settings.output, settings.temp
    return Folders(*places, now=datetime.now(), param=param_of)


def _request(made: Translated, asked: Posted) -> RunRequest:
    extra = asked.extra_data or {}
    shown = [s for stand in made.mapping.values() for s in stand.shown]
    return RunRequest.model_validate(
        {
            "graph": graph_to_data(made.graph),
            "outputs": [s.output for s in shown] or None,
            "title": _title(extra),
            "front": asked.front,
            "client": asked.client,
            "previews": extra.get("preview_method") != "none",
            "temporary": [s.output for s in shown if s.folder == "temp"],
            "texts": _texts(asked.prompt, extra),
        }
    )


def _title(extra: Mapping[str, Any]) -> str:
    info = extra.get("extra_pnginfo")
    workflow = info.get("workflow") if isinstance(info, Mapping) else None
    name = workflow.get("name") if isinstance(workflow, Mapping) else None
    return name[:MAX_TITLE] if isinstance(name, str) else ""


def _texts(prompt: Any, extra: Mapping[str, Any]) -> dict[str, str]:
    """What ComfyUI writes into a picture: the prompt, and the workflow as the editor sent it."""
    found = {"prompt": json.dumps(prompt)}
    info = extra.get("extra_pnginfo")
    for name, value in list(info.items())[:50] if isinstance(info, Mapping) else ():
        good = isinstance(name, str) and name.isascii() and name.isprintable()
        if good and 0 < len(name) < 80 and value is not None:
            found[name] = json.dumps(value)
    return found


def _at_node(found: Problem, kept: record.Record) -> Problem:
    """A problem of our graph at the node of the prompt that it comes from."""
    place, _, port = found.where.rpartition(".")
    owners = {ours: id for id, nodes in kept.nodes.items() for ours in nodes}
    id = owners.get(place or found.where) or owners.get(found.where)
    if id is None:
        return found
    text = f"{port}: {found.message}" if port and place else found.message
    made = problem("custom_validation_failed", id, text, found.hint, severity=found.severity)
    return replace(made, where=id)
