"""Samplers that remember, as values: their settings are those that the samplers read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_multistep
from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import KINDS, Run, walk
from nodes.types import Answer, Sampler, Step

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
STEPS = schedules.step_list(schedules.at_sigmas(SD, schedules.karras(0.03, 14.6, 6, 7.0)))
START = 14.6 * gaussian((4, 4, 4), [2])


def ask(x: torch.Tensor, step: Step) -> Answer:
    """Smooth, not linear, and for the unwanted prompt something else."""
    clean = torch.tanh(x / (1 + step.sigma**2) ** 0.5)
    return Answer((x - clean) / step.sigma, (x - 0.5 * clean) / step.sigma)


def drawn(sampler: Sampler) -> torch.Tensor:
    run = Run(ask, SD, 3, STEPS, dict(sampler.settings))
    return walk(run, sampler.name, START, lambda x, _: x)


def check(sampler: Sampler, other: Sampler) -> None:
    """All settings are the sampler's, the defaults too, and another value draws another picture."""
    kind = KINDS[sampler.name]
    assert {name: kind.settings[name] for name, _ in sampler.settings} == dict(sampler.settings)
    assert sampler.settings == tuple(sorted(sampler.settings))
    assert sampler.name == other.name
    assert torch.equal(drawn(sampler), drawn(Sampler(sampler.name)))
    assert not torch.equal(drawn(sampler), drawn(other))


def test_lms_takes_its_settings() -> None:
    made = sampler_multistep.lms
    check(made(), made(order=2))


def test_ipndm_takes_its_settings() -> None:
    made = sampler_multistep.ipndm
    check(made(), made(order=2))


def test_ipndm_v_takes_its_settings() -> None:
    made = sampler_multistep.ipndm_v
    check(made(), made(order=2))


def test_deis_takes_its_settings() -> None:
    made = sampler_multistep.deis
    check(made(), made(order=2))
    check(made(), made(over="log_sigma"))


def test_gradient_estimation_takes_its_settings() -> None:
    made = sampler_multistep.gradient_estimation
    check(made(), made(gamma=1.5))


def test_gradient_estimation_cfg_pp_takes_its_settings() -> None:
    made = sampler_multistep.gradient_estimation_cfg_pp
    check(made(), made(gamma=1.5))


def test_uni_pc_takes_its_settings() -> None:
    made = sampler_multistep.uni_pc
    check(made(), made(order=2))


def test_sa_solver_takes_its_settings() -> None:
    made = sampler_multistep.sa_solver
    check(made(), made(eta=0.5))
    check(made(), made(predictor_order=2))
    check(made(), made(corrector_order=0))
    check(made(), made(sde_end_percent=0.5))


def test_uni_pc_and_sa_solver_come_in_two_kinds() -> None:
    assert sampler_multistep.uni_pc(variant="bh2").name == "uni_pc_bh2"
    assert sampler_multistep.sa_solver(evaluate_again=True).name == "sa_solver_pece"


@pytest.mark.parametrize(
    ("made", "given", "port"),
    [
        (sampler_multistep.lms, {"order": 5}, "order"),
        (sampler_multistep.ipndm, {"order": 0}, "order"),
        (sampler_multistep.deis, {"over": "sigma"}, "over"),
        (sampler_multistep.uni_pc, {"variant": "bh3"}, "variant"),
        (sampler_multistep.uni_pc, {"order": 4}, "order"),
        (sampler_multistep.sa_solver, {"corrector_order": 7}, "corrector_order"),
        (sampler_multistep.sa_solver, {"sde_start_percent": 0.9}, "sde_start_percent"),
        (sampler_multistep.gradient_estimation, {"gamma": -1.0}, "gamma"),
    ],
)
def test_settings_that_do_not_fit_are_refused(made: Any, given: Any, port: str) -> None:
    with pytest.raises(InputError, match=f"{port}: got"):
        made(**given)
