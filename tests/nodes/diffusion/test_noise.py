"""Noise streams: one for each seed, one for each step, none twice."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from nodes.diffusion import noise
from nodes.types import Noise


def test_gaussian_is_that_of_a_generator_of_the_seed() -> None:
    expected = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(7))
    assert torch.equal(noise.gaussian((4, 3, 5), [6, 7])[1], expected)


def test_step_noise_of_image_k_is_that_of_its_own_seed() -> None:
    batch = noise.step_noise(torch.zeros(3, 4, 8, 8), 10, 5)
    assert torch.equal(batch[2:], noise.step_noise(torch.zeros(1, 4, 8, 8), 12, 5))


def test_step_noise_repeats_no_stream() -> None:
    like = torch.zeros(1, 1, 4, 4)
    drawn = [noise.step_noise(like, seed, index) for seed in range(5) for index in range(5)]
    drawn += [noise.gaussian((1, 4, 4), [seed]) for seed in range(10)]
    assert len({tuple(d.flatten().tolist()) for d in drawn}) == len(drawn)


def test_step_noise_leaves_global_random_state() -> None:
    before = torch.get_rng_state()
    noise.step_noise(torch.zeros(1, 4, 8, 8), 1, 2)
    assert torch.equal(before, torch.get_rng_state())


def test_step_noise_follows_the_latent_s_type() -> None:
    assert (
        noise.step_noise(torch.zeros(1, 1, 2, 2, dtype=torch.float64), 0, 0).dtype == torch.float64
    )


def test_step_seed_is_fixed_for_all_time() -> None:
    # A saved picture is repeated from its seed: another hash would change every one of them.
    assert noise.step_seed(1, 2) == 10850452772302161563


def test_mix_at_half_is_the_mean_over_root_two() -> None:
    first, second = (Noise(noise.gaussian((4, 8, 8), [s]), (s,)) for s in (1, 2))
    expected = (first.samples + second.samples) / 2**0.5
    assert_close(noise.mix(first, second, 0.5).samples, expected, rtol=1e-6, atol=1e-6)
