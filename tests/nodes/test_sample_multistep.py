"""Steps with memory against diffusers' DPM-Solver++ and k-diffusion's formulas, written out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import forward, noise, sample, schedule, sigmas, timesteps
from nodes import sample_multistep as multistep
from nodes.diffusion.noise import gaussian, step_noise
from nodes.types import History, Latent, NoisePrediction, Sigmas, Step
from small import OLD_NUMPY

pytestmark = OLD_NUMPY

SD = schedule.scaled_linear()
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SEED = 11


def prediction(step: Step) -> NoisePrediction:
    return NoisePrediction(gaussian((4, 8, 8), [1000 + step.index]))


def begin(levels: Sigmas) -> Latent:
    clean = Latent(torch.zeros(1, 4, 8, 8))
    return forward.start(clean, noise.gaussian(clean, SEED), levels)


def preserving(x: torch.Tensor, sigma: float) -> torch.Tensor:
    return x / math.sqrt(1 + sigma**2)


def diffusers_solver(kind: str, steps: int) -> tuple[Any, Sigmas]:
    """Their scheduler, and the sigmas at its own timesteps."""
    theirs = DPMSolverMultistepScheduler(
        algorithm_type=kind, solver_order=2, lower_order_final=False, **BETAS
    )
    theirs.set_timesteps(steps)
    return theirs, timesteps.from_list(SD, [float(t) for t in theirs.timesteps])


@pytest.mark.parametrize("steps", [2, 10, 25])
def test_dpmpp_2m_step_is_diffusers(steps: int) -> None:
    theirs, levels = diffusers_solver("dpmsolver++", steps)
    x, history = begin(levels), multistep.no_history()
    for step, timestep in zip(schedule.steps(levels), theirs.timesteps, strict=True):
        eps = prediction(step)
        expected = preserving(x.samples, step.sigma)
        expected = theirs.step(eps.samples, timestep, expected).prev_sample
        x, history = multistep.dpmpp_2m_step(x, eps, step, history)
        assert_close(preserving(x.samples, step.sigma_next), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [2, 10, 25])
def test_dpmpp_2m_sde_step_is_diffusers(steps: int) -> None:
    theirs, levels = diffusers_solver("sde-dpmsolver++", steps)
    x, history = begin(levels), multistep.no_history()
    for step, timestep in zip(schedule.steps(levels), theirs.timesteps, strict=True):
        eps = prediction(step)
        expected = preserving(x.samples, step.sigma)
        fresh = step_noise(x.samples, SEED, step.index)
        expected = theirs.step(eps.samples, timestep, expected, variance_noise=fresh).prev_sample
        x, history = multistep.dpmpp_2m_sde_step(x, eps, step, history, SEED)
        assert_close(preserving(x.samples, step.sigma_next), expected, rtol=1e-5, atol=1e-5)


def k_diffusion_2m_sde(levels: Sigmas, eta: float) -> torch.Tensor:
    """sample_dpmpp_2m_sde of k-diffusion, midpoint, from its formulas."""
    x, old, h_last = begin(levels).samples, None, 0.0
    for step in schedule.steps(levels):
        denoised = x - step.sigma * prediction(step).samples
        if step.sigma_next == 0:
            return denoised
        h = math.log(step.sigma) - math.log(step.sigma_next)
        eta_h = eta * h
        x = step.sigma_next / step.sigma * math.exp(-eta_h) * x
        x = x - math.expm1(-h - eta_h) * denoised
        if old is not None:
            x = x - 0.5 * math.expm1(-h - eta_h) * (h / h_last) * (denoised - old)
        fresh = step_noise(x, SEED, step.index)
        x = x + fresh * step.sigma_next * math.sqrt(-math.expm1(-2 * eta_h))
        old, h_last = denoised, h
    return x


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_dpmpp_2m_sde_step_is_k_diffusion(eta: float) -> None:
    levels = sigmas.karras(SD, 9)
    x, history = begin(levels), multistep.no_history()
    for step in schedule.steps(levels):
        x, history = multistep.dpmpp_2m_sde_step(x, prediction(step), step, history, SEED, eta)
    assert_close(x.samples, k_diffusion_2m_sde(levels, eta), rtol=1e-5, atol=1e-5)


def test_dpmpp_2m_sde_step_without_noise_is_dpmpp_2m() -> None:
    levels = sigmas.karras(SD, 6)
    a, b = begin(levels), begin(levels)
    past_a = past_b = multistep.no_history()
    for step in schedule.steps(levels):
        a, past_a = multistep.dpmpp_2m_step(a, prediction(step), step, past_a)
        b, past_b = multistep.dpmpp_2m_sde_step(b, prediction(step), step, past_b, eta=0.0)
    assert_close(a.samples, b.samples, rtol=1e-6, atol=1e-6)


def lms_coefficient(levels: list[float], order: int, i: int, j: int) -> float:
    """k-diffusion's linear_multistep_coeff: here by the trapezoidal rule over 20,001 points."""
    tau = np.linspace(levels[i], levels[i + 1], 20_001)
    product = np.ones_like(tau)
    for k in range(order):
        if k != j:
            product *= (tau - levels[i - k]) / (levels[i - j] - levels[i - k])
    width = (levels[i + 1] - levels[i]) / 20_000
    return float((product.sum() - (product[0] + product[-1]) / 2) * width)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_lms_step_is_k_diffusion(order: int) -> None:
    levels = sigmas.karras(SD, 8)
    x, history, slopes = begin(levels), multistep.no_history(), []
    expected = x.samples
    for step in schedule.steps(levels):
        slopes.insert(0, prediction(step).samples)
        used = min(step.index + 1, order)
        for j in range(used):
            weight = lms_coefficient(list(levels.values), used, step.index, j)
            expected = expected + weight * slopes[j]
        x, history = multistep.lms_step(x, prediction(step), step, history, order)
        assert_close(x.samples, expected, rtol=1e-5, atol=1e-5)
        assert len(history.entries) == used


