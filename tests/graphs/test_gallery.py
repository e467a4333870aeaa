"""The gallery maps prompts to a grid of pictures, each as it is alone."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from torch.testing import assert_close

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.graph import Loop, walk
from nodeflow.registry import default_registry
from nodeflow.validate import validate

FOLDER = Path(__file__).parents[2] / "graphs"
PROMPTS = ["a red circle", "two green stars", "a ring"]
SMALL = {"width": 64, "height": 64, "steps": 2, "seed": 5}
WIDTH, HEAD, ROW, GAP = 260, 60, 26, 20  # of a box in the editor, px


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of few-channel networks that have learnt nothing."""
    from nodes.diffusion.training.autoencoder import new_autoencoder
    from nodes.diffusion.training.denoiser import new_unet
    from nodes.diffusion.training.export import save_checkpoint
    from nodes.diffusion.training.text_image import new_text_encoder
    from nodes.model_files import shipped_models

    folder = tmp_path_factory.mktemp("untrained")
    save_checkpoint(
        folder,
        new_autoencoder((8, 8, 8, 16)),
        new_text_encoder(16, 1),
        new_unet((16, 16, 32), cross=16),
        shipped_models() / "tiny" / "tokenizer",
    )
    return str(folder)


def test_it_is_a_valid_graph_and_its_boxes_do_not_touch() -> None:
    graph = read_graph(FOLDER / "gallery.json")
    assert [p for p in validate(graph) if p.where != "checkpoint.name"] == []
    nodes = dict(walk(graph))
    assert set(graph.view) == set(nodes)
    for a, b in combinations(nodes, 2):
        if a.rpartition("/")[0] == b.rpartition("/")[0]:
            (ax, ay), (bx, by) = graph.view[a], graph.view[b]
            upper = nodes[a if ay <= by else b]
            if isinstance(upper, Loop):
                ports = len(upper.each) + len(upper.const) + len(upper.collect)
            else:
                definition = default_registry().definitions[upper.type]
                ports = len(definition.inputs) + len(definition.outputs)
            under = abs(ay - by) >= HEAD + ROW * ports + GAP
            assert abs(ax - bx) >= WIDTH + GAP or under, f"{a} and {b} touch"


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
