"""The geometry of pictures: sizes, round trips, and what is refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodeflow.widgets import Choice
from nodes import image_edit as nodes
from nodes import mask_edit
from nodes.diffusion.resampling import FILTERS
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


@pytest.mark.parametrize("filter", ["bilinear", "bicubic", "lanczos"])
def test_resize_equals_pillow_to_eight_bit(filter: str) -> None:
    generator = torch.Generator().manual_seed(4)
    bytes8 = torch.randint(0, 256, (20, 30, 3), generator=generator, dtype=torch.uint8)
    target = (13, 41)
    expected = Pillow.fromarray(bytes8.numpy()).resize(target, Pillow.Resampling[filter.upper()])
    ours = nodes.resize(Image(bytes8[None].float() / 255), *target, filter).pixels[0]
    # Pillow works in whole 8-bit steps and rounds twice, once for each axis.
    torch.testing.assert_close(
        ours, torch.from_numpy(np.asarray(expected).copy()).float() / 255, rtol=0, atol=1.6 / 255
    )


def test_resize_lets_no_colour_of_transparent_pixels_bleed_in() -> None:
    pixels = torch.zeros(1, 2, 2, 4)
    pixels[0, 0, 0] = torch.tensor([1.0, 0, 0, 1])  # one opaque red pixel, three transparent black
    out = nodes.resize(Image(pixels), 1, 1, "area").pixels[0, 0, 0]
    torch.testing.assert_close(out, torch.tensor([1.0, 0, 0, 0.25]))


def test_resize_offers_every_filter() -> None:
    for function in (nodes.resize, nodes.resize_by, nodes.fit, nodes.cover, mask_edit.resize):
        widget = definition_of(function).inputs["filter"].widget
        assert isinstance(widget, Choice)
        assert widget.options == tuple(FILTERS)


def test_resize_to_its_own_size_is_the_same() -> None:
    image = noise(2, 4, 5, 3)
    exact(nodes.resize(image, 5, 4).pixels, image.pixels)


def test_resize_by() -> None:
    assert nodes.resize_by(noise(2, 4, 5, 3), 2.5).pixels.shape == (2, 10, 12, 3)
    assert nodes.resize_by(noise(1, 4, 5, 3), 0.01).pixels.shape == (1, 1, 1, 3)


@settings(max_examples=40, deadline=None)
@given(*[st.integers(1, 40)] * 4)
def test_fit_lies_in_the_box_and_touches_it(h: int, w: int, width: int, height: int) -> None:
    _, high, wide, _ = nodes.fit(Image(torch.zeros(1, h, w, 3)), width, height).pixels.shape
    assert wide <= width
    assert high <= height
    assert wide == width or high == height


@settings(max_examples=40, deadline=None)
@given(*[st.integers(1, 40)] * 4)
def test_cover_has_exactly_the_size(h: int, w: int, width: int, height: int) -> None:
    out = nodes.cover(Image(torch.ones(1, h, w, 3)), width, height).pixels
    torch.testing.assert_close(out, torch.ones(1, height, width, 3), rtol=0, atol=1e-6)


def test_cover_keeps_the_middle() -> None:
    image = noise(1, 4, 8, 3)
    exact(nodes.cover(image, 4, 4).pixels, image.pixels[:, :, 2:6])
    upright = noise(1, 9, 4, 3)
    exact(nodes.cover(upright, 4, 4).pixels, upright.pixels[:, 2:6])


def test_crop_takes_what_is_there() -> None:
    image = noise(2, 6, 7, 3)
    exact(nodes.crop(image, 1, 2, 3, 4).pixels, image.pixels[:, 2:6, 1:4])
    with pytest.raises(InputError, match=r"top 3 and height 4, expected a part of 0\.\.6"):
        nodes.crop(image, 0, 3, 1, 4)


def test_crop_to_multiple_is_even_all_around() -> None:
    image = noise(1, 19, 16, 3)
    exact(nodes.crop_to_multiple(image, 8).pixels, image.pixels[:, 1:17])
    with pytest.raises(InputError, match="16 x 7 pixels, expected sides of at least 8"):
        nodes.crop_to_multiple(noise(1, 7, 16, 3), 8)


@settings(max_examples=40, deadline=None)
@given(left=st.integers(0, 5), top=st.integers(0, 3))
def test_paste_then_crop_gives_the_part(left: int, top: int) -> None:
    image, part = noise(2, 6, 8, 3), noise(1, 3, 3, 3, seed=1)
    pasted = nodes.paste(image, part, left, top)
    exact(nodes.crop(pasted, left, top, 3, 3).pixels, part.pixels.expand(2, -1, -1, -1))


def test_paste_cuts_off_what_reaches_beyond() -> None:
    image, part = noise(1, 4, 4, 3), noise(1, 3, 3, 3, seed=1)
    before = image.pixels.clone()
    pasted = nodes.paste(image, part, -1, 2).pixels
    exact(pasted[:, 2:, :2], part.pixels[:, :2, 1:])
    exact(pasted[:, :, 2:], image.pixels[:, :, 2:])
    exact(image.pixels, before)
    with pytest.raises(InputError, match="within 4 x 4"):
        nodes.paste(image, part, 4, 0)


def test_flip_horizontal_twice_is_the_same() -> None:
    image = noise(2, 3, 4, 3)
    once = nodes.flip_horizontal(image)
    exact(once.pixels[:, :, 0], image.pixels[:, :, -1])
    exact(nodes.flip_horizontal(once).pixels, image.pixels)


def test_flip_vertical_twice_is_the_same() -> None:
    image = noise(2, 3, 4, 3)
    once = nodes.flip_vertical(image)
    exact(once.pixels[:, 0], image.pixels[:, -1])
    exact(nodes.flip_vertical(once).pixels, image.pixels)


def test_rotate_to_the_right_and_back() -> None:
    image = noise(2, 3, 4, 3)
    right = nodes.rotate(image, 1)
    exact(right.pixels[:, 0, -1], image.pixels[:, 0, 0])  # the left upper corner is now right
    exact(nodes.rotate(right, -1).pixels, image.pixels)
    exact(nodes.rotate(nodes.rotate(image, 2), 2).pixels, image.pixels)
