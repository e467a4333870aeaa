"""Latents, noise, and what a denoiser says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch


@socket("latent", colour="#ff9cf9", role="x_t", preview="nodes.previews:of_latent")
@dataclass(frozen=True, eq=False)
class Latent:
    """Latent pictures, `samples` [B, C, H, W], clean or noisy: x = alpha * x0 + sigma * epsilon.

    `noise_mask` [B, 1, H, W] in 0..1, if any, is 1 where a sampler may change the picture.
    """

    samples: torch.Tensor
    noise_mask: torch.Tensor | None = None


@socket("noise", colour="#b0b0b0", role="eps")
@dataclass(frozen=True, eq=False)
class Noise:
    """Noise of standard deviation 1, `samples` [B, C, H, W], image k drawn from its own seed.

    `whole_spread`: a diffusion that begins at its model's largest sigma begins with noise of spread
    sqrt(1 + sigma^2), as if the picture's own were in it already; else with spread sigma.
    """

    samples: torch.Tensor
    seeds: tuple[int, ...]
    whole_spread: bool = False


@socket("noise", colour="#e0a0ff", role="eps")
@dataclass(frozen=True, eq=False)
class NoisePrediction:
    """What moves a latent along its path, dx/dsigma: [B, C, H, W]. Epsilon in a diffusion; in a
    flow the velocity, epsilon - x0."""

    samples: torch.Tensor


@socket("denoised", colour="#9be7ff", role="x0", preview="nodes.previews:of_latent")
@dataclass(frozen=True, eq=False)
class Denoised:
    """The estimate of the clean latent, x0 = x - sigma * (what moves it); [B, C, H, W]."""

    samples: torch.Tensor


@socket("history", colour="#8a8a8a", shape="diamond")
@dataclass(frozen=True, eq=False)
class History:
    """What a multistep sampler remembers of past steps, newest first: (sigma, [B, C, H, W])."""

    entries: tuple[tuple[float, torch.Tensor], ...] = ()
