"""Pictures made larger: the old part stays, the new part is what it should be."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes import image_edit
from nodes import image_pad as nodes
from nodes.types import Image

SIDE = st.integers(0, 9)


def noise(*shape: int) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(0)))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


@settings(max_examples=30, deadline=None)
@given(SIDE, SIDE, SIDE, SIDE)
def test_colour_then_crop_is_the_same(left: int, top: int, right: int, bottom: int) -> None:
    image = noise(2, 3, 4, 3)
    padded = nodes.colour(image, left, top, right, bottom)
    assert padded.pixels.shape == (2, 3 + top + bottom, 4 + left + right, 3)
    exact(image_edit.crop(padded, left, top, 4, 3).pixels, image.pixels)


def test_colour_is_opaque_around_a_transparent_picture() -> None:
    padded = nodes.colour(Image(torch.zeros(1, 1, 1, 4)), left=1, colour="#ff0000").pixels
    assert padded.tolist() == [[[[1, 0, 0, 1], [0, 0, 0, 0]]]]


@pytest.mark.parametrize(("how", "mode"), [("mirror", "reflect"), ("repeat", "edge")])
@settings(max_examples=30, deadline=None)
@given(left=SIDE, top=SIDE, right=SIDE, bottom=SIDE)
def test_edge_equals_numpy(
    how: str, mode: str, left: int, top: int, right: int, bottom: int
) -> None:
    image = noise(1, 3, 4, 3)
    expected = np.pad(
        image.pixels.numpy(), ((0, 0), (top, bottom), (left, right), (0, 0)), mode=mode
    )
    exact(nodes.edge(image, left, top, right, bottom, how).pixels, torch.from_numpy(expected))


def test_outpaint_marks_what_is_new_and_fades_inwards() -> None:
    image = noise(2, 6, 8, 3)
    larger, mask = nodes.outpaint(image, left=0, top=0, right=3, bottom=0, feather=4)
    assert mask.values.shape == (2, 6, 11)
    exact(larger.pixels[:, :, :8], image.pixels)
    row = torch.tensor([0, 0, 0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1, 1])
    exact(mask.values, row.expand(2, 6, 11))


def test_outpaint_without_feather_is_hard() -> None:
    _, mask = nodes.outpaint(noise(1, 2, 2, 3), left=1, top=1, right=0, bottom=0, feather=0)
    assert mask.values.tolist() == [[[1, 1, 1], [1, 0, 0], [1, 0, 0]]]
