"""Guidance: make the picture follow the prompt more than the model would by itself."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes.checks import fraction, same_shape
from nodes.types import Latent, NoisePrediction, Step

Amount = Annotated[float, Slider(0, 1, step=0.05)]


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
    amount: Amount = 0.7,
) -> NoisePrediction:
    """Take back the glare that strong guidance brings: give the spread of `cond` back to `guided`.

    amount * guided * std(cond) / std(guided) + (1 - amount) * guided, std over each image.
    Lin et al. 2023, arXiv 2305.08891, eq. 15-16, on epsilon. A model that predicts v needs
    `guidance.rescale_v`: near pure noise the spread of its epsilon tells nothing.
    """
    from nodes.diffusion import guidance

    same_shape("cond", cond.samples, "guided", guided.samples)
    fraction("amount", amount)
    return NoisePrediction(guidance.rescale(guided.samples, cond.samples, amount))


@node("guidance.rescale_v", title="Rescale v")
def rescale_v(
    guided: NoisePrediction,
    cond: NoisePrediction,
    latent: Latent,
    step: Step,
    amount: Amount = 0.7,
) -> NoisePrediction:
    """Take back the glare of strong guidance by the spread of v, as models that predict v need it.

    As `guidance.rescale`, on v = s epsilon - sigma x / s with s = sqrt(1 + sigma^2) in the place of
    epsilon, and back; `latent` and `step` are those of the predictions. Lin et al. 2023, arXiv
    2305.08891, eq. 15-16; v of Salimans & Ho 2022, arXiv 2202.00512, section 4.
    """
    from nodes.diffusion import guidance
    from nodes.diffusion.prediction import epsilon_of, velocity_of

    x, sigma = latent.samples, step.sigma
    same_shape("cond", cond.samples, "guided", guided.samples)
    same_shape("latent", x, "guided", guided.samples)
    fraction("amount", amount)
    v_guided, v_cond = (velocity_of(eps.samples, x, sigma) for eps in (guided, cond))
    rescaled = guidance.rescale(v_guided, v_cond, amount)
    return NoisePrediction(epsilon_of(rescaled, x, sigma, "v_prediction"))
