"""How alike two pictures look: structural similarity. Pictures are [B, H, W, C] in 0..1."""

from __future__ import annotations

import torch

from nodes.diffusion.resampling import gaussian_blur

SIGMA = 1.5
REACH = 5
"""Pixels from the middle to the edge of the window, 11 x 11 as in the paper."""
_C1, _C2 = 0.01**2, 0.03**2


def ssim_map(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """Structural similarity at each place and channel, -1..1; [B, H, W, C].

    Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment", eq. 13, with the Gaussian
    window and the constants of its section III.C, for a range of values of 1. In double on the
    CPU: variances are small differences of large sums.
    """
    x, y = one.detach().cpu().double(), two.detach().cpu().double()
    mean_x, mean_y = gaussian_blur(x, SIGMA), gaussian_blur(y, SIGMA)
    spread_x = gaussian_blur(x * x, SIGMA) - mean_x**2
    spread_y = gaussian_blur(y * y, SIGMA) - mean_y**2
    common = gaussian_blur(x * y, SIGMA) - mean_x * mean_y
    above = (2 * mean_x * mean_y + _C1) * (2 * common + _C2)
    below = (mean_x**2 + mean_y**2 + _C1) * (spread_x + spread_y + _C2)
    return above / below


def ssim(one: torch.Tensor, two: torch.Tensor) -> float:
    """The mean of `ssim_map` over all places whose window lies within the picture."""
    inside = ssim_map(one, two)[:, REACH:-REACH, REACH:-REACH]
    return float(inside.mean())
