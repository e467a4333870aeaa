"""Adapters' trainings: loss, batches, the new words, and the judges of what comes out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training import adapters, embedding, styles
from nodes.diffusion.training import denoiser as dn
from nodes.diffusion.training import evaluate_adapters as ea
from nodes.diffusion.training.evaluate import Asked, held_out_prompts
from nodes.diffusion.training.scenes import draw
from nodes.diffusion.training.text_image import new_text_encoder
from nodes.diffusion.training.tokenizer import CONTEXT, END_ID, START_ID
from nodes.model_files import shipped_models
from nodes.types import Examples

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer() -> ClipTokenizer:
    return ClipTokenizer.from_folder(shipped_models() / "tiny" / "tokenizer")


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    return [item for item in held_out_prompts("centered", 16) if ea._is_solid(item.scene)]


# Training


def test_the_loss_is_that_of_the_denoiser() -> None:
    unet = dn.new_unet((16, 16, 32), cross=16)
    latents = torch.randn(4, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    states = torch.randn(4, 5, 16, generator=torch.Generator().manual_seed(1))

    def predict(noisy: Tensor, timesteps: Tensor) -> Tensor:
        found: Tensor = unet(noisy, timesteps, encoder_hidden_states=states).sample
        return found

    recipe = adapters.AdapterRecipe()
    ours = adapters.noise_loss(predict, latents, recipe, np.random.default_rng(5), CPU)
    rng = np.random.default_rng(5)
    timesteps = dn.draw_timesteps(4, rng)
    noise = dn.draw_noise(timesteps, latents.shape, recipe.offset, rng)
    noisy = dn.add_noise(latents, noise, dn.alphas_cumprod()[timesteps])
    with torch.autocast("cpu", torch.bfloat16):
        predicted = predict(noisy, timesteps)
    weights = dn.loss_weight(dn.alphas_cumprod())[timesteps]
    squares = (predicted.float() - noise).pow(2).flatten(1).mean(1)
    torch.testing.assert_close(ours, (weights * squares).mean())


def test_a_batch_pairs_pictures_with_their_own_captions() -> None:
    latents = torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 4, 2, 2)
    examples = Examples(latents, tuple((f"{k}a", f"{k}b") for k in range(5)))
    rng = np.random.default_rng(0)
    batch = adapters.draw_batch(examples, adapters.AdapterRecipe(batch=40, dropped=0.5), rng)
    said = [(int(z[0, 0, 0]), text) for z, text in zip(batch.latents, batch.captions, strict=True)]
    assert all(text == "" or text[0] == str(k) for k, text in said)
    assert batch.indices == [k for k, _ in said]
    assert 8 < sum(text == "" for _, text in said) < 32
    assert {text[1] for _, text in said if text} == {"a", "b"}


def test_captions_without_the_new_word_are_tokenized_as_ever(tokenizer: ClipTokenizer) -> None:
    text = "a red circle on a blue background"
    ids = embedding.tokenize_with(tokenizer, [text], "<house>", 2)
    torch.testing.assert_close(ids, tokenizer.tokenize(text).ids)


def test_the_new_word_becomes_one_id_for_each_vector(tokenizer: ClipTokenizer) -> None:
    (row,) = embedding.tokenize_with(tokenizer, ["a <house> on blue"], "<house>", 3).tolist()
    before, after = tokenizer.split("a")[0], tokenizer.split("on blue")[0]
    new = [END_ID + 1, END_ID + 2, END_ID + 3]
    assert row[: 5 + len(before + after)] == [START_ID, *before, *new, *after, END_ID]
    (cut,) = embedding.tokenize_with(tokenizer, ["a " * 80 + "<house>"], "<house>", 3).tolist()
    assert len(cut) == CONTEXT
    assert cut[-1] == END_ID


def test_new_ids_are_the_new_vectors_and_old_ones_the_old() -> None:
    encoder = new_text_encoder(16, 1)
    vectors = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    clone, learnt = embedding.with_vectors(encoder, vectors)
    table = clone.get_input_embeddings()
    found = table(torch.tensor([[5, END_ID + 2, END_ID + 1]]))
    old = encoder.get_input_embeddings().weight[5]
    torch.testing.assert_close(found[0], torch.stack([old, vectors[1], vectors[0]]))
    assert learnt.requires_grad
    assert encoder.get_input_embeddings() is not table


# Judges


def test_drawn_outlines_are_outlined_and_filled_shapes_are_not(asked: list[Asked]) -> None:
    for item in asked:
        assert ea.is_outlined(styles.draw_outlined(item.scene), item.scene)
        assert not ea.is_outlined(draw(item.scene), item.scene)


def test_an_outline_of_another_scene_is_wrong(asked: list[Asked]) -> None:
    for one, other in pairwise(asked):
        assert not ea.is_outlined(styles.draw_outlined(one.scene), other.scene)


def test_an_empty_picture_shows_nothing(asked: list[Asked]) -> None:
    empty = np.full((128, 128, 3), 200, np.uint8)
    assert not ea.is_outlined(empty, asked[0].scene)
    assert ea.overlap(empty, styles.freed(asked[0].scene)) == 0


def test_a_drawn_scene_overlaps_itself_and_not_another(asked: list[Asked]) -> None:
    scenes = [styles.freed(item.scene) for item in asked]
    for scene, other in pairwise(scenes):
        assert ea.overlap(styles.draw_freed(scene), scene) > 0.9
        assert ea.overlap(styles.draw_freed(scene), other) < ea.FOLLOWS


def test_drawn_houses_are_houses() -> None:
    for scene in styles.named_scenes(*ea.HOUSE, 8, 1):
        assert ea.shows_everything(draw(scene), scene)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("lora", "loras/tiny_outline.safetensors"),
        ("embedding", "embeddings/tiny-house.safetensors"),
        ("controlnet", "controlnet/tiny_edges"),
    ],
)
def test_what_ships_shows_in_diffusers_own_pipelines(kind: str, place: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(shipped_models() / "tiny")
    pipeline.set_progress_bar_config(disable=True)
    found = ea.EVALUATIONS[kind](pipeline, shipped_models() / place, 2)
    assert (len(found.without), len(found.with_it)) == (2, 2)
    assert found.share_without == 0
    assert found.share_with >= 0.5  # of many, 80 % and more
