"""Cutting out and laying back: where nothing is painted, nothing changes."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import inpaint_crop
from nodes.types import Image, Mask


def picture(height: int, width: int) -> Image:
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width)[None].expand(height, width)
    return Image(torch.stack([rows, columns, rows * columns], dim=-1)[None])


def mask(height: int, width: int, top: int, left: int, high: int, wide: int) -> Mask:
    values = torch.zeros(1, height, width)
    values[:, top : top + high, left : left + wide] = 1
    return Mask(values)


def test_crop_takes_the_mask_with_context_in_the_shape_that_is_asked_for() -> None:
    whole, hole = picture(100, 200), mask(100, 200, 40, 90, 20, 20)
    found = inpaint_crop.crop(whole, hole, 96, 64, context=2.0)
    assert found.image.pixels.shape == (1, 64, 96, 3)
    assert found.mask.values.shape == (1, 64, 96)
    box = found.crop
    assert (box.width, box.height) == (60, 40)
    assert (box.left, box.top) == (70, 30)
    assert float(found.mask.values[0, 32, 48]) == pytest.approx(1)


def test_crop_moves_into_the_picture() -> None:
    found = inpaint_crop.crop(picture(100, 200), mask(100, 200, 0, 180, 20, 20), 64, 64, 2.0)
    box = found.crop
    assert (box.left, box.top, box.width, box.height) == (160, 0, 40, 40)


def test_crop_of_more_than_the_picture_goes_on_with_its_edge() -> None:
    whole, hole = picture(40, 200), mask(40, 200, 0, 80, 40, 40)
    found = inpaint_crop.crop(whole, hole, 80, 80, context=2.0)
    box = found.crop
    assert (box.top, box.height, box.width) == (-20, 80, 80)
    assert_close(found.image.pixels[0, :20], whole.pixels[0, :1, 60:140].expand(20, 80, 3))
    back = inpaint_crop.stitch(whole, found.image, hole, box, blur=0.0)
    assert_close(back.pixels, whole.pixels, rtol=0, atol=1e-6)


def test_stitch_of_the_untouched_window_is_the_picture() -> None:
    whole, hole = picture(96, 96), mask(96, 96, 30, 40, 20, 20)
    found = inpaint_crop.crop(whole, hole, 128, 128, context=2.0)
    back = inpaint_crop.stitch(whole, found.image, hole, found.crop, blur=3.0)
    assert_close(back.pixels, whole.pixels, rtol=0, atol=0.01)
    assert torch.equal(back.pixels[:, :10], whole.pixels[:, :10])


def test_stitch_shows_what_was_painted_under_the_mask_alone() -> None:
    whole, hole = picture(96, 96), mask(96, 96, 30, 40, 20, 20)
    found = inpaint_crop.crop(whole, hole, 128, 128)
    painted = Image(torch.ones_like(found.image.pixels))
    back = inpaint_crop.stitch(whole, painted, hole, found.crop, blur=0.0).pixels
    assert_close(back[:, 30:50, 40:60], torch.ones(1, 20, 20, 3))
    outside = hole.values[..., None].expand_as(back) == 0
    assert torch.equal(back[outside], whole.pixels[outside])


def test_crop_needs_something_masked() -> None:
    with pytest.raises(InputError, match="an empty mask"):
        inpaint_crop.crop(picture(32, 32), Mask(torch.zeros(1, 32, 32)), 32, 32)
