"""Masks: where they come from, and what is kept when they are changed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodeflow.widgets import Choice
from nodes import mask as nodes
from nodes.diffusion.masks import COMBINE, DILATE
from nodes.types import Image, Mask


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


def dot(size: int = 9) -> Mask:
    values = torch.zeros(1, size, size)
    values[0, size // 2, size // 2] = 1
    return Mask(values)


def test_solid() -> None:
    exact(nodes.solid(3, 2, 0.25).values, torch.full((1, 2, 3), 0.25))


@pytest.mark.parametrize(
    ("channel", "index"), [("red", 0), ("green", 1), ("blue", 2), ("alpha", 3)]
)
def test_from_channel(channel: str, index: int) -> None:
    pixels = noise(2, 3, 4, 4)
    exact(nodes.from_channel(Image(pixels), channel).values, pixels[..., index])


def test_from_channel_says_that_there_is_no_alpha() -> None:
    with pytest.raises(InputError, match="no transparency"):
        nodes.from_channel(Image(noise(1, 2, 2, 3)), "alpha")


def test_from_channel_of_to_image_is_the_same_mask() -> None:
    mask = Mask(noise(2, 3, 4))
    exact(nodes.from_channel(nodes.to_image(mask), "blue").values, mask.values)


def test_from_brightness_of_a_grey_picture_is_that_grey() -> None:
    mask = Mask(noise(2, 3, 4))
    values = nodes.from_brightness(nodes.to_image(mask)).values
    torch.testing.assert_close(values, mask.values, rtol=0, atol=1e-6)


def test_from_brightness_weighs_green_most() -> None:
    values = nodes.from_brightness(Image(torch.eye(3).view(1, 1, 3, 3))).values[0, 0]
    torch.testing.assert_close(values, torch.tensor([0.2126, 0.7152, 0.0722]))


def test_from_colour_marks_what_is_near() -> None:
    steps = torch.tensor([0, 9, 10, 11]) / 255  # [4], away from black in 8-bit steps
    pixels = torch.zeros(1, 1, 4, 3)
    pixels[..., 1] = steps
    mask = nodes.from_colour(Image(pixels), "#000000", tolerance=10 / 255)
    assert mask.values.tolist() == [[[1, 1, 1, 0]]]


def test_from_colour_ignores_alpha() -> None:
    pixels = torch.tensor([1.0, 0, 0, 0]).view(1, 1, 1, 4)
    assert nodes.from_colour(Image(pixels), "#ff0000", 0.0).values.item() == 1


def test_to_image_is_grey() -> None:
    mask = Mask(noise(2, 3, 4))
    image = nodes.to_image(mask)
    assert image.pixels.shape == (2, 3, 4, 3)
    for channel in image.pixels.unbind(-1):
        exact(channel, mask.values)


def test_invert_twice_is_the_same() -> None:
    mask = Mask(torch.arange(256).view(1, 16, 16) / 255)
    # 1 - x rounds: half of float32's last bit below 1.
    twice = nodes.invert(nodes.invert(mask)).values
    torch.testing.assert_close(twice, mask.values, rtol=0, atol=6e-8)


def test_threshold_is_hard_and_includes_its_level() -> None:
    mask = Mask(torch.tensor([[[0.0, 0.49, 0.5, 1.0]]]))
    assert nodes.threshold(mask, 0.5).values.tolist() == [[[0, 0, 1, 1]]]
    once = nodes.threshold(Mask(noise(1, 5, 5)), 0.3)
    exact(nodes.threshold(once, 0.3).values, once.values)


@settings(max_examples=60, deadline=None)
@given(a=st.floats(0, 1, width=32), b=st.floats(0, 1, width=32))
def test_combine_follows_its_formulas(a: float, b: float) -> None:
    formulas = {
        "add": min(a + b, 1),
        "subtract": max(a - b, 0),
        "multiply": a * b,
        "maximum": max(a, b),
        "minimum": min(a, b),
        "difference": abs(a - b),
    }
    one, two = Mask(torch.full((1, 1, 1), a)), Mask(torch.full((1, 1, 1), b))
    for operation, expected in formulas.items():
        assert nodes.combine(one, two, operation).values.item() == pytest.approx(expected, abs=1e-7)


def test_combine_and_grow_offer_their_tables() -> None:
    for function, port, table in (
        (nodes.combine, "operation", COMBINE),
        (nodes.grow, "shape", DILATE),
    ):
        widget = definition_of(function).inputs[port].widget
        assert isinstance(widget, Choice)
        assert widget.options == tuple(table)


def test_combine_repeats_a_single_mask_over_a_batch() -> None:
    many, one = Mask(noise(3, 2, 2)), Mask(noise(1, 2, 2, seed=1))
    exact(nodes.combine(many, one, "multiply").values, many.values * one.values)
    exact(nodes.combine(one, many, "multiply").values, many.values * one.values)


def test_combine_refuses_other_sizes_and_batches() -> None:
    with pytest.raises(InputError, match="other: got 4 x 5 pixels, expected 4 x 6 pixels as mask"):
        nodes.combine(Mask(noise(1, 6, 4)), Mask(noise(1, 5, 4)))
    with pytest.raises(InputError, match="2 in the batch, expected 1 or 3"):
        nodes.combine(Mask(noise(3, 6, 4)), Mask(noise(2, 6, 4)))


def test_grow_by_nothing_is_the_same() -> None:
    mask = Mask(noise(1, 5, 5))
    exact(nodes.grow(mask, 0).values, mask.values)


def test_grow_makes_a_disc_or_a_square_of_a_dot() -> None:
    assert nodes.grow(dot(), 2, "disc").values.sum() == 13
    assert nodes.grow(dot(), 2, "square").values.sum() == 25


def test_grow_makes_a_diamond_of_as_many_crosses() -> None:
    """Two steps along the axes reach 13 places, three 25."""
    assert nodes.grow(dot(), 3, "diamond").values.sum() == 25
    once = nodes.grow(nodes.grow(dot(), 1, "diamond"), 1, "diamond")
    exact(nodes.grow(dot(), 2, "diamond").values, once.values)


@pytest.mark.parametrize("shape", ["disc", "square", "diamond"])
def test_grow_and_shrink_gives_a_dot_back(shape: str) -> None:
    exact(nodes.grow(nodes.grow(dot(), 3, shape), -3, shape).values, dot().values)


def test_grow_leaves_what_touches_the_border() -> None:
    exact(nodes.grow(nodes.solid(6, 5), -2).values, torch.ones(1, 5, 6))


def test_blur_keeps_the_sum_of_a_dot_and_its_symmetry() -> None:
    soft = nodes.blur(dot(25), 2.0).values
    assert soft.sum().item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(soft, soft.transpose(1, 2))
    exact(nodes.blur(dot(), 0).values, dot().values)


def test_feather_fades_inwards_only() -> None:
    values = torch.zeros(1, 30, 30)
    values[:, 5:25, 5:25] = 1
    soft = nodes.feather(Mask(values), 4).values
    exact(soft[values == 0], torch.zeros_like(soft[values == 0]))
    assert soft[0, 15, 15] == pytest.approx(1, abs=1e-4)
    assert 0 < soft[0, 15, 6] < soft[0, 15, 8] < 1
    exact(nodes.feather(Mask(values), 0).values, values)


def test_feather_leaves_a_hole_what_it_was() -> None:
    values = torch.ones(1, 21, 21)
    values[0, 10, 10] = 0.25
    soft = nodes.feather(Mask(values), 4).values
    # The blur's square reaches over the corners of the disc by which the mask was shrunk.
    assert soft[0, 10, 10] <= 0.25
    assert (soft <= values).all()
    values[0, 10, 10] = 0
    assert nodes.feather(Mask(values), 4).values[0, 10, 10] == 0
