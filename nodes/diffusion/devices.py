"""What a kind of device lacks, in one place.

DirectML, `privateuseone` in torch, has no float64, no random generators and no autocast; matrices
are not factorised there either.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def capable(device: torch.device) -> torch.device:
    """`device`, or the CPU in place of one that lacks the above."""
    return torch.device("cpu") if device.type == "privateuseone" else device


def in_bfloat16(device: torch.device) -> AbstractContextManager[object]:
    """Products in bfloat16 where torch can choose them on `device`, else all as it is."""
    if capable(device) != device:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)  # type: ignore[no-any-return]
