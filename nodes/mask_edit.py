"""Masks that follow a picture's geometry: resized, cropped, padded, batched. Imports no torch."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
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
        str, Choice("nearest", "area", "bilinear", "hamming", "bicubic", "lanczos")
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
    left: Annotated[int, Number(0, unit="px")] = 0,
    top: Annotated[int, Number(0, unit="px")] = 0,
    width: Annotated[int, Number(1, unit="px")] = 512,
    height: Annotated[int, Number(1, unit="px")] = 512,
) -> Mask:
    """Cut a rectangle out of the mask, [B, height, width]; it must lie inside."""
    from nodes.diffusion.pixels import cropped

    return Mask(cropped(mask.values, left, top, width, height))


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

    if not masks:
        raise InputError("masks", "an empty list", "at least one mask")
    first = masks[0].values
    for k, mask in enumerate(masks):
        if mask.values.shape[1:] != first.shape[1:]:
            got = f"{list(mask.values.shape[1:])} at index {k}"
            expected = f"[H, W] of {list(first.shape[1:])} as at index 0"
            raise InputError("masks", got, expected, "put mask_edit.resize before it")
    return Mask(torch.cat([mask.values.to(first.device) for mask in masks]))


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
