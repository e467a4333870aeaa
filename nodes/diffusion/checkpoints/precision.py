"""In which precision a network computes."""

from __future__ import annotations

import torch

from nodes.diffusion.checkpoints.families import Part
from nodes.diffusion.checkpoints.header import Header
from nodes.diffusion.checkpoints.stream import dtype_of

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def fitting(stored: torch.dtype, wanted: str, device: str) -> torch.dtype:
    """The precision by its name; `auto` is float32 on the CPU, and what is stored elsewhere.

    DirectML knows no bfloat16: there half precision takes its place.
    """
    if wanted != "auto":
        return DTYPES[wanted]
    kind = torch.device(device).type
    if kind == "cpu":
        return torch.float32
    if stored == torch.bfloat16 and kind == "privateuseone":
        return torch.float16
    return stored


def for_part(header: Header, part: Part, wanted: str, device: str) -> torch.dtype:
    """As `fitting`, for a network in a file."""
    return fitting(dtype_of(header, part), wanted, device)
