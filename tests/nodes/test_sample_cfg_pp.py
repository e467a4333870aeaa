"""Steps in the manner of CFG++: their loop is the one-node sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_cfg_pp
from nodes.diffusion import schedules
from nodes.types import History, Latent, NoisePrediction, NoiseSchedule, Step
from sampler_checks import BOTH, SEED, Loop, begin, check_loop, levels, noise_at, uncond_at
from small import SD


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

    check_loop(loop, "euler_ancestral_cfg_pp" if eta else "euler_cfg_pp", betas)


@BOTH
def test_dpmpp_2m_step_is_the_sampler(betas: NoiseSchedule) -> None:
    check_loop(remembering(sample_cfg_pp.dpmpp_2m_step), "dpmpp_2m_cfg_pp", betas)


@BOTH
def test_res_multistep_step_is_both_samplers(betas: NoiseSchedule) -> None:
    node = sample_cfg_pp.res_multistep_step
    check_loop(remembering(node), "res_multistep_cfg_pp", betas)
    loop = remembering(node, seed=SEED, eta=1.0)
    check_loop(loop, "res_multistep_ancestral_cfg_pp", betas)


@BOTH
def test_gradient_estimation_step_is_the_sampler(betas: NoiseSchedule) -> None:
    node = sample_cfg_pp.gradient_estimation_step
    check_loop(remembering(node, gamma=1.5), "gradient_estimation_cfg_pp", betas, gamma=1.5)


def test_predictions_of_another_size_are_refused() -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    small = NoisePrediction(torch.zeros(1, 4, 2, 2))
    with pytest.raises(InputError, match="uncond: got"):
        sample_cfg_pp.euler_step(x, noise_at(x, step), small, step)
    with pytest.raises(InputError, match="eta: got 2"):
        sample_cfg_pp.euler_step(x, noise_at(x, step), noise_at(x, step), step, 0, 2.0)
