"""Grey morphology against its definition, and drawn shapes against their area."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.diffusion.masks import COMBINE, ellipse, grown, ramp, rectangle, widened


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def by_definition(x: torch.Tensor, radius: int, shape: str) -> torch.Tensor:
    """The largest value of every pixel that lies within reach."""
    y, x_place = torch.meshgrid(torch.arange(x.shape[1]), torch.arange(x.shape[2]), indexing="ij")
    dy = y.flatten()[:, None] - y.flatten()
    dx = x_place.flatten()[:, None] - x_place.flatten()
    if shape == "disc":
        near = dx**2 + dy**2 <= radius**2
    else:
        near = torch.maximum(dx.abs(), dy.abs()) <= radius
    values = x.flatten(1)[:, None, :].expand(-1, near.shape[0], -1)
    return values.where(near, 0.0).amax(-1).view_as(x)


@pytest.mark.parametrize("shape", ["disc", "square"])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5, 8, 20])
def test_grown_is_the_largest_within_reach(shape: str, radius: int) -> None:
    x = noise(2, 9, 7)
    grown_x = grown(x, radius, shape)
    torch.testing.assert_close(grown_x, by_definition(x, radius, shape), rtol=0, atol=0)


@settings(max_examples=30, deadline=None)
@given(pixels=st.integers(-4, 4), shape=st.sampled_from(["disc", "square"]))
def test_growing_is_shrinking_of_the_opposite(pixels: int, shape: str) -> None:
    x = noise(1, 8, 9)
    opposite = 1 - grown(1 - x, -pixels, shape)
    # 1 - (1 - x) rounds in the last bit.
    torch.testing.assert_close(grown(x, pixels, shape), opposite, rtol=0, atol=2e-7)


@pytest.mark.parametrize("name", COMBINE)
def test_combinations_stay_in_range(name: str) -> None:
    a, b = noise(1, 20, 20), noise(1, 20, 20, seed=1)
    out = COMBINE[name](a, b)
    assert out.min() >= 0
    assert out.max() <= 1


@settings(max_examples=40, deadline=None)
@given(*[st.floats(-3, 15)] * 4)
def test_a_rectangle_covers_exactly_its_area(a: float, b: float, c: float, d: float) -> None:
    left, right, top, bottom = min(a, b), max(a, b), min(c, d), max(c, d)
    width = max(0.0, min(right, 12) - max(left, 0))
    height = max(0.0, min(bottom, 9) - max(top, 0))
    area = rectangle(9, 12, left, top, right, bottom).sum().item()
    assert math.isclose(area, width * height, abs_tol=1e-4)


def test_an_ellipse_covers_about_its_area_and_not_the_corners() -> None:
    drawn = ellipse(60, 80, 10, 5, 70, 45)
    assert math.isclose(drawn.sum().item(), math.pi * 30 * 20, rel_tol=2e-3)
    assert drawn[0, 5, 10] == 0
    assert drawn[0, 25, 40] == 1
    torch.testing.assert_close(drawn[:, 5:45, 10:70], drawn[:, 5:45, 10:70].flip(1, 2))


def test_an_ellipse_without_extent_is_nothing_wrong() -> None:
    drawn = ellipse(4, 4, 2, 2, 2, 2)
    assert drawn.isfinite().all()
    assert drawn.max() <= 0.5


@pytest.mark.parametrize(("degrees", "first", "last"), [(0, (0, 0), (0, 6)), (90, (0, 0), (4, 0))])
def test_a_ramp_runs_from_nought_to_one(
    degrees: float, first: tuple[int, int], last: tuple[int, int]
) -> None:
    drawn = ramp(5, 7, degrees)[0]
    assert drawn[first] == 0
    assert drawn[last] == 1
    torch.testing.assert_close(drawn.flip(0, 1), ramp(5, 7, degrees + 180)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("feather", [0, 1, 3])
def test_widened_without_borders_is_nothing(feather: int) -> None:
    assert widened(3, 4, (0, 0, 0, 0), feather).max() == 0


def test_widened_falls_towards_the_old_picture() -> None:
    drawn = widened(1, 4, (1, 0, 2, 0), 2)[0, 0]
    assert drawn.tolist() == [1, 0.75, 0.25, 0.25, 0.75, 1, 1]


def test_a_ramp_over_one_pixel_is_its_middle() -> None:
    assert ramp(1, 1, 30).tolist() == [[[0.5]]]
