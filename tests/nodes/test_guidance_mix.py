"""Guidance by several predictions: identities first, then the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import guidance, guidance_mix
from nodes.types import NoisePrediction, Step


def prediction(seed: int) -> NoisePrediction:
    generator = torch.Generator().manual_seed(seed)
    return NoisePrediction(torch.randn(2, 4, 8, 8, generator=generator))


A, B, C = prediction(1), prediction(2), prediction(3)


def step(index: int, count: int = 11) -> Step:
    return Step(index, count, 2.0, 1.0, 500.0, 400.0)


def test_push_away_by_nothing_changes_nothing() -> None:
    assert torch.equal(guidance_mix.push_away(A, B, C, 0.0).samples, A.samples)
    assert_close(guidance_mix.push_away(A, B, B, 5.0).samples, A.samples)


def test_push_away_is_the_sum_that_diffusers_makes() -> None:
    from diffusers.guiders import PerturbedAttentionGuidance

    theirs = PerturbedAttentionGuidance(
        guidance_scale=7.5,
        perturbed_guidance_scale=3.0,
        perturbed_guidance_layers=[0],
        perturbed_guidance_start=0.0,
        perturbed_guidance_stop=1.0,
    )
    theirs.set_state(step=1, num_inference_steps=10, timestep=torch.tensor(1))
    expected = theirs.forward(A.samples, B.samples, C.samples).pred
    guided = guidance.cfg_combine(A, B, 7.5)
    assert_close(guidance_mix.push_away(guided, A, C, 3.0).samples, expected)


def test_dual_without_a_say_of_the_picture_is_plain_guidance() -> None:
    found = guidance_mix.dual(A, B, B, text_scale=7.5, image_scale=1.5)
    assert_close(found.samples, guidance.cfg_combine(A, B, 7.5).samples)
    assert_close(guidance_mix.dual(A, B, C, 1.0, 1.0).samples, A.samples)


def test_dual_is_the_sum_of_instruct_pix2pix() -> None:
    both, image, neither = (p.samples.numpy() for p in (A, B, C))
    expected = neither + 6.0 * (both - image) + 1.2 * (image - neither)
    found = guidance_mix.dual(A, B, C, text_scale=6.0, image_scale=1.2).samples
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_compose_of_one_prompt_is_plain_guidance() -> None:
    found = guidance_mix.compose([A], B, [1.0], 7.5)
    assert_close(found.samples, guidance.cfg_combine(A, B, 7.5).samples)


def test_compose_adds_what_each_prompt_wants() -> None:
    expected = C.samples + 5 * (0.5 * (A.samples - C.samples) - (B.samples - C.samples))
    assert_close(guidance_mix.compose([A, B], C, [0.5, -1.0], 5.0).samples, expected)


def test_compose_wants_a_weight_for_each_prediction() -> None:
    with pytest.raises(InputError, match="1 weights"):
        guidance_mix.compose([A, B], C, [1.0], 5.0)


def test_perpendicular_ignores_a_negative_prompt_that_says_the_same() -> None:
    found = guidance_mix.perpendicular(A, A, C, negative_scale=3.0, scale=7.5)
    assert_close(found.samples, guidance.cfg_combine(A, C, 7.5).samples, rtol=1e-4, atol=1e-4)
    without = guidance_mix.perpendicular(A, B, C, negative_scale=0.0, scale=7.5)
    assert_close(without.samples, guidance.cfg_combine(A, C, 7.5).samples)


def test_perpendicular_takes_off_what_lies_across_the_wanted() -> None:
    found = guidance_mix.perpendicular(A, B, C, negative_scale=2.0, scale=1.0).samples
    for k in range(2):
        p = (A.samples - C.samples)[k].flatten().double().numpy()
        n = (B.samples - C.samples)[k].flatten().double().numpy()
        across = n - n @ p / (p @ p) * p
        assert across @ p == pytest.approx(0, abs=1e-9)
        expected = C.samples[k].flatten().numpy() + p - 2 * across
        np.testing.assert_allclose(found[k].flatten().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_scale_over_steps_goes_from_first_to_last(shape: str) -> None:
    scales = [guidance_mix.scale_over_steps(step(i), 8.0, 2.0, shape) for i in range(11)]
    assert (scales[0], scales[5], scales[10]) == (8.0, pytest.approx(5.0), pytest.approx(2.0))
    assert scales == sorted(scales, reverse=True)
    assert guidance_mix.scale_over_steps(step(0, 1), 8.0, 2.0, shape) == 8.0


def test_scale_in_interval_guides_there_alone() -> None:
    scales = [guidance_mix.scale_in_interval(step(i, 10), 7.5, 1.0, 0.2, 0.8) for i in range(10)]
    assert scales == [1.0] * 2 + [7.5] * 6 + [1.0] * 2
