"""One value as the content of one file, and back: sealed, and the same bit for bit.

Safetensors where there are tensors, JSON where not; what JSON cannot say is written as `{tag: …}`.
Nothing that a file names is imported or run: of classes, only declared sockets are ever made.
Imports `memory`, `sockets`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

from nodeflow.memory import is_tensor
from nodeflow.sockets import known_socket, socket_info

TENSORS = ".safetensors"
PLAIN = ".json"

_BLANK = b"0" * 32
_MARK = b'"checksum":"'  # inside a JSON string the quotes are escaped, so the first one is ours
_NATIVE = {"float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8"}
_NATIVE |= {"uint8", "bool"}
"""Dtypes that every safetensors knows; the others are stored as their bytes."""


class DeclinedError(Exception):
    """The value cannot be stored so that it comes back the same."""


class NotHereError(Exception):
    """A sound file that this process cannot hold: no such device, no torch, no such class."""


def pack(key: bytes, value: Any) -> tuple[str, list[Any]]:
    """The suffix of the file for a value, and its content in parts.

    Raises:
        DeclinedError: a model, an object of an unknown kind, a tensor with a gradient …
    """
    encoder = _Encoder()
    try:
        tree = encoder.encode(value)
        structure = json.dumps(tree, separators=(",", ":"), allow_nan=False)
        if encoder.tensors:
            from safetensors.torch import save

            metadata = {"checksum": _BLANK.decode(), "structure": structure}
            return TENSORS, _sealed(key, save(encoder.tensors, metadata))
    except (
        Exception
    ) as error:  # also a list in itself, an integer or a header too long for its form
        raise DeclinedError from error
    head = b"{" + _MARK + _BLANK + b'","structure":'
    return PLAIN, _sealed(key, head + structure.encode() + b"}")


def unpack(key: bytes, suffix: str, data: bytes) -> Any:
    """The value in a file's content.

    The checksum reads every byte, so that mapping the file would gain little; and a value that
    holds its own memory does not mind what becomes of the file.

    Raises:
        NotHereError: the file is sound, but its value cannot be held here.
        Exception: of any kind, where the file is not what `pack` made for this key.
    """
    _check_seal(key, data)
    if suffix == PLAIN:
        return _decode(json.loads(data)["structure"], {})
    try:
        from safetensors.torch import load
    except ImportError as error:
        raise NotHereError from error
    length = struct.unpack_from("<Q", data)[0]
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    return _decode(json.loads(metadata["structure"]), load(data))


def _sealed(key: bytes, data: bytes) -> list[Any]:
    """The file in parts, with the checksum of the key and of all other bytes in its place."""
    at = data.index(_MARK) + len(_MARK)
    after = memoryview(data)[at + len(_BLANK) :]
    return [data[:at], _checksum(key, data[:at], after), after]


def _check_seal(key: bytes, data: bytes) -> None:
    at = data.index(_MARK) + len(_MARK)
    end = at + len(_BLANK)
    if _checksum(key, data[:at], memoryview(data)[end:]) != data[at:end]:
        raise ValueError("the file is not what was written, or belongs to another key")


def _checksum(key: bytes, before: bytes, after: memoryview) -> bytes:
    checksum = hashlib.blake2b(digest_size=len(_BLANK) // 2)
    for part in (struct.pack("<QQ", len(key), len(before)), key, before, after):
        checksum.update(part)
    return checksum.hexdigest().encode()


class _Encoder:
    """A value as a JSON tree, and the tensors that it refers to."""

    def __init__(self) -> None:
        self.tensors: dict[str, Any] = {}
        self._seen: dict[Any, tuple[str, Any]] = {}

    def encode(self, value: Any) -> Any:
        kind = type(value)  # exactly: an instance of a subclass would come back as its base
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
        if kind is list:
            return [self.encode(item) for item in value]
        if kind is tuple:
            return {"tuple": [self.encode(item) for item in value]}
        if kind is dict and all(type(name) is str for name in value):
            return {"dict": {name: self.encode(item) for name, item in value.items()}}
        if is_tensor(value):
            return self._tensor(value)
        cls = f"{kind.__module__}:{kind.__qualname__}"
        fields = {name: self.encode(getattr(value, name)) for name in _fields(cls, kind)}
        return {"socket": cls, "fields": fields}

    def _tensor(self, tensor: Any) -> dict[str, Any]:
        """A reference to a tensor; one that occurs twice is stored once."""
        import torch

        strided = type(tensor) is torch.Tensor and tensor.layout is torch.strided
        if not strided or tensor.is_quantized or tensor.requires_grad or tensor.is_meta:
            raise DeclinedError
        tensor = tensor.resolve_conj().resolve_neg()
        order = _order(tensor)
        where = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        if where not in self._seen:
            name = f"t{len(self.tensors)}"
            dense = torch.empty([tensor.shape[axis] for axis in order], dtype=tensor.dtype)
            dense.copy_(tensor.permute(order))
            if _dtype(tensor) not in _NATIVE:
                dense = dense.reshape(-1).view(torch.uint8)
            self.tensors[name] = dense
            self._seen[where] = name, tensor  # held, or another might come to lie where it lay
        reference: dict[str, Any] = {"t": self._seen[where][0]}
        if order != sorted(order):
            reference["order"] = order
        if _dtype(tensor) not in _NATIVE:
            reference["dtype"] = _dtype(tensor)
            reference["shape"] = [tensor.shape[axis] for axis in order]
        if tensor.device.type != "cpu":
            reference["device"] = str(tensor.device)
        return reference


def _order(tensor: Any) -> list[int]:
    """The axes of a tensor, slowest first, where it is a permuted dense one; else as they are.

    It comes back in that order too: kernels may round otherwise on another order in memory, and a
    result must not depend on whether what it was made of had been stored.
    """
    axes = list(range(tensor.dim()))
    order = sorted(axes, key=lambda axis: (-tensor.stride(axis), axis))
    return order if tensor.permute(order).is_contiguous() else axes


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _fields(name: str, cls: type) -> list[str]:
    """The fields of a class whose values are stored: a frozen dataclass declared as a socket."""
    declared = known_socket(name) is cls and socket_info(cls).persist
    if not declared or not dataclasses.is_dataclass(cls):
        raise DeclinedError
    fields = dataclasses.fields(cls)
    frozen = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not frozen or not all(field.init for field in fields):
        raise DeclinedError
    return [field.name for field in fields]


def _decode(tree: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(tree, list):
        return [_decode(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "t" in tree:
        return _placed(tensors[tree["t"]], tree)
    if "tuple" in tree:
        return tuple(_decode(item, tensors) for item in tree["tuple"])
    if "dict" in tree:
        return {name: _decode(item, tensors) for name, item in tree["dict"].items()}
    if "float" in tree:
        return struct.unpack(">d", bytes.fromhex(tree["float"]))[0]
    cls = known_socket(tree["socket"])
    if cls is None:
        raise NotHereError
    if set(tree["fields"]) != set(_fields(tree["socket"], cls)):
        raise ValueError(f"{tree['socket']} has other fields now")
    return cls(**{name: _decode(item, tensors) for name, item in tree["fields"].items()})


def _placed(tensor: Any, reference: Mapping[str, Any]) -> Any:
    """A tensor with its dtype, as it lay in memory, on the device where it was."""
    import torch

    if "dtype" in reference:
        try:
            dtype = getattr(torch, reference["dtype"])
        except AttributeError as error:  # an older torch
            raise NotHereError from error
        tensor = tensor.view(dtype).reshape(reference["shape"])
    if "order" in reference:
        order = reference["order"]
        tensor = tensor.permute([order.index(axis) for axis in range(len(order))])
    if "device" in reference:
        try:
            return tensor.to(reference["device"])
        except Exception as error:  # each device has its own way to say that it is absent, or full
            raise NotHereError from error
    return tensor
