"""Lists of sigmas put together and refined: values, timesteps and the numbers of their steps."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from nodeflow.errors import InputError
from nodes import schedule, sigmas, sigmas_edit
from nodes.diffusion.schedules import timestep_of_sigma
from nodes.types import FlowSchedule, Sigmas

SD = schedule.scaled_linear()
LEVELS = sigmas.karras(SD, 8)


def test_split_by_strength_cuts_a_share() -> None:
    high, low = sigmas_edit.split_by_strength(LEVELS, 0.25)
    assert (high.values, low.values) == (LEVELS.values[:7], LEVELS.values[6:])
    assert low.first == 6
    assert sigmas_edit.concat(high, low) == LEVELS
    whole, none = sigmas_edit.split_by_strength(LEVELS, 0.0)
    assert (whole, none.values) == (LEVELS, (0.0,))


def test_concat_puts_one_after_the_other() -> None:
    high, low = schedule.split(LEVELS, 3)
    assert sigmas_edit.concat(high, low) == LEVELS
    gap = Sigmas(LEVELS.values[5:], LEVELS.timesteps[5:])
    joined = sigmas_edit.concat(high, gap)
    assert joined.values == (*LEVELS.values[:4], *LEVELS.values[5:])
    assert joined.timesteps == (*LEVELS.timesteps[:4], *LEVELS.timesteps[5:])
    with pytest.raises(InputError, match="second: got sigma"):
        sigmas_edit.concat(low, high)
    with pytest.raises(InputError, match="second: got levels of another kind"):
        sigmas_edit.concat(high, sigmas.simple(FlowSchedule(), 4))


def test_set_first_changes_only_the_first() -> None:
    found = sigmas_edit.set_first(LEVELS, SD, 136.0)
    assert found.values == (136.0, *LEVELS.values[1:])
    assert found.timesteps == (timestep_of_sigma(SD, 136.0), *LEVELS.timesteps[1:])
    with pytest.raises(InputError, match="sigma: got 1, expected above the second"):
        sigmas_edit.set_first(LEVELS, SD, 1.0)


def test_refine_parts_the_steps_between_two_levels() -> None:
    found = sigmas_edit.refine(LEVELS, SD, 3, 20_000.0, LEVELS.values[2])
    assert len(found.values) == 9 + 3 * 2
    assert found.values[:10:3] == pytest.approx(LEVELS.values[:4])
    assert found.values[10:] == pytest.approx(LEVELS.values[4:])
    first = LEVELS.values[0] - LEVELS.values[1]
    assert LEVELS.values[0] - found.values[1] == pytest.approx(first / 3)
    assert sigmas_edit.refine(LEVELS, SD, 1).values == pytest.approx(LEVELS.values)


@pytest.mark.parametrize(("spacing", "share"), [("cosine", math.sqrt(0.5)), ("sine", 0.5**0.5)])
def test_refine_bends_the_spacing(spacing: str, share: float) -> None:
    found = sigmas_edit.refine(LEVELS, SD, 2, spacing=spacing, to_sigma=0.0)
    whole = LEVELS.values[0] - LEVELS.values[1]
    done = (LEVELS.values[0] - found.values[1]) / whole
    assert done == pytest.approx(share if spacing == "cosine" else 1 - share)
    assert all(high > low for high, low in pairwise(found.values))


def test_without_penultimate_makes_the_last_step_longer() -> None:
    found = sigmas_edit.without_penultimate(LEVELS)
    assert found.values == (*LEVELS.values[:7], 0.0)
    assert len(found.timesteps) == 8
    with pytest.raises(InputError, match="sigmas: got 2 levels"):
        sigmas_edit.without_penultimate(Sigmas((1.0, 0.0), (5.0, 0.0)))


def test_sigma_at_share_reads_the_schedule() -> None:
    assert sigmas_edit.sigma_at_share(SD, 0.0) == pytest.approx(14.6146, rel=1e-4)
    assert sigmas_edit.sigma_at_share(SD, 1.0) == 0
    assert timestep_of_sigma(SD, sigmas_edit.sigma_at_share(SD, 0.25)) == pytest.approx(749.25)
    flow = FlowSchedule(3.0)
    assert sigmas_edit.sigma_at_share(flow, 0.0) == 1
    assert sigmas_edit.sigma_at_share(flow, 0.5) == pytest.approx(0.75)


def test_with_restart_rises_and_comes_down_again() -> None:
    found = sigmas_edit.with_restart(LEVELS, SD, low=0.5, high=2.0, steps=3, times=2)
    at = next(i for i, v in enumerate(LEVELS.values) if v <= 0.5)
    low = LEVELS.values[at]
    assert found.values[: at + 1] == pytest.approx(LEVELS.values[: at + 1])
    again = found.values[at + 1 : at + 9]
    assert again[0] == again[4] == 2.0
    assert again[3] == again[7] == low
    assert again[:4] == again[4:]
    assert all(high > low for high, low in pairwise(again[:4]))
    assert found.values[at + 9 :] == pytest.approx(LEVELS.values[at + 1 :])
    assert len(found.timesteps) == len(found.values)


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({"low": 1e-4}, "low"),
        ({"low": 50.0}, "low"),
        ({"high": 0.01}, "high"),
        ({"high": 50.0}, "high"),
        ({"times": 0}, "steps, times"),
    ],
)
def test_with_restart_refuses_what_does_not_fit(given: Any, port: str) -> None:
    with pytest.raises(InputError, match=f"{port}: got"):
        sigmas_edit.with_restart(LEVELS, SD, **given)
