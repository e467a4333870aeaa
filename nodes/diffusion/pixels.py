"""Arithmetic on pixels: canvases, sizes, alpha, laying out and labelling.

Pictures are float32 [B, H, W, C] in 0..1, masks [B, H, W]. Nothing here changes what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from nodes.diffusion.resampling import resample

Colour = tuple[float, float, float]


def canvas(like: torch.Tensor, height: int, width: int, colour: Colour) -> torch.Tensor:
    """One colour, [B, height, width, C] with batch and channels of `like`; opaque where C is 4."""
    values = [*colour, 1.0][: like.shape[-1]]
    pixel = torch.tensor(values, dtype=like.dtype, device=like.device)
    return pixel.expand(like.shape[0], height, width, -1).clone()


def resized(pixels: torch.Tensor, width: int, height: int, filter: str) -> torch.Tensor:
    """[B, H, W, C] to [B, height, width, C] in 0..1.

    Where C is 4, colours count by their alpha, so that what is transparent does not bleed in.
    """
    if pixels.shape[-1] == 3 or filter == "nearest":
        return resample(pixels, height, width, filter).clamp(0, 1)
    return unpremultiplied(resample(premultiplied(pixels), height, width, filter))


def premultiplied(pixels: torch.Tensor) -> torch.Tensor:
    """RGBA with colours multiplied by alpha, [B, H, W, 4]."""
    return torch.cat([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], -1)


def unpremultiplied(pixels: torch.Tensor) -> torch.Tensor:
    """The inverse of `premultiplied`, clamped to 0..1; black where alpha is 0."""
    alpha = pixels[..., 3:].clamp(0, 1)
    colours = torch.where(alpha > 0, pixels[..., :3] / alpha.clamp(min=1e-12), 0.0)
    return torch.cat([colours.clamp(0, 1), alpha], -1)


def edge_places(size: int, before: int, after: int, mirror: bool) -> torch.Tensor:
    """Which element each place of a padded axis shows, int64 [before + size + after].

    Mirrored without the edge itself (-1 shows 1), or the edge repeated (-1 shows 0).
    """
    places = torch.arange(-before, size + after)
    if not mirror or size == 1:
        return places.clamp(0, size - 1)
    period = 2 * (size - 1)
    folded = places.remainder(period)
    return torch.minimum(folded, period - folded)


def mixed(base: torch.Tensor, top: torch.Tensor, share: torch.Tensor | float) -> torch.Tensor:
    """base + share * (top - base), exact at share 0 and 1 also in floating point."""
    if isinstance(share, float):
        share = torch.tensor(share, dtype=base.dtype, device=base.device)
    return base * (1 - share) + top * share


def grid(pixels: torch.Tensor, columns: int, gap: int, colour: Colour) -> torch.Tensor:
    """[B, H, W, C] laid out in rows, left to right: [1, rows * (H + gap) - gap, ..., C].

    `columns` 0 makes it about square. `gap` pixels and empty cells show `colour`.
    """
    count, height, width, _ = pixels.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    whole = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    sheet = canvas(pixels[:1], *whole, colour)
    for k in range(count):
        y, x = k // columns * (height + gap), k % columns * (width + gap)
        sheet[0, y : y + height, x : x + width] = pixels[k]
    return sheet


def labelled(
    pixels: torch.Tensor, labels: Sequence[str], text_size: int, background: Colour, colour: Colour
) -> torch.Tensor:
    """A strip with its label under each picture, [B, H + strip, W, C]; long labels are wrapped."""
    from PIL import ImageFont

    font = ImageFont.load_default(text_size)
    width = pixels.shape[2]
    texts = [_wrapped(label, font, width) for label in labels]
    line = math.ceil(1.3 * text_size)
    strip = line * max(text.count("\n") + 1 for text in texts) + line // 3
    paper = canvas(pixels, strip, width, background)
    ink = canvas(pixels, strip, width, colour)
    shapes = torch.stack([_drawn(text, font, width, strip) for text in texts])  # [B, strip, W]
    return torch.cat([pixels, mixed(paper, ink, shapes.to(pixels.device)[..., None])], 1)


def _wrapped(text: str, font: Any, width: int) -> str:
    """`text` in lines that fit `width`: broken at spaces, and within a word that is too long."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if font.getlength(longer) <= width:
                line = longer
                continue
            if line:
                lines.append(line)
            *whole, line = _pieces(word, font, width)
            lines += whole
        lines.append(line)
    return "\n".join(lines)


def _pieces(word: str, font: Any, width: int) -> list[str]:
    """A word cut so that each piece fits `width`, or is one letter."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and font.getlength(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _drawn(text: str, font: Any, width: int, height: int) -> torch.Tensor:
    """How much ink each pixel has, [height, width], the text centred."""
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageDraw

    sheet = Pillow.new("L", (width, height))
    draw = ImageDraw.Draw(sheet)
    centre = (width / 2, height / 2)
    draw.multiline_text(centre, text, fill=255, font=font, anchor="mm", align="center")
    return torch.from_numpy(np.asarray(sheet).astype(np.float32) / np.float32(255))
