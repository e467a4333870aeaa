"""Samplers that remember, as values: their settings are those that the samplers read."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.errors import InputError
from nodes import sampler_multistep
from sampler_checks import check_settings


def test_lms_takes_its_settings() -> None:
    made = sampler_multistep.lms
    check_settings(made(), made(order=2))


def test_ipndm_takes_its_settings() -> None:
    made = sampler_multistep.ipndm
    check_settings(made(), made(order=2))


def test_ipndm_v_takes_its_settings() -> None:
    made = sampler_multistep.ipndm_v
    check_settings(made(), made(order=2))


def test_deis_takes_its_settings() -> None:
    made = sampler_multistep.deis
    check_settings(made(), made(order=2))
    check_settings(made(), made(over="log_sigma"))


def test_gradient_estimation_takes_its_settings() -> None:
    made = sampler_multistep.gradient_estimation
    check_settings(made(), made(gamma=1.5))


def test_gradient_estimation_cfg_pp_takes_its_settings() -> None:
    made = sampler_multistep.gradient_estimation_cfg_pp
    check_settings(made(), made(gamma=1.5))


def test_uni_pc_takes_its_settings() -> None:
    made = sampler_multistep.uni_pc
    check_settings(made(), made(order=2))


def test_sa_solver_takes_its_settings() -> None:
    made = sampler_multistep.sa_solver
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(predictor_order=2))
    check_settings(made(), made(corrector_order=0))
    check_settings(made(), made(sde_end_percent=0.5))


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
