"""Samplers as values: their settings are those that the samplers read, and they count."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_kinds
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


@pytest.mark.parametrize("name", KINDS)
def test_by_name_takes_every_sampler(name: str) -> None:
    assert sampler_kinds.by_name(name) == Sampler(name)


def test_by_name_refuses_others() -> None:
    with pytest.raises(InputError, match="name: got 'eular'"):
        sampler_kinds.by_name("eular")


@pytest.mark.parametrize("name", sampler_kinds.CHURNING)
def test_churned_adds_noise_only_within_its_bounds(name: str) -> None:
    still = sampler_kinds.churned(name, s_churn=0.0)
    check(still, sampler_kinds.churned(name, s_churn=5.0))
    outside = sampler_kinds.churned(name, s_churn=5.0, s_tmin=100.0)
    assert torch.equal(drawn(outside), drawn(still))
    less = sampler_kinds.churned(name, s_churn=5.0, s_noise=0.5)
    assert not torch.equal(drawn(less), drawn(sampler_kinds.churned(name, s_churn=5.0)))


def test_churned_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="name: got 'lms'"):
        sampler_kinds.churned("lms")
    with pytest.raises(InputError, match="s_churn: got -1"):
        sampler_kinds.churned(s_churn=-1.0)


def test_ddim_takes_eta() -> None:
    check(sampler_kinds.ddim(), sampler_kinds.ddim(eta=0.5))
    torch.testing.assert_close(
        drawn(sampler_kinds.ddim()), drawn(Sampler("euler")), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(InputError, match=r"eta: got 1\.5"):
        sampler_kinds.ddim(eta=1.5)


def test_ddpm_takes_a_spread() -> None:
    check(sampler_kinds.ddpm(), sampler_kinds.ddpm(s_noise=0.5))
    with pytest.raises(InputError, match="noise_source: got 'gpu'"):
        sampler_kinds.ddpm(noise_source="gpu")


def test_lcm_takes_a_spread() -> None:
    check(sampler_kinds.lcm(), sampler_kinds.lcm(s_noise=0.5))


def test_dpm_fast_takes_eta() -> None:
    check(sampler_kinds.dpm_fast(), sampler_kinds.dpm_fast(eta=0.5))


@pytest.mark.parametrize(
    "other", [{"order": 2}, {"rtol": 0.01}, {"h_init": 0.5}, {"pcoeff": 0.2}, {"eta": 0.5}]
)
def test_dpm_adaptive_takes_a_tolerance_and_a_controller(other: dict[str, Any]) -> None:
    check(sampler_kinds.dpm_adaptive(), sampler_kinds.dpm_adaptive(**other))


@pytest.mark.parametrize(
    ("port", "value"), [("order", 4), ("rtol", 0.0), ("atol", 0.0), ("accept_safety", 2.0)]
)
def test_dpm_adaptive_refuses_what_would_never_end(port: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{port}: got {value:g}"):
        sampler_kinds.dpm_adaptive(**{port: value})
