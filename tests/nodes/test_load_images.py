"""Folders of pictures: order, choice, sizes, and that content counts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.executor import run
from nodeflow.graph import Graph, Node
from nodeflow.node import definition_of
from nodes import load_images as nodes
from nodes.types import Image


def write(folder: Path, name: str, grey: int, size: tuple[int, int] = (4, 3)) -> None:
    Pillow.new("RGB", size, (grey, grey, grey)).save(folder / name)


def greys(images: list[Image]) -> list[int]:
    return [round(float(image.pixels.mean()) * 255) for image in images]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, grey in (("step 10.png", 30), ("step 2.PNG", 20), ("Step 1.webp", 10)):
        write(tmp_path, name, grey)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "within.png").mkdir()
    return tmp_path


def test_from_folder_sorts_numbers_as_numbers(folder: Path, ctx: RunContext) -> None:
    found = nodes.from_folder(str(folder), ctx=ctx)
    assert greys(found) == [10, 20, 30]
    assert found[0].pixels.shape == (1, 3, 4, 3)


def test_from_folder_chooses(folder: Path, ctx: RunContext) -> None:
    assert greys(nodes.from_folder(str(folder), "*.png", ctx=ctx)) == [20, 30]
    assert greys(nodes.from_folder(str(folder), "*", 1, 1, ctx=ctx)) == [20]


def test_names_are_in_the_same_order(folder: Path) -> None:
    assert nodes.names(str(folder)) == ["Step 1", "step 2", "step 10"]
    assert nodes.names(str(folder), "STEP ?.*") == ["Step 1", "step 2"]
    assert nodes.names(str(folder), "*", 1) == ["step 2", "step 10"]
    assert nodes.names(str(folder), "*", 1, 1) == ["step 2"]


def test_from_folder_keeps_sizes_and_transparency(tmp_path: Path, ctx: RunContext) -> None:
    write(tmp_path, "a.png", 0, (5, 2))
    Pillow.new("RGBA", (1, 7), (255, 0, 0, 51)).save(tmp_path / "b.png")
    found = nodes.from_folder(str(tmp_path), ctx=ctx)
    assert [tuple(image.pixels.shape) for image in found] == [(1, 2, 5, 3), (1, 7, 1, 4)]


def test_from_folder_says_what_is_missing(folder: Path, ctx: RunContext) -> None:
    with pytest.raises(InputError, match=r"no picture called '\*\.gif'"):
        nodes.from_folder(str(folder), "*.gif", ctx=ctx)
    with pytest.raises(InputError, match="after 3"):
        nodes.from_folder(str(folder), start=3, ctx=ctx)
    with pytest.raises(FileNotFoundError, match="nothing there"):
        nodes.from_folder(str(folder / "no"), ctx=ctx)
    with pytest.raises(FileNotFoundError, match="a file"):
        nodes.from_folder(str(folder / "notes.txt"), ctx=ctx)


def test_batch_from_folder_brings_all_to_the_size_of_the_first(
    tmp_path: Path, ctx: RunContext
) -> None:
    write(tmp_path, "a.png", 51, (6, 4))
    values = np.zeros((4, 12, 3), np.uint8)
    values[:, 3:9] = 255
    Pillow.fromarray(values).save(tmp_path / "b.png")
    found = nodes.batch_from_folder(str(tmp_path), ctx=ctx)
    assert found.pixels.shape == (2, 4, 6, 3)
    torch.testing.assert_close(found.pixels[0], torch.full((4, 6, 3), 0.2))
    assert found.pixels[1].min() == 1  # the middle of it: 6 of 12 columns
    padded = nodes.batch_from_folder(str(tmp_path), width=12, height=8, how="pad", ctx=ctx)
    assert padded.pixels[1, :2].max() == 0
    assert nodes.batch_from_folder(str(tmp_path), width=3, ctx=ctx).pixels.shape[2] == 3


def test_batch_from_folder_shows_transparency_on_black(tmp_path: Path, ctx: RunContext) -> None:
    Pillow.new("RGBA", (2, 2), (255, 0, 0, 51)).save(tmp_path / "a.png")
    out = nodes.batch_from_folder(str(tmp_path), ctx=ctx).pixels
    torch.testing.assert_close(out[0, 0, 0], torch.tensor([0.2, 0, 0]))


def test_the_content_of_the_files_counts_in_the_key(folder: Path, tmp_path: Path) -> None:
    for function in (nodes.from_folder, nodes.batch_from_folder):
        reads = definition_of(function).reads
        assert reads is not None
        assert [p.name for p in reads({"folder": str(folder), "limit": 2})] == [
            "Step 1.webp",
            "step 2.PNG",
        ]
    params = {"folder": str(folder), "pattern": "step 2*"}
    node = Node("load_images.from_folder", params=params)
    graph = Graph({"load": node})

    def mean() -> float:
        return float(run(graph, outputs=["load.images"]).outputs["load.images"][0].pixels.mean())

    assert mean() == pytest.approx(20 / 255)
    write(folder, "step 2.PNG", 200)
    assert mean() == pytest.approx(200 / 255)
