"""Combining predictions: guidance and its corrections, as pure functions of tensors [B, C, H, W].

Each works on every picture of a batch by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def cfg(cond: Tensor, uncond: Tensor, scale: float) -> Tensor:
    """uncond + scale * (cond - uncond)."""
    return uncond + scale * (cond - uncond)


def rescale(guided: Tensor, cond: Tensor, amount: float) -> Tensor:
    """Bring the spread of `guided` towards that of `cond`, each image [C, H, W] on its own."""
    per_image = tuple(range(1, guided.ndim))
    spread = guided.std(dim=per_image, keepdim=True)
    wanted = cond.std(dim=per_image, keepdim=True)
    # An image without any spread has nothing to scale; 0 / 0 must not become the picture.
    ratio = torch.where(spread > 0, wanted / spread.clamp_min(1e-20), torch.ones_like(spread))
    return guided * (1 + amount * (ratio - 1))


def push_away(guided: Tensor, good: Tensor, bad: Tensor, scale: float) -> Tensor:
    """guided + scale * (good - bad): away from a prediction made worse on purpose."""
    return guided + scale * (good - bad)


def dual(
    both: Tensor, image_only: Tensor, neither: Tensor, text_scale: float, image_scale: float
) -> Tensor:
    """neither + image_scale (image_only - neither) + text_scale (both - image_only)."""
    return neither + image_scale * (image_only - neither) + text_scale * (both - image_only)


def nested(first: Tensor, second: Tensor, negative: Tensor, both: float, last: float) -> Tensor:
    """negative + last * ((second + both * (first - second)) - negative)."""
    return cfg(cfg(first, second, both), negative, last)


def compose(
    conds: Sequence[Tensor], weights: Sequence[float], uncond: Tensor, scale: float
) -> Tensor:
    """uncond + scale * sum of w_i (cond_i - uncond)."""
    total = torch.zeros_like(uncond)
    for cond, weight in zip(conds, weights, strict=True):
        total = total + weight * (cond - uncond)
    return uncond + scale * total


def perpendicular(
    cond: Tensor, negative: Tensor, empty: Tensor, negative_scale: float, scale: float
) -> Tensor:
    """empty + scale * (p - negative_scale * n'), where p = cond - empty and n' is the part of
    negative - empty that is perpendicular to p."""
    positive, against = cond - empty, negative - empty
    across = against - parallel_part(against, positive)
    return empty + scale * (positive - negative_scale * across)


def parallel_part(vector: Tensor, along: Tensor) -> Tensor:
    """The part of `vector` that lies along another, each picture being one vector."""
    per_image = tuple(range(1, vector.ndim))
    squared = (along * along).sum(dim=per_image, keepdim=True)
    share = (vector * along).sum(dim=per_image, keepdim=True) / squared.clamp_min(1e-20)
    return share * along


def projected(
    cond: Tensor, uncond: Tensor, difference: Tensor, scale: float, eta: float, limit: float
) -> Tensor:
    """cond + (scale - 1) * (d' + eta * d''), of clean latents: d = `difference`, no longer than
    `limit` (0: as long as it is), d'' its part along `cond` and d' the rest.

    That is uncond + scale * (cond - uncond) where eta is 1 and nothing is cut.
    """
    per_image = tuple(range(1, cond.ndim))
    if limit > 0:
        length = difference.square().sum(dim=per_image, keepdim=True).sqrt()
        difference = difference * (limit / length.clamp_min(1e-20)).clamp(max=1)
    along = parallel_part(difference, cond)
    return cond + (scale - 1) * (difference - along + eta * along)


def threshold(clean: Tensor, share: float, least: float) -> Tensor:
    """Clip each picture's clean latent to its own `share` quantile of |x|, at least `least`, and
    bring what is left back to `least`."""
    bound = _quantile(clean.abs().flatten(1), share).clamp_min(least)
    bound = bound.reshape(-1, *[1] * (clean.ndim - 1))
    return clean.clamp(-bound, bound) * (least / bound)


def threshold_mimic(
    cond: Tensor, uncond: Tensor, scale: float, mimic_scale: float, share: float
) -> Tensor:
    """Guidance at `scale` that keeps, channel by channel, the reach that `mimic_scale` has.

    Around each channel's mean, what lies beyond the `share` quantile of the strongly guided one is
    clipped, and the rest is brought to the largest value of the weakly guided one.
    """
    strong, weak = cfg(cond, uncond, scale), cfg(cond, uncond, mimic_scale)
    middle = strong.mean(dim=(2, 3), keepdim=True)
    around = strong - middle
    reach = (weak - weak.mean(dim=(2, 3), keepdim=True)).abs().amax(dim=(2, 3), keepdim=True)
    flat = around.abs().flatten(2)  # [B, C, H W]
    bound = _quantile(flat, share)[..., None, None].maximum(reach)
    return middle + around.clamp(-bound, bound) * (reach / bound.clamp_min(1e-20))


def _quantile(values: Tensor, share: float) -> Tensor:
    """`torch.quantile` along the last axis, of operators that every device has."""
    place = share * (values.shape[-1] - 1)
    ordered = values.sort(dim=-1).values
    below, above = ordered[..., math.floor(place)], ordered[..., math.ceil(place)]
    return below + (place - math.floor(place)) * (above - below)


def scale_at(position: float, first: float, last: float, shape: str) -> float:
    """A guidance scale on its way from `first` to `last`, at 0..1 of the steps."""
    share = position if shape == "linear" else (1 - math.cos(math.pi * position)) / 2
    return first + (last - first) * share
