"""The geometry of pictures: resize, crop, turn. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number
from nodes.image_checks import check_channels, inside, repeated, size_text
from nodes.types import Image

Side = Annotated[int, Number(1, 16384, unit="px")]
Offset = Annotated[int, Number(0, 16384, unit="px")]
Filter = Annotated[
    str,
    Choice("nearest", "area", "bilinear", "hamming", "bicubic", "lanczos", "mks2013", "mks2021"),
]


@node("image_edit.resize")
def resize(
    image: Image, width: Side = 512, height: Side = 512, filter: Filter = "bicubic"
) -> Image:
    """Scale the picture to exactly this size, antialiased, [B, height, width, C].

    The filters are all of Pillow's (its BOX is `area` here; `mks` is Costella's Magic Kernel
    Sharp): each pixel is a weighted mean of those under
    the kernel, which widens where the picture shrinks. Colours count by their alpha. In 0..1.
    """
    from nodes.diffusion.pixels import resized

    return Image(resized(image.pixels, width, height, filter))


@node("image_edit.resize_by")
def resize_by(
    image: Image,
    factor: Annotated[float, Number(0.01, 16, 0.25, "×")] = 2.0,
    filter: Filter = "bicubic",
) -> Image:
    """Scale the picture by a factor; both sides are rounded to whole pixels, at least 1."""
    from nodes.diffusion.pixels import resized

    _, height, width, _ = image.pixels.shape
    target = max(1, round(width * factor)), max(1, round(height * factor))
    return Image(resized(image.pixels, *target, filter))


@node("image_edit.fit")
def fit(image: Image, width: Side = 512, height: Side = 512, filter: Filter = "bicubic") -> Image:
    """Scale the picture to the largest size that lies within the box, its proportions kept."""
    from nodes.diffusion.pixels import resized

    _, old_height, old_width, _ = image.pixels.shape
    scale = min(width / old_width, height / old_height)
    target = max(1, round(old_width * scale)), max(1, round(old_height * scale))
    return Image(resized(image.pixels, *target, filter))


@node("image_edit.cover")
def cover(image: Image, width: Side = 512, height: Side = 512, filter: Filter = "bicubic") -> Image:
    """Scale the picture until it covers the box, then cut off evenly what stands over.

    [B, height, width, C], proportions kept. Of an odd overhang the larger half goes right or below.
    """
    from nodes.diffusion.pixels import resized

    _, old_height, old_width, _ = image.pixels.shape
    scale = max(width / old_width, height / old_height)
    wide, high = max(width, round(old_width * scale)), max(height, round(old_height * scale))
    pixels = resized(image.pixels, wide, high, filter)
    left, top = (wide - width) // 2, (high - height) // 2
    return Image(pixels[inside(pixels, left, top, width, height)].clone())


@node("image_edit.crop")
def crop(
    image: Image, left: Offset = 0, top: Offset = 0, width: Side = 512, height: Side = 512
) -> Image:
    """Cut a rectangle out of the picture, [B, height, width, C]; it must lie inside."""
    return Image(image.pixels[inside(image.pixels, left, top, width, height)].clone())


@node("image_edit.crop_to_multiple")
def crop_to_multiple(image: Image, multiple: Annotated[int, Number(1, 1024)] = 8) -> Image:
    """Cut the sides down to multiples of a number, evenly all around, as an autoencoder needs.

    [B, H, W, C] to [B, H - H % m, W - W % m, C].
    """
    _, height, width, _ = image.pixels.shape
    extra_x, extra_y = width % multiple, height % multiple
    if min(width, height) < multiple:
        got, hint = size_text(image.pixels), "resize it first"
        raise InputError("image", got, f"sides of at least {multiple}", hint)
    left, top = extra_x // 2, extra_y // 2
    part = inside(image.pixels, left, top, width - extra_x, height - extra_y)
    return Image(image.pixels[part].clone())


@node("image_edit.paste")
def paste(image: Image, part: Image, left: int = 0, top: int = 0) -> Image:
    """Lay `part` over the picture with its upper left corner at (left, top).

    What reaches beyond the picture is cut off. The opposite of `image_edit.crop`.
    """
    base, piece = repeated(image.pixels, part.pixels, ("image", "part"))
    check_channels(piece, base.shape[-1], "part")
    _, height, width, _ = base.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + piece.shape[2], width), min(top + piece.shape[1], height)
    if x0 >= x1 or y0 >= y1:
        raise InputError("left", f"({left}, {top})", f"a place within {width} x {height}")
    result = base.clone()
    result[:, y0:y1, x0:x1] = piece[:, y0 - top : y1 - top, x0 - left : x1 - left]
    return Image(result)


@node("image_edit.flip_horizontal")
def flip_horizontal(image: Image) -> Image:
    """Mirror the picture: left becomes right."""
    return Image(image.pixels.flip(2))


@node("image_edit.flip_vertical")
def flip_vertical(image: Image) -> Image:
    """Turn the picture upside down, mirrored: top becomes bottom."""
    return Image(image.pixels.flip(1))


@node("image_edit.rotate")
def rotate(image: Image, quarters: Annotated[int, Number(-3, 3)] = 1) -> Image:
    """Turn the picture by quarter turns to the right, or left where negative; nothing is lost."""
    return Image(image.pixels.rot90(-quarters, (1, 2)).contiguous())
