"""The denoiser: ask it once, with or without a partner prompt, and turn its answer about.

Noisy latents are x = x0 + sigma * epsilon. Both readings of an answer are kept apart by type: the
noise in x (`NoisePrediction`), and the clean latent behind it (`Denoised`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodes.types import Conditioning, Denoised, Latent, Model, NoisePrediction, Step

if TYPE_CHECKING:
    import torch


@node("model.scale_input")
def scale_input(latent: Latent, step: Step) -> Latent:
    """Show what the network is shown: x / sqrt(1 + sigma^2), of spread 1 at every step.

    `model.predict_noise` does this itself; here it is to look at. [B, C, H, W].
    """
    from nodes.diffusion import prediction

    return Latent(prediction.scale_input(latent.samples, step.sigma), latent.noise_mask)


@node("model.predict_noise")
def predict_noise(
    model: Model, latent: Latent, step: Step, conditioning: Conditioning
) -> NoisePrediction:
    """Ask the network which noise is in the latent, steered by one prompt.

    The input x / sqrt(1 + sigma^2), [B, C, H, W], goes in with the step's timestep and the
    embeddings [B or 1, tokens, D]; whatever the model predicts (epsilon, v, or x0) comes back as
    epsilon. Of a conditioning of several texts it is the mean of their predictions.
    """
    from nodes.diffusion.prediction import predict_epsilons

    _check(model, latent, step, "conditioning", conditioning)
    (epsilon,) = predict_epsilons(model, latent.samples, step, [conditioning])
    return NoisePrediction(_finite(epsilon, "model", step))


class PredictionPair(NamedTuple):
    """The answers to the wanted and to the unwanted prompt."""

    cond: NoisePrediction
    uncond: NoisePrediction


@node("model.predict_pair")
def predict_pair(
    model: Model, latent: Latent, step: Step, cond: Conditioning, uncond: Conditioning
) -> PredictionPair:
    """Ask the network under two prompts at once, in one batch of 2B: faster than twice B.

    Prompts of different length are padded with slots that the attention does not see. Equal to two
    `model.predict_noise` up to rounding.
    """
    from nodes.diffusion.prediction import predict_epsilons

    _check(model, latent, step, "cond", cond)
    _check(model, latent, step, "uncond", uncond)
    without, wanted = predict_epsilons(model, latent.samples, step, [uncond, cond])
    return PredictionPair(
        NoisePrediction(_finite(wanted, "model", step)),
        NoisePrediction(_finite(without, "model", step)),
    )


@node("model.to_denoised")
def to_denoised(latent: Latent, noise: NoisePrediction, step: Step) -> Denoised:
    """The clean latent that the network believes in: x - sigma * epsilon, [B, C, H, W]."""
    from nodes.diffusion.samplers import denoised

    _check_shape("noise", noise.samples, latent)
    return Denoised(denoised(latent.samples, noise.samples, step.sigma))


@node("model.to_noise")
def to_noise(latent: Latent, denoised: Denoised, step: Step) -> NoisePrediction:
    """Back from a clean latent, perhaps an edited one, to the noise: (x - denoised) / sigma."""
    _check_shape("denoised", denoised.samples, latent)
    if step.sigma <= 0:
        raise InputError("step", f"sigma {step.sigma:g}", "above 0", "There is no noise to find")
    return NoisePrediction((latent.samples - denoised.samples) / step.sigma)


@node("model.denoised_to_latent")
def denoised_to_latent(denoised: Denoised) -> Latent:
    """Take the estimate of the clean latent as a latent, to decode what the model sees."""
    return Latent(denoised.samples)


def _check(model: Model, latent: Latent, step: Step, port: str, given: Conditioning) -> None:
    batch, channels = latent.samples.shape[:2]
    wanted = model.network.config.in_channels
    if channels != wanted:
        raise InputError("latent", f"{channels} channels", f"the network's {wanted}")
    wanted = model.network.config.cross_attention_dim
    for text in (given, *given.more):
        rows, _, width = text.embeddings.shape
        if rows not in (1, batch):
            raise InputError(port, f"a batch of {rows}", f"1 or the latent's {batch}")
        if isinstance(wanted, int) and width != wanted:
            hint = "Encode the text with the CLIP of the same checkpoint"
            raise InputError(port, f"embeddings of width {width}", f"the network's {wanted}", hint)
    if model.prediction not in ("epsilon", "v_prediction", "sample"):
        raise InputError("model", model.prediction, "epsilon, v_prediction or sample")
    if not math.isfinite(step.sigma) or (model.prediction == "sample" and step.sigma <= 0):
        raise InputError("step", f"sigma {step.sigma:g}", "a finite sigma above 0")
    _finite(latent.samples, "latent", step)


def _check_shape(port: str, samples: torch.Tensor, latent: Latent) -> None:
    if samples.shape != latent.samples.shape:
        got, wanted = list(samples.shape), list(latent.samples.shape)
        raise InputError(port, f"{got}", f"the shape of latent, {wanted}")


def _finite(samples: torch.Tensor, port: str, step: Step) -> torch.Tensor:
    """NaN spreads over the whole picture and ends as black: stop where it begins."""
    bad = int((~samples.isfinite()).sum())
    if bad:
        got = f"{bad} of {samples.numel()} values not finite at step {step.index}"
        hint = "Half precision overflows in some models: load it in float32"
        raise InputError(port, got, "finite values", hint if port == "model" else "")
    return samples
