"""Tones: identities, oracles by SciPy, Pillow, colorsys and written-out formulas."""

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageOps
from scipy.interpolate import PchipInterpolator

from nodeflow.errors import InputError
from nodes import image_tone as nodes
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


IMAGE = noise(2, 5, 6, 4)


def close(value: torch.Tensor, expected: object, atol: float = 1e-6) -> None:
    found = torch.as_tensor(np.asarray(expected, dtype=np.float32))
    torch.testing.assert_close(value, found, rtol=0, atol=atol)


def test_levels_with_their_defaults_change_nothing() -> None:
    close(nodes.levels(IMAGE).pixels, IMAGE.pixels)


def test_levels_follow_the_formula_on_one_channel() -> None:
    out = nodes.levels(IMAGE, 0.2, 0.7, 2.0, 0.1, 0.9, "green").pixels
    before = IMAGE.pixels[..., 1].numpy()
    close(out[..., 1], 0.1 + 0.8 * np.sqrt(np.clip((before - 0.2) / 0.5, 0, 1)))
    for c in (0, 2, 3):
        assert torch.equal(out[..., c], IMAGE.pixels[..., c])
    with pytest.raises(InputError, match=r"more than black, which is 0\.5"):
        nodes.levels(IMAGE, 0.5, 0.5)


@pytest.mark.parametrize("points", ["0,0 1,1", "0,0; .25,.25; 0.6,0.6; 1,1"])
def test_curves_on_the_diagonal_change_nothing(points: str) -> None:
    close(nodes.curves(IMAGE, points).pixels, IMAGE.pixels)


def test_curves_equal_scipys_monotone_interpolation() -> None:
    xs, ys = [0.1, 0.3, 0.4, 0.8, 0.95], [0.0, 0.2, 0.9, 0.85, 1.0]
    text = " ".join(f"{x},{y}" for x, y in zip(xs, ys, strict=True))
    before = IMAGE.pixels[..., :3].double().numpy()
    expected = PchipInterpolator(xs, ys)(before.clip(0.1, 0.95))
    close(nodes.curves(IMAGE, text).pixels[..., :3], expected.clip(0, 1))


def test_curves_stay_between_neighbouring_points() -> None:
    ramp = Image(torch.linspace(0, 1, 500).view(1, 1, -1, 1).expand(1, 1, 500, 3))
    out = nodes.curves(ramp, "0,0 0.4,0 0.5,1 1,1").pixels[0, 0, :, 0]
    assert torch.equal(out.sort().values, out)
    assert out[:200].max() == 0


@pytest.mark.parametrize("points", ["", "0,0", "0,0 1", "0,0 x,1", "0,0 0,1", "0,0 1,2"])
def test_curves_refuse_what_is_no_curve(points: str) -> None:
    with pytest.raises(InputError, match="points"):
        nodes.curves(IMAGE, points)


def test_auto_contrast_reaches_black_and_white_and_keeps_hue() -> None:
    dull = Image(0.3 + 0.4 * noise(2, 8, 8, 3).pixels)
    out = nodes.auto_contrast(dull).pixels
    assert out.amin((1, 2, 3)).tolist() == [0, 0]
    assert out.amax((1, 2, 3)).tolist() == [1, 1]
    low, high = dull.pixels[0].min(), dull.pixels[0].max()
    close(out[0], ((dull.pixels[0] - low) / (high - low)).numpy())
    flat = Image(torch.full((1, 2, 2, 3), 0.4))
    assert torch.equal(nodes.auto_contrast(flat).pixels, flat.pixels)


def test_auto_contrast_by_channel_equals_pillow() -> None:
    bytes8 = (noise(1, 20, 20, 3).pixels * 150 + 40).round().byte()
    ours = nodes.auto_contrast(Image(bytes8.float() / 255), keep_hue=False).pixels[0]
    theirs = np.asarray(ImageOps.autocontrast(Pillow.fromarray(bytes8[0].numpy())))
    close(ours, theirs / 255, atol=1.01 / 255)  # Pillow truncates to 8 bit


def test_auto_contrast_may_lose_a_share() -> None:
    row = torch.linspace(0, 1, 101).view(1, 1, -1, 1).expand(1, 1, 101, 3)
    out = nodes.auto_contrast(Image(row), cut=0.1).pixels[0, 0, :, 0]
    assert (out[10], out[90]) == (0, 1)
    assert out[9] == 0


def test_hue_equals_colorsys() -> None:
    expected = []
    for r, g, b in IMAGE.pixels[..., :3].reshape(-1, 3).tolist():
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        expected.append(colorsys.hsv_to_rgb((h + 77 / 360) % 1, s, v))
    out = nodes.hue(IMAGE, 77.0).pixels[..., :3].reshape(-1, 3)
    close(out, expected, atol=2e-6)


def test_hue_turns_in_a_circle_and_leaves_grey() -> None:
    close(nodes.hue(IMAGE, 360.0).pixels, IMAGE.pixels, atol=2e-6)
    red = Image(torch.tensor([1.0, 0, 0]).view(1, 1, 1, 3))
    close(nodes.hue(red, 120.0).pixels.flatten(), [0, 1, 0])
    grey = Image(torch.full((1, 1, 1, 3), 0.3))
    assert torch.equal(nodes.hue(grey, 50.0).pixels, grey.pixels)


def test_grey_weighs_channels() -> None:
    out = nodes.grey(IMAGE, 0.5, 0.25, 0.25).pixels
    expected = IMAGE.pixels[..., :3].numpy() @ np.array([0.5, 0.25, 0.25], np.float32)
    for c in range(3):
        close(out[..., c], expected)
    assert torch.equal(out[..., 3], IMAGE.pixels[..., 3])


def test_threshold_is_black_or_white() -> None:
    out = nodes.threshold(IMAGE, 0.5).pixels
    bright = IMAGE.pixels[..., :3].numpy() @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    close(out[..., 1], bright >= 0.5)
    assert nodes.threshold(IMAGE, 0.0).pixels[..., :3].min() == 1


def test_posterise_leaves_so_many_steps() -> None:
    out = nodes.posterise(noise(1, 30, 30, 3), 4).pixels
    assert out.unique().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert torch.equal(nodes.posterise(Image(out), 4).pixels, out)
