"""Heun++, SEEDS-2 and restarts as steps: their loop is the one-node sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_stages
from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import Run, walk
from nodes.types import Answer, FlowSchedule, Latent, NoisePrediction, NoiseSchedule, Step

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
FLOW = FlowSchedule(3.0)
BOTH = pytest.mark.parametrize("betas", [SD, FLOW], ids=["diffusion", "flow"])
SEED = 3
Loop = Callable[[NoiseSchedule, Latent, list[Step]], Latent]


def levels(betas: NoiseSchedule) -> schedules.Sigmas:
    return schedules.normal(betas, 6)


def begin(betas: NoiseSchedule) -> Latent:
    return Latent(levels(betas).values[0] * gaussian((4, 4, 4), [2]))


def answer(x: torch.Tensor, step: Step) -> Answer:
    """Smooth, not linear, and for the unwanted prompt something else."""
    clean = torch.tanh(x / (1 + step.sigma**2) ** 0.5)
    return Answer((x - clean) / step.sigma, (x - 0.5 * clean) / step.sigma)


def noise_at(x: Latent, step: Step) -> NoisePrediction:
    return NoisePrediction(answer(x.samples, step).noise)


def uncond_at(x: Latent, step: Step) -> NoisePrediction:
    found = answer(x.samples, step).uncond
    assert found is not None
    return NoisePrediction(found)


def is_the_sampler(loop: Loop, name: str, betas: NoiseSchedule, **settings: Any) -> None:
    """The loop of step nodes gives what the one-node sampler gives, to the bit."""
    steps = schedules.step_list(levels(betas))
    run = Run(answer, betas, SEED, steps, settings)
    expected = walk(run, name, begin(betas).samples, lambda x, _: x)
    assert torch.equal(loop(betas, begin(betas), steps).samples, expected)


def over(move: Callable[[NoiseSchedule, Latent, Step], Latent]) -> Loop:
    def loop(betas: NoiseSchedule, x: Latent, steps: list[Step]) -> Latent:
        for step in steps:
            x = move(betas, x, step)
        return x

    return loop


@BOTH
def test_heunpp_ahead_and_heunpp_correct_are_the_sampler(betas: NoiseSchedule) -> None:
    def move(betas: NoiseSchedule, x: Latent, step: Step) -> Latent:
        sigmas, first = levels(betas), noise_at(x, step)
        x_2, step_2 = sample_stages.heunpp_ahead(x, first, step, sigmas)
        second = noise_at(x_2, step_2)
        third = noise_at(*sample_stages.heunpp_ahead(x_2, second, step_2, sigmas))
        return sample_stages.heunpp_correct(x, first, second, third, step, sigmas)

    is_the_sampler(over(move), "heunpp2", betas)


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

    is_the_sampler(over(move), "seeds_2", betas, eta=eta, r=r)


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
