"""What travels on the wires between the standard nodes.

All are frozen: a node returns a new value and never changes one that it was given. Tensors are
float32 on the run's device unless said otherwise. B is the batch, C channels, H and W height and
width; a latent's H and W are the picture's divided by the autoencoder's factor (8).
Imports no torch: tensors are named for type checkers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch

    from nodes.diffusion.tokenizer import ClipTokenizer


@socket("betas", colour="#b8a1e3")
@dataclass(frozen=True)
class BetaSchedule:
    """The noise schedule that a model was trained on, as the cumulative product of 1 - beta.

    `alphas_cumprod[t]` is alpha-bar of timestep t, 0 the cleanest; T is usually 1000. In this
    project noisy latents are written x = x0 + sigma * epsilon (Karras et al. 2022, arXiv
    2206.00364), with sigma(t) = sqrt((1 - alpha_bar) / alpha_bar); the variance-preserving x_t of
    Ho et al. 2020 (arXiv 2006.11239) is x / sqrt(1 + sigma^2).
    """

    alphas_cumprod: tuple[float, ...]


@socket("sigmas", colour="#cdffcd")
@dataclass(frozen=True)
class Sigmas:
    """A descending list of noise levels, N + 1 for N steps; the last is usually 0.

    `timesteps` are the model's own clock at those levels (fractional where a schedule falls between
    two training steps), one for each sigma. `first` is how many steps of the schedule this one was
    cut from come before it, so that its steps keep their numbers and thereby their noise.
    """

    values: tuple[float, ...]
    timesteps: tuple[float, ...]
    first: int = 0


@socket("step", colour="#a7d8a0")
@dataclass(frozen=True)
class Step:
    """One step of the path from noise to picture: from `sigma` to `sigma_next`.

    `index` counts from 0 within the whole schedule, `count` is its length. `timestep` is what the
    model is told at `sigma`; `timestep_next` belongs to `sigma_next`.
    """

    index: int
    count: int
    sigma: float
    sigma_next: float
    timestep: float
    timestep_next: float


@socket("model", colour="#b39ddb", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Model:
    """A denoiser with what it was trained on.

    `network` is a diffusers `UNet2DConditionModel` in evaluation mode. `prediction` is what it
    returns: `epsilon`, `v_prediction` or `sample`.
    """

    network: Any
    betas: BetaSchedule
    prediction: str = "epsilon"


@socket("clip", colour="#ffd500", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Clip:
    """A text encoder with its tokenizer. `skip` last layers are left out (CLIP skip)."""

    encoder: Any
    tokenizer: ClipTokenizer
    skip: int = 0


@socket("vae", colour="#ff6e6e", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Vae:
    """An autoencoder. Latents are `(z - shift) * scaling`, so that their spread is about 1.

    `factor` is how many pixels, per side, one latent pixel stands for.
    """

    autoencoder: Any
    scaling: float
    shift: float = 0.0
    factor: int = 8


@socket("tokens", colour="#ffe58a")
@dataclass(frozen=True, eq=False)
class Tokens:
    """A prompt as byte-pair pieces, in chunks of 77 slots.

    `ids` is int64 [chunks, 77], with start and end marks and padding; `pieces` the same as text.
    """

    text: str
    ids: torch.Tensor
    pieces: tuple[tuple[str, ...], ...]


@socket("conditioning", colour="#ffa931")
@dataclass(frozen=True, eq=False)
class Conditioning:
    """What steers the denoiser: `embeddings` [B, tokens, D]; `pooled` [B, D] the whole text's.

    `more` are further texts: the denoiser predicts for this one and for each of them, and the
    predictions are averaged. None of them has `more` of its own.
    """

    embeddings: torch.Tensor
    pooled: torch.Tensor | None = None
    more: tuple[Conditioning, ...] = ()


@socket("latent", colour="#ff9cf9")
@dataclass(frozen=True, eq=False)
class Latent:
    """Latent pictures, `samples` [B, C, H, W], clean or with noise: x = x0 + sigma * epsilon.

    `noise_mask` [B, 1, H, W] in 0..1, if any, is 1 where a sampler may change the picture.
    """

    samples: torch.Tensor
    noise_mask: torch.Tensor | None = None


@socket("noise", colour="#b0b0b0")
@dataclass(frozen=True, eq=False)
class Noise:
    """Noise of standard deviation 1, `samples` [B, C, H, W], image k drawn from its own seed."""

    samples: torch.Tensor
    seeds: tuple[int, ...]


@socket("noise", colour="#e0a0ff")
@dataclass(frozen=True, eq=False)
class NoisePrediction:
    """What moves a latent along its path, dx/dsigma: epsilon; [B, C, H, W]."""

    samples: torch.Tensor


@socket("denoised", colour="#9be7ff")
@dataclass(frozen=True, eq=False)
class Denoised:
    """The estimate of the clean latent, x0 = x - sigma * epsilon; [B, C, H, W]."""

    samples: torch.Tensor


@socket("history", colour="#8a8a8a", shape="diamond")
@dataclass(frozen=True, eq=False)
class History:
    """What a multistep sampler remembers of past steps, newest first: (sigma, [B, C, H, W])."""

    entries: tuple[tuple[float, torch.Tensor], ...] = ()


@socket("image", colour="#64b5f6", save="nodes.image_files:save_for_people")
@dataclass(frozen=True, eq=False)
class Image:
    """Pictures, `pixels` float32 [B, H, W, C] in 0..1; C is 3 (RGB) or 4 (RGBA)."""

    pixels: torch.Tensor


@socket("mask", colour="#81c784", save="nodes.image_files:save_mask_for_people")
@dataclass(frozen=True, eq=False)
class Mask:
    """Masks, `values` float32 [B, H, W] in 0..1; 1 is where something happens."""

    values: torch.Tensor


@socket("scenes", colour="#c8b560", persist=False)
@dataclass(frozen=True, eq=False)
class SceneSet:
    """Specifications of drawn scenes to train on, by kind: `centered`, `positioned`, `pair`."""

    by_kind: Mapping[str, tuple[Any, ...]]

    @property
    def scenes(self) -> tuple[Any, ...]:
        """All kinds in one row."""
        return tuple(scene for part in self.by_kind.values() for scene in part)


@socket("encoded", colour="#d6a0c8", persist=False)
@dataclass(frozen=True, eq=False)
class EncodedScenes:
    """Scenes with their scaled latents [N, 4, H, W], by kind."""

    by_kind: Mapping[str, tuple[tuple[Any, ...], torch.Tensor]]


@socket("losses", colour="#a0a0d0")
@dataclass(frozen=True)
class Losses:
    """The loss after each step of a training."""

    values: tuple[float, ...]
