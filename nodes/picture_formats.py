"""Pictures as JPEG, WebP, AVIF, and as animations, with the graph inside: helpers, no nodes.

PNG keeps texts in chunks of its own (`image_files`). JPEG, WebP and AVIF keep them in EXIF's
UserComment, GIF in its comment; each as one JSON object. Imports neither torch nor Pillow before a
function is called.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from nodeflow.errors import InputError, NodeflowError
from nodes.image_files import check_savable

if TYPE_CHECKING:
    import torch

LARGEST_SEGMENT = 65533
"""Bytes of a JPEG's EXIF; other formats have no such bound."""


def frames(pixels: torch.Tensor, port: str) -> list[Any]:
    """[B, H, W, 3 or 4] as Pillow's pictures of 8 bit, rounded half to even.

    Raises:
        InputError: a pixel is NaN or infinite, or there is none.
    """
    from PIL import Image as Pillow

    check_savable(pixels, port)
    bytes8 = (pixels.detach().cpu().float().clamp(0, 1) * 255).round().byte()
    return [Pillow.fromarray(picture.numpy()) for picture in bytes8]


def encoded(picture: Any, format: str, metadata: Mapping[str, str], **options: Any) -> bytes:
    """One picture as the bytes of a `JPEG`, `WEBP` or `AVIF` file; the same for the same input."""
    check_format(format)
    buffer = BytesIO()
    limit = LARGEST_SEGMENT if format == "JPEG" else None
    picture.save(buffer, format, exif=exif_with(metadata, limit), **options)
    return buffer.getvalue()


def animated(
    pictures: Sequence[Any],
    format: str,
    milliseconds: Sequence[int],
    loops: int,
    metadata: Mapping[str, str],
    **options: Any,
) -> bytes:
    """Pictures one after the other as a `WEBP`, `GIF` or `PNG`; `loops` 0 goes on for ever."""
    from PIL.PngImagePlugin import PngInfo

    check_format(format)
    if format == "WEBP":
        options["exif"] = exif_with(metadata, None)
    elif format == "GIF" and metadata:
        options["comment"] = as_text(metadata).encode("ascii")
    elif format == "PNG":
        options["pnginfo"] = info = PngInfo()
        for key in sorted(metadata):
            info.add_text(key, metadata[key])
    buffer = BytesIO()
    pictures[0].save(
        buffer,
        format,
        save_all=True,
        append_images=pictures[1:],
        duration=list(milliseconds),
        loop=loops,
        **options,
    )
    return buffer.getvalue()


def check_format(format: str) -> None:
    """Raise `NodeflowError` if the Pillow that is installed was built without this format."""
    from PIL import Image as Pillow

    Pillow.init()
    if format not in Pillow.SAVE:
        wanted = "pillow>=11.3" if format == "AVIF" else "pillow"
        message = f"the Pillow that is installed cannot write {format}"
        raise NodeflowError(f"{message}: pip install --upgrade '{wanted}', or save as PNG")


def as_text(metadata: Mapping[str, str]) -> str:
    """The texts as one JSON object in ASCII, keys in order."""
    return json.dumps(dict(sorted(metadata.items())), separators=(",", ":"))


def exif_with(metadata: Mapping[str, str], limit: int | None) -> bytes:
    """EXIF with the texts as its UserComment; packed where they are longer than `limit` bytes.

    Exif 2.32, 4.6.5: the comment's first eight bytes name its letters. Packed, it is `deflate:`
    and the base64 of zlib's stream.

    Raises:
        InputError: too long even so.
    """
    if not metadata:
        return b""
    text = as_text(metadata).encode("ascii")
    data = _exif(text)
    if limit is not None and len(data) > limit:
        data = _exif(b"deflate:" + base64.b64encode(zlib.compress(text, 9)))
        if len(data) > limit:
            got = f"a graph of {len(text)} bytes, {len(data)} when packed"
            hint = "save as PNG, WebP or AVIF, which hold any graph"
            raise InputError("image", got, f"at most {limit}, as JPEG holds", hint)
    return data


def _exif(comment: bytes) -> bytes:
    """TIFF, little-endian: a directory that points to EXIF's, whose one entry is the comment."""
    value = b"ASCII\0\0\0" + comment
    first = struct.pack("<HHHIII", 1, 0x8769, 4, 1, 26, 0)  # at byte 8: EXIF's directory is at 26
    second = struct.pack("<HHHIII", 1, 0x9286, 7, len(value), 44, 0)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + value
