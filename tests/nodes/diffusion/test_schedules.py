"""Tables and lists in float64: round trips and orders that hold for every schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.diffusion import schedules
from nodes.types import BetaSchedule, ContinuousSchedule, FlowSchedule, NoiseSchedule, Sigmas

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
TABLE = schedules.sigma_table(SD)


@given(timestep=st.floats(0, 999))
@settings(deadline=None)
def test_timestep_of_sigma_inverts_sigma_of_timestep(timestep: float) -> None:
    sigma = schedules.sigma_of_timestep(SD, timestep)
    assert schedules.timestep_of_sigma(SD, sigma) == pytest.approx(timestep, abs=1e-9)


def test_timestep_of_sigma_stays_within_the_table() -> None:
    assert schedules.timestep_of_sigma(SD, 0.0) == 0
    assert schedules.timestep_of_sigma(SD, 1e-9) == 0
    assert schedules.timestep_of_sigma(SD, 1e9) == 999


def test_timestep_of_sigma_is_that_of_k_diffusion() -> None:
    # k-diffusion's DiscreteSchedule.sigma_to_t, written out: two neighbours in log sigma.
    log_table = np.log(TABLE)
    for sigma in (0.03, 0.5, 1.0, 7.3, 14.0):
        low = int(np.sum(math.log(sigma) >= log_table)) - 1
        share = (log_table[low] - math.log(sigma)) / (log_table[low] - log_table[low + 1])
        expected = (1 - share) * low + share * (low + 1)
        assert schedules.timestep_of_sigma(SD, sigma) == pytest.approx(expected, abs=1e-9)


def test_sigma_table_is_finite_at_zero_terminal_snr() -> None:
    table = schedules.sigma_table(BetaSchedule((0.9, 0.5, 0.0)))
    assert table[-1] == pytest.approx(math.sqrt(2**24 - 1))


@pytest.mark.parametrize(
    "make", [schedules.normal, schedules.simple, schedules.sgm_uniform, schedules.ddim_uniform]
)
@pytest.mark.parametrize("steps", [1, 2, 7, 20, 999, 1000])
def test_lists_descend_to_zero(make: Callable[[BetaSchedule, int], Sigmas], steps: int) -> None:
    sigmas = make(SD, steps)
    assert all(high > low for high, low in pairwise(sigmas.values))
    assert sigmas.values[-1] == sigmas.timesteps[-1] == 0
    assert len(sigmas.values) == len(sigmas.timesteps)


def test_step_list_joins_neighbours_and_counts_from_first() -> None:
    steps = schedules.step_list(Sigmas((3.0, 2.0, 0.0), (30.0, 20.0, 0.0), first=4))
    assert [(s.index, s.count, s.sigma, s.sigma_next) for s in steps] == [
        (4, 6, 3.0, 2.0),
        (5, 6, 2.0, 0.0),
    ]
    assert [(s.timestep, s.timestep_next) for s in steps] == [(30.0, 20.0), (20.0, 0.0)]


def test_betas_stay_below_one() -> None:
    betas = schedules.squared_cosine_betas(1000)
    assert all(0 < low <= high <= 0.999 for low, high in pairwise(betas))


def test_flow_schedule_is_shifted_as_diffusers_does_it() -> None:
    from diffusers.schedulers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    table = schedules.sigma_table(FlowSchedule(shift=3.0))
    np.testing.assert_allclose(table[::-1], theirs.sigmas.double().numpy(), atol=1e-6)


@pytest.mark.parametrize("schedule", [FlowSchedule(shift=3.0), ContinuousSchedule(0.002, 80.0)])
def test_every_schedule_tells_sigma_and_timestep_both_ways(schedule: NoiseSchedule) -> None:
    sigmas = schedules.normal(schedule, 7)
    assert sigmas.values[-1] == 0
    assert sigmas.flow is schedule.flow
    for sigma, timestep in zip(sigmas.values[:-1], sigmas.timesteps[:-1], strict=True):
        assert schedules.sigma_of_timestep(schedule, timestep) == pytest.approx(sigma)


@pytest.mark.parametrize("schedule", [SD, FlowSchedule(shift=3.0), ContinuousSchedule()])
def test_sigma_of_share_falls_from_infinity_to_nothing(schedule: NoiseSchedule) -> None:
    shares = [0.0, 0.1, 0.5, 0.9, 1.0]
    found = [schedules.sigma_of_share(schedule, share) for share in shares]
    assert found == sorted(found, reverse=True)
    assert found[0] == math.inf
    assert found[-1] == 0


def test_a_step_of_a_flow_knows_how_much_picture_is_in_it() -> None:
    step = schedules.step_list(schedules.at_sigmas(FlowSchedule(), [0.75, 0.25]))[0]
    assert (step.alpha, step.alpha_next) == (0.25, 0.75)
    assert schedules.step_list(schedules.at_sigmas(SD, [7.5, 2.5]))[0].alpha == 1


@pytest.mark.parametrize("shift", [1.0, 1.73, 3.0])
def test_normal_levels_of_a_flow_are_diffusers_own(shift: float) -> None:
    from diffusers.schedulers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
    theirs.set_timesteps(7)
    got = schedules.normal(FlowSchedule(shift), 7)
    np.testing.assert_allclose(got.values, theirs.sigmas.numpy(), rtol=1e-5)
    np.testing.assert_allclose(got.timesteps[:-1], theirs.timesteps.numpy(), rtol=1e-5)


def test_sgm_uniform_levels_of_a_flow_stop_one_stride_short() -> None:
    whole = schedules.normal(FlowSchedule(3.0), 6)
    got = schedules.sgm_uniform(FlowSchedule(3.0), 5)
    np.testing.assert_allclose(got.values[:-1], whole.values[:5])
