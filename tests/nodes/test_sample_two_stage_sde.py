"""Random two-look steps: their loop is the one-node sampler."""

from __future__ import annotations

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_two_stage_sde as two
from nodes.diffusion import schedules
from nodes.types import Latent, NoisePrediction, NoiseSchedule, Step
from sampler_checks import BOTH, SEED, begin, check_loop, levels, noise_at, over
from small import SD


@BOTH
@pytest.mark.parametrize("eta", [1.0, 0.5])
def test_dpm2_ancestral_trial_and_dpm2_ancestral_correct_are_the_sampler(
    betas: NoiseSchedule, eta: float
) -> None:
    def move(betas: NoiseSchedule, x: Latent, step: Step) -> Latent:
        first = noise_at(x, step)
        there = two.dpm2_ancestral_trial(x, first, step, betas, eta)
        return two.dpm2_ancestral_correct(x, first, noise_at(*there), step, SEED, eta)

    check_loop(over(move), "dpm_2_ancestral", betas, eta=eta)


def test_dpm2_ancestral_correct_refuses_another_size() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    small = NoisePrediction(torch.zeros(1, 4, 2, 2))
    with pytest.raises(InputError, match="noise_there: got"):
        two.dpm2_ancestral_correct(x, noise_at(x, step), small, step)


@BOTH
@pytest.mark.parametrize("eta", [1.0, 0.5])
def test_dpmpp_2s_ancestral_trial_and_correct_are_the_sampler(
    betas: NoiseSchedule, eta: float
) -> None:
    def move(betas: NoiseSchedule, x: Latent, step: Step) -> Latent:
        first = noise_at(x, step)
        x_2, there = two.dpmpp_2s_ancestral_trial(x, first, step, betas, eta)
        return two.dpmpp_2s_ancestral_correct(
            x, first, x_2, noise_at(x_2, there), there, step, SEED, eta
        )

    check_loop(over(move), "dpmpp_2s_ancestral", betas, eta=eta)


def test_dpmpp_2s_ancestral_correct_refuses_another_size() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    first, small = noise_at(x, step), Latent(torch.zeros(1, 4, 2, 2))
    with pytest.raises(InputError, match="latent_there: got"):
        two.dpmpp_2s_ancestral_correct(x, first, small, first, step, step)


@BOTH
@pytest.mark.parametrize(("eta", "r"), [(1.0, 0.5), (0.5, 0.3), (0.0, 1.0)])
def test_dpmpp_sde_trial_and_dpmpp_sde_correct_are_the_sampler(
    betas: NoiseSchedule, eta: float, r: float
) -> None:
    def move(betas: NoiseSchedule, x: Latent, step: Step) -> Latent:
        first = noise_at(x, step)
        x_2, there = two.dpmpp_sde_trial(x, first, step, betas, SEED, eta, r)
        return two.dpmpp_sde_correct(x, first, x_2, noise_at(x_2, there), there, step, SEED, eta, r)

    check_loop(over(move), "dpmpp_sde", betas, eta=eta, r=r)


def test_dpmpp_sde_correct_refuses_a_share_that_is_none() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    first = noise_at(x, step)
    with pytest.raises(InputError, match="r: got 0"):
        two.dpmpp_sde_correct(x, first, x, first, step, step, 0, 1.0, 0.0)
