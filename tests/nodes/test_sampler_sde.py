"""Stochastic samplers as values: their settings are those that the samplers read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_sde
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


def test_dpmpp_sde_takes_its_settings() -> None:
    made = sampler_sde.dpmpp_sde
    check(made(), made(r=0.4))
    check(made(), made(eta=0.5))


def test_dpmpp_2m_sde_takes_its_settings() -> None:
    made = sampler_sde.dpmpp_2m_sde
    check(made(), made(solver_type="heun"))
    check(made(), made(eta=0.5))


def test_dpmpp_3m_sde_takes_its_settings() -> None:
    made = sampler_sde.dpmpp_3m_sde
    check(made(), made(eta=0.5))


def test_er_sde_takes_its_settings() -> None:
    made = sampler_sde.er_sde
    check(made(), made(solver_type="ode"))
    check(made(), made(max_stage=1))


def test_seeds_2_takes_its_settings() -> None:
    made = sampler_sde.seeds_2
    check(made(), made(r=0.4))
    check(made(), made(eta=0.5))


def test_seeds_3_takes_its_settings() -> None:
    made = sampler_sde.seeds_3
    check(made(), made(r_1=0.2))
    check(made(), made(eta=0.0))


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
