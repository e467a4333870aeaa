"""Heun++, SEEDS-2 and restarts as steps: their loop is the one-node sampler."""

from __future__ import annotations

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_stages
from nodes.diffusion import schedules
from nodes.diffusion.sampling import Run, walk
from nodes.types import Latent, NoisePrediction, NoiseSchedule, Step
from sampler_checks import BOTH, SEED, answer, begin, check_loop, levels, noise_at, over
from small import SD


@BOTH
def test_heunpp_ahead_and_heunpp_correct_are_the_sampler(betas: NoiseSchedule) -> None:
    def move(betas: NoiseSchedule, x: Latent, step: Step) -> Latent:
        sigmas, first = levels(betas), noise_at(x, step)
        x_2, step_2 = sample_stages.heunpp_ahead(x, first, step, sigmas)
        second = noise_at(x_2, step_2)
        third = noise_at(*sample_stages.heunpp_ahead(x_2, second, step_2, sigmas))
        return sample_stages.heunpp_correct(x, first, second, third, step, sigmas)

    check_loop(over(move), "heunpp2", betas)


def test_heunpp_correct_refuses_another_size() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    first, small = noise_at(x, step), NoisePrediction(torch.zeros(1, 4, 2, 2))
    with pytest.raises(InputError, match="noise_further: got"):
        sample_stages.heunpp_correct(x, first, first, small, step, levels(SD))


@BOTH
@pytest.mark.parametrize(("eta", "r"), [(1.0, 0.5), (0.5, 0.3), (0.0, 0.5)])
def test_seeds_2_trial_and_seeds_2_correct_are_the_sampler(
    betas: NoiseSchedule, eta: float, r: float
) -> None:
    def move(betas: NoiseSchedule, x: Latent, step: Step) -> Latent:
        first = noise_at(x, step)
        x_2, there = sample_stages.seeds_2_trial(x, first, step, betas, SEED, eta, r)
        return sample_stages.seeds_2_correct(
            x, first, x_2, noise_at(x_2, there), there, step, SEED, eta, r
        )

    check_loop(over(move), "seeds_2", betas, eta=eta, r=r)


def test_seeds_2_correct_refuses_a_share_that_is_none() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    first = noise_at(x, step)
    with pytest.raises(InputError, match="r: got 0"):
        sample_stages.seeds_2_correct(x, first, x, first, step, step, 0, 1.0, 0.0)


@BOTH
def test_euler_restart_step_is_the_sampler_on_a_list_that_rises(betas: NoiseSchedule) -> None:
    down = levels(betas).values
    rising = schedules.at_sigmas(betas, [*down[:5], down[2], down[4], 0.0])
    steps, x = schedules.step_list(rising), begin(betas)
    run = Run(answer, betas, SEED, steps)
    expected = walk(run, "euler", x.samples, lambda x, _: x)
    for step in steps:
        x = sample_stages.euler_restart_step(x, noise_at(x, step), step, SEED)
    assert torch.equal(x.samples, expected)
