"""Masked runs, and runs that start from a picture, equal diffusers' pipelines of each family.

The noise mask keeps the picture where it is 0, noised as far as each step has come. Same weights,
same noise, float32; tolerance 1e-4 on latents.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import small
from nodes.diffusion import samplers, schedules
from nodes.diffusion.guidance import cfg
from nodes.diffusion.networks_flow import packed
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import FlowSchedule, Model, Sigmas
from small import SCALE, SD, normal

pytestmark = small.OLD_NUMPY
STEPS, WIDTH = 5, 24

unet = partial(small.unet, seed=5, cross_attention_dim=WIDTH)
autoencoder = partial(small.autoencoder, shift_factor=0.1)
POSITIVE, NEGATIVE = small.text(1, width=WIDTH), small.text(2, width=WIDTH)
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


def close(got: Tensor, expected: Tensor) -> None:
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


SD2 = {"attention_head_dim": (1, 2), "use_linear_projection": True}
KINDS = [
    pytest.param({}, "epsilon", id="Stable Diffusion 1"),
    pytest.param(SD2, "epsilon", id="Stable Diffusion 2"),
    pytest.param(SD2, "v_prediction", id="Stable Diffusion 2, v"),
]


def sd(cls: Any, network: Any, prediction: str = "epsilon") -> Any:
    scheduler = small.ddim_scheduler(prediction_type=prediction)
    return small.pipeline(cls, unet=network, scheduler=scheduler, vae=autoencoder())


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


def test_sdxl_image_to_image_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
        StableDiffusionXLImg2ImgPipeline,
    )

    network = unet(**small.told_sizes(4))
    pipe = sd(StableDiffusionXLImg2ImgPipeline, network)
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

    network = unet(**small.told_sizes(4))
    pipe = sd(StableDiffusionXLInpaintPipeline, network)
    expected = pipe(**MASKED, **TEXTS, **POOLS).images
    start = (1 + leading().values[0] ** 2) ** 0.5 * NOISE
    model = Model(network, SD, family="sdxl")
    close(run(model, start, leading(), SCALE, HALF), expected)


def test_sd3_inpainting_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_inpaint import (
        StableDiffusion3InpaintPipeline,
    )

    network = small.sd3(**small.sd3_config(16, WIDTH))
    pipe = small.pipeline(
        StableDiffusion3InpaintPipeline,
        transformer=network,
        scheduler=small.flow_scheduler(shift=3.0),
        vae=autoencoder(16),
    )
    expected = pipe(**MASKED_16, **TEXTS, **POOLS).images
    schedule = FlowSchedule(shift=3.0)
    model = Model(network, schedule, "flow", "sd3")
    close(run(model, NOISE_16, schedules.normal(schedule, STEPS), SCALE, HALF), expected)


def new_flux(guidance: bool) -> Any:
    return small.flux(guidance, **small.flux_config(16, WIDTH))


def flux(cls: Any, network: Any) -> Any:
    return small.pipeline(
        cls, transformer=network, scheduler=small.flow_scheduler(), vae=autoencoder(16)
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
