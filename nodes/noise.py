"""Noise: where every picture starts. Each image of a batch has a seed of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Seed, Slider
from nodes import checks
from nodes.estimates import as_large_as
from nodes.types import Latent, Noise

if TYPE_CHECKING:
    import torch


@node("noise.gaussian", estimate=as_large_as("latent", noise=1))
def gaussian(latent: Latent, seed: Annotated[int, Seed()] = 0) -> Noise:
    """Draw noise in the shape of a latent: standard normal, [B, C, H, W].

    Image k is drawn on the CPU in float32 from seed + k alone, so it is the image that seed + k
    gives by itself, on every device.
    """
    from nodes.diffusion.noise import batch_seeds

    seeds = batch_seeds(seed, len(latent.samples))
    checks.seeds("seed", seeds)
    return _draw(latent.samples, seeds)


@node("noise.from_seeds", estimate=as_large_as("latent", noise=1))
def from_seeds(latent: Latent, seeds: Annotated[list[int], Seed()]) -> Noise:
    """Draw noise for each image of a batch from the seed in its place: [B, C, H, W].

    For a batch of chosen seeds, for example three that were liked. As many seeds as images.
    """
    batch = len(latent.samples)
    if len(seeds) != batch:
        raise InputError("seeds", f"{len(seeds)} seeds", f"one for each of {batch} images")
    checks.seeds("seeds", seeds)
    return _draw(latent.samples, tuple(seeds))


@node("noise.mix")
def mix(
    first: Noise, second: Noise, amount: Annotated[float, Slider(0, 1, step=0.01)] = 0.1
) -> Noise:
    """Turn one noise towards another, for pictures that are alike: 0 is `first`, 1 is `second`.

    cos(a) * first + sin(a) * second with a = amount * pi / 2. Both are independent, so the spread
    stays 1, which a plain average would shrink.
    """
    from nodes.diffusion import noise

    checks.same_shape("second", second.samples, "first", first.samples)
    checks.fraction("amount", amount)
    return noise.mix(first, second, amount)


def _draw(like: torch.Tensor, seeds: tuple[int, ...]) -> Noise:
    from nodes.diffusion.noise import gaussian

    checks.some_pictures("latent", like)
    return Noise(gaussian(like.shape[1:], seeds).to(like.device), seeds)
