"""Channels of pictures: taken apart, joined, alpha put on and taken off. Imports no torch."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.node import node
from nodeflow.widgets import Colour
from nodes.image_checks import colour_values, paired
from nodes.types import Image, Mask


class Channels(NamedTuple):
    red: Mask
    green: Mask
    blue: Mask
    alpha: Mask


@node("image_channels.split")
def split(image: Image) -> Channels:
    """Take the picture apart into its channels, each [B, H, W]; alpha is 1 where there is none."""
    import torch

    planes = [plane.clone() for plane in image.pixels.unbind(-1)]
    if len(planes) == 3:
        planes.append(torch.ones_like(planes[0]))
    return Channels(*map(Mask, planes))


@node("image_channels.join")
def join(red: Mask, green: Mask, blue: Mask) -> Image:
    """Make a picture of three masks, one per channel, [B, H, W, 3]; sizes must agree."""
    import torch

    first, second = paired(red.values, green.values, ("red", "green"))
    first, third = paired(first, blue.values, ("red", "blue"))
    second, third = paired(second, third, ("green", "blue"))
    return Image(torch.stack([first, second, third], -1))


@node("image_channels.add_alpha")
def add_alpha(image: Image, alpha: Mask) -> Image:
    """Make the picture transparent where the mask is 0, [B, H, W, 4].

    An alpha that it had is replaced.
    """
    import torch

    colours, opaque = paired(image.pixels[..., :3], alpha.values, ("image", "alpha"))
    return Image(torch.cat([colours, opaque.unsqueeze(-1)], -1))


@node("image_channels.remove_alpha")
def remove_alpha(image: Image, background: Annotated[str, Colour()] = "#ffffff") -> Image:
    """Lay the picture on a colour, so that nothing is transparent; [B, H, W, 3].

    alpha * colour + (1 - alpha) * background; a picture without alpha stays as it is.
    """
    from nodes.diffusion.pixels import canvas, mixed

    if image.pixels.shape[-1] == 3:
        return image
    colours, alpha = image.pixels[..., :3], image.pixels[..., 3:]
    _, height, width, _ = colours.shape
    paper = canvas(colours, height, width, colour_values(background, "background"))
    return Image(mixed(paper, colours, alpha))
