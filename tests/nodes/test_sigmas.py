"""Lists of sigmas against ComfyUI's and k-diffusion's formulas, written out, and diffusers'."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)

from nodeflow.errors import InputError
from nodes import schedule, sigmas
from nodes.sampler_names import SCHEDULERS
from nodes.types import BetaSchedule, FlowSchedule, Sigmas
from small import OLD_NUMPY

pytestmark = OLD_NUMPY

SD = schedule.scaled_linear()
TABLE = [math.sqrt((1 - a) / a) for a in SD.alphas_cumprod]
EVERY = [
    sigmas.normal,
    sigmas.simple,
    sigmas.sgm_uniform,
    sigmas.ddim_uniform,
    sigmas.beta,
    sigmas.karras,
    sigmas.exponential,
]


def close(got: Sequence[float], expected: Sequence[float]) -> None:
    assert len(got) == len(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-7)


def sigma_at(timestep: float) -> float:
    """k-diffusion's t_to_sigma: between two timesteps on a line in log sigma."""
    low = math.floor(timestep)
    share = timestep - low
    high = min(low + 1, len(TABLE) - 1)
    return math.exp((1 - share) * math.log(TABLE[low]) + share * math.log(TABLE[high]))


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_every_list_has_its_steps_and_ends_clean(
    make: Callable[[BetaSchedule, int], Sigmas], steps: int
) -> None:
    found = make(SD, steps)
    assert len(found.values) == len(found.timesteps) == steps + 1
    assert found.values[-1] == 0
    assert found.first == 0
    assert all(a > b for a, b in pairwise(found.values))
    for sigma, timestep in zip(found.values[:-1], found.timesteps, strict=False):
        assert sigma == pytest.approx(sigma_at(timestep), rel=1e-9)


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("steps", [0, -3])
def test_every_list_refuses_no_steps(
    make: Callable[[BetaSchedule, int], Sigmas], steps: int
) -> None:
    with pytest.raises(InputError, match=r"steps: got .* expected at least 1"):
        make(SD, steps)


def test_normal_is_even_in_timesteps() -> None:
    close(sigmas.normal(SD, 4).values, [sigma_at(t) for t in (999, 666, 333, 0)] + [0])


def test_sgm_uniform_stops_one_stride_short() -> None:
    close(sigmas.sgm_uniform(SD, 3).values, [sigma_at(t) for t in (999, 666, 333)] + [0])


@pytest.mark.parametrize("steps", [3, 7, 20, 999, 1000])
def test_simple_takes_every_nth_of_the_table(steps: int) -> None:
    stride = len(TABLE) / steps
    close(
        sigmas.simple(SD, steps).values, [TABLE[-(1 + int(i * stride))] for i in range(steps)] + [0]
    )


@pytest.mark.parametrize("steps", [3, 20, 30, 1000])
def test_ddim_uniform_walks_up_from_timestep_one(steps: int) -> None:
    expected, at = [0.0], 1
    while at < len(TABLE):
        expected.append(TABLE[at])
        at += max(len(TABLE) // steps, 1)
    close(sigmas.ddim_uniform(SD, steps).values, expected[::-1])


def test_simple_and_ddim_uniform_refuse_more_steps_than_trained() -> None:
    for make in (sigmas.simple, sigmas.ddim_uniform):
        with pytest.raises(InputError, match="at most the model's 1000"):
            make(SD, 1001)


def test_beta_is_the_arcsine_for_a_half() -> None:
    # Beta(1/2, 1/2) has the quantile function sin^2(pi p / 2): an oracle that needs no library.
    quantiles = [math.sin(math.pi * (1 - i / 9) / 2) ** 2 for i in range(9)]
    close(sigmas.beta(SD, 9, 0.5, 0.5).values, [TABLE[round(999 * q)] for q in quantiles] + [0])


def test_beta_of_one_and_one_is_even() -> None:
    close(sigmas.beta(SD, 3, 1, 1).values, [TABLE[999], TABLE[666], TABLE[333], 0])


def test_beta_takes_no_timestep_twice() -> None:
    found = sigmas.beta(SD, 1000)
    assert len(set(found.values)) == len(found.values) < 1001


def test_beta_refuses_a_shape_of_zero() -> None:
    with pytest.raises(InputError, match="both above 0"):
        sigmas.beta(SD, 10, 0.0, 1.0)


@pytest.mark.parametrize("rho", [1.0, 3.0, 7.0])
def test_karras_is_equation_5(rho: float) -> None:
    n = 10
    roots = [TABLE[-1] ** (1 / rho), TABLE[0] ** (1 / rho)]
    expected = [(roots[0] + i / (n - 1) * (roots[1] - roots[0])) ** rho for i in range(n)]
    close(sigmas.karras(SD, n, rho).values, [*expected, 0])


def test_karras_refuses_rho_of_zero() -> None:
    with pytest.raises(InputError, match="rho: got 0"):
        sigmas.karras(SD, 10, 0.0)


def test_karras_is_diffusers() -> None:
    same_as_diffusers(sigmas.karras(SD, 12), use_karras_sigmas=True)


def test_exponential_is_diffusers() -> None:
    same_as_diffusers(sigmas.exponential(SD, 12), use_exponential_sigmas=True)


def test_exponential_has_one_ratio() -> None:
    values = sigmas.exponential(SD, 8).values[:-1]
    ratios = [low / high for high, low in pairwise(values)]
    close(ratios, [ratios[0]] * 7)


def same_as_diffusers(ours: Sigmas, **kind: bool) -> None:
    theirs = EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, **kind
    )
    theirs.set_timesteps(12)
    close(ours.values, theirs.sigmas.tolist())
    # Log sigma in float32 makes their timesteps uncertain by about 1e-3 of the 1000.
    torch.testing.assert_close(
        torch.tensor(ours.timesteps[:-1]), theirs.timesteps.float(), rtol=0, atol=5e-3
    )


