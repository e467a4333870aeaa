"""Inpainting: what stays, what is shown to the model, and the pipeline of diffusers as a whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import inpaint, noise, sampler, timesteps
from nodes import vae as vae_nodes
from nodes.types import Conditioning, Image, Latent, Mask, Model, Step, Vae

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def rand(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


PICTURE = Image(rand(1, 64, 48, 3, seed=1))
OTHER = Image(rand(1, 64, 48, 3, seed=2))
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


def _inpainting_unet() -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return UNet2DConditionModel(
            sample_size=8,
            in_channels=9,
            out_channels=4,
            block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=16,
            attention_head_dim=2,
            norm_num_groups=4,
        ).eval()


def _sure(vae: Vae) -> Vae:
    """An autoencoder without spread: diffusers draws from it, here its mean is taken."""
    import copy

    autoencoder = copy.deepcopy(vae.autoencoder)
    with torch.no_grad():
        autoencoder.quant_conv.weight[4:] = 0
        autoencoder.quant_conv.bias[4:] = -30
    return replace(vae, autoencoder=autoencoder)


def test_conditioning_is_that_of_diffusers_inpainting_pipeline(
    denoiser: Model, vae: Vae, ctx: RunContext
) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import (
        StableDiffusionInpaintPipeline,
    )
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    model, sure = Model(_inpainting_unet(), denoiser.betas), _sure(vae)
    texts = [
        Conditioning(torch.randn(1, 7, 16, generator=torch.Generator().manual_seed(k)))
        for k in (5, 6)
    ]
    start = noise.gaussian(Latent(torch.zeros(1, 4, 8, 6)), 3).samples
    pipe = StableDiffusionInpaintPipeline(
        vae=sure.autoencoder,
        text_encoder=None,
        tokenizer=None,
        unet=model.network,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
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
    model = Model(_inpainting_unet(), denoiser.betas)
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
    latent = Latent(rand(1, 4, 8, 6, seed=3))
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
    text = Conditioning(torch.randn(1, 7, 16, generator=torch.Generator().manual_seed(1)))
    clean = Latent(rand(1, 4, 8, 6, seed=4), HALF.values[:, None, ::8, ::8])
    sigmas = timesteps.trailing(denoiser.betas, 4)
    done = sampler.sample(denoiser, text, text, clean, sigmas, "euler", 1.0, 0, ctx=ctx)
    assert_close(done.samples[..., :3], clean.samples[..., :3])
    assert (done.samples[..., 3:] - clean.samples[..., 3:]).abs().max() > 0.1
