"""Weights from a file into a network, one by one, so that no second copy of them ever exists.

A network is built without memory for its weights. Then each parameter is given its tensor: mapped
from the file where the file has the wanted precision (pages are read when they are first used, and
may be dropped again), otherwise read and cast. What is read and cast is checked for numbers that
are none as a whole, what is mapped at its ends: more would read the file.
"""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.families import Part, Source
from nodes.diffusion.checkpoints.header import FLOATS, FP8, Header, TensorInfo
from nodes.diffusion.checkpoints.quantised import (
    QuantisedLinear,
    check_installed,
    dequantise,
    row_bytes,
)

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_ENDS = 1024  # numbers at either end of a mapped tensor that are looked at


def dtype_of(header: Header, part: Part) -> torch.dtype:
    """The precision that most of a part's numbers are stored in; bfloat16 for 8 bits and less."""
    names = {part.prefix + n for source in part.sources.values() for n in source.names}
    return common_dtype([header.tensors[name] for name in names])


def common_dtype(tensors: Iterable[TensorInfo]) -> torch.dtype:
    """The precision that most numbers are stored in; bfloat16 for 8 bits and less."""
    counts: Counter[str] = Counter()
    for info in tensors:
        counts[info.dtype] += info.count
    found = next((d for d, _ in counts.most_common() if d in FLOATS), "BF16")
    if counts and counts.most_common(1)[0][0] not in FLOATS:
        return torch.bfloat16  # quantised
    return torch.bfloat16 if found in FP8 else DTYPES[found]


def build(part: Part, header: Header, dtype: torch.dtype, device: str = "cpu") -> nn.Module:
    """The network of a part with its weights, frozen, in evaluation mode.

    Raises:
        CheckpointError: weights are missing, too many, of another shape or no numbers; all of
            them in one error.
    """
    network = empty_network(part.cls, part.config)
    fill(network, part, header, dtype, device)
    return network.requires_grad_(False).eval()


def empty_network(cls_name: str, config: Mapping[str, Any]) -> nn.Module:
    """A network of diffusers or transformers whose parameters have shapes but no memory."""
    from accelerate import init_empty_weights  # type: ignore[import-untyped]

    library = library_of(cls_name)
    cls = getattr(importlib.import_module(library), cls_name)
    with torch.random.fork_rng(devices=[]), init_empty_weights(include_buffers=False):
        if library == "diffusers":
            return cls.from_config(dict(config))  # type: ignore[no-any-return]
        return cls(cls.config_class(**config))  # type: ignore[no-any-return]


def library_of(cls_name: str) -> str:
    """Which library a class of networks comes from."""
    encoder = cls_name.startswith(("CLIP", "T5", "UMT5"))
    return "transformers" if encoder else "diffusers"


def fill(
    network: nn.Module, part: Part, header: Header, dtype: torch.dtype, device: str = "cpu"
) -> None:
    """Give each parameter of `network` its tensor of the file."""
    expected = dict(network.state_dict())
    sources = _fitted(part.sources, expected)
    _check_names(part, header, sources, expected)
    weights = Weights(header)
    # Under all its names: T5's table is one module at two places in transformers 4, two in 5.
    modules = dict(network.named_modules(remove_duplicate=False))
    whole = _whole(network, dtype)
    faults: list[str] = []
    shared: dict[tuple[str, ...], nn.Parameter] = {}
    try:
        for name, source in sources.items():
            full = tuple(part.prefix + n for n in source.names)
            if source.change is None and full in shared:  # tied: one tensor, several names
                _assign(modules, name, shared[full])
                continue
            wanted = torch.float32 if whole & set(name.split(".")) else dtype
            if _keep_blocks(modules, name, source, full, weights, wanted, device, faults):
                continue
            tensor = weights.tensor(source, full, wanted, faults).to(device)
            if tensor.shape != expected[name].shape:
                faults.append(_other_shape(full, tensor, name, expected[name]))
                continue
            parameter = nn.Parameter(tensor, requires_grad=False)
            if source.change is None:
                shared[full] = parameter
            _assign(modules, name, parameter)
    finally:
        weights.close()
    if faults:
        raise CheckpointError(
            f"{header.path}: {len(faults)} tensors of {part.cls} are damaged: "
            + "; ".join(faults[:3])
        )


