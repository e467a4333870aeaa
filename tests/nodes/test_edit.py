"""InstructPix2Pix as a whole equals diffusers' pipeline on the same weights and noise."""

from __future__ import annotations

import torch
from torch.testing import assert_close

import small
from nodes import edit, guider_mix, noise, sample, timesteps
from nodes.diffusion.schedules import step_list
from nodes.types import Conditioning, Image, Latent, Model, NoisePrediction, Vae

pytestmark = small.OLD_NUMPY


def test_conditioning_is_that_of_diffusers_pipeline(denoiser: Model, vae: Vae) -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_instruct_pix2pix import (
        StableDiffusionInstructPix2PixPipeline,
    )

    model = Model(small.unet(4, in_channels=8, out_channels=4), denoiser.betas)
    generator = torch.Generator().manual_seed(1)
    texts = [Conditioning(torch.randn(1, 7, 16, generator=generator)) for _ in range(2)]
    picture = Image(torch.rand(1, 64, 64, 3, generator=generator))
    start = noise.gaussian(Latent(torch.zeros(1, 4, 8, 8)), 3).samples
    pipe = small.pipeline(
        StableDiffusionInstructPix2PixPipeline,
        vae=vae.autoencoder,
        unet=model.network,
        scheduler=small.euler_scheduler(),
    )
    expected = pipe(
        prompt_embeds=texts[0].embeddings,
        negative_prompt_embeds=texts[1].embeddings,
        image=picture.pixels.permute(0, 3, 1, 2),
        latents=start,
        num_inference_steps=5,
        guidance_scale=6.0,
        image_guidance_scale=1.4,
        output_type="latent",
    ).images
    made = edit.conditioning(texts[0], texts[1], vae, picture)
    asked = guider_mix.dual(model, made.both, made.image_only, made.neither, 6.0, 1.4)
    sigmas = timesteps.trailing(denoiser.betas, 5)
    latent = Latent(sigmas.values[0] * start)
    for step in step_list(sigmas):
        answer = NoisePrediction(asked.ask(latent.samples, step).noise)
        latent = sample.euler_step(latent, answer, step)
    assert_close(latent.samples, expected, rtol=1e-4, atol=1e-4)
    assert made.latent.samples.shape == (1, 4, 8, 8)
