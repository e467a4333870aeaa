"""Text written on pictures [B, H, W, C], by the font that comes with Pillow."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from nodes.diffusion.pixels import Colour, canvas, mixed


class Lettering(NamedTuple):
    """How large the letters are, how wide their outline, and from where a place is counted."""

    size: int
    outline: int
    anchor: str


def written(
    pixels: torch.Tensor,
    text: str,
    place: tuple[int, int],
    style: Lettering,
    colours: tuple[Colour, Colour],
    opacity: float,
) -> torch.Tensor:
    """The pictures with text over them; `colours` are those of the letters and of the outline."""
    if not text.strip():
        return pixels
    _, height, width, _ = pixels.shape
    result = pixels
    around = _ink(text, place, style, (width, height), style.outline) if style.outline else None
    letters = _ink(text, place, style, (width, height), 0)
    for ink, colour in ((around, colours[1]), (letters, colours[0])):
        if ink is not None:
            share = ink.to(pixels.device)[..., None] * opacity
            result = mixed(result, canvas(pixels, height, width, colour), share)
    return result


def _ink(
    text: str, place: tuple[int, int], style: Lettering, sheet: tuple[int, int], stroke: int
) -> torch.Tensor:
    """How much of each pixel the letters cover, [height, width]; `stroke` makes them wider."""
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    paper = Pillow.new("L", sheet)
    draw = ImageDraw.Draw(paper)
    font = ImageFont.load_default(style.size)
    align = "right" if "right" in style.anchor else "left" if "left" in style.anchor else "center"
    # The outline belongs to the text: with it and without, the letters stand at the same place.
    box = draw.multiline_textbbox((0, 0), text, font, align=align, stroke_width=style.outline)
    x = _start(sheet[0], place[0], box[0], box[2], style.anchor, ("left", "right"))
    y = _start(sheet[1], place[1], box[1], box[3], style.anchor, ("upper", "lower"))
    draw.multiline_text((x, y), text, fill=255, font=font, align=align, stroke_width=stroke)
    return torch.from_numpy(np.asarray(paper).astype(np.float32) / np.float32(255))


def _start(
    size: int, place: int, first: Any, last: Any, anchor: str, ends: tuple[str, str]
) -> float:
    """Where to draw along one axis, for a box of first..last when drawn at 0."""
    if ends[0] in anchor:
        return float(place - first)
    if ends[1] in anchor:
        return float(size - place - last)
    return float(round((size - first - last) / 2) + place)
