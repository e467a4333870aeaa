"""What trainings of adapters share: a batch of examples, and the loss of a frozen denoiser."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nodes.diffusion.devices import in_bfloat16
from nodes.diffusion.training.denoiser import (
    add_noise,
    alphas_cumprod,
    draw_noise,
    draw_timesteps,
    loss_weight,
)
from nodes.types import Examples

Predict = Callable[[Tensor, Tensor], Tensor]  # noisy latents [B, C, H, W], timesteps [B] → noise


@dataclass(frozen=True)
class AdapterRecipe:
    """What is particular to these trainings. The offset is what the shipped model was trained with;
    Stable Diffusion itself had none."""

    batch: int = 16
    dropped: float = 0.1  # captions replaced by "", so that guidance keeps its other side
    offset: float = 0.5  # noise shared by a whole channel, at the noisiest steps only


@dataclass(frozen=True)
class Batch:
    """Some of the examples: scaled latents [B, C, H, W], a caption of each, and which they are."""

    latents: Tensor
    captions: list[str]
    indices: list[int]


def draw_batch(examples: Examples, recipe: AdapterRecipe, rng: np.random.Generator) -> Batch:
    """`recipe.batch` examples, each with one of its captions or, if dropped, none."""
    indices = [int(k) for k in rng.integers(len(examples.captions), size=recipe.batch)]
    captions = []
    for index in indices:
        phrasings = examples.captions[index]
        text = phrasings[int(rng.integers(len(phrasings)))]
        captions.append("" if rng.random() < recipe.dropped else text)
    return Batch(examples.latents[indices].float().cpu(), captions, indices)


def noise_loss(
    predict: Predict,
    latents: Tensor,
    recipe: AdapterRecipe,
    rng: np.random.Generator,
    device: torch.device,
) -> Tensor:
    """Weighted MSE between the noise that was added and the noise predicted, as in the denoiser's
    own training."""
    timesteps = draw_timesteps(len(latents), rng)
    noise = draw_noise(timesteps, latents.shape, recipe.offset, rng)
    noisy = add_noise(latents, noise, alphas_cumprod()[timesteps])
    with in_bfloat16(device):
        predicted = predict(noisy.to(device), timesteps.to(device))
    error = (predicted.float() - noise.to(device)).square().mean(dim=(1, 2, 3))  # [B]
    return (loss_weight(alphas_cumprod())[timesteps].to(device) * error).mean()
