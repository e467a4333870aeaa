"""`.ckpt`, `.pt` and `.bin` files turned into safetensors, without running what is in them.

A pickle may call any function when it is opened. PyTorch's `weights_only` mode reads tensors and
plain containers, and refuses all else.
"""

from __future__ import annotations

import os
import pickle
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from nodes.diffusion.checkpoint_files import CheckpointError

_INNER = ("state_dict", "model_state_dict", "model", "params_ema", "params", "module")


def convert(path: Path, out: Path | None = None) -> Path:
    """Write the tensors of a pickle as safetensors, and give the file's path.

    `out` is by default the same name with the suffix `.safetensors`. Weights that share memory
    become weights of their own; numbers, texts and optimizer states beside the weights are left
    out. The file appears whole or not at all.

    Raises:
        CheckpointError: it is no pickle of weights, or holds more than weights.
        FileExistsError: `out` is there already.
    """
    out = path.with_suffix(".safetensors") if out is None else out
    if out.exists():
        raise FileExistsError(f"{out} exists already: remove it, or name another file")
    weights = _tensors(_read(path))
    if not weights:
        raise CheckpointError(f"{path}: expected weights by name, found none")
    temporary = out.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        save_file(_apart(weights), temporary, metadata={"format": "pt"})
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing")
    if not path.stat().st_size:
        raise CheckpointError(f"{path} is empty (0 bytes): fetch it again")
    try:
        return _loaded(path)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds more than weights, and reading it might run any code, so it is not "
            f"converted: {_first_line(error)}"
        ) from None
    except (RuntimeError, ValueError, EOFError, KeyError, OSError) as error:
        raise CheckpointError(
            f"{path} is no file of PyTorch, or damaged: {type(error).__name__}: "
            f"{_first_line(error)}"
        ) from None


def _loaded(path: Path) -> Any:
    """Mapped where the file is of PyTorch's newer kind, a zip archive: then it is read once."""
    with path.open("rb") as stream:
        newer = stream.read(2) == b"PK"
    return torch.load(path, map_location="cpu", weights_only=True, mmap=newer)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _tensors(content: Any) -> dict[str, torch.Tensor]:
    """The weights in a file: at its top, or within what trainers wrap them in."""
    if not isinstance(content, Mapping):
        return {}
    for name in _INNER:
        inner = content.get(name)
        if isinstance(inner, Mapping) and any(isinstance(v, torch.Tensor) for v in inner.values()):
            content = inner
            break
    return {
        str(name): value.detach()
        for name, value in content.items()
        if isinstance(value, torch.Tensor) and not value.is_sparse
    }


def _apart(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each tensor in memory of its own where several share it, in a row where it is strided."""
    seen: set[int] = set()
    found = {}
    for name, tensor in weights.items():
        own = tensor.contiguous()
        if own.data_ptr() in seen:
            own = own.clone()
        seen.add(own.data_ptr())
        found[name] = own
    return found
