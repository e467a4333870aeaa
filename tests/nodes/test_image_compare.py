"""How far two pictures are apart."""

import math

import numpy as np
import pytest
import torch

from nodeflow.errors import InputError
from nodes import image_compare as nodes
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


ONE, TWO = noise(2, 5, 6, 3), noise(2, 5, 6, 3, seed=1)
GAP = np.abs(ONE.pixels.double().numpy() - TWO.pixels.double().numpy())


def test_mean_absolute_difference() -> None:
    assert nodes.mean_absolute_difference(ONE, ONE) == 0
    assert nodes.mean_absolute_difference(ONE, TWO) == pytest.approx(GAP.mean(), rel=1e-6)
    assert nodes.mean_absolute_difference(TWO, ONE) == nodes.mean_absolute_difference(ONE, TWO)


def test_largest_difference() -> None:
    assert nodes.largest_difference(ONE, ONE) == 0
    assert nodes.largest_difference(ONE, TWO) == pytest.approx(GAP.max(), rel=1e-6)


def test_psnr() -> None:
    expected = 10 * math.log10(1 / (GAP**2).mean())
    assert nodes.psnr(ONE, TWO) == pytest.approx(expected, rel=1e-6)
    assert nodes.psnr(ONE, ONE) == 200
    black, white = (Image(torch.full((1, 2, 2, 3), v)) for v in (0.0, 1.0))
    assert nodes.psnr(black, white) == 0


def test_difference_is_black_where_they_agree() -> None:
    assert nodes.difference(ONE, ONE, 64.0).pixels.max() == 0
    torch.testing.assert_close(
        nodes.difference(ONE, TWO, 2.0).pixels, torch.from_numpy(GAP * 2).clamp(max=1).float()
    )


def test_difference_refuses_other_sizes() -> None:
    with pytest.raises(InputError, match="other: got 5 x 5 pixels, expected 6 x 5"):
        nodes.difference(ONE, noise(2, 5, 5, 3))


def test_difference_leaves_alpha_out() -> None:
    one, two = (torch.cat([ONE.pixels, torch.full((2, 5, 6, 1), a)], -1) for a in (0.0, 1.0))
    assert torch.equal(nodes.difference(Image(one), Image(two)).pixels, torch.zeros(2, 5, 6, 3))
