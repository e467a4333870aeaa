"""The graphs of image nodes and preprocessors run, and a saved film carries its graph."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data, read_graph
from nodeflow.formats.picture import read_picture_metadata
from nodeflow.graph import Graph, Loop, Node, walk
from nodeflow.provenance import metadata, provenance
from nodeflow.registry import default_registry
from nodeflow.validate import program, validate

FOLDER = Path(__file__).parents[2] / "graphs"
NAMES = ["preprocessors", "image_tools", "steps_animation"]
WIDTH, HEAD, ROW, GAP = 260, 60, 26, 20  # of a box in the editor, px


def graph(name: str, checkpoint: str) -> Graph:
    return read_graph(FOLDER / f"{name}.json").with_params({"checkpoint.name": checkpoint})


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_valid_graph_and_says_what_it_is(name: str, checkpoint: str) -> None:
    found = graph(name, checkpoint)
    assert validate(found) == []
    assert found.title
    assert len(found.description) > 80
    assert {"prompt", "negative_prompt", "seed", "steps", "guidance_scale"} <= set(found.inputs)


def box_height(node: Node) -> int:
    if isinstance(node, Loop):
        state = 2 * len(node.state)
        return HEAD + ROW * (len(node.each) + len(node.const) + state + len(node.collect))
    definition = default_registry().get(node.type)
    assert definition is not None
    return HEAD + ROW * (len(definition.inputs) + len(definition.outputs))


@pytest.mark.parametrize("name", NAMES)
def test_its_boxes_do_not_touch(name: str) -> None:
    found = read_graph(FOLDER / f"{name}.json")
    nodes = dict(walk(found))
    assert set(found.view) == set(nodes)
    for a, b in combinations(nodes, 2):
        if a.rpartition("/")[0] != b.rpartition("/")[0]:
            continue  # one lies inside a loop, the other outside
        (ax, ay), (bx, by) = found.view[a], found.view[b]
        upper, lower = (a, b) if ay <= by else (b, a)
        under = abs(ay - by) >= box_height(nodes[upper]) + GAP
        assert abs(ax - bx) >= WIDTH + GAP or under, f"{upper} covers {lower}"


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
