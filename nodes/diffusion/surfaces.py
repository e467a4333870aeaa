"""Surface normals of depth maps [B, H, W]."""

from __future__ import annotations

import torch

from nodes.diffusion.edges import gradient
from nodes.diffusion.resampling import gaussian_blur


def normals(depth: torch.Tensor, reach: float, sigma: float) -> torch.Tensor:
    """The unit normal at each pixel, [B, H, W, 3]: x to the right, y up, z towards the viewer.

    Depth 1 is nearest, and lies `reach` times the picture's width before depth 0. With z the height
    in pixels, n = (-dz/dx, -dz/dy, 1) / |…|, y downwards turned up. `sigma` smooths first.
    """
    height = gaussian_blur(depth, sigma) * reach * depth.shape[2]
    across, down = gradient(height, 0.5)
    steep = torch.stack([-across, down, torch.ones_like(across)], -1)
    return steep / steep.square().sum(-1, keepdim=True).sqrt()
