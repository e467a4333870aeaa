"""Worse models and latents: what they are, and that the good ones stay as they were."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import small
from nodeflow.errors import InputError
from nodes import perturb
from nodes.diffusion.attention import attentions
from nodes.diffusion.prediction import predict_epsilons, scale_input
from nodes.types import Conditioning, FlowSchedule, Latent, Mask, Model, NoisePrediction, Step
from small import normal

STEP = Step(5, 20, 2.0, 1.5, 400.0, 300.0)


X = 2 * normal(1, 1, 4, 8, 8)
TEXT = Conditioning(normal(2, 1, 7, 16))


@pytest.mark.parametrize("places", ["mid", "up", "all"])
def test_identity_attention_is_diffusers_perturbed_path(denoiser: Model, places: str) -> None:
    from diffusers.models.attention_processor import PAGIdentitySelfAttnProcessor2_0

    (before,) = predict_epsilons(denoiser, X, STEP, [TEXT])
    worse = perturb.identity_attention(denoiser, places)
    (found,) = predict_epsilons(worse, X, STEP, [TEXT])
    network = copy.deepcopy(denoiser.network)
    start = {"mid": "mid_block", "up": "up_blocks", "all": ""}[places]
    for name, module in attentions(network, cross=False).items():
        if name.startswith(start):
            module.set_processor(PAGIdentitySelfAttnProcessor2_0())
    with torch.no_grad():
        both = network(
            scale_input(X, STEP.sigma).repeat(2, 1, 1, 1),
            torch.full((2,), STEP.timestep),
            encoder_hidden_states=TEXT.embeddings.repeat(2, 1, 1),
        ).sample
    assert_close(found, both[1:], rtol=1e-4, atol=1e-5)
    assert torch.equal(predict_epsilons(denoiser, X, STEP, [TEXT])[0], before)
    assert (found - before).abs().max() > 1e-4


def test_identity_attention_says_what_places_there_are(denoiser: Model) -> None:
    with pytest.raises(InputError, match=r"there is some in .*mid_block"):
        perturb.identity_attention(denoiser, "transformer_blocks.3")


def _sd3() -> Any:
    return small.sd3(
        0, 3, sample_size=8, attention_head_dim=4, caption_projection_dim=8, pos_embed_max_size=8
    )


def test_skip_layers_is_what_diffusers_skips() -> None:
    network = _sd3()
    model = Model(network, FlowSchedule(3.0), "flow", "sd3")
    given = {
        "hidden_states": normal(3, 1, 4, 8, 8),
        "encoder_hidden_states": normal(4, 1, 5, 16),
        "pooled_projections": normal(5, 1, 12),
        "timestep": torch.tensor([500.0]),
        "return_dict": False,
    }
    with torch.no_grad():
        worse = perturb.skip_layers(model, [1]).network
        assert_close(worse(**given)[0], network(**given, skip_layers=[1])[0])
        assert (worse(**given)[0] - network(**given)[0]).abs().max() > 1e-5
        assert_close(perturb.skip_layers(model, []).network(**given), network(**given))


def test_skip_layers_counts_the_blocks(denoiser: Model) -> None:
    model = Model(_sd3(), FlowSchedule(3.0), "flow", "sd3")
    with pytest.raises(InputError, match=r"0\.\.2"):
        perturb.skip_layers(model, [3])
    with pytest.raises(InputError, match="identity_attention"):
        perturb.skip_layers(denoiser, [0])


def test_blur_attended_blurs_under_the_mask_alone() -> None:
    eps = NoisePrediction(normal(6, 1, 4, 8, 8))
    half = torch.zeros(1, 4, 4)
    half[..., :2] = 1
    found = perturb.blur_attended(Latent(X), eps, STEP, Mask(half), 1.0).samples
    assert torch.equal(found[..., 4:], X[..., 4:])
    clean = (X - STEP.sigma * eps.samples)[0, 0].double().numpy()
    line = np.array([math.exp(-(k**2) / 2) for k in range(-4, 5)])
    kernel = np.outer(line, line) / line.sum() ** 2
    padded = np.pad(clean, 4, mode="reflect")
    for row, column in ((0, 0), (3, 2), (7, 3)):
        blurred = (padded[row : row + 9, column : column + 9] * kernel).sum()
        expected = blurred + STEP.sigma * float(eps.samples[0, 0, row, column])
        assert float(found[0, 0, row, column]) == pytest.approx(expected, abs=1e-4)


def test_blur_attended_of_an_even_picture_changes_nothing() -> None:
    eps = NoisePrediction(normal(6, 1, 4, 16, 16))
    even = Latent(torch.full((1, 4, 16, 16), 0.7) + STEP.sigma * eps.samples)
    found = perturb.blur_attended(even, eps, STEP, Mask(torch.ones(1, 8, 8)), 2.0)
    assert_close(found.samples, even.samples, rtol=1e-4, atol=1e-5)


def test_blur_attended_keeps_the_share_of_the_picture_in_a_flow() -> None:
    step = Step(5, 20, 0.75, 0.5, 750.0, 500.0, flow=True)
    clean, eps = normal(7, 1, 4, 8, 8), normal(8, 1, 4, 8, 8)
    x = Latent(0.25 * clean + 0.75 * eps)
    velocity = NoisePrediction(eps - clean)
    found = perturb.blur_attended(x, velocity, step, Mask(torch.ones(1, 8, 8)), 1.0).samples
    from nodes.diffusion.perturbation import gaussian_blur

    expected = 0.25 * gaussian_blur(clean, 1.0) + 0.75 * eps
    assert_close(found, expected, rtol=1e-4, atol=1e-5)