def test_from_list_finds_the_timesteps() -> None:
    found = sigmas.from_list(SD, [TABLE[900], TABLE[40], 0.0])
    close(found.timesteps, [900, 40, 0])
    assert found.values == (TABLE[900], TABLE[40], 0.0)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 1.0, 0.0], [3.0, 0.0, 1.0]])
def test_from_list_refuses_what_does_not_descend(values: list[float]) -> None:
    with pytest.raises(InputError, match="expected a descending list"):
        sigmas.from_list(SD, values)


@pytest.mark.parametrize("values", [[], [math.nan, 0.0], [1.0, -1.0], [math.inf, 0.0]])
def test_from_list_refuses_what_is_no_sigma(values: list[float]) -> None:
    with pytest.raises(InputError, match="values: got"):
        sigmas.from_list(SD, values)


@pytest.mark.parametrize(
    ("name", "make"),
    [(f.__name__, f) for f in EVERY],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_by_name_is_the_node_of_the_name(name: str, make: Callable[..., Sigmas]) -> None:
    assert sigmas.by_name(SD, name, 8) == make(SD, 8)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_by_name_of_a_strength_has_as_many_steps_from_further_down(name: str) -> None:
    for betas in (SD, FlowSchedule(3.0)):
        whole = sigmas.by_name(betas, name, 20)
        part = sigmas.by_name(betas, name, 10, 0.5)
        assert part.values == whole.values[-11:]
        assert part.first == len(whole.values) - 11
        assert sigmas.by_name(betas, name, 10, 0.0).values == (0.0,)


def test_by_name_refuses_others() -> None:
    with pytest.raises(InputError, match="scheduler: got 'karas'"):
        sigmas.by_name(SD, "karas")
    with pytest.raises(InputError, match="steps: got 2000"):
        sigmas.by_name(SD, "simple", 20, 0.01)


@pytest.mark.parametrize("steps", [1, 5, 28])
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_normal_of_a_flow_is_diffusers(steps: int, shift: float) -> None:
    theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
    theirs.set_timesteps(steps)
    found = sigmas.normal(FlowSchedule(shift), steps)
    close(found.values, theirs.sigmas.tolist())
    close(found.timesteps[:-1], theirs.timesteps.tolist())


def test_simple_of_a_flow_is_what_flux_walks() -> None:
    """Its pipeline gives 1, 1 - 1/n ... and shifts by exp(mu), which is a shift like any other."""
    theirs = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    theirs.set_timesteps(sigmas=np.linspace(1.0, 1 / 20, 20), mu=0.8)
    found = sigmas.simple(FlowSchedule(math.exp(0.8)), 20)
    close(found.values, theirs.sigmas.tolist())


def test_sgm_uniform_of_a_flow_stops_a_stride_before_the_end() -> None:
    flow = FlowSchedule(3.0)
    times = np.linspace(1, 3 * 0.001 / 1.002, 6)[:-1]
    close(sigmas.sgm_uniform(flow, 5).values, [*(3 * times / (1 + 2 * times)), 0])
