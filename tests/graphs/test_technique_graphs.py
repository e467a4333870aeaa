"""Examples of single techniques, on a checkpoint of random weights: they do what they show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph

FOLDER = Path(__file__).parents[2] / "graphs"


def outputs(name: str, checkpoint: str, inputs: Mapping[str, Any], *ports: str) -> list[Any]:
    graph = read_graph(FOLDER / f"{name}.json").with_params({"checkpoint.name": checkpoint})
    result = run(graph, inputs, ports, check=True)
    return [result.outputs[port] for port in ports]


@pytest.mark.parametrize(("name", "labels"), [("guidance", 10), ("model_patches", 5)])
def test_every_way_gives_a_picture_of_its_own(name: str, labels: int, checkpoint: str) -> None:
    (latents,) = outputs(name, checkpoint, {"steps": 4}, "latents.latent")
    assert latents.samples.shape == (labels, 4, 16, 16)
    different = {tuple(latent.flatten().tolist()) for latent in latents.samples}
    # What is patched in layers that this small model has not is the model itself.
    assert len(different) >= labels - 1


def test_attention_shows_a_map_for_each_word(checkpoint: str) -> None:
    image, red, blue = outputs(
        "attention", checkpoint, {"steps": 10}, "all.image", "red.mask", "blue.mask"
    )
    assert image.pixels.shape == (7, 128, 128, 3)
    assert float(red.values.max()) == pytest.approx(1)
    assert (red.values - blue.values).abs().max() > 0.01


def test_outpaint_keeps_the_original_s_pixels(checkpoint: str) -> None:
    image, wider, mask = outputs(
        "outpaint", checkpoint, {"steps": 3}, "image", "wider.image", "wider.mask"
    )
    assert image.pixels.shape == (1, 128, 192, 3)
    middle = slice(60, 132)
    assert float(mask.values[..., middle].max()) == 0
    assert_close(image.pixels[:, :, middle], wider.pixels[:, :, middle])
    assert (image.pixels - wider.pixels)[:, :, :24].abs().max() > 0.01


def test_differential_diffusion_changes_more_where_it_is_whiter(checkpoint: str) -> None:
    before, after = outputs(
        "differential_diffusion", checkpoint, {"steps": 8}, "original.latent", "denoise.latent"
    )
    change = (after.samples - before.samples).abs().amax(dim=(0, 1, 2))  # by column
    assert float(change[0]) < 0.2 * float(change[-1])  # in the last step alone
    assert float(change[-1]) > 0.1


def test_crop_and_stitch_changes_under_the_mask_alone(checkpoint: str) -> None:
    image, large, window = outputs(
        "inpaint_crop_and_stitch", checkpoint, {"steps": 2}, "image", "large.image", "window"
    )
    assert image.pixels.shape == (1, 384, 384, 3)
    assert window.pixels.shape == (1, 128, 128, 3)
    assert torch.equal(image.pixels[:, 200:], large.pixels[:, 200:])
    assert (image.pixels - large.pixels)[:, 32:96, 32:96].abs().max() > 0.01


def test_two_passes_end_larger_than_they_began(checkpoint: str) -> None:
    image, first = outputs("two_passes", checkpoint, {"steps": 4}, "image", "small.image")
    assert first.pixels.shape == (1, 128, 128, 3)
    assert image.pixels.shape == (1, 192, 192, 3)


def test_tiled_upscale_redraws_every_tile(checkpoint: str) -> None:
    image, large, tiles = outputs(
        "tiled_upscale",
        checkpoint,
        {"steps": 8, "strength": 0.25},
        "image",
        "large.image",
        "redraw.images",
    )
    assert len(tiles) == 9
    assert image.pixels.shape == large.pixels.shape == (1, 256, 256, 3)
    assert (image.pixels - large.pixels).abs().max() > 0.01


def test_a_wide_picture_is_asked_about_window_by_window(checkpoint: str) -> None:
    (image,) = outputs("wide_picture", checkpoint, {"steps": 1}, "image")
    assert image.pixels.shape == (1, 128, 320, 3)