def test_lms_step_of_order_one_is_euler() -> None:
    levels = sigmas.karras(SD, 4)
    step = schedule.step(levels, 1)
    found = multistep.lms_step(begin(levels), prediction(step), step, History(), 1)
    euler = sample.euler_step(begin(levels), prediction(step), step)
    assert_close(found.latent.samples, euler.samples, rtol=1e-6, atol=1e-6)


def follow(move: Any, steps: int) -> float:
    """How far a solver ends from the exact end of dx/dsigma = (x - D) / sigma.

    D = log sigma, from sigma 8 to 1; with t = -log sigma it is dx/dt = D - x, solved by
    x = 1 - t + c e^-t.
    """
    levels = [8.0 * 8.0 ** (-i / steps) for i in range(steps + 1)]
    start = torch.full((1, 1, 1, 1), 1 + math.log(8) + 8.0, dtype=torch.float64)
    x, history = Latent(start), multistep.no_history()
    for step in schedule.steps(Sigmas(tuple(levels), tuple(levels))):
        clean = torch.full_like(x.samples, math.log(step.sigma))
        eps = NoisePrediction((x.samples - clean) / step.sigma)
        x, history = move(x, eps, step, history)
    return abs(float(x.samples) - (1 + 0 + 1.0))


@pytest.mark.parametrize("move", [multistep.dpmpp_2m_step, multistep.lms_step])
def test_dpmpp_2m_step_and_lms_step_are_of_second_order_or_more(move: Any) -> None:
    assert follow(move, 40) / follow(move, 80) > 3.5


@pytest.mark.parametrize(
    "move", [multistep.lms_step, multistep.dpmpp_2m_step, multistep.dpmpp_2m_sde_step]
)
def test_steps_change_no_history(move: Any) -> None:
    levels = sigmas.karras(SD, 4)
    first, second = schedule.steps(levels)[:2]
    x, history = move(begin(levels), prediction(first), first, multistep.no_history())
    before = [(s, t.clone()) for s, t in history.entries]
    once = move(x, prediction(second), second, history)
    again = move(x, prediction(second), second, history)
    assert torch.equal(once.latent.samples, again.latent.samples)
    for (sigma, tensor), (sigma_before, tensor_before) in zip(history.entries, before, strict=True):
        assert sigma == sigma_before
        assert torch.equal(tensor, tensor_before)


@pytest.mark.parametrize(
    "move", [multistep.lms_step, multistep.dpmpp_2m_step, multistep.dpmpp_2m_sde_step]
)
def test_steps_refuse_what_does_not_fit(move: Any) -> None:
    levels = sigmas.karras(SD, 4)
    step = schedule.step(levels, 1)
    x, eps = begin(levels), prediction(step)
    with pytest.raises(InputError, match="noise: got"):
        move(x, NoisePrediction(torch.zeros(2, 4, 8, 8)), step, History())
    with pytest.raises(InputError, match="expected a step downwards"):
        move(x, eps, replace(step, sigma_next=step.sigma), History())
    with pytest.raises(InputError, match="history: got"):
        move(x, eps, step, History(((20.0, torch.zeros(2, 4, 8, 8)),)))
    with pytest.raises(InputError, match="Each loop begins with no_history"):
        move(x, eps, step, History(((step.sigma, eps.samples),)))


def test_lms_step_refuses_order_five() -> None:
    levels = sigmas.karras(SD, 4)
    step = schedule.step(levels, 0)
    with pytest.raises(InputError, match="order: got 5"):
        multistep.lms_step(begin(levels), prediction(step), step, History(), 5)


def test_dpmpp_2m_sde_step_refuses_eta_above_one() -> None:
    levels = sigmas.karras(SD, 4)
    step = schedule.step(levels, 0)
    with pytest.raises(InputError, match="eta: got 2"):
        multistep.dpmpp_2m_sde_step(begin(levels), prediction(step), step, History(), 0, 2.0)


def test_no_history_is_empty() -> None:
    assert multistep.no_history().entries == ()
