"""Inpainting: what stays, what is shown to the model, and the pipeline of diffusers as a whole."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import inpaint, noise, sampler, timesteps
from nodes import vae as vae_nodes
from nodes.types import Conditioning, Image, Latent, Mask, Model, Step, Vae
from small import normal, uniform

pytestmark = small.OLD_NUMPY

new_unet = partial(small.unet, 4, in_channels=9, out_channels=4)  # one for inpainting
PICTURE = Image(uniform(1, 1, 64, 48, 3))
OTHER = Image(uniform(2, 1, 64, 48, 3))
HALF = Mask(torch.cat([torch.zeros(1, 64, 24), torch.ones(1, 64, 24)], dim=2))
NOTHING, ALL = Mask(torch.zeros(1, 64, 48)), Mask(torch.ones(1, 64, 48))


def step(index: int, count: int) -> Step:
    return Step(index, count, 2.0, 1.0, 500.0, 400.0)


def test_encode_without_a_mask_is_plain_encoding(vae: Vae, ctx: RunContext) -> None:
    found = inpaint.encode(vae, PICTURE, NOTHING, grow=0)
    assert_close(found.samples, vae_nodes.encode(vae, PICTURE, ctx=ctx).samples)
    assert found.noise_mask is not None
    assert float(found.noise_mask.max()) == 0


def test_encode_hides_what_is_under_the_grown_mask(vae: Vae, ctx: RunContext) -> None:
    grey = PICTURE.pixels.clone()
    grey[:, :, 24 - 8 :] = 0.5
    expected = vae_nodes.encode(vae, Image(grey), ctx=ctx).samples
    found = inpaint.encode(vae, PICTURE, HALF, grow=8)
    assert_close(found.samples, expected)
    assert found.noise_mask is not None
    assert found.noise_mask[0, 0, 0].tolist() == [0, 0, 1, 1, 1, 1]


def _sure(vae: Vae) -> Vae:
    """An autoencoder without spread: diffusers draws from it, here its mean is taken."""
    return replace(vae, autoencoder=small.sure(copy.deepcopy(vae.autoencoder)))


def test_conditioning_is_that_of_diffusers_inpainting_pipeline(
    denoiser: Model, vae: Vae, ctx: RunContext
) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import (
        StableDiffusionInpaintPipeline,
    )

    model, sure = Model(new_unet(), denoiser.betas), _sure(vae)
    texts = [Conditioning(normal(seed, 1, 7, 16)) for seed in (5, 6)]
    start = noise.gaussian(Latent(torch.zeros(1, 4, 8, 6)), 3).samples
    pipe = small.pipeline(
        StableDiffusionInpaintPipeline,
        vae=sure.autoencoder,
        unet=model.network,
        scheduler=small.ddim_scheduler(),
    )
    expected = pipe(
        prompt_embeds=texts[0].embeddings,
        negative_prompt_embeds=texts[1].embeddings,
        image=PICTURE.pixels.permute(0, 3, 1, 2),
        mask_image=HALF.values[:, None],
        height=64,
        width=48,
        latents=start,
        num_inference_steps=6,
        guidance_scale=5.0,
        strength=1.0,
        output_type="latent",
    ).images
    made = inpaint.conditioning(texts[0], texts[1], sure, PICTURE, HALF)
    sigmas = timesteps.leading(denoiser.betas, 6, 1)
    scaled = (1 + sigmas.values[0] ** 2) ** 0.5 * start
    prompts = made.positive, made.negative
    found = sampler.resume(model, *prompts, Latent(scaled), sigmas, "ddim", 5.0, 0, ctx=ctx)
    assert_close(found.samples, expected, rtol=1e-4, atol=1e-4)
    assert_close(made.latent.samples, vae_nodes.encode(sure, PICTURE, ctx=ctx).samples)


def test_a_model_that_wants_the_picture_says_so_without_it(denoiser: Model) -> None:
    model = Model(new_unet(), denoiser.betas)
    text = Conditioning(torch.zeros(1, 7, 16))
    from nodes import model as nodes_model

    with pytest.raises(InputError, match=r"0 channels beside .* 5"):
        nodes_model.predict_noise(model, Latent(torch.zeros(1, 4, 8, 6)), step(0, 4), text)
    beside = replace(text, concat=torch.zeros(1, 5, 8, 6))
    with pytest.raises(InputError, match=r"5 channels beside .* 0"):
        nodes_model.predict_noise(denoiser, Latent(torch.zeros(1, 4, 8, 6)), step(0, 4), beside)


def test_fill_keeps_what_is_not_masked_and_spreads_it() -> None:
    found = inpaint.fill(PICTURE, HALF).pixels
    assert torch.equal(found[:, :, :24], PICTURE.pixels[:, :, :24])
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    red = Image(torch.tensor([0.9, 0.1, 0.1]).expand(1, 64, 48, 3).clone())
    red.pixels[:, :, 24:] = 0
    assert_close(
        inpaint.fill(red, HALF).pixels,
        torch.tensor([0.9, 0.1, 0.1]).expand(1, 64, 48, 3),
        rtol=1e-4,
        atol=1e-4,
    )


def test_noise_under_mask_replaces_what_is_there() -> None:
    latent = Latent(uniform(3, 1, 4, 8, 6))
    drawn = noise.gaussian(latent, 7)
    found = inpaint.noise_under_mask(latent, drawn, HALF).samples
    assert torch.equal(found[..., :3], latent.samples[..., :3])
    assert torch.equal(found[..., 3:], drawn.samples[..., 3:])


def test_differential_mask_opens_by_the_shade_of_the_mask() -> None:
    grey = Mask(torch.tensor([[[0.0, 0.3, 0.5, 1.0]]]))
    opened = [inpaint.differential_mask(grey, step(i, 10)).values[0, 0].tolist() for i in range(10)]
    counts = np.array(opened).sum(axis=0)
    assert counts.tolist() == [0, 3, 5, 10]
    assert all(a <= b for first, then in pairwise(opened) for a, b in zip(first, then, strict=True))


def test_paste_keeps_the_original_to_the_bit_outside() -> None:
    found = inpaint.paste(PICTURE, OTHER, HALF, 2.0).pixels
    assert torch.equal(found[:, :, :16], PICTURE.pixels[:, :, :16])
    assert_close(found[:, :, 32:], OTHER.pixels[:, :, 32:])
    hard = inpaint.paste(PICTURE, OTHER, HALF, 0.0).pixels
    assert torch.equal(hard[:, :, 24:], OTHER.pixels[:, :, 24:])


def test_match_colours_undoes_a_change_of_tone() -> None:
    toned = Image(PICTURE.pixels * 0.8 + 0.05)
    assert_close(
        inpaint.match_colours(toned, PICTURE, HALF).pixels, PICTURE.pixels, rtol=1e-4, atol=1e-5
    )
    noisy = Image(0.9 * PICTURE.pixels + 0.1 * OTHER.pixels)
    line = np.polyfit(
        noisy.pixels[0, :, :24, 1].flatten().double().numpy(),
        PICTURE.pixels[0, :, :24, 1].flatten().double().numpy(),
        1,
    )
    expected = np.clip(line[0] * noisy.pixels[0, ..., 1].numpy() + line[1], 0, 1)
    found = inpaint.match_colours(noisy, PICTURE, HALF).pixels[0, ..., 1]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)
    with pytest.raises(InputError, match="a mask of everything"):
        inpaint.match_colours(toned, PICTURE, ALL)


def test_seam_is_black_where_nothing_changed() -> None:
    assert float(inpaint.seam(PICTURE, PICTURE, HALF).pixels.max()) == 0
    brighter = Image((PICTURE.pixels * 0.5 + 0.02).clamp(0, 1))
    found = inpaint.seam(brighter, PICTURE, HALF, gain=5.0).pixels
    assert float(found[:, :, 24:].max()) == 0
    expected = 5 * (brighter.pixels - PICTURE.pixels).abs()[:, :, :24]
    assert_close(found[:, :, :24], expected.clamp(0, 1))


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match="24 × 64 px"):
        inpaint.paste(PICTURE, OTHER, Mask(torch.zeros(1, 64, 24)))


def test_a_noise_mask_keeps_the_rest_of_the_latent(denoiser: Model, ctx: RunContext) -> None:
    text = Conditioning(normal(1, 1, 7, 16))
    clean = Latent(uniform(4, 1, 4, 8, 6), HALF.values[:, None, ::8, ::8])
    sigmas = timesteps.trailing(denoiser.betas, 4)
    done = sampler.sample(denoiser, text, text, clean, sigmas, "euler", 1.0, 0, ctx=ctx)
    assert_close(done.samples[..., :3], clean.samples[..., :3])
    assert (done.samples[..., 3:] - clean.samples[..., 3:]).abs().max() > 0.1
