"""Noise: image k of a batch is the image of seed + k, and mixing keeps the spread."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import noise
from nodes.types import Latent, Mask


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


def test_none_is_nothing() -> None:
    found = noise.none(Latent(torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))))
    assert found.samples.shape == (2, 4, 8, 8)
    assert not found.samples.any()
    with pytest.raises(InputError, match="latent: got no picture"):
        noise.none(Latent(torch.zeros(0, 4, 8, 8)))


THREE = Latent(torch.zeros(3, 4, 32, 32))


def test_variation_of_strength_nothing_is_the_seed_s_noise_for_all() -> None:
    found = noise.variation(THREE, 7, 90, 0.0)
    one = noise.gaussian(Latent(THREE.samples[:1]), 7).samples
    assert torch.equal(found.samples, one.expand(3, -1, -1, -1))


def test_variation_of_full_strength_is_the_other_seed_s_noise() -> None:
    found = noise.variation(THREE, 7, 90, 1.0).samples
    torch.testing.assert_close(found, noise.gaussian(THREE, 90).samples, rtol=0, atol=1e-5)


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
def test_variation_keeps_the_spread_and_turns_by_its_share(strength: float) -> None:
    found = noise.variation(THREE, 7, 90, strength).samples
    base, other = noise.gaussian(THREE, 7).samples[:1], noise.gaussian(THREE, 90).samples
    for k in range(3):
        a, b, v = base[0].flatten(), other[k].flatten(), found[k].flatten()
        assert float(v.std()) == pytest.approx(1, abs=0.03)
        whole = math.acos(float(a @ b / a.norm() / b.norm()))
        part = math.acos(float(a @ v / a.norm() / v.norm()))
        assert part == pytest.approx(strength * whole, abs=0.02)
    alone = noise.variation(Latent(THREE.samples[:1]), 7, 91, strength).samples
    assert torch.equal(found[1:2], alone)


def test_variation_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="strength: got 2"):
        noise.variation(THREE, 7, 90, 2.0)
    with pytest.raises(InputError, match="seed: got -1"):
        noise.variation(THREE, -1, 90)


def test_compose_takes_each_noise_in_its_place_and_keeps_the_spread() -> None:
    first, second = noise.gaussian(THREE, 1), noise.gaussian(THREE, 50)
    mask = torch.zeros(1, 32, 32)
    mask[..., 8:24], mask[..., 24:] = 0.5, 1.0
    found = noise.compose(first, second, Mask(mask)).samples
    assert torch.equal(found[..., :8], first.samples[..., :8])
    assert torch.equal(found[..., 24:], second.samples[..., 24:])
    assert float(found[..., 8:24].std()) == pytest.approx(1, abs=0.03)
    with pytest.raises(InputError, match="mask: got a batch of 2"):
        noise.compose(first, second, Mask(torch.zeros(2, 32, 32)))


def test_from_latent_has_mean_nothing_and_spread_one() -> None:
    picture = torch.arange(2 * 4 * 8 * 8, dtype=torch.float32).reshape(2, 4, 8, 8).cos() * 3 + 1
    found = noise.from_latent(Latent(picture)).samples
    for k in range(2):
        assert float(found[k].mean()) == pytest.approx(0, abs=1e-5)
        assert float(found[k].std(unbiased=False)) == pytest.approx(1, abs=1e-5)
        ratio = (found[k] - found[k, 0, 0, 0]) / (picture[k] - picture[k, 0, 0, 0])
        rest = ratio.flatten()[1:]
        torch.testing.assert_close(rest, rest[:1].expand_as(rest), rtol=1e-3, atol=0)
    with pytest.raises(InputError, match="latent: got a latent without any spread"):
        noise.from_latent(THREE)
