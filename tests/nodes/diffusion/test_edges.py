"""Gradients of known pictures, and ridges one pixel thin."""

import math

import pytest
import torch

from nodes.diffusion.edges import brightness, gradient, ridges, scribbles, soft_edges


def ramp(across: float, down: float) -> torch.Tensor:
    x, y = torch.arange(40.0), torch.arange(30.0)[:, None]
    return (across * x + down * y)[None]


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
@pytest.mark.parametrize(("across", "down"), [(0.02, 0.0), (0.0, -0.03), (0.01, 0.02)])
def test_the_gradient_of_a_ramp_is_its_slope(sigma: float, across: float, down: float) -> None:
    edge = math.ceil(3 * sigma)
    found = gradient(ramp(across, down), sigma)
    for value, slope in zip(found, (across, down), strict=True):
        inner = value[:, edge:-edge, edge:-edge]
        torch.testing.assert_close(inner, torch.full_like(inner, slope), rtol=0, atol=1e-5)


def test_brightness_of_white_is_one() -> None:
    torch.testing.assert_close(brightness(torch.ones(1, 2, 2, 4)), torch.ones(1, 2, 2))


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120])
def test_a_ridge_is_where_the_crest_is(degrees: int) -> None:
    angle = math.radians(degrees)
    x = torch.arange(41.0) - 20
    y = (torch.arange(41.0) - 20)[:, None]
    distance = -math.sin(angle) * x + math.cos(angle) * y  # from a line through the middle
    strength = torch.exp(-0.5 * (distance / 3) ** 2)
    found = ridges(strength[None], 1.0)[0]
    inner = (found * (strength > 0.01))[6:-6, 6:-6]  # far off, rounding errors have ridges too
    assert distance.abs()[6:-6, 6:-6][inner > 0].max() < 1
    assert 25 <= inner.sum() <= 60  # about one pixel for each of its 29 or 41 steps


def test_soft_edges_of_a_step_are_highest_on_it() -> None:
    pixels = torch.zeros(1, 20, 40, 3)
    pixels[:, :, 20:, 1] = 0.4
    found = soft_edges(pixels, 1.0, 2)[0, 10]
    assert set(found.topk(2).indices.tolist()) == {19, 20}
    assert found[:8].max() < 1e-3
    torch.testing.assert_close(found, found.flip(0))


def test_scribbles_forget_a_speck() -> None:
    pixels = torch.zeros(1, 60, 60, 3)
    pixels[:, 30:] = 1
    with_speck = pixels.clone()
    with_speck[:, 12, 12] = 0.3
    clean, specked = (scribbles(p, 2.0, 0.02, 5) for p in (pixels, with_speck))
    assert clean.sum() > 60 * 3
    assert (clean - specked)[:, 22:].abs().sum() == 0
    assert specked[:, :22].sum() <= 60
