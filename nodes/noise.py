"""Noise: where every picture starts. Each image of a batch has a seed of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Seed, Slider
from nodes import checks
from nodes.estimates import as_large_as
from nodes.types import Latent, Mask, Noise

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


@node("noise.none", estimate=as_large_as("latent", noise=1))
def none(latent: Latent) -> Noise:
    """Draw nothing: zeros [B, C, H, W], for a latent that is noisy already."""
    checks.some_pictures("latent", latent.samples)
    return Noise(0 * latent.samples, ())


@node("noise.variation", estimate=as_large_as("latent", noise=1))
def variation(
    latent: Latent,
    seed: Annotated[int, Seed()] = 0,
    variation_seed: Annotated[int, Seed()] = 0,
    strength: Annotated[float, Slider(0, 1, step=0.01)] = 0.1,
) -> Noise:
    """Draw a seed's noise and turn it a little towards another's: variations of one picture.

    Image k is on the great arc from the noise of `seed`, the same for all, to that of
    variation_seed + k, a share `strength` of the way: 0 gives the picture of `seed` itself. The
    spread stays 1.
    """
    from nodes.diffusion import noise

    checks.fraction("strength", strength)
    seeds = noise.batch_seeds(variation_seed, len(latent.samples))
    checks.seeds("seed", [seed])
    checks.seeds("variation_seed", seeds)
    other = _draw(latent.samples, seeds)
    base = _draw(latent.samples, (seed,) * len(seeds))
    if strength == 0:
        return base
    return Noise(noise.slerp(base.samples, other.samples, strength), seeds)


@node("noise.compose")
def compose(first: Noise, second: Noise, mask: Mask) -> Noise:
    """Take the second noise where the mask is 1, the first where it is 0, for parts with own seeds.

    ((1 - m) a + m b) / sqrt((1 - m)^2 + m^2): the spread stays 1 where the mask is between. The
    mask [B or 1, H, W] of any size is averaged to the latent's size.
    """
    from nodes.diffusion import noise
    from nodes.diffusion.latents import mask_for

    checks.same_shape("second", second.samples, "first", first.samples)
    batch = len(first.samples)
    if len(mask.values) not in (1, batch):
        raise InputError("mask", f"a batch of {len(mask.values)}", f"1 or the noise's {batch}")
    fitted = mask_for(mask.values, first.samples)
    return Noise(noise.composed(first.samples, second.samples, fitted), first.seeds)


@node("noise.from_latent", estimate=as_large_as("latent", noise=1))
def from_latent(latent: Latent) -> Noise:
    """Take a picture for noise: its latent shifted and scaled to mean 0 and spread 1.

    (z - mean) / spread, of each picture on its own. What is large in the picture stays visible in
    what is drawn from it; `noise.mix` with drawn noise weakens that.
    """
    from nodes.diffusion import noise

    checks.some_pictures("latent", latent.samples)
    checks.finite("latent", latent.samples)
    flat = latent.samples.flatten(1)
    if not bool((flat.std(dim=1, unbiased=False) > 0).all()):
        raise InputError("latent", "a latent without any spread", "a picture")
    return Noise(noise.standardised(latent.samples), ())
