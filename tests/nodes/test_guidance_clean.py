"""Guidance on clean latents: what it is where it does nothing, then diffusers and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import guidance, guidance_clean
from nodes.types import Denoised, History, NoisePrediction, Step


def randn(seed: int) -> torch.Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


A, B, C = Denoised(randn(1)), Denoised(randn(2)), Denoised(randn(3))
STEP = Step(3, 10, 2.0, 1.0, 500.0, 400.0)


def test_projected_without_its_corrections_is_plain_guidance() -> None:
    found = guidance_clean.projected(A, B, STEP, None, 7.5, eta=1.0, limit=0.0, momentum=0.0)
    assert_close(found.denoised.samples, B.samples + 7.5 * (A.samples - B.samples))


def test_projected_at_scale_1_is_cond() -> None:
    found = guidance_clean.projected(A, B, STEP, None, 1.0)
    assert_close(found.denoised.samples, A.samples)


def test_projected_is_what_diffusers_makes_of_it_over_two_steps() -> None:
    from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance

    buffer = MomentumBuffer(-0.5)
    history = None
    for cond, uncond in ((A, B), (C, A)):
        expected = normalized_guidance(
            cond.samples, uncond.samples, 6.5, buffer, 0.3, 5.0, use_original_formulation=True
        )
        found = guidance_clean.projected(cond, uncond, STEP, history, 7.5, 0.3, 5.0, -0.5)
        history = found.history
        assert_close(found.denoised.samples, expected, rtol=1e-4, atol=1e-4)
    assert isinstance(history, History)
    difference = (C.samples - A.samples) - 0.5 * (A.samples - B.samples)
    assert_close(history.entries[0][1], difference)


def test_threshold_leaves_what_is_in_range() -> None:
    small = Denoised(0.1 * A.samples)
    assert_close(guidance_clean.threshold(small, 0.995, 1.0).samples, small.samples)


def test_threshold_is_imagens_for_each_picture() -> None:
    wild = Denoised(torch.cat([5 * A.samples[:1], 2 * A.samples[1:]]))
    found = guidance_clean.threshold(wild, 0.9, 1.0).samples
    for k in range(2):
        x = wild.samples[k].double().numpy()
        s = max(np.quantile(np.abs(x), 0.9), 1.0)
        np.testing.assert_allclose(found[k].numpy(), np.clip(x, -s, s) / s, atol=1e-5)
    assert float(found.abs().max()) <= 1 + 1e-6


def test_threshold_needs_a_bound() -> None:
    with pytest.raises(InputError, match="above 0"):
        guidance_clean.threshold(A, 0.9, 0.0)


def test_threshold_mimic_of_its_own_scale_is_plain_guidance() -> None:
    cond, uncond = NoisePrediction(A.samples), NoisePrediction(B.samples)
    found = guidance_clean.threshold_mimic(cond, uncond, 7.5, 7.5, 1.0)
    assert_close(found.samples, guidance.cfg_combine(cond, uncond, 7.5).samples)


def test_threshold_mimic_reaches_as_far_as_the_lower_scale() -> None:
    cond, uncond = NoisePrediction(A.samples), NoisePrediction(B.samples)
    found = guidance_clean.threshold_mimic(cond, uncond, 20.0, 5.0, 0.99).samples
    weak = guidance.cfg_combine(cond, uncond, 5.0).samples
    strong = guidance.cfg_combine(cond, uncond, 20.0).samples
    middle = strong.mean(dim=(2, 3), keepdim=True)
    reach = (weak - weak.mean(dim=(2, 3), keepdim=True)).abs().amax(dim=(2, 3))
    assert_close((found - middle).abs().amax(dim=(2, 3)), reach, rtol=1e-4, atol=1e-4)
