"""The ways in which weights change states, written out again in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nodes.diffusion.prompts.weighting import WEIGHTS, weigh


@pytest.fixture
def states() -> torch.Tensor:
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(0)) + 0.3


@pytest.fixture
def empty() -> torch.Tensor:
    return torch.randn(7, 5, generator=torch.Generator().manual_seed(1))


W = torch.tensor([1.0, 1.3, 0.0, 1.0, -0.5, 2.0, 1.0])


@pytest.mark.parametrize("name", sorted(WEIGHTS))
def test_weights_of_one_change_no_bit_and_ask_for_nothing(name: str, states: torch.Tensor) -> None:
    def never() -> torch.Tensor:
        raise AssertionError("the empty text is not needed")

    assert weigh(name, states, torch.ones(7), never) is states


def test_comfyuis_way(states: torch.Tensor, empty: torch.Tensor) -> None:
    got = weigh("comfyui", states, W, lambda: empty)
    z, z0, w = states.numpy(), empty.numpy(), W.numpy()
    expected = np.stack([z0[j] + (z[j] - z0[j]) * w[j] for j in range(7)])
    torch.testing.assert_close(got, torch.from_numpy(expected), rtol=0, atol=1e-6)
    assert torch.equal(got[W == 1], states[W == 1])
    assert torch.equal(got[2], empty[2])


def test_the_web_uis_way_keeps_the_mean(states: torch.Tensor, empty: torch.Tensor) -> None:
    got = weigh("a1111", states, W, lambda: empty)
    z = states.numpy() * W.numpy()[:, None]
    expected = z * (states.numpy().mean() / z.mean())
    torch.testing.assert_close(got, torch.from_numpy(expected), rtol=0, atol=1e-5)
    torch.testing.assert_close(got.mean(), states.mean(), rtol=0, atol=1e-6)


def test_without_the_mean_it_is_the_product(states: torch.Tensor, empty: torch.Tensor) -> None:
    got = weigh("no_norm", states, W, lambda: empty)
    assert torch.equal(got, states * W[:, None])
