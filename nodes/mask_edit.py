"""Masks that follow a picture's geometry: resized, cropped, padded, batched. Imports no torch."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.image_checks import inside, same_sizes
from nodes.types import Mask


class Box(NamedTuple):
    left: int
    top: int
    width: int
    height: int


@node("mask_edit.resize")
def resize(
    mask: Mask,
    width: Annotated[int, Number(1, 16384, unit="px")] = 512,
    height: Annotated[int, Number(1, 16384, unit="px")] = 512,
    filter: Annotated[
        str,
        Choice(
            "nearest", "area", "bilinear", "hamming", "bicubic", "lanczos", "mks2013", "mks2021"
        ),
    ] = "bilinear",
) -> Mask:
    """Scale the mask to exactly this size, antialiased, [B, height, width].

    Use `nearest` to keep a hard mask hard. The filters are those of `image_edit.resize`.
    """
    from nodes.diffusion.resampling import resample

    return Mask(resample(mask.values, height, width, filter).clamp(0, 1))


@node("mask_edit.crop")
def crop(
    mask: Mask,
    left: Annotated[int, Number(0, 16384, unit="px")] = 0,
    top: Annotated[int, Number(0, 16384, unit="px")] = 0,
    width: Annotated[int, Number(1, 16384, unit="px")] = 512,
    height: Annotated[int, Number(1, 16384, unit="px")] = 512,
) -> Mask:
    """Cut a rectangle out of the mask, [B, height, width]; it must lie inside."""
    return Mask(mask.values[inside(mask.values, left, top, width, height)].clone())


@node("mask_edit.pad")
def pad(
    mask: Mask,
    left: Annotated[int, Number(0, 8192, unit="px")] = 0,
    top: Annotated[int, Number(0, 8192, unit="px")] = 0,
    right: Annotated[int, Number(0, 8192, unit="px")] = 0,
    bottom: Annotated[int, Number(0, 8192, unit="px")] = 0,
    value: Annotated[float, Slider(0, 1, step=0.01)] = 0.0,
) -> Mask:
    """Put a border of one value around the mask, [B, H + top + bottom, W + left + right]."""
    import torch.nn.functional as F

    return Mask(F.pad(mask.values, (left, right, top, bottom), value=value))


@node("mask_edit.batch")
def batch(masks: list[Mask]) -> Mask:
    """Join masks of one size into one batch, in order: [B1 + B2 + ..., H, W]."""
    import torch

    parts = [mask.values for mask in masks]
    same_sizes(parts, "masks")
    return Mask(torch.cat([part.to(parts[0].device) for part in parts]))


@node("mask_edit.bounding_box")
def bounding_box(
    mask: Mask,
    margin: Annotated[int, Number(0, 8192, unit="px")] = 0,
    level: Annotated[float, Slider(0, 1, step=0.01)] = 0.5,
) -> Box:
    """Find the smallest rectangle that holds all of the mask that is at least `level`.

    Over the whole batch, widened by `margin` and kept inside the picture. It fits `crop`, so that
    only the part around the mask need be painted anew.
    """
    marked = (mask.values >= level).any(0)  # [H, W]
    if not marked.any():
        hint = "lower the level, or check the mask"
        raise InputError("mask", f"nothing at or above {level:g}", "something marked", hint)
    height, width = marked.shape
    rows = marked.any(1).nonzero().flatten().tolist()
    columns = marked.any(0).nonzero().flatten().tolist()
    left, top = max(0, columns[0] - margin), max(0, rows[0] - margin)
    right, bottom = min(width, columns[-1] + 1 + margin), min(height, rows[-1] + 1 + margin)
    return Box(left, top, right - left, bottom - top)
