"""The Beta distribution against closed forms and against brute integration."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.diffusion.incomplete_beta import beta_cdf, beta_quantile

SHAPES = st.floats(0.1, 20)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.3, 0.5, 0.75, 0.999])
def test_quantile_of_the_arcsine_distribution(p: float) -> None:
    # Beta(1/2, 1/2) has the closed form sin^2(pi p / 2).
    assert beta_quantile(p, 0.5, 0.5) == pytest.approx(math.sin(math.pi * p / 2) ** 2, rel=1e-12)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("shape", [0.2, 1.0, 3.7])
def test_quantile_of_a_power_distribution(p: float, shape: float) -> None:
    assert beta_quantile(p, shape, 1.0) == pytest.approx(p ** (1 / shape), rel=1e-12)


def test_cdf_against_summing_the_density() -> None:
    a, b, x, parts = 2.5, 4.0, 0.3, 20_000
    density = [
        ((i + 0.5) / parts) ** (a - 1) * (1 - (i + 0.5) / parts) ** (b - 1) for i in range(parts)
    ]
    assert beta_cdf(x, a, b) == pytest.approx(
        sum(density[: int(x * parts)]) / sum(density), rel=1e-6
    )


@given(p=st.floats(1e-6, 1 - 1e-6), a=SHAPES, b=SHAPES)
@settings(max_examples=60, deadline=None)
def test_quantile_inverts_the_cdf(p: float, a: float, b: float) -> None:
    # Next to 1 a float of x is coarser than the probability it stands for.
    x = beta_quantile(p, a, b)
    assert beta_cdf(math.nextafter(x, 0), a, b) - 1e-9 <= p <= beta_cdf(x, a, b) + 1e-9


@given(x=st.floats(0.01, 0.99), a=SHAPES, b=SHAPES)
@settings(max_examples=60, deadline=None)
def test_cdf_is_symmetric(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(1 - beta_cdf(1 - x, b, a), abs=1e-9)


@pytest.mark.parametrize(("p", "x"), [(-0.1, 0.0), (0.0, 0.0), (1.0, 1.0), (2.0, 1.0)])
def test_ends(p: float, x: float) -> None:
    assert beta_quantile(p, 0.6, 0.6) == x
    assert beta_cdf(x, 0.6, 0.6) == x
