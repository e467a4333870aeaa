"""Steps with memory and without noise: their loop is the one-node sampler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sample_multistep_ode
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
@pytest.mark.parametrize("given", [{}, {"order": 2}])
def test_ipndm_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_ode.ipndm_step
    is_the_sampler(remembering(node, **given), "ipndm", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"order": 2}])
def test_ipndm_v_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_ode.ipndm_v_step
    is_the_sampler(remembering(node, **given), "ipndm_v", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"order": 2, "over": "log_sigma"}])
def test_deis_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_ode.deis_step
    is_the_sampler(remembering(node, **given), "deis", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"gamma": 1.5}])
def test_gradient_estimation_step_is_the_sampler(
    betas: NoiseSchedule, given: dict[str, Any]
) -> None:
    node = sample_multistep_ode.gradient_estimation_step
    is_the_sampler(remembering(node, **given), "gradient_estimation", betas, **given)


@BOTH
def test_res_multistep_step_is_both_samplers(betas: NoiseSchedule) -> None:
    node = sample_multistep_ode.res_multistep_step
    is_the_sampler(remembering(node), "res_multistep", betas)
    ancestral = remembering(node, seed=SEED, eta=1.0)
    is_the_sampler(ancestral, "res_multistep_ancestral", betas)


@BOTH
@pytest.mark.parametrize("order", [1, 2, 3])
def test_uni_pc_step_is_both_samplers(betas: NoiseSchedule, order: int) -> None:
    node = sample_multistep_ode.uni_pc_step
    for variant, name in (("bh1", "uni_pc"), ("bh2", "uni_pc_bh2")):
        loop = remembering(node, order=order, variant=variant)
        is_the_sampler(loop, name, betas, order=order)


@pytest.mark.parametrize(
    ("name", "given", "port"),
    [
        ("ipndm_step", {"order": 5}, "order"),
        ("ipndm_v_step", {"order": 0}, "order"),
        ("deis_step", {"over": "sigma"}, "over"),
        ("res_multistep_step", {"eta": 2.0}, "eta"),
        ("uni_pc_step", {"order": 4}, "order"),
        ("uni_pc_step", {"variant": "bh3"}, "variant"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: Any, port: str) -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    with pytest.raises(InputError, match=f"{port}: got"):
        getattr(sample_multistep_ode, name)(x, noise_at(x, step), step, History(), **given)


def test_a_history_of_later_steps_is_refused() -> None:
    first, second = schedules.step_list(levels(SD))[:2]
    x = begin(SD)
    _, history = sample_multistep_ode.ipndm_step(x, noise_at(x, second), second, History())
    with pytest.raises(InputError, match="history: got sigma"):
        sample_multistep_ode.ipndm_step(x, noise_at(x, first), first, history)
