"""Painting anew under a mask: what the network is shown, and how the outcome is laid back.

Pictures are [B, H, W, 3] in 0..1, masks [B or 1, H, W] in 0..1, 1 where it is painted.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nodes.diffusion import autoencode
from nodes.diffusion.pixels import edge_places, mixed
from nodes.diffusion.resampling import gaussian_blur, resample
from nodes.types import CropBox, Vae

_GREY = 0.5  # 0 in the range -1..1 that an autoencoder takes


def hidden(pixels: Tensor, mask: Tensor) -> Tensor:
    """Grey where the mask is at least one half, the picture elsewhere."""
    return torch.where(mask[..., None] >= 0.5, torch.full_like(pixels, _GREY), pixels)


def channels_beside(vae: Vae, pixels: Tensor, mask: Tensor) -> Tensor:
    """What an inpainting model is shown beside the latent: the mask, then the latent of the picture
    with the masked part grey; [B, 1 + 4, H / 8, W / 8]."""
    masked = autoencode.encode(vae, hidden(pixels, mask)).mean
    hard = (mask >= 0.5).to(masked)[:, None]
    small = torch.nn.functional.interpolate(hard, masked.shape[-2:])  # [B or 1, 1, h, w]
    return torch.cat([small.expand(len(masked), -1, -1, -1), masked], dim=1)


def spread_inwards(pixels: Tensor, mask: Tensor) -> Tensor:
    """The colours around a masked area spread into it, nearest ones first and ever softer.

    A pyramid of means over what is known: at each level what is still unknown is taken from the
    next coarser one.
    """
    known = (1 - mask[..., None]).to(pixels).expand(len(pixels), -1, -1, 1)
    return _filled(pixels * known, known)


def _filled(sums: Tensor, weights: Tensor) -> Tensor:
    """sums / weights where there is a weight, from half the size where there is none."""
    height, width = sums.shape[1:3]
    here = sums / weights.clamp_min(1e-6)
    if bool((weights >= 1).all()) or max(height, width) == 1:
        return here
    half = (max(height // 2, 1), max(width // 2, 1))
    coarse = _filled(resample(sums, *half, "area"), resample(weights, *half, "area"))
    beneath = resample(coarse, height, width, "bilinear")
    return mixed(beneath, here, weights.clamp(0, 1))


def pasted(original: Tensor, result: Tensor, mask: Tensor, blur: float) -> Tensor:
    """The result where the mask is, the original elsewhere; the edge blurred by `blur` pixels."""
    return mixed(original, result, _softened(mask, blur)[..., None])


def _softened(mask: Tensor, blur: float) -> Tensor:
    """A mask with its edge blurred by `blur` pixels, within 0..1."""
    return (gaussian_blur(mask, blur) if blur > 0 else mask).clamp(0, 1)


def colours_matched(result: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """The result under the line per channel that fits the original best outside the mask.

    Least squares of a * result + b on what was not painted; [B, H, W, 3].
    """
    kept = (1 - mask[..., None]).to(result).expand_as(result[..., :1])
    count = kept.sum(dim=(1, 2), keepdim=True).clamp_min(1e-6)

    def mean(values: Tensor) -> Tensor:
        return (values * kept).sum(dim=(1, 2), keepdim=True) / count

    x_mean, y_mean = mean(result), mean(original)
    x, y = result - x_mean, original - y_mean
    slope = mean(x * y) / mean(x * x).clamp_min(1e-6)
    # Where the kept part has no contrast, a slope tells nothing: shift only.
    slope = torch.where(mean(x * x) > 1e-5, slope.clamp(0.5, 2.0), torch.ones_like(slope))
    return (slope * x + y_mean).clamp(0, 1)


def box_around(mask: Tensor, context: float, shape: tuple[int, int], ratio: float) -> CropBox:
    """The window around a mask [1, H, W], `context` times as large, of width / height `ratio`.

    It is moved into the picture where it fits, and may stick out where it is larger than that.

    Raises:
        ValueError: the mask is empty.
    """
    height, width = shape
    places = (mask[0] >= 0.5).nonzero()
    if not len(places):
        raise ValueError("the mask is empty")
    (top, left), (bottom, right) = places.amin(dim=0).tolist(), (places.amax(dim=0) + 1).tolist()
    high, wide = (bottom - top) * context, (right - left) * context
    wide, high = max(wide, high * ratio), max(high, wide / ratio)
    rows, columns = round(high), round(wide)
    return CropBox(
        left=_moved_in((left + right) / 2 - columns / 2, columns, width),
        top=_moved_in((top + bottom) / 2 - rows / 2, rows, height),
        width=columns,
        height=rows,
    )


def _moved_in(start: float, length: int, size: int) -> int:
    if length >= size:
        return round((size - length) / 2)
    return min(max(round(start), 0), size - length)


def cut_out(x: Tensor, box: CropBox) -> Tensor:
    """A window of [B, H, W, ...]; beyond the picture its edge goes on."""
    height, width = x.shape[1:3]
    rows = _places(box.top, box.height, height).to(x.device)
    columns = _places(box.left, box.width, width).to(x.device)
    return x.index_select(1, rows).index_select(2, columns)


def _places(start: int, length: int, size: int) -> Tensor:
    before = max(-start, 0)
    after = max(start + length - size, 0)
    return edge_places(size, before, after, mirror=False)[start + before :][:length]


def laid_back(original: Tensor, part: Tensor, box: CropBox, mask: Tensor, blur: float) -> Tensor:
    """The original with a window of it replaced, where the mask [B or 1, H, W] is."""
    height, width = original.shape[1:3]
    resized = resample(part, box.height, box.width, "lanczos").clamp(0, 1)
    whole = original.clone()
    top, left = max(box.top, 0), max(box.left, 0)
    bottom, right = min(box.top + box.height, height), min(box.left + box.width, width)
    whole[:, top:bottom, left:right] = resized[
        :, top - box.top : bottom - box.top, left - box.left : right - box.left
    ]
    inside = torch.zeros_like(original[:1, :, :, 0])
    inside[:, top:bottom, left:right] = 1
    return mixed(original, whole, (_softened(mask, blur) * inside)[..., None])
