"""Resampling against Pillow, and what every filter must hold."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from nodes.diffusion.resampling import FILTERS, gaussian_blur, resample

PILLOW = {
    "nearest": Pillow.Resampling.NEAREST,
    "area": Pillow.Resampling.BOX,
    "bilinear": Pillow.Resampling.BILINEAR,
    "hamming": Pillow.Resampling.HAMMING,
    "bicubic": Pillow.Resampling.BICUBIC,
    "lanczos": Pillow.Resampling.LANCZOS,
    # Pillow 13 brought these two; an older one is asked only for those that it has.
    **{
        name.lower(): member
        for name, member in Pillow.Resampling.__members__.items()
        if name[:3] == "MKS"
    },
}


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("filter", PILLOW)
@pytest.mark.parametrize("size", [(5, 4), (30, 27), (64, 3), (13, 17), (1, 1)])
def test_resample_equals_pillow_on_floats(filter: str, size: tuple[int, int]) -> None:
    x = noise(1, 13, 17, 1)
    height, width = size
    picture = Pillow.fromarray(x[0, :, :, 0].numpy())
    expected = np.asarray(picture.resize((width, height), PILLOW[filter]))
    # Pillow sums in float64 and stores float32 between the two axes: a few last bits.
    torch.testing.assert_close(
        resample(x, height, width, filter)[0, :, :, 0],
        torch.from_numpy(expected.copy()),
        rtol=0,
        atol=2e-6,
    )


@pytest.mark.parametrize("filter", FILTERS)
def test_resample_to_the_same_size_is_the_same(filter: str) -> None:
    x = noise(2, 5, 6, 3)
    assert resample(x, 5, 6, filter) is x


@settings(max_examples=40, deadline=None)
@given(
    filter=st.sampled_from(sorted(FILTERS)),
    sizes=st.tuples(*[st.integers(1, 40)] * 4),
    value=st.floats(0, 1, width=32),
)
def test_one_colour_stays_that_colour(
    filter: str, sizes: tuple[int, int, int, int], value: float
) -> None:
    x = torch.full((1, sizes[0], sizes[1], 2), value)
    out = resample(x, sizes[2], sizes[3], filter)
    torch.testing.assert_close(out, torch.full_like(out, value), rtol=0, atol=1e-6)


def test_doubling_and_halving_by_nearest_is_the_same() -> None:
    x = noise(2, 7, 5, 3)
    back = resample(resample(x, 14, 10, "nearest"), 7, 5, "nearest")
    torch.testing.assert_close(back, x, rtol=0, atol=0)


def test_nearest_takes_the_element_under_its_middle_exactly() -> None:
    for size in range(1, 30):
        x = torch.arange(float(size)).view(1, 1, size)
        for target in range(1, 30):
            middles = [Fraction(2 * k + 1, 2) * Fraction(size, target) for k in range(target)]
            found = resample(x, 1, target, "nearest")[0, 0]
            assert found.tolist() == [math.floor(middle) for middle in middles]


def test_gaussian_blur_of_nothing_and_of_one_colour() -> None:
    x = noise(1, 6, 7, 3)
    assert gaussian_blur(x, 0.0) is x
    flat = torch.full((1, 4, 1, 3), 0.25)
    torch.testing.assert_close(gaussian_blur(flat, 9.0), flat, rtol=0, atol=1e-6)


def test_gaussian_blur_equals_the_written_out_convolution() -> None:
    x, sigma = noise(1, 12, 9, 1), 1.3
    offsets = np.arange(-4, 5)  # ceil(3 * 1.3) is 4
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(x[0, :, :, 0].double().numpy(), 4, mode="reflect")
    rows = np.apply_along_axis(np.convolve, 0, padded, kernel, mode="valid")
    both = np.apply_along_axis(np.convolve, 1, rows, kernel, mode="valid")
    expected = torch.from_numpy(both).float()
    torch.testing.assert_close(gaussian_blur(x, sigma)[0, :, :, 0], expected, rtol=0, atol=1e-6)
