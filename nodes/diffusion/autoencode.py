"""Pictures to latents and back through an autoencoder, whole or in tiles.

Kingma & Welling 2013, arXiv 1312.6114; Rombach et al. 2021, arXiv 2112.10752, section 3.1.
Pictures go through one at a time, so that each is bit for bit what it would be alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nodes.diffusion.tiling import Progress, Tiling, one_by_one
from nodes.types import Vae


@dataclass(frozen=True)
class Moments:
    """What the encoder says of a picture: each latent pixel's mean and spread, [B, C, H, W]."""

    mean: torch.Tensor
    std: torch.Tensor


def encode(
    vae: Vae, pixels: torch.Tensor, tiling: Tiling | None = None, progress: Progress | None = None
) -> Moments:
    """Pictures [B, H, W, 3] in 0..1 → mean and spread of the latents [B, C, H / 8, W / 8]."""
    device = _device(vae)

    def through(part: torch.Tensor) -> torch.Tensor:
        posterior = vae.autoencoder.encode((part * 2 - 1).to(device)).latent_dist  # of -1..1
        mean = (posterior.mean - vae.shift) * vae.scaling
        return torch.cat([mean, posterior.std * vae.scaling], dim=1)  # [1, 2C, h, w]

    both = one_by_one(through, pixels.permute(0, 3, 1, 2), tiling, vae.factor, 1, progress)
    mean, std = both.chunk(2, dim=1)
    return Moments(mean.contiguous(), std.contiguous())


def decode(
    vae: Vae, samples: torch.Tensor, tiling: Tiling | None = None, progress: Progress | None = None
) -> torch.Tensor:
    """Latents [B, C, H, W] → pictures [B, 8H, 8W, 3] in 0..1, what lies outside is clipped."""

    def through(part: torch.Tensor) -> torch.Tensor:
        return vae.autoencoder.decode(part, return_dict=False)[0]  # type: ignore[no-any-return]

    z = (samples / vae.scaling + vae.shift).to(_device(vae))
    pictures = one_by_one(through, z, tiling, 1, vae.factor, progress)  # [B, 3, 8H, 8W] in -1..1
    pictures.div_(2).add_(0.5).clamp_(0, 1)  # in place: there may be no room for another one
    return pictures.permute(0, 2, 3, 1).contiguous()


def _device(vae: Vae) -> torch.device:
    return next(vae.autoencoder.parameters()).device  # type: ignore[no-any-return]
