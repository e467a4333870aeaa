"""Noise: image k of a batch is the image of seed + k, and mixing keeps the spread."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import noise
from nodes.types import Latent


def empty(batch: int, size: int = 4) -> Latent:
    return Latent(torch.zeros(batch, 4, size, size))


@given(seed=st.integers(0, 2**63 - 1), batch=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_gaussian_of_image_k_is_that_of_seed_plus_k(seed: int, batch: int) -> None:
    drawn = noise.gaussian(empty(batch), seed)
    assert drawn.seeds == tuple(range(seed, seed + batch))
    for k in range(batch):
        assert torch.equal(drawn.samples[k], noise.gaussian(empty(1), seed + k).samples[0])


def test_gaussian_is_standard_normal() -> None:
    drawn = noise.gaussian(empty(1, 128), 0).samples
    assert drawn.dtype == torch.float32
    # 65,536 draws: the mean is within 4 / sqrt(65536), the spread within about as much.
    assert abs(float(drawn.mean())) < 0.016
    assert abs(float(drawn.std()) - 1) < 0.012


def test_gaussian_leaves_global_random_state() -> None:
    before = torch.get_rng_state()
    noise.gaussian(empty(2), 5)
    assert torch.equal(before, torch.get_rng_state())


def test_gaussian_refuses_a_seed_below_zero() -> None:
    with pytest.raises(InputError, match="seed: got -1"):
        noise.gaussian(empty(1), -1)


def test_gaussian_and_from_seeds_want_a_picture() -> None:
    with pytest.raises(InputError, match="latent: got no picture"):
        noise.gaussian(empty(0), 0)
    with pytest.raises(InputError, match="latent: got no picture"):
        noise.from_seeds(empty(0), [])


def test_from_seeds_gives_each_image_its_seed() -> None:
    drawn = noise.from_seeds(empty(3), [9, 4, 9])
    assert torch.equal(drawn.samples[1:2], noise.gaussian(empty(1), 4).samples)
    assert torch.equal(drawn.samples[0], drawn.samples[2])
    assert drawn.seeds == (9, 4, 9)


def test_from_seeds_refuses_a_seed_below_zero() -> None:
    with pytest.raises(InputError, match=r"seeds: got -1, expected 0\.\."):
        noise.from_seeds(empty(2), [3, -1])


@pytest.mark.parametrize("seeds", [[], [1], [1, 2, 3]])
def test_from_seeds_wants_one_for_each_image(seeds: list[int]) -> None:
    with pytest.raises(InputError, match=f"got {len(seeds)} seeds, expected one for each of 2"):
        noise.from_seeds(empty(2), seeds)


def test_mix_at_the_ends_is_either_noise() -> None:
    first, second = noise.gaussian(empty(2), 1), noise.gaussian(empty(2), 50)
    assert torch.equal(noise.mix(first, second, 0.0).samples, first.samples)
    assert torch.equal(noise.mix(first, second, 1.0).samples, second.samples)


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.9])
def test_mix_keeps_the_spread(amount: float) -> None:
    first, second = noise.gaussian(empty(1, 128), 1), noise.gaussian(empty(1, 128), 2)
    mixed = noise.mix(first, second, amount).samples
    assert_close(float(mixed.std()), 1.0, rtol=0, atol=0.015)


@pytest.mark.parametrize("amount", [-0.1, 1.1])
def test_mix_outside_0_to_1(amount: float) -> None:
    first = noise.gaussian(empty(1), 1)
    with pytest.raises(InputError, match="amount"):
        noise.mix(first, first, amount)


def test_mix_wants_one_shape() -> None:
    with pytest.raises(
        InputError, match=r"second: got \[1, 4, 8, 8\], expected the shape of first"
    ):
        noise.mix(noise.gaussian(empty(1), 1), noise.gaussian(empty(1, 8), 1), 0.5)
