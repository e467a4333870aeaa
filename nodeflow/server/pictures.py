"""Pictures of strangers, decoded whole before anything is kept, and what is told of our own.

All of it takes time and belongs into a thread; `in_thread` has few of them, so that a crowd of
large pictures takes its turn. Imports `formats.picture`, `server.wire`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nodeflow.formats.picture import KEY, PictureError, read_texts
from nodeflow.server.wire import Refusal, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")

TAKEN = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF")
"""What an upload may be; every one is kept as PNG. No format here runs another program, as EPS
does, or may name other files, as SVG does."""
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
}
"""Files that a browser may show, by the end of their names. Everything else is only handed over."""
LARGEST_SHOWN = 4
"""Of our own pictures, thumbnails are made up to so many times the pixels of an upload."""
KEPT_THUMBS = 4000
_KEEPS = ("1", "L", "LA", "RGB", "RGBA", "I;16")
_threads = ThreadPoolExecutor(2, thread_name_prefix="pictures")


@dataclass(frozen=True)
class Facts:
    """What is told of a picture. Zeros where it cannot be read."""

    width: int = 0
    height: int = 0
    has_graph: bool = False


async def in_thread(work: Callable[[], _T]) -> _T:
    """Work on pictures beside the loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


def take_in(part: Path, folder: Path, most_pixels: int) -> tuple[Path, Facts]:
    """Keep an uploaded picture in a folder, as PNG named by what was sent; the same again is the
    same file. Turned upright, with its alpha, without anything else that was in it.

    Raises:
        Refusal: it is no picture, a damaged one, or has too many pixels.
    """
    target = folder / f"{_digest(part)[:32]}.png"
    if target.is_file():
        return target, facts(target)
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{uuid.uuid4().hex}.part"
    try:
        with _decoded(part, most_pixels) as picture:
            picture.save(aside, "PNG", compress_level=4)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return target, facts(target)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _decoded(path: Path, most_pixels: int) -> Iterator[Any]:
    """A picture with all its pixels, upright, in a mode that PNG has."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(path, formats=TAKEN) as picture:
            width, height = picture.size
            if width * height > most_pixels:
                raise _too_large(f"{width} × {height} pixels, at most {most_pixels}")
            picture.load()
            yield _plain(ImageOps.exif_transpose(picture))
    except Refusal:
        raise
    except bombs:
        raise _too_large(f"more than {most_pixels} pixels") from None
    except UnidentifiedImageError:
        known = ", ".join(TAKEN)
        raise refusal(415, "no-picture", "", "this is none of the pictures known", known) from None
    except MemoryError:
        raise _too_large("more than there is memory for") from None
    except Exception as error:  # Pillow's readers raise what comes, on what is damaged
        text = f"the picture is damaged: {type(error).__name__}"
        raise refusal(400, "damaged", "", text, "get it again") from error


def _too_large(what: str) -> Refusal:
    return refusal(413, "too-large", "", f"the picture has {what}", "shrink it first")


def _plain(picture: Any) -> Any:
    """Pixels alone, no text, no profile, no EXIF, no palette."""
    mode = picture.mode
    if picture.has_transparency_data:
        mode = "LA" if mode in ("1", "L", "LA") else "RGBA"
    elif mode not in _KEEPS:
        mode = "I;16" if mode.startswith("I") else "RGB"
    plain = picture if mode == picture.mode else picture.convert(mode)
    plain.info = {}
    return plain


def thumbnail(path: Path, cache: Path, side: int, most_pixels: int) -> Path:
    """A WebP of at most `side` pixels a side, made once and kept in `cache`.

    Raises:
        Refusal: it is no picture that can be read, or too large.
    """
    status = path.stat()
    stamp = f"{os.path.realpath(path)}\0{status.st_mtime_ns}\0{status.st_size}\0{side}"
    name = hashlib.sha256(os.fsencode(stamp)).hexdigest()[:40]
    target = cache / f"{name}.webp"
    if target.is_file():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    aside = cache / f".{uuid.uuid4().hex}.part"
    try:
        with _decoded(path, most_pixels * LARGEST_SHOWN) as picture:
            shown = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
            shown.thumbnail((side, side))
            shown.save(aside, "WEBP", quality=82, method=2)
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    _prune(cache)
    return target


def _prune(cache: Path) -> None:
    """Let the oldest thumbnails go, a tenth at a time."""
    with os.scandir(cache) as entries:
        found = [entry.path for entry in entries]
    if len(found) <= KEPT_THUMBS:
        return
    with suppress(OSError):
        found.sort(key=os.path.getmtime)
    for path in found[: len(found) - KEPT_THUMBS * 9 // 10]:
        with suppress(OSError):
            Path(path).unlink()


def facts(path: Path) -> Facts:
    """Size and whether a graph is inside, read from the head of a file and kept."""
    try:
        status = path.stat()
    except OSError:
        return Facts()
    return _facts(str(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _facts(path: str, changed: int, size: int) -> Facts:
    from PIL import Image

    try:
        with Image.open(path, formats=TAKEN) as picture:
            width, height = picture.size
    except Exception:  # Pillow's readers raise what comes, on what is damaged
        return Facts()
    try:
        inside = KEY in read_texts(Path(path))
    except PictureError:
        inside = False
    return Facts(width, height, inside)
