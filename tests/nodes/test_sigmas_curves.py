"""Lists of sigmas by formula and from tables, against the formulas written out and diffusers."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from diffusers.schedulers.scheduling_utils import AysSchedules

from nodeflow.errors import InputError
from nodes import schedule, sigmas_curves, timesteps
from nodes.types import FlowSchedule, NoiseSchedule, Sigmas

SD = schedule.scaled_linear()
FLOW = FlowSchedule(3.0)
TABLE = [math.sqrt((1 - a) / a) for a in SD.alphas_cumprod]
LOW, HIGH = TABLE[0], TABLE[-1]
EVERY: list[Callable[..., Sigmas]] = [
    sigmas_curves.polyexponential,
    sigmas_curves.kl_optimal,
    sigmas_curves.laplace,
    sigmas_curves.variance_preserving,
    sigmas_curves.linear_quadratic,
    sigmas_curves.align_your_steps,
]


def close(got: Sigmas, expected: Any) -> None:
    np.testing.assert_allclose(got.values, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_every_list_descends_to_nothing(make: Callable[..., Sigmas], steps: int) -> None:
    found = make(SD, steps)
    assert len(found.values) == steps + 1
    assert found.values[-1] == 0
    assert all(high > low for high, low in pairwise(found.values))
    assert all(high >= low for high, low in pairwise(found.timesteps))


@pytest.mark.parametrize("rho", [1.0, 2.0, 0.5])
def test_polyexponential_is_k_diffusion_s(rho: float) -> None:
    ramp = np.linspace(1, 0, 9) ** rho
    expected = np.exp(ramp * (math.log(HIGH) - math.log(LOW)) + math.log(LOW))
    close(sigmas_curves.polyexponential(SD, 9, rho), [*expected, 0])


def test_kl_optimal_spaces_arc_tangents_evenly() -> None:
    found = sigmas_curves.kl_optimal(SD, 9)
    np.testing.assert_allclose(np.diff(np.arctan(found.values[:-1]), 2), 0, atol=1e-12)
    assert found.values[0] == pytest.approx(HIGH)
    assert found.values[-2] == pytest.approx(LOW)


def test_laplace_follows_its_formula() -> None:
    x = np.linspace(0, 1, 12)
    levels = 0.3 - 0.7 * np.sign(0.5 - x) * np.log(1 - 2 * np.abs(0.5 - x) + 1e-5)
    close(sigmas_curves.laplace(SD, 12, 0.3, 0.7), [*np.clip(np.exp(levels), LOW, HIGH), 0])


def test_laplace_takes_what_falls_together_as_one() -> None:
    found = sigmas_curves.laplace(SD, 20, 10.0, 0.1)
    close(found, [HIGH, 0])


def test_variance_preserving_is_k_diffusion_s() -> None:
    t = np.linspace(1, 1e-3, 9)
    close(
        sigmas_curves.variance_preserving(SD, 9),
        [*np.sqrt(np.exp(19.9 * t**2 / 2 + 0.1 * t) - 1), 0],
    )


def mochi(steps: int, threshold: float) -> list[float]:
    """As published: a line, then q i^2 + l i + c, of what is left of the noise."""
    line, curve = steps // 2, steps - steps // 2
    gap = line - threshold * steps
    q = gap / (line * curve**2)
    slope = threshold / line - 2 * gap / curve**2
    lost = [i * threshold / line for i in range(line)]
    lost += [q * i**2 + slope * i + q * line**2 for i in range(line, steps)]
    return [*(1 - part for part in lost), 0.0]


@pytest.mark.parametrize("steps", [2, 5, 20])
def test_linear_quadratic_is_mochi_s(steps: int) -> None:
    close(sigmas_curves.linear_quadratic(FLOW, steps), mochi(steps, 0.025))
    scaled = [HIGH * level for level in mochi(steps, 0.1)]
    close(sigmas_curves.linear_quadratic(SD, steps, 0.1), scaled)


@pytest.mark.parametrize(
    ("trained_for", "theirs"),
    [("sd1", "StableDiffusion"), ("sdxl", "StableDiffusionXL"), ("svd", "StableDiffusionVideo")],
)
def test_align_your_steps_of_ten_is_diffusers_table(trained_for: str, theirs: str) -> None:
    found = sigmas_curves.align_your_steps(SD, 10, trained_for)
    # Theirs is what whole timesteps have: 1.4 % off at the least of them.
    expected = AysSchedules[f"{theirs}Sigmas"]
    np.testing.assert_allclose(found.values, expected, rtol=0.015, atol=6e-4)


def test_align_your_steps_between_is_on_lines_in_log_sigma() -> None:
    ten, twenty = (sigmas_curves.align_your_steps(SD, n) for n in (10, 20))
    np.testing.assert_allclose(twenty.values[0:19:2], ten.values[:10], rtol=1e-9)
    middle = [math.sqrt(a * b) for a, b in pairwise(ten.values[:10])]
    np.testing.assert_allclose(twenty.values[1:19:2], middle, rtol=1e-9)


def test_optimal_steps_have_the_published_levels() -> None:
    flux = sigmas_curves.optimal_steps(FLOW, 10)
    assert flux.values[0] == pytest.approx(0.9968)
    assert flux.values[9:] == pytest.approx((0.2808, 0.0))
    wan = sigmas_curves.optimal_steps(FLOW, 20, "wan")
    assert wan.values[0] == 1
    assert wan.values[19:] == pytest.approx((0.208, 0.0))
    assert wan.flow
    chroma = sigmas_curves.optimal_steps(FLOW, 40, "chroma")
    assert chroma.values[0] == pytest.approx(0.992)
    assert chroma.values[39:] == pytest.approx((0.048, 0.0))
    for found in (flux, wan, chroma):
        assert all(high > low for high, low in pairwise(found.values))


def test_turbo_walks_hundreds() -> None:
    close(sigmas_curves.turbo(SD, 1), [HIGH, 0])
    expected = timesteps.from_list(SD, [799.0, 699.0, 599.0])
    assert sigmas_curves.turbo(SD, 3, 0.8) == expected
    assert len(sigmas_curves.turbo(SD, 10, 0.3).values) == 4


@pytest.mark.parametrize(
    ("make", "given", "port"),
    [
        (sigmas_curves.polyexponential, {"steps": 0}, "steps"),
        (sigmas_curves.polyexponential, {"rho": 0.0}, "rho"),
        (sigmas_curves.laplace, {"beta": -1.0}, "beta"),
        (sigmas_curves.variance_preserving, {"last_time": 0.0}, "last_time"),
        (sigmas_curves.variance_preserving, {"beta_min": 0.0}, "beta_min"),
        (sigmas_curves.linear_quadratic, {"threshold": 1.0}, "threshold"),
        (sigmas_curves.align_your_steps, {"trained_for": "sd9"}, "trained_for"),
        (sigmas_curves.optimal_steps, {}, "betas"),
        (sigmas_curves.turbo, {"steps": 11}, "steps"),
        (sigmas_curves.turbo, {"strength": 2.0}, "strength"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, given: Any, port: str) -> None:
    with pytest.raises(InputError, match=f"{port}: got"):
        make(SD, **given)


@pytest.mark.parametrize("make", [sigmas_curves.turbo, sigmas_curves.variance_preserving])
def test_flows_are_refused_what_is_for_diffusions(make: Callable[[NoiseSchedule], Sigmas]) -> None:
    with pytest.raises(InputError, match="betas: got"):
        make(FLOW)
