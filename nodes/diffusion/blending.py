"""Blend modes: what a colour `s` laid over a colour `b` gives, [..., 3] in 0..1; and alphas.

Formulas: W3C, "Compositing and Blending Level 1", section 10 (separable and non-separable blend
modes) and 9.1 (Porter & Duff's operators, and `add`, plus-lighter there). `subtract`, `divide` and
the `linear`, `vivid` and `pin` modes are usual in editors of pictures, but not of that paper.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Blend = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _hard_light(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return torch.where(s <= 0.5, 2 * s * b, 1 - 2 * (1 - s) * (1 - b))


def _soft_light(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    lifted = torch.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, b.sqrt())
    return torch.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (lifted - b))


def _dodge(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    bright = torch.where(s < 1, (b / (1 - s).clamp(min=1e-12)).clamp(max=1), 1.0)
    return torch.where(b == 0, 0.0, bright)


def _burn(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return 1 - _dodge(1 - b, 1 - s)


def _vivid_light(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return torch.where(s <= 0.5, _burn(b, 2 * s), _dodge(b, 2 * s - 1))


def _pin_light(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return torch.where(s <= 0.5, torch.minimum(b, 2 * s), torch.maximum(b, 2 * s - 1))


def _divide(b: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return torch.where(b > 0, (b / s.clamp(min=1e-12)).clamp(max=1), 0.0)


def _luminosity_of(colour: torch.Tensor) -> torch.Tensor:
    """Lum(C) of section 10.1, [..., 1]."""
    red, green, blue = colour.unbind(-1)
    return (0.3 * red + 0.59 * green + 0.11 * blue).unsqueeze(-1)


def _with_luminosity(colour: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """SetLum and ClipColor: moved to a luminosity, then towards its grey until it is in 0..1."""
    moved = colour + (wanted - _luminosity_of(colour))
    grey = _luminosity_of(moved)
    low, high = moved.amin(-1, keepdim=True), moved.amax(-1, keepdim=True)
    raised = grey + (moved - grey) * grey / (grey - low).clamp(min=1e-12)
    moved = torch.where(low < 0, raised, moved)
    lowered = grey + (moved - grey) * (1 - grey) / (high - grey).clamp(min=1e-12)
    return torch.where(high > 1, lowered, moved).clamp(0, 1)


def _with_saturation(colour: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """SetSat: the lowest channel to 0, the highest to the saturation of `like`, the third between.

    All three cases of the paper are one: (C - min) / (max - min) times that saturation.
    """
    low, high = colour.amin(-1, keepdim=True), colour.amax(-1, keepdim=True)
    saturation = like.amax(-1, keepdim=True) - like.amin(-1, keepdim=True)
    return torch.where(high > low, (colour - low) / (high - low).clamp(min=1e-12) * saturation, 0.0)


BLENDS: dict[str, Blend] = {
    "normal": lambda b, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: b + s - b * s,
    "overlay": lambda b, s: _hard_light(s, b),
    "hard_light": _hard_light,
    "soft_light": _soft_light,
    "darken": torch.minimum,
    "lighten": torch.maximum,
    "dodge": _dodge,
    "burn": _burn,
    "difference": lambda b, s: (b - s).abs(),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "add": lambda b, s: (b + s).clamp(max=1),
    "subtract": lambda b, s: (b - s).clamp(min=0),
    "divide": _divide,
    "linear_burn": lambda b, s: (b + s - 1).clamp(min=0),
    "linear_light": lambda b, s: (b + 2 * s - 1).clamp(0, 1),
    "vivid_light": _vivid_light,
    "pin_light": _pin_light,
    "hue": lambda b, s: _with_luminosity(_with_saturation(s, b), _luminosity_of(b)),
    "saturation": lambda b, s: _with_luminosity(_with_saturation(b, s), _luminosity_of(b)),
    "colour": lambda b, s: _with_luminosity(s, _luminosity_of(b)),
    "luminosity": lambda b, s: _with_luminosity(b, _luminosity_of(s)),
}

Shares = Callable[[torch.Tensor, torch.Tensor], "tuple[torch.Tensor, torch.Tensor]"]

OPERATORS: dict[str, Shares] = {
    "clear": lambda b, s: (torch.zeros_like(b), torch.zeros_like(s)),
    "base": lambda b, s: (torch.ones_like(b), torch.zeros_like(s)),
    "top": lambda b, s: (torch.zeros_like(b), torch.ones_like(s)),
    "over": lambda b, s: (1 - s, torch.ones_like(s)),
    "under": lambda b, s: (torch.ones_like(b), 1 - b),
    "in": lambda b, s: (torch.zeros_like(b), b),
    "held_in": lambda b, s: (s, torch.zeros_like(s)),
    "out": lambda b, s: (torch.zeros_like(b), 1 - b),
    "held_out": lambda b, s: (1 - s, torch.zeros_like(s)),
    "atop": lambda b, s: (1 - s, b),
    "held_atop": lambda b, s: (s, 1 - b),
    "xor": lambda b, s: (1 - s, 1 - b),
    "plus": lambda b, s: (torch.ones_like(b), torch.ones_like(s)),
}
"""The shares of base and top by their alphas; Porter & Duff 1984, "Compositing digital images"."""


def composited(base: torch.Tensor, top: torch.Tensor, operator: str) -> torch.Tensor:
    """Two pictures [..., 4] by one of `OPERATORS`; colours count by their alpha."""
    base_share, top_share = OPERATORS[operator](base[..., 3:], top[..., 3:])
    base_share, top_share = base_share * base[..., 3:], top_share * top[..., 3:]
    alpha = base_share + top_share
    colours = base[..., :3] * base_share + top[..., :3] * top_share
    colours = torch.where(alpha > 0, colours / alpha.clamp(min=1e-12), 0.0)
    return torch.cat([colours.clamp(0, 1), alpha.clamp(0, 1)], -1)
