"""Weights that are no numbers: a file written half, or trained until it broke."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from nodes.diffusion.checkpoint_files import CheckpointError

_ENDS = 1024  # numbers at either end of a large tensor; more would read all of a mapped file


def check_finite(path: Path, tensors: Mapping[str, Tensor], what: str = "finite weights") -> None:
    """Look at tensors of the file at `path`, at large ones at their ends.

    Raises:
        CheckpointError: some hold NaN or infinity; with the file, how many, and a few names.
    """
    faults = [name for name, tensor in tensors.items() if not _is_finite(tensor)]
    if faults:
        raise CheckpointError(
            f"{path}: expected {what}, found NaN or infinity in {len(faults)} of {len(tensors)} "
            f"tensors, among them {', '.join(faults[:3])}"
        )


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or tensor.is_meta:
        return True
    flat = tensor.detach().reshape(-1)
    ends = [flat] if len(flat) <= 2 * _ENDS else [flat[:_ENDS], flat[-_ENDS:]]
    return all(bool(torch.isfinite(part.float()).all()) for part in ends)
