"""The model that ships: it loads in diffusers, is small, and follows its prompts.

A small version of the gates in its model card; `nodes.diffusion.training.evaluate` measures all.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage

from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training.evaluate import (
    evaluate,
    image_to_image_figures,
    paint,
    rebuild_figures,
)
from nodes.diffusion.training.judge import judge
from nodes.diffusion.training.scenes import Scene, Thing

MODEL = Path(__file__).parents[3] / "nodes" / "models" / "tiny"


@pytest.fixture(scope="module")
def pipeline() -> Any:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(MODEL)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_it_is_at_most_40_megabytes() -> None:
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) <= 40_000_000


def test_its_tokenizer_is_clips() -> None:
    from transformers import CLIPTokenizer

    theirs = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    assert len(theirs) == 49408
    assert theirs("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    ours = ClipTokenizer.from_folder(MODEL / "tokenizer")
    for text in ("a red circle, blue background", "Don't 1234 naïve!! ✨", ""):
        assert theirs(text).input_ids[1:-1] == ours.split(text)[0]
    assert "MIT" in (MODEL / "tokenizer" / "LICENSE").read_text()


def test_its_autoencoder_keeps_pictures(pipeline: Any) -> None:
    figures = rebuild_figures(pipeline.vae, 24)
    assert figures["psnr"] >= 34
    assert figures["recognised"] >= 0.95


def test_it_draws_what_it_is_told(pipeline: Any) -> None:
    table, _, _ = evaluate(pipeline, {"centered": 16, "positioned": 8})
    single = table["single"]
    assert single["background"] >= 0.95
    assert single["colour"] >= 0.95
    assert single["shape"] >= 0.95
    assert single["place"] >= 0.9


def test_the_first_picture_of_everybody(pipeline: Any) -> None:
    scene = Scene("blue", (Thing("circle", "red", "medium", 0.5, 0.5, 26),), "center")
    pictures = paint(pipeline, ["a red circle on a blue background"] * 4)
    assert all(judge(picture, scene).simple for picture in pictures)


def test_picture_k_does_not_depend_on_the_batch(pipeline: Any) -> None:
    prompts = ["a red circle on a blue background", "a green star on white"]
    together = list(paint(pipeline, prompts, steps=4))
    alone = list(paint(pipeline, prompts, steps=4, batch=1))
    assert np.abs(np.stack(together).astype(int) - np.stack(alone)).max() <= 2  # float32 sums


def test_image_to_image_at_low_strength_keeps_background_and_object(pipeline: Any) -> None:
    figures = image_to_image_figures(pipeline, 9)
    assert figures["kept with own prompt"] >= 0.85
    assert figures["kept with other prompt"] >= 0.75


def test_its_card_names_its_figures() -> None:
    card = (MODEL / "README.md").read_text("utf-8")
    assert "nodes.diffusion.training.evaluate" in card
    with PilImage.open(MODEL / "samples.png") as samples:
        assert samples.width >= 128
