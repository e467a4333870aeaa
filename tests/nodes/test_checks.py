"""The shared checks: what they let pass, and what they say."""

from __future__ import annotations

import math

import pytest
import torch

from nodeflow.errors import InputError
from nodes import checks
from nodes.types import Sigmas, Step

STEP = Step(4, 10, 2.0, 1.0, 300.0, 200.0)


def test_finite_counts_what_is_not() -> None:
    good = torch.zeros(2, 3)
    assert checks.finite("model", good, STEP) is good
    bad = torch.tensor([0.0, math.nan, math.inf, -math.inf])
    with pytest.raises(InputError, match=r"model: got 3 of 4 values not finite at step 4.*float32"):
        checks.finite("model", bad, STEP)


def test_same_shape_names_both_ports() -> None:
    checks.same_shape("a", torch.zeros(1, 2), "b", torch.ones(1, 2))
    with pytest.raises(InputError, match=r"a: got \[1, 2\], expected the shape of b, \[2, 1\]"):
        checks.same_shape("a", torch.zeros(1, 2), "b", torch.zeros(2, 1))


@pytest.mark.parametrize("ends", [(1.0, 2.0), (1.0, 1.0), (1.0, -1.0), (math.nan, 0.0)])
def test_downwards_refuses(ends: tuple[float, float]) -> None:
    checks.downwards(STEP)
    with pytest.raises(InputError, match="step: got from sigma"):
        checks.downwards(Step(0, 1, *ends, 0.0, 0.0))


def test_sigma_list_takes_both_directions() -> None:
    checks.sigma_list(Sigmas((2.0, 0.0), (1.0, 0.0)))
    checks.sigma_list(Sigmas((0.0, 2.0), (0.0, 1.0)))
