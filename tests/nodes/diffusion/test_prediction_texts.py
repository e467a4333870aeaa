"""Several texts, each with its place, time and weight; what else a UNet is told."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import small
from nodes.diffusion import prediction
from nodes.types import Area, Conditioning, Control, Model, PictureSize, Span, Step
from small import SD, normal

STEP = Step(4, 20, 2.0, 1.5, 400.0, 300.0)


X = 2 * normal(1, 1, 4, 16, 16)
A, B = Conditioning(normal(2, 1, 5, 16)), Conditioning(normal(3, 1, 7, 16))
LEFT, RIGHT = Area(0.0, 0.0, 1.0, 0.5), Area(0.0, 0.5, 1.0, 0.5)


def ask(model: Model, text: Conditioning, x: torch.Tensor = X, **more: Any) -> torch.Tensor:
    return prediction.predict_epsilons(model, x, STEP, [text], **more)[0]


def test_strengths_are_the_weights_of_the_mean(denoiser: Model) -> None:
    mixed = replace(A, strength=3.0, more=(replace(B, strength=1.0),))
    assert_close(ask(denoiser, mixed), (3 * ask(denoiser, A) + ask(denoiser, B)) / 4)


def test_the_strength_of_a_text_alone_changes_nothing(denoiser: Model) -> None:
    assert_close(ask(denoiser, replace(A, strength=0.4)), ask(denoiser, A))


def test_a_masked_text_counts_under_its_mask_alone(denoiser: Model) -> None:
    mask = torch.zeros(1, 16, 16)
    mask[..., :8] = 1
    both = replace(A, mask=mask, more=(replace(B, mask=1 - mask),))
    found = ask(denoiser, both)
    assert_close(found[..., :8], ask(denoiser, A)[..., :8])
    assert_close(found[..., 8:], ask(denoiser, B)[..., 8:])


def test_an_area_is_predicted_for_as_a_picture_of_its_own(denoiser: Model) -> None:
    both = replace(A, area=LEFT, more=(replace(B, area=RIGHT),))
    found = ask(denoiser, both)
    assert_close(found[..., :8], ask(denoiser, A, X[..., :8]))
    assert_close(found[..., 8:], ask(denoiser, B, X[..., 8:]))


def test_a_text_for_all_of_the_picture_shows_where_an_area_fades(denoiser: Model) -> None:
    found = ask(denoiser, replace(A, more=(replace(B, area=LEFT),)))
    assert_close(found[..., 8:], ask(denoiser, A)[..., 8:])
    assert (found[..., :8] - ask(denoiser, A)[..., :8]).abs().max() > 1e-3


def test_a_place_without_a_text_is_an_error(denoiser: Model) -> None:
    with pytest.raises(ValueError, match="a part of the picture has no text"):
        ask(denoiser, replace(A, area=LEFT))


def test_a_text_counts_in_its_span_only(denoiser: Model) -> None:
    later = replace(B, spans=(Span(0.5, 1.0, "steps"),))
    assert torch.equal(ask(denoiser, replace(A, more=(later,))), ask(denoiser, A))
    now = replace(B, spans=(Span(0.0, 0.5, "steps"),))
    assert_close(ask(denoiser, replace(A, more=(now,))), (ask(denoiser, A) + ask(denoiser, B)) / 2)
    with pytest.raises(ValueError, match="no text holds at step 4 of 20"):
        ask(denoiser, later)


def test_batches_take_their_own_row_of_everything(denoiser: Model) -> None:
    masks = torch.stack([torch.ones(16, 16), torch.zeros(16, 16)])
    text = replace(A, mask=masks, more=(replace(B, mask=1 - masks),))
    x = torch.cat([X, 2 * normal(9, 1, 4, 16, 16)])
    found = ask(denoiser, text, x)
    assert_close(found[:1], ask(denoiser, A, x[:1]))
    assert_close(found[1:], ask(denoiser, B, x[1:]))
    (together,) = prediction.in_one_batch(denoiser, x, STEP, [text])
    assert_close(together, found, rtol=1e-4, atol=1e-5)


def test_control_is_added_inside_the_network(denoiser: Model) -> None:
    network = denoiser.network
    with torch.no_grad():
        shapes = _residual_shapes(network)
    nothing = Control(
        (
            ("down_block_additional_residuals", tuple(torch.zeros(s) for s in shapes[:-1])),
            ("mid_block_additional_residual", (torch.zeros(shapes[-1]),)),
        )
    )
    assert torch.equal(ask(denoiser, A, control=nothing), ask(denoiser, A))
    some = Control(tuple((name, tuple(t + 0.5 for t in ts)) for name, ts in nothing.residuals))
    found = ask(denoiser, A, control=some)
    c = 1 / math.sqrt(1 + STEP.sigma**2)
    with torch.no_grad():
        expected = network(
            c * X,
            torch.tensor([STEP.timestep]),
            encoder_hidden_states=A.embeddings,
            down_block_additional_residuals=list(some.residuals[0][1]),
            mid_block_additional_residual=some.residuals[1][1][0],
        ).sample
    assert_close(found, expected)
    both = prediction.predict_epsilons(denoiser, X, STEP, [A, A], some)
    assert_close(both[1], found, rtol=1e-4, atol=1e-5)


def _residual_shapes(network: Any) -> list[torch.Size]:
    """Of what a ControlNet of this network gives: the inputs of the up blocks, then the middle."""
    seen: list[torch.Size] = []
    hooks = [network.conv_in.register_forward_hook(lambda m, a, o: seen.append(o.shape))]
    for block in network.down_blocks:
        hooks.append(
            block.register_forward_hook(lambda m, a, o: seen.extend(t.shape for t in o[1]))
        )
    hooks.append(network.mid_block.register_forward_hook(lambda m, a, o: seen.append(o.shape)))
    ask(Model(network, SD), A)
    for hook in hooks:
        hook.remove()
    return seen


def test_sdxl_is_told_sizes_and_the_text_as_one_vector() -> None:
    network = small.unet(5, **small.told_sizes(4, pooled=10))
    model = Model(network, SD, family="sdxl")
    pooled = normal(7, 1, 10)
    told = replace(A, pooled=pooled, size=PictureSize((512, 384), (8, 16), (128, 256)))
    for text, ids in (
        (told, [512.0, 384.0, 8.0, 16.0, 128.0, 256.0]),
        (replace(told, size=None), [128.0, 128.0, 0.0, 0.0, 128.0, 128.0]),
    ):
        with torch.no_grad():
            expected = network(
                prediction.scale_input(X, STEP.sigma),
                torch.tensor([STEP.timestep]),
                encoder_hidden_states=A.embeddings,
                added_cond_kwargs={"text_embeds": pooled, "time_ids": torch.tensor([ids])},
            ).sample
        assert_close(ask(model, text), expected)


def test_the_refiner_is_told_a_score() -> None:
    network = small.unet(
        5,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=5 * 4 + 10,
    )
    pooled = normal(7, 1, 10)
    text = replace(A, pooled=pooled, size=PictureSize((64, 32), score=2.5))
    with torch.no_grad():
        expected = network(
            prediction.scale_input(X, STEP.sigma),
            torch.tensor([STEP.timestep]),
            encoder_hidden_states=A.embeddings,
            added_cond_kwargs={
                "text_embeds": pooled,
                "time_ids": torch.tensor([[64.0, 32.0, 0.0, 0.0, 2.5]]),
            },
        ).sample
    assert_close(ask(Model(network, SD, family="sdxl_refiner"), text), expected)


def test_lcm_guidance_is_embedded_as_diffusers_does_it() -> None:
    from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
        LatentConsistencyModelPipeline,
    )

    network = small.unet(5, time_cond_proj_dim=32)
    embed = LatentConsistencyModelPipeline.get_guidance_scale_embedding
    waves = embed(None, torch.tensor([4.0 - 1]), embedding_dim=32)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = network(
            prediction.scale_input(X, STEP.sigma),
            torch.tensor([STEP.timestep]),
            encoder_hidden_states=A.embeddings,
            timestep_cond=waves,
        ).sample
    found = ask(Model(network, SD), replace(A, guidance=4.0))
    assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_channels_beside_the_latent_reach_the_network() -> None:
    network = small.unet(5, in_channels=9, out_channels=4)
    beside = normal(8, 1, 5, 16, 16)
    with torch.no_grad():
        expected = network(
            torch.cat([prediction.scale_input(X, STEP.sigma), beside], dim=1),
            torch.tensor([STEP.timestep]),
            encoder_hidden_states=A.embeddings,
        ).sample
    assert_close(ask(Model(network, SD), replace(A, concat=beside)), expected)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 40.0])
@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_edm_answers_are_read_as_diffusers_reads_them(sigma: float, spread: float) -> None:
    from diffusers.schedulers import EDMEulerScheduler

    for kind, name in (("edm", "epsilon"), ("v_prediction", "v_prediction")):
        scheduler = EDMEulerScheduler(sigma_data=spread, prediction_type=name)
        answer = normal(3, 1, 4, 16, 16)
        clean = scheduler.precondition_outputs(X, answer, torch.tensor(sigma))
        found = X - sigma * prediction.epsilon_of(answer, X, sigma, kind, spread)
        assert_close(found, clean, rtol=1e-4, atol=1e-4)
        scaled = scheduler.precondition_inputs(X, sigma)
        assert_close(prediction.scale_input(X, sigma, spread), scaled)


def test_lcm_answers_are_read_as_diffusers_reads_them(denoiser: Model) -> None:
    from diffusers.schedulers import LCMScheduler

    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    c_skip, c_out = scheduler.get_scalings_for_boundary_condition_discrete(STEP.timestep)
    epsilon = ask(denoiser, A)
    clean = X - STEP.sigma * epsilon
    expected = c_out * clean + c_skip * prediction.scale_input(X, STEP.sigma)
    found = X - STEP.sigma * ask(replace(denoiser, prediction="lcm"), A)
    assert_close(found, expected, rtol=1e-4, atol=1e-4)
