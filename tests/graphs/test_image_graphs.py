"""The graphs of image nodes and preprocessors run, and a saved film carries its graph."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data, read_graph
from nodeflow.formats.picture import read_picture_metadata
from nodeflow.graph import Graph
from nodeflow.provenance import metadata, provenance
from nodeflow.registry import default_registry
from nodeflow.validate import program

FOLDER = Path(__file__).parents[2] / "graphs"
NAMES = ["preprocessors", "image_tools", "steps_animation"]


def graph(name: str, checkpoint: str) -> Graph:
    return read_graph(FOLDER / f"{name}.json").with_params({"checkpoint.name": checkpoint})


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_what_a_picture_is_made_of(name: str) -> None:
    wanted = {"prompt", "negative_prompt", "seed", "steps", "guidance_scale"}
    assert wanted <= set(read_graph(FOLDER / f"{name}.json").inputs)


def test_every_preprocessor_has_its_place_in_the_grid(checkpoint: str) -> None:
    found = graph("preprocessors", checkpoint)
    result = run(found, {"steps": 1}, ["image", "all.image"], check=True)
    assert result.outputs["all.image"].pixels.shape == (16, 256, 256, 3)
    assert result.outputs["image"].pixels.shape[2] == 4 * 256 + 3 * 8
    used = {node.type for node in found.nodes.values()}
    for module in ("preprocess", "preprocess_colour"):
        ids = {d.id for d in default_registry() if d.id.startswith(f"{module}.")}
        assert ids <= used


def test_image_tools_compares_what_it_cleaned(checkpoint: str) -> None:
    result = run(graph("image_tools", checkpoint), {"steps": 1}, check=True)
    assert result.outputs["image"].pixels.shape[2] == 7 * 192 + 6 * 8
    assert 0 < result.outputs["ssim"] < 1
    assert 10 < result.outputs["psnr"] < 60


def test_steps_animation_has_a_frame_for_each_step_and_its_graph_inside(
    checkpoint: str, tmp_path: Path
) -> None:
    registry = default_registry()
    found = graph("steps_animation", checkpoint).with_params({"sigmas.steps": 3})
    told = provenance(program(found, registry), registry, None, "cpu")
    context = RunContext(output_dir=tmp_path, metadata=metadata(told))
    result = run(found, context=context)
    for suffix in ("webp", "gif"):
        [path] = result.outputs[suffix]
        with Pillow.open(path) as film:
            assert film.size == (260, 128)
            shown = 0.0
            for k in range(film.n_frames):  # equal frames that follow each other are one
                film.seek(k)
                film.load()
                shown += film.info["duration"]
            assert shown == pytest.approx(3 * 1000 / 6 + 1500, abs=15)
        kept = read_picture_metadata(Path(path))
        again = graph_from_data(kept["graph"], registry, where=path)
        assert again.nodes["sigmas"].params == {"steps": 3}
