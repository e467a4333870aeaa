"""Samplers on data that is known exactly: how fast each one comes near, and to which pictures.

Pictures are Gaussian, each value of mean 0.5 and spread 0.7, so the best estimate of a clean value
and the exact end of the ODE are formulas. Half the mistake with twice the steps is order 1.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import KINDS, Run, walk
from nodes.types import Answer, FlowSchedule, NoiseSchedule, Step

MEAN, SPREAD = 0.5, 0.7
SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
FLOW = FlowSchedule()
NOISE = gaussian((4, 8, 8), [2]).double()
MANY = gaussian((4, 64, 64), [5])  # 16,384 values: their spread is known to 0.6 %


def ask(x: torch.Tensor, step: Step) -> Answer:
    """E[x0 | x] for x = alpha x0 + sigma eps."""
    gain = step.alpha * SPREAD**2 / (step.alpha**2 * SPREAD**2 + step.sigma**2)
    clean = MEAN + gain * (x - step.alpha * MEAN)
    return Answer((x - clean) / step.sigma)


def run_over(
    name: str, schedule: NoiseSchedule, values: list[float], noise: torch.Tensor, **settings: Any
) -> torch.Tensor:
    steps = schedules.step_list(schedules.at_sigmas(schedule, values))
    first = steps[0]
    start = first.alpha * MEAN + math.sqrt((first.alpha * SPREAD) ** 2 + first.sigma**2) * noise
    run = Run(ask, schedule, 3, steps, settings)
    return walk(run, name, start, lambda x, _: x)


def end_of_ode(step: Step, noise: torch.Tensor) -> torch.Tensor:
    spread = math.sqrt((step.alpha_next * SPREAD) ** 2 + step.sigma_next**2)
    return step.alpha_next * MEAN + spread * noise


CONVERGING = {"dpmpp_2s_ancestral_cfg_pp": {"uncond_at": "start"}}


def mistake(name: str, schedule: NoiseSchedule, steps: int) -> float:
    """Of a run without fresh noise, evenly in lambda, between levels well inside the schedule."""
    high, low = (0.85, 0.1) if schedule.flow else (6.0, 0.1)
    ends = [math.log(a / (1 - a) if schedule.flow else a) for a in (high, low)]
    places = [ends[0] + (ends[1] - ends[0]) * i / steps for i in range(steps + 1)]
    values = [1 / (1 + math.exp(-p)) if schedule.flow else math.exp(p) for p in places]
    settings: dict[str, Any] = {"eta": 0.0} if "eta" in KINDS[name].settings else {}
    found = run_over(name, schedule, values, NOISE, **CONVERGING.get(name, {}), **settings)
    last = Step(0, 1, values[-2], values[-1], 0, 0, schedule.flow)
    return float((found - end_of_ode(last, NOISE)).abs().max())


ORDERS = {
    "euler": 1,
    "ddim": 1,
    "euler_cfg_pp": 1,
    "euler_ancestral": 1,
    "euler_ancestral_cfg_pp": 1,
    "heunpp2": 1,
    "gradient_estimation": 1,
    "ipndm": 1,  # its weights are those of even steps in sigma
    "heun": 2,
    "dpm_2": 2,
    "dpm_2_ancestral": 2,
    "dpmpp_2s_ancestral": 2,
    "dpmpp_2s_ancestral_cfg_pp": 2,
    "dpmpp_sde": 2,
    "seeds_2": 2,
    "dpmpp_2m": 2,
    "dpmpp_2m_cfg_pp": 2,
    "dpmpp_2m_sde": 2,
    "dpmpp_2m_sde_heun": 2,
    "res_multistep": 2,
    "res_multistep_cfg_pp": 2,
    "res_multistep_ancestral": 2,
    "ipndm_v": 2,  # its first steps are of orders 1 and 2
    "lms": 2,
    "deis": 2,
    "dpmpp_3m_sde": 2,
    "seeds_3": 3,
    "sa_solver": 2,
    "sa_solver_pece": 2,
    "uni_pc": 2,
    "uni_pc_bh2": 2,
}


@pytest.mark.parametrize("schedule", [SD, FLOW], ids=["diffusion", "flow"])
@pytest.mark.parametrize("name", ORDERS)
def test_mistake_shrinks_with_the_sampler_s_order(name: str, schedule: NoiseSchedule) -> None:
    """From 16 steps to 128, which is three doublings."""
    coarse, fine = mistake(name, schedule, 16), mistake(name, schedule, 128)
    assert math.log2(coarse / fine) / 3 > ORDERS[name] - 0.5
    assert fine < 0.02


def test_dpm_fast_is_of_second_order_where_its_last_step_is() -> None:
    """The number of evaluations says of which order the last step is: 1 if it is 3 n + 1."""
    coarse, fine = mistake("dpm_fast", SD, 17), mistake("dpm_fast", SD, 68)
    assert math.log2(coarse / fine) / 2 > 1.5


def test_dpm_adaptive_is_as_exact_as_it_is_told() -> None:
    values = [6.0, 0.1]
    found = run_over("dpm_adaptive", SD, values, NOISE, rtol=1e-4, atol=1e-4)
    expected = end_of_ode(Step(0, 1, *values, 0, 0), NOISE)
    assert float((found - expected).abs().max()) < 1e-3


RANDOM = [name for name in KINDS if name not in ("lcm", "dpm_fast", "dpm_adaptive")]


@pytest.mark.parametrize("schedule", [SD, FLOW], ids=["diffusion", "flow"])
@pytest.mark.parametrize("name", [n for n in RANDOM if not n.endswith("_gpu")])
def test_pictures_have_the_mean_and_spread_of_the_data(name: str, schedule: NoiseSchedule) -> None:
    """To 0.03: a hundred steps leave about 0.01, 16,384 values 0.006."""
    count = 100
    if schedule.flow:
        sigmas = list(schedules.simple(schedule, count).values)
    else:
        sigmas = schedules.karras(0.01, 60.0, count, 7.0)
    found = run_over(name, schedule, sigmas, MANY, **CONVERGING.get(name, {}))
    assert float(found.mean()) == pytest.approx(MEAN, abs=0.03)
    assert float(found.std()) == pytest.approx(SPREAD, abs=0.03)


@pytest.mark.parametrize("name", [n for n in KINDS if "eta" in KINDS[n].settings])
def test_without_eta_there_is_no_noise(name: str) -> None:
    values = schedules.karras(0.03, 14.6, 6, 7.0)
    first = run_over(name, SD, values, NOISE, eta=0.0)
    steps = schedules.step_list(schedules.at_sigmas(SD, values))
    start = MEAN + math.sqrt(SPREAD**2 + steps[0].sigma ** 2) * NOISE
    settings: dict[str, Any] = {"eta": 0.0}
    if name == "er_sde":
        settings = {"solver_type": "ode"}
        first = run_over(name, SD, values, NOISE, **settings)
    other = walk(Run(ask, SD, 99, steps, settings), name, start, lambda x, _: x)
    assert torch.equal(first, other)


@pytest.mark.parametrize("name", KINDS)
def test_same_seed_same_bytes_and_each_picture_its_own(name: str) -> None:
    noise = gaussian((4, 4, 4), [7, 8])
    values = schedules.karras(0.03, 14.6, 5, 7.0)
    both, again = run_over(name, SD, values, noise), run_over(name, SD, values, noise)
    assert torch.equal(both, again)
    steps = schedules.step_list(schedules.at_sigmas(SD, values))
    start = MEAN + math.sqrt(SPREAD**2 + steps[0].sigma ** 2) * noise[1:]
    alone = walk(Run(ask, SD, 4, steps), name, start, lambda x, _: x)
    assert torch.equal(both[1:], alone)


def test_churn_of_nothing_changes_nothing_and_more_is_still_the_data() -> None:
    values = schedules.karras(0.01, 60.0, 60, 7.0)
    for name in ("heun", "dpm_2"):
        plain = run_over(name, SD, values, MANY)
        assert torch.equal(plain, run_over(name, SD, values, MANY, s_churn=5.0, s_tmin=100.0))
        churned = run_over(name, SD, values, MANY, s_churn=20.0)
        assert not torch.equal(plain, churned)
        assert float(churned.std()) == pytest.approx(SPREAD, abs=0.03)


def test_one_wiener_path_gives_one_spread() -> None:
    """Two draws of a step of dpmpp_sde, joined, are one of spread 1 that goes with the first."""
    from nodes.diffusion import samplers_sde

    step = Step(0, 1, 4.0, 1.0, 0, 0)
    first, second = gaussian((4, 64, 64), [1]), gaussian((4, 64, 64), [2])
    whole = samplers_sde.joined(step, 0.5, first, second)
    assert float(whole.std()) == pytest.approx(1, abs=0.02)
    part = (4.0 - 2.0) / (4.0 - 1.0)
    assert float((whole * first).mean()) == pytest.approx(math.sqrt(part), abs=0.02)


@pytest.mark.parametrize("shares", [(0.5, 1.0), (1 / 3, 2 / 3, 1.0), (1.0,)])
def test_parts_of_a_seeds_step_add_the_noise_of_the_whole(shares: tuple[float, ...]) -> None:
    from nodes.diffusion import samplers_sde

    step, eta = Step(0, 1, 4.0, 1.0, 0, 0), 0.8
    draws = [gaussian((4, 64, 64), [k]) for k in range(len(shares))]
    added = samplers_sde.sde_noise(step, shares, eta, draws)
    expected = math.sqrt(1 - math.exp(-2 * eta * math.log(4.0)))
    assert float(added.std()) == pytest.approx(expected, abs=0.02)


def test_a_model_without_an_unwanted_prompt_steps_cfg_pp_as_without() -> None:
    values = schedules.karras(0.03, 14.6, 6, 7.0)
    for name in [n for n in KINDS if n.endswith("_cfg_pp")]:
        plain = name.removesuffix("_cfg_pp")
        expected = run_over(plain, SD, values, NOISE)
        torch.testing.assert_close(
            run_over(name, SD, values, NOISE, **CONVERGING.get(name, {})),
            expected,
            rtol=1e-9,
            atol=1e-9,
        )


def test_walk_of_no_steps_is_where_it_began() -> None:
    run = replace(Run(ask, SD, 0), steps=[])
    assert torch.equal(walk(run, "heun", NOISE, lambda x, _: x), NOISE)


@pytest.mark.parametrize("schedule", [SD, FLOW], ids=["diffusion", "flow"])
def test_restarts_leave_the_mean_and_spread_of_the_data(schedule: NoiseSchedule) -> None:
    """Down, three times up from where there is little noise to where there is much, and down."""
    high, middle, low = (0.999, 0.8, 0.05) if schedule.flow else (60.0, 3.0, 0.05)
    down = schedules.karras(low, high, 40, 7.0)[:-1]
    again = schedules.karras(low, middle, 30, 7.0)[:-1]
    found = run_over("heun", schedule, [*down, *(again * 3), 0.0], MANY)
    assert float(found.mean()) == pytest.approx(MEAN, abs=0.03)
    assert float(found.std()) == pytest.approx(SPREAD, abs=0.03)
    plain = run_over("heun", schedule, [*down, 0.0], MANY)
    assert not torch.allclose(found, plain, atol=0.1)


def test_a_restart_forgets_what_was_before() -> None:
    """A rise to a level is where a run from that level would begin, memory and all."""
    values = [6.0, 2.0, 0.5, 3.0, 1.0, 0.3]
    steps = schedules.step_list(schedules.at_sigmas(SD, values))
    seen: list[torch.Tensor] = []

    def watch(x: torch.Tensor, step: Step) -> torch.Tensor:
        seen.append(x)
        return x

    end = walk(Run(ask, SD, 3, steps), "dpmpp_2m", 6 * NOISE, watch)
    rest = walk(Run(ask, SD, 3, steps[3:]), "dpmpp_2m", seen[2], lambda x, _: x)
    assert torch.equal(end, rest)
