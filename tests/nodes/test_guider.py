"""Each guider answers what its nodes give one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import guidance, guidance_clean, guidance_mix, guider
from nodes import model as nodes_model
from nodes.types import Conditioning, Latent, Model, NoisePrediction, Step
from small import normal

STEP = Step(5, 20, 2.0, 1.5, 400.0, 300.0)


X = 2 * normal(1, 1, 4, 8, 8)
A, B, C = (Conditioning(normal(seed, 1, 7, 16)) for seed in (2, 3, 4))


def said(model: Model, text: Conditioning, step: Step = STEP) -> NoisePrediction:
    return nodes_model.predict_noise(model, Latent(X), step, text)


def close(found: torch.Tensor, expected: NoisePrediction) -> None:
    """Texts of one batch differ from texts asked alone by rounding."""
    assert_close(found, expected.samples, rtol=1e-4, atol=1e-5)


def test_single_is_the_model_itself(denoiser: Model) -> None:
    answer = guider.single(denoiser, A).ask(X, STEP)
    assert torch.equal(answer.noise, said(denoiser, A).samples)
    assert answer.uncond is None


def test_cfg_combines_both_prompts(denoiser: Model) -> None:
    answer = guider.cfg(denoiser, A, B, 7.5).ask(X, STEP)
    close(answer.noise, guidance.cfg_combine(said(denoiser, A), said(denoiser, B), 7.5))
    assert answer.uncond is not None
    close(answer.uncond, said(denoiser, B))


def test_cfg_at_scale_1_does_not_ask_the_negative_prompt(denoiser: Model) -> None:
    answer = guider.cfg(denoiser, A, B, 1.0).ask(X, STEP)
    assert torch.equal(answer.noise, said(denoiser, A).samples)
    assert answer.uncond is None


def test_cfg_in_interval_is_unguided_outside(denoiser: Model) -> None:
    one = guider.cfg_in_interval(denoiser, A, B, 7.5, 1.0, start=0.25, end=0.5)
    inside, outside = one.ask(X, STEP), one.ask(X, replace(STEP, index=10))
    assert torch.equal(inside.noise, guider.cfg(denoiser, A, B, 7.5).ask(X, STEP).noise)
    assert torch.equal(outside.noise, said(denoiser, A).samples)


def test_cfg_over_steps_takes_the_scale_of_its_node(denoiser: Model) -> None:
    scale = guidance_mix.scale_over_steps(STEP, 9.0, 2.0, "cosine")
    found = guider.cfg_over_steps(denoiser, A, B, 9.0, 2.0, "cosine").ask(X, STEP)
    assert torch.equal(found.noise, guider.cfg(denoiser, A, B, scale).ask(X, STEP).noise)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_cfg_rescaled_is_the_node_for_the_models_prediction(denoiser: Model, kind: str) -> None:
    model = replace(denoiser, prediction=kind)
    cond, uncond = said(model, A), said(model, B)
    guided = guidance.cfg_combine(cond, uncond, 7.5)
    if kind == "epsilon":
        expected = guidance.rescale(guided, cond, 0.7)
    else:
        expected = guidance.rescale_v(guided, cond, Latent(X), STEP, 0.7)
    close(guider.cfg_rescaled(model, A, B, 7.5, 0.7).ask(X, STEP).noise, expected)


def test_projected_is_its_node_without_momentum(denoiser: Model) -> None:
    cond, uncond = (
        nodes_model.to_denoised(Latent(X), said(denoiser, text), STEP) for text in (A, B)
    )
    clean = guidance_clean.projected(cond, uncond, STEP, None, 7.5, 0.2, 3.0, 0.0).denoised
    expected = nodes_model.to_noise(Latent(X), clean, STEP)
    close(guider.projected(denoiser, A, B, 7.5, 0.2, 3.0).ask(X, STEP).noise, expected)


def test_threshold_mimic_is_its_node(denoiser: Model) -> None:
    cond, uncond = said(denoiser, A), said(denoiser, B)
    expected = guidance_clean.threshold_mimic(cond, uncond, 15.0, 5.0, 0.95)
    found = guider.threshold_mimic(denoiser, A, B, 15.0, 5.0, 0.95).ask(X, STEP)
    close(found.noise, expected)


def test_composed_is_its_node(denoiser: Model) -> None:
    conds = [said(denoiser, A), said(denoiser, B)]
    expected = guidance_mix.compose(conds, said(denoiser, C), [1.0, -0.5], 5.0)
    found = guider.composed(denoiser, [A, B], [1.0, -0.5], C, 5.0)
    close(found.ask(X, STEP).noise, expected)
    assert [port for port, _ in found.texts] == ["positives", "positives", "negative"]
    with pytest.raises(InputError, match="1 weights"):
        guider.composed(denoiser, [A, B], [1.0], C, 5.0)
