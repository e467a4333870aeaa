"""More geometry: free rotation against scikit-image and Pillow, sizes, stitching."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from skimage import transform

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodeflow.widgets import Choice
from nodes import image_edit
from nodes import image_transform as nodes
from nodes.diffusion.resampling import FILTERS
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


@pytest.mark.parametrize("filter", ["nearest", "bilinear", "bicubic"])
def test_rotate_by_nothing_and_by_quarters_is_exact(filter: str) -> None:
    image = noise(2, 6, 9, 3)
    exact(nodes.rotate_by(image, 0.0, filter).pixels, image.pixels)
    exact(nodes.rotate_by(image, 360.0, filter, True).pixels, image.pixels)
    for quarters in (1, 2, 3):
        turned = nodes.rotate_by(image, 90.0 * quarters, filter, expand=True)
        exact(turned.pixels, image_edit.rotate(image, quarters).pixels)


@pytest.mark.parametrize(("filter", "order"), [("bilinear", 1), ("bicubic", 3)])
@pytest.mark.parametrize("angle", [17.0, -40.0])
def test_rotate_by_equals_scikit_image_inside(filter: str, order: int, angle: float) -> None:
    image = noise(1, 24, 30, 3)
    ours = nodes.rotate_by(image, angle, filter).pixels[0].numpy()
    before = image.pixels[0].double().numpy()
    # Plane by plane: its cubic of several channels is a spline, that of one is Keys's.
    planes = [transform.rotate(before[..., c], -angle, order=order, clip=False) for c in range(3)]
    theirs = np.stack(planes, -1)
    # Edges differ: ours fade into the colour. The circle that no edge reaches is compared.
    y, x = np.mgrid[:24, :30]
    circle = np.hypot(y - 11.5, x - 14.5) < 9
    np.testing.assert_allclose(ours[circle], theirs[circle].clip(0, 1), rtol=0, atol=1e-5)


def test_rotate_by_nearest_equals_pillow() -> None:
    image = noise(1, 20, 30, 3)
    theirs = Pillow.fromarray(image.pixels[0, ..., 0].numpy()).rotate(-17)
    np.testing.assert_array_equal(
        nodes.rotate_by(image, 17.0, "nearest").pixels[0, ..., 0].numpy(), np.asarray(theirs)
    )


def test_rotate_by_expands_and_fills_with_the_colour() -> None:
    white = Image(torch.ones(1, 10, 20, 3))
    out = nodes.rotate_by(white, 30.0, expand=True, colour="#ff0000").pixels[0]
    assert out.shape == (19, 23, 3)  # ceil(20 sin 30 + 10 cos 30), ceil(20 cos 30 + 10 sin 30)
    exact(out[0, 0], torch.tensor([1.0, 0, 0]))
    exact(out[9, 11], torch.ones(3))


def test_rotate_by_lets_no_hidden_colour_bleed_in() -> None:
    pixels = torch.zeros(1, 9, 9, 4)
    pixels[..., 0] = 1  # red, but all of it see-through …
    pixels[:, 3:6, 3:6] = torch.tensor([0.0, 0, 1, 1])  # … around an opaque blue square
    out = nodes.rotate_by(Image(pixels), 45.0, "bilinear").pixels[0, 2:7, 2:7]
    assert out[..., 0].max() == 0


def test_roll_there_and_back() -> None:
    image = noise(2, 5, 6, 3)
    rolled = nodes.roll(image, 2, 1)
    exact(rolled.pixels[:, 1, 2], image.pixels[:, 0, 0])
    exact(nodes.roll(rolled, -2, -1).pixels, image.pixels)


def test_to_megapixels_keeps_proportions() -> None:
    out = nodes.to_megapixels(noise(1, 32, 64, 3), 0.0078125).pixels
    assert out.shape == (1, 64, 128, 3)  # 2^20 / 128 = 8192 pixels
    same = noise(1, 32, 32, 3)
    exact(nodes.to_megapixels(same, 1 / 1024).pixels, same.pixels)


def test_longest_side() -> None:
    assert nodes.longest_side(noise(1, 8, 16, 3), 40).pixels.shape == (1, 20, 40, 3)
    assert nodes.longest_side(noise(1, 100, 1, 3), 10).pixels.shape == (1, 10, 1, 3)


def test_fit_padded_puts_the_picture_in_the_middle() -> None:
    image = noise(2, 4, 8, 3)
    out = nodes.fit_padded(image, 8, 9, colour="#00ff00").pixels
    assert out.shape == (2, 9, 8, 3)
    exact(out[:, 2:6], image.pixels)
    exact(out[:, :2], torch.tensor([0.0, 1, 0]).expand(2, 2, 8, 3))
    exact(out[:, 6:], torch.tensor([0.0, 1, 0]).expand(2, 3, 8, 3))


@pytest.mark.parametrize(("side", "first"), [("right", True), ("left", False)])
def test_stitch_scales_to_the_same_height(side: str, first: bool) -> None:
    image, other = noise(1, 4, 6, 3), Image(torch.full((2, 8, 8, 3), 0.25))
    out = nodes.stitch(image, other, side, gap=1).pixels
    assert out.shape == (2, 4, 11, 3)
    exact(out[:, :, :6] if first else out[:, :, 5:], image.pixels.expand(2, -1, -1, -1))
    exact(out[:, :, 6] if first else out[:, :, 4], torch.ones(2, 4, 3))


@pytest.mark.parametrize(("side", "first"), [("below", True), ("above", False)])
def test_stitch_scales_to_the_same_width(side: str, first: bool) -> None:
    image, other = noise(2, 5, 6, 3), Image(torch.full((1, 8, 12, 3), 0.25))
    out = nodes.stitch(image, other, side, gap=2, colour="#000000").pixels
    assert out.shape == (2, 11, 6, 3)
    exact(out[:, :5] if first else out[:, 6:], image.pixels)
    exact(out[:, 5:7] if first else out[:, 4:6], torch.zeros(2, 2, 6, 3))


def test_stitch_refuses_other_channels() -> None:
    with pytest.raises(InputError, match="other: got 4 channels"):
        nodes.stitch(noise(1, 4, 4, 3), noise(1, 4, 4, 4))


def test_every_filter_is_offered() -> None:
    for function in (nodes.to_megapixels, nodes.longest_side, nodes.fit_padded):
        widget = definition_of(function).inputs["filter"].widget
        assert isinstance(widget, Choice)
        assert widget.options == tuple(FILTERS)
