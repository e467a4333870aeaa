"""Inpainting: what a model is given to paint under a mask, and how the outcome is laid back.

A mask is 1 where the picture is painted anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes import checks
from nodes.types import Conditioning, Image, Latent, Mask, Noise, Step, Vae

if TYPE_CHECKING:
    import torch

Pixels = Annotated[float, Number(0, 512, unit="px")]


@node("inpaint.encode")
def encode(
    vae: Vae, image: Image, mask: Mask, grow: Annotated[int, Number(0, 512, 1, "px")] = 6
) -> Latent:
    """Encode a picture with the masked part hidden, for a model to paint it from nothing.

    The mask grows by `grow` pixels; where it is at least one half the picture becomes grey, 0.5,
    before it is encoded: [B, H, W, 3] → [B, 4, H / 8, W / 8], with the grown mask as noise mask.
    At full strength only: what is under the mask is gone.
    """
    from nodes.diffusion import autoencode, inpainting
    from nodes.diffusion.latents import mask_for
    from nodes.diffusion.masks import grown

    values = _fitting(image, mask)
    larger = grown(values, grow, "square") if grow else values
    samples = autoencode.encode(vae, inpainting.hidden(image.pixels, larger)).mean
    return Latent(samples, mask_for(larger, samples).expand(len(samples), -1, -1, -1))


class InpaintInputs(NamedTuple):
    """Both prompts with the picture beside them, and the latent to begin with."""

    positive: Conditioning
    negative: Conditioning
    latent: Latent


@node("inpaint.conditioning")
def conditioning(
    positive: Conditioning, negative: Conditioning, vae: Vae, image: Image, mask: Mask
) -> InpaintInputs:
    """Show an inpainting model the picture around the mask: five channels beside the latent.

    The mask at the latent's size, then the latent of the picture with the masked part grey:
    [B, 1 + 4, H / 8, W / 8], laid beside the noisy latent at each step. The latent given back is
    the picture's own with the mask as noise mask, for strengths below 1; `latent.empty` does for
    1. Rombach et al. 2021, arXiv 2112.10752, section 4.5.
    """
    from nodes.diffusion import autoencode, inpainting
    from nodes.diffusion.latents import mask_for

    values = _fitting(image, mask)
    beside = inpainting.channels_beside(vae, image.pixels, values)
    samples = autoencode.encode(vae, image.pixels).mean
    masks = mask_for(values, samples).expand(len(samples), -1, -1, -1)
    return InpaintInputs(
        _with_beside(positive, beside), _with_beside(negative, beside), Latent(samples, masks)
    )


@node("inpaint.fill")
def fill(image: Image, mask: Mask) -> Image:
    """Spread the colours around the mask into it, so that painting begins from something fitting.

    Each pixel under the mask gets the mean of what is known around it, from as near as there is;
    the further in, the softer. [B, H, W, 3]; what is not masked stays as it is.
    """
    from nodes.diffusion import inpainting

    values = _fitting(image, mask)
    filled = inpainting.spread_inwards(image.pixels, values)
    return Image(inpainting.pasted(image.pixels, filled, values, 0.0))


@node("inpaint.noise_under_mask")
def noise_under_mask(latent: Latent, noise: Noise, mask: Mask) -> Latent:
    """Put noise of spread 1 where the mask is, in the place of what the latent holds there.

    (1 - m) * x0 + m * noise, m the mask at the latent's size, [B, C, H, W]. Noised afterwards as
    any latent, the masked part has nothing of the picture left.
    """
    from nodes.diffusion.latents import blend, mask_for

    checks.same_shape("noise", noise.samples, "latent", latent.samples)
    weight = mask_for(mask.values, latent.samples)
    return Latent(blend(latent.samples, noise.samples, weight), latent.noise_mask)


@node("inpaint.differential_mask")
def differential_mask(mask: Mask, step: Step) -> Mask:
    """Let a grey mask say how much each place may change, not only whether.

    At step i of N: 1 where the mask is above 1 - (i + 1) / N, 0 elsewhere. White is painted from
    the first step, a mask of 0.3 in the last 30 % of the steps only, black never. For
    `sample.keep_unmasked` in a loop. Levin & Fried 2023, arXiv 2306.00950, algorithm 1.
    """
    level = 1 - (step.index + 1) / step.count
    return Mask((mask.values > level + 1e-6).to(mask.values.dtype))


@node("inpaint.paste")
def paste(original: Image, result: Image, mask: Mask, blur: Pixels = 4.0) -> Image:
    """Lay what was painted over the original, with a soft edge.

    original + m * (result - original), m the mask blurred by a Gaussian of `blur` pixels; where m
    is 0 the original's pixels come back unchanged, which an autoencoder never gives.
    """
    from nodes.diffusion import inpainting

    checks.same_shape("result", result.pixels, "original", original.pixels)
    values = _fitting(original, mask)
    return Image(inpainting.pasted(original.pixels, result.pixels, values, blur))


@node("inpaint.match_colours")
def match_colours(result: Image, original: Image, mask: Mask) -> Image:
    """Take back the change of tone that the autoencoder made, so that no seam shows.

    a * result + b per channel and picture, the line that fits the original best (least squares)
    where the mask is 0; a within 0.5..2.
    """
    from nodes.diffusion import inpainting

    checks.same_shape("result", result.pixels, "original", original.pixels)
    values = _fitting(original, mask)
    if float((1 - values).sum()) < 1:
        raise InputError("mask", "a mask of everything", "a part that was kept")
    return Image(inpainting.colours_matched(result.pixels, original.pixels, values))


@node("inpaint.seam")
def seam(
    result: Image, original: Image, mask: Mask, gain: Annotated[float, Slider(1, 50)] = 10.0
) -> Image:
    """Show what changed where nothing should have: the difference outside the mask, made brighter.

    gain * |result - original| * (1 - m), [B, H, W, 3], clipped to 0..1. Black everywhere means
    that the kept part is kept.
    """
    checks.same_shape("result", result.pixels, "original", original.pixels)
    kept = (1 - _fitting(original, mask))[..., None]
    return Image((gain * (result.pixels - original.pixels).abs() * kept).clamp(0, 1))


def _with_beside(text: Conditioning, beside: torch.Tensor) -> Conditioning:
    more = tuple(replace(further, concat=beside) for further in text.more)
    return replace(text, concat=beside, more=more)


def _fitting(image: Image, mask: Mask) -> torch.Tensor:
    """The mask on the picture's device; of its size, and one for all pictures or one for each."""
    checks.some_pictures("image", image.pixels)
    height, width = image.pixels.shape[1:3]
    values = mask.values
    if values.shape[1:] != (height, width):
        got = f"{values.shape[2]} × {values.shape[1]} px"
        hint = "mask_edit.resize fits one to the other"
        raise InputError("mask", got, f"the picture's {width} × {height} px", hint)
    if len(values) not in (1, len(image.pixels)):
        raise InputError("mask", f"{len(values)} masks", f"1 or {len(image.pixels)}")
    return values.to(image.pixels.device)
