"""Pictures in and out as ComfyUI's clients ask for them: `/view`, `/upload/image`, `/upload/mask`.

Storing and confinement are the server's own (`server.files`). Imports `server.files`,
`server.places`, `server.pictures`, `server.wire`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from aiohttp import web

from nodeflow.server.files import field_text, form_parts, store_upload, view
from nodeflow.server.keys import SETTINGS
from nodeflow.server.pictures import in_thread, take_in
from nodeflow.server.places import existing, folder_of
from nodeflow.server.protocol import OutputFile
from nodeflow.server.settings import Settings
from nodeflow.server.wire import refusal

CHANNELS = ("rgba", "rgb", "a")
FORMATS = {"webp": "image/webp", "jpeg": "image/jpeg"}


async def get_view(request: web.Request) -> web.StreamResponse:
    """A file by its name, folder and kind; with `preview` or `channel` as a picture made of it.

    Raises:
        Refusal: there is none, or the name leads elsewhere.
    """
    query = request.query
    folder, name = _place(request.app[SETTINGS], query)
    made, channel = query.get("preview", ""), query.get("channel", "rgba")
    if channel not in CHANNELS:
        raise refusal(400, "bad-channel", "channel", "there is no such channel", "rgba, rgb or a")
    if not made and channel == "rgba":
        return await view(request, folder, name)
    format, _, quality = made.partition(";")
    if made and format not in FORMATS:
        raise refusal(400, "bad-preview", "preview", "there is no such format", "webp;90")
    most = request.app[SETTINGS].limits.upload_pixels
    wanted = int(quality) if quality.isdigit() else 90
    data = await in_thread(
        lambda: _converted(existing(folder, name), format, min(wanted, 100), channel, most)
    )
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-cache"}
    kind = FORMATS.get(format, "image/png")
    return web.Response(body=data, content_type=kind, headers=headers)


def _place(settings: Settings, query: Mapping[str, str]) -> tuple[Path, str]:
    name, folder = query.get("filename", ""), query.get("subfolder", "")
    kind = query.get("type", "output")
    for suffix in ("output", "input", "temp"):
        if name.endswith(f" [{suffix}]"):
            name, kind = name.removesuffix(f" [{suffix}]"), suffix
    if kind not in ("output", "input", "temp"):
        raise refusal(400, "no-such-kind", "type", "there is no such kind", "output, input, temp")
    subfolder = folder.replace("\\", "/").removesuffix("/")
    return folder_of(settings, kind), f"{subfolder}/{name}" if subfolder else name


def _converted(path: Path, format: str, quality: int, channel: str, most_pixels: int) -> bytes:
    """The picture in another format or with fewer channels."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > most_pixels:
                raise refusal(413, "too-large", "filename", "the picture has too many pixels")
            picture.load()
            shown: Any = picture.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise refusal(400, "no-picture", "filename", "this is no picture") from error
    if channel == "a":
        alpha = shown.getchannel("A")
        shown = Image.new("RGBA", shown.size)
        shown.putalpha(alpha)
    elif channel == "rgb" or format == "jpeg":
        shown = shown.convert("RGB")
    buffer = BytesIO()
    if format:
        shown.save(buffer, format.upper(), quality=quality)
    else:
        shown.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


# ── uploads ────────────────────────────────────────────────────────────────────────────────────


async def post_image(request: web.Request) -> dict[str, str]:
    """Take in a picture; the server names it by its content.

    Raises:
        Refusal: it is no picture, or too large.
    """
    file, _ = await _taken(request)
    return _named(file)


async def _taken(request: web.Request) -> tuple[OutputFile, dict[str, str]]:
    """The picture of a form, stored, and its other fields."""
    settings = request.app[SETTINGS]
    file: OutputFile | None = None
    fields: dict[str, str] = {}
    async for part in form_parts(request, settings.limits.upload_bytes):
        if part.filename is not None or part.name == "image":
            if file is None:
                file = await store_upload(settings, part, "input")
        else:
            fields[str(part.name)] = await field_text(part)
    if file is None:
        raise refusal(400, "bad-form", "image", "there is no picture in the form", "name it image")
    return file, fields


def _named(file: OutputFile) -> dict[str, str]:
    folder, _, name = file.path.rpartition("/")
    return {"name": name, "subfolder": folder, "type": file.kind}


async def post_mask(request: web.Request) -> dict[str, str]:
    """Take in a mask; with `original_ref` the picture that it belongs to gets it as its alpha.

    Raises:
        Refusal: see `post_image`; the original is not there, or of another size.
    """
    settings = request.app[SETTINGS]
    file, fields = await _taken(request)
    told = fields.get("original_ref") or fields.get("originalRef")
    if not told:
        return _named(file)
    try:
        original = json.loads(told)
    except ValueError:
        original = None
    if not isinstance(original, dict):
        raise refusal(400, "bad-form", "original_ref", "this is no JSON object")
    folder, name = _place(settings, {k: str(v) for k, v in original.items()})
    mask = settings.input / file.path
    path = await in_thread(lambda: _with_alpha(settings, existing(folder, name), mask))
    return {"name": path.name, "subfolder": "", "type": "input"}


def _with_alpha(settings: Settings, original: Path, mask: Path) -> Path:
    from PIL import Image

    part = settings.own / "uploads" / f"{uuid.uuid4().hex}.part"
    try:
        with Image.open(original) as picture, Image.open(mask) as drawn:
            if picture.width * picture.height > settings.limits.upload_pixels:
                raise refusal(413, "too-large", "original_ref", "the picture has too many pixels")
            if picture.size != drawn.size:
                got = f"the mask is {drawn.width} × {drawn.height}"
                text = f"{got}, the picture {picture.width} × {picture.height}"
                raise refusal(400, "other-size", "image", text, "scale the mask")
            whole = picture.convert("RGBA")
            whole.putalpha(drawn.convert("RGBA").getchannel("A"))
        whole.save(part, "PNG", compress_level=1)
        return take_in(part, settings.input, settings.limits.upload_pixels)[0]
    except (OSError, ValueError) as error:
        raise refusal(400, "no-picture", "original_ref", "this is no picture") from error
    finally:
        part.unlink(missing_ok=True)
