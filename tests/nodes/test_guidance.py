"""Guidance: where it does nothing, and diffusers' rescaling."""

from __future__ import annotations

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import guidance
from nodes.types import NoisePrediction


def prediction(seed: int, batch: int = 2) -> NoisePrediction:
    generator = torch.Generator().manual_seed(seed)
    return NoisePrediction(torch.randn(batch, 4, 8, 8, generator=generator))


COND, UNCOND = prediction(1), prediction(2)


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
