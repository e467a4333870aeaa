"""Steps with memory and noise: their loop is the one-node sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_multistep_sde
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
            x, history = step_node(x, noise_at(x, step), step, history, **given)
        return x

    return loop


@BOTH
@pytest.mark.parametrize("given", [{}, {"eta": 0.5, "s_noise": 0.9}])
def test_dpmpp_3m_sde_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_sde.dpmpp_3m_sde_step
    is_the_sampler(remembering(node, seed=SEED, **given), "dpmpp_3m_sde", betas, **given)


@BOTH
@pytest.mark.parametrize(
    "given", [{}, {"solver_type": "reverse_sde", "eta": 0.5}, {"solver_type": "ode"}]
)
def test_er_sde_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_sde.er_sde_step
    is_the_sampler(remembering(node, seed=SEED, **given), "er_sde", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"eta": 0.5, "corrector_order": 0, "predictor_order": 2}])
def test_sa_solver_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_sde.sa_solver_step
    loop = remembering(node, betas=betas, seed=SEED, **given)
    is_the_sampler(loop, "sa_solver", betas, **given)


@pytest.mark.parametrize(
    ("name", "given", "port"),
    [
        ("dpmpp_3m_sde_step", {"eta": -1.0}, "eta"),
        ("er_sde_step", {"max_stage": 4}, "max_stage"),
        ("er_sde_step", {"solver_type": "sde"}, "solver_type"),
        ("sa_solver_step", {"betas": SD, "predictor_order": 0}, "predictor_order"),
        ("sa_solver_step", {"betas": SD, "corrector_order": 7}, "corrector_order"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: Any, port: str) -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    with pytest.raises(InputError, match=f"{port}: got"):
        getattr(sample_multistep_sde, name)(x, noise_at(x, step), step, History(), **given)
