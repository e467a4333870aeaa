"""Arithmetic on latents: what each end gives, and what stays the same."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import latent_math
from nodes.types import Latent


def latent(seed: int) -> Latent:
    made = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(seed))
    return Latent(made, torch.ones(2, 1, 3, 5) if seed == 1 else None)


A, B = latent(1), latent(2)


def test_add_and_subtract_undo_each_other() -> None:
    back = latent_math.subtract(latent_math.add(A, B), B)
    assert_close(back.samples, A.samples, atol=1e-6, rtol=1e-5)
    assert back.noise_mask is A.noise_mask


def test_subtract_from_itself_is_nothing() -> None:
    assert not latent_math.subtract(A, A).samples.any()


def test_multiply() -> None:
    assert torch.equal(latent_math.multiply(A, 2).samples, A.samples + A.samples)
    with pytest.raises(InputError, match="factor"):
        latent_math.multiply(A, float("nan"))


@pytest.mark.parametrize("function", [latent_math.blend, latent_math.interpolate])
def test_blend_and_interpolate_begin_and_end(function: object) -> None:
    mix = latent_math.blend if function is latent_math.blend else latent_math.interpolate
    assert_close(mix(A, B, 1.0).samples, A.samples)
    assert_close(mix(A, B, 0.0).samples, B.samples)
    with pytest.raises(InputError, match="share"):
        mix(A, B, 1.5)


def test_interpolate_keeps_lengths() -> None:
    mixed = latent_math.interpolate(A, B, 0.25).samples.norm(dim=1)
    assert_close(mixed, 0.25 * A.samples.norm(dim=1) + 0.75 * B.samples.norm(dim=1))


def test_interpolate_takes_nothing_for_nothing() -> None:
    zero = Latent(torch.zeros_like(A.samples))
    assert not latent_math.interpolate(zero, zero, 0.5).samples.any()


def test_add_wants_one_shape() -> None:
    with pytest.raises(InputError, match="b: got"):
        latent_math.add(A, Latent(torch.zeros(1, 4, 3, 5)))