def _keep_blocks(
    modules: dict[str, nn.Module],
    name: str,
    source: Source,
    full: tuple[str, ...],
    weights: Weights,
    dtype: torch.dtype,
    device: str,
    faults: list[str],
) -> bool:
    """Let a linear layer keep its weight as GGUF's blocks; False where it is no such layer, or
    where what is made of the tensor is not made of whole rows."""
    path, _, last = name.rpartition(".")
    layer, kinds = modules[path], {weights.info(n).dtype for n in full}
    if last != "weight" or type(layer) is not nn.Linear or len(kinds) > 1:
        return False
    if weights.format != "gguf" or kinds <= DTYPES.keys():
        return False
    (kind,) = kinds
    rows = [weights.blocks(n) for n in full]
    blocks = rows[0] if source.change is None else source.change(*rows)
    if tuple(blocks.shape) != (layer.out_features, row_bytes(layer.in_features, kind)):
        return False
    parent, _, child = path.rpartition(".")
    kept = QuantisedLinear(layer, blocks.to(device), kind, dtype)
    modules[path] = modules[parent]._modules[child] = kept
    if not _finite(kept.ends(), mapped=False):
        faults.append(f"{' + '.join(full)} holds NaN or infinity")
    return True


def _whole(network: nn.Module, dtype: torch.dtype) -> set[str]:
    """Modules, by the last word of their name, that overflow in half precision: T5's `wo`."""
    named = getattr(network, "_keep_in_fp32_modules", None)
    return set(named or ()) if dtype == torch.float16 else set()


