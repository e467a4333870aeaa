"""Guiders: a model with its prompts and the way in which its predictions become one.

A one-node sampler asks a guider once a step; what each does is what the nodes of `guidance`,
`guidance_mix` and `guidance_clean` do in a loop.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.checks import fraction
from nodes.types import Conditioning, Guider, Model

Scale = Annotated[float, Slider(0, 30, step=0.5)]
Share = Annotated[float, Slider(0, 1, step=0.05)]


@node("guider.single")
def single(model: Model, conditioning: Conditioning) -> Guider:
    """Ask under one prompt, without guidance: for models that were distilled to need none."""
    from nodes.diffusion import guiders

    return Guider(model, guiders.single(model, conditioning), (("conditioning", conditioning),))


@node("guider.cfg", title="CFG")
def cfg(model: Model, positive: Conditioning, negative: Conditioning, scale: Scale = 7.5) -> Guider:
    """Push every prediction away from the unwanted prompt, towards the wanted one.

    uncond + scale * (cond - uncond), as `guidance.cfg_combine`; at scale 1 the negative prompt is
    not asked. Ho & Salimans 2022, arXiv 2207.12598, eq. 6.
    """
    from nodes.diffusion import guiders

    ask = guiders.cfg(model, positive, negative, guiders.constant(scale))
    return Guider(model, ask, _pair(positive, negative))


@node("guider.cfg_in_interval", title="CFG in an interval")
def cfg_in_interval(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: Scale = 7.5,
    outside: Scale = 1.0,
    start: Share = 0.2,
    end: Share = 0.8,
) -> Guider:
    """Guide in a part of the steps only, at scale `outside` before and after.

    As `guidance_mix.scale_in_interval`. Kynkäänniemi et al. 2024, arXiv 2404.07724.
    """
    from nodes.diffusion import guiders

    ask = guiders.cfg(model, positive, negative, guiders.in_interval(scale, outside, start, end))
    return Guider(model, ask, _pair(positive, negative))


@node("guider.cfg_over_steps", title="CFG over the steps")
def cfg_over_steps(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    first: Scale = 7.5,
    last: Scale = 2.0,
    shape: Annotated[str, Choice("linear", "cosine")] = "linear",
) -> Guider:
    """Guide at a scale that goes from `first` to `last`, as `guidance_mix.scale_over_steps`."""
    from nodes.diffusion import guiders

    ask = guiders.cfg(model, positive, negative, guiders.changing(first, last, shape))
    return Guider(model, ask, _pair(positive, negative))


@node("guider.cfg_rescaled", title="CFG, rescaled")
def cfg_rescaled(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: Scale = 7.5,
    amount: Share = 0.7,
) -> Guider:
    """Guide, and give the spread of the wanted prediction back: no glare at high scales.

    As `guidance.rescale`, or `guidance.rescale_v` for a model that predicts v. Lin et al. 2023,
    arXiv 2305.08891, eq. 15-16.
    """
    from nodes.diffusion import guiders

    fraction("amount", amount)
    ask = guiders.rescaled(model, positive, negative, scale, amount)
    return Guider(model, ask, _pair(positive, negative))


@node("guider.projected")
def projected(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: Scale = 10.0,
    eta: Share = 0.0,
    limit: Annotated[float, Number(0, 1000)] = 15.0,
) -> Guider:
    """Guide strongly without burning the colours, as `guidance_clean.projected`.

    Without momentum, which needs a memory from step to step: the loop has it. Sadat et al. 2024,
    arXiv 2410.02416.
    """
    from nodes.diffusion import guiders

    ask = guiders.projected(model, positive, negative, scale, eta, limit)
    return Guider(model, ask, _pair(positive, negative))


@node("guider.threshold_mimic")
def threshold_mimic(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: Scale = 15.0,
    mimic_scale: Scale = 7.5,
    share: Annotated[float, Slider(0.5, 1, step=0.005)] = 0.99,
) -> Guider:
    """Guide at a high scale with the reach of a lower one, as `guidance_clean.threshold_mimic`."""
    from nodes.diffusion import guiders

    fraction("share", share)
    ask = guiders.mimicked(model, (positive, negative), scale, mimic_scale, share)
    return Guider(model, ask, _pair(positive, negative))


@node("guider.composed")
def composed(
    model: Model,
    positives: list[Conditioning],
    weights: Annotated[list[float], Slider(-10, 10, step=0.1)],
    negative: Conditioning,
    scale: Scale = 7.5,
) -> Guider:
    """Follow several prompts at once, each with its weight, as `guidance_mix.compose`.

    What `prompt.parts` makes of `a AND b:0.5`. Liu et al. 2022, arXiv 2206.01714, eq. 11.
    """
    from nodes.diffusion import guiders

    if len(positives) != len(weights) or not positives:
        raise InputError("weights", f"{len(weights)} weights", f"{len(positives)}, one a prompt")
    ask = guiders.composed(model, positives, weights, negative, scale)
    texts = tuple(("positives", text) for text in positives)
    return Guider(model, ask, (*texts, ("negative", negative)))


def _pair(
    positive: Conditioning, negative: Conditioning
) -> tuple[tuple[str, Conditioning], tuple[str, Conditioning]]:
    return ("positive", positive), ("negative", negative)
