"""Saved pictures: the graph and its provenance in the text chunks of a PNG, or in a comment.

Reads the chunks itself (PNG specification, third edition, 5.3 and 11.3.3): no picture library is
needed to find a text, and none bounds what a compressed text may grow to. JPEG, WebP and AVIF keep
the same texts in EXIF's UserComment and GIF in its comment, as one JSON object; Pillow finds it.
Imports `errors`, `graph`, `registry`, `formats.graph_json`.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from nodeflow.errors import GraphFormatError, Problem
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import Registry

KEY = "nodeflow"
"""The keyword of the text chunk that holds the provenance as JSON."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 64 << 20
"""Bytes of all texts of a picture together, unpacked. More is no graph but an attack."""

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


_EXIF, _COMMENT = 0x8769, 0x9286
"""Exif 2.32: the tag of its own directory, and of UserComment in it."""
_PACKED = b"deflate:"
"""How a UserComment begins whose JSON is packed, for a JPEG that holds 64 KB."""


class PictureError(ValueError):
    """A file is no picture, is damaged, or its texts unpack to more than `MAX_TEXT`."""


def is_png(path: Path) -> bool:
    """Whether a file begins as a PNG does; its name does not count."""
    try:
        with path.open("rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


def is_picture(path: Path) -> bool:
    """Whether a file begins as a PNG, JPEG, WebP, AVIF or GIF does; its name does not count."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head.startswith(SIGNATURE) or _has_comment(head)


def _has_comment(head: bytes) -> bool:
    """Whether a file that begins so keeps its texts in a comment."""
    if head.startswith((b"\xff\xd8\xff", b"GIF87a", b"GIF89a")):
        return True
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return webp or head[4:12] in (b"ftypavif", b"ftypavis")


def read_texts(path: Path) -> dict[str, str]:
    """The texts of a picture by keyword; of a PNG's keyword used twice, the first.

    Raises:
        PictureError: see there.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
            file.seek(0)
            return _texts_of_comment(path) if _has_comment(head) else _texts(file)
    except OSError as error:
        raise PictureError(error.strerror or str(error)) from error


def read_picture_metadata(path: Path) -> dict[str, Any]:
    """The provenance that nodeflow wrote into a picture: `graph`, `outputs`, `files`, `versions` …

    Raises:
        GraphFormatError: the file is damaged, or carries no graph; says what it carries instead.
    """
    try:
        texts = read_texts(path)
    except PictureError as error:
        raise _fault("unreadable", path, f"cannot read {path.name}: {error}") from error
    if KEY not in texts:
        raise _fault("no-graph", path, *_what_it_carries(path, texts))
    try:
        data = json.loads(texts[KEY])
    except (ValueError, RecursionError) as error:
        raise _fault("not-json", path, f"the graph inside is no JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("graph"), dict):
        raise _fault("no-graph", path, f"the text {KEY!r} inside holds no graph")
    return data


def read_picture_graph(path: Path, registry: Registry | None = None) -> Graph:
    """The graph that a picture saved by nodeflow carries.

    Raises:
        GraphFormatError: as `read_picture_metadata`, or with every fault of the graph inside.
    """
    data = read_picture_metadata(path)
    return graph_from_data(data["graph"], registry, where=str(path))


def _fault(code: str, path: Path, message: str, hint: str = "") -> GraphFormatError:
    return GraphFormatError([Problem(code, str(path), message, hint)])


def _what_it_carries(path: Path, texts: dict[str, str]) -> tuple[str, str]:
    if "workflow" in texts or "prompt" in texts:
        message = f"{path.name} carries a graph of ComfyUI, which nodeflow does not convert yet"
        return message, "build the graph anew, or begin with one of graphs/"
    if "parameters" in texts:
        message = f"{path.name} carries parameters of AUTOMATIC1111's web UI, not a graph"
        return message, "set its prompt, seed and steps as inputs of text_to_image"
    message = f"{path.name} is a picture without a graph inside"
    return message, "only pictures saved by nodeflow carry one, and many programs drop it"


def _texts_of_comment(path: Path) -> dict[str, str]:
    """What a JPEG, WebP, AVIF or GIF says in its comment: our texts, or a stranger's as it is."""
    comment = _comment(path)
    if comment.startswith(_PACKED):
        try:
            packed = base64.b64decode(comment[len(_PACKED) :], validate=True)
        except binascii.Error as error:
            raise PictureError(f"it is damaged: {error}") from error
        comment = _unpacked(packed, MAX_TEXT)
    text = comment.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if isinstance(value, str)}
    return {"parameters" if "Steps: " in text else "comment": text} if text else {}


def _comment(path: Path) -> bytes:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.format == "GIF":
                found = picture.info.get("comment", b"")
            else:
                found = picture.getexif().get_ifd(_EXIF).get(_COMMENT, b"")
    except UnidentifiedImageError as error:
        raise PictureError("it is damaged, or of a kind that this Pillow cannot read") from error
    except Exception as error:  # Pillow's readers raise what comes, on what is damaged
        raise PictureError(str(error)) from error
    raw: bytes = found if isinstance(found, bytes) else str(found).encode()
    if len(raw) > MAX_TEXT:
        raise PictureError(f"its texts hold more than {MAX_TEXT >> 20} MiB")
    return raw[8:] if raw.startswith(b"ASCII\0\0\0") else raw


def _texts(file: BinaryIO) -> dict[str, str]:
    if file.read(len(SIGNATURE)) != SIGNATURE:
        raise PictureError("it is no PNG")
    found: dict[str, str] = {}
    left = MAX_TEXT
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise PictureError("it is cut short")
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return found
        if kind not in _TEXTS:
            file.seek(length + 4, 1)  # the chunk and its checksum
            continue
        if length > left:
            raise PictureError(f"its texts hold more than {MAX_TEXT >> 20} MiB")
        data, checksum = file.read(length), file.read(4)
        if len(data) < length or len(checksum) < 4:
            raise PictureError("it is cut short")
        if zlib.crc32(kind + data) != struct.unpack(">I", checksum)[0]:
            raise PictureError(f"it is damaged: wrong checksum in a {kind.decode()} chunk")
        keyword, text, size = _text(kind, data, left)
        left -= size
        found.setdefault(keyword, text)


def _text(kind: bytes, data: bytes, limit: int) -> tuple[str, str, int]:
    """Keyword, text and unpacked bytes of one text chunk."""
    keyword, _, rest = data.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return name, rest.decode("latin-1"), len(rest)
    if kind == b"zTXt":  # method (0: deflate), compressed text
        raw = _unpacked(rest[1:], limit)
        return name, raw.decode("latin-1"), len(raw)
    flag, rest = rest[:1], rest[2:]  # flag, method, language\0 translated keyword\0 text
    raw = rest.partition(b"\0")[2].partition(b"\0")[2]
    if flag == b"\1":
        raw = _unpacked(raw, limit)
    return name, raw.decode("utf-8", "replace"), len(raw)


def _unpacked(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(data, max(1, limit))
    except zlib.error as error:
        raise PictureError(f"it is damaged: {error}") from error
    if unpacker.unconsumed_tail:
        raise PictureError(f"its texts unpack to more than {MAX_TEXT >> 20} MiB")
    return raw
