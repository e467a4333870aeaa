"""The graphs about prompts: each shows what its prompts say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.graph import Graph

FOLDER = Path(__file__).parents[2] / "graphs"
SMALL = {"width": 64, "height": 64, "seed": 5}


def graph(name: str, checkpoint: str) -> Graph:
    return read_graph(FOLDER / f"{name}.json").with_params({"checkpoint.name": checkpoint})


def pictures(name: str, checkpoint: str, port: str = "image", **inputs: Any) -> list[torch.Tensor]:
    found = run(graph(name, checkpoint), {**SMALL, **inputs}, [f"pictures.{port}"], check=True)
    return [picture.pixels for picture in found.outputs[f"pictures.{port}"]]


def test_a_weight_of_one_is_the_same_in_both_readings(checkpoint: str) -> None:
    inputs = {"prompts": ["a (cat:1.0)", "a (cat:1.5)"], "steps": 2}
    same, other = pictures("prompt_weights", checkpoint, "comfyui", **inputs)
    again, another = pictures("prompt_weights", checkpoint, "a1111", **inputs)
    assert torch.equal(same, again)
    assert not torch.equal(other, another)
    assert not torch.equal(same, other)


def test_a_change_at_the_beginning_or_the_end_is_none(checkpoint: str) -> None:
    prompts = ["[a cat:a dog:0]", "a dog", "[a cat:a dog:1.0]", "a cat", "[a cat:a dog:0.5]"]
    prompts += ["[a cat|a dog]"]
    found = pictures("prompt_scheduling", checkpoint, prompts=prompts, steps=4)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[2], found[3])
    assert len({tuple(picture.flatten().tolist()) for picture in found}) == 4


def test_a_matrix_of_two_options_has_four_pictures(checkpoint: str) -> None:
    found = pictures("prompt_matrix", checkpoint, prompt="a cat | red | on a mat", steps=2)
    assert len(found) == 4


def test_and_adds_the_guidance_of_its_parts(checkpoint: str) -> None:
    prompts = ["a cat AND a cat :0.5", "a cat", "a cat AND a dog :0"]
    twice, once, same = pictures("prompt_and", checkpoint, prompts=prompts, steps=2)
    (stronger,) = pictures("prompt_and", checkpoint, prompts=["a cat"], steps=2, guidance_scale=6.0)
    torch.testing.assert_close(twice, stronger, rtol=0, atol=1e-4)  # 1.5 times scale 4
    torch.testing.assert_close(same, once, rtol=0, atol=1e-4)
    assert (twice - once).abs().max() > 1e-3


def test_equal_texts_are_equal_in_areas_only_where_the_denoiser_sees_the_same(
    checkpoint: str,
) -> None:
    inputs = {"left_prompt": "a cat", "right_prompt": "a cat", "steps": 2, "seed": 5}
    small = graph("regional_prompts", checkpoint)
    wanted = [f"sample_{name}.latent" for name in ("both", "areas", "masks")]
    outputs = run(small, inputs, wanted, check=True).outputs
    both, areas, masks = (outputs[name].samples for name in wanted)
    torch.testing.assert_close(masks, both, rtol=0, atol=1e-4)  # sums in another order
    assert (areas - both).abs().max() > 1e-3
