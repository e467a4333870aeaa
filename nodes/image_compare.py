"""How far two pictures are apart, as numbers and as a picture. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Colour, Slider
from nodes.image_checks import colour_values, paired, size_text
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


@node("image_compare.ssim", title="SSIM")
def ssim(image: Image, other: Image) -> float:
    """Tell how alike two pictures are to the eye: 1 is the same, 0 nothing in common.

    Structural similarity: local means, spreads and their correlation, in Gaussian windows of
    11 x 11 pixels with sigma 1.5, the mean over all channels and all windows that lie inside. Both
    sides at least 11 pixels. Wang et al. 2004, "Image quality assessment".
    """
    from nodes.diffusion import similarity

    one, two = paired(image.pixels, other.pixels, ("image", "other"))
    side = 2 * similarity.REACH + 1
    if min(one.shape[1:3]) < side:
        raise InputError("image", size_text(one), f"sides of at least {side}", "enlarge both")
    return similarity.ssim(one, two)


@node("image_compare.ssim_map", title="SSIM map")
def ssim_map(image: Image, other: Image) -> Image:
    """Show where two pictures look alike, white, and where not, black; [B, H, W, 3] grey.

    max(0, SSIM) at each pixel, the mean of its channels; edges are mirrored. `image_compare.ssim`.
    """
    from nodes.diffusion import similarity

    one, two = paired(image.pixels[..., :3], other.pixels[..., :3], ("image", "other"))
    alike = similarity.ssim_map(one, two).mean(-1, keepdim=True).clamp(0, 1)
    return Image(alike.to(one).repeat(1, 1, 1, 3))


@node("image_compare.wipe")
def wipe(
    image: Image,
    other: Image,
    share: Annotated[float, Slider(0, 1, step=0.01)] = 0.5,
    direction: Annotated[str, Choice("right", "down")] = "right",
    line: Annotated[int, Slider(0, 32, step=1, unit="px")] = 2,
    colour: Annotated[str, Colour()] = "#ffffff",
) -> Image:
    """Show one picture up to a line, and the other beyond it, as a curtain half drawn.

    `share` of the width, or the height for `down`, is `image`. For both side by side use
    `image_transform.stitch`; for many, `image.labelled_grid`.
    """
    import torch

    one, two = paired(image.pixels, other.pixels, ("image", "other"))
    axis = 2 if direction == "right" else 1
    size = one.shape[axis]
    edge = round(share * size)
    result = torch.cat([one.narrow(axis, 0, edge), two.narrow(axis, edge, size - edge)], axis)
    first, last = max(0, edge - line // 2), min(size, edge - line // 2 + line)
    if 0 < edge < size and last > first:
        ink = [*colour_values(colour, "colour"), 1.0][: one.shape[-1]]
        result.narrow(axis, first, last - first).copy_(one.new_tensor(ink))
    return Image(result)
