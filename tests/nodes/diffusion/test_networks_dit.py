"""Runs of diffusion transformers equal diffusers' pipelines on the same weights and noise.

Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per operation, carried over the steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import small
from nodes.diffusion import networks, schedules
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import Conditioning, Model, PictureSize, Sigmas
from small import SCALE, normal, seeded

WIDTH, CHANNELS, LABELS = 24, 4, 6
STEPS = 6
BETAS = schedules.schedule_of_betas(schedules.linear_betas(1000, 0.0001, 0.02))

pytestmark = small.OLD_NUMPY


def new_pixart(sized: bool = False) -> Any:
    from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel

    with seeded(1):
        return PixArtTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=6,
            in_channels=CHANNELS,
            out_channels=2 * CHANNELS,
            num_layers=2,
            cross_attention_dim=12,
            sample_size=16,
            caption_channels=WIDTH,
            use_additional_conditions=sized,
        ).eval()


def new_dit(labels: int = LABELS) -> Any:
    from diffusers.models.transformers.dit_transformer_2d import DiTTransformer2DModel

    with seeded(2):
        return DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            in_channels=CHANNELS,
            out_channels=2 * CHANNELS,
            num_layers=2,
            sample_size=8,
            num_embeds_ada_norm=labels,
        ).eval()


def text(seed: int, told: int) -> Conditioning:
    mask = torch.arange(9)[None] < told
    return Conditioning(normal(seed, 1, 9, WIDTH), attention_mask=mask)


POSITIVE, NEGATIVE = text(1, 7), text(2, 2)
NOISE = normal(3, 1, CHANNELS, 8, 12)
CLEAN = normal(4, 1, CHANNELS, 8, 12)


def ddim() -> Any:
    return small.ddim_scheduler(beta_schedule="linear", beta_start=0.0001, beta_end=0.02)


def levels(skipped: int = 0) -> Sigmas:
    scheduler = ddim()
    scheduler.set_timesteps(STEPS)
    return schedules.at_timesteps(BETAS, [float(t) for t in scheduler.timesteps[skipped:]])


def run(
    model: Model, x: Tensor, sigmas: Sigmas, wanted: Conditioning, other: Conditioning
) -> Tensor:
    """From x, as diffusers scales it."""
    return small.run(model, x * (1 + sigmas.values[0] ** 2) ** 0.5, sigmas, wanted, other)


def pixart_pipeline(network: Any) -> Any:
    from diffusers.pipelines.pixart_alpha.pipeline_pixart_sigma import PixArtSigmaPipeline

    return small.pipeline(
        PixArtSigmaPipeline, transformer=network, scheduler=ddim(), vae=small.autoencoder()
    )


def noised(sigma: float) -> Tensor:
    return (CLEAN + sigma * NOISE) / (1 + sigma**2) ** 0.5


def pixart_text(text: Conditioning) -> dict[str, Tensor]:
    assert text.attention_mask is not None
    return {"prompt_embeds": text.embeddings, "prompt_attention_mask": text.attention_mask.float()}


@pytest.mark.parametrize("skipped", [0, 2], ids=["text to image", "image to image"])
def test_pixart_run_is_the_pipeline_s(skipped: int) -> None:
    network = new_pixart()
    pipe = pixart_pipeline(network)
    chosen = levels(skipped)
    start = noised(chosen.values[0]) if skipped else NOISE
    # The pipeline begins where its scheduler does: let it begin later.
    pipe.scheduler.set_timesteps = lambda *a, **k: late(pipe.scheduler, skipped)
    expected = pipe(
        **pixart_text(POSITIVE),
        **{f"negative_{name}": value for name, value in pixart_text(NEGATIVE).items()},
        negative_prompt=None,
        latents=start,
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        height=64,
        width=96,
        use_resolution_binning=False,
        output_type="latent",
    ).images
    got = run(Model(network, BETAS, family="pixart"), start, chosen, POSITIVE, NEGATIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def late(scheduler: Any, skipped: int) -> None:
    type(scheduler).set_timesteps(scheduler, STEPS)
    scheduler.timesteps = scheduler.timesteps[skipped:]


def test_pixart_that_knows_sizes_is_told_them() -> None:
    network = new_pixart(sized=True)
    model = Model(network, BETAS, family="pixart")
    step = schedules.step_list(levels())[3]
    x = NOISE * step.sigma
    (got,) = predict_epsilons(model, x, step, [POSITIVE])
    with torch.no_grad():
        answer = network(
            x / (1 + step.sigma**2) ** 0.5,
            encoder_hidden_states=POSITIVE.embeddings,
            encoder_attention_mask=POSITIVE.attention_mask,
            timestep=torch.tensor([step.timestep]),
            added_cond_kwargs={
                "resolution": torch.tensor([[64.0, 96.0]]),
                "aspect_ratio": torch.tensor([[64 / 96]]),
            },
        ).sample
    assert_close(got, answer[:, :CHANNELS])
    told = replace(POSITIVE, size=PictureSize((128, 96)))
    (other,) = predict_epsilons(model, x, step, [told])
    assert not torch.allclose(got, other, atol=1e-4)


def label(number: int | None) -> Conditioning:
    plain = Conditioning(torch.zeros(1, 1, 1))
    return plain if number is None else plain.with_extra("class_labels", torch.tensor([number]))


@pytest.mark.parametrize("skipped", [0, 2], ids=["text to image", "image to image"])
def test_dit_run_is_the_pipeline_s(skipped: int) -> None:
    """DiTPipeline takes no latents and tells 1000 for no label: its loop is written out here."""
    network, scheduler = new_dit(), ddim()
    chosen = levels(skipped)
    start = noised(chosen.values[0])[..., :8] if skipped else NOISE[..., :8]
    late(scheduler, skipped)
    x = start
    for t in scheduler.timesteps:
        with torch.no_grad():
            both = network(
                torch.cat([x, x]), timestep=t.expand(2), class_labels=torch.tensor([3, LABELS])
            ).sample
        cond, uncond = both[:, :CHANNELS].chunk(2)
        x = scheduler.step(uncond + SCALE * (cond - uncond), t, x).prev_sample
    got = run(Model(network, BETAS, family="dit"), start, chosen, label(3), label(None))
    assert_close(got, x, rtol=1e-4, atol=1e-4)


def test_dit_of_a_thousand_labels_is_the_pipeline_s() -> None:
    from diffusers.pipelines.dit.pipeline_dit import DiTPipeline

    network, autoencoder = new_dit(labels=1000), small.autoencoder()
    pipe = small.pipeline(DiTPipeline, transformer=network, vae=autoencoder, scheduler=ddim())
    expected = pipe(
        [417],
        guidance_scale=SCALE,
        generator=torch.Generator().manual_seed(3),
        num_inference_steps=STEPS,
        output_type="np",  # diffusers 0.36 gives no tensor
    ).images
    start = normal(3, 1, CHANNELS, 8, 8)
    got = run(Model(network, BETAS, family="dit"), start, levels(), label(417), label(None))
    with torch.no_grad():
        picture = autoencoder.decode(got / autoencoder.config.scaling_factor).sample
    drawn = (picture / 2 + 0.5).clamp(0, 1).movedim(1, -1)
    assert_close(drawn, torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def test_dit_draws_squares_alone() -> None:
    model = Model(new_dit(), BETAS, family="dit")
    step = schedules.step_list(levels())[0]
    with pytest.raises(ValueError, match="8 × 12"):
        predict_epsilons(model, NOISE, step, [label(1)])


def test_labels_of_a_batch_are_each_picture_s_own() -> None:
    model = Model(new_dit(), BETAS, family="dit")
    step = schedules.step_list(levels())[2]
    x = normal(5, 2, CHANNELS, 8, 8)
    texts = Conditioning(torch.zeros(2, 1, 1)).with_extra("class_labels", torch.tensor([1, 4]))
    (both,) = predict_epsilons(model, x, step, [texts])
    for k, number in enumerate((1, 4)):
        (alone,) = predict_epsilons(model, x[k : k + 1], step, [label(number)])
        assert_close(both[k : k + 1], alone)


def test_channels_and_text_width_are_known() -> None:
    pixart, dit = new_pixart(), new_dit()
    assert [networks.latent_channels(n) for n in (pixart, dit)] == [CHANNELS, CHANNELS]
    assert [networks.extra_channels(n) for n in (pixart, dit)] == [0, 0]
    assert [networks.text_width(n) for n in (pixart, dit)] == [WIDTH, None]


def test_sides_that_patches_do_not_divide_are_filled_up_and_cut() -> None:
    model = Model(new_pixart(), BETAS, family="pixart")
    step = schedules.step_list(levels())[3]
    odd = NOISE[..., :7, :9]
    wider = torch.nn.functional.pad(odd, (0, 1, 0, 1), mode="replicate")
    (got,) = predict_epsilons(model, odd, step, [POSITIVE])
    (whole,) = predict_epsilons(model, wider, step, [POSITIVE])
    assert_close(got, whole[..., :7, :9])
