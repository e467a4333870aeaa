"""Tones and hues of pictures: levels, curves, steps, grey. Alpha stays. Imports no torch.

Values are the stored ones, as every editor of pictures shows them; nothing is linearised.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider, Text
from nodes.types import Image

if TYPE_CHECKING:
    import torch

Level = Annotated[float, Slider(0, 1, step=0.005)]
Which = Annotated[str, Choice("all", "red", "green", "blue")]
_NUMBER = r"\s*(-?\d+(?:\.\d*)?|-?\.\d+)\s*"
_POINT = re.compile(f"{_NUMBER},{_NUMBER}")


def _with_colours(image: Image, colours: torch.Tensor, channel: str = "all") -> Image:
    """The picture with other colours, or one other channel, clamped to 0..1; its own alpha."""
    import torch

    planes = list(image.pixels.unbind(-1))
    chosen = range(3) if channel == "all" else [("red", "green", "blue").index(channel)]
    for c in chosen:
        planes[c] = colours[..., c].clamp(0, 1)
    return Image(torch.stack(planes, -1))


@node("image_tone.levels")
def levels(
    image: Image,
    black: Level = 0.0,
    white: Level = 1.0,
    gamma: Annotated[float, Slider(0.1, 10, step=0.05)] = 1.0,
    new_black: Level = 0.0,
    new_white: Level = 1.0,
    channel: Which = "all",
) -> Image:
    """Spread the tones between two levels over the whole range, or into a narrower one.

    new_black + (new_white - new_black) * clamp((v - black) / (white - black), 0, 1) ^ (1 / gamma).
    """
    from nodes.diffusion.tones import levels

    if not white > black:
        raise InputError("white", f"{white:g}", f"more than black, which is {black:g}")
    changed = levels(image.pixels[..., :3], black, white, gamma, new_black, new_white)
    return _with_colours(image, changed, channel)


@node("image_tone.curves")
def curves(
    image: Image,
    points: Annotated[str, Text(placeholder="0,0  0.5,0.6  1,1")] = "0,0  0.25,0.2  0.75,0.8  1,1",
    channel: Which = "all",
) -> Image:
    """Send each tone through a smooth curve that goes through the points.

    `points` are `from,to` pairs in 0..1, parted by spaces or semicolons, at least two. Monotone
    cubic between them (Fritsch & Butland 1984), so that the curve bulges beyond no point; flat
    before the first and after the last.
    """
    from nodes.diffusion.tones import curve

    changed = curve(image.pixels[..., :3], _points(points))
    return _with_colours(image, changed, channel)


def _points(text: str) -> list[tuple[float, float]]:
    found = sorted((float(x), float(y)) for x, y in _POINT.findall(text))
    rest = _POINT.sub("", text).replace(";", "").strip()
    if rest or len(found) < 2:
        raise InputError("points", repr(text), "at least two pairs", "for example '0,0 1,1'")
    if any(not 0 <= value <= 1 for point in found for value in point):
        raise InputError("points", repr(text), "numbers in 0..1")
    if len({x for x, _ in found}) < len(found):
        raise InputError("points", repr(text), "each first number once")
    return found


@node("image_tone.auto_contrast")
def auto_contrast(
    image: Image,
    cut: Annotated[float, Slider(0, 0.49, step=0.005)] = 0.0,
    keep_hue: bool = True,
) -> Image:
    """Spread the tones so that the darkest is black and the brightest white.

    A share `cut` of the values on each side may be lost. `keep_hue` moves the three channels
    alike; without, each is spread for itself, which also removes a colour cast. Each picture of a
    batch for itself.
    """
    from nodes.diffusion.tones import stretched

    return _with_colours(image, stretched(image.pixels[..., :3], cut, keep_hue))


@node("image_tone.hue")
def hue(
    image: Image, degrees: Annotated[float, Slider(-360, 360, step=1, unit="degrees")] = 0.0
) -> Image:
    """Turn every hue along the circle of colours: by 120 degrees red becomes green.

    Saturation and value as in HSV stay (Smith 1978, "Color gamut transform pairs").
    """
    from nodes.diffusion.colours import turned_hue

    return _with_colours(image, turned_hue(image.pixels[..., :3], degrees))


@node("image_tone.grey")
def grey(
    image: Image,
    red: Annotated[float, Number(-4, 4, 0.05)] = 0.2126,
    green: Annotated[float, Number(-4, 4, 0.05)] = 0.7152,
    blue: Annotated[float, Number(-4, 4, 0.05)] = 0.0722,
) -> Image:
    """Make the picture grey: red * R + green * G + blue * B on all three channels.

    The weights are at first those of Rec. ITU-R BT.709; others act as a colour filter before a
    camera with black and white film.
    """
    r, g, b = image.pixels[..., :3].unbind(-1)
    return _with_colours(image, (red * r + green * g + blue * b)[..., None].expand(*r.shape, 3))


@node("image_tone.threshold")
def threshold(image: Image, level: Level = 0.5) -> Image:
    """Make the picture black and white: white where its brightness is at least `level`.

    Brightness is 0.2126 R + 0.7152 G + 0.0722 B (Rec. ITU-R BT.709).
    """
    from nodes.diffusion.masks import LUMA

    r, g, b = image.pixels[..., :3].unbind(-1)
    white = (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b >= level).to(r.dtype)
    return _with_colours(image, white[..., None].expand(*r.shape, 3))


@node("image_tone.posterise")
def posterise(image: Image, steps: Annotated[int, Slider(2, 64, step=1)] = 4) -> Image:
    """Leave only so many steps of each channel, evenly spread: round(v * (n - 1)) / (n - 1)."""
    return _with_colours(image, (image.pixels[..., :3] * (steps - 1)).round() / (steps - 1))
