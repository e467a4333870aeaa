"""Tiles: cut and joined is the picture; what differs fades."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import tiles
from nodes.types import Image

PICTURE = Image(torch.rand(2, 72, 104, 3, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize(("tile", "overlap"), [(32, 8), (40, 0), (104, 16), (200, 0), (32, 24)])
def test_cut_and_join_is_the_picture(tile: int, overlap: int) -> None:
    images, grid = tiles.cut(PICTURE, tile, overlap)
    assert len(images) == len(grid.rows) * len(grid.columns)
    assert_close(tiles.join(images, grid).pixels, PICTURE.pixels)
    for (_, end), (start, _) in zip(grid.columns, grid.columns[1:], strict=False):
        assert end - start >= overlap


def test_join_of_enlarged_tiles_is_the_enlarged_picture() -> None:
    images, grid = tiles.cut(PICTURE, 32, 8)
    large = [
        Image(image.pixels.repeat_interleave(3, 1).repeat_interleave(3, 2)) for image in images
    ]
    expected = PICTURE.pixels.repeat_interleave(3, 1).repeat_interleave(3, 2)
    assert_close(tiles.join(large, grid).pixels, expected)


def test_join_wants_all_tiles_of_one_size() -> None:
    images, grid = tiles.cut(PICTURE, 32, 8)
    with pytest.raises(InputError, match="tiles"):
        tiles.join(images[:-1], grid)
    with pytest.raises(InputError, match="whole multiple"):
        tiles.join([*images[:-1], Image(images[-1].pixels[:, :20])], grid)


def test_cut_between_lies_over_the_seams() -> None:
    grid = tiles.cut(PICTURE, 32, 8).grid
    images, between = tiles.cut_between(PICTURE, grid)
    assert len(between.columns) == len(grid.columns) - 1
    for (first, second), (start, end) in zip(
        zip(grid.columns, grid.columns[1:], strict=False), between.columns, strict=True
    ):
        assert start < (first[1] + second[0]) / 2 < end
    assert_close(tiles.lay_over(PICTURE, images, between).pixels, PICTURE.pixels)


def test_lay_over_fades_out_towards_the_edges() -> None:
    grid = tiles.cut(PICTURE, 32, 8).grid
    images, between = tiles.cut_between(PICTURE, grid)
    white = [Image(torch.ones_like(image.pixels)) for image in images]
    found = tiles.lay_over(PICTURE, white, between).pixels
    assert torch.equal(found[:, 0], PICTURE.pixels[:, 0])
    assert torch.equal(found[:, :, 0], PICTURE.pixels[:, :, 0])
    assert_close(found[:, 36, 52], torch.ones(2, 3))


def test_seams_are_where_tiles_meet() -> None:
    grid = tiles.cut(PICTURE, 40, 8).grid
    values = tiles.seams(grid, 16).values
    assert values.shape == (1, 72, 104)
    middles = [
        round((a[1] + b[0]) / 2) for a, b in zip(grid.columns, grid.columns[1:], strict=False)
    ]
    across = values[0, 0]
    assert all(float(across[middle]) == 1 for middle in middles)
    assert float(across.sum()) == 16 * len(middles)
    single = tiles.cut(PICTURE, 200, 8).grid
    assert float(tiles.seams(single, 16).values.max()) == 0
