"""Files over HTTP: pictures taken in, shown, listed, thrown away; what a dropped file is.

Nothing that a stranger sent is ever shown as anything but a picture: the media type comes from a
short list, and nosniff forbids browsers to guess. Imports the layers of `server` up to `api.table`.
"""

from __future__ import annotations

import heapq
import os
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from pydantic import BaseModel, Field

from nodeflow.errors import GraphError, Problem
from nodeflow.formats.picture import read_picture_metadata
from nodeflow.server import pictures
from nodeflow.server.api.table import PREFIX, Call, Route, add_routes
from nodeflow.server.dropped import opened
from nodeflow.server.keys import REGISTRY, RUNS, SETTINGS
from nodeflow.server.pictures import MEDIA_TYPES, in_thread
from nodeflow.server.places import (
    Refused,
    confined,
    existing,
    folder_of,
    into_trash,
    param_of,
)
from nodeflow.server.protocol import GalleryFile, OpenAnswer, OutputFile, OutputPage, UploadAnswer
from nodeflow.server.settings import Settings
from nodeflow.server.wire import Refusal, json_answer, refusal, validated

__all__ = ["ROUTES", "Refused", "confined", "existing", "setup_routes", "store_upload", "view"]

BLOCK = 1 << 16
MAX_PARTS = 16
MAX_FIELD = 1 << 16
"""Parts of a form, and bytes of one that is no file."""
DAMAGED = (ValueError, AssertionError, RequestPayloadError, HttpProcessingError, web.HTTPException)
"""What aiohttp raises where a body does not keep to its form."""
SIDES = (64, 128, 256, 512, 1024)
"""Sides of thumbnails."""
MOST_LISTED = 200_000
STALE = 24 * 3600.0
"""Seconds after which what an upload left behind is swept away."""


class ViewQuery(BaseModel):
    thumb: int | None = Field(None, ge=1, le=1024, description="side of a thumbnail, in pixels")
    download: bool = False


class PageQuery(BaseModel):
    kind: Literal["output", "input"] = "output"
    limit: int = Field(50, ge=1, le=200)
    after: str = Field("", max_length=1200, description="the `next` of the last page")
    name: str = Field("", max_length=1200, description="only this file, if it is there")


# ── taking in ───────────────────────────────────────────────────────────────────────────────────


async def store_upload(
    settings: Settings, part: BodyPartReader | AsyncIterator[bytes], kind: str = "input"
) -> OutputFile:
    """Take in a picture that is sent, block by block; see `pictures.take_in`.

    Raises:
        Refusal: it is too large, or no picture.
    """
    folder, limits = folder_of(settings, kind), settings.limits
    received = await _receive(settings, part)
    try:
        path, facts = await in_thread(
            lambda: pictures.take_in(received, folder, limits.upload_pixels)
        )
    finally:
        received.unlink(missing_ok=True)
    return OutputFile(
        kind=kind,  # type: ignore[arg-type]
        path=path.relative_to(folder).as_posix(),
        bytes=path.stat().st_size,
        media_type="image/png",
        width=facts.width,
        height=facts.height,
    )


async def _receive(settings: Settings, part: BodyPartReader | AsyncIterator[bytes]) -> Path:
    """What is sent, in a file of its own name."""
    folder, most = settings.own / "uploads", settings.limits.upload_bytes
    await in_thread(lambda: _sweep(folder))
    path, size = folder / f"{uuid.uuid4().hex}.part", 0
    try:
        with path.open("xb") as file:
            async for block in _blocks(part):
                size += len(block)
                if size > most:
                    raise refusal(
                        413, "too-large", "", f"more than {most} bytes", "shrink it first"
                    )
                file.write(block)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


