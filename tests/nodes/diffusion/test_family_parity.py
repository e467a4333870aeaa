"""Relatives of Stable Diffusion run as diffusers' pipelines do: 2 (v), Turbo, and LCM.

Same weights and noise, float32. Tolerance 1e-4 on latents where none is stated.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from torch import Tensor
from torch.testing import assert_close

import small
from nodes.diffusion import schedules
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import BetaSchedule, Model, Sigmas
from small import BETAS, SCALE, SD, normal, run

pytestmark = small.OLD_NUMPY
WIDTH = 24

unet = partial(small.unet, seed=5, cross_attention_dim=WIDTH)
POSITIVE, NEGATIVE = small.text(1, width=WIDTH), small.text(2, width=WIDTH)
NOISE = normal(3, 1, 4, 8, 8)
TEXTS = {
    "prompt_embeds": POSITIVE.embeddings,
    "negative_prompt_embeds": NEGATIVE.embeddings,
    "output_type": "latent",
    "height": 64,
    "width": 64,
    "latents": NOISE,
}


def pipeline(cls: Any, network: Any, scheduler: Any) -> Any:
    return small.pipeline(cls, unet=network, scheduler=scheduler, vae=small.autoencoder())


def starting(sigmas: Sigmas) -> Tensor:
    return (1 + sigmas.values[0] ** 2) ** 0.5 * NOISE


def test_sd2_predicting_v_is_the_pipeline_s() -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )

    network = unet(attention_head_dim=(1, 2), use_linear_projection=True)
    scheduler = small.ddim_scheduler(prediction_type="v_prediction")
    pipe = pipeline(StableDiffusionPipeline, network, scheduler)
    expected = pipe(**TEXTS, num_inference_steps=6, guidance_scale=SCALE).images
    sigmas = schedules.at_timesteps(SD, schedules.leading_timesteps(1000, 6, 1))
    model = Model(network, SD, "v_prediction", "sd2")
    assert_close(
        run(model, starting(sigmas), sigmas, POSITIVE, NEGATIVE), expected, rtol=1e-4, atol=1e-4
    )


def test_v_with_zero_terminal_snr_is_the_pipeline_s() -> None:
    """Where diffusers has sigma infinite, here it is 4096: 1 in 16 million of the signal."""
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )

    network = unet()
    scheduler = small.ddim_scheduler(
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
    assert_close(
        run(model, starting(sigmas), sigmas, POSITIVE, NEGATIVE), expected, rtol=1e-3, atol=2e-3
    )


@pytest.mark.parametrize("steps", [1, 4])
def test_sd_turbo_is_the_pipeline_s(steps: int) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import (
        StableDiffusionPipeline,
    )

    network = unet(attention_head_dim=(1, 2), use_linear_projection=True)
    scheduler = small.euler_scheduler()
    pipe = pipeline(StableDiffusionPipeline, network, scheduler)
    expected = pipe(**TEXTS, num_inference_steps=steps, guidance_scale=0.0).images
    sigmas = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, steps))
    model = Model(network, SD, "epsilon", "sd2")
    got = run(model, sigmas.values[0] * NOISE, sigmas, POSITIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("steps", [1, 4])
def test_sdxl_turbo_is_the_pipeline_s(steps: int) -> None:
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
        StableDiffusionXLPipeline,
    )

    network = unet(**small.told_sizes(4))
    pipe = pipeline(StableDiffusionXLPipeline, network, small.euler_scheduler())
    expected = pipe(
        **TEXTS,
        pooled_prompt_embeds=POSITIVE.pooled,
        negative_pooled_prompt_embeds=NEGATIVE.pooled,
        num_inference_steps=steps,
        guidance_scale=0.0,
    ).images
    sigmas = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, steps))
    got = run(Model(network, SD, family="sdxl"), sigmas.values[0] * NOISE, sigmas, POSITIVE)
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
