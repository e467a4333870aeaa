"""Looks into values without knowing their types: tensors in them, their bytes, a short description;
and adds up what several hold, where they share tensors.

Torch is never imported: a tensor is told by what it can do, and only a process that holds one has
torch loaded. Imports nothing of nodeflow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Iterator
from typing import Any

BASE_BYTES = 64
"""What a value counts for beside its tensors."""
HASHED_BYTES = 1 << 20
"""Larger values are not hashed by content; they are told apart by what made them."""


def is_tensor(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "element_size")


def is_module(value: Any) -> bool:
    """Whether the value is a torch module (a model's network)."""
    return hasattr(value, "named_parameters") and hasattr(value, "named_buffers")


def tensors(value: Any, other: list[int] | None = None) -> Iterator[Any]:
    """Every tensor in a value: in dataclasses, lists, tuples, dicts and modules, each once.

    `other[0]`, if given, grows by the bytes of texts and of the places in containers passed by.
    """
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, (str, int, float, bytes, type(None))):
            if other is not None and isinstance(item, (str, bytes)):
                other[0] += len(item)
            continue
        if id(item) in seen:
            continue
        seen.add(id(item))
        if other is not None and isinstance(item, (list, tuple, dict, set, frozenset)):
            other[0] += 8 * len(item)
        if is_tensor(item):
            yield item
        elif is_module(item):
            pending.extend(item.parameters())
            pending.extend(item.buffers())
        else:
            pending.extend(_parts(item))


def _parts(item: Any) -> Iterator[Any]:
    if isinstance(item, (list, tuple, set, frozenset)):
        yield from item
    elif isinstance(item, dict):
        yield from item.values()
    elif dataclasses.is_dataclass(item) and not isinstance(item, type):
        for field in dataclasses.fields(item):
            yield getattr(item, field.name)


class Bytes(int):
    """How many bytes a value with tensors holds; which of them are its `own`, and the rest by
    storage, `storages`: place in memory → bytes. Others may hold the same storages: a sum over
    values is an `Account`'s."""

    own: int
    storages: dict[int, int]

    def __new__(cls, own: int, storages: dict[int, int]) -> Bytes:
        made = super().__new__(cls, own + sum(storages.values()))
        made.own, made.storages = own, storages
        return made


class Account:
    """What values hold at the same time, in bytes: each storage once, however many hold it.

    What is added is what `nbytes` gives; what is removed was added before.
    """

    __slots__ = ("_storages", "held")

    def __init__(self) -> None:
        self.held = 0
        self._storages: dict[int, list[int]] = {}  # place → its bytes, and how many hold it

    def add(self, size: int) -> None:
        if not isinstance(size, Bytes):
            self.held += size
            return
        self.held += size.own
        for place, count in size.storages.items():
            known = self._storages.get(place)
            if known is None:
                self._storages[place] = [count, 1]
                self.held += count
            else:
                known[1] += 1

    def remove(self, size: int) -> None:
        if not isinstance(size, Bytes):
            self.held -= size
            return
        self.held -= size.own
        for place in size.storages:
            known = self._storages[place]
            known[1] -= 1
            if not known[1]:
                self.held -= known[0]
                del self._storages[place]

    def growth(self, size: int) -> int:
        """By how much `add` would raise what is held."""
        if not isinstance(size, Bytes):
            return size
        known = self._storages
        return size.own + sum(n for place, n in size.storages.items() if place not in known)

    def relief(self, size: int) -> int:
        """By how much `remove` would lower it."""
        if not isinstance(size, Bytes):
            return size
        known = (self._storages[place] for place in size.storages)
        return size.own + sum(count for count, holders in known if holders == 1)

    def with_one_holder(self, size: int) -> set[int]:
        """Those of the storages that one value alone holds."""
        if not isinstance(size, Bytes):
            return set()
        return {p for p in size.storages if p in self._storages and self._storages[p][1] == 1}


