"""Sampler steps that look at one prediction: from the step's sigma to the next one, no memory.

Every step takes the noisy latent x = x0 + sigma * epsilon and the (guided) noise prediction, and
gives the latent at sigma_next; D is the estimate of the clean latent, x - sigma * epsilon. The
noise that a random step adds comes from (seed + image, step), never from that of the first noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Seed, Slider
from nodes.checks import downwards, fraction, same_shape
from nodes.types import Latent, Mask, Noise, NoisePrediction, Step

if TYPE_CHECKING:
    import torch

Eta = Annotated[float, Slider(0, 1, step=0.05)]


@node("sample.euler_step")
def euler_step(latent: Latent, noise: NoisePrediction, step: Step) -> Latent:
    """Go straight along the predicted noise to the next level: x + (sigma' - sigma) * epsilon.

    The same as DDIM without noise. Karras et al. 2022, arXiv 2206.00364, algorithm 1 without its
    second-order correction.
    """
    from nodes.diffusion.samplers import euler

    same_shape("noise", noise.samples, "latent", latent.samples)
    return _moved(latent, euler(latent.samples, noise.samples, step.sigma, step.sigma_next))


@node("sample.euler_ancestral_step")
def euler_ancestral_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    seed: Annotated[int, Seed()] = 0,
    eta: Eta = 1.0,
) -> Latent:
    """Go further down than the next level and add fresh noise up to it: details keep changing.

    x + (down - sigma) * epsilon + up * fresh, up = eta * sigma' * sqrt(sigma^2 - sigma'^2) / sigma,
    down^2 + up^2 = sigma'^2. eta 0 is Euler. After k-diffusion's `sample_euler_ancestral`.
    """
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    downwards(step)
    fraction("eta", eta)
    fresh = _fresh(latent, seed, step, eta)
    return _moved(latent, samplers.ancestral(latent.samples, noise.samples, step, eta, fresh))


@node("sample.ddim_step", title="DDIM step")
def ddim_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    seed: Annotated[int, Seed()] = 0,
    eta: Eta = 0.0,
) -> Latent:
    """Go to the clean estimate and back along the predicted noise, `eta` of the way by fresh noise.

    Song et al. 2020, arXiv 2010.02502, eq. 12 and 16. eta 0 is deterministic and goes both ways, so
    that a flipped schedule leads from a picture to its noise; eta 1 is DDPM.
    """
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    fraction("eta", eta)
    if eta > 0:
        downwards(step)
    fresh = _fresh(latent, seed, step, eta)
    return _moved(latent, samplers.ddim(latent.samples, noise.samples, step, eta, fresh))


@node("sample.ddpm_step", title="DDPM step")
def ddpm_step(
    latent: Latent, noise: NoisePrediction, step: Step, seed: Annotated[int, Seed()] = 0
) -> Latent:
    """Draw the next latent from the posterior of the diffusion: the first of all samplers.

    Mean D + (sigma'/sigma)^2 * (x - D), variance sigma'^2 * (1 - (sigma'/sigma)^2): Ho et al. 2020,
    arXiv 2006.11239, eq. 6-7, with the smaller of their two variances. It wants many steps.
    """
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    downwards(step)
    fresh = _fresh(latent, seed, step, 1.0)
    return _moved(latent, samplers.ddpm(latent.samples, noise.samples, step, fresh))


@node("sample.lcm_step", title="LCM step")
def lcm_step(
    latent: Latent, noise: NoisePrediction, step: Step, seed: Annotated[int, Seed()] = 0
) -> Latent:
    """Take the estimate itself and noise it anew, for models that draw in a few steps.

    alpha' D + sigma' * fresh; the last step is D. Luo et al. 2023, arXiv 2310.04378, algorithm 2.
    """
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    downwards(step)
    fresh = _fresh(latent, seed, step, 1.0)
    return _moved(latent, samplers.lcm(latent.samples, noise.samples, step, fresh))


@node("sample.keep_unmasked")
def keep_unmasked(latent: Latent, original: Latent, noise: Noise, step: Step, mask: Mask) -> Latent:
    """Put the original back where the mask is 0, noised as far as the step has come: inpainting.

    mask * x + (1 - mask) * (alpha' * original + sigma' * noise), after each step; at the last,
    where sigma' is 0, the original itself. The mask [B or 1, H, W] of any size is averaged to the
    latent's size. Lugmayr et al. 2022, arXiv 2201.09865, eq. 8.
    """
    from nodes.diffusion import samplers
    from nodes.diffusion.latents import mask_for

    same_shape("original", original.samples, "latent", latent.samples)
    same_shape("noise", noise.samples, "latent", latent.samples)
    batch = len(latent.samples)
    if len(mask.values) not in (1, batch):
        raise InputError("mask", f"a batch of {len(mask.values)}", f"1 or the latent's {batch}")
    fitted = mask_for(mask.values, latent.samples)
    return _moved(
        latent,
        samplers.keep_unmasked(
            latent.samples,
            original.samples,
            noise.samples,
            step.sigma_next,
            fitted,
            step.alpha_next,
        ),
    )


def _fresh(latent: Latent, seed: int, step: Step, eta: float) -> torch.Tensor | None:
    """Noise for a random step; None where it would be added with weight 0."""
    from nodes.diffusion.noise import step_noise

    if eta == 0 or step.sigma_next == 0:
        return None
    return step_noise(latent.samples, seed, step.index)


def _moved(latent: Latent, samples: torch.Tensor) -> Latent:
    return Latent(samples, latent.noise_mask)
