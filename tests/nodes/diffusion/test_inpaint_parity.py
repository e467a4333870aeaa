"""Masked runs, and runs that start from a picture, equal diffusers' pipelines of each family.

The noise mask keeps the picture where it is 0, noised as far as each step has come. Same weights,
same noise, float32; tolerance 1e-4 on latents.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nodes.diffusion import samplers, schedules
from nodes.diffusion.guidance import cfg
from nodes.diffusion.networks_flow import packed
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import Conditioning, FlowSchedule, Model, Sigmas

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
STEPS, SCALE, WIDTH, POOLED = 5, 4.0, 24, 12
SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))


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
NOISE, CLEAN = normal(3, 1, 4, 8, 12), normal(4, 1, 4, 8, 12)
NOISE_16, CLEAN_16 = normal(3, 1, 16, 8, 12), normal(4, 1, 16, 8, 12)
HALF = torch.zeros(1, 1, 8, 12)
HALF[..., 5:] = 1
TEXTS = {
    "prompt_embeds": POSITIVE.embeddings,
    "negative_prompt_embeds": NEGATIVE.embeddings,
    "num_inference_steps": STEPS,
    "guidance_scale": SCALE,
    "output_type": "latent",
}
POOLS = {
    "pooled_prompt_embeds": POSITIVE.pooled,
    "negative_pooled_prompt_embeds": NEGATIVE.pooled,
}
MASKED = {
    "image": CLEAN,
    "mask_image": HALF.repeat_interleave(8, 2).repeat_interleave(8, 3),
    "latents": NOISE,
    "masked_image_latents": CLEAN,
    "strength": 1.0,
    "height": 64,
    "width": 96,
}
MASKED_16 = {
    **MASKED,
    "image": CLEAN_16,
    "latents": NOISE_16,
    "masked_image_latents": CLEAN_16,
}


def autoencoder(channels: int = 4) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with seeded(4):
        return AutoencoderKL(
            block_out_channels=(4, 4, 4, 4),
            norm_num_groups=2,
            latent_channels=channels,
            shift_factor=0.1,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        ).eval()


def unet(**more: Any) -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with seeded(5):
        return UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            norm_num_groups=4,
            **{"attention_head_dim": 2, **more},
        ).eval()


def xl_unet() -> Any:
    return unet(
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + POOLED,
    )


def ddim(prediction: str = "epsilon") -> Any:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return DDIMScheduler(
        prediction_type=prediction,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
    )


def flow(**config: Any) -> Any:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    return FlowMatchEulerDiscreteScheduler(**config)


def leading(steps: int = STEPS) -> Sigmas:
    return schedules.at_timesteps(SD, schedules.leading_timesteps(1000, STEPS, 1)[-steps:])


def run(model: Model, x: Tensor, sigmas: Sigmas, scale: float, mask: Tensor | None) -> Tensor:
    """Guided steps without noise of their own; where the mask is 0 the picture comes back."""
    for step in schedules.step_list(sigmas):
        if scale == 1:
            (moves,) = predict_epsilons(model, x, step, [POSITIVE])
        else:
            uncond, cond = predict_epsilons(model, x, step, [NEGATIVE, POSITIVE])
            moves = cfg(cond, uncond, scale)
        x = samplers.euler(x, moves, step.sigma, step.sigma_next)
        if mask is not None:
            clean, noise = (CLEAN, NOISE) if x.shape[1] == 4 else (CLEAN_16, NOISE_16)
            x = samplers.keep_unmasked(x, clean, noise, step.sigma_next, mask, step.alpha_next)
    return x


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


def close(got: Tensor, expected: Tensor) -> None:
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


SD2 = {"attention_head_dim": (1, 2), "use_linear_projection": True}
KINDS = [
    pytest.param({}, "epsilon", id="Stable Diffusion 1"),
    pytest.param(SD2, "epsilon", id="Stable Diffusion 2"),
    pytest.param(SD2, "v_prediction", id="Stable Diffusion 2, v"),
]


def sd(cls: Any, network: Any, prediction: str) -> Any:
    return quiet(
        cls(
            vae=autoencoder(),
            text_encoder=None,
            tokenizer=None,
            unet=network,
            scheduler=ddim(prediction),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    )


@pytest.mark.parametrize(("config", "prediction"), KINDS)
def test_sd_image_to_image_is_the_pipeline_s(config: dict[str, Any], prediction: str) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
        StableDiffusionImg2ImgPipeline,
    )

    network = unet(**config)
    pipe = sd(StableDiffusionImg2ImgPipeline, network, prediction)
    generator = torch.Generator().manual_seed(3)  # of NOISE
    expected = pipe(image=CLEAN, strength=0.6, generator=generator, **TEXTS).images
    sigmas = leading(3)
    start = CLEAN + sigmas.values[0] * NOISE
    close(run(Model(network, SD, prediction), start, sigmas, SCALE, None), expected)


@pytest.mark.parametrize(("config", "prediction"), KINDS)
def test_sd_inpainting_is_the_pipeline_s(config: dict[str, Any], prediction: str) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import (
        StableDiffusionInpaintPipeline,
    )

    network = unet(**config)
    expected = sd(StableDiffusionInpaintPipeline, network, prediction)(**MASKED, **TEXTS).images
    start = (1 + leading().values[0] ** 2) ** 0.5 * NOISE
    close(run(Model(network, SD, prediction), start, leading(), SCALE, HALF), expected)
    close(expected[..., :5], CLEAN[..., :5])


def xl(cls: Any, network: Any) -> Any:
    return quiet(
        cls(
            vae=autoencoder(),
            text_encoder=None,
            text_encoder_2=None,
            tokenizer=None,
            tokenizer_2=None,
            unet=network,
            scheduler=ddim(),
            add_watermarker=False,
        )
    )


def test_sdxl_image_to_image_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
        StableDiffusionXLImg2ImgPipeline,
    )

    network = xl_unet()
    pipe = xl(StableDiffusionXLImg2ImgPipeline, network)
    generator = torch.Generator().manual_seed(3)
    expected = pipe(
        image=CLEAN, strength=0.6, generator=generator, original_size=(64, 96),
        target_size=(64, 96), **TEXTS, **POOLS,
    ).images  # fmt: skip
    sigmas = leading(3)
    model = Model(network, SD, family="sdxl")
    close(run(model, CLEAN + sigmas.values[0] * NOISE, sigmas, SCALE, None), expected)


def test_sdxl_inpainting_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint import (
        StableDiffusionXLInpaintPipeline,
    )

    network = xl_unet()
    pipe = xl(StableDiffusionXLInpaintPipeline, network)
    expected = pipe(**MASKED, **TEXTS, **POOLS).images
    start = (1 + leading().values[0] ** 2) ** 0.5 * NOISE
    model = Model(network, SD, family="sdxl")
    close(run(model, start, leading(), SCALE, HALF), expected)


def test_sd3_inpainting_is_the_pipeline_s() -> None:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_inpaint import (
        StableDiffusion3InpaintPipeline,
    )

    with seeded(1):
        network = SD3Transformer2DModel(
            sample_size=16,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_projection_dim=16,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=POOLED,
            pos_embed_max_size=16,
        ).eval()
    empty = dict.fromkeys(
        ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "text_encoder_3",
         "tokenizer_3")
    )  # fmt: skip
    pipe = quiet(
        StableDiffusion3InpaintPipeline(
            transformer=network, scheduler=flow(shift=3.0), vae=autoencoder(16), **empty
        )
    )
    expected = pipe(**MASKED_16, **TEXTS, **POOLS).images
    schedule = FlowSchedule(shift=3.0)
    model = Model(network, schedule, "flow", "sd3")
    close(run(model, NOISE_16, schedules.normal(schedule, STEPS), SCALE, HALF), expected)


def new_flux(guidance: bool) -> Any:
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    with seeded(2):
        return FluxTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=POOLED,
            guidance_embeds=guidance,
            axes_dims_rope=(2, 2, 4),
        ).eval()


def flux(cls: Any, network: Any) -> Any:
    return quiet(
        cls(
            transformer=network,
            scheduler=flow(),
            vae=autoencoder(16),
            text_encoder=None,
            tokenizer=None,
            text_encoder_2=None,
            tokenizer_2=None,
        )
    )


FLUX_TEXTS = {
    "prompt_embeds": POSITIVE.embeddings,
    "pooled_prompt_embeds": POSITIVE.pooled,
    "num_inference_steps": STEPS,
    "guidance_scale": 3.5,
    "output_type": "latent",
}
FLUX = FlowSchedule(multiplier=1.0)


def flux_levels(first: int = 0) -> Sigmas:
    return schedules.at_sigmas(FLUX, [*np.linspace(1, 1 / STEPS, STEPS)[first:], 0.0])


@pytest.mark.parametrize("guidance", [True, False], ids=["dev", "schnell"])
def test_flux_inpainting_is_the_pipeline_s(guidance: bool) -> None:
    from diffusers.pipelines.flux.pipeline_flux_inpaint import FluxInpaintPipeline

    network = new_flux(guidance)
    expected = flux(FluxInpaintPipeline, network)(**FLUX_TEXTS, **MASKED_16).images
    model = Model(network, FLUX, "flow", "flux")
    close(packed(run(model, NOISE_16, flux_levels(), 1, HALF)), expected)


@pytest.mark.parametrize("guidance", [True, False], ids=["dev", "schnell"])
def test_flux_image_to_image_is_the_pipeline_s(guidance: bool) -> None:
    from diffusers.pipelines.flux.pipeline_flux_img2img import FluxImg2ImgPipeline

    network = new_flux(guidance)
    generator = torch.Generator().manual_seed(3)  # of NOISE_16
    expected = flux(FluxImg2ImgPipeline, network)(
        image=CLEAN_16, strength=0.6, generator=generator, height=64, width=96, **FLUX_TEXTS
    ).images
    sigmas = flux_levels(2)
    start = (1 - sigmas.values[0]) * CLEAN_16 + sigmas.values[0] * NOISE_16
    model = Model(network, FLUX, "flow", "flux")
    close(packed(run(model, start, sigmas, 1, None)), expected)
