"""Guidance: where it does nothing, and diffusers' rescaling."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import guidance
from nodes.diffusion.prediction import epsilon_of, velocity_of
from nodes.types import Latent, NoisePrediction, Step


def prediction(seed: int, batch: int = 2) -> NoisePrediction:
    generator = torch.Generator().manual_seed(seed)
    return NoisePrediction(torch.randn(batch, 4, 8, 8, generator=generator))


COND, UNCOND = prediction(1), prediction(2)
LATENT, STEP = Latent(prediction(6).samples), Step(0, 1, 2.0, 0.0, 400.0, 0.0)


def test_cfg_combine_at_zero_is_uncond() -> None:
    assert torch.equal(guidance.cfg_combine(COND, UNCOND, 0.0).samples, UNCOND.samples)


def test_cfg_combine_at_one_is_cond() -> None:
    assert_close(guidance.cfg_combine(COND, UNCOND, 1.0).samples, COND.samples)


@pytest.mark.parametrize("scale", [0.0, 1.0, 7.5, 30.0])
def test_cfg_combine_of_equals_is_that(scale: float) -> None:
    assert torch.equal(guidance.cfg_combine(COND, COND, scale).samples, COND.samples)


def test_cfg_combine_is_a_line_through_both() -> None:
    expected = 7.5 * COND.samples - 6.5 * UNCOND.samples
    assert_close(guidance.cfg_combine(COND, UNCOND, 7.5).samples, expected, rtol=1e-5, atol=1e-5)


def test_cfg_combine_wants_one_shape() -> None:
    with pytest.raises(InputError, match=r"uncond: got \[1, 4, 8, 8\]"):
        guidance.cfg_combine(COND, prediction(3, batch=1), 7.5)


def test_rescale_by_nothing_is_nothing() -> None:
    guided = guidance.cfg_combine(COND, UNCOND, 7.5)
    assert torch.equal(guidance.rescale(guided, COND, 0.0).samples, guided.samples)


def test_rescale_in_full_has_the_spread_of_cond() -> None:
    guided = guidance.cfg_combine(COND, UNCOND, 7.5)
    rescaled = guidance.rescale(guided, COND, 1.0).samples
    assert_close(rescaled.std(dim=(1, 2, 3)), COND.samples.std(dim=(1, 2, 3)))


@pytest.mark.parametrize("amount", [0.3, 0.7, 1.0])
def test_rescale_is_diffusers(amount: float) -> None:
    guided = guidance.cfg_combine(COND, UNCOND, 7.5)
    expected = rescale_noise_cfg(guided.samples, COND.samples, amount)
    ours = guidance.rescale(guided, COND, amount).samples
    assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_rescale_of_a_flat_prediction_stays_finite() -> None:
    flat = NoisePrediction(torch.ones(1, 4, 8, 8))
    assert torch.equal(guidance.rescale(flat, prediction(1, 1), 0.7).samples, flat.samples)


def test_rescale_wants_one_shape() -> None:
    with pytest.raises(InputError, match="cond: got"):
        guidance.rescale(COND, prediction(3, batch=1), 0.7)


def test_rescale_and_rescale_v_refuse_an_amount_above_one() -> None:
    with pytest.raises(InputError, match=r"amount: got 1\.2, expected 0\.\.1"):
        guidance.rescale(COND, COND, 1.2)
    with pytest.raises(InputError, match=r"amount: got 1\.2, expected 0\.\.1"):
        guidance.rescale_v(COND, COND, LATENT, STEP, 1.2)


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
def test_rescale_v_is_diffusers_on_what_the_network_said(sigma: float) -> None:
    step = replace(STEP, sigma=sigma)
    wanted, without = prediction(4).samples, prediction(5).samples  # as v
    guided = without + 7.5 * (wanted - without)
    expected = rescale_noise_cfg(guided, wanted, 0.7)

    def as_noise(v: torch.Tensor) -> NoisePrediction:
        return NoisePrediction(epsilon_of(v, LATENT.samples, sigma, "v_prediction"))

    combined = guidance.cfg_combine(as_noise(wanted), as_noise(without), 7.5)
    ours = guidance.rescale_v(combined, as_noise(wanted), LATENT, step, 0.7)
    # Through epsilon and back: at sigma 14.6, v is the difference of numbers 15 times as large.
    assert_close(ours.samples, as_noise(expected).samples, rtol=1e-4, atol=1e-4)


def test_rescale_v_works_where_rescale_does_nothing() -> None:
    """Near pure noise epsilon is x / sigma under any prompt: its spread tells nothing of glare."""
    step = replace(STEP, sigma=1000.0)
    x = Latent(1000 * LATENT.samples)
    cond, guided = (
        NoisePrediction(epsilon_of(k * COND.samples, x.samples, 1000.0, "v_prediction"))
        for k in (1, 5)
    )
    on_epsilon = guidance.rescale(guided, cond, 1.0).samples
    assert_close(on_epsilon, guided.samples, rtol=1e-2, atol=1e-2)
    found = guidance.rescale_v(guided, cond, x, step, 1.0)
    assert_close(velocity_of(found.samples, x.samples, 1000.0), COND.samples, rtol=0.01, atol=0.01)


def test_rescale_v_by_nothing_is_nothing() -> None:
    found = guidance.rescale_v(COND, UNCOND, LATENT, STEP, 0.0)
    assert_close(found.samples, COND.samples, rtol=1e-5, atol=1e-5)


def test_rescale_v_wants_one_shape() -> None:
    with pytest.raises(InputError, match="latent: got"):
        guidance.rescale_v(COND, COND, Latent(prediction(3, batch=1).samples), STEP)
