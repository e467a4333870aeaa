"""Guidance on plain tensors: each image is rescaled on its own."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from nodes.diffusion import guidance


def randn(seed: int) -> torch.Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_cfg_is_linear_in_its_scale() -> None:
    cond, uncond = randn(1), randn(2)
    middle = (guidance.cfg(cond, uncond, 2.0) + guidance.cfg(cond, uncond, 6.0)) / 2
    assert_close(guidance.cfg(cond, uncond, 4.0), middle, rtol=1e-5, atol=1e-5)


def test_rescale_takes_each_image_by_itself() -> None:
    guided, cond = randn(1), randn(2)
    guided[1] *= 10
    both = guidance.rescale(guided, cond, 0.7)
    assert torch.equal(both[:1], guidance.rescale(guided[:1], cond[:1], 0.7))
    assert torch.equal(both[1:], guidance.rescale(guided[1:], cond[1:], 0.7))
