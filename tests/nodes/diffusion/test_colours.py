"""Colour spaces against scikit-image, and there and back."""

import numpy as np
import torch
from skimage import color

from nodes.diffusion import colours

CUBE = torch.stack(
    torch.meshgrid(*[torch.linspace(0, 1, 9)] * 3, indexing="ij"), -1
)  # [9, 9, 9, 3]


def test_lab_equals_scikit_image() -> None:
    expected = color.rgb2lab(CUBE.double().numpy())
    # Its white is rounded otherwise: there, grey has a colour of 0.01, and here it has none.
    np.testing.assert_allclose(colours.to_lab(CUBE).numpy(), expected, rtol=0, atol=0.02)
    grey = torch.linspace(0, 1, 5)[:, None].expand(5, 3)
    assert colours.to_lab(grey)[:, 1:].abs().max() < 1e-3


def test_lab_there_and_back() -> None:
    back = colours.from_lab(colours.to_lab(CUBE))
    torch.testing.assert_close(back, CUBE, rtol=0, atol=2e-5)


def test_linear_light_there_and_back() -> None:
    back = colours.from_linear(colours.to_linear(CUBE))
    torch.testing.assert_close(back, CUBE, rtol=0, atol=2e-6)
    torch.testing.assert_close(colours.to_linear(torch.tensor(0.5)), torch.tensor(0.21404114))


def test_ycc_there_and_back() -> None:
    torch.testing.assert_close(colours.from_ycc(colours.to_ycc(CUBE)), CUBE, rtol=0, atol=1e-6)


def test_a_hue_of_no_colour_stays() -> None:
    grey = torch.linspace(0, 1, 5)[:, None].expand(5, 3)
    assert torch.equal(colours.turned_hue(grey, 100.0), grey)
