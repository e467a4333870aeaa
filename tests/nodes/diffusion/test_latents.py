"""What the nodes of latents rest on and do not show."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nodes.diffusion import latents
from nodes.types import Latent


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 9))
def test_composite_of_one_value_on_itself_is_that_value(x: int, y: int, feather: int) -> None:
    below, above = torch.full((1, 4, 7, 7), 0.3), torch.full((1, 4, 4, 5), 0.3)
    got = latents.composite(below, above, x, y, feather)
    torch.testing.assert_close(got, below)


def test_blend_is_exact_at_both_ends() -> None:
    a, b = torch.tensor([1e8, -3.3]), torch.tensor([0.1, 7.7])
    assert torch.equal(latents.blend(a, b, torch.zeros(2)), a)
    assert torch.equal(latents.blend(a, b, torch.ones(2)), b)


@pytest.mark.parametrize("size", [(4, 6), (32, 48), (5, 7), (2, 3)])
def test_mask_for_keeps_one_value_at_any_size(size: tuple[int, int]) -> None:
    got = latents.mask_for(torch.full((2, *size), 0.25), torch.zeros(2, 4, 4, 6))
    assert got.shape == (2, 1, 4, 6)
    torch.testing.assert_close(got, torch.full((2, 1, 4, 6), 0.25))


def test_mask_for_averages_what_a_latent_pixel_stands_for() -> None:
    mask = torch.zeros(1, 16, 16)
    mask[:, :, :4] = 1
    fitted = latents.mask_for(mask, torch.zeros(2, 4, 2, 2))
    torch.testing.assert_close(fitted, torch.tensor([0.5, 0.0]).expand(1, 1, 2, 2))


def test_apply_changes_samples_and_mask_alike() -> None:
    latent = Latent(torch.ones(1, 4, 2, 2), torch.ones(1, 1, 2, 2))
    got = latents.apply(latent, lambda tensor: tensor * 0)
    assert not got.samples.any()
    assert got.noise_mask is not None
    assert not got.noise_mask.any()
    assert latents.apply(Latent(latent.samples), torch.neg).noise_mask is None
