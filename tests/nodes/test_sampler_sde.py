"""Stochastic samplers as values: their settings are those that the samplers read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_sde
from sampler_checks import check_settings, drawn


def test_dpmpp_sde_takes_its_settings() -> None:
    made = sampler_sde.dpmpp_sde
    check_settings(made(), made(r=0.4))
    check_settings(made(), made(eta=0.5))


def test_dpmpp_2m_sde_takes_its_settings() -> None:
    made = sampler_sde.dpmpp_2m_sde
    check_settings(made(), made(solver_type="heun"))
    check_settings(made(), made(eta=0.5))


def test_dpmpp_3m_sde_takes_its_settings() -> None:
    made = sampler_sde.dpmpp_3m_sde
    check_settings(made(), made(eta=0.5))


def test_er_sde_takes_its_settings() -> None:
    made = sampler_sde.er_sde
    check_settings(made(), made(solver_type="ode"))
    check_settings(made(), made(max_stage=1))


def test_seeds_2_takes_its_settings() -> None:
    made = sampler_sde.seeds_2
    check_settings(made(), made(r=0.4))
    check_settings(made(), made(eta=0.5))


def test_seeds_3_takes_its_settings() -> None:
    made = sampler_sde.seeds_3
    check_settings(made(), made(r_1=0.2))
    check_settings(made(), made(eta=0.0))


def test_er_sde_s_eta_is_the_strength_of_the_reverse_equation() -> None:
    strong, weak = (sampler_sde.er_sde("reverse_sde", eta=e) for e in (1.0, 0.5))
    assert not torch.equal(drawn(strong), drawn(weak))
    own = sampler_sde.er_sde(eta=0.0)
    assert torch.equal(drawn(own), drawn(sampler_sde.er_sde()))
    none, ode = sampler_sde.er_sde("reverse_sde", eta=0.0), sampler_sde.er_sde("ode")
    torch.testing.assert_close(drawn(none), drawn(ode))


@pytest.mark.parametrize(
    ("made", "given", "port"),
    [
        (sampler_sde.dpmpp_sde, {"r": 0.0}, "r"),
        (sampler_sde.seeds_2, {"r": 1.5}, "r"),
        (sampler_sde.seeds_3, {"r_1": 0.8}, "r_1"),
        (sampler_sde.er_sde, {"max_stage": 4}, "max_stage"),
        (sampler_sde.er_sde, {"solver_type": "sde"}, "solver_type"),
        (sampler_sde.dpmpp_2m_sde, {"solver_type": "euler"}, "solver_type"),
        (sampler_sde.dpmpp_3m_sde, {"eta": float("nan")}, "eta"),
    ],
)
def test_settings_that_do_not_fit_are_refused(made: Any, given: Any, port: str) -> None:
    with pytest.raises(InputError, match=f"{port}: got"):
        made(**given)
