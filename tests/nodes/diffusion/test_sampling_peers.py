"""Samplers against diffusers' schedulers, given the same predictions, sigmas and noise."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_deis_multistep import DEISMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_dpmsolver_singlestep import DPMSolverSinglestepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_flow_match_heun_discrete import (
    FlowMatchHeunDiscreteScheduler,
)
from diffusers.schedulers.scheduling_ipndm import IPNDMScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_sasolver import SASolverScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch.testing import assert_close

from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian, step_noise
from nodes.diffusion.samplers_multistep import EVEN_WEIGHTS
from nodes.diffusion.sampling import Run, walk
from nodes.types import Answer, FlowSchedule, Sigmas, Step
from small import OLD_NUMPY

pytestmark = [
    OLD_NUMPY,
    pytest.mark.filterwarnings(
        "ignore:__array_wrap__ must accept context and return_scalar:DeprecationWarning"
    ),
]

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SEED = 3
NOISE = gaussian((4, 8, 8), [2]).double()


def epsilon(scaled: torch.Tensor, timestep: float) -> torch.Tensor:
    """Smooth in both, not linear, and small where there is much noise, as estimates need it."""
    return 0.9 * scaled + 0.1 * torch.tanh(scaled) * (1 + timestep / 1000)


def ask(x: torch.Tensor, step: Step) -> Answer:
    scaled = x if step.flow else x / math.sqrt(1 + step.sigma**2)
    return Answer(epsilon(scaled, step.timestep))


def levels_of(theirs: Any, flow: bool = False) -> Sigmas:
    """The scheduler's own list: its timesteps are rounded to whole ones, unlike ours."""
    sigmas = [float(s) for s in theirs.sigmas]
    return Sigmas(tuple(sigmas), (*(float(t) for t in theirs.timesteps), 0.0), flow=flow)


def preserving(theirs: Any, monkeypatch: pytest.MonkeyPatch, module: str = "") -> torch.Tensor:
    """A whole run of a scheduler over x / sqrt(1 + sigma^2), from NOISE, with our noise."""
    x = NOISE.clone()
    drawn = iter(range(len(theirs.timesteps)))
    if module:

        def ours(shape: Any, **_: Any) -> torch.Tensor:
            return step_noise(NOISE, SEED, next(drawn))

        monkeypatch.setattr(f"diffusers.schedulers.{module}.randn_tensor", ours)
    for timestep in theirs.timesteps:
        x = theirs.step(epsilon(x, float(timestep)), timestep, x).prev_sample
    return x


def found(name: str, theirs: Any, **settings: Any) -> torch.Tensor:
    levels = levels_of(theirs)
    start = NOISE * math.sqrt(1 + levels.values[0] ** 2)
    run = Run(ask, SD, SEED, schedules.step_list(levels), settings)
    return walk(run, name, start, lambda x, _: x) / math.sqrt(1 + levels.values[-1] ** 2)


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    # Their sigmas are float32: 1e-5 of latents whose spread is about 1.
    assert_close(ours, theirs.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [3, 5, 12])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("name", "kind"), [("uni_pc", "bh1"), ("uni_pc_bh2", "bh2")])
