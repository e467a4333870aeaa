"""Beta schedules against diffusers', and what cutting a list of sigmas keeps."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import schedule, sigmas
from nodes.types import BetaSchedule, Model, Sigmas

KARRAS = sigmas.karras(schedule.scaled_linear(), 12)


def same_as_diffusers(ours: BetaSchedule, theirs: torch.Tensor) -> None:
    # They multiply 1000 factors up in float32, which costs up to about 1e-6 of relative error.
    assert_close(torch.tensor(ours.alphas_cumprod), theirs, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("timesteps", [50, 1000])
def test_linear_is_diffusers(timesteps: int) -> None:
    theirs = DDPMScheduler(timesteps, beta_schedule="linear", beta_start=1e-4, beta_end=0.02)
    same_as_diffusers(schedule.linear(timesteps, 1e-4, 0.02), theirs.alphas_cumprod)


def test_scaled_linear_is_diffusers() -> None:
    theirs = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    same_as_diffusers(schedule.scaled_linear(), theirs.alphas_cumprod)


def test_scaled_linear_spans_stable_diffusion_s_sigmas() -> None:
    alpha_bar = schedule.scaled_linear().alphas_cumprod
    sigma = [math.sqrt((1 - a) / a) for a in alpha_bar]
    assert sigma[0] == pytest.approx(0.0292, abs=1e-4)
    assert sigma[-1] == pytest.approx(14.6146, abs=1e-4)


@pytest.mark.parametrize("timesteps", [10, 1000])
def test_squared_cosine_is_diffusers(timesteps: int) -> None:
    theirs = DDPMScheduler(timesteps, beta_schedule="squaredcos_cap_v2")
    same_as_diffusers(schedule.squared_cosine(timesteps), theirs.alphas_cumprod)


def test_zero_terminal_snr_is_diffusers() -> None:
    theirs = EulerDiscreteScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        rescale_betas_zero_snr=True,
    )
    ours = schedule.zero_terminal_snr(schedule.scaled_linear())
    # The last of theirs is lifted to 2^-24, to have a finite sigma; ours when a sigma is asked for.
    same_as_diffusers(BetaSchedule(ours.alphas_cumprod[:-1]), theirs.alphas_cumprod[:-1])
    assert ours.alphas_cumprod[-1] == 0
    assert ours.alphas_cumprod[0] == pytest.approx(schedule.scaled_linear().alphas_cumprod[0])


@pytest.mark.parametrize(("start", "end"), [(0.0, 0.02), (0.1, 1.0), (-0.1, 0.5)])
def test_linear_refuses_betas_out_of_range(start: float, end: float) -> None:
    with pytest.raises(InputError, match="betas between 0 and 1"):
        schedule.linear(10, start, end)


def test_squared_cosine_refuses_one_timestep() -> None:
    with pytest.raises(InputError, match="timesteps: got 1"):
        schedule.squared_cosine(1)


def test_of_model_is_the_model_s_own() -> None:
    betas = schedule.linear(10)
    assert schedule.of_model(Model(None, betas)) is betas


def test_steps_join_the_sigmas() -> None:
    steps = schedule.steps(KARRAS)
    assert tuple(s.sigma for s in steps) == KARRAS.values[:-1]
    assert tuple(s.sigma_next for s in steps) == KARRAS.values[1:]
    assert tuple(s.timestep for s in steps) == KARRAS.timesteps[:-1]
    assert [s.index for s in steps] == list(range(12))
    assert {s.count for s in steps} == {12}


def test_steps_of_one_sigma_are_none() -> None:
    assert schedule.steps(Sigmas((0.0,), (0.0,))) == []


@pytest.mark.parametrize(
    "broken",
    [
        Sigmas((), ()),
        Sigmas((1.0, 0.0), (0.0,)),
        Sigmas((math.nan, 0.0), (1.0, 0.0)),
        Sigmas((math.inf, 0.0), (1.0, 0.0)),
        Sigmas((1.0, -0.1), (1.0, 0.0)),
    ],
)
def test_steps_refuse_broken_sigmas(broken: Sigmas) -> None:
    with pytest.raises(InputError, match="sigmas: got"):
        schedule.steps(broken)


def test_step_is_one_of_the_steps() -> None:
    assert [schedule.step(KARRAS, i) for i in range(12)] == schedule.steps(KARRAS)


@pytest.mark.parametrize("index", [-1, 12])
def test_step_outside_the_list(index: int) -> None:
    with pytest.raises(InputError, match=r"expected 0\.\.11"):
        schedule.step(KARRAS, index)


@pytest.mark.parametrize("at", [0, 1, 7, 12])
def test_split_parts_are_the_whole(at: int) -> None:
    high, low = schedule.split(KARRAS, at)
    whole = schedule.steps(KARRAS)
    parts = schedule.steps(high) + schedule.steps(low)
    assert [(s.index, s.sigma, s.sigma_next) for s in parts] == [
        (s.index, s.sigma, s.sigma_next) for s in whole
    ]
    assert high.values[-1] == low.values[0]


def test_split_beyond_the_end() -> None:
    with pytest.raises(InputError, match="The list has 12 steps"):
        schedule.split(KARRAS, 13)


def test_flip_twice_is_nothing() -> None:
    assert schedule.flip(schedule.flip(KARRAS)) == KARRAS
    assert schedule.flip(KARRAS).values == tuple(sorted(KARRAS.values))


def test_by_strength_one_keeps_all_and_zero_none() -> None:
    assert schedule.by_strength(KARRAS, 1.0) == KARRAS
    assert schedule.by_strength(KARRAS, 0.0).values == KARRAS.values[-1:]


@pytest.mark.parametrize("steps", [10, 37, 100])
@pytest.mark.parametrize("percent", [1, 29, 58, 70, 99])
def test_by_strength_keeps_the_last_steps(steps: int, percent: int) -> None:
    whole = sigmas.normal(schedule.scaled_linear(), steps)
    cut = schedule.by_strength(whole, percent / 100)
    assert len(cut.values) - 1 == steps * percent // 100
    assert cut.values == whole.values[-len(cut.values) :]
    assert schedule.steps(cut) == schedule.steps(whole)[cut.first :]


@pytest.mark.parametrize("strength", [-0.1, 1.01, math.nan])
def test_by_strength_outside_0_to_1(strength: float) -> None:
    with pytest.raises(InputError, match=r"strength: got .* expected 0\.\.1"):
        schedule.by_strength(KARRAS, strength)
