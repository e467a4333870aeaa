"""Combining predictions: classifier-free guidance and its rescaling."""

from __future__ import annotations

import torch


def cfg(cond: torch.Tensor, uncond: torch.Tensor, scale: float) -> torch.Tensor:
    """uncond + scale * (cond - uncond)."""
    return uncond + scale * (cond - uncond)


def rescale(guided: torch.Tensor, cond: torch.Tensor, amount: float) -> torch.Tensor:
    """Bring the spread of `guided` towards that of `cond`, each image [C, H, W] on its own."""
    per_image = tuple(range(1, guided.ndim))
    spread = guided.std(dim=per_image, keepdim=True)
    wanted = cond.std(dim=per_image, keepdim=True)
    # An image without any spread has nothing to scale; 0 / 0 must not become the picture.
    ratio = torch.where(spread > 0, wanted / spread.clamp_min(1e-20), torch.ones_like(spread))
    return guided * (1 + amount * (ratio - 1))
