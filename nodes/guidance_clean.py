"""Guidance on the clean latents that the model believes in, and limits to them."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.checks import fraction, same_shape
from nodes.types import Denoised, History, NoisePrediction, Step

Scale = Annotated[float, Slider(0, 30, step=0.5)]
Share = Annotated[float, Slider(0.5, 1, step=0.005)]


class Projected(NamedTuple):
    """The guided clean latent, and the running difference for the next step."""

    denoised: Denoised
    history: History


@node("guidance_clean.projected")
def projected(
    cond: Denoised,
    uncond: Denoised,
    step: Step,
    history: History | None = None,
    scale: Scale = 7.5,
    eta: Annotated[float, Slider(0, 1, step=0.05)] = 0.0,
    limit: Annotated[float, Number(0, 1000)] = 15.0,
    momentum: Annotated[float, Slider(-1, 1, step=0.05)] = -0.5,
) -> Projected:
    """Guide strongly without burning the colours: adaptive projected guidance.

    The difference d = cond - uncond of clean latents [B, C, H, W], plus `momentum` times the last
    step's, is cut to the length `limit` (0: never cut); only `eta` of its part along `cond`, which
    raises contrast, is kept: cond + (scale - 1) * (d' + eta d''). With eta 1, limit 0 and momentum
    0 it is `guidance.cfg_combine`. In a loop, `history` goes from step to step. Sadat et al. 2024,
    arXiv 2410.02416, algorithm 1.
    """
    from nodes.diffusion import guidance

    same_shape("uncond", uncond.samples, "cond", cond.samples)
    difference = cond.samples - uncond.samples
    if history is not None and history.entries:
        last = history.entries[0][1]
        same_shape("history", last, "cond", cond.samples)
        difference = difference + momentum * last
    found = guidance.projected(cond.samples, uncond.samples, difference, scale, eta, limit)
    return Projected(Denoised(found), History(((step.sigma, difference),)))


@node("guidance_clean.threshold")
def threshold(
    denoised: Denoised, share: Share = 0.995, least: Annotated[float, Number(0.1, 100)] = 1.0
) -> Denoised:
    """Clip a clean latent where strong guidance drove it out of range: dynamic thresholding.

    s = the `share` quantile of |x| in each picture, at least `least`; clipped to -s..s and scaled
    by least / s. Saharia et al. 2022 (Imagen), arXiv 2205.11487, section 2.3, where `least` is 1
    because they work on pixels; latents of Stable Diffusion reach about 4.
    """
    from nodes.diffusion import guidance

    fraction("share", share)
    if least <= 0:
        raise InputError("least", f"{least:g}", "above 0")
    return Denoised(guidance.threshold(denoised.samples, share, least))


@node("guidance_clean.threshold_mimic")
def threshold_mimic(
    cond: NoisePrediction,
    uncond: NoisePrediction,
    scale: Scale = 15.0,
    mimic_scale: Scale = 7.5,
    share: Share = 0.99,
) -> NoisePrediction:
    """Guide at a high scale with the reach of values that a lower one has.

    uncond + scale * (cond - uncond), each channel clipped around its mean at its `share` quantile
    and brought to the largest value that `mimic_scale` gives. Equal scales with share 1 change
    nothing. Dynamic thresholding of Saharia et al. 2022, arXiv 2205.11487, in the form that users
    of Stable Diffusion have for it.
    """
    from nodes.diffusion import guidance

    same_shape("uncond", uncond.samples, "cond", cond.samples)
    fraction("share", share)
    found = guidance.threshold_mimic(cond.samples, uncond.samples, scale, mimic_scale, share)
    return NoisePrediction(found)
