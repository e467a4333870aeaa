"""Binary messages of the websocket: a count that tells the kind, big-endian, then what it takes.

Ours (100 tensors, 101 previews): u32 kind | u32 length of the head | head as JSON | data.
ComfyUI's: u32 1 | u32 format (1 JPEG, 2 PNG) | picture, and u32 4 | u32 length | JSON | picture.
Imports nothing of nodeflow.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TENSOR, PREVIEW = 100, 101
COMFY_PREVIEW, COMFY_PREVIEW_WITH_DATA = 1, 4
JPEG, PNG = 1, 2

_TWO = struct.Struct(">II")


@dataclass(frozen=True, slots=True)
class Frame:
    """A message that is told and not kept: a tensor of a run, or a picture of how far it is."""

    kind: int
    head: dict[str, Any]
    data: bytes


def pack(frame: Frame) -> bytes:
    """The frame as our clients read it."""
    head = json.dumps(frame.head, separators=(",", ":")).encode()
    return b"".join((_TWO.pack(frame.kind, len(head)), head, frame.data))


def unpack(message: bytes) -> Frame:
    """The frame that a message holds.

    Raises:
        ValueError: it is cut short, or its head is no JSON object.
    """
    if len(message) < _TWO.size:
        raise ValueError(f"{len(message)} bytes are too few for a frame")
    kind, length = _TWO.unpack_from(message)
    end = _TWO.size + length
    if end > len(message):
        raise ValueError(f"the head has {length} bytes, the message only {len(message)}")
    head = json.loads(message[_TWO.size : end])
    if not isinstance(head, dict):
        raise ValueError("the head is no object")
    return Frame(kind, head, message[end:])


def pack_comfy(picture: bytes, *, png: bool = False) -> bytes:
    """A preview as every client of ComfyUI reads it."""
    return _TWO.pack(COMFY_PREVIEW, PNG if png else JPEG) + picture


def pack_comfy_with_data(picture: bytes, data: Mapping[str, Any]) -> bytes:
    """A preview with what it is of, for clients whose feature flags ask for that."""
    head = json.dumps(data, separators=(",", ":")).encode()
    return b"".join((_TWO.pack(COMFY_PREVIEW_WITH_DATA, len(head)), head, picture))
