"""What a weight file says of itself: names, types and shapes of its tensors. Imports no torch.

A safetensors file starts with the header's length as 8 bytes, little endian, then the header as
JSON: name → {dtype, shape, data_offsets}, the offsets counted from the header's end. Weights that
lie in several files are listed by a `….safetensors.index.json`: `weight_map` is name → file.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.diffusion.checkpoint_files import (
    PICKLES,
    CheckpointError,
    read_json,
    why_no_pickle,
)
from nodes.diffusion.checkpoints import gguf_header

_HEADER_LIMIT = 100_000_000  # the format's own limit for the JSON header
_BYTES = {
    "F64": 8, "I64": 8, "U64": 8,
    "F32": 4, "I32": 4, "U32": 4,
    "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
}  # fmt: skip
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
FP8 = ("F8_E4M3", "F8_E5M2")
_SCALES = (".scale_weight", ".weight_scale")
_UNREAD = (".scale_input", ".input_scale")  # of activations: only fp8 arithmetic needs them

# What other kinds of files begin with.
_MAGICS = (
    (b"GGUF", "a GGUF file"),
    (b"PK\x03\x04", "a zip archive, as PyTorch's pickles are"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"<!DOCTYPE", "a web page: the download asked for a login or failed"),
    (b"<!doctype", "a web page: the download asked for a login or failed"),
    (b"<html", "a web page: the download asked for a login or failed"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was not fetched"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip archive"),
)


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a file: `dtype` is safetensors' word for it (`F16`), or GGUF's (`Q4_K`).

    `start` and `end` are its bytes' places, counted from the file's beginning.
    """

    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int = 0
    end: int = 0

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What is in a weight file, or in several that an index holds together.

    `scales` are the factors of scaled fp8 weights, by the weight's name; they are not among
    `tensors`. `metadata` is the file's own: words that its writer left.
    """

    path: Path
    files: tuple[Path, ...]
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = field(default_factory=dict)
    scales: Mapping[str, TensorInfo] = field(default_factory=dict)
    format: str = "safetensors"

    def under(self, prefix: str) -> dict[str, tuple[int, ...]]:
        """Shapes by name of all tensors that begin with `prefix`, which is taken away."""
        cut = len(prefix)
        return {n[cut:]: t.shape for n, t in self.tensors.items() if n.startswith(prefix)}

    @property
    def count(self) -> int:
        """How many numbers are in it."""
        return sum(tensor.count for tensor in self.tensors.values())

    def floats_of(self, name: str) -> list[float]:
        """The numbers of one small tensor, for what shapes alone do not tell."""
        return _floats(self.tensors[name])


def read_header(path: Path) -> Header:
    """The header of a `.safetensors` or `.gguf` file, or of all files that an index names.

    Raises:
        CheckpointError: it is none of these, cut short or damaged; says what was found.
    """
    if path.name.endswith(".json"):
        return _read_index(path)
    with _opened(path) as stream:
        magic = stream.read(4)
    if magic == b"GGUF":
        return _read_gguf(path)
    tensors, metadata = _read_one(path)
    return _scales_apart(path, (path,), tensors, metadata)


def read_headers(files: tuple[Path, ...], path: Path) -> Header:
    """Several files as one: the shards of a model, called by `path` in what is said of them."""
    found: dict[str, TensorInfo] = {}
    metadata: dict[str, str] = {}
    for file in files:
        tensors, words = _read_one(file)
        found.update(tensors)
        metadata.update(words)
    return _scales_apart(path, files, found, metadata)


def _read_index(path: Path) -> Header:
    names = read_json(path).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(v, str) for v in names.values()):
        raise CheckpointError(f"{path}: expected a weight_map of tensor names to files")
    files = tuple(path.parent / name for name in sorted(set(names.values())))
    header = read_headers(files, path)
    missing = sorted(n for n in names if n not in header.tensors and not _is_companion(n))
    if missing:
        raise CheckpointError(
            f"{path}: {len(missing)} tensors are listed but in none of the files, "
            f"among them {missing[0]}"
        )
    return header


def _read_gguf(path: Path) -> Header:
    try:
        entries, metadata = gguf_header.read(path)
    except (ValueError, struct.error, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: damaged GGUF header: {error}") from None
    tensors = {e.name: TensorInfo(e.dtype, e.shape, path, e.start, e.end) for e in entries}
    size, end = path.stat().st_size, max((t.end for t in tensors.values()), default=0)
    if size < end:
        raise CheckpointError(f"{path} is cut short: {size} bytes, but its header tells of {end}")
    return Header(path, (path,), tensors, metadata, format="gguf")


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: the checkpoint is incomplete") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be opened: {error.strerror}") from None


def _read_one(path: Path) -> tuple[dict[str, TensorInfo], dict[str, str]]:
    size = path.stat().st_size if path.is_file() else 0
    with _opened(path) as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= _HEADER_LIMIT or 8 + length > size:
            raise CheckpointError(_why_no_safetensors(path, start + stream.read(16), size))
        text = stream.read(length)
    if not text.lstrip().startswith(b"{"):
        raise CheckpointError(_why_no_safetensors(path, start + text[:16], size))
    try:
        entries = json.loads(text)
        metadata = entries.pop("__metadata__", None) or {}
        tensors = {n: _info(e, path, 8 + length) for n, e in entries.items()}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CheckpointError(f"{path}: damaged header: {error!r}") from None
    _check_places(path, tensors, 8 + length, size)
    return tensors, {str(k): str(v) for k, v in metadata.items()}


def _info(entry: Any, path: Path, base: int) -> TensorInfo:
    dtype, shape = str(entry["dtype"]), tuple(int(side) for side in entry["shape"])
    start, end = (int(place) for place in entry["data_offsets"])
    expected = math.prod(shape) * _BYTES[dtype] if dtype in _BYTES else end - start
    if start < 0 or end - start != expected or any(side < 0 for side in shape):
        raise ValueError(f"{list(shape)} of {dtype} in bytes {start} to {end}")
    return TensorInfo(dtype, shape, path, base + start, base + end)


def _check_places(path: Path, tensors: Mapping[str, TensorInfo], base: int, size: int) -> None:
    """The tensors must fill the file from the header's end on, one after the other."""
    at, before = base, "the header"
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].start, item[1].end)):
        if tensor.start != at:
            fault = "overlap" if tensor.start < at else "leave a gap"
            raise CheckpointError(f"{path}: damaged header: {before} and {name} {fault}")
        at, before = tensor.end, name
    if size != at:
        cut = "is cut short: it " if size < at else ""
        raise CheckpointError(f"{path} {cut}has {size} bytes, but its header tells of {at}")


