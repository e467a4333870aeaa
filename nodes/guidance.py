"""Guidance: make the picture follow the prompt more than the model would by itself."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes.checks import same_shape
from nodes.types import NoisePrediction


@node("guidance.cfg_combine", title="CFG combine")
def cfg_combine(
    cond: NoisePrediction,
    uncond: NoisePrediction,
    scale: Annotated[float, Slider(0, 30, step=0.5)] = 7.5,
) -> NoisePrediction:
    """Push the prediction away from `uncond`, towards `cond`.

    uncond + scale * (cond - uncond), per element, [B, C, H, W]. Scale 1 is `cond` itself, 0
    `uncond`. Ho & Salimans 2022, arXiv 2207.12598, eq. 6, whose w is scale - 1.
    """
    from nodes.diffusion.guidance import cfg

    same_shape("uncond", uncond.samples, "cond", cond.samples)
    return NoisePrediction(cfg(cond.samples, uncond.samples, scale))


@node("guidance.rescale")
def rescale(
    guided: NoisePrediction,
    cond: NoisePrediction,
    amount: Annotated[float, Slider(0, 1, step=0.05)] = 0.7,
) -> NoisePrediction:
    """Take back the glare that strong guidance brings: give the spread of `cond` back to `guided`.

    amount * guided * std(cond) / std(guided) + (1 - amount) * guided, std over each image.
    Lin et al. 2023, arXiv 2305.08891, eq. 15-16. Of a model that predicts v, diffusers scales v.
    """
    from nodes.diffusion import guidance

    same_shape("cond", cond.samples, "guided", guided.samples)
    return NoisePrediction(guidance.rescale(guided.samples, cond.samples, amount))