def nbytes(value: Any) -> int:
    """Bytes that a value holds, each storage once; `Bytes` where it has tensors."""
    if value is None or isinstance(value, (int, float)):
        return BASE_BYTES
    if isinstance(value, (str, bytes)):
        return BASE_BYTES + len(value)
    own, texts = BASE_BYTES, [0]
    storages: dict[int, int] = {}
    for tensor in tensors(value, texts):
        if str(tensor.layout) != "torch.strided":
            own += tensor.element_size() * tensor.nelement()
            continue
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if place:
            storages[place] = storage.nbytes()
        else:  # no memory, which others could share
            own += storage.nbytes()
    own += texts[0]
    return Bytes(own, storages) if storages else own


def short(value: Any) -> str:
    """One line for people: `Latent[1, 4, 16, 16] float32 cpu`, `'a red circle'`, `7.5`."""
    if is_tensor(value):
        return f"Tensor{_tensor_facts(value)}"
    if value is None or isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "…")
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        inside = ", ".join(short(item) for item in value[:3])
        more = f", … {len(value)} in all" if len(value) > 3 else ""
        return f"[{inside}{more}]"
    name = type(value).__name__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            part = getattr(value, field.name)
            if is_tensor(part):
                return f"{name}{_tensor_facts(part)}"
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        plain = [f"{part}={short(held)}" for part, held in parts.items() if _tells(held)]
        return f"{name}({', '.join(plain)})"
    return name


def _tells(value: Any) -> bool:
    """Whether a field says something in a line: a plain value, or a row of numbers."""
    if isinstance(value, tuple):
        return all(isinstance(item, (int, float)) for item in value[:3])
    return isinstance(value, (int, float, str))


def _tensor_facts(tensor: Any) -> str:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return f"{list(tensor.shape)} {dtype} {tensor.device}"


def content_key(value: Any, limit: int = HASHED_BYTES) -> bytes | None:
    """A digest of what a value is, or None where it is larger than `limit` or cannot be told.

    1, 1.0 and True differ; equal values made in different ways agree.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        _feed(digest, value, [limit])
    except _UntoldError:
        return None
    return digest.digest()


class _UntoldError(Exception):
    """The value is too large, or of a kind that has no content of its own."""


def _feed(digest: Any, value: Any, budget: list[int]) -> None:
    """Feed a value's content to a digest, tagged by type. Depth is that of a value's type."""
    if value is None or isinstance(value, (bool, int, str, bytes)):
        text = repr(value).encode("utf-8", "surrogatepass")
        digest.update(type(value).__name__.encode() + struct.pack("<Q", len(text)) + text)
        _spend(budget, len(text))
    elif isinstance(value, float):
        digest.update(b"float" + struct.pack("<d", value))
    elif is_tensor(value):
        _spend(budget, value.element_size() * value.nelement())
        facts = f"tensor{value.dtype}{tuple(value.shape)}{value.device.type}"
        digest.update(facts.encode() + tensor_bytes(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        digest.update(f"{type(value).__module__}:{type(value).__qualname__}{len(fields)}".encode())
        for field in fields:
            _feed(digest, getattr(value, field.name), budget)
    elif isinstance(value, (list, tuple)):
        digest.update(b"list" + struct.pack("<Q", len(value)))
        for item in value:
            _feed(digest, item, budget)
    else:
        raise _UntoldError


def _spend(budget: list[int], count: int) -> None:
    budget[0] -= count
    if budget[0] < 0:
        raise _UntoldError


def tensor_bytes(tensor: Any) -> bytes:
    """The raw bytes of a tensor, row by row, of whatever dtype and device."""
    import torch

    dense = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    # An axis of one element may have any stride in a tensor that counts as contiguous.
    flat = dense.as_strided((dense.numel(),), (1,))
    return bytes(flat.view(torch.uint8).numpy().tobytes()) if flat.numel() else b""