def _why_no_safetensors(path: Path, start: bytes, size: int) -> str:
    if not size:
        return f"{path} is empty (0 bytes): fetch it again"
    found = next((what for magic, what in _MAGICS if start.startswith(magic)), "")
    if "pickle" in found or (not found and path.suffix.lower() in PICKLES):
        return why_no_pickle(path)
    if found:
        return f"{path} is no safetensors file: it is {found}"
    return f"{path} is no safetensors file, or it is cut short"


def _scales_apart(
    path: Path,
    files: tuple[Path, ...],
    tensors: dict[str, TensorInfo],
    metadata: dict[str, str],
) -> Header:
    """Take the companions of scaled fp8 weights from among the weights."""
    weights = {n: t for n, t in tensors.items() if t.dtype in FP8}
    scales = {}
    for name in weights:
        base = name.removesuffix(".weight")
        found = next((base + suffix for suffix in _SCALES if base + suffix in tensors), None)
        if found is not None:
            scales[name] = tensors[found]
    kept = {n: t for n, t in tensors.items() if not _is_companion(n)}
    return Header(path, files, kept, metadata, scales)


def _is_companion(name: str) -> bool:
    return name.endswith((*_SCALES, *_UNREAD)) or name.split(".")[-1] == "scaled_fp8"


def _floats(tensor: TensorInfo) -> list[float]:
    with tensor.file.open("rb") as stream:
        stream.seek(tensor.start)
        data = stream.read(tensor.end - tensor.start)
    if tensor.dtype == "BF16":  # the upper half of a float32
        data = b"".join(b"\0\0" + data[at : at + 2] for at in range(0, len(data), 2))
    code = {"F64": "d", "F16": "e"}.get(tensor.dtype, "f")
    if tensor.dtype not in ("F64", "F32", "F16", "BF16"):
        return list(_small_floats(data, tensor.dtype))
    return list(struct.unpack(f"<{tensor.count}{code}", data))


def _small_floats(data: bytes, dtype: str) -> Iterator[float]:
    """8-bit floats: a sign, 4 or 5 bits of exponent, 3 or 2 of mantissa."""
    bits, bias = (3, 7) if dtype == "F8_E4M3" else (2, 15)
    for byte in data:
        exponent, mantissa = (byte & 0x7F) >> bits, (byte & ((1 << bits) - 1)) / (1 << bits)
        size = (
            (1 + mantissa) * 2.0 ** (exponent - bias) if exponent else mantissa * 2.0 ** (1 - bias)
        )
        yield -size if byte & 0x80 else size
