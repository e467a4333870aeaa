"""Arithmetic on noise levels: how a random step divides, and places between two levels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.diffusion import noise_levels
from nodes.diffusion.noise import gaussian
from nodes.types import Step

FLOWS = pytest.mark.parametrize("flow", [False, True])


@given(sigma=st.floats(0.01, 100), share=st.floats(0, 1), eta=st.floats(0, 1))
def test_split_sigma_meets_at_the_next_level(sigma: float, share: float, eta: float) -> None:
    down, up = noise_levels.split_sigma(sigma, sigma * share, eta)
    assert math.hypot(down, up) == pytest.approx(sigma * share, rel=1e-9, abs=1e-12)
    assert 0 <= up <= sigma * share


def test_split_sigma_is_k_diffusion_s() -> None:
    # get_ancestral_step, from its formulas.
    high, low, eta = 7.0, 3.0, 0.8
    up = min(low, eta * (low**2 * (high**2 - low**2) / high**2) ** 0.5)
    assert noise_levels.split_sigma(high, low, eta) == pytest.approx(((low**2 - up**2) ** 0.5, up))


@given(sigma=st.floats(0.01, 1), share=st.floats(0.01, 0.99), eta=st.floats(0, 1))
def test_split_of_a_flow_meets_at_the_next_level(sigma: float, share: float, eta: float) -> None:
    step = Step(0, 1, sigma, sigma * share, 0, 0, flow=True)
    parts = noise_levels.split(step, eta)
    picture = parts.scale * (1 - parts.down)
    noise = math.hypot(parts.scale * parts.down, parts.up)
    assert picture == pytest.approx(step.alpha_next)
    assert noise == pytest.approx(step.sigma_next, rel=1e-9)


def test_split_of_pure_noise_takes_eta_of_it() -> None:
    assert noise_levels.split_sigma(math.inf, 3.0, 0.6) == pytest.approx((2.4, 1.8))


@FLOWS
@given(high=st.floats(0.2, 0.99), share=st.floats(0.01, 0.99), place=st.floats(0, 1))
def test_between_is_a_share_of_the_span(
    flow: bool, high: float, share: float, place: float
) -> None:
    low = high * share
    middle = noise_levels.between(high, low, place, flow)
    whole = noise_levels.span(high, low, flow)
    assert noise_levels.span(high, middle, flow) == pytest.approx(place * whole, abs=1e-9)


@FLOWS
def test_half_log_snr_has_its_ends_and_its_inverse(flow: bool) -> None:
    assert noise_levels.half_log_snr(0.0, flow) == math.inf
    for sigma in (0.01, 0.5, 0.9):
        value = noise_levels.half_log_snr(sigma, flow)
        assert noise_levels.sigma_of_half_log_snr(value, flow) == pytest.approx(sigma)
    if flow:
        assert noise_levels.half_log_snr(1.0, flow) == -math.inf
        assert noise_levels.rho(1.0, flow) == math.inf


@FLOWS
def test_raised_has_the_picture_and_the_noise_of_the_level_above(flow: bool) -> None:
    step = Step(0, 1, 0.2, 0.7, 0, 0, flow)
    noise, old = gaussian((4, 64, 64), [1]), gaussian((4, 64, 64), [2])
    found = noise_levels.raised(step.alpha * 3.0 + 0.2 * old, step, noise)
    assert float(found.mean()) == pytest.approx(3 * step.alpha_next, abs=0.03)
    assert float(found.std()) == pytest.approx(0.7, abs=0.02)