class Weights:
    """Tensors of a file or of several, by name: mapped where they are as wanted."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._storages: dict[Path, torch.UntypedStorage] = {}
        self._streams: dict[Path, FileIO] = {}
        self._last: tuple[str, torch.dtype, Tensor] | None = None
        self._buffer = torch.empty(0, dtype=torch.uint8)

    def close(self) -> None:
        """Close the files; tensors that are mapped stay."""
        for stream in self._streams.values():
            stream.close()

    def tensor(
        self, source: Source, names: tuple[str, ...], dtype: torch.dtype, faults: list[str]
    ) -> Tensor:
        """One parameter's tensor. `names` are the source's in full; faults are added to a list."""
        tensors = [self.read(name, dtype, faults) for name in names]
        if source.change is None:
            return tensors[0]
        changed: Tensor = source.change(*tensors)
        return changed.contiguous()

    def read(self, name: str, dtype: torch.dtype, faults: list[str] | None = None) -> Tensor:
        """A tensor by its name in the file; floats as `dtype`, all else as it is."""
        if self._last is not None and self._last[:2] == (name, dtype):
            return self._last[2]  # the parts of a joint tensor come one after the other
        info = self._header.tensors[name]
        if info.dtype not in DTYPES:
            tensor = dequantise(self._bytes(info), info, name).to(dtype)
            mapped = False
        else:
            own = DTYPES[info.dtype]
            wanted = dtype if own.is_floating_point else own
            mapped = own == wanted and info.start % own.itemsize == 0 and info.count > 0
            tensor = self._mapped(info, own) if mapped else self._cast(info, own, wanted, name)
        if faults is not None and not _finite(tensor, mapped):
            faults.append(f"{name} holds NaN or infinity")
        self._last = (name, dtype, tensor)
        return tensor

    @property
    def format(self) -> str:
        """`safetensors` or `gguf`."""
        return self._header.format

    def info(self, name: str) -> TensorInfo:
        """What the file's header says of a tensor."""
        return self._header.tensors[name]

    def blocks(self, name: str) -> Tensor:
        """A quantised tensor's bytes, mapped, a row of them for each of its rows."""
        info = self._header.tensors[name]
        check_installed(info)
        size, rows = info.end - info.start, math.prod(info.shape[:-1])
        return self._mapped(replace(info, shape=(rows, size // rows)), torch.uint8)

    def _mapped(self, info: TensorInfo, dtype: torch.dtype) -> Tensor:
        if info.file not in self._storages:
            size = info.file.stat().st_size
            self._storages[info.file] = torch.UntypedStorage.from_file(
                str(info.file), shared=False, nbytes=size
            )
        strides = [math.prod(info.shape[at + 1 :]) for at in range(len(info.shape))]
        view = torch.empty(0, dtype=dtype)
        return view.set_(
            self._storages[info.file],  # type: ignore[arg-type]
            info.start // dtype.itemsize,
            info.shape,
            strides,
        )

    def _cast(self, info: TensorInfo, own: torch.dtype, wanted: torch.dtype, name: str) -> Tensor:
        tensor = self._staged(info).view(own).reshape(info.shape)
        scale = self._header.scales.get(name)
        if scale is None:
            return tensor.to(wanted, copy=True)
        factor = self._bytes(scale).view(DTYPES[scale.dtype]).float().reshape(scale.shape)
        if factor.ndim == 1 and len(factor) == info.shape[0] > 1:  # one for each row
            factor = factor.reshape(-1, *[1] * (len(info.shape) - 1))
        return (tensor.float() * factor).to(wanted)

    def _staged(self, info: TensorInfo) -> Tensor:
        """The tensor's bytes in a buffer that the next one overwrites: memory that is new each time
        costs as much as the reading."""
        if not len(self._buffer):
            largest = max(t.end - t.start for t in self._header.tensors.values())
            self._buffer = torch.empty(largest, dtype=torch.uint8)
        return self._read_into(self._buffer[: info.end - info.start], info)

    def _bytes(self, info: TensorInfo) -> Tensor:
        """The tensor's bytes in memory of their own."""
        return self._read_into(torch.empty(info.end - info.start, dtype=torch.uint8), info)

    def _read_into(self, buffer: Tensor, info: TensorInfo) -> Tensor:
        """Read and not mapped: mapped pages would count beside the copy."""
        if info.file not in self._streams:
            self._streams[info.file] = info.file.open("rb", buffering=0)
        stream = self._streams[info.file]
        stream.seek(info.start)
        rest = memoryview(buffer.numpy())
        while len(rest):
            count = stream.readinto(rest)
            if not count:
                raise CheckpointError(f"{info.file} changed while it was read: it is shorter now")
            rest = rest[count:]
        return buffer


def _finite(tensor: Tensor, mapped: bool) -> bool:
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    if mapped and tensor.numel() > 2 * _ENDS:
        flat = tensor.view(-1)
        return _finite(flat[:_ENDS], False) and _finite(flat[-_ENDS:], False)
    if math.isfinite(tensor.sum().item()):
        return True  # a sum is quicker; of finite numbers it may be infinite
    low, high = torch.aminmax(tensor)
    return math.isfinite(low.item()) and math.isfinite(high.item())


def _fitted(sources: Mapping[str, Source], expected: Mapping[str, Any]) -> dict[str, Source]:
    """Text encoders have `text_model.` before their names in transformers 4, and none in 5."""
    short = not any(name.startswith("text_model.") for name in expected)
    return {(n.removeprefix("text_model.") if short else n): s for n, s in sources.items()}


def _check_names(
    part: Part, header: Header, sources: Mapping[str, Source], expected: Mapping[str, Tensor]
) -> None:
    missing = sorted(expected.keys() - sources.keys())
    extra = sorted(sources.keys() - expected.keys())
    unfitting = []
    for name in sources.keys() & expected.keys():
        source = sources[name]
        shape = header.tensors[part.prefix + source.names[0]].shape
        if source.change is None and tuple(expected[name].shape) != shape:
            unfitting.append(f"{name} {list(shape)} and not {list(expected[name].shape)}")
    faults = []
    if missing:
        faults.append(f"{len(missing)} weights are missing, among them {', '.join(missing[:3])}")
    if extra:
        faults.append(f"{len(extra)} have no place in it, among them {', '.join(extra[:3])}")
    if unfitting:
        faults.append(
            f"{len(unfitting)} have another shape, among them {'; '.join(sorted(unfitting)[:3])}"
        )
    if faults:
        raise CheckpointError(f"{header.path}: not a whole {part.cls}: {'; '.join(faults)}")


def _other_shape(names: tuple[str, ...], tensor: Tensor, name: str, expected: Tensor) -> str:
    return (
        f"{' + '.join(names)} gives {list(tensor.shape)} for {name}, expected "
        f"{list(expected.shape)}"
    )


def _assign(modules: Mapping[str, nn.Module], name: str, parameter: nn.Parameter) -> None:
    path, _, last = name.rpartition(".")
    module = modules[path]
    if last in module._buffers:
        module._buffers[last] = parameter.data
    else:
        module._parameters[last] = parameter
