"""The gallery maps prompts to a grid of pictures, each as it is alone."""

from __future__ import annotations

from pathlib import Path

from torch.testing import assert_close

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph

FOLDER = Path(__file__).parents[2] / "graphs"
PROMPTS = ["a red circle", "two green stars", "a ring"]
SMALL = {"width": 64, "height": 64, "steps": 2, "seed": 5}


def test_each_picture_is_the_one_that_its_prompt_gives_alone(checkpoint: str) -> None:
    gallery = read_graph(FOLDER / "gallery.json").with_params({"checkpoint.name": checkpoint})
    inputs = {**SMALL, "prompts": PROMPTS}
    result = run(gallery, inputs, ["image", "pictures.image"], check=True)
    pictures = result.outputs["pictures.image"]
    alone = read_graph(FOLDER / "text_to_image_simple.json")
    alone = alone.with_params({"checkpoint.name": checkpoint})
    for picture, prompt in zip(pictures, PROMPTS, strict=True):
        one = run(alone, {**SMALL, "prompt": prompt}).outputs["image"]
        assert_close(picture.pixels, one.pixels, rtol=0, atol=1e-5)
    assert result.outputs["image"].pixels.shape[2] == 4 * 64 + 3 * 8
