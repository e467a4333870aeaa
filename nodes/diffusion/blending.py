"""Blend modes: what a colour `s` laid over a colour `b` gives, per channel, in 0..1.

Formulas: W3C, "Compositing and Blending Level 1", section 10 (separable blend modes) and 9.1
(`add`, plus-lighter there); `subtract` is usual but not of that paper.
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
}
