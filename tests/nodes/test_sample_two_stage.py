"""Two-evaluation steps against diffusers' Heun and DPM2, on a model that is a simple function."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_k_dpm_2_discrete import KDPM2DiscreteScheduler
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import forward, noise, sample, schedule, timesteps
from nodes import sample_two_stage as two
from nodes.types import Latent, NoisePrediction, Sigmas, Step
from small import OLD_NUMPY

pytestmark = [
    OLD_NUMPY,
    pytest.mark.filterwarnings(
        "ignore:__array_wrap__ must accept context and return_scalar:DeprecationWarning"
    ),
]

SD = schedule.scaled_linear()
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SIGMAS = timesteps.trailing(SD, 8)


def network(scaled: torch.Tensor, timestep: float) -> torch.Tensor:
    """Smooth in both, and not linear, so that the second look differs from the first."""
    return torch.tanh(scaled) * (0.5 + timestep / 1000) + 0.1


def predict(latent: Latent, step: Step) -> NoisePrediction:
    scaled = latent.samples / (1 + step.sigma**2) ** 0.5
    return NoisePrediction(network(scaled, step.timestep))


def begin() -> Latent:
    clean = Latent(torch.zeros(1, 4, 8, 8))
    return forward.start(clean, noise.gaussian(clean, 1), SIGMAS)


def heun(x: Latent, step: Step) -> Latent:
    first = predict(x, step)
    trial = two.heun_trial(x, first, step)
    return two.heun_correct(x, first, predict(trial.latent, trial.step), step)


def dpm2(x: Latent, step: Step) -> Latent:
    first = predict(x, step)
    trial = two.dpm2_trial(x, first, step, SD)
    return two.dpm2_correct(x, first, predict(trial.latent, trial.step), step)


def whole(theirs: Any, steps: int) -> torch.Tensor:
    theirs.set_timesteps(steps)
    x = begin().samples
    for timestep in theirs.timesteps:
        scaled = theirs.scale_model_input(x, timestep)
        x = theirs.step(network(scaled, float(timestep)), timestep, x).prev_sample
    return x


def ours(move: Any) -> torch.Tensor:
    x = begin()
    for step in schedule.steps(SIGMAS):
        x = move(x, step)
    return x.samples


def test_heun_trial_and_heun_correct_are_diffusers() -> None:
    expected = whole(HeunDiscreteScheduler(timestep_spacing="trailing", **BETAS), 8)
    assert_close(ours(heun), expected, rtol=1e-5, atol=1e-5)


def test_dpm2_trial_and_dpm2_correct_are_diffusers() -> None:
    expected = whole(KDPM2DiscreteScheduler(timestep_spacing="trailing", **BETAS), 8)
    # Their timestep of the middle is rounded to float32 in log sigma: 1e-3 of 1000 timesteps.
    assert_close(ours(dpm2), expected, rtol=1e-5, atol=1e-5)


def end_of(move: Any, steps: int) -> float:
    """From sigma 2 to 1 along eps = -x: x = 3 at 2 ends at 3 e."""
    x = Latent(torch.full((1, 1, 1, 1), 3.0, dtype=torch.float64))
    values = [2 - i / steps for i in range(steps + 1)]
    for step in schedule.steps(Sigmas(tuple(values), tuple(values))):
        x = move(x, step)
    return float(x.samples)


def heun_on_a_line(x: Latent, step: Step) -> Latent:
    first = NoisePrediction(-x.samples)
    trial = two.heun_trial(x, first, step)
    return two.heun_correct(x, first, NoisePrediction(-trial.latent.samples), step)


def dpm2_on_a_line(x: Latent, step: Step) -> Latent:
    first = NoisePrediction(-x.samples)
    trial = two.dpm2_trial(x, first, step, SD)
    return two.dpm2_correct(x, first, NoisePrediction(-trial.latent.samples), step)


def error_falls_by(move: Any) -> float:
    """How many times smaller the error is with half the steps' size: 4 for second order."""
    exact = 3 * math.e
    return abs(end_of(move, 20) - exact) / abs(end_of(move, 40) - exact)


def test_heun_correct_is_of_second_order() -> None:
    assert 3.5 < error_falls_by(heun_on_a_line) < 4.5


def test_dpm2_correct_is_of_second_order() -> None:
    assert 3.5 < error_falls_by(dpm2_on_a_line) < 4.5


LAST = schedule.step(SIGMAS, 7)


@pytest.mark.parametrize("last_step", [heun, dpm2])
def test_heun_trial_and_dpm2_trial_stay_where_they_are_at_the_last_step(last_step: Any) -> None:
    x = begin()
    euler = sample.euler_step(x, predict(x, LAST), LAST)
    assert torch.equal(last_step(x, LAST).samples, euler.samples)
    first = predict(x, LAST)
    assert two.heun_trial(x, first, LAST) == (x, LAST)
    assert two.dpm2_trial(x, first, LAST, SD) == (x, LAST)


def test_heun_trial_looks_from_the_next_level() -> None:
    step = schedule.step(SIGMAS, 2)
    trial = two.heun_trial(begin(), predict(begin(), step), step)
    assert (trial.step.sigma, trial.step.timestep) == (step.sigma_next, step.timestep_next)
    assert trial.step.index == step.index


def test_dpm2_trial_looks_from_half_way() -> None:
    step = schedule.step(SIGMAS, 2)
    trial = two.dpm2_trial(begin(), predict(begin(), step), step, SD)
    assert trial.step.sigma == pytest.approx((step.sigma * step.sigma_next) ** 0.5)
    assert step.timestep_next < trial.step.timestep < step.timestep


def test_all_refuse_other_shapes() -> None:
    x, step = begin(), schedule.step(SIGMAS, 2)
    good, bad = predict(x, step), NoisePrediction(torch.zeros(2, 4, 8, 8))
    with pytest.raises(InputError, match="noise: got"):
        two.heun_trial(x, bad, step)
    with pytest.raises(InputError, match="noise: got"):
        two.dpm2_trial(x, bad, step, SD)
    with pytest.raises(InputError, match="noise_there: got"):
        two.heun_correct(x, good, bad, step)
    with pytest.raises(InputError, match="noise_there: got"):
        two.dpm2_correct(x, good, bad, step)
