"""Forward diffusion against diffusers' add_noise, and what must stay as it was."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import forward, noise, schedule, sigmas, timesteps
from nodes.types import Latent, Sigmas
from small import OLD_NUMPY

pytestmark = OLD_NUMPY

SD = schedule.scaled_linear()
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
CLEAN = Latent(torch.linspace(-2, 2, 2 * 4 * 8 * 8).reshape(2, 4, 8, 8))
NOISE = noise.gaussian(CLEAN, 3)


def test_start_is_the_first_sigma() -> None:
    first = sigmas.karras(SD, 5)
    started = forward.start(CLEAN, NOISE, first)
    assert_close(started.samples, CLEAN.samples + first.values[0] * NOISE.samples)


def test_start_at_strength_zero_is_the_picture() -> None:
    none = schedule.by_strength(sigmas.normal(SD, 10), 0.0)
    assert torch.equal(forward.start(CLEAN, NOISE, none).samples, CLEAN.samples)


def test_start_keeps_the_noise_mask() -> None:
    mask = torch.ones(2, 1, 8, 8)
    masked = Latent(CLEAN.samples, mask)
    assert forward.start(masked, NOISE, sigmas.normal(SD, 2)).noise_mask is mask


def test_start_refuses_no_sigmas() -> None:
    with pytest.raises(InputError, match="sigmas: got 0 sigmas"):
        forward.start(CLEAN, NOISE, Sigmas((), ()))


def test_start_from_noise_is_diffusers_initial_latent() -> None:
    # Their DDIM starts from plain noise in the variance-preserving form, ours divided back.
    started = forward.start_from_noise(NOISE, timesteps.trailing(SD, 10))
    sigma = timesteps.trailing(SD, 10).values[0]
    assert_close(started.samples / math.sqrt(1 + sigma**2), NOISE.samples)


def test_start_from_noise_is_diffusers_leading_euler() -> None:
    theirs = EulerDiscreteScheduler(timestep_spacing="leading", **BETAS)
    theirs.set_timesteps(10)
    started = forward.start_from_noise(NOISE, timesteps.leading(SD, 10, 0))
    expected = NOISE.samples * theirs.init_noise_sigma
    assert_close(started.samples, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("index", [0, 4, 9])
def test_add_noise_is_diffusers_euler(index: int) -> None:
    theirs = EulerDiscreteScheduler(timestep_spacing="trailing", **BETAS)
    theirs.set_timesteps(10)
    expected = theirs.add_noise(
        CLEAN.samples, NOISE.samples, theirs.timesteps[index : index + 1].repeat(2)
    )
    ours = forward.add_noise(CLEAN, NOISE, schedule.step(timesteps.trailing(SD, 10), index))
    assert_close(ours.samples, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("timestep", [0, 500, 999])
def test_add_noise_at_timestep_is_diffusers_ddpm(timestep: int) -> None:
    expected = DDPMScheduler(**BETAS).add_noise(
        CLEAN.samples, NOISE.samples, torch.tensor([timestep, timestep])
    )
    ours = forward.add_noise_at_timestep(CLEAN, NOISE, SD, float(timestep))
    preserving = ours.samples * math.sqrt(SD.alphas_cumprod[timestep])
    assert_close(preserving, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("timestep", [-1.0, 999.5, math.nan])
def test_add_noise_at_timestep_outside_the_schedule(timestep: float) -> None:
    with pytest.raises(InputError, match=r"timestep: got .* expected 0\.\.999"):
        forward.add_noise_at_timestep(CLEAN, NOISE, SD, timestep)


def test_add_noise_at_sigma_zero_is_nothing() -> None:
    assert torch.equal(forward.add_noise_at_sigma(CLEAN, NOISE, 0.0).samples, CLEAN.samples)


def test_add_noise_at_sigma_adds_so_much() -> None:
    noised = forward.add_noise_at_sigma(CLEAN, NOISE, 2.5)
    assert_close(noised.samples - CLEAN.samples, 2.5 * NOISE.samples, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sigma", [-1.0, math.inf, math.nan])
def test_add_noise_at_sigma_refuses(sigma: float) -> None:
    with pytest.raises(InputError, match="sigma: got"):
        forward.add_noise_at_sigma(CLEAN, NOISE, sigma)


def test_add_noise_wants_one_shape() -> None:
    other = noise.gaussian(Latent(torch.zeros(1, 4, 8, 8)), 0)
    with pytest.raises(
        InputError, match=r"noise: got \[1, 4, 8, 8\], expected the shape of latent"
    ):
        forward.add_noise(CLEAN, other, schedule.step(sigmas.normal(SD, 2), 0))
