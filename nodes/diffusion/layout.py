"""Pictures [B, H, W, C] of different sizes brought to one."""

from __future__ import annotations

import torch

from nodes.diffusion.pixels import canvas, resized


def brought_to(pixels: torch.Tensor, width: int, height: int, how: str) -> torch.Tensor:
    """[B, height, width, C]: `stretch` scales to it, `cover` cuts the rest off, `pad` adds black.

    What is cut or added is even on both sides, a pixel more at the right or below where odd.
    """
    _, old_height, old_width, _ = pixels.shape
    if how == "stretch":
        return resized(pixels, width, height, "bicubic")
    scales = width / old_width, height / old_height
    scale = max(scales) if how == "cover" else min(scales)
    wide, high = max(1, round(old_width * scale)), max(1, round(old_height * scale))
    if how == "cover":
        wide, high = max(wide, width), max(high, height)
        scaled = resized(pixels, wide, high, "bicubic")
        left, top = (wide - width) // 2, (high - height) // 2
        return scaled[:, top : top + height, left : left + width].contiguous()
    left, top = (width - wide) // 2, (height - high) // 2
    sheet = canvas(pixels, height, width, (0.0, 0.0, 0.0))
    sheet[:, top : top + high, left : left + wide] = resized(pixels, wide, high, "bicubic")
    return sheet
