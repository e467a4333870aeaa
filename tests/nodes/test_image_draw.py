"""Text on pictures, noise, checkerboards."""

import pytest
import torch

from nodes import image_draw as nodes
from nodes.types import Image

GREY = Image(torch.full((2, 40, 120, 3), 0.5))


def box(pixels: torch.Tensor) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what is no longer grey."""
    marked = (pixels[0] - 0.5).abs().amax(-1) > 0.02
    rows, columns = marked.any(1).nonzero().flatten(), marked.any(0).nonzero().flatten()
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_text_of_nothing_changes_nothing() -> None:
    assert nodes.text(GREY, " \n").pixels is GREY.pixels


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("upper left", (5, 3, None, None)),
        ("upper right", (None, 3, 115, None)),
        ("lower left", (5, None, None, 37)),
        ("lower right", (None, None, 115, 37)),
    ],
)
def test_text_stands_where_the_anchor_says(anchor: str, expected: tuple[int | None, ...]) -> None:
    out = nodes.text(GREY, "HE", 5, 3, size=16, anchor=anchor).pixels
    for found, wanted in zip(box(out), expected, strict=True):
        assert wanted is None or abs(found - wanted) <= 2  # a letter has air at its sides
    assert torch.equal(out[0], out[1])


def test_text_at_the_centre_is_in_the_middle() -> None:
    left, top, right, bottom = box(nodes.text(GREY, "HIH", 0, 0, anchor="centre").pixels)
    assert abs((left + right) / 2 - 60) <= 1
    assert abs((top + bottom) / 2 - 20) <= 1


def test_text_has_its_colour_outline_and_opacity() -> None:
    out = nodes.text(GREY, "I", 10, 2, 36, "#ff0000", 3, "#0000ff").pixels[0]
    for colour in ([1.0, 0, 0], [0, 0, 1.0]):
        assert (out - torch.tensor(colour)).abs().amax(-1).min() < 1e-6
    half = nodes.text(GREY, "I", 10, 2, 36, "#ffffff", opacity=0.5).pixels
    assert float(half.max()) == pytest.approx(0.75)


def test_text_breaks_lines_and_is_cut_at_the_edge() -> None:
    one, two = (nodes.text(GREY, text, 2, 2, 12).pixels for text in ("HH", "HH\nHH"))
    assert box(two)[3] > box(one)[3] + 8
    assert nodes.text(GREY, "far away", 500, 500).pixels.shape == GREY.pixels.shape


def test_noise_is_that_of_the_seed_alone() -> None:
    both = nodes.noise(6, 4, seed=3, batch=2).pixels
    assert both.shape == (2, 4, 6, 3)
    assert torch.equal(both[1:], nodes.noise(6, 4, seed=4).pixels)
    assert both.min() >= 0
    assert both.max() < 1
    grey = nodes.noise(6, 4, grey=True).pixels
    assert torch.equal(grey[..., 0], grey[..., 1])


def test_checkerboard_begins_with_the_first_colour() -> None:
    out = nodes.checkerboard(5, 4, 2, "#ffffff", "#000000").pixels
    assert out[0, ..., 0].tolist() == [
        [1, 1, 0, 0, 1],
        [1, 1, 0, 0, 1],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0],
    ]