async def _blocks(part: BodyPartReader | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        if isinstance(part, BodyPartReader):
            while block := await part.read_chunk(BLOCK):
                yield block
        else:
            async for block in part:
                yield block
    except DAMAGED as error:
        raise refusal(400, "bad-form", "", "the body is damaged") from error


def _sweep(folder: Path) -> None:
    """Make the folder, and remove what uploads that were cut left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.part"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()


async def form_parts(request: web.Request, most_bytes: int) -> AsyncIterator[BodyPartReader]:
    """The parts of a form, as many as make sense.

    Raises:
        Refusal: it is no form, a damaged one, or has too many parts.
    """
    if request.content_type != "multipart/form-data":
        got = request.headers.get("Content-Type", "none")[:80]
        raise refusal(415, "no-form", "", f"the body is {got}", "send multipart/form-data")
    if (request.content_length or 0) > most_bytes + MAX_PARTS * MAX_FIELD:
        raise refusal(413, "too-large", "", f"more than {most_bytes} bytes", "send less")
    try:
        reader: MultipartReader = await request.multipart()
        for _ in range(MAX_PARTS):
            part = await reader.next()
            if part is None:
                return
            if not isinstance(part, BodyPartReader):
                raise refusal(400, "bad-form", "", "a form within the form", "send one form")
            yield part
    except DAMAGED as error:
        raise refusal(400, "bad-form", "", "the form is damaged") from error
    raise refusal(400, "bad-form", "", f"more than {MAX_PARTS} parts", "send one file at a time")


async def field_text(part: BodyPartReader) -> str:
    """The text of a part that is no file.

    Raises:
        Refusal: it is too long, or no UTF-8.
    """
    found = bytearray()
    async for block in _blocks(part):
        found += block
        if len(found) > MAX_FIELD:
            raise refusal(413, "too-large", part.name or "", f"more than {MAX_FIELD} bytes")
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise refusal(400, "bad-form", part.name or "", "this is no text in UTF-8") from None


async def upload_file(call: Call) -> UploadAnswer:
    settings = call.app[SETTINGS]
    async for part in form_parts(call.request, settings.limits.upload_bytes):
        if part.filename is not None or part.name in ("file", "image"):
            file = await store_upload(settings, part)
            return UploadAnswer(file=file, param=param_of(settings.input / file.path))
        await field_text(part)
    raise refusal(400, "bad-form", "file", "there is no file in the form", "name it `file`")


async def open_dropped(call: Call) -> OpenAnswer:
    """The file comes in a form, or is the body itself."""
    settings, registry = call.app[SETTINGS], call.app[REGISTRY]
    request = call.request
    received = None
    if request.content_type == "multipart/form-data":
        async for part in form_parts(request, settings.limits.upload_bytes):
            if part.filename is not None or part.name == "file":
                received = await _receive(settings, part)
                break
            await field_text(part)
    elif request.can_read_body:
        received = await _receive(settings, request.content.iter_chunked(BLOCK))
    if received is None:
        raise refusal(400, "bad-form", "file", "there is no file", "send it as the body")
    path = received
    try:
        return await in_thread(lambda: opened(path, registry))
    finally:
        path.unlink(missing_ok=True)


# ── showing ─────────────────────────────────────────────────────────────────────────────────────


async def view(
    request: web.Request,
    folder: Path,
    name: str,
    *,
    thumb: int | None = None,
    download: bool = False,
) -> web.StreamResponse:
    """A file of a folder, or a thumbnail of it, with Range, ETag and a fixed media type.

    Raises:
        Refusal: there is none, or no thumbnail of it can be made.
    """
    path = await in_thread(lambda: existing(folder, name))
    title, media_type = path.name, MEDIA_TYPES.get(path.suffix.lower(), "")
    if thumb is not None:
        settings = request.app[SETTINGS]
        side = next((side for side in SIDES if side >= thumb), SIDES[-1])
        cache, most = settings.own / "thumbs", settings.limits.upload_pixels
        original = path
        path = await in_thread(lambda: pictures.thumbnail(original, cache, side, most))
        title, media_type = f"{path.stem}.webp", "image/webp"
    shown = bool(media_type) and not download
    return web.FileResponse(
        path,
        headers={
            "Content-Type": media_type or "application/octet-stream",
            "Content-Disposition": _disposition("inline" if shown else "attachment", title),
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-cache",
        },
    )


def _disposition(how: str, name: str) -> str:
    """RFC 6266: a name in ASCII for old clients, and the whole one."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    whole = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{how}; filename="{plain}"{whole}'


async def view_file(request: web.Request) -> web.StreamResponse:
    query = validated(ViewQuery, dict(request.query))
    folder = folder_of(request.app[SETTINGS], request.match_info["kind"])
    path = request.match_info["path"]
    return await view(request, folder, path, thumb=query.thumb, download=query.download)


async def delete_file(call: Call) -> None:
    settings = call.app[SETTINGS]
    await _delete(settings, folder_of(settings, call.path["kind"]), call.path["path"])


async def delete_output(call: Call) -> None:
    settings = call.app[SETTINGS]
    await _delete(settings, settings.output, call.path["path"])


async def _delete(settings: Settings, folder: Path, name: str) -> None:
    await in_thread(lambda: into_trash(settings, existing(folder, name)))


# ── the gallery ─────────────────────────────────────────────────────────────────────────────────


async def list_outputs(call: Call) -> OutputPage:
    settings, query = call.app[SETTINGS], call.query
    folder = settings.input if query.kind == "input" else settings.output
    if query.name:
        page = await in_thread(lambda: _one(query.kind, folder, query.name))
    else:
        page = await in_thread(lambda: _page(query.kind, folder, query.limit, query.after))
    runs = call.app.get(RUNS)
    if runs is not None:
        makers = await runs.makers(query.kind, [file.path for file in page.files])
        for file in page.files:
            file.run = makers.get(file.path, "")
    return page


def _page(kind: Literal["output", "input"], folder: Path, limit: int, after: str) -> OutputPage:
    """Pictures newest first; of the same moment, by name."""
    behind = _read_mark(after) if after else None
    found = ((-changed, name, size) for name, changed, size in _pictures(folder))
    wanted = (item for item in found if behind is None or item[:2] > behind)
    chosen = heapq.nsmallest(limit + 1, wanted)
    files = [_gallery_file(kind, folder, name, -time, size) for time, name, size in chosen[:limit]]
    more = len(chosen) > limit
    return OutputPage(files=files, next=f"{-chosen[limit - 1][0]}:{files[-1].path}" if more else "")


def _one(kind: Literal["output", "input"], folder: Path, name: str) -> OutputPage:
    """The page of one file; empty if it is not there, which is no fault of who asks."""
    try:
        found = existing(folder, name).stat()
    except (Refusal, OSError):
        return OutputPage(files=[], next="")
    return OutputPage(
        files=[_gallery_file(kind, folder, name, found.st_mtime_ns, found.st_size)], next=""
    )


def is_shown(name: str) -> bool:
    """Whether a file of that name is shown as a picture."""
    return os.path.splitext(name)[1].lower() in MEDIA_TYPES


def _read_mark(text: str) -> tuple[int, str]:
    changed, _, name = text.partition(":")
    if not (changed.isascii() and changed.isdecimal() and len(changed) < 25 and name):
        raise refusal(400, "schema", "after", "this is no `next` of a page")
    return -int(changed), name


def _gallery_file(
    kind: Literal["output", "input"], folder: Path, name: str, changed: int, size: int
) -> GalleryFile:
    told = pictures.facts(folder / name)
    return GalleryFile(
        kind=kind,
        path=name,
        bytes=size,
        media_type=MEDIA_TYPES.get(os.path.splitext(name)[1].lower(), "application/octet-stream"),
        width=told.width,
        height=told.height,
        saved_at=changed / 1e9,
        has_graph=told.has_graph,
        param=param_of(folder / name) if kind == "input" else "",
    )


def _pictures(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Name, time in nanoseconds and bytes of every picture below a folder. Follows no links."""
    pending, seen = [(folder, "")], 0
    while pending:
        place, prefix = pending.pop()
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > MOST_LISTED:
                return
            with suppress(OSError, UnicodeEncodeError):
                name = prefix + entry.name
                name.encode()  # a name that is no UTF-8 cannot be asked for
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append((Path(entry.path), f"{name}/"))
                elif is_shown(name) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    yield name, status.st_mtime_ns, status.st_size


async def output_graph(call: Call) -> web.StreamResponse:
    folder, name = call.app[SETTINGS].output, call.path["path"]
    return json_answer(await in_thread(lambda: _graph_inside(folder, name)))


def _graph_inside(folder: Path, name: str) -> dict[str, Any]:
    path = existing(folder, name)
    try:
        found = read_picture_metadata(path)
    except GraphError as error:
        problems = [Problem(p.code, name, p.message, p.hint) for p in error.problems]
        raise Refusal(404, problems) from None
    return {"graph": found["graph"], "outputs": found.get("outputs")}


_PATH = "{path:.+}"
ROUTES = [
    Route(
        *("POST", "/files", upload_file, "Take in a picture: multipart/form-data with a `file`"),
        gives=UploadAnswer,
        status=201,
        refuses=(415,),
    ),
    Route(
        *("POST", "/open", open_dropped, "What a file is, and the graph in it; nothing is kept"),
        gives=OpenAnswer,
        refuses=(415,),
    ),
    Route(
        *("DELETE", f"/files/{{kind}}/{_PATH}", delete_file, "Throw a file away"), refuses=(404,)
    ),
    Route(
        *("GET", "/outputs", list_outputs, "Pictures of the output folder, newest first"),
        gives=OutputPage,
        query=PageQuery,
    ),
    Route(
        *("GET", f"/outputs/{_PATH}/graph", output_graph, "The graph that a picture carries"),
        gives=dict,
        refuses=(404,),
    ),
    Route("DELETE", f"/outputs/{_PATH}", delete_output, "Throw a picture away", refuses=(404,)),
]


def setup_routes(app: web.Application) -> None:
    """The table's routes, and those that answer with files."""
    add_routes(app, ROUTES)
    app.router.add_get(f"{PREFIX}/files/{{kind}}/{_PATH}", view_file)
