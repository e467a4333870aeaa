"""Masks that follow a picture's geometry."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodes import mask_edit as nodes
from nodes.types import Mask

SIDE = st.integers(0, 5)


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_resize_keeps_a_hard_mask_hard_by_nearest() -> None:
    mask = Mask((noise(1, 5, 7) > 0.5).float())
    assert set(nodes.resize(mask, 11, 9, "nearest").values.unique().tolist()) <= {0.0, 1.0}
    assert nodes.resize(mask, 11, 9).values.shape == (1, 9, 11)


def test_resize_never_leaves_the_range() -> None:
    values = nodes.resize(Mask((noise(1, 8, 8) > 0.5).float()), 20, 20, "lanczos").values
    assert values.min() >= 0
    assert values.max() <= 1


@settings(max_examples=30, deadline=None)
@given(left=SIDE, top=SIDE, right=SIDE, bottom=SIDE)
def test_crop_of_pad_is_the_same(left: int, top: int, right: int, bottom: int) -> None:
    mask = Mask(noise(2, 4, 6))
    padded = nodes.pad(mask, left, top, right, bottom, value=0.5)
    assert padded.values.shape == (2, 4 + top + bottom, 6 + left + right)
    back = nodes.crop(padded, left, top, 6, 4)
    torch.testing.assert_close(back.values, mask.values, rtol=0, atol=0)


def test_pad_puts_its_value_around() -> None:
    values = nodes.pad(Mask(torch.zeros(1, 1, 1)), 1, 1, 1, 1, value=1.0).values
    assert values.sum() == 8


def test_crop_says_what_is_there() -> None:
    with pytest.raises(InputError, match=r"left 4 and width 3, expected a part of 0\.\.6"):
        nodes.crop(Mask(noise(1, 4, 6)), 4, 0, 3, 1)


def test_batch_joins_in_order() -> None:
    first, second = Mask(noise(1, 2, 3)), Mask(noise(2, 2, 3))
    joined = nodes.batch([first, second]).values
    torch.testing.assert_close(joined, torch.cat([first.values, second.values]), rtol=0, atol=0)


def test_batch_names_the_odd_one() -> None:
    with pytest.raises(InputError, match="4 x 2 pixels at index 1"):
        nodes.batch([Mask(noise(1, 2, 3)), Mask(noise(1, 2, 4))])
    with pytest.raises(InputError, match="empty list"):
        nodes.batch([])


def test_bounding_box_fits_crop() -> None:
    values = torch.zeros(1, 8, 9)
    values[0, 2:5, 3:7] = 1
    box = nodes.bounding_box(Mask(values))
    assert box == (3, 2, 4, 3)
    assert nodes.crop(Mask(values), *box).values.min() == 1
    assert nodes.bounding_box(Mask(values), margin=3) == (0, 0, 9, 8)


def test_bounding_box_holds_all_of_a_batch_from_its_level_on() -> None:
    values = torch.zeros(2, 8, 9)
    values[0, 2, 3] = 0.5
    values[1, 5, 1] = 1
    values[1, 7, 8] = 0.4
    assert nodes.bounding_box(Mask(values)) == (1, 2, 3, 4)
    assert nodes.bounding_box(Mask(values), level=0.4) == (1, 2, 8, 6)


def test_bounding_box_of_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match=r"nothing at or above 0\.5"):
        nodes.bounding_box(Mask(torch.zeros(1, 2, 2)))
