"""More geometry of pictures: turned by any angle, moved, scaled to an amount, put side by side.

Imports no torch.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Colour, Number, Slider
from nodes.image_checks import check_channels, colour_values, repeated
from nodes.types import Image

Side = Annotated[int, Number(1, 16384, unit="px")]
Filter = Annotated[
    str,
    Choice("nearest", "area", "bilinear", "hamming", "bicubic", "lanczos", "mks2013", "mks2021"),
]


@node("image_transform.rotate_by")
def rotate_by(
    image: Image,
    angle: Annotated[float, Slider(-360, 360, step=1, unit="degrees")] = 15.0,
    filter: Annotated[str, Choice("nearest", "bilinear", "bicubic")] = "bicubic",
    expand: bool = False,
    colour: Annotated[str, Colour()] = "#000000",
) -> Image:
    """Turn the picture about its centre by any angle, to the right where positive.

    The corners that come free show `colour`. `expand` makes the sheet large enough for the whole
    turned picture, else it keeps its size and corners are lost. [B, H', W', C]. Quarter turns
    without any loss are `image_edit.rotate`.
    """
    from nodes.diffusion.geometry import rotated

    return Image(rotated(image.pixels, angle, filter, expand, colour_values(colour, "colour")))


@node("image_transform.roll")
def roll(image: Image, right: int = 0, down: int = 0) -> Image:
    """Move the picture; what leaves at one side comes in at the other.

    By half its size, the seams of a texture that should tile lie in the middle, to be looked at or
    painted over.
    """
    return Image(image.pixels.roll((down, right), (1, 2)))


@node("image_transform.to_megapixels")
def to_megapixels(
    image: Image,
    megapixels: Annotated[float, Number(0.001, 256, 0.1)] = 1.0,
    filter: Filter = "bicubic",
) -> Image:
    """Scale the picture to about so many megapixels of 1024 x 1024, its proportions kept.

    Both sides times sqrt(megapixels * 2^20 / (W * H)), rounded to whole pixels.
    """
    from nodes.diffusion.pixels import resized

    _, height, width, _ = image.pixels.shape
    scale = (megapixels * 2**20 / (width * height)) ** 0.5
    target = max(1, round(width * scale)), max(1, round(height * scale))
    return Image(resized(image.pixels, *target, filter))


@node("image_transform.longest_side")
def longest_side(image: Image, length: Side = 512, filter: Filter = "bicubic") -> Image:
    """Scale the picture so that its longer side has this length, its proportions kept."""
    from nodes.diffusion.pixels import resized

    _, height, width, _ = image.pixels.shape
    scale = length / max(height, width)
    target = max(1, round(width * scale)), max(1, round(height * scale))
    return Image(resized(image.pixels, *target, filter))


@node("image_transform.fit_padded")
def fit_padded(
    image: Image,
    width: Side = 512,
    height: Side = 512,
    filter: Filter = "bicubic",
    colour: Annotated[str, Colour()] = "#000000",
) -> Image:
    """Scale the picture to the largest size within the box, and fill the rest with a colour.

    [B, height, width, C], the picture in the middle; of an odd rest the larger half goes right or
    below. `image_edit.fit` leaves the rest out.
    """
    from nodes.diffusion.pixels import canvas, resized

    _, old_height, old_width, _ = image.pixels.shape
    scale = min(width / old_width, height / old_height)
    wide, high = max(1, round(old_width * scale)), max(1, round(old_height * scale))
    left, top = (width - wide) // 2, (height - high) // 2
    sheet = canvas(image.pixels, height, width, colour_values(colour, "colour"))
    sheet[:, top : top + high, left : left + wide] = resized(image.pixels, wide, high, filter)
    return Image(sheet)


@node("image_transform.stitch")
def stitch(
    image: Image,
    other: Image,
    side: Annotated[str, Choice("right", "below", "left", "above")] = "right",
    gap: Annotated[int, Slider(0, 256, unit="px")] = 0,
    colour: Annotated[str, Colour()] = "#ffffff",
) -> Image:
    """Put another picture beside this one, scaled to the same height, or width above and below.

    Proportions are kept; `gap` pixels of a colour lie between. A batch of one goes with any batch.
    """
    import torch

    from nodes.diffusion.pixels import canvas, resized

    first, second = repeated(image.pixels, other.pixels, ("image", "other"))
    check_channels(second, first.shape[-1], "other")
    _, height, width, _ = first.shape
    beside = side in ("right", "left")
    old = second.shape[1:3]
    scale = height / old[0] if beside else width / old[1]
    target = (max(1, round(old[1] * scale)), height) if beside else (width, round(old[0] * scale))
    second = resized(second, target[0], max(1, target[1]), "bicubic")
    tall, wide = (height, gap) if beside else (gap, width)
    parts = [first, canvas(first, tall, wide, colour_values(colour, "colour")), second]
    if side in ("left", "above"):
        parts.reverse()
    return Image(torch.cat(parts, 2 if beside else 1))
