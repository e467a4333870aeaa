"""The denoiser: ask it once, with or without a partner prompt, and turn its answer about.

Noisy latents are x = x0 + sigma * epsilon. Both readings of an answer are kept apart by type: the
noise in x (`NoisePrediction`), and the clean latent behind it (`Denoised`).
"""

from __future__ import annotations

from typing import NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodes import checks
from nodes.estimates import as_large_as
from nodes.types import Conditioning, Denoised, Latent, Model, NoisePrediction, Step


@node("model.scale_input")
def scale_input(latent: Latent, step: Step) -> Latent:
    """Show what the network is shown: x / sqrt(1 + sigma^2), of spread 1 at every step.

    `model.predict_noise` does this itself; here it is to look at. [B, C, H, W].
    """
    from nodes.diffusion import prediction

    return Latent(prediction.scale_input(latent.samples, step.sigma), latent.noise_mask)


@node("model.predict_noise", estimate=as_large_as("latent", noise=1))
def predict_noise(
    model: Model, latent: Latent, step: Step, conditioning: Conditioning
) -> NoisePrediction:
    """Ask the network which noise is in the latent, steered by one prompt.

    The input x / sqrt(1 + sigma^2), [B, C, H, W], goes in with the step's timestep and the
    embeddings [B or 1, tokens, D]; whatever the model predicts (epsilon, v, or x0) comes back as
    epsilon. Of a conditioning of several texts it is the mean of their predictions.
    """
    from nodes.diffusion.prediction import predict_epsilons

    checks.fits_model(model, latent, "conditioning", conditioning)
    checks.can_predict(model, step)
    checks.covered(model, latent, "conditioning", conditioning, [step])
    checks.finite("latent", latent.samples, step)
    (epsilon,) = predict_epsilons(model, latent.samples, step, [conditioning])
    return NoisePrediction(checks.finite("model", epsilon, step))


class PredictionPair(NamedTuple):
    """The answers to the wanted and to the unwanted prompt."""

    cond: NoisePrediction
    uncond: NoisePrediction


@node("model.predict_pair", estimate=as_large_as("latent", cond=1, uncond=1))
def predict_pair(
    model: Model, latent: Latent, step: Step, cond: Conditioning, uncond: Conditioning
) -> PredictionPair:
    """Ask the network under two prompts at once, in one batch of 2B: faster than twice B.

    Prompts of different length are padded with slots that the attention does not see. Equal to two
    `model.predict_noise` up to rounding.
    """
    from nodes.diffusion.prediction import predict_epsilons

    checks.fits_model(model, latent, "cond", cond)
    checks.fits_model(model, latent, "uncond", uncond)
    checks.can_predict(model, step)
    checks.covered(model, latent, "cond", cond, [step])
    checks.covered(model, latent, "uncond", uncond, [step])
    checks.finite("latent", latent.samples, step)
    without, wanted = predict_epsilons(model, latent.samples, step, [uncond, cond])
    return PredictionPair(
        NoisePrediction(checks.finite("model", wanted, step)),
        NoisePrediction(checks.finite("model", without, step)),
    )


@node("model.to_denoised", estimate=as_large_as("latent", denoised=1))
def to_denoised(latent: Latent, noise: NoisePrediction, step: Step) -> Denoised:
    """The clean latent that the network believes in: x - sigma * epsilon, [B, C, H, W]."""
    from nodes.diffusion.samplers import denoised

    checks.same_shape("noise", noise.samples, "latent", latent.samples)
    return Denoised(denoised(latent.samples, noise.samples, step.sigma))


@node("model.to_noise", estimate=as_large_as("latent", noise=1))
def to_noise(latent: Latent, denoised: Denoised, step: Step) -> NoisePrediction:
    """Back from a clean latent, perhaps an edited one, to the noise: (x - denoised) / sigma."""
    checks.same_shape("denoised", denoised.samples, "latent", latent.samples)
    if step.sigma <= 0:
        raise InputError("step", f"sigma {step.sigma:g}", "above 0", "There is no noise to find")
    return NoisePrediction((latent.samples - denoised.samples) / step.sigma)


@node("model.denoised_to_latent", estimate=as_large_as("denoised", latent=1))
def denoised_to_latent(denoised: Denoised) -> Latent:
    """Take the estimate of the clean latent as a latent, to decode what the model sees."""
    return Latent(denoised.samples)
