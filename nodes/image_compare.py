"""How far two pictures are apart, as numbers and as a picture. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes.image_checks import paired
from nodes.types import Image


@node("image_compare.mean_absolute_difference")
def mean_absolute_difference(image: Image, other: Image) -> float:
    """Tell how far two pictures are apart: the mean of |image - other| over everything, 0..1."""
    one, two = paired(image.pixels, other.pixels, ("image", "other"))
    return float((one - two).abs().cpu().double().mean())


@node("image_compare.largest_difference")
def largest_difference(image: Image, other: Image) -> float:
    """Tell how far the worst pixel is off: the largest |image - other|, 0..1."""
    one, two = paired(image.pixels, other.pixels, ("image", "other"))
    return float((one - two).abs().max())


@node("image_compare.psnr", title="PSNR")
def psnr(image: Image, other: Image) -> float:
    """Tell how alike two pictures are, in decibels: 10 log10(1 / mean squared difference).

    40 and more looks the same. Equal pictures would be infinitely alike; they give 200, which is
    beyond what float32 can differ by.
    """
    import math

    one, two = paired(image.pixels, other.pixels, ("image", "other"))
    mean_square = float((one - two).cpu().double().square().mean())
    return min(200.0, -10 * math.log10(mean_square)) if mean_square else 200.0


@node("image_compare.difference")
def difference(
    image: Image, other: Image, gain: Annotated[float, Slider(1, 64, step=1)] = 1.0
) -> Image:
    """Show where two pictures differ, black where they agree; [B, H, W, 3].

    min(1, gain * |image - other|); alpha is left out.
    """
    one, two = paired(image.pixels[..., :3], other.pixels[..., :3], ("image", "other"))
    return Image(((one - two).abs() * gain).clamp(max=1))
