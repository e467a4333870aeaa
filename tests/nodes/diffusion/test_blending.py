"""Blend modes: range, neutral colours and symmetry. Their formulas are checked with the node."""

import pytest
import torch

from nodes.diffusion.blending import BLENDS


def noise(seed: int) -> torch.Tensor:
    return torch.rand(1000, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mode", BLENDS)
def test_every_mode_stays_in_range(mode: str) -> None:
    out = BLENDS[mode](noise(0), noise(1))
    assert out.min() >= -1e-6
    assert out.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("mode", "colour"),
    [
        ("multiply", 1.0),
        ("screen", 0.0),
        ("hard_light", 0.5),
        ("soft_light", 0.5),
        ("darken", 1.0),
        ("lighten", 0.0),
        ("dodge", 0.0),
        ("burn", 1.0),
        ("difference", 0.0),
        ("exclusion", 0.0),
        ("add", 0.0),
        ("subtract", 0.0),
        ("divide", 1.0),
        ("linear_burn", 1.0),
        ("linear_light", 0.5),
        ("vivid_light", 0.5),
        ("pin_light", 0.5),
    ],
)
def test_a_neutral_colour_changes_nothing(mode: str, colour: float) -> None:
    base = noise(0)
    out = BLENDS[mode](base, torch.full_like(base, colour))
    torch.testing.assert_close(out, base, rtol=0, atol=2e-7)


@pytest.mark.parametrize("mode", ["multiply", "screen", "darken", "lighten", "difference", "add"])
def test_modes_that_do_not_care_which_lies_above(mode: str) -> None:
    a, b = noise(0), noise(1)
    torch.testing.assert_close(BLENDS[mode](a, b), BLENDS[mode](b, a), rtol=0, atol=0)


def test_overlay_is_hard_light_the_other_way_round() -> None:
    a, b = noise(0), noise(1)
    torch.testing.assert_close(BLENDS["overlay"](a, b), BLENDS["hard_light"](b, a), rtol=0, atol=0)
