"""Messages between the server and a worker, over the worker's standard input and output.

u32 length of the head | u32 length of the payload | head as JSON | payload; big-endian. Imports
nothing of nodeflow.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")
LONGEST = 1 << 30
"""A longer message is none of ours."""


@dataclass(frozen=True, slots=True)
class Message:
    head: dict[str, Any]
    payload: bytes = b""


def packed(head: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """A message as it goes over the pipe."""
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((_LENGTHS.pack(len(text), len(payload)), text, payload))


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message of a worker; None when it has gone, be it in the middle of a message."""
    try:
        head, payload = _lengths(await reader.readexactly(_LENGTHS.size))
        text = await reader.readexactly(head)
        return Message(json.loads(text), await reader.readexactly(payload))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


@dataclass
class Pipe:
    """The worker's end. Any thread may send; one reads."""

    source: BinaryIO
    target: BinaryIO
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def take_over(cls) -> Pipe:
        """Keep standard input and output to ourselves: what else prints does so to standard error,
        and what else reads finds nothing."""
        source, target = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        os.close(nothing)
        return cls(os.fdopen(source, "rb"), os.fdopen(target, "wb", buffering=0))

    def send(self, head: Mapping[str, Any], payload: bytes = b"") -> None:
        """Send a message, whole; waits while the server does not read."""
        left = memoryview(packed(head, payload))
        with self.lock:
            while left:
                left = left[self.target.write(left) :]

    def read(self) -> Message | None:
        """The next message; None when the server has gone."""
        start = self.source.read(_LENGTHS.size)
        if len(start) < _LENGTHS.size:
            return None
        head, payload = _lengths(start)
        text, data = self.source.read(head), self.source.read(payload)
        if len(text) < head or len(data) < payload:
            return None
        return Message(json.loads(text), data)


def _lengths(start: bytes) -> tuple[int, int]:
    head, payload = _LENGTHS.unpack(start)
    if head > LONGEST or payload > LONGEST:
        raise ValueError(f"a message of {head} and {payload} bytes")
    return head, payload
