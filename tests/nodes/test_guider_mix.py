"""Guiders of three prompts or two models answer what their nodes give one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import guidance, guidance_mix, guider, guider_mix
from nodes import model as nodes_model
from nodes.types import Area, Conditioning, FlowSchedule, Latent, Model, NoisePrediction, Step
from small import normal

STEP = Step(5, 20, 2.0, 1.5, 400.0, 300.0)


X = 2 * normal(1, 1, 4, 8, 8)
A, B, C = (Conditioning(normal(seed, 1, 7, 16)) for seed in (2, 3, 4))


def said(model: Model, text: Conditioning) -> NoisePrediction:
    return nodes_model.predict_noise(model, Latent(X), STEP, text)


def close(found: torch.Tensor, expected: NoisePrediction) -> None:
    assert_close(found, expected.samples, rtol=1e-4, atol=1e-5)


def test_dual_is_its_node(denoiser: Model) -> None:
    expected = guidance_mix.dual(said(denoiser, A), said(denoiser, B), said(denoiser, C), 6.0, 1.2)
    close(guider_mix.dual(denoiser, A, B, C, 6.0, 1.2).ask(X, STEP).noise, expected)


def test_nested_guides_twice(denoiser: Model) -> None:
    inner = guidance.cfg_combine(said(denoiser, A), said(denoiser, B), 1.5)
    expected = guidance.cfg_combine(inner, said(denoiser, C), 7.5)
    close(guider_mix.nested(denoiser, A, B, C, 1.5, 7.5).ask(X, STEP).noise, expected)


def test_perpendicular_is_its_node(denoiser: Model) -> None:
    expected = guidance_mix.perpendicular(
        said(denoiser, A), said(denoiser, B), said(denoiser, C), 1.5, 6.0
    )
    close(guider_mix.perpendicular(denoiser, A, B, C, 1.5, 6.0).ask(X, STEP).noise, expected)


def test_push_away_is_its_node_within_its_interval(denoiser: Model) -> None:
    worse = replace(denoiser, prediction="v_prediction")  # another answer to the same prompt
    inner = guider.cfg(denoiser, A, B, 5.0)
    pushed = guider_mix.push_away(inner, worse, A, 2.0, start=0.0, end=0.5)
    guided = NoisePrediction(inner.ask(X, STEP).noise)
    expected = guidance_mix.push_away(guided, said(denoiser, A), said(worse, A), 2.0)
    close(pushed.ask(X, STEP).noise, expected)
    late = replace(STEP, index=10)
    assert torch.equal(pushed.ask(X, late).noise, inner.ask(X, late).noise)
    twice = guider_mix.push_away(pushed, worse, A, 1.0)
    again = guidance_mix.push_away(expected, said(denoiser, A), said(worse, A), 1.0)
    close(twice.ask(X, STEP).noise, again)


def test_push_away_wants_a_model_of_the_same_kind(denoiser: Model) -> None:
    flow = replace(denoiser, prediction="flow", betas=FlowSchedule())
    with pytest.raises(InputError, match="a flow"):
        guider_mix.push_away(guider.single(denoiser, A), flow, A)


def test_tiled_of_one_window_is_plain_guidance(denoiser: Model) -> None:
    found = guider_mix.tiled(denoiser, A, B, 5.0, 64, 0).ask(X, STEP)
    assert torch.equal(found.noise, guider.cfg(denoiser, A, B, 5.0).ask(X, STEP).noise)


def test_tiled_asks_about_each_window_by_itself(denoiser: Model) -> None:
    wide = 2 * normal(9, 1, 4, 8, 16)
    found = guider_mix.tiled(denoiser, A, B, 5.0, 64, 0).ask(wide, STEP).noise
    plain = guider.cfg(denoiser, A, B, 5.0)
    for half in (slice(0, 8), slice(8, 16)):
        assert_close(found[..., half], plain.ask(wide[..., half], STEP).noise)
    blended = guider_mix.tiled(denoiser, A, B, 5.0, 64, 32).ask(wide, STEP).noise
    assert (blended - found).abs().max() > 1e-4


def test_tiled_cuts_masks_and_areas_to_the_window(denoiser: Model) -> None:
    wide = 2 * normal(9, 1, 4, 8, 16)
    left = torch.zeros(1, 64, 128)
    left[..., :64] = 1
    for first, second in (
        (replace(A, mask=left), replace(C, mask=1 - left)),
        (replace(A, area=Area(0, 0, 1, 0.5)), replace(C, area=Area(0, 0.5, 1, 0.5))),
    ):
        both = replace(first, more=(second,))
        found = guider_mix.tiled(denoiser, both, B, 5.0, 64, 0).ask(wide, STEP).noise
        for half, text in ((slice(0, 8), A), (slice(8, 16), C)):
            expected = guider.cfg(denoiser, text, B, 5.0).ask(wide[..., half], STEP).noise
            assert_close(found[..., half], expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="multiple of 8"):
        guider_mix.tiled(denoiser, A, B, 5.0, 60, 0)
