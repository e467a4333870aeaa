"""Masks: made, taken from pictures, combined, grown and softened. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Colour, Number, Slider
from nodes.image_checks import colour_values, paired
from nodes.types import Image, Mask


@node("mask.solid")
def solid(
    width: Annotated[int, Number(1, 16384, unit="px")] = 512,
    height: Annotated[int, Number(1, 16384, unit="px")] = 512,
    value: Annotated[float, Slider(0, 1, step=0.01)] = 1.0,
) -> Mask:
    """Make a mask of one value, [1, height, width]; 1 is everything, 0 nothing."""
    import torch

    return Mask(torch.full((1, height, width), value))


@node("mask.from_channel")
def from_channel(
    image: Image, channel: Annotated[str, Choice("red", "green", "blue", "alpha")] = "red"
) -> Mask:
    """Take one channel of the picture as the mask, [B, H, W]. Alpha is 1 where it is opaque."""
    index = ("red", "green", "blue", "alpha").index(channel)
    if index >= image.pixels.shape[-1]:
        hint = "the picture has no transparency; take another channel"
        raise InputError("channel", "alpha of a picture of 3 channels", "4 channels", hint)
    return Mask(image.pixels[..., index].clone())


@node("mask.from_brightness")
def from_brightness(image: Image) -> Mask:
    """Take the brightness of the picture as the mask: white becomes 1, black 0.

    0.2126 R + 0.7152 G + 0.0722 B of the stored values (Rec. ITU-R BT.709), alpha ignored.
    """
    from nodes.diffusion.masks import LUMA

    red, green, blue = image.pixels[..., :3].unbind(-1)
    return Mask((LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).clamp(0, 1))


@node("mask.from_colour")
def from_colour(
    image: Image,
    colour: Annotated[str, Colour()] = "#ffffff",
    tolerance: Annotated[float, Slider(0, 1, step=0.01)] = 0.05,
) -> Mask:
    """Mark the pixels of one colour: 1 where no channel is further away than `tolerance`.

    max |pixel - colour| over R, G, B <= tolerance; alpha is ignored. [B, H, W], 0 or 1.
    """
    import torch

    wanted = torch.tensor(colour_values(colour, "colour"), device=image.pixels.device)
    distance = (image.pixels[..., :3] - wanted).abs().amax(-1)  # [B, H, W]
    # Half of an 8-bit step more, so that a tolerance given in such steps includes its own end.
    return Mask((distance <= tolerance + 0.5 / 255).float())


@node("mask.to_image")
def to_image(mask: Mask) -> Image:
    """Show the mask as a grey picture, white where it is 1; [B, H, W, 3]."""
    return Image(mask.values.unsqueeze(-1).repeat(1, 1, 1, 3))


@node("mask.invert")
def invert(mask: Mask) -> Mask:
    """Swap inside and outside: 1 - mask."""
    return Mask(1 - mask.values)


@node("mask.threshold")
def threshold(mask: Mask, level: Annotated[float, Slider(0, 1, step=0.01)] = 0.5) -> Mask:
    """Make the mask hard: 1 where it is at least `level`, 0 elsewhere."""
    return Mask((mask.values >= level).float())


@node("mask.combine")
def combine(
    mask: Mask,
    other: Mask,
    operation: Annotated[
        str, Choice("add", "subtract", "multiply", "maximum", "minimum", "difference")
    ] = "maximum",
) -> Mask:
    """Combine two masks, pixel by pixel; the result stays in 0..1.

    add min(a + b, 1), subtract max(a - b, 0), multiply a b, maximum (union), minimum
    (intersection), difference |a - b|. A batch of one goes with any batch; sizes must agree.
    """
    from nodes.diffusion.masks import COMBINE

    return Mask(COMBINE[operation](*paired(mask.values, other.values, ("mask", "other"))))


@node("mask.grow")
def grow(
    mask: Mask,
    pixels: Annotated[int, Number(-512, 512, unit="px")] = 8,
    shape: Annotated[str, Choice("disc", "square", "diamond")] = "disc",
) -> Mask:
    """Grow the mask outwards by `pixels`, or shrink it where that is negative.

    Grey morphology: the largest (smallest) value within a disc, square or diamond of that radius;
    a diamond is what so many steps along the axes reach. What lies outside the picture counts for
    nothing: a mask that touches the border does not shrink there.
    """
    from nodes.diffusion.masks import grown

    return Mask(grown(mask.values, pixels, shape))


@node("mask.blur")
def blur(mask: Mask, sigma: Annotated[float, Slider(0, 128, step=0.5, unit="px")] = 4.0) -> Mask:
    """Soften the mask by a Gaussian of `sigma` pixels, on both sides of its edge.

    Separable, cut at 3 sigma, the picture's edges mirrored. 0 changes nothing.
    """
    from nodes.diffusion.resampling import gaussian_blur

    return Mask(gaussian_blur(mask.values, sigma).clamp(0, 1))


@node("mask.feather")
def feather(mask: Mask, radius: Annotated[int, Slider(0, 256, unit="px")] = 16) -> Mask:
    """Let the mask fade towards its edge, inwards only: what was 0 stays 0.

    Shrunk by a disc of `radius`, then blurred by sigma = radius / 3, which reaches back as far and
    no further; never above the mask itself.
    """
    import torch

    from nodes.diffusion.masks import grown
    from nodes.diffusion.resampling import gaussian_blur

    soft = gaussian_blur(grown(mask.values, -radius, "disc"), radius / 3)
    return Mask(torch.minimum(soft.clamp(0, 1), mask.values))
