"""Graphs that people save: files below the server's `graphs/`, with the version before kept."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from nodeflow.errors import Problem
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.server.api.catalogue import etag_known
from nodeflow.server.api.table import Call, Route
from nodeflow.server.keys import HUB
from nodeflow.server.places import confined
from nodeflow.server.protocol import GraphList, GraphName, GraphsEvent
from nodeflow.server.wire import Refusal, in_thread, refusal

NAME = re.compile(r"[^\W_][\w .()+-]{0,99}(?:/[^\W_][\w .()+-]{0,99})?")
"""A name, and perhaps one of a folder before it; begins with a letter or a digit."""
WINDOWS = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""Names that mean devices there."""
ENDS = (" ", ".", ".json", ".bak")
"""How no name ends: Windows drops the first two, the others are for us."""
MAX_GRAPHS = 10_000
CLIENT = "X-Nodeflow-Client"
"""Header by which a page knows the events of its own doing."""


@dataclass
class GraphFiles:
    """The folder. One change at a time, so that what is compared is what is replaced."""

    folder: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: dict[str, tuple[tuple[int, int], GraphName]] = field(default_factory=dict)
    """What was told of each, and its time and size then: files are read once."""

    def all(self) -> list[GraphName]:
        """What is there, by name."""
        found = []
        for path in sorted(self.folder.rglob("*.json"))[:MAX_GRAPHS]:
            name = path.relative_to(self.folder).with_suffix("").as_posix()
            with contextlib.suppress(OSError, Refusal):  # it was deleted just now, or is no name
                found.append(self._listed(name))
        return found

    def _listed(self, name: str) -> GraphName:
        path = self.path(name)
        status = path.stat()
        stamp = status.st_mtime_ns, status.st_size
        known = self.known.get(name)
        if known is None or known[0] != stamp:
            known = stamp, _told(name, path.read_bytes(), status.st_mtime)
            self.known[name] = known
        return known[1]

    def path(self, name: str) -> Path:
        """The file of a name.

        Raises:
            Refusal: it is no name, or leads elsewhere.
        """
        parts = name.split("/")
        bad = [part for part in parts if WINDOWS.match(part) or part.endswith(ENDS)]
        if not NAME.fullmatch(name) or bad:
            hint = "letters, digits, spaces and - _ . ( ) +; one folder at most"
            raise refusal(400, "bad-name", name[:200], "this is no name of a graph", hint)
        return confined(self.folder, f"{name}.json")

    def read(self, name: str) -> bytes | None:
        path = self.path(name)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, name: str, data: bytes) -> float:
        """Write it whole or not at all, keeping what was there; when it was written."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=".nodeflow-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._keep(path)
            os.replace(aside, path)
        finally:
            Path(aside).unlink(missing_ok=True)
        return path.stat().st_mtime

    def delete(self, name: str) -> None:
        path = self.path(name)
        self._keep(path)
        path.unlink(missing_ok=True)
        if path.parent != self.folder:
            with contextlib.suppress(OSError):  # others are in it
                path.parent.rmdir()

    def _keep(self, path: Path) -> None:
        """The version of now becomes the one before."""
        try:
            before = path.read_bytes()
        except FileNotFoundError:
            return
        kept = path.with_name(f"{path.name}.bak")
        handle, aside = tempfile.mkstemp(prefix=".nodeflow-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(before)
        os.replace(aside, kept)


GRAPHS: web.AppKey[GraphFiles] = web.AppKey("graphs", GraphFiles)


async def list_graphs(call: Call) -> GraphList:
    return GraphList(graphs=await in_thread(call.app[GRAPHS].all))


async def get_graph(call: Call) -> web.Response:
    name, files = call.path["name"], call.app[GRAPHS]
    data = await in_thread(lambda: files.read(name))
    if data is None:
        raise _absent(name)
    etag = _etag(data)
    headers = {"ETag": f'"{etag}"', "Cache-Control": "no-cache"}
    if etag_known(call.request.headers.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type="application/json", headers=headers)


async def put_graph(call: Call) -> web.Response | GraphName:
    name, files = call.path["name"], call.app[GRAPHS]
    files.path(name)
    data = await in_thread(lambda: _as_file(call.body))
    async with files.lock:
        before = await in_thread(lambda: files.read(name))
        _refuse_conflict(call.request, name, before, _etag(data))
        saved_at = await in_thread(lambda: files.write(name, data))
    told = _told(name, data, saved_at)
    _tell(call, name, told.etag)
    return told


async def delete_graph(call: Call) -> None:
    name, files = call.path["name"], call.app[GRAPHS]
    async with files.lock:
        before = await in_thread(lambda: files.read(name))
        if before is None:
            raise _absent(name)
        _refuse_conflict(call.request, name, before, "")
        await in_thread(lambda: files.delete(name))
    _tell(call, name, "")


def _as_file(graph: dict[str, Any]) -> bytes:
    """The graph as it stands in a file. Its form is checked, not whether it would run: a graph in
    the making, or with nodes of a pack that is not here, is worth keeping."""
    graph_from_data(graph)
    return (json.dumps(graph, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode()


def _refuse_conflict(request: web.Request, name: str, before: bytes | None, after: str) -> None:
    """If-Match: only what the client last saw is replaced; If-None-Match: *: only what is new."""
    now = "" if before is None else _etag(before)
    wanted = request.headers.get("If-Match", "")
    if request.headers.get("If-None-Match", "").strip() == "*" and before is not None:
        wanted = "nothing"
    elif not wanted or (now and etag_known(wanted, now)):
        return
    told = f"the graph there is {now or 'gone'}, not {wanted[:80]}"
    hint = "look at what is there, then save again or under another name"
    headers = {"ETag": f'"{now}"'} if now else {}
    raise Refusal(412, [Problem("conflict", name, told, hint)], headers)


def _tell(call: Call, name: str, etag: str) -> None:
    client = call.request.headers.get(CLIENT, "")[:100]
    event = GraphsEvent(name=name, etag=etag, client=client)
    call.app[HUB].tell({"type": "nf.graphs", "data": event.model_dump()})


def _told(name: str, data: bytes, saved_at: float) -> GraphName:
    try:
        title = json.loads(data).get("title", "")
    except (ValueError, AttributeError, RecursionError):
        title = ""
    title = title if isinstance(title, str) else ""
    return GraphName(name=name, title=title, etag=_etag(data), bytes=len(data), saved_at=saved_at)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _absent(name: str) -> Refusal:
    return refusal(404, "no-such-graph", name[:200], "there is no graph of that name")


_MATCH = ("If-Match", "If-None-Match", CLIENT)
ROUTES = [
    Route("GET", "/graphs", list_graphs, "The graphs that people saved", gives=GraphList),
    Route(
        *("GET", "/graphs/{name:.+}", get_graph, "A graph file, with its ETag"),
        gives=dict,
        refuses=(404,),
        headers=("If-None-Match",),
    ),
    Route(
        *("PUT", "/graphs/{name:.+}", put_graph, "Save a graph; the version before is kept"),
        takes=dict,
        gives=GraphName,
        refuses=(412,),
        headers=_MATCH,
    ),
    Route(
        *("DELETE", "/graphs/{name:.+}", delete_graph, "Delete a graph; its last version is kept"),
        refuses=(404, 412),
        headers=("If-Match", CLIENT),
    ),
]
