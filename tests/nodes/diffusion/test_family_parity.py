"""Relatives of Stable Diffusion run as diffusers' pipelines do: 2 (v), Turbo, and LCM.

Same weights and noise, float32. Tolerance 1e-4 on latents where none is stated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nodes.diffusion import samplers, schedules
from nodes.diffusion.guidance import cfg
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import BetaSchedule, Conditioning, Model, Sigmas

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
SCALE, WIDTH, POOLED = 4.0, 24, 12
SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
BETAS = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def text(seed: int) -> Conditioning:
    return Conditioning(normal(seed, 1, 7, WIDTH), normal(seed + 50, 1, POOLED))


POSITIVE, NEGATIVE = text(1), text(2)
NOISE = normal(3, 1, 4, 8, 8)
TEXTS = {
    "prompt_embeds": POSITIVE.embeddings,
    "negative_prompt_embeds": NEGATIVE.embeddings,
    "output_type": "latent",
    "height": 64,
    "width": 64,
    "latents": NOISE,
}


def unet(**more: Any) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    given: dict[str, Any] = {
        "sample_size": 8,
        "block_out_channels": (8, 16),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    }
    with seeded(5):
        return UNet2DConditionModel(**{**given, **more}).eval()


def autoencoder() -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with seeded(4):
        return AutoencoderKL(
            block_out_channels=(4, 4, 4, 4),
            norm_num_groups=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        ).eval()


def pipeline(cls: Any, network: Any, scheduler: Any) -> Any:
    pipe = cls(
        vae=autoencoder(),
        text_encoder=None,
        tokenizer=None,
        unet=network,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(model: Model, x: Tensor, sigmas: Sigmas, scale: float) -> Tensor:
    for step in schedules.step_list(sigmas):
        if scale == 1:
            (moves,) = predict_epsilons(model, x, step, [POSITIVE])
        else:
            uncond, cond = predict_epsilons(model, x, step, [NEGATIVE, POSITIVE])
            moves = cfg(cond, uncond, scale)
        x = samplers.euler(x, moves, step.sigma, step.sigma_next)
    return x


def starting(sigmas: Sigmas) -> Tensor:
    return (1 + sigmas.values[0] ** 2) ** 0.5 * NOISE


def test_sd2_predicting_v_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    network = unet(attention_head_dim=(1, 2), use_linear_projection=True)
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, prediction_type="v_prediction")
    pipe = pipeline(StableDiffusionPipeline, network, scheduler)
    expected = pipe(**TEXTS, num_inference_steps=6, guidance_scale=SCALE).images
    sigmas = schedules.at_timesteps(SD, schedules.leading_timesteps(1000, 6, 1))
    model = Model(network, SD, "v_prediction", "sd2")
    assert_close(run(model, starting(sigmas), sigmas, SCALE), expected, rtol=1e-4, atol=1e-4)


def test_v_with_zero_terminal_snr_is_the_pipeline_s() -> None:
    """Where diffusers has sigma infinite, here it is 4096: 1 in 16 million of the signal."""
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    network = unet()
    scheduler = DDIMScheduler(
        **BETAS,
        clip_sample=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    pipe = pipeline(StableDiffusionPipeline, network, scheduler)
    expected = pipe(**TEXTS, num_inference_steps=5, guidance_scale=SCALE).images
    zero: BetaSchedule = schedules.zero_terminal_snr(SD)
    sigmas = schedules.at_timesteps(zero, schedules.trailing_timesteps(1000, 5))
    model = Model(network, zero, "v_prediction", "sd2")
    # x of spread 4096 in float32 knows its parts to 2.4e-4.
    assert_close(run(model, starting(sigmas), sigmas, SCALE), expected, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("steps", [1, 4])
def test_sd_turbo_is_the_pipeline_s(steps: int) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    network = unet(attention_head_dim=(1, 2), use_linear_projection=True)
    scheduler = EulerDiscreteScheduler(**BETAS, timestep_spacing="trailing")
    pipe = pipeline(StableDiffusionPipeline, network, scheduler)
    expected = pipe(**TEXTS, num_inference_steps=steps, guidance_scale=0.0).images
    sigmas = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, steps))
    model = Model(network, SD, "epsilon", "sd2")
    got = run(model, sigmas.values[0] * NOISE, sigmas, 1)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 4])
def test_sdxl_turbo_is_the_pipeline_s(steps: int) -> None:
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
        StableDiffusionXLPipeline,
    )
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    network = unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + POOLED,
    )
    pipe = StableDiffusionXLPipeline(
        vae=autoencoder(),
        text_encoder=None,
        text_encoder_2=None,
        tokenizer=None,
        tokenizer_2=None,
        unet=network,
        scheduler=EulerDiscreteScheduler(**BETAS, timestep_spacing="trailing"),
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        **TEXTS,
        pooled_prompt_embeds=POSITIVE.pooled,
        negative_pooled_prompt_embeds=NEGATIVE.pooled,
        num_inference_steps=steps,
        guidance_scale=0.0,
    ).images
    sigmas = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, steps))
    got = run(Model(network, SD, family="sdxl"), sigmas.values[0] * NOISE, sigmas, 1)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_lcm_is_the_pipeline_s(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
        LatentConsistencyModelPipeline,
    )
    from diffusers.schedulers import scheduling_lcm

    fresh = [normal(20 + k, 1, 4, 8, 8) for k in range(4)]
    drawn = iter(fresh)
    monkeypatch.setattr(scheduling_lcm, "randn_tensor", lambda *args, **kwargs: next(drawn))
    network = unet(time_cond_proj_dim=32)
    scheduler = scheduling_lcm.LCMScheduler(**BETAS)
    pipe = pipeline(LatentConsistencyModelPipeline, network, scheduler)
    given = {name: value for name, value in TEXTS.items() if name != "negative_prompt_embeds"}
    expected = pipe(**given, num_inference_steps=4, guidance_scale=6.0).images
    timesteps = [float(t) for t in scheduler.timesteps]
    sigmas = schedules.at_timesteps(SD, timesteps)
    model = Model(network, SD, "lcm", "sd1")
    told = replace(POSITIVE, guidance=6.0)
    x = starting(sigmas)
    for step, noise in zip(schedules.step_list(sigmas), fresh, strict=True):
        (moves,) = predict_epsilons(model, x, step, [told])
        x = x - step.sigma * moves + step.sigma_next * noise
    assert_close(x, expected, rtol=1e-4, atol=1e-4)
