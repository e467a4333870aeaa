"""The header of a GGUF file: names, types and shapes of its tensors. Imports no torch, no gguf.

Little endian: `GGUF`, version (2 or 3), the numbers of tensors and of key-value pairs, the pairs,
then for each tensor its name, its sides in reverse order, its type and its offset from the data's
beginning, which is aligned. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 24  # of a text or list: more is damage
# Number of a type → its name, how many numbers a block holds, and the block's bytes.
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2), 28: ("F64", 1, 8),
    2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read(path: Path) -> tuple[list[Entry], dict[str, str]]:
    """All tensors of a file, and those of its key-value pairs that are single values, as text.

    Raises:
        ValueError: it is damaged, or of a version or type that is not known.
    """
    with path.open("rb") as stream:
        magic, version = _take(stream, "4sI")
        if magic != b"GGUF" or version not in (2, 3):
            raise ValueError(f"version {version}, expected 2 or 3")
        count, pairs = _take(stream, "QQ")
        if max(count, pairs) > _LONGEST:
            raise ValueError(f"{count} tensors and {pairs} values")
        values = {}
        for _ in range(pairs):
            name = _text(stream)
            values[name] = _value(stream, _take(stream, "I")[0])
        found = [_tensor(stream) for _ in range(count)]
        alignment = int(values.get("general.alignment") or 32)
        base = -(-stream.tell() // alignment) * alignment
    entries = []
    for name, shape, (dtype, block, size), offset in found:
        start = base + offset
        entries.append(Entry(name, dtype, shape, start, start + math.prod(shape) // block * size))
    return _original_shapes(entries, values), {k: str(v) for k, v in values.items()}


def _original_shapes(entries: list[Entry], values: dict[str, Any]) -> list[Entry]:
    """Shapes as they were before quantising, which wants rows of whole blocks, where noted."""
    found = []
    for entry in entries:
        noted = values.get(f"comfy.gguf.orig_shape.{entry.name}")
        shape = tuple(noted) if isinstance(noted, list) else entry.shape
        if math.prod(shape) != math.prod(entry.shape):
            raise ValueError(f"{entry.name} is {list(entry.shape)} and was {list(shape)}")
        found.append(Entry(entry.name, entry.dtype, shape, entry.start, entry.end))
    return found


def _take(stream: BinaryIO, codes: str) -> tuple[Any, ...]:
    form = "<" + codes
    return struct.unpack(form, stream.read(struct.calcsize(form)))


def _text(stream: BinaryIO) -> str:
    (length,) = _take(stream, "Q")
    if length > _LONGEST:
        raise ValueError(f"a text of {length} bytes")
    return stream.read(length).decode("utf-8")


def _value(stream: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(stream)
    if kind == _ARRAY:
        inner, length = _take(stream, "IQ")
        if length > _LONGEST:
            raise ValueError(f"a list of {length} values")
        return [_value(stream, inner) for _ in range(length)]
    if kind not in _SCALARS:
        raise ValueError(f"a value of type {kind}")
    return _take(stream, _SCALARS[kind])[0]


def _tensor(stream: BinaryIO) -> tuple[str, tuple[int, ...], tuple[str, int, int], int]:
    name = _text(stream)
    (count,) = _take(stream, "I")
    if count > 8:
        raise ValueError(f"{name} has {count} dimensions")
    sides = _take(stream, f"{count}Q")
    kind, offset = _take(stream, "IQ")
    if kind not in _TYPES:
        raise ValueError(f"{name} is quantised by a method that is not known, number {kind}")
    return name, tuple(reversed(sides)), _TYPES[kind], offset
