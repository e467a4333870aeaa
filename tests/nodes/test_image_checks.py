"""What the image and mask nodes refuse, and how they say so."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodes.image_checks import (
    check_channels,
    colour_values,
    inside,
    paired,
    repeated,
    same_sizes,
    size_text,
)

BYTE = st.integers(0, 255)


@given(BYTE, BYTE, BYTE)
def test_colours_are_read_as_written(red: int, green: int, blue: int) -> None:
    for text in (f"#{red:02x}{green:02x}{blue:02x}", f"#{red:02X}{green:02X}{blue:02X}"):
        assert colour_values(text, "colour") == (red / 255, green / 255, blue / 255)


@pytest.mark.parametrize("text", ["", "#", "ff8800", "#ff880", "#ff88000", "#+12345", "#1_2_34"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"tint: got .* expected #rrggbb"):
        colour_values(text, "tint")


def test_sizes_are_told_width_first() -> None:
    assert size_text(torch.zeros(1, 2, 3, 4)) == "3 x 2 pixels"


def test_channels_name_the_node_that_helps() -> None:
    check_channels(torch.zeros(1, 1, 1, 3), 3, "image")
    with pytest.raises(InputError, match=r"4 channels, expected 3 .*image_channels\.remove_alpha"):
        check_channels(torch.zeros(1, 1, 1, 4), 3, "image")


def test_paired_repeats_the_batch_of_one() -> None:
    one, three = torch.zeros(1, 2, 2), torch.zeros(3, 2, 2)
    for first, second in ((one, three), (three, one), (three, three)):
        assert [x.shape[0] for x in paired(first, second, ("a", "b"))] == [3, 3]


def test_repeated_refuses_two_against_three() -> None:
    with pytest.raises(InputError, match="b: got 2 in the batch, expected 1 or 3, as many as a"):
        repeated(torch.zeros(3, 1, 1), torch.zeros(2, 1, 1), ("a", "b"))


@pytest.mark.parametrize(
    "box", [(-1, 0, 1, 1), (0, -1, 1, 1), (0, 0, 0, 1), (0, 0, 1, 0), (3, 0, 2, 1), (0, 2, 1, 2)]
)
def test_a_part_that_is_not_there_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match="a part of"):
        inside(torch.zeros(1, 3, 4), *box)


def test_a_part_that_is_there_is_an_index() -> None:
    x = torch.arange(12.0).view(1, 3, 4)
    assert x[inside(x, 1, 0, 2, 2)].tolist() == [[[1, 2], [5, 6]]]


def test_same_sizes_accepts_other_batches() -> None:
    same_sizes([torch.zeros(1, 2, 2, 3), torch.zeros(5, 2, 2, 3)], "images")
    with pytest.raises(InputError, match="resize, crop or pad it before"):
        same_sizes([torch.zeros(1, 2, 2), torch.zeros(1, 2, 3)], "masks")
    with pytest.raises(InputError, match=r"2 x 2 pixels, 4 channels at index 1.*remove_alpha"):
        same_sizes([torch.zeros(1, 2, 2, 3), torch.zeros(1, 2, 2, 4)], "images")
