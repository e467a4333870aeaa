"""Control pictures of colour: means kept, details gone."""

import pytest
import torch

from nodes import preprocess_colour as nodes
from nodes.diffusion.resampling import resample
from nodes.types import Image


def noise(*shape: int, seed: int = 0) -> Image:
    return Image(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def test_tile_keeps_means_and_loses_detail() -> None:
    image = noise(1, 32, 48, 3)
    out = nodes.tile(image, 8.0).pixels
    assert out.shape == image.pixels.shape
    torch.testing.assert_close(out.mean((1, 2)), image.pixels.mean((1, 2)), rtol=0, atol=0.02)
    assert out.std() < 0.3 * image.pixels.std()
    torch.testing.assert_close(nodes.tile(image, 1.0).pixels, image.pixels)


def test_grid_is_the_mean_of_each_square() -> None:
    image = noise(2, 32, 48, 4)
    out = nodes.grid(image, 16).pixels
    squares = image.pixels[..., :3].unfold(1, 16, 16).unfold(2, 16, 16).mean((-1, -2))
    expected = squares.repeat_interleave(16, 1).repeat_interleave(16, 2)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)
    uneven = nodes.grid(noise(1, 30, 50, 3), 16).pixels
    assert len(uneven.reshape(-1, 3).unique(dim=0)) == 2 * 3
    one = nodes.grid(noise(1, 8, 8, 3), 64).pixels
    torch.testing.assert_close(one, resample(one, 1, 1, "area").expand_as(one))


def test_shuffle_moves_and_invents_nothing() -> None:
    image = noise(1, 40, 60, 3)
    out = nodes.shuffle(image, 1, 24.0).pixels
    assert out.shape == image.pixels.shape
    assert (out - image.pixels).abs().mean() > 0.1
    two = torch.zeros(1, 40, 60, 3)
    two[:, :, 30:] = torch.tensor([1.0, 0.5, 0.0])
    moved = nodes.shuffle(Image(two), 1, 24.0).pixels
    torch.testing.assert_close(moved.amax((0, 1, 2)), torch.tensor([1.0, 0.5, 0.0]))
    share = float((moved[..., 0] > 0.5).float().mean())
    assert share == pytest.approx(0.5, abs=0.35)


def test_shuffle_is_that_of_the_seed_alone() -> None:
    image = noise(1, 20, 20, 3)
    both = nodes.shuffle(Image(image.pixels.repeat(2, 1, 1, 1)), 5, 8.0).pixels
    assert torch.equal(both[1:], nodes.shuffle(image, 6, 8.0).pixels)
    assert not torch.equal(both[0], both[1])
