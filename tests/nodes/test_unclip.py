"""unCLIP nodes against diffusers' Stable unCLIP pipeline, on tiny random weights."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import unclip
from nodes.diffusion import schedules
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import Conditioning, ImageEmbedding, Model, UnclipNoise
from small import SCALE, SD, normal

pytestmark = small.OLD_NUMPY

D, STEPS = small.POOLED, 4

text = partial(small.text, tokens=77)


def embedding(seed: int, batch: int = 1) -> ImageEmbedding:
    return ImageEmbedding(normal(seed, batch, D), normal(2, batch, 5, 8), torch.zeros(1, 5, 8))


NOISE = UnclipNoise(0.2 * normal(8, 1, D), 1 + 0.1 * normal(9, 1, D).abs())
LATENT = normal(3, 1, 4, 8, 8)


def new_unet() -> Any:
    return small.unet(class_embed_type="projection", projection_class_embeddings_input_dim=2 * D)


def normalizer() -> Any:
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
        StableUnCLIPImageNormalizer,
    )

    made = StableUnCLIPImageNormalizer(D)
    made.mean.data, made.std.data = NOISE.mean.clone(), NOISE.std.clone()
    return made


def pipeline(unet: Any) -> Any:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_unclip_img2img import (
        StableUnCLIPImg2ImgPipeline,
    )
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return small.pipeline(
        StableUnCLIPImg2ImgPipeline,
        image_encoder=small.clip_vision(),
        image_normalizer=normalizer(),
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        unet=unet,
        scheduler=small.euler_scheduler(),
        vae=small.autoencoder(),
    )


@pytest.mark.parametrize("level", [0, 300])
def test_apply_run_is_the_pipeline_s(level: int) -> None:
    """Tolerance 1e-4 on latents: rounding of a few 1e-7, carried over the steps."""
    unet, seed = new_unet(), 11
    levels = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, STEPS))
    start = LATENT * levels.values[0]  # which this pipeline leaves to whoever brings latents
    expected = pipeline(unet)(
        image_embeds=embedding(4).pooled,
        noise_level=level,
        generator=torch.Generator().manual_seed(seed),
        prompt_embeds=text(1).embeddings,
        negative_prompt_embeds=text(2).embeddings,
        latents=start.clone(),
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        height=64,
        width=64,
        output_type="latent",
    ).images
    positive = unclip.apply(text(1), NOISE, embedding(4), 1.0, level / 999, seed)
    got = small.run(Model(unet, SD), start, levels, positive, text(2))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def labels(given: Conditioning) -> Tensor:
    found: Tensor = given.extra("class_labels")
    return found


def test_apply_without_noise_is_the_embedding_and_level_0() -> None:
    """Level 0 has almost none: alpha-bar is 1 - 4e-5, so at most a hundredth of the spread."""
    got = labels(unclip.apply(text(1), NOISE, embedding(4)))
    assert got.shape == (1, 2 * D)
    assert_close(got[:, :D], embedding(4).pooled, rtol=0, atol=0.03)
    assert_close(got[:, D:], torch.tensor([[1.0] * 6 + [0.0] * 6]))


def test_apply_is_linear_in_strength_and_reaches_every_text() -> None:
    several = replace(text(1), more=(text(2),))
    whole = unclip.apply(several, NOISE, embedding(4), 1.0, 0.3, 5)
    half = unclip.apply(several, NOISE, embedding(4), 0.5, 0.3, 5)
    assert_close(labels(half), 0.5 * labels(whole))
    assert torch.equal(labels(whole.more[0]), labels(whole))


def test_apply_draws_picture_k_from_seed_plus_k() -> None:
    both = embedding(4, batch=2)
    got = labels(unclip.apply(text(1), NOISE, both, 1.0, 0.5, 7))
    second = ImageEmbedding(both.pooled[1:], both.hidden[1:], both.blank)
    alone = labels(unclip.apply(text(1), NOISE, second, 1.0, 0.5, 8))
    assert torch.equal(got[1:], alone)


def test_apply_refuses_another_encoder_s_embedding() -> None:
    wide = replace(embedding(1), pooled=normal(1, 1, D + 1))
    with pytest.raises(InputError, match=r"width 13.*checkpoint's 12"):
        unclip.apply(text(1), NOISE, wide)


def test_revision_goes_from_the_text_to_the_picture() -> None:
    several = replace(text(1), more=(text(2),))
    for amount in (0.0, 0.25, 1.0):
        got = unclip.revision(several, embedding(4), amount)
        for one, before in ((got, several), (got.more[0], several.more[0])):
            assert before.pooled is not None
            assert one.pooled is not None
            expected = (1 - amount) * before.pooled + amount * embedding(4).pooled
            assert_close(one.pooled, expected)
            assert torch.equal(one.embeddings, before.embeddings)


def test_revision_refuses_embeddings_of_another_space() -> None:
    with pytest.raises(InputError, match=r"width 13.*one of width 12.*bigG"):
        unclip.revision(text(1), replace(embedding(1), pooled=normal(1, 1, 13)))


def test_load_reads_a_folder_and_a_single_file(tmp_path: Path) -> None:
    vision = small.clip_vision()
    folder = tmp_path / "unclip"
    vision.save_pretrained(folder / "image_encoder")
    normalizer().save_pretrained(folder / "image_normalizer")
    (folder / "model_index.json").write_text("{}")
    state = {f"image_encoder.{n}": t for n, t in vision.state_dict().items()}
    state["noise_augmentor.data_mean"] = NOISE.mean[0].clone()
    state["noise_augmentor.data_std"] = NOISE.std[0].clone()
    save_file(state, tmp_path / "unclip.safetensors")
    for path in (folder, tmp_path / "unclip.safetensors"):
        found = unclip.load(str(path), ctx=RunContext())
        assert torch.equal(found.noise.mean, NOISE.mean)
        assert torch.equal(found.noise.std, NOISE.std)
        for name, tensor in vision.state_dict().items():
            assert torch.equal(found.clip_vision.network.state_dict()[name], tensor)


def test_load_says_what_is_missing(tmp_path: Path) -> None:
    save_file({"a.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"x\.safetensors: expected an unCLIP.*a LoRA"):
        unclip.load(str(tmp_path / "x.safetensors"), ctx=RunContext())
    (tmp_path / "sd").mkdir()
    (tmp_path / "sd" / "model_index.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"expected an unCLIP.*image_normalizer"):
        unclip.load(str(tmp_path / "sd"), ctx=RunContext())
