"""Pictures and masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch


@socket("image", colour="#64b5f6", save="nodes.image_files:save_for_people")
@dataclass(frozen=True, eq=False)
class Image:
    """Pictures, `pixels` float32 [B, H, W, C] in 0..1; C is 3 (RGB) or 4 (RGBA)."""

    pixels: torch.Tensor


@socket("mask", colour="#81c784", save="nodes.image_files:save_mask_for_people")
@dataclass(frozen=True, eq=False)
class Mask:
    """Masks, `values` float32 [B, H, W] in 0..1; 1 is where something happens."""

    values: torch.Tensor


@socket("crop", colour="#5fb0a0")
@dataclass(frozen=True)
class CropBox:
    """A window of a picture, in its pixels; it may stick out."""

    left: int
    top: int
    width: int
    height: int
