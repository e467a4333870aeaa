"""Single-prediction sampler steps against diffusers' schedulers, step for step, and their limits.

The stand-in for a model is one fixed random prediction per step: what is compared is the sampler.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import forward, noise, sample, schedule, timesteps
from nodes.diffusion.noise import gaussian, step_noise, step_seed
from nodes.types import Latent, Mask, NoisePrediction, Sigmas, Step
from small import OLD_NUMPY

pytestmark = OLD_NUMPY

SD = schedule.scaled_linear()
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SHAPE = (1, 4, 8, 8)
SEED = 11


def prediction(step: Step, batch: int = 1) -> NoisePrediction:
    return NoisePrediction(gaussian(SHAPE[1:], range(1000 + step.index, 1000 + step.index + batch)))


def begin(sigmas: Sigmas) -> Latent:
    clean = Latent(torch.zeros(SHAPE))
    return forward.start(clean, noise.gaussian(clean, SEED), sigmas)


def preserving(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """x0 + sigma * eps in the form that DDPM and DDIM are written in."""
    return x / math.sqrt(1 + sigma**2)


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    # 1e-5 of the latent's size: float32 alone is uncertain by 1e-6 where sigma is 14.
    assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spacing", [timesteps.linspace, timesteps.leading, timesteps.trailing])
def test_euler_step_is_diffusers(spacing: Any) -> None:
    sigmas = spacing(SD, 10)
    theirs = EulerDiscreteScheduler(
        timestep_spacing=spacing.__name__, steps_offset=int(spacing is timesteps.leading), **BETAS
    )
    theirs.set_timesteps(10)
    x = begin(sigmas)
    expected = x.samples
    for step, timestep in zip(schedule.steps(sigmas), theirs.timesteps, strict=True):
        eps = prediction(step)
        theirs.scale_model_input(expected, timestep)
        expected = theirs.step(eps.samples, timestep, expected).prev_sample
        x = sample.euler_step(x, eps, step)
        close(x.samples, expected)


def test_euler_step_up_and_down_again_is_nothing() -> None:
    (step,) = schedule.steps(Sigmas((3.0, 1.0), (30.0, 10.0)))
    (back,) = schedule.steps(schedule.flip(Sigmas((3.0, 1.0), (30.0, 10.0))))
    x, eps = begin(timesteps.trailing(SD, 3)), prediction(step)
    there_and_back = sample.euler_step(sample.euler_step(x, eps, step), eps, back)
    assert_close(there_and_back.samples, x.samples, rtol=1e-5, atol=1e-5)


def test_euler_step_with_true_noise_ends_at_the_picture() -> None:
    sigmas = timesteps.trailing(SD, 6)
    clean = Latent(gaussian(SHAPE[1:], [3]))
    drawn = noise.gaussian(clean, 4)
    x = forward.start(clean, drawn, sigmas)
    for step in schedule.steps(sigmas):
        x = sample.euler_step(x, NoisePrediction(drawn.samples), step)
    close(x.samples, clean.samples)


def test_euler_ancestral_step_is_diffusers() -> None:
    sigmas = timesteps.trailing(SD, 10)
    theirs = EulerAncestralDiscreteScheduler(timestep_spacing="trailing", **BETAS)
    theirs.set_timesteps(10)
    x = begin(sigmas)
    expected = x.samples
    for step, timestep in zip(schedule.steps(sigmas), theirs.timesteps, strict=True):
        eps = prediction(step)
        fresh = torch.Generator().manual_seed(step_seed(SEED, step.index))
        theirs.scale_model_input(expected, timestep)
        expected = theirs.step(eps.samples, timestep, expected, generator=fresh).prev_sample
        x = sample.euler_ancestral_step(x, eps, step, SEED)
        close(x.samples, expected)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_ddim_step_is_diffusers(eta: float) -> None:
    sigmas = timesteps.leading(SD, 10, 1)
    theirs = DDIMScheduler(steps_offset=1, clip_sample=False, **BETAS)
    theirs.set_timesteps(10)
    x = begin(sigmas)
    expected = preserving(x.samples, sigmas.values[0])
    for step, timestep in zip(schedule.steps(sigmas), theirs.timesteps, strict=True):
        eps = prediction(step)
        fresh = step_noise(x.samples, SEED, step.index)
        expected = theirs.step(
            eps.samples, int(timestep), expected, eta=eta, variance_noise=fresh
        ).prev_sample
        x = sample.ddim_step(x, eps, step, SEED, eta)
        close(preserving(x.samples, step.sigma_next), expected)


def test_ddpm_step_is_diffusers() -> None:
    sigmas = timesteps.leading(SD, 20, 0)
    theirs = DDPMScheduler(clip_sample=False, **BETAS)
    theirs.set_timesteps(20)
    x = begin(sigmas)
    expected = preserving(x.samples, sigmas.values[0])
    for step, timestep in zip(schedule.steps(sigmas), theirs.timesteps, strict=True):
        eps = prediction(step)
        fresh = torch.Generator().manual_seed(step_seed(SEED, step.index))
        expected = theirs.step(eps.samples, int(timestep), expected, generator=fresh).prev_sample
        x = sample.ddpm_step(x, eps, step, SEED)
        close(preserving(x.samples, step.sigma_next), expected)


STEP = schedule.step(timesteps.trailing(SD, 10), 4)
LAST = schedule.step(timesteps.trailing(SD, 10), 9)
X = begin(timesteps.trailing(SD, 10))
EPS = prediction(STEP)


def test_ddim_step_without_noise_is_euler() -> None:
    close(sample.ddim_step(X, EPS, STEP).samples, sample.euler_step(X, EPS, STEP).samples)


def test_euler_ancestral_step_without_noise_is_euler() -> None:
    found = sample.euler_ancestral_step(X, EPS, STEP, eta=0.0).samples
    assert torch.equal(found, sample.euler_step(X, EPS, STEP).samples)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_ddim_and_euler_ancestral_steps_add_the_same_noise(eta: float) -> None:
    ddim = sample.ddim_step(X, EPS, STEP, 5, eta).samples
    close(ddim, sample.euler_ancestral_step(X, EPS, STEP, 5, eta).samples)


def test_ddpm_step_is_ddim_with_all_its_noise() -> None:
    ddpm = sample.ddpm_step(X, EPS, STEP, 5).samples
    close(ddpm, sample.ddim_step(X, EPS, STEP, 5, 1.0).samples)


RANDOM = [sample.euler_ancestral_step, sample.ddpm_step]


@pytest.mark.parametrize("random_step", RANDOM)
def test_euler_ancestral_step_and_ddpm_step_end_at_the_denoised(random_step: Any) -> None:
    expected = X.samples - LAST.sigma * EPS.samples
    close(random_step(X, EPS, LAST, 1).samples, expected)
    assert torch.equal(random_step(X, EPS, LAST, 1).samples, random_step(X, EPS, LAST, 2).samples)


@pytest.mark.parametrize("random_step", RANDOM)
def test_euler_ancestral_step_and_ddpm_step_of_image_k_are_those_of_seed_plus_k(
    random_step: Any,
) -> None:
    three = Latent(X.samples.repeat(3, 1, 1, 1))
    eps = NoisePrediction(EPS.samples.repeat(3, 1, 1, 1))
    batch = random_step(three, eps, STEP, 40).samples
    assert torch.equal(batch[2:], random_step(X, EPS, STEP, 42).samples)
    assert not torch.equal(batch[0], batch[1])


@pytest.mark.parametrize("random_step", [*RANDOM, sample.ddim_step])
def test_random_steps_refuse_a_step_upwards(random_step: Any) -> None:
    up = replace(STEP, sigma=STEP.sigma_next, sigma_next=STEP.sigma)
    with pytest.raises(InputError, match="expected a step downwards"):
        random_step(X, EPS, up, **({"eta": 0.5} if random_step is sample.ddim_step else {}))


def test_ddim_step_leads_back_from_a_picture_to_its_noise() -> None:
    there = timesteps.trailing(SD, 6)
    clean = Latent(gaussian(SHAPE[1:], [3]))
    drawn = noise.gaussian(clean, 4)
    x = clean
    for step in schedule.steps(schedule.flip(there)):
        x = sample.ddim_step(x, NoisePrediction(drawn.samples), step)
    close(x.samples, forward.start(clean, drawn, there).samples)


@pytest.mark.parametrize("random_step", [sample.euler_ancestral_step, sample.ddim_step])
def test_random_steps_refuse_eta_outside_0_to_1(random_step: Any) -> None:
    with pytest.raises(InputError, match=r"eta: got 1\.5"):
        random_step(X, EPS, STEP, eta=1.5)


@pytest.mark.parametrize(
    "any_step",
    [sample.euler_step, sample.euler_ancestral_step, sample.ddim_step, sample.ddpm_step],
)
def test_steps_keep_the_mask_and_refuse_other_shapes(any_step: Any) -> None:
    mask = torch.ones(1, 1, 8, 8)
    assert any_step(Latent(X.samples, mask), EPS, STEP).noise_mask is mask
    with pytest.raises(InputError, match=r"noise: got \[2, 4, 8, 8\], expected the shape of lat"):
        any_step(X, prediction(STEP, batch=2), STEP)


ORIGINAL = Latent(gaussian(SHAPE[1:], [77]))
DRAWN = noise.gaussian(ORIGINAL, 78)


def keep(step: Step, mask: torch.Tensor) -> torch.Tensor:
    return sample.keep_unmasked(X, ORIGINAL, DRAWN, step, Mask(mask)).samples


def test_keep_unmasked_under_a_white_mask_is_nothing() -> None:
    assert torch.equal(keep(STEP, torch.ones(1, 64, 64)), X.samples)


def test_keep_unmasked_under_a_black_mask_is_the_original_at_the_next_level() -> None:
    expected = ORIGINAL.samples + STEP.sigma_next * DRAWN.samples
    assert torch.equal(keep(STEP, torch.zeros(1, 64, 64)), expected)
    assert torch.equal(keep(LAST, torch.zeros(1, 64, 64)), ORIGINAL.samples)


def test_keep_unmasked_divides_at_the_mask_s_edge() -> None:
    half = torch.zeros(1, 64, 64)
    half[:, :, 32:] = 1
    found = keep(LAST, half)
    assert torch.equal(found[..., :4], ORIGINAL.samples[..., :4])
    assert torch.equal(found[..., 4:], X.samples[..., 4:])


def test_keep_unmasked_takes_a_mask_of_the_latent_s_own_size() -> None:
    mask = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(1))
    expected = mask * X.samples + (1 - mask) * ORIGINAL.samples
    assert_close(keep(LAST, mask), expected)


def test_keep_unmasked_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="mask: got a batch of 3"):
        keep(STEP, torch.ones(3, 8, 8))
    two = Latent(ORIGINAL.samples.repeat(2, 1, 1, 1))
    with pytest.raises(InputError, match="original: got"):
        sample.keep_unmasked(X, two, DRAWN, STEP, Mask(torch.ones(1, 8, 8)))


def test_lcm_step_noises_the_estimate_anew() -> None:
    levels = timesteps.trailing(SD, 4)
    step = schedule.steps(levels)[0]
    x, eps = begin(levels), prediction(step)
    found = sample.lcm_step(x, eps, step, SEED)
    clean = x.samples - step.sigma * eps.samples
    expected = clean + step.sigma_next * step_noise(x.samples, SEED, step.index)
    torch.testing.assert_close(found.samples, expected)
