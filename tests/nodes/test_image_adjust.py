"""The look of pictures: what changes nothing, what undoes itself, and the written-out formulas."""

from collections.abc import Callable

import pytest
import torch

from nodes import image_adjust as nodes
from nodes.types import Image


def noise(*shape: int) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(0)))


def close(value: torch.Tensor, expected: torch.Tensor) -> None:
    # A few roundings of numbers up to 1 in float32.
    torch.testing.assert_close(value, expected, rtol=0, atol=3e-7)


@pytest.mark.parametrize(
    "neutral",
    [
        lambda image: nodes.invert(nodes.invert(image)),
        lambda image: nodes.brightness(image, 1.0),
        lambda image: nodes.contrast(image, 1.0),
        lambda image: nodes.saturation(image, 1.0),
        lambda image: nodes.gamma(image, 1.0),
        lambda image: nodes.sharpen(image, 1.0, 0.0),
        lambda image: nodes.blur(image, 0.0),
    ],
)
@pytest.mark.parametrize("channels", [3, 4])
def test_what_changes_nothing(neutral: Callable[[Image], Image], channels: int) -> None:
    image = noise(2, 5, 6, channels)
    close(neutral(image).pixels, image.pixels)


def test_invert_leaves_alpha() -> None:
    pixels = nodes.invert(Image(torch.full((1, 1, 1, 4), 0.25))).pixels
    assert pixels.flatten().tolist() == [0.75, 0.75, 0.75, 0.25]


def test_brightness_is_clamped() -> None:
    image = noise(1, 4, 4, 3)
    close(nodes.brightness(image, 2.0).pixels, (2 * image.pixels).clamp(max=1))


def test_contrast_turns_about_middle_grey() -> None:
    image = noise(1, 4, 4, 3)
    close(nodes.contrast(image, 0.0).pixels, torch.full((1, 4, 4, 3), 0.5))
    close(nodes.contrast(image, 3.0).pixels, (0.5 + 3 * (image.pixels - 0.5)).clamp(0, 1))


def test_saturation_nought_is_grey_of_the_same_brightness() -> None:
    image = noise(1, 4, 4, 3)
    weights = torch.tensor([0.2126, 0.7152, 0.0722])
    grey = (image.pixels * weights).sum(-1, keepdim=True)
    close(nodes.saturation(image, 0.0).pixels, grey.expand(-1, -1, -1, 3))


def test_gamma_keeps_black_and_white_and_undoes_itself() -> None:
    ends = torch.tensor([0.0, 1.0, 0.25]).view(1, 1, 1, 3)
    close(nodes.gamma(Image(ends), 2.0).pixels, ends.sqrt())
    image = noise(1, 4, 4, 3)
    back = nodes.gamma(nodes.gamma(image, 2.0), 0.5)
    torch.testing.assert_close(back.pixels, image.pixels, rtol=1e-5, atol=1e-6)


def test_blur_of_one_colour_is_that_colour_and_spreads_a_dot_evenly() -> None:
    close(
        nodes.blur(Image(torch.full((1, 5, 5, 3), 0.5)), 3.0).pixels, torch.full((1, 5, 5, 3), 0.5)
    )
    pixels = torch.zeros(1, 21, 21, 3)
    pixels[0, 10, 10] = 1
    soft = nodes.blur(Image(pixels), 1.5).pixels
    assert soft[..., 0].sum().item() == pytest.approx(1, abs=1e-5)
    close(soft, soft.flip(1, 2))


def test_blur_lets_no_colour_of_transparent_pixels_bleed_in() -> None:
    pixels = torch.zeros(1, 1, 9, 4)
    pixels[0, 0, 4] = torch.tensor([1.0, 0, 0, 1])
    soft = nodes.blur(Image(pixels), 1.0).pixels
    close(soft[0, 0, 3, :3], torch.tensor([1.0, 0, 0]))
    assert 0 < soft[0, 0, 3, 3] < 1


def test_sharpen_steepens_an_edge() -> None:
    pixels = torch.full((1, 1, 8, 3), 0.3)
    pixels[:, :, 4:] = 0.7
    sharp = nodes.sharpen(Image(pixels), 1.0, 1.0).pixels[0, 0, :, 0]
    assert sharp[3] < 0.3
    assert sharp[4] > 0.7
    close(sharp[[0, 7]], torch.tensor([0.3, 0.7]))


@pytest.mark.parametrize("amount", [0.5, 2.0])
def test_sharpen_takes_the_blur_away(amount: float) -> None:
    image = noise(1, 6, 7, 3)
    soft = nodes.blur(image, 1.5).pixels
    expected = (image.pixels + amount * (image.pixels - soft)).clamp(0, 1)
    close(nodes.sharpen(image, 1.5, amount).pixels, expected)
