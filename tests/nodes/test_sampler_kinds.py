"""Samplers as values: their settings are those that the samplers read, and they count."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_kinds
from nodes.diffusion.sampling import KINDS
from nodes.types import Sampler
from sampler_checks import check_settings, drawn


@pytest.mark.parametrize("name", KINDS)
def test_by_name_takes_every_sampler(name: str) -> None:
    assert sampler_kinds.by_name(name) == Sampler(name)


def test_by_name_refuses_others() -> None:
    with pytest.raises(InputError, match="name: got 'eular'"):
        sampler_kinds.by_name("eular")


@pytest.mark.parametrize("name", sampler_kinds.CHURNING)
def test_churned_adds_noise_only_within_its_bounds(name: str) -> None:
    still = sampler_kinds.churned(name, s_churn=0.0)
    check_settings(still, sampler_kinds.churned(name, s_churn=5.0))
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
    check_settings(sampler_kinds.ddim(), sampler_kinds.ddim(eta=0.5))
    torch.testing.assert_close(
        drawn(sampler_kinds.ddim()), drawn(Sampler("euler")), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(InputError, match=r"eta: got 1\.5"):
        sampler_kinds.ddim(eta=1.5)


def test_ddpm_takes_a_spread() -> None:
    check_settings(sampler_kinds.ddpm(), sampler_kinds.ddpm(s_noise=0.5))
    with pytest.raises(InputError, match="noise_source: got 'gpu'"):
        sampler_kinds.ddpm(noise_source="gpu")


def test_lcm_takes_a_spread() -> None:
    check_settings(sampler_kinds.lcm(), sampler_kinds.lcm(s_noise=0.5))


def test_dpm_fast_takes_eta() -> None:
    check_settings(sampler_kinds.dpm_fast(), sampler_kinds.dpm_fast(eta=0.5))


@pytest.mark.parametrize(
    "other", [{"order": 2}, {"rtol": 0.01}, {"h_init": 0.5}, {"pcoeff": 0.2}, {"eta": 0.5}]
)
def test_dpm_adaptive_takes_a_tolerance_and_a_controller(other: dict[str, Any]) -> None:
    check_settings(sampler_kinds.dpm_adaptive(), sampler_kinds.dpm_adaptive(**other))


@pytest.mark.parametrize(
    ("port", "value"), [("order", 4), ("rtol", 0.0), ("atol", 0.0), ("accept_safety", 2.0)]
)
def test_dpm_adaptive_refuses_what_would_never_end(port: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{port}: got {value:g}"):
        sampler_kinds.dpm_adaptive(**{port: value})
