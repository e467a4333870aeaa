"""Spacings against the lists that diffusers' schedulers make."""

from __future__ import annotations

import math

import numpy as np
import pytest
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

from nodeflow.errors import InputError
from nodes import schedule, sigmas, timesteps
from nodes.types import Sigmas
from small import OLD_NUMPY

pytestmark = OLD_NUMPY

SD = schedule.scaled_linear()
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
STEPS = pytest.mark.parametrize("steps", [1, 3, 7, 20, 50, 999])


def same_as_euler(ours: Sigmas, spacing: str, offset: int = 0) -> None:
    theirs = EulerDiscreteScheduler(timestep_spacing=spacing, steps_offset=offset, **BETAS)
    theirs.set_timesteps(len(ours.values) - 1)
    np.testing.assert_allclose(ours.values, theirs.sigmas.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.timesteps[:-1], theirs.timesteps.numpy(), rtol=1e-6)


@pytest.mark.parametrize("steps", [2, 3, 7, 20, 50, 999])
def test_linspace_is_diffusers(steps: int) -> None:
    same_as_euler(timesteps.linspace(SD, steps), "linspace")


def test_linspace_of_one_step_starts_in_noise() -> None:
    # diffusers takes timestep 0, where there is no noise to remove.
    assert timesteps.linspace(SD, 1).timesteps == (999.0, 0.0)


@STEPS
@pytest.mark.parametrize("offset", [0, 1])
def test_leading_is_diffusers(steps: int, offset: int) -> None:
    same_as_euler(timesteps.leading(SD, steps, offset), "leading", offset)


@STEPS
def test_trailing_is_diffusers(steps: int) -> None:
    same_as_euler(timesteps.trailing(SD, steps), "trailing")


def test_leading_is_diffusers_ddim() -> None:
    theirs = DDIMScheduler(steps_offset=1, **BETAS)
    theirs.set_timesteps(20)
    assert list(timesteps.leading(SD, 20).timesteps[:-1]) == theirs.timesteps.tolist()


def test_leading_refuses_an_offset_beyond_the_schedule() -> None:
    with pytest.raises(InputError, match=r"offset: got 1 with 1000 steps, up to timestep 1000"):
        timesteps.leading(SD, 1000, 1)


@pytest.mark.parametrize("steps", [0, 1001])
def test_linspace_leading_and_trailing_refuse_wrong_counts(steps: int) -> None:
    for make in (timesteps.linspace, timesteps.leading, timesteps.trailing):
        with pytest.raises(InputError, match=r"expected 1\.\.1000"):
            make(SD, steps)


def test_from_list_is_the_spacing_it_lists() -> None:
    trailing = timesteps.trailing(SD, 8)
    assert timesteps.from_list(SD, list(trailing.timesteps[:-1])) == trailing


def test_from_list_reads_fractions_in_log_sigma() -> None:
    normal = sigmas.normal(SD, 7)
    assert timesteps.from_list(SD, list(normal.timesteps[:-1])) == normal


@pytest.mark.parametrize("values", [[], [1000.0], [-1.0], [math.nan], [3.0, 3.0], [1.0, 2.0]])
def test_from_list_refuses(values: list[float]) -> None:
    with pytest.raises(InputError, match="values: got"):
        timesteps.from_list(SD, values)
