"""Pictures and masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch


@socket(
    "image",
    colour="#64b5f6",
    save="nodes.image_files:save_for_people",
    preview="nodes.previews:of_image",
)
@dataclass(frozen=True, eq=False)
class Image:
    """Pictures, `pixels` float32 [B, H, W, C] in 0..1; C is 3 (RGB) or 4 (RGBA)."""

    pixels: torch.Tensor


@socket(
    "mask",
    colour="#81c784",
    save="nodes.image_files:save_mask_for_people",
    preview="nodes.previews:of_mask",
)
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


@socket("grid", colour="#7fa8a0")
@dataclass(frozen=True)
class TileGrid:
    """Where the tiles of a picture lie, in its pixels: (start, end) of each row and column."""

    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]
    height: int
    width: int


@socket("upscaler", colour="#a5c6f0", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class UpscaleModel:
    """A network that enlarges pictures `scale` times; `descriptor` is spandrel's."""

    descriptor: Any
    scale: int
    architecture: str
