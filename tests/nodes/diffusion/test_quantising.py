"""Bayer's matrix as published, and ordered dithering's mean."""

import pytest
import torch

from nodes.diffusion.quantising import bayer, nearest_colours, ordered


def test_bayer_is_the_published_matrix() -> None:
    published = torch.tensor([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
    torch.testing.assert_close(bayer(4), (published + 0.5) / 16)


@pytest.mark.parametrize("order", [2, 8, 16])
def test_bayer_holds_each_threshold_once(order: int) -> None:
    expected = (torch.arange(order * order) + 0.5) / order**2
    torch.testing.assert_close(bayer(order).flatten().sort().values, expected)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.4375, 0.5, 0.75, 1.0])
def test_ordered_mixes_two_colours_in_their_share(share: float) -> None:
    table = torch.tensor([[0.2, 0.2, 0.2], [0.6, 0.5, 0.4]])
    flat = torch.lerp(table[0], table[1], share).expand(8, 8, 3)
    out = ordered(flat, table, bayer(4))
    torch.testing.assert_close(out.mean((0, 1)), flat[0, 0])


def test_ordered_leaves_colours_of_the_palette() -> None:
    table = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    picture = table[torch.arange(20).view(4, 5) % 5]
    assert torch.equal(ordered(picture, table, bayer(2)), picture)
    assert torch.equal(nearest_colours(picture, table), picture)
