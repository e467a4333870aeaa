"""Lines: where they are on pictures whose lines are known, and what is drawn without the extra."""

import sys

import cv2
import numpy as np
import pytest
import torch

from nodeflow.errors import InputError, NodeflowError
from nodes import preprocess as nodes
from nodes.types import Image

EVERY = [
    nodes.canny,
    nodes.soft_edge,
    nodes.lineart,
    nodes.lineart_standard,
    nodes.scribble,
    nodes.straight_lines,
]


def square(colour: float = 0.0, paper: float = 1.0) -> Image:
    """A square from 24 to 72 on a sheet of 96."""
    pixels = torch.full((1, 96, 96, 3), paper)
    pixels[:, 24:72, 24:72] = colour
    return Image(pixels)


def noise(*shape: int) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(0)))


def lines(image: Image) -> torch.Tensor:
    """[H, W] of a grey picture."""
    assert torch.equal(image.pixels[..., 0], image.pixels[..., 2])
    return image.pixels[0, ..., 0]


def far_from_the_outline(found: torch.Tensor, reach: int) -> torch.Tensor:
    """What lies further than `reach` pixels from the outline of `square`."""
    place = torch.arange(96) + 0.5
    inside = torch.minimum(place - 24, 72 - place)  # how far within, along one axis
    distance = torch.minimum(inside[:, None], inside[None, :])
    outside = torch.hypot(inside.clamp(max=0)[:, None], inside.clamp(max=0)[None, :])
    distance = torch.where(distance > 0, distance, outside)
    return found[distance > reach]


@pytest.mark.parametrize("node", EVERY)
def test_a_flat_picture_has_no_lines_and_a_batch_is_each_alone(node: object) -> None:
    assert callable(node)
    flat = Image(torch.full((1, 40, 40, 3), 0.7))
    assert node(flat).pixels.max() <= 1e-5
    both = node(Image(torch.cat([square().pixels, 1 - square().pixels]))).pixels
    for k, alone in enumerate((square(), Image(1 - square().pixels))):
        torch.testing.assert_close(both[k : k + 1], node(alone).pixels, rtol=0, atol=1e-6)
    assert both.min() >= 0
    assert both.max() <= 1


@pytest.mark.parametrize("node", [nodes.canny, nodes.soft_edge, nodes.straight_lines])
def test_lines_lie_along_the_outline(node: object) -> None:
    assert callable(node)
    found = lines(node(square(), **({"scales": 1} if node is nodes.soft_edge else {})))
    assert far_from_the_outline(found, 3).max() < 0.02
    assert found[30:66, 22:26].amax(1).min() > 0.5  # the left side, without its corners


def test_canny_is_opencvs() -> None:
    image = noise(2, 40, 50, 3)
    out = nodes.canny(image, 0.3, 0.6).pixels
    for k in range(2):
        bytes8 = (image.pixels[k] * 255).round().byte().numpy()
        assert np.array_equal(out[k, ..., 1].numpy() * 255, cv2.Canny(bytes8, 76.5, 153))


def test_canny_is_thin_and_a_lower_threshold_finds_more() -> None:
    found = lines(nodes.canny(square()))
    assert set(found.unique().tolist()) == {0, 1}
    assert found[40].sum() == 2  # one pixel on the left, one on the right
    faint = Image(square(0.5, 0.6).pixels)
    assert lines(nodes.canny(faint)).max() == 0
    assert lines(nodes.canny(faint, 0.1, 0.2)).max() == 1
    with pytest.raises(InputError, match=r"at most high, which is 0\.2"):
        nodes.canny(square(), 0.3, 0.2)


def test_canny_softened_drops_noise() -> None:
    image = Image((square(0.2, 0.8).pixels + 0.3 * (noise(1, 96, 96, 3).pixels - 0.5)).clamp(0, 1))
    rough = far_from_the_outline(lines(nodes.canny(image, 0.2, 0.5)), 4).sum()
    soft = far_from_the_outline(lines(nodes.canny(image, 0.2, 0.5, sigma=2.0)), 4).sum()
    assert soft < 0.1 * rough


def test_soft_edge_does_not_care_how_strong_the_picture_is() -> None:
    strong, faint = (nodes.soft_edge(square(*c)).pixels for c in ((0.0, 1.0), (0.5, 0.6)))
    torch.testing.assert_close(strong, faint, rtol=0, atol=1e-4)


def test_soft_edge_turns_with_the_picture() -> None:
    image = noise(1, 20, 30, 3)
    turned = nodes.soft_edge(Image(image.pixels.rot90(1, (1, 2)))).pixels
    torch.testing.assert_close(
        turned, nodes.soft_edge(image).pixels.rot90(1, (1, 2)), rtol=0, atol=1e-5
    )


def test_lineart_fills_what_is_dark_and_draws_the_edge_of_what_is_not() -> None:
    found = lines(nodes.lineart(square()))
    assert found[40:56, 40:56].min() > 0.99
    assert far_from_the_outline(found[:], -1).max() > 0.99
    assert found[:16].max() < 0.01
    light = lines(nodes.lineart(square(0.6, 0.9)))
    assert light[40:56, 40:56].max() < 0.01  # as bright as the threshold: paper
    assert light[40, 22:27].max() > 0.9  # its edge overshoots below it
    dark = nodes.lineart(square(), dark=True).pixels
    torch.testing.assert_close(dark[0, ..., 0], 1 - found)


def test_lineart_follows_the_paper() -> None:
    from scipy.ndimage import gaussian_filter

    image = noise(1, 30, 30, 3)
    grey = image.pixels[0].double().numpy() @ np.array([0.2126, 0.7152, 0.0722])
    fine, coarse = (
        gaussian_filter(grey, s, mode="mirror", truncate=np.ceil(3 * s) / s) for s in (1.0, 1.6)
    )
    s = 5.0 * fine - 4.0 * coarse
    paper = np.where(s >= 0.45, 1.0, 1 + np.tanh((s - 0.45) / 0.2))
    out = lines(nodes.lineart(image, 1.0, 4.0, 0.45, 0.2)).numpy()
    np.testing.assert_allclose(out, 1 - paper, rtol=0, atol=1e-4)


def test_lineart_standard_draws_dark_lines_and_leaves_areas_empty() -> None:
    pixels = torch.ones(1, 60, 60, 3)
    pixels[:, 20:22] = 0.2  # a dark line
    pixels[:, 40:42] = 1.0
    found = lines(nodes.lineart_standard(Image(pixels)))
    assert found[20:22].min() > 0.9
    assert found[30:].max() < 1e-3
    filled = lines(nodes.lineart_standard(square(0.3)))
    assert filled[44:52, 44:52].max() < 1e-3


@pytest.mark.parametrize("width", [3, 5, 9])
def test_scribble_draws_lines_of_the_width(width: int) -> None:
    found = lines(nodes.scribble(square(), width=width))
    assert set(found.unique().tolist()) == {0, 1}
    assert abs(float(found[48].sum()) - 2 * width) <= 2  # a left and a right side
    assert far_from_the_outline(found, width).max() == 0


def test_straight_lines_leaves_out_what_is_short() -> None:
    assert lines(nodes.straight_lines(square(), 30.0)).max() > 0.9
    assert lines(nodes.straight_lines(square(), 60.0)).max() == 0


@pytest.mark.parametrize("node", [nodes.canny, nodes.straight_lines])
def test_without_opencv_it_says_what_to_install(
    node: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(node)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(NodeflowError, match=r"needs cv2, .*pip install 'nodeflow\[preprocess\]'"):
        node(square())
