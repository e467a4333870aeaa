"""What the network's answer means, from the definitions of its parameterisations."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from nodes.diffusion import prediction
from nodes.types import Conditioning, Model, Step
from small import normal

CLEAN, EPS = normal(1, 1, 4, 8, 8), normal(2, 1, 4, 8, 8)


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
def test_epsilon_of_each_parameterisation(sigma: float) -> None:
    x, c = CLEAN + sigma * EPS, 1 / math.sqrt(1 + sigma**2)
    answers = {"epsilon": EPS, "v_prediction": c * EPS - sigma * c * CLEAN, "sample": CLEAN}
    for name, answer in answers.items():
        # (x - x0) / sigma loses digits where sigma is small: 1e-7 / 0.03.
        assert_close(prediction.epsilon_of(answer, x, sigma, name), EPS, rtol=1e-4, atol=2e-5)


def test_v_prediction_is_finite_at_sigma_zero() -> None:
    assert_close(prediction.epsilon_of(EPS, CLEAN, 0.0, "v_prediction"), EPS)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 14.6])
def test_scale_input_makes_the_spread_one(sigma: float) -> None:
    clean, eps = normal(1, 1, 4, 128, 128), normal(2, 1, 4, 128, 128)
    spread = float(prediction.scale_input(clean + sigma * eps, sigma).std())
    assert spread == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
def test_velocity_of_is_the_inverse_of_epsilon_of(sigma: float) -> None:
    x = CLEAN + sigma * EPS
    back = prediction.epsilon_of(prediction.velocity_of(EPS, x, sigma), x, sigma, "v_prediction")
    assert_close(back, EPS, rtol=1e-5, atol=1e-5)
    c = 1 / math.sqrt(1 + sigma**2)
    v = c * EPS - sigma * c * CLEAN
    assert_close(prediction.velocity_of(EPS, x, sigma), v, rtol=1e-4, atol=1e-4)


def test_in_one_batch_is_one_picture_at_a_time(denoiser: Model) -> None:
    """What an accelerator does, on a CPU: pictures, texts and paddings stay with their own."""
    step, x = Step(0, 1, 2.0, 0.0, 400.0, 0.0), 2 * normal(6, 3, 4, 8, 8)
    own = Conditioning(normal(7, 3, 5, 16), more=(Conditioning(normal(8, 1, 9, 16)),))
    shared = Conditioning(normal(9, 1, 7, 16))
    together = prediction.in_one_batch(denoiser, x, step, [own, shared])
    alone = prediction.predict_epsilons(denoiser, x, step, [own, shared])
    for whole, each in zip(together, alone, strict=True):
        assert_close(whole, each, rtol=1e-5, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 0.01


def test_padding_is_not_seen(denoiser: Model) -> None:
    """A short text beside a long one is predicted for as if it were alone."""
    step = Step(0, 1, 2.0, 0.0, 400.0, 0.0)
    short = Conditioning(normal(3, 1, 3, 16))
    answers = [
        prediction.predict_epsilons(denoiser, CLEAN, step, [short, Conditioning(long)])[0]
        for long in (normal(4, 1, 9, 16), 50 * normal(5, 1, 9, 16))
    ]
    assert torch.equal(answers[0], answers[1])
    alone = prediction.predict_epsilons(denoiser, CLEAN, step, [short])[0]
    assert_close(answers[0], alone, rtol=1e-5, atol=1e-5)


def test_texts_of_a_conditioning_are_itself_and_more() -> None:
    a, b = Conditioning(normal(1, 1, 3, 16)), Conditioning(normal(2, 1, 5, 16))
    assert prediction.texts_of(a) == (a,)
    assert len(prediction.texts_of(replace(a, more=(b, b)))) == 3
