"""The editor's files, as they were built: listed once at the start, so that a path is looked up and
never put together.

Imports nothing of nodeflow.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
}
"""Said by us: what a system knows of endings differs, and on Windows the registry decides."""
PACKED = (".js", ".css", ".html", ".svg", ".json", ".map")
NONE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>nodeflow</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body><h1>nodeflow</h1>
<p>The server runs, but the editor has not been built. In a checkout of the sources:</p>
<pre>cd web
npm ci
npm run build</pre>
<p>Then start <code>nodeflow serve</code> again. The API answers at
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</body></html>
"""


@dataclass(frozen=True)
class File:
    """One file of the page: small enough, all together, to be kept."""

    body: bytes
    packed: bytes | None
    type: str
    etag: str


def built_page() -> Path | None:
    """The folder of the built editor: in the wheel, or in the checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "data" / "web", package.parent / "web" / "dist"):
        if (folder / "index.html").is_file():
            return folder
    return None


def add_page(app: web.Application, folder: Path | None) -> None:
    """Serve `/` and all files of the folder, or a page that says how to build them."""
    if folder is None:
        app.router.add_get("/", _none)
        return
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            files[path.relative_to(folder).as_posix()] = _read(path)
    for name, file in files.items():
        app.router.add_get("/" if name == "index.html" else f"/{name}", _serving(file))


def _read(path: Path) -> File:
    body = path.read_bytes()
    guessed = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    packed = gzip.compress(body, 6, mtime=0) if path.suffix in PACKED else None
    if packed is not None and len(packed) > len(body) * 0.9:
        packed = None
    etag = hashlib.sha256(body).hexdigest()[:32]
    return File(body, packed, guessed or "application/octet-stream", f'"{etag}"')


def _serving(file: File) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        # Names of built files are fixed: whether one is still as it was, its ETag tells.
        headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
        if file.packed is not None:
            headers["Vary"] = "Accept-Encoding"
        if file.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = file.body
        if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"], body = "gzip", file.packed
        charset = "utf-8" if file.type.startswith("text/") else None
        return web.Response(body=body, content_type=file.type, charset=charset, headers=headers)

    return serve


async def _none(request: web.Request) -> web.Response:
    return web.Response(text=NONE, content_type="text/html", headers={"Cache-Control": "no-store"})
