"""Pictures as a whole: sizes, batches, grids, and what saving promises."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import image as nodes
from nodes.image_files import read_pixels
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_solid_has_the_colour_everywhere() -> None:
    pixels = nodes.solid(width=3, height=2, colour="#ff0033").pixels
    exact(pixels, torch.tensor([1, 0, 0.2]).expand(1, 2, 3, 3))


@pytest.mark.parametrize("colour", ["red", "#ff00", "#gg0000", "#-12345"])
def test_solid_refuses_what_is_no_colour(colour: str) -> None:
    with pytest.raises(InputError, match="#rrggbb"):
        nodes.solid(colour=colour)


def test_size_tells_width_before_height() -> None:
    assert nodes.size(noise(4, 2, 3, 3)) == (3, 2, 4)


def test_batch_of_split_is_the_same() -> None:
    image = noise(3, 4, 5, 3)
    exact(nodes.batch(nodes.split(image)).pixels, image.pixels)


def test_batch_names_the_odd_one() -> None:
    with pytest.raises(InputError, match="5 x 4 pixels, 4 channels at index 1"):
        nodes.batch([noise(1, 4, 5, 3), noise(1, 4, 5, 4)])
    with pytest.raises(InputError, match="empty list"):
        nodes.batch([])


def test_split_shares_no_memory_with_the_batch() -> None:
    image = noise(2, 2, 2, 3)
    assert nodes.split(image)[0].pixels.data_ptr() != image.pixels.data_ptr()


def test_pick_counts_from_both_ends() -> None:
    image = noise(3, 2, 2, 3)
    exact(nodes.pick(image, 2).pixels, image.pixels[2:])
    exact(nodes.pick(image, -3).pixels, image.pixels[:1])
    for index in (3, -4):
        with pytest.raises(InputError, match=r"-3\.\.2, as the batch has 3"):
            nodes.pick(image, index)


def test_grid_puts_each_picture_in_its_cell() -> None:
    image = noise(5, 2, 3, 3)
    sheet = nodes.grid(image, columns=3, gap=1, background="#ffffff").pixels
    assert sheet.shape == (1, 5, 11, 3)
    for k in range(5):
        y, x = k // 3 * 3, k % 3 * 4
        exact(sheet[0, y : y + 2, x : x + 3], image.pixels[k])
    exact(sheet[0, 2], torch.ones(11, 3))  # the gap between the rows
    exact(sheet[0, 3:, 8:], torch.ones(2, 3, 3))  # the empty cell


def test_grid_of_one_is_that_picture_and_zero_columns_is_square() -> None:
    image = noise(1, 2, 3, 4)
    exact(nodes.grid(image).pixels, image.pixels)
    assert nodes.grid(noise(9, 1, 1, 3), gap=0).pixels.shape == (1, 3, 3, 3)


def test_labelled_grid_keeps_the_pictures_and_draws_under_them() -> None:
    image = noise(2, 20, 60, 3)
    sheet = nodes.labelled_grid(image, ["steps 4", ""], columns=2, gap=0).pixels
    exact(sheet[0, :20, :60], image.pixels[0])
    exact(sheet[0, :20, 60:], image.pixels[1])
    ink = 1 - sheet[0, 20:].mean(-1)  # [strip, 120]
    assert ink[:, :60].max() > 0.9
    assert ink[:, 60:].max() == 0


def test_labelled_grid_wraps_what_is_too_wide() -> None:
    image = noise(1, 8, 40, 3)
    one = nodes.labelled_grid(image, ["a"]).pixels.shape[1]
    several = nodes.labelled_grid(image, ["several words that are toolongforoneline"]).pixels
    assert several.shape[1] > one
    assert several.shape[2] == 40
    assert several[0, 8:].min() < 0.1


def test_labelled_grid_wants_one_label_per_picture() -> None:
    with pytest.raises(InputError, match="1 labels, expected 2"):
        nodes.labelled_grid(noise(2, 4, 4, 3), ["a"])


def test_preview_shrinks_and_never_enlarges() -> None:
    image = noise(2, 100, 50, 3)
    assert nodes.preview(image, longest=20).pixels.shape == (2, 20, 10, 3)
    exact(nodes.preview(image, longest=100).pixels, image.pixels)
    assert nodes.preview(noise(1, 400, 1, 3), longest=16).pixels.shape == (1, 16, 1, 3)


def test_save_numbers_on_and_carries_the_metadata(tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path, metadata={"nodeflow": "{}"})
    first = nodes.save(noise(2, 4, 4, 3), "a/cat", ctx=ctx)
    assert first == [str(tmp_path / "a" / f"cat_0000{k}.png") for k in (1, 2)]
    assert Pillow.open(first[0]).text == {"nodeflow": "{}"}
    [third] = nodes.save(noise(1, 4, 4, 3, seed=1), "a/cat", ctx=ctx)
    assert third.endswith("cat_00003.png")


def test_save_does_not_keep_a_second_copy_of_the_same_run(tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    nodes.save(noise(1, 4, 4, 3, seed=9), ctx=ctx)
    twice = [nodes.save(noise(2, 4, 4, 3), ctx=ctx) for _ in range(2)]
    assert twice[0] == twice[1]
    assert names(tmp_path) == [f"picture_0000{k}.png" for k in (1, 2, 3)]


def test_save_counts_only_its_own_names(tmp_path: Path) -> None:
    for other in ("picture_x_00009.png", "pic_00008.png", "picture_7.png", "picture_00005.txt"):
        (tmp_path / other).touch()
    [path] = nodes.save(noise(1, 1, 1, 3), ctx=RunContext(output_dir=tmp_path))
    assert Path(path).name == "picture_00001.png"


def test_save_goes_on_after_the_highest_number(tmp_path: Path) -> None:
    (tmp_path / "picture_00041.png").touch()
    [path] = nodes.save(noise(1, 1, 1, 3), ctx=RunContext(output_dir=tmp_path))
    assert Path(path).name == "picture_00042.png"


def test_save_by_several_at_once_loses_nothing(tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    images = [noise(1, 2, 2, 3, seed=seed) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        paths = [path for [path] in pool.map(lambda image: nodes.save(image, ctx=ctx), images)]
    assert len(set(paths)) == 12
    assert names(tmp_path) == [f"picture_{k:05}.png" for k in range(1, 13)]
    for path, image in zip(paths, images, strict=True):
        exact(read_pixels(Path(path)), (image.pixels * 255).round() / 255)


@pytest.mark.parametrize("name", ["../p", "/p", "a/../../p"])
def test_save_stays_in_the_output_folder(tmp_path: Path, name: str) -> None:
    ctx = RunContext(output_dir=tmp_path / "out")
    for save in (nodes.save, nodes.save_as):
        with pytest.raises(InputError, match="leaves the output folder"):
            save(noise(1, 1, 1, 3), name, ctx=ctx)
    assert names(tmp_path) == []


def test_save_as_keeps_the_name_and_leaves_equal_files(tmp_path: Path) -> None:
    ctx, image = RunContext(output_dir=tmp_path), noise(1, 3, 3, 4)
    assert nodes.save_as(image, "cat.png", ctx=ctx) == [str(tmp_path / "cat.png")]
    before = (tmp_path / "cat.png").stat()
    nodes.save_as(image, "cat", ctx=ctx)
    assert (tmp_path / "cat.png").stat() == before
    expected = (image.pixels * 255).round() / 255
    exact(read_pixels(tmp_path / "cat.png"), expected)


def test_save_as_replaces_only_when_told(tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    nodes.save_as(nodes.pick(noise(2, 3, 3, 3), 1), "cat_001", ctx=ctx)
    with pytest.raises(InputError, match=r"cat_001\.png, a different picture"):
        nodes.save_as(noise(2, 3, 3, 3, seed=1), "cat", ctx=ctx)
    assert names(tmp_path) == ["cat_001.png"]  # cat_000 was free, and yet not written
    nodes.save_as(noise(2, 3, 3, 3, seed=1), "cat", ctx=ctx, replace=True)
    expected = (noise(2, 3, 3, 3, seed=1).pixels[1].numpy() * 255).round()
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / "cat_001.png")), expected)
