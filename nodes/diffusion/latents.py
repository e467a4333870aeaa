"""Latents as tensors: made, joined, cut, turned, resized and laid over each other.

A latent pixel stands for FACTOR × FACTOR pixels of the picture. Whatever moves the samples moves
the noise mask too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

from nodes.diffusion.resampling import resample
from nodes.types import Latent

FACTOR = 8  # what the autoencoders of Stable Diffusion 1, 2 and XL have
CHANNELS = 4


def empty(width: int, height: int, batch: int, device: str, channels: int = CHANNELS) -> Latent:
    """Zeros, [batch, channels, height / 8, width / 8]."""
    return Latent(torch.zeros(batch, channels, height // FACTOR, width // FACTOR, device=device))


def apply(latent: Latent, change: Callable[[torch.Tensor], torch.Tensor]) -> Latent:
    """`change` done to the samples and, where there is one, to the noise mask."""
    mask = latent.noise_mask
    return Latent(change(latent.samples), None if mask is None else change(mask))


def batch(latents: Sequence[Latent]) -> Latent:
    """All pictures in one batch. If one has a noise mask, those without may change everywhere."""
    samples = torch.cat([latent.samples for latent in latents])  # [sum of B, C, H, W]
    if all(latent.noise_mask is None for latent in latents):
        return Latent(samples)
    return Latent(samples, torch.cat([_mask_or_ones(latent) for latent in latents]))


def _mask_or_ones(latent: Latent) -> torch.Tensor:
    count, _, height, width = latent.samples.shape
    if latent.noise_mask is None:
        return latent.samples.new_ones(count, 1, height, width)
    return latent.noise_mask.expand(count, -1, -1, -1)


def repeat(latent: Latent, times: int) -> Latent:
    """The batch as a whole, `times` times; a noise mask for all pictures stays what it is."""
    mask = latent.noise_mask
    if mask is not None and len(mask) > 1:
        mask = mask.repeat(times, 1, 1, 1)
    return Latent(latent.samples.repeat(times, 1, 1, 1), mask)


def pick(latent: Latent, index: int) -> Latent:
    """Picture `index` alone, without holding on to the others; a noise mask for all pictures stays
    what it is."""
    mask = latent.noise_mask
    if mask is not None and len(mask) > 1:
        mask = mask[index : index + 1].clone()
    return Latent(latent.samples[index : index + 1].clone(), mask)


def crop(latent: Latent, x: int, y: int, width: int, height: int) -> Latent:
    """A window, in latent pixels."""
    return apply(latent, lambda tensor: tensor[..., y : y + height, x : x + width].clone())


def flip(latent: Latent, axis: int) -> Latent:
    """Mirrored along a dimension of the tensor: -1 left and right, -2 top and bottom."""
    return apply(latent, lambda tensor: tensor.flip(axis))


def rotate(latent: Latent, turns: int) -> Latent:
    """Turned clockwise by `turns` quarters."""
    return apply(latent, lambda tensor: tensor.rot90(-turns, dims=(-2, -1)).contiguous())


def resize(latent: Latent, width: int, height: int, filter: str) -> Latent:
    """Resized to `width` × `height` latent pixels; the noise mask, which bicubic would overshoot,
    stays in 0..1."""

    def sized(tensor: torch.Tensor) -> torch.Tensor:
        rows = tensor.permute(0, 2, 3, 1)  # [B, H, W, C], as `resample` reads pictures
        return resample(rows, height, width, filter).permute(0, 3, 1, 2).contiguous()

    samples = sized(latent.samples)
    if latent.noise_mask is None:
        return Latent(samples)
    return Latent(samples, sized(latent.noise_mask).clamp(0, 1))


def mask_for(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A mask [B or 1, H, W] in the size of `like` [B, C, h, w]: area means, [B or 1, 1, h, w]."""
    return F.interpolate(values[:, None].to(like), size=like.shape[-2:], mode="area")


def blend(a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`a * (1 - weight) + b * weight`, exactly `a` where weight is 0 and `b` where it is 1."""
    return a * (1 - weight) + b * weight


def composite(
    destination: torch.Tensor, source: torch.Tensor, x: int, y: int, feather: int
) -> torch.Tensor:
    """`source` laid over `destination` at (x, y) latent pixels, what sticks out is cut off.

    Its edges fade over `feather` latent pixels, except those on the destination's own edge.
    """
    height, width = destination.shape[-2:]
    part = source[..., : max(height - y, 0), : max(width - x, 0)]
    rows = _fade(part.shape[-2], feather, y > 0, y + part.shape[-2] < height)
    columns = _fade(part.shape[-1], feather, x > 0, x + part.shape[-1] < width)
    weight = torch.outer(rows, columns).to(destination)  # [h, w] of the part
    window = (..., slice(y, y + part.shape[-2]), slice(x, x + part.shape[-1]))
    result = destination.expand(max(len(destination), len(source)), -1, -1, -1).clone()
    result[window] = blend(result[window], part, weight)
    return result


def _fade(length: int, feather: int, at_start: bool, at_end: bool) -> torch.Tensor:
    """Weights along one side: up over the first `feather` places and down over the last."""
    weights = torch.ones(length)
    for k in range(min(feather, length)):
        ramp = (k + 1) / (feather + 1)
        if at_start:
            weights[k] *= ramp
        if at_end:
            weights[length - 1 - k] *= ramp
    return weights


def interpolated(a: torch.Tensor, b: torch.Tensor, share: float) -> torch.Tensor:
    """`share` of a and the rest of b [B, C, H, W]: directions and lengths over C mixed apart."""
    length_a, length_b = (x.norm(dim=1, keepdim=True) for x in (a, b))
    tiny = torch.finfo(a.dtype).tiny
    mixed = share * a / length_a.clamp_min(tiny) + (1 - share) * b / length_b.clamp_min(tiny)
    direction = mixed / mixed.norm(dim=1, keepdim=True).clamp_min(tiny)
    return direction * (share * length_a + (1 - share) * length_b)
