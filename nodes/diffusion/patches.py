"""Pictures that a transformer's patches do not divide."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def padded(x: Tensor, patch: int) -> Tensor:
    """x [n, C, H, W] with its last row and column repeated until patches divide it."""
    below, right = -x.shape[-2] % patch, -x.shape[-1] % patch
    return F.pad(x, (0, right, 0, below), mode="replicate") if below or right else x
