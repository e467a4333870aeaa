"""Models with another sampling. The formulas are written out here from their papers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import model_sampling as nodes
from nodes.diffusion import schedules
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import (
    BetaSchedule,
    Conditioning,
    ContinuousSchedule,
    FlowSchedule,
    Model,
    NoiseSchedule,
    Step,
)

TEXT = Conditioning(torch.zeros(1, 3, 16))
X = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def step(schedule: NoiseSchedule, sigma: float) -> Step:
    return schedules.step_list(schedules.at_sigmas(schedule, [sigma, 0.0]))[0]


def answer(model: Model, x: torch.Tensor, timestep: float) -> torch.Tensor:
    with torch.no_grad():
        output: torch.Tensor = model.network(
            x, torch.tensor([timestep]), encoder_hidden_states=TEXT.embeddings
        ).sample
    return output


def clean(model: Model, at: Step) -> torch.Tensor:
    (moving,) = predict_epsilons(model, X, at, [TEXT])
    return X - at.sigma * moving


ALL: list[Any] = [
    nodes.discrete,
    nodes.x0,
    nodes.lcm,
    nodes.edm,
    nodes.flow,
    nodes.flux,
    nodes.aura,
]


@pytest.mark.parametrize("change", ALL)
def test_networks_stay_as_they_are(denoiser: Model, change: Any) -> None:
    made = change(denoiser)
    assert made.network is denoiser.network
    assert made.family == denoiser.family
    assert denoiser.prediction == "epsilon"


def test_discrete_reads_v(denoiser: Model) -> None:
    made = nodes.discrete(denoiser, "v_prediction")
    assert made.betas == denoiser.betas
    at = step(made.betas, 2.0)
    alpha = 1 / math.sqrt(5)  # of the variance-preserving x_t, whose sigma_t is 2 alpha
    v = answer(denoiser, X * alpha, at.timestep)
    assert_close(clean(made, at), alpha * (alpha * X) - 2 * alpha * v, rtol=1e-5, atol=1e-5)


def test_discrete_back_to_epsilon_is_the_model_it_was(denoiser: Model) -> None:
    back = nodes.discrete(nodes.discrete(denoiser, "v_prediction"), "epsilon")
    at = step(denoiser.betas, 2.0)
    assert torch.equal(clean(back, at), clean(denoiser, at))


def test_discrete_zero_snr_ends_in_noise_alone(denoiser: Model) -> None:
    made = nodes.discrete(denoiser, "v_prediction", True)
    assert isinstance(made.betas, BetaSchedule)
    assert isinstance(denoiser.betas, BetaSchedule)
    assert made.betas.alphas_cumprod[-1] == 0
    assert made.betas.alphas_cumprod[0] == pytest.approx(denoiser.betas.alphas_cumprod[0])


def test_x0_takes_the_answer_as_the_picture(denoiser: Model) -> None:
    made = nodes.x0(denoiser)
    at = step(made.betas, 2.0)
    expected = answer(denoiser, X / math.sqrt(5), at.timestep)
    assert_close(clean(made, at), expected, rtol=1e-4, atol=1e-5)


def test_lcm_clean_latent_is_the_scheduler_s(denoiser: Model) -> None:
    from diffusers.schedulers.scheduling_lcm import LCMScheduler

    made = nodes.lcm(denoiser)
    table = schedules.sigma_table(made.betas)
    at = step(made.betas, float(table[599]))
    assert at.timestep == pytest.approx(599)
    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, clip_sample=False)
    scheduler.set_timesteps(50)
    x = X / math.sqrt(1 + at.sigma**2)
    epsilon = answer(denoiser, x, 599.0)
    expected = scheduler.step(epsilon, 599, x, generator=torch.Generator()).denoised
    assert_close(clean(made, at), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("prediction", "sign"), [("edm", 1), ("v_prediction", -1)])
def test_edm_is_karras_preconditioning(denoiser: Model, prediction: str, sign: int) -> None:
    data = 0.5
    made = nodes.edm(denoiser, prediction, 0.01, 80.0, data)
    assert made.betas == ContinuousSchedule(0.01, 80.0)
    at = step(made.betas, 3.0)
    total = math.sqrt(data**2 + 9)
    output = answer(denoiser, X / total, math.log(3.0) / 4)
    expected = data**2 / total**2 * X + sign * 3 * data / total * output
    assert_close(clean(made, at), expected, rtol=1e-5, atol=1e-5)


def test_edm_table_ends_where_it_is_told(denoiser: Model) -> None:
    table = schedules.sigma_table(nodes.edm(denoiser, "edm", 0.01, 80.0).betas)
    assert table[0] == pytest.approx(0.01)
    assert table[-1] == pytest.approx(80)


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (1.0, 1.0)])
def test_edm_refuses_ends_the_wrong_way_round(denoiser: Model, low: float, high: float) -> None:
    with pytest.raises(InputError, match="below sigma_max"):
        nodes.edm(denoiser, "edm", low, high)


def test_edm_refuses_clean_latents_without_spread(denoiser: Model) -> None:
    with pytest.raises(InputError, match="sigma_data"):
        nodes.edm(denoiser, "edm", 0.002, 120.0, 0.0)


def test_flow_levels_are_shifted(denoiser: Model) -> None:
    made = nodes.flow(denoiser, 3.0)
    assert (made.prediction, made.sigma_data) == ("flow", 1.0)
    t = np.arange(1, 1001) / 1000
    np.testing.assert_allclose(schedules.sigma_table(made.betas), 3 * t / (1 + 2 * t))
    assert schedules.timestep_of_sigma(made.betas, 0.25) == 250


def test_flow_keeps_the_clock_of_a_flow(denoiser: Model) -> None:
    made = nodes.flow(nodes.aura(denoiser, 1.73), 6.0)
    assert made.betas == FlowSchedule(shift=6.0, multiplier=1.0)


def test_aura_is_told_sigma_itself(denoiser: Model) -> None:
    made = nodes.aura(denoiser)
    assert made.betas == FlowSchedule(shift=1.73, multiplier=1.0)


def test_flux_shift_is_the_pipeline_s(denoiser: Model) -> None:
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    for width, height in ((1024, 1024), (256, 256), (512, 768), (2048, 1024)):
        mu = calculate_shift(width * height // 256)
        made = nodes.flux(denoiser, 1.15, 0.5, width, height)
        assert isinstance(made.betas, FlowSchedule)
        assert made.betas.shift == pytest.approx(math.exp(mu))
        assert made.betas.multiplier == 1


def test_flux_levels_are_the_scheduler_s(denoiser: Model) -> None:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / 8, 8), mu=0.8)
    tokens = 256 + (0.8 - 0.5) / (1.15 - 0.5) * (4096 - 256)
    shift = schedules.shift_for_tokens(tokens, 0.5, 1.15, 256, 4096)
    got = schedules.simple(FlowSchedule(shift, 1.0), 8).values
    np.testing.assert_allclose(got, scheduler.sigmas.numpy(), rtol=1e-6)


@pytest.mark.parametrize("change", [nodes.flow, nodes.aura])
def test_shifts_must_be_above_zero(denoiser: Model, change: Any) -> None:
    with pytest.raises(InputError, match="shift: got 0"):
        change(denoiser, 0.0)


def test_flux_needs_a_picture(denoiser: Model) -> None:
    with pytest.raises(InputError, match="width: got 8 px"):
        nodes.flux(denoiser, 1.15, 0.5, 8, 1024)


@pytest.mark.parametrize("change", [nodes.discrete, nodes.x0, nodes.lcm])
def test_a_flow_has_no_timesteps_to_be_read_otherwise(denoiser: Model, change: Any) -> None:
    with pytest.raises(InputError, match="a model of a flow"):
        change(nodes.flow(denoiser))
    with pytest.raises(InputError, match="any noise level"):
        change(nodes.edm(denoiser))
