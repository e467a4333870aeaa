"""Pictures made larger at their sides. Imports no torch."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.node import node
from nodeflow.widgets import Choice, Colour, Number
from nodes.image_checks import colour_values
from nodes.types import Image, Mask

Border = Annotated[int, Number(0, 8192, unit="px")]


class Outpaint(NamedTuple):
    image: Image
    mask: Mask


@node("image_pad.colour")
def colour(
    image: Image,
    left: Border = 0,
    top: Border = 0,
    right: Border = 0,
    bottom: Border = 0,
    colour: Annotated[str, Colour()] = "#808080",
) -> Image:
    """Put a border of one colour around the picture, [B, H + top + bottom, W + left + right, C]."""
    from nodes.diffusion.pixels import canvas

    _, height, width, _ = image.pixels.shape
    whole = height + top + bottom, width + left + right
    sheet = canvas(image.pixels, *whole, colour_values(colour, "colour"))
    sheet[:, top : top + height, left : left + width] = image.pixels
    return Image(sheet)


@node("image_pad.edge")
def edge(
    image: Image,
    left: Border = 0,
    top: Border = 0,
    right: Border = 0,
    bottom: Border = 0,
    how: Annotated[str, Choice("mirror", "repeat")] = "mirror",
) -> Image:
    """Put a border around the picture that goes on with what is at its edge.

    `mirror` reflects without repeating the edge itself, back and forth where the border is wider
    than the picture; `repeat` draws out the last pixel. [B, H + top + bottom, W + left + right, C].
    """
    from nodes.diffusion.pixels import edge_places

    pixels, mirror = image.pixels, how == "mirror"
    rows = edge_places(pixels.shape[1], top, bottom, mirror).to(pixels.device)
    columns = edge_places(pixels.shape[2], left, right, mirror).to(pixels.device)
    return Image(pixels.index_select(1, rows).index_select(2, columns))


@node("image_pad.outpaint")
def outpaint(
    image: Image,
    left: Border = 0,
    top: Border = 0,
    right: Border = 128,
    bottom: Border = 0,
    feather: Annotated[int, Number(0, 1024, unit="px")] = 24,
) -> Outpaint:
    """Widen the picture and mark what is new, so that a sampler can paint it.

    The border repeats the edge. The mask is 1 there and falls evenly to 0 over `feather` pixels
    into the picture, from the sides that were widened only.
    """
    from nodes.diffusion.masks import widened

    _, height, width, _ = image.pixels.shape
    larger = edge(image, left, top, right, bottom, "repeat")
    mask = widened(height, width, (left, top, right, bottom), feather).to(larger.pixels.device)
    return Outpaint(larger, Mask(mask.expand(image.pixels.shape[0], -1, -1).contiguous()))
