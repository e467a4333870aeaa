"""Steps with memory and without noise: their loop is the one-node sampler."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.errors import InputError
from nodes import sample_multistep_ode
from nodes.diffusion import schedules
from nodes.types import History, NoiseSchedule
from sampler_checks import BOTH, SEED, begin, check_loop, levels, noise_at, remembering
from small import SD


@BOTH
@pytest.mark.parametrize("given", [{}, {"order": 2}])
def test_ipndm_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_ode.ipndm_step
    check_loop(remembering(node, **given), "ipndm", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"order": 2}])
def test_ipndm_v_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_ode.ipndm_v_step
    check_loop(remembering(node, **given), "ipndm_v", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"order": 2, "over": "log_sigma"}])
def test_deis_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_ode.deis_step
    check_loop(remembering(node, **given), "deis", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"gamma": 1.5}])
def test_gradient_estimation_step_is_the_sampler(
    betas: NoiseSchedule, given: dict[str, Any]
) -> None:
    node = sample_multistep_ode.gradient_estimation_step
    check_loop(remembering(node, **given), "gradient_estimation", betas, **given)


@BOTH
def test_res_multistep_step_is_both_samplers(betas: NoiseSchedule) -> None:
    node = sample_multistep_ode.res_multistep_step
    check_loop(remembering(node), "res_multistep", betas)
    ancestral = remembering(node, seed=SEED, eta=1.0)
    check_loop(ancestral, "res_multistep_ancestral", betas)


@BOTH
@pytest.mark.parametrize("order", [1, 2, 3])
def test_uni_pc_step_is_both_samplers(betas: NoiseSchedule, order: int) -> None:
    node = sample_multistep_ode.uni_pc_step
    for variant, name in (("bh1", "uni_pc"), ("bh2", "uni_pc_bh2")):
        loop = remembering(node, order=order, variant=variant)
        check_loop(loop, name, betas, order=order)


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
