"""Channels: apart and together again."""

import torch

from nodes import image_channels as nodes
from nodes.types import Image, Mask


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_split_and_join_is_the_same() -> None:
    image = Image(noise(2, 3, 4, 3))
    red, green, blue, alpha = nodes.split(image)
    exact(nodes.join(red, green, blue).pixels, image.pixels)
    exact(alpha.values, torch.ones(2, 3, 4))


def test_split_gives_the_alpha_that_is_there() -> None:
    image = Image(noise(2, 3, 4, 4))
    exact(nodes.split(image).alpha.values, image.pixels[..., 3])


def test_join_repeats_a_single_mask() -> None:
    one, many = Mask(noise(1, 2, 2)), Mask(noise(3, 2, 2, seed=1))
    assert nodes.join(one, one, many).pixels.shape == (3, 2, 2, 3)
    exact(nodes.join(many, one, one).pixels[..., 2], one.values.expand(3, -1, -1))


def test_add_alpha_of_ones_and_remove_alpha_is_the_same() -> None:
    image = Image(noise(2, 3, 4, 3))
    opaque = nodes.add_alpha(image, Mask(torch.ones(1, 3, 4)))
    assert opaque.pixels.shape == (2, 3, 4, 4)
    exact(nodes.remove_alpha(opaque, "#123456").pixels, image.pixels)


def test_remove_alpha_shows_the_background() -> None:
    image = Image(torch.tensor([1.0, 0, 0, 0.5]).view(1, 1, 1, 4))
    assert nodes.remove_alpha(image, "#0000ff").pixels.flatten().tolist() == [0.5, 0, 0.5]


def test_remove_alpha_of_a_picture_without_is_that_picture() -> None:
    image = Image(noise(1, 2, 2, 3))
    assert nodes.remove_alpha(image) is image


def test_add_alpha_replaces_the_one_that_was() -> None:
    image, alpha = Image(noise(2, 3, 4, 4)), Mask(noise(1, 3, 4, seed=1))
    found = nodes.add_alpha(image, alpha).pixels
    exact(found[..., :3], image.pixels[..., :3])
    exact(found[..., 3], alpha.values.expand(2, -1, -1))
