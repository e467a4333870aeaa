"""Noise from seeds: always float32 on the CPU, each image of a batch from a stream of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch

from nodes.diffusion.devices import capable
from nodes.types import Noise


def gaussian(shape: Sequence[int], seeds: Sequence[int]) -> torch.Tensor:
    """Standard normal noise [len(seeds), *shape], image k from the generator of seeds[k] alone."""
    return torch.stack([_draw(shape, seed) for seed in seeds])


def step_noise(
    like: torch.Tensor, seed: int, index: int, part: int = 0, on_device: bool = False
) -> torch.Tensor:
    """Fresh noise for step `index`, in the shape and on the device of `like` [B, C, H, W].

    Image k draws from the hash of (seed + k, index, part): no step repeats another's noise, none
    repeats the initial noise of any seed, and image k is what seed + k gives alone. `part` numbers
    the draws within one step. `on_device` draws where `like` lies, which saves the way there; each
    kind of device has its own numbers.
    """
    seeds = [step_seed(seed + k, index, part) for k in range(len(like))]
    if on_device:
        home = capable(like.device)
        drawn = torch.stack([_draw_on(home, like.shape[1:], seed) for seed in seeds])
        return drawn.to(device=like.device, dtype=like.dtype)
    return gaussian(like.shape[1:], seeds).to(device=like.device, dtype=like.dtype)


def stream(seed: int) -> torch.Generator:
    """A generator on the CPU, for noise that is drawn one after the other. Seeds in 0..2^64-1."""
    return torch.Generator().manual_seed(seed % 2**64)


def of_stream(shape: Sequence[int], seed: int) -> torch.Tensor:
    """Standard normal noise of a whole batch [B, C, H, W] from one generator, float32."""
    return torch.randn(tuple(shape), generator=stream(seed), dtype=torch.float32)


def batch_seeds(seed: int, count: int) -> tuple[int, ...]:
    """The seeds of a batch: seed, seed + 1, ..."""
    return tuple(range(seed, seed + count))


def mix(first: Noise, second: Noise, amount: float) -> Noise:
    """Turn `first` towards `second` by `amount` of a right angle; the spread stays 1."""
    angle = amount * math.pi / 2
    along, across = math.cos(angle), math.sin(angle)
    if amount in (0, 1):  # cos(pi / 2) is not quite 0, and an end should be that noise itself
        along, across = 1.0 - amount, float(amount)
    return Noise(along * first.samples + across * second.samples, first.seeds)


def _draw(shape: Sequence[int], seed: int) -> torch.Tensor:
    return _draw_on(torch.device("cpu"), shape, seed)


def _draw_on(device: torch.device, shape: Sequence[int], seed: int) -> torch.Tensor:
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, device=device, dtype=torch.float32)


def step_seed(seed: int, index: int, part: int = 0) -> int:
    """The seed of one image's noise at one step, or at a later part of it."""
    text = f"{seed} step {index}" if part == 0 else f"{seed} step {index} part {part}"
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def slerp(first: torch.Tensor, second: torch.Tensor, amount: float) -> torch.Tensor:
    """Along the great arc from `first` to `second`, each picture [C, H, W] by its own angle.

    (sin((1 - t) w) a + sin(t w) b) / sin w with w the angle between a and b; where they point the
    same way, on a line.
    """
    flat = tuple(range(1, first.ndim))
    lengths = first.square().sum(flat, True).sqrt() * second.square().sum(flat, True).sqrt()
    cosine = (first * second).sum(flat, True) / lengths.clamp_min(1e-20)
    angle = cosine.clamp(-1, 1).acos()
    sine = angle.sin()
    along = torch.where(sine > 1e-4, ((1 - amount) * angle).sin() / sine, 1 - amount)
    across = torch.where(sine > 1e-4, (amount * angle).sin() / sine, amount)
    return along * first + across * second


def composed(first: torch.Tensor, second: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """`second` where the mask [B, 1, H, W] is 1; scaled to spread 1 where both show."""
    mixed = (1 - mask) * first + mask * second
    return mixed / ((1 - mask).square() + mask.square()).sqrt()


def standardised(samples: torch.Tensor) -> torch.Tensor:
    """Each picture [C, H, W] shifted and scaled to mean 0 and spread 1."""
    flat = tuple(range(1, samples.ndim))
    spread = samples.std(dim=flat, keepdim=True, unbiased=False)
    return (samples - samples.mean(dim=flat, keepdim=True)) / spread
