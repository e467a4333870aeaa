"""Palettes against Pillow, colour transfer against scikit-image and the published formula."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from skimage import color, exposure

from nodeflow.errors import InputError
from nodes import image_colour as nodes
from nodes.types import Image, Mask


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def gradient() -> Image:
    ramp = torch.linspace(0, 1, 64)
    red, green = torch.meshgrid(ramp, ramp, indexing="ij")
    return Image(torch.stack([red, green, 1 - red], -1)[None])


METHODS = {
    "median_cut": Pillow.Quantize.MEDIANCUT,
    "max_coverage": Pillow.Quantize.MAXCOVERAGE,
    "octree": Pillow.Quantize.FASTOCTREE,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dither", ["none", "floyd_steinberg"])
def test_quantise_equals_pillow(method: str, dither: str) -> None:
    image = gradient()
    picture = Pillow.fromarray((image.pixels[0] * 255).round().byte().numpy())
    expected = picture.quantize(8, METHODS[method], dither=Pillow.Dither.NONE)
    if dither == "floyd_steinberg":
        expected = picture.quantize(palette=expected, dither=Pillow.Dither.FLOYDSTEINBERG)
    out = nodes.quantise(image, 8, method, dither).pixels[0]
    assert torch.equal(
        (out * 255).round().byte(), torch.tensor(np.asarray(expected.convert("RGB")))
    )


@pytest.mark.parametrize("dither", ["none", "floyd_steinberg", "bayer_2", "bayer_16"])
def test_quantise_keeps_to_the_number_and_leaves_alpha(dither: str) -> None:
    image = Image(torch.cat([gradient().pixels, noise(1, 64, 64, 1).pixels], -1))
    out = nodes.quantise(image, 6, dither=dither).pixels
    assert len(out[..., :3].reshape(-1, 3).unique(dim=0)) <= 6
    assert torch.equal(out[..., 3], image.pixels[..., 3])


def test_quantise_of_few_colours_changes_nothing() -> None:
    two = torch.zeros(1, 8, 8, 3)
    two[:, :4] = 1
    for dither in ("none", "floyd_steinberg"):
        assert torch.equal(nodes.quantise(Image(two), 2, dither=dither).pixels, two)


def test_quantise_dithered_comes_nearer_to_the_mean() -> None:
    image = gradient()

    def far(dither: str) -> float:
        out = nodes.quantise(image, 8, "median_cut", dither).pixels
        cells = [x.unfold(1, 8, 8).unfold(2, 8, 8).mean((-1, -2)) for x in (out, image.pixels)]
        return float((cells[0] - cells[1]).abs().mean())

    for dither in ("floyd_steinberg", "bayer_4", "bayer_8"):
        assert far(dither) < 0.85 * far("none")


def test_palette_shows_the_most_frequent_first() -> None:
    pixels = torch.zeros(1, 10, 10, 3)
    pixels[:, 6:] = torch.tensor([1.0, 0, 0])
    out = nodes.palette(Image(pixels), 8, cell=4).pixels
    assert out.shape == (1, 4, 8, 3)
    assert out[0, 0, 0].tolist() == [0, 0, 0]
    assert out[0, 3, 7].tolist() == [1, 0, 0]


def test_match_mean_follows_the_paper() -> None:
    # Muted colours, so that nothing leaves what a screen can show.
    image = Image(0.4 + 0.2 * noise(1, 20, 20, 3).pixels)
    reference = Image(0.3 + 0.3 * noise(1, 9, 11, 3, seed=1).pixels)
    out = nodes.match_mean(image, reference).pixels[0].double().numpy()
    mine, wanted = (color.rgb2lab(x.pixels[0].double().numpy()) for x in (image, reference))
    scaled = (mine - mine.mean((0, 1))) * wanted.std((0, 1)) / mine.std((0, 1))
    expected = color.lab2rgb(scaled + wanted.mean((0, 1)))
    np.testing.assert_allclose(out, expected, rtol=0, atol=2e-4)


def test_match_mean_with_itself_changes_nothing() -> None:
    image = noise(2, 8, 8, 4)
    torch.testing.assert_close(
        nodes.match_mean(image, image).pixels, image.pixels, rtol=0, atol=2e-4
    )
    other = noise(1, 3, 3, 4, seed=3)
    assert torch.equal(nodes.match_mean(image, other, 0.0).pixels, image.pixels)


def test_match_histogram_equals_scikit_image() -> None:
    bytes8 = (noise(1, 20, 20, 3).pixels * 255).round()
    other8 = (noise(1, 15, 30, 3, seed=1).pixels ** 2 * 255).round()
    out = nodes.match_histogram(Image(bytes8 / 255), Image(other8 / 255)).pixels[0]
    expected = exposure.match_histograms(
        bytes8[0].double().numpy(), other8[0].double().numpy(), channel_axis=-1
    )
    np.testing.assert_allclose(out.numpy() * 255, expected, rtol=0, atol=1e-3)


def test_match_histogram_with_itself_changes_nothing() -> None:
    image = noise(1, 9, 9, 3)
    torch.testing.assert_close(
        nodes.match_histogram(image, image).pixels, image.pixels, rtol=0, atol=1e-6
    )
    with pytest.raises(InputError, match="3 in the batch"):
        nodes.match_histogram(noise(2, 4, 4, 3), noise(3, 4, 4, 3))


def test_to_ycc_equals_scikit_image() -> None:
    image = noise(2, 5, 6, 3)
    planes = nodes.to_ycc(image)
    studio = color.rgb2ycbcr(image.pixels.double().numpy())  # 16..235 and 16..240
    expected = [(studio[..., 0] - 16) / 219, *((studio[..., k] - 16) / 224 for k in (1, 2))]
    for plane, wanted in zip(planes, expected, strict=True):
        np.testing.assert_allclose(plane.values.numpy(), wanted, rtol=0, atol=1e-5)


def test_from_ycc_is_the_inverse() -> None:
    image = noise(2, 5, 6, 3)
    back = nodes.from_ycc(*nodes.to_ycc(image)).pixels
    torch.testing.assert_close(back, image.pixels, rtol=0, atol=2e-6)
    half = Mask(torch.full((1, 2, 2), 0.5))
    torch.testing.assert_close(
        nodes.from_ycc(Mask(torch.full((1, 2, 2), 0.3)), half, half).pixels,
        torch.full((1, 2, 2, 3), 0.3),
    )
