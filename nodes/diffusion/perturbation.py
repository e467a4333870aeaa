"""Latents made worse on purpose."""

from __future__ import annotations

import torch
from torch import Tensor

from nodes.types import Step

_KERNEL = 9  # latent pixels, as published


def blur_where(x: Tensor, noise: Tensor, step: Step, mask: Tensor, spread: float) -> Tensor:
    """x [B, C, H, W] whose clean latent is blurred where the mask [B or 1, h, w] is 1."""
    clean = x - step.sigma * noise
    where = torch.nn.functional.interpolate(mask[:, None].to(x), x.shape[-2:])  # [B or 1, 1, H, W]
    return x + step.alpha * where * (gaussian_blur(clean, spread) - clean)


def gaussian_blur(x: Tensor, spread: float) -> Tensor:
    """Each channel blurred by a Gaussian, mirrored at the edges."""
    places = torch.arange(_KERNEL, dtype=torch.float32) - (_KERNEL - 1) / 2
    line = torch.exp(-(places**2) / (2 * spread**2))
    line = (line / line.sum()).to(x)
    channels, pad = x.shape[1], _KERNEL // 2
    kernel = torch.outer(line, line).expand(channels, 1, -1, -1)
    padded = torch.nn.functional.pad(x, (pad, pad, pad, pad), mode="reflect")
    return torch.nn.functional.conv2d(padded, kernel, groups=channels)