def test_uni_pc_is_diffusers(
    name: str, kind: str, order: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Theirs is not a number where bh1 goes to sigma 0: minus infinity times nothing.
    end = "sigma_min" if kind == "bh1" else "zero"
    theirs = UniPCMultistepScheduler(
        solver_order=order, solver_type=kind, final_sigmas_type=end, **BETAS
    )
    theirs.set_timesteps(steps)
    close(found(name, theirs, order=order), preserving(theirs, monkeypatch))


@pytest.mark.parametrize(
    ("predictor", "corrector", "tau"), [(3, 4, 1.0), (2, 2, 0.5), (1, 2, 0.0), (3, 3, 0.0)]
)
@pytest.mark.parametrize("steps", [4, 10])
def test_sa_solver_is_diffusers(
    predictor: int, corrector: int, tau: float, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = SASolverScheduler(
        predictor_order=predictor,
        corrector_order=corrector,
        tau_func=lambda t: torch.tensor(tau),
        **BETAS,
    )
    theirs.set_timesteps(steps)
    expected = preserving(theirs, monkeypatch, "scheduling_sasolver")
    everywhere = {"sde_start_percent": 0.0, "sde_end_percent": 1.0, "eta": tau}
    orders = {"predictor_order": predictor, "corrector_order": corrector}
    close(found("sa_solver", theirs, simple_order_2=True, **everywhere, **orders), expected)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_deis_over_log_sigma_is_diffusers(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = DEISMultistepScheduler(solver_order=order, lower_order_final=False, **BETAS)
    theirs.set_timesteps(10)
    ours = found("deis", theirs, order=order, over="log_sigma")
    close(ours, preserving(theirs, monkeypatch))


def test_dpmpp_2m_is_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = DPMSolverMultistepScheduler(solver_order=2, **BETAS)
    theirs.set_timesteps(10)
    close(found("dpmpp_2m", theirs), preserving(theirs, monkeypatch))


def test_dpmpp_2m_sde_is_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (("dpmpp_2m_sde", "midpoint"), ("dpmpp_2m_sde_heun", "heun")):
        theirs = DPMSolverMultistepScheduler(
            solver_order=2,
            algorithm_type="sde-dpmsolver++",
            solver_type=kind,
            euler_at_final=True,
            **BETAS,
        )
        theirs.set_timesteps(10)
        expected = preserving(theirs, monkeypatch, "scheduling_dpmsolver_multistep")
        close(found(name, theirs), expected)


def test_dpmpp_2s_without_noise_is_diffusers_singlestep() -> None:
    """Theirs takes the steps of a list by pairs; ours asks at the middle of each of its own."""
    wide = [14.0 * 0.35**i for i in range(6)]
    sigmas = [s for a, b in pairwise(wide) for s in (a, math.sqrt(a * b))]
    theirs = DPMSolverSinglestepScheduler(
        solver_order=2, lower_order_final=False, final_sigmas_type="sigma_min", **BETAS
    )
    theirs.set_timesteps(len(sigmas))
    theirs.sigmas = torch.tensor([*sigmas, wide[-1]])
    x = NOISE.clone()
    for i, sigma in enumerate(sigmas):
        theirs._step_index = i
        told = schedules.timestep_of_sigma(SD, sigma)
        x = theirs.step(epsilon(x, told), theirs.timesteps[i], x).prev_sample
    steps = schedules.step_list(schedules.at_sigmas(SD, wide))
    start = NOISE * math.sqrt(1 + wide[0] ** 2)
    run = Run(ask, SD, SEED, steps, {"eta": 0.0})
    ours = walk(run, "dpmpp_2s_ancestral", start, lambda x, _: x)
    close(ours / math.sqrt(1 + wide[-1] ** 2), x)


def test_euler_ancestral_is_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = EulerAncestralDiscreteScheduler(**BETAS)
    theirs.set_timesteps(10)
    drawn = iter(range(10))
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_euler_ancestral_discrete.randn_tensor",
        lambda shape, **_: step_noise(NOISE, SEED, next(drawn)),
    )
    x = NOISE * math.sqrt(1 + float(theirs.sigmas[0]) ** 2)
    for timestep in theirs.timesteps:
        scaled = theirs.scale_model_input(x, timestep)
        x = theirs.step(epsilon(scaled, float(timestep)), timestep, x).prev_sample
    close(found("euler_ancestral", theirs), x)


def test_lcm_is_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their boundary scalings, which are 1 and 0 but for 1e-4, are the model's affair here."""
    theirs = LCMScheduler(timestep_scaling=1e6, clip_sample=False, **BETAS)
    theirs.set_timesteps(4)
    told = [int(t) for t in theirs.timesteps]
    expected = preserving(theirs, monkeypatch, "scheduling_lcm")
    levels = schedules.at_timesteps(SD, told)
    start = NOISE * math.sqrt(1 + levels.values[0] ** 2)
    run = Run(ask, SD, SEED, schedules.step_list(levels))
    close(walk(run, "lcm", start, lambda x, _: x), expected)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_ipndm_has_the_weights_of_diffusers(count: int) -> None:
    """Their schedule is another, alpha = cos and sigma = sin; so all but the weights is put out."""
    slopes = [gaussian((4, 8, 8), [k]).double() for k in range(count)]
    theirs = IPNDMScheduler()
    theirs.set_timesteps(8)
    theirs.betas, theirs.alphas = torch.zeros(9), torch.ones(9)
    for k, slope in enumerate(slopes[:-1]):
        theirs.step(slope, theirs.timesteps[k], torch.zeros_like(slope))
    theirs.betas[count] = 1.0  # the step adds 1 * the weighed mean
    moved = theirs.step(slopes[-1], theirs.timesteps[count - 1], torch.zeros_like(NOISE))
    weights = reversed(EVEN_WEIGHTS[count - 1])
    close(sum(w * s for w, s in zip(weights, slopes, strict=True)), moved.prev_sample)


@pytest.mark.parametrize("name", ["euler", "ddim"])
def test_flow_euler_is_diffusers(name: str) -> None:
    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(10)
    x = NOISE.clone().float()
    for timestep in theirs.timesteps:
        x = theirs.step(epsilon(x, float(timestep)), timestep, x).prev_sample
    steps = schedules.step_list(levels_of(theirs, flow=True))
    run = Run(ask, FlowSchedule(3.0), SEED, steps)
    close(walk(run, name, NOISE, lambda x, _: x), x)


def test_flow_heun_is_diffusers() -> None:
    theirs = FlowMatchHeunDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(10)
    x = NOISE.clone()
    for timestep in theirs.timesteps:
        x = theirs.step(epsilon(x, float(timestep)), timestep, x).prev_sample
    sigmas = theirs.sigmas[::2].tolist()
    told = (*theirs.timesteps[::2].tolist(), 0.0)
    if len(sigmas) < len(told):
        sigmas.append(0.0)
    levels = Sigmas(tuple(sigmas), told, flow=True)
    run = Run(ask, FlowSchedule(3.0), SEED, schedules.step_list(levels))
    close(walk(run, "heun", NOISE, lambda x, _: x), x)


@pytest.mark.parametrize("order", [2, 3])
def test_flow_uni_pc_is_diffusers(order: int, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = UniPCMultistepScheduler(
        solver_order=order, prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    theirs.set_timesteps(8)
    theirs.sigmas = theirs.sigmas.double()  # float32 loses half of alpha's digits near sigma 1
    expected = preserving(theirs, monkeypatch)
    steps = schedules.step_list(levels_of(theirs, flow=True))
    run = Run(ask, FlowSchedule(3.0), SEED, steps, {"order": order})
    close(walk(run, "uni_pc_bh2", NOISE, lambda x, _: x), expected)


def test_flow_dpmpp_2m_is_diffusers(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = DPMSolverMultistepScheduler(
        solver_order=2, prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )
    theirs.set_timesteps(8)
    theirs.sigmas = theirs.sigmas.double()  # float32 loses half of alpha's digits near sigma 1
    expected = preserving(theirs, monkeypatch)
    steps = schedules.step_list(levels_of(theirs, flow=True))
    run = Run(ask, FlowSchedule(3.0), SEED, steps)
    close(walk(run, "dpmpp_2m", NOISE, lambda x, _: x), expected)
