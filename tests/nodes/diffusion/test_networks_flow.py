"""Runs of flow transformers equal diffusers' pipelines on the same weights and noise.

Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per operation, carried over the steps.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import small
from nodeflow.errors import InputError
from nodes import checks
from nodes.diffusion import networks, networks_flow, schedules
from nodes.diffusion.networks_flow import packed, places, unpacked
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import Control, FlowSchedule, Latent, Model, Sigmas, Step
from small import SCALE, normal, run, seeded

WIDTH, CHANNELS, STEPS = 24, 4, 5

text = partial(small.text, width=WIDTH)
new_sd3 = partial(small.sd3, joint_attention_dim=WIDTH)
new_flux = partial(small.flux, joint_attention_dim=WIDTH)


def new_auraflow() -> Any:
    from diffusers.models.transformers.auraflow_transformer_2d import AuraFlowTransformer2DModel

    with seeded(3):
        return AuraFlowTransformer2DModel(
            sample_size=16,
            in_channels=CHANNELS,
            out_channels=CHANNELS,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            caption_projection_dim=16,
            pos_embed_max_size=64,
        ).eval()


POSITIVE, NEGATIVE = text(1), text(2)
NOISE = normal(3, 1, CHANNELS, 8, 12)
CLEAN = normal(4, 1, CHANNELS, 8, 12)


def at_times(schedule: FlowSchedule, times: Any) -> Sigmas:
    """The levels of given times, and a final 0."""
    shifted = schedules.shifted(np.asarray(times, np.float64), schedule.shift)
    return schedules.at_sigmas(schedule, [*shifted, 0.0])


def noised(clean: Tensor, sigmas: Sigmas) -> Tensor:
    return (1 - sigmas.values[0]) * clean + sigmas.values[0] * NOISE


def pipeline(cls: Any, network: Any, **shift: Any) -> Any:
    scheduler = small.flow_scheduler(**shift)
    return small.pipeline(cls, transformer=network, scheduler=scheduler, vae=small.autoencoder())


SD3_TEXT = {
    "prompt_embeds": POSITIVE.embeddings,
    "negative_prompt_embeds": NEGATIVE.embeddings,
    "pooled_prompt_embeds": POSITIVE.pooled,
    "negative_pooled_prompt_embeds": NEGATIVE.pooled,
    "num_inference_steps": STEPS,
    "guidance_scale": SCALE,
    "output_type": "latent",
}


@pytest.mark.parametrize(
    "config",
    [{}, {"qk_norm": "rms_norm"}, {"qk_norm": "rms_norm", "dual_attention_layers": (0,)}],
    ids=["3", "3.5 large", "3.5 medium"],
)
def test_sd3_text_to_image_is_the_pipeline_s(config: dict[str, Any]) -> None:
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import (
        StableDiffusion3Pipeline,
    )

    network = new_sd3(**config)
    pipe = pipeline(StableDiffusion3Pipeline, network, shift=3.0)
    expected = pipe(latents=NOISE, height=64, width=96, **SD3_TEXT).images
    schedule = FlowSchedule(shift=3.0)
    levels = schedules.normal(schedule, STEPS)
    got = run(Model(network, schedule, "flow", "sd3"), NOISE, levels, POSITIVE, NEGATIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_sd3_image_to_image_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_img2img import (
        StableDiffusion3Img2ImgPipeline,
    )

    network = new_sd3()
    pipe = pipeline(StableDiffusion3Img2ImgPipeline, network, shift=3.0)
    generator = torch.Generator().manual_seed(3)  # of NOISE
    expected = pipe(
        image=CLEAN, strength=0.6, generator=generator, height=64, width=96, **SD3_TEXT
    ).images
    schedule = FlowSchedule(shift=3.0)
    times = np.linspace(1, 3 / (1000 + 2), STEPS)
    levels = at_times(schedule, times[2:])  # the last 3 of 5 steps
    start = noised(CLEAN, levels)
    got = run(Model(network, schedule, "flow", "sd3"), start, levels, POSITIVE, NEGATIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


FLUX_TEXT = {
    "prompt_embeds": POSITIVE.embeddings,
    "pooled_prompt_embeds": POSITIVE.pooled,
    "num_inference_steps": STEPS,
    "output_type": "latent",
    "height": 64,
    "width": 96,
}


def flux_shift(tokens: int) -> float:
    """exp(mu), mu from 0.5 at 256 tokens to 1.15 at 4096 on a line."""
    return float(np.exp(0.5 + (1.15 - 0.5) * (tokens - 256) / (4096 - 256)))


def test_flux_dev_text_to_image_is_the_pipeline_s() -> None:
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    network = new_flux(guidance=True)
    pipe = pipeline(FluxPipeline, network, use_dynamic_shifting=True)
    expected = pipe(latents=packed(NOISE), guidance_scale=2.5, **FLUX_TEXT).images
    schedule = FlowSchedule(shift=flux_shift(4 * 6), multiplier=1.0)
    levels = schedules.simple(schedule, STEPS)
    told = replace(POSITIVE, guidance=2.5)
    got = run(Model(network, schedule, "flow", "flux"), NOISE, levels, told)
    assert_close(packed(got), expected, rtol=1e-4, atol=1e-4)


def test_flux_schnell_text_to_image_is_the_pipeline_s() -> None:
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    network = new_flux(guidance=False)
    pipe = pipeline(FluxPipeline, network)
    expected = pipe(latents=packed(NOISE), **FLUX_TEXT).images
    schedule = FlowSchedule(multiplier=1.0)
    levels = schedules.simple(schedule, STEPS)
    got = run(Model(network, schedule, "flow", "flux"), NOISE, levels, POSITIVE)
    assert_close(packed(got), expected, rtol=1e-4, atol=1e-4)


def test_flux_image_to_image_is_the_pipeline_s() -> None:
    from diffusers.pipelines.flux.pipeline_flux_img2img import FluxImg2ImgPipeline

    network = new_flux(guidance=True)
    pipe = pipeline(FluxImg2ImgPipeline, network, use_dynamic_shifting=True)
    generator = torch.Generator().manual_seed(3)
    expected = pipe(
        image=CLEAN, strength=0.6, generator=generator, guidance_scale=3.5, **FLUX_TEXT
    ).images
    schedule = FlowSchedule(shift=flux_shift(4 * 6), multiplier=1.0)
    levels = at_times(schedule, np.linspace(1, 1 / STEPS, STEPS)[2:])
    start = noised(CLEAN, levels)
    got = run(Model(network, schedule, "flow", "flux"), start, levels, POSITIVE)
    assert_close(packed(got), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("skipped", [0, 2], ids=["text to image", "image to image"])
def test_auraflow_run_is_the_pipeline_s(skipped: int) -> None:
    from diffusers.pipelines.aura_flow.pipeline_aura_flow import AuraFlowPipeline

    network = new_auraflow()
    schedule = FlowSchedule(shift=1.73, multiplier=1.0)
    times = np.linspace(1, 1 / STEPS, STEPS)[skipped:]
    levels = at_times(schedule, times)
    start = noised(CLEAN, levels) if skipped else NOISE
    mask = torch.ones(1, 7)
    expected = pipeline(AuraFlowPipeline, network, shift=1.73)(
        prompt_embeds=POSITIVE.embeddings,
        prompt_attention_mask=mask,
        negative_prompt_embeds=NEGATIVE.embeddings,
        negative_prompt_attention_mask=mask,
        latents=start,
        sigmas=list(times),
        num_inference_steps=len(times),
        guidance_scale=SCALE,
        height=64,
        width=96,
        output_type="latent",
    ).images
    got = run(Model(network, schedule, "flow", "auraflow"), start, levels, POSITIVE, NEGATIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def model_of(name: str) -> Model:
    made = {
        "sd3": (new_sd3, FlowSchedule()),
        "flux": (lambda: new_flux(True), FlowSchedule(multiplier=1.0)),
        "auraflow": (new_auraflow, FlowSchedule(multiplier=1.0)),
    }
    make, schedule = made[name]
    return Model(make(), schedule, "flow", name)


def step_at(model: Model, sigma: float) -> Step:
    return schedules.step_list(schedules.at_sigmas(model.betas, [sigma, 0.0]))[0]


@pytest.mark.parametrize("name", ["sd3", "flux", "auraflow"])
def test_channels_and_text_width_are_known(name: str) -> None:
    network = model_of(name).network
    assert networks.latent_channels(network) == CHANNELS
    assert networks.extra_channels(network) == 0
    assert networks.text_width(network) == WIDTH


@pytest.mark.parametrize("name", ["sd3", "flux", "auraflow"])
def test_sides_that_patches_do_not_divide_are_filled_up_and_cut(name: str) -> None:
    model = model_of(name)
    odd = NOISE[..., :7, :9]
    wider = torch.nn.functional.pad(odd, (0, 1, 0, 1), mode="replicate")
    step = step_at(model, 0.5)
    (got,) = predict_epsilons(model, odd, step, [POSITIVE])
    (whole,) = predict_epsilons(model, wider, step, [POSITIVE])
    assert got.shape == odd.shape
    assert_close(got, whole[..., :7, :9])


@pytest.mark.parametrize("name", ["sd3", "flux", "auraflow"])
def test_texts_of_different_length_are_asked_apart(name: str) -> None:
    model, step = model_of(name), None
    step = step_at(model, 0.5)
    short = text(9, tokens=3)
    together = predict_epsilons(model, NOISE, step, [POSITIVE, short])
    alone = [predict_epsilons(model, NOISE, step, [t])[0] for t in (POSITIVE, short)]
    for got, expected in zip(together, alone, strict=True):
        assert_close(got, expected)


def test_auraflow_draws_no_more_than_it_has_places_for() -> None:
    model = model_of("auraflow")  # 8 × 8 places of 2 × 2
    step = step_at(model, 0.5)
    predict_epsilons(model, normal(5, 1, CHANNELS, 16, 16), step, [POSITIVE])
    with pytest.raises(ValueError, match="16 × 16 latent pixels at most, not 8 × 18"):
        predict_epsilons(model, normal(5, 1, CHANNELS, 8, 18), step, [POSITIVE])


@pytest.mark.parametrize("name", ["sd3", "auraflow"])
def test_a_table_of_places_tells_the_largest_side(name: str) -> None:
    model = model_of(name)
    step = step_at(model, 0.5)
    most = networks_flow.largest_side(model.network)
    assert most is not None
    predict_epsilons(model, normal(5, 1, CHANNELS, 4, most - 1), step, [POSITIVE])
    with pytest.raises(ValueError, match=r"at most|pos_embed_max_size"):
        predict_epsilons(model, normal(5, 1, CHANNELS, 4, most + 2), step, [POSITIVE])
    large = Latent(normal(5, 1, CHANNELS, 4, most + 2))
    with pytest.raises(
        InputError, match=f"latent: got {most + 2} × 4 latent pixels, .*at most {most}"
    ):
        checks.fits_model(model, large, "positive", POSITIVE)


def test_flux_is_told_the_guidance_of_each_text() -> None:
    model = model_of("flux")
    step = step_at(model, 0.5)
    low, high = (replace(POSITIVE, guidance=scale) for scale in (1.0, 6.0))
    first, second = predict_epsilons(model, NOISE, step, [low, high])
    assert not torch.allclose(first, second, atol=1e-4)
    (default,) = predict_epsilons(model, NOISE, step, [POSITIVE])
    (told,) = predict_epsilons(model, NOISE, step, [replace(POSITIVE, guidance=3.5)])
    assert_close(default, told)


@pytest.mark.parametrize(
    ("name", "argument", "shape"),
    [
        ("sd3", "block_controlnet_hidden_states", (1, 24, 16)),
        ("flux", "controlnet_block_samples", (1, 24, 16)),
        ("flux", "controlnet_single_block_samples", (1, 24, 16)),
    ],
)
def test_controlnet_residuals_reach_the_blocks(
    name: str, argument: str, shape: tuple[int, ...]
) -> None:
    model = model_of(name)
    step = step_at(model, 0.5)
    (plain,) = predict_epsilons(model, NOISE, step, [POSITIVE])
    for amount, same in ((0.0, True), (1.0, False)):
        control = Control(((argument, (amount * normal(8, *shape),)),))
        (got,) = predict_epsilons(model, NOISE, step, [POSITIVE], control)
        assert torch.allclose(got, plain, atol=1e-5) is same


def test_packed_is_undone_by_unpacked() -> None:
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    tokens = packed(NOISE)
    assert_close(tokens, FluxPipeline._pack_latents(NOISE, 1, CHANNELS, 8, 12))
    assert_close(unpacked(tokens, 4, 6), NOISE)


def test_places_count_rows_and_columns() -> None:
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    expected = FluxPipeline._prepare_latent_image_ids(1, 3, 5, torch.device("cpu"), torch.float32)
    assert_close(places(3, 5), expected)


@pytest.mark.parametrize("name", ["sd3", "flux", "auraflow"])
def test_half_precision_is_near_the_whole(name: str) -> None:
    model = model_of(name)
    step = step_at(model, 0.5)
    (whole,) = predict_epsilons(model, NOISE, step, [POSITIVE])
    half = replace(model, network=model_of(name).network.to(torch.bfloat16))
    (got,) = predict_epsilons(half, NOISE, step, [POSITIVE])
    assert got.dtype == torch.float32
    assert_close(got, whole, rtol=0.1, atol=0.1)
