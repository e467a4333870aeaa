"""A whole run of explicit nodes equals diffusers' StableDiffusionPipeline on the same weights.

Both start from the same noise. Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per
operation, carried over ten steps of guidance.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodes import forward, guidance, noise, sample, sample_multistep, schedule, timesteps
from nodes import latent as latent_nodes
from nodes import model as nodes_model
from nodes import text as text_nodes
from nodes import vae as vae_nodes
from nodes.types import Clip, Conditioning, Latent, Model, NoisePrediction, Sigmas, Step, Vae
from small import normal

pytestmark = small.OLD_NUMPY

SD = schedule.scaled_linear()
EMPTY = Latent(torch.zeros(2, 4, 8, 8))
NOISE = noise.gaussian(EMPTY, 5)
STEPS, SCALE = 10, 5.0


def text(seed: int) -> Conditioning:
    return Conditioning(normal(seed, 1, 77, 16))


POSITIVE, NEGATIVE = text(1), text(2)


@pytest.fixture(scope="module")
def autoencoder() -> Any:
    return small.autoencoder(
        seed=2,
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )


def pipeline(model: Model, autoencoder: Any, scheduler: Any) -> torch.Tensor:
    """The latents that diffusers' pipeline ends with, from NOISE and the two texts."""
    pipe = small.pipeline(
        StableDiffusionPipeline, vae=autoencoder, unet=model.network, scheduler=scheduler
    )
    return pipe(
        prompt_embeds=POSITIVE.embeddings.repeat(2, 1, 1),
        negative_prompt_embeds=NEGATIVE.embeddings.repeat(2, 1, 1),
        latents=NOISE.samples,
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        output_type="latent",
        height=16,
        width=16,
    ).images


def guided(model: Model, x: Latent, step: Step) -> NoisePrediction:
    cond = nodes_model.predict_noise(model, x, step, POSITIVE)
    uncond = nodes_model.predict_noise(model, x, step, NEGATIVE)
    return guidance.cfg_combine(cond, uncond, SCALE)


def test_euler_run_is_the_pipeline_s(denoiser: Model, autoencoder: Any) -> None:
    scheduler = small.euler_scheduler()
    expected = pipeline(denoiser, autoencoder, scheduler)
    levels = timesteps.trailing(SD, STEPS)
    x = forward.start(EMPTY, NOISE, levels)
    for step in schedule.steps(levels):
        x = sample.euler_step(x, guided(denoiser, x, step), step)
    assert_close(x.samples, expected, rtol=1e-4, atol=1e-4)


def test_ddim_run_is_the_pipeline_s(denoiser: Model, autoencoder: Any) -> None:
    scheduler = small.ddim_scheduler()
    expected = pipeline(denoiser, autoencoder, scheduler)
    levels = timesteps.leading(SD, STEPS, 1)
    x = forward.start_from_noise(NOISE, levels)
    for step in schedule.steps(levels):
        x = sample.ddim_step(x, guided(denoiser, x, step), step)
    assert_close(x.samples, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("karras", [False, True])
def test_dpmpp_2m_run_is_the_pipeline_s(denoiser: Model, autoencoder: Any, karras: bool) -> None:
    scheduler = DPMSolverMultistepScheduler(use_karras_sigmas=karras, **small.BETAS)
    expected = pipeline(denoiser, autoencoder, scheduler)
    x, history = forward.start_from_noise(NOISE, of(scheduler)), sample_multistep.no_history()
    for step in schedule.steps(of(scheduler)):
        eps = guided(denoiser, x, step)
        x, history = sample_multistep.dpmpp_2m_step(x, eps, step, history)
    assert_close(x.samples, expected, rtol=1e-4, atol=1e-4)


def test_a_run_from_prompt_to_pixels_is_the_pipeline_s(
    checkpoint_folder: Path, loaded: tuple[Model, Clip, Vae], ctx: RunContext
) -> None:
    """The whole way, text and autoencoder included, on a checkpoint that both read from disk."""
    pipe = StableDiffusionPipeline.from_pretrained(
        checkpoint_folder,
        scheduler=small.euler_scheduler(),
        safety_checker=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        "a red circle on a blue background",
        negative_prompt="blurry",
        latents=NOISE.samples[:1],
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        output_type="pt",
        height=64,
        width=64,
    ).images
    model, clip, vae = loaded
    positive = text_nodes.encode(clip, "a red circle on a blue background")
    negative = text_nodes.encode(clip, "blurry")
    latent = latent_nodes.empty(64, 64, 1, ctx=ctx)
    levels = timesteps.trailing(schedule.of_model(model), STEPS)
    x = forward.start(latent, noise.gaussian(latent, 5), levels)
    for step in schedule.steps(levels):
        pair = nodes_model.predict_pair(model, x, step, positive, negative)
        x = sample.euler_step(x, guidance.cfg_combine(pair.cond, pair.uncond, SCALE), step)
    pixels = vae_nodes.decode(vae, x, ctx=ctx).pixels
    assert expected.std() > 0.02  # not one grey, which anything would equal
    assert_close(pixels.movedim(-1, 1), expected, rtol=0, atol=1e-4)


def of(scheduler: Any) -> Sigmas:
    """The scheduler's own list: its timesteps are rounded to whole ones, unlike ours."""
    told = (*(float(t) for t in scheduler.timesteps), 0.0)
    return Sigmas(tuple(scheduler.sigmas.tolist()), told)


def test_the_start_has_the_spread_diffusers_gives_it() -> None:
    levels = timesteps.leading(SD, STEPS, 1)
    scheduler = EulerDiscreteScheduler(timestep_spacing="leading", **small.BETAS)
    scheduler.set_timesteps(STEPS)
    ours = math.sqrt(1 + levels.values[0] ** 2)
    assert float(scheduler.init_noise_sigma) == pytest.approx(ours, rel=1e-6)
