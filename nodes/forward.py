"""Forward diffusion: add noise to a clean latent, x = alpha * x0 + sigma * noise.

alpha is 1, the form of Karras et al. 2022, arXiv 2206.00364; divided by sqrt(1 + sigma^2) it is the
x_t of Ho et al. 2020, arXiv 2006.11239, eq. 4. In a flow (Liu et al. 2022, arXiv 2209.03003) alpha
is 1 - sigma.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number
from nodes.checks import same_shape, sigma_list
from nodes.estimates import as_large_as
from nodes.types import Latent, Noise, NoiseSchedule, Sigmas, Step


@node("forward.start")
def start(latent: Latent, noise: Noise, sigmas: Sigmas) -> Latent:
    """Noise a clean latent as far as the first level of a schedule, where a sampler takes over.

    alpha_0 * x0 + sigma_0 * noise, [B, C, H, W]. An empty latent gives text to image, an encoded
    picture with a schedule cut by strength image to image; at sigma 0 the latent stays as it is.
    """
    sigma_list(sigmas)
    sigma = sigmas.values[0]
    return _add(latent, noise, 1 - sigma if sigmas.flow else 1.0, sigma)


@node("forward.start_from_noise", estimate=as_large_as("noise", latent=1))
def start_from_noise(noise: Noise, sigmas: Sigmas) -> Latent:
    """Start from noise alone, with the spread that a noised picture has at the first level.

    sqrt(alpha_0^2 + sigma_0^2) * noise, [B, C, H, W]; alpha_0 is 1 in a diffusion. What diffusers'
    DDIM and DPM-Solver start from, and ComfyUI. `forward.start` on an empty latent is sigma_0 *
    noise, less by 0.2 % at sigma 14.6.
    """
    sigma_list(sigmas)
    sigma = sigmas.values[0]
    alpha = 1 - sigma if sigmas.flow else 1.0
    return Latent((alpha**2 + sigma**2) ** 0.5 * noise.samples)


@node("forward.add_noise")
def add_noise(latent: Latent, noise: Noise, step: Step) -> Latent:
    """Noise a clean latent as far as the beginning of a step: alpha * x0 + sigma * noise."""
    return _add(latent, noise, step.alpha, step.sigma)


@node("forward.add_noise_at_sigma")
def add_noise_at_sigma(
    latent: Latent, noise: Noise, sigma: Annotated[float, Number(0, 10_000)] = 1.0
) -> Latent:
    """Noise a clean latent by a given sigma: x0 + sigma * noise, [B, C, H, W]."""
    if not 0 <= sigma < float("inf"):
        raise InputError("sigma", f"{sigma:g}", "a finite number of at least 0")
    return _add(latent, noise, 1.0, sigma)


@node("forward.add_noise_at_timestep")
def add_noise_at_timestep(
    latent: Latent,
    noise: Noise,
    betas: NoiseSchedule,
    timestep: Annotated[float, Number(0, 100_000)] = 500.0,
) -> Latent:
    """Noise a clean latent as far as one of the model's timesteps, fractions between two of them.

    alpha(t) * x0 + sigma(t) * noise, [B, C, H, W]; as in training, where t is drawn anew for each
    picture.
    """
    from nodes.diffusion import schedules

    table = schedules.sigma_table(betas)
    last = len(table) - 1
    if not 0 <= timestep <= last:
        raise InputError("timestep", f"{timestep:g}", f"0..{last}")
    sigma = schedules.sigma_at(table, timestep)
    return _add(latent, noise, 1 - sigma if betas.flow else 1.0, sigma)


def _add(latent: Latent, noise: Noise, alpha: float, sigma: float) -> Latent:
    same_shape("noise", noise.samples, "latent", latent.samples)
    clean = latent.samples if alpha == 1 else alpha * latent.samples
    return Latent(clean + sigma * noise.samples, latent.noise_mask)
