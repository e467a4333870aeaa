"""The example graphs run, on a checkpoint of random weights, and do what their titles say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.graph import Graph

FOLDER = Path(__file__).parents[2] / "graphs"
NAMES = [
    "text_to_image",
    "text_to_image_simple",
    "image_to_image",
    "inpaint",
    "compare_samplers",
    "unrolled_four_steps",
]
SMALL = {"width": 64, "height": 64}


def graph(name: str, checkpoint: str) -> Graph:
    return read_graph(FOLDER / f"{name}.json").with_params({"checkpoint.name": checkpoint})


def outputs(found: Graph, inputs: Mapping[str, Any], *names: str) -> list[Any]:
    """What a run gives at `names`, with the engine's own checks on."""
    result = run(found, inputs, names or None, check=True)
    return [result.outputs[name] for name in names or result.outputs]


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_what_a_picture_is_made_of(name: str) -> None:
    found = read_graph(FOLDER / f"{name}.json")
    assert {"prompt", "negative_prompt", "seed"} <= set(found.inputs)


def test_text_to_image_is_text_to_image_simple(checkpoint: str) -> None:
    inputs = {**SMALL, "steps": 4, "seed": 3, "batch": 2, "guidance_scale": 3.0}
    (loop,) = outputs(graph("text_to_image", checkpoint), inputs)
    one_node = {**inputs, "sampler": "euler"}
    (simple,) = outputs(graph("text_to_image_simple", checkpoint), one_node)
    assert loop.pixels.shape == (2, 64, 64, 3)
    assert_close(loop.pixels, simple.pixels, rtol=0, atol=1e-4)


def test_text_to_image_of_a_batch_is_that_of_each_seed(checkpoint: str) -> None:
    found = graph("text_to_image", checkpoint)
    (both,) = outputs(found, {**SMALL, "steps": 2, "seed": 7, "batch": 2})
    (second,) = outputs(found, {**SMALL, "steps": 2, "seed": 8, "batch": 1})
    assert torch.equal(both.pixels[1:], second.pixels)


def test_image_to_image_at_strength_zero_keeps_the_picture(checkpoint: str) -> None:
    found = graph("image_to_image", checkpoint)
    start, end = outputs(found, {"strength": 0.0}, "encode.latent", "denoise.latent")
    assert torch.equal(start.samples, end.samples)


def test_image_to_image_takes_the_steps_that_strength_says(checkpoint: str) -> None:
    result = run(graph("image_to_image", checkpoint), {"strength": 0.5, "steps": 6})
    assert {path.split("/")[0] for path in result.nodes if path.endswith("/move")} == {
        "denoise[0]",
        "denoise[1]",
        "denoise[2]",
    }
    assert result.outputs["compare"].pixels.shape[2] > 2 * 128


def test_inpaint_changes_the_latent_under_the_mask_alone(checkpoint: str) -> None:
    names = ("original.latent", "denoise.latent", "mask.mask")
    before, after, mask = outputs(graph("inpaint", checkpoint), {"steps": 3}, *names)
    cells = torch.nn.functional.avg_pool2d(mask.values[:, None], 8)
    outside = (cells == 0).expand_as(before.samples)
    assert outside.any()
    assert torch.equal(after.samples[outside], before.samples[outside])
    inside = (cells == 1).expand_as(before.samples)
    assert (after.samples[inside] - before.samples[inside]).abs().mean() > 0.1


def test_compare_samplers_shows_nine_pictures(checkpoint: str) -> None:
    found = graph("compare_samplers", checkpoint)
    names = (
        "compare.image",
        "euler.latent",
        "ddim.latent",
        "ddpm.latent",
        "euler_ancestral.latent",
    )
    sheet, euler, ddim, ddpm, ancestral = outputs(found, {**SMALL, "steps": 3}, *names)
    assert sheet.pixels.shape[2] == 3 * 64 + 2 * 8
    # Two names for one formula each: deterministic, and with all of the noise.
    for one, other in ((euler, ddim), (ddpm, ancestral)):
        assert_close(one.samples, other.samples, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(euler.samples, ddpm.samples, atol=0.1)


def test_unrolled_four_steps_is_the_sampler_of_four_steps(checkpoint: str) -> None:
    (image,) = outputs(graph("unrolled_four_steps", checkpoint), {**SMALL, "seed": 2}, "image")
    simple = graph("text_to_image_simple", checkpoint)
    trailing = replace(simple.nodes["sigmas"], type="timesteps.trailing")
    whole = replace(simple, nodes={**simple.nodes, "sigmas": trailing})
    inputs = {**SMALL, "steps": 4, "seed": 2, "sampler": "euler"}
    (expected,) = outputs(whole, inputs)
    assert_close(image.pixels, expected.pixels, rtol=0, atol=1e-4)
