"""The primitives below the sampler steps: noise split and weights."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.diffusion import noise_levels, samplers_multistep


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


@pytest.mark.parametrize("nodes", [[3.0], [3.0, 4.0], [3.0, 4.0, 6.0], [3.0, 4.0, 6.0, 9.0]])
def test_multistep_weights_integrate_polynomials_exactly(nodes: list[float]) -> None:
    weights = samplers_multistep.multistep_weights(nodes, 3.0, 2.0)
    for degree in range(len(nodes)):
        exact = (2.0 ** (degree + 1) - 3.0 ** (degree + 1)) / (degree + 1)
        got = sum(w * node**degree for w, node in zip(weights, nodes, strict=True))
        assert got == pytest.approx(exact, rel=1e-9)
