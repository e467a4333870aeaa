"""Steps in the manner of CFG++: their loop is the one-node sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_cfg_pp
from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import Run, walk
from nodes.types import Answer, FlowSchedule, History, Latent, NoisePrediction, NoiseSchedule, Step

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


def remembering(step_node: Callable[..., Any], **given: Any) -> Loop:
    def loop(betas: NoiseSchedule, x: Latent, steps: list[Step]) -> Latent:
        history = History()
        for step in steps:
            both = noise_at(x, step), uncond_at(x, step)
            x, history = step_node(x, *both, step, history, **given)
        return x

    return loop


@BOTH
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_euler_step_is_both_samplers(betas: NoiseSchedule, eta: float) -> None:
    def loop(betas: NoiseSchedule, x: Latent, steps: list[Step]) -> Latent:
        for step in steps:
            both = noise_at(x, step), uncond_at(x, step)
            x = sample_cfg_pp.euler_step(x, *both, step, SEED, eta)
        return x

    is_the_sampler(loop, "euler_ancestral_cfg_pp" if eta else "euler_cfg_pp", betas)


@BOTH
def test_dpmpp_2m_step_is_the_sampler(betas: NoiseSchedule) -> None:
    is_the_sampler(remembering(sample_cfg_pp.dpmpp_2m_step), "dpmpp_2m_cfg_pp", betas)


@BOTH
def test_res_multistep_step_is_both_samplers(betas: NoiseSchedule) -> None:
    node = sample_cfg_pp.res_multistep_step
    is_the_sampler(remembering(node), "res_multistep_cfg_pp", betas)
    loop = remembering(node, seed=SEED, eta=1.0)
    is_the_sampler(loop, "res_multistep_ancestral_cfg_pp", betas)


@BOTH
def test_gradient_estimation_step_is_the_sampler(betas: NoiseSchedule) -> None:
    node = sample_cfg_pp.gradient_estimation_step
    is_the_sampler(remembering(node, gamma=1.5), "gradient_estimation_cfg_pp", betas, gamma=1.5)


def test_predictions_of_another_size_are_refused() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    small = NoisePrediction(torch.zeros(1, 4, 2, 2))
    with pytest.raises(InputError, match="uncond: got"):
        sample_cfg_pp.euler_step(x, noise_at(x, step), small, step)
    with pytest.raises(InputError, match="eta: got 2"):
        sample_cfg_pp.euler_step(x, noise_at(x, step), noise_at(x, step), step, 0, 2.0)
