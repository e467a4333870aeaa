"""The examples of adapters, on the shipped model with what ships beside it, do what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodes.diffusion.training.evaluate_adapters import foreground_of, is_outlined, shows_everything
from nodes.diffusion.training.scenes import Scene, Thing
from nodes.types import Image

FOLDER = Path(__file__).parents[2] / "graphs"
HOUSE = (
    Thing("triangle", "red", "medium", 0.5, 0.27, 26),
    Thing("square", "white", "medium", 0.5, 0.73, 26),
)


def pictures(name: str, inputs: Mapping[str, Any], *ports: str) -> list[list[NDArray[np.uint8]]]:
    """All pictures [H, W, 3] that the ports give, as bytes."""
    result = run(read_graph(FOLDER / f"{name}.json"), inputs, ports, check=True)
    return [_as_bytes(result.outputs[port]) for port in ports]


def _as_bytes(images: Image | list[Image]) -> list[NDArray[np.uint8]]:
    every = images if isinstance(images, list) else [images]
    arrays = [(image.pixels.numpy() * 255).round().astype(np.uint8) for image in every]
    return [picture for array in arrays for picture in array]


def test_lora_draws_outlines_at_full_strength_and_the_base_without() -> None:
    prompts = ["a red square on a blue background", "a yellow triangle on a purple background"]
    scenes = [
        Scene("blue", (Thing("square", "red", "medium", 0.5, 0.5, 26),)),
        Scene("purple", (Thing("triangle", "yellow", "medium", 0.5, 0.5, 26),)),
    ]
    inputs = {"prompts": prompts, "strengths": [0.0, 0.5, 1.0]}
    (made,) = pictures("lora", inputs, "pictures.image")
    seen = [is_outlined(made[3 * row + column], scenes[row]) for row in (0, 1) for column in (0, 2)]
    assert seen == [False, True, False, True]


def test_embedding_stands_for_a_house_on_whatever_background() -> None:
    backgrounds = ["cyan", "green", "purple"]
    words = ["a house", "a embedding:tiny-house"]
    prompts = [f"{word} on a {name} background" for word in words for name in backgrounds]
    (made,) = pictures("embedding", {"prompts": prompts}, "pictures.image")
    houses = [Scene(name, HOUSE, relation="above") for name in backgrounds]
    seen = [shows_everything(p, scene) for p, scene in zip(made, 2 * houses, strict=True)]
    assert seen == [False] * 3 + [True] * 3


def test_controlnet_follows_the_lines_at_full_strength() -> None:
    inputs = {"strengths": [0.0, 1.0], "batch": 2}
    made, turned, hint = pictures(
        "controlnet", inputs, "pictures.image", "turn.image", "hint.image"
    )
    wanted = turned[0].mean(-1) > 127
    overlaps = [_overlap(foreground_of(picture)[1], wanted) for picture in made]
    assert max(overlaps[:2]) < 0.75  # strength 0: upright, wherever the noise puts it
    assert min(overlaps[2:]) > 0.8
    assert set(np.unique(hint[0])) == {0, 255}


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())
