"""Filters over neighbours against SciPy; grain."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from nodes import image_adjust
from nodes import image_filter as nodes
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


IMAGE = noise(2, 11, 13, 3)


def close(value: torch.Tensor, expected: object, atol: float = 1e-6) -> None:
    found = torch.as_tensor(np.asarray(expected, dtype=np.float32))
    torch.testing.assert_close(value, found, rtol=0, atol=atol)


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_box_blur_equals_scipy(radius: int) -> None:
    side = 2 * radius + 1
    expected = ndimage.uniform_filter(
        IMAGE.pixels.double().numpy(), size=(1, side, side, 1), mode="mirror"
    )
    close(nodes.box_blur(IMAGE, radius).pixels, expected)


def test_box_blur_lets_no_hidden_colour_bleed_in() -> None:
    pixels = torch.zeros(1, 3, 3, 4)
    pixels[..., 0] = 1
    pixels[0, 1, 1] = torch.tensor([0.0, 0, 1, 1])
    out = nodes.box_blur(Image(pixels), 1).pixels
    assert out[..., 0].max() == 0
    assert out[0, 1, 1, 3] == pytest.approx(1 / 9)


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_median_equals_scipy(radius: int) -> None:
    side = 2 * radius + 1
    size = (1, side, side, 1)
    expected = ndimage.median_filter(IMAGE.pixels.numpy(), size=size, mode="mirror")
    close(nodes.median(IMAGE, radius).pixels, expected, atol=0)


def test_median_removes_a_speck() -> None:
    pixels = torch.zeros(1, 7, 7, 3)
    pixels[0, 3, 3] = 1
    assert nodes.median(Image(pixels)).pixels.max() == 0


@pytest.mark.parametrize(
    ("operation", "oracle"),
    [
        ("dilate", ndimage.grey_dilation),
        ("erode", ndimage.grey_erosion),
        ("open", ndimage.grey_opening),
        ("close", ndimage.grey_closing),
        ("gradient", ndimage.morphological_gradient),
        ("top_hat", ndimage.white_tophat),
        ("bottom_hat", ndimage.black_tophat),
    ],
)
def test_morphology_equals_scipy_inside(operation: str, oracle: object) -> None:
    out = nodes.morphology(IMAGE, operation, 1, "square").pixels[0, ..., 1]
    assert callable(oracle)
    expected = oracle(IMAGE.pixels[0, ..., 1].numpy(), size=(3, 3))
    # At the border SciPy mirrors, and here nothing lies outside.
    close(out[2:-2, 2:-2], expected[2:-2, 2:-2], atol=3e-7)


def test_morphology_of_nothing_changes_nothing() -> None:
    for operation in ("dilate", "erode", "open", "close"):
        close(nodes.morphology(IMAGE, operation, 0).pixels, IMAGE.pixels, atol=1e-7)
    with_alpha = noise(1, 5, 5, 4)
    out = nodes.morphology(with_alpha, "erode", 1, "disc").pixels
    assert torch.equal(out[..., 3], with_alpha.pixels[..., 3])


def test_high_pass_is_grey_where_nothing_is_fine() -> None:
    flat = Image(torch.full((1, 9, 9, 3), 0.2))
    close(nodes.high_pass(flat).pixels, np.full((1, 9, 9, 3), 0.5))
    soft = image_adjust.blur(IMAGE, 4.0).pixels
    close(nodes.high_pass(IMAGE, 4.0).pixels, (0.5 + IMAGE.pixels - soft).clamp(0, 1).numpy())


def test_add_noise_is_that_of_the_seed_alone() -> None:
    grey = Image(torch.full((2, 40, 40, 3), 0.5))
    both = nodes.add_noise(grey, 7, 0.05).pixels
    alone = nodes.add_noise(Image(grey.pixels[:1]), 8, 0.05).pixels
    assert torch.equal(both[1:], alone)
    assert float((both - 0.5).std()) == pytest.approx(0.05, rel=0.05)
    assert torch.equal(nodes.add_noise(grey, 7, 0.0).pixels, grey.pixels)


def test_add_noise_grey_is_alike_in_all_channels() -> None:
    out = nodes.add_noise(Image(torch.full((1, 5, 5, 3), 0.5)), 1, 0.1, grey=True).pixels
    assert torch.equal(out[..., 0], out[..., 2])
