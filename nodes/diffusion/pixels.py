"""Arithmetic on pixels: checks, colours, sizes, laying out and labelling.

Pictures are float32 [B, H, W, C] in 0..1, masks [B, H, W]. Nothing here changes what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from nodeflow.errors import InputError
from nodes.diffusion.resampling import resample


def colour_values(colour: str, port: str) -> tuple[float, float, float]:
    """`#rrggbb` as three numbers in 0..1."""
    digits = colour[1:] if colour.startswith("#") else ""
    try:
        number = int(digits, 16) if len(digits) == 6 else -1
    except ValueError:
        number = -1
    if number < 0:
        raise InputError(port, repr(colour), "#rrggbb", "for example #ff8800")
    red, green, blue = number >> 16, number >> 8 & 255, number & 255
    return red / 255, green / 255, blue / 255


def canvas(like: torch.Tensor, height: int, width: int, colour: str, port: str) -> torch.Tensor:
    """One colour, [B, height, width, C] with batch and channels of `like`; opaque where C is 4."""
    values = [*colour_values(colour, port), 1.0][: like.shape[-1]]
    pixel = torch.tensor(values, dtype=like.dtype, device=like.device)
    return pixel.expand(like.shape[0], height, width, -1).clone()


def size_text(x: torch.Tensor) -> str:
    """`512 x 768 pixels`, width first, of pictures or masks."""
    return f"{x.shape[2]} x {x.shape[1]} pixels"


def check_channels(pixels: torch.Tensor, channels: int, port: str) -> None:
    if pixels.shape[-1] != channels:
        wanted = "3 channels (RGB)" if channels == 3 else "4 channels (RGBA)"
        node = "image_channels.remove_alpha" if channels == 3 else "image_channels.add_alpha"
        raise InputError(port, f"{pixels.shape[-1]} channels", wanted, f"put {node} before it")


def paired(
    first: torch.Tensor, second: torch.Tensor, ports: tuple[str, str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of pictures or masks of one size, the batch of one repeated for the other.

    Raises:
        InputError: heights, widths or batches differ, or channels of two pictures.
    """
    if first.shape[1:3] != second.shape[1:3]:
        hint = f"resize or crop one of {ports[0]} and {ports[1]}"
        raise InputError(ports[1], size_text(second), f"{size_text(first)} as {ports[0]}", hint)
    if first.dim() == second.dim() == 4 and first.shape[-1] != second.shape[-1]:
        check_channels(second, first.shape[-1], ports[1])
    return repeated(first, second, ports)


def repeated(
    first: torch.Tensor, second: torch.Tensor, ports: tuple[str, str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches, where one of them holds one picture as often as the other has pictures."""
    batch = max(first.shape[0], second.shape[0])
    if {first.shape[0], second.shape[0]} - {1, batch}:
        expected = f"1 or {first.shape[0]}, as many as {ports[0]}"
        raise InputError(ports[1], f"{second.shape[0]} in the batch", expected)
    return (
        first.expand(batch, *first.shape[1:]),
        second.to(first.device).expand(batch, *second.shape[1:]),
    )


def resized(pixels: torch.Tensor, width: int, height: int, filter: str) -> torch.Tensor:
    """[B, H, W, C] to [B, height, width, C] in 0..1.

    Where C is 4, colours count by their alpha, so that what is transparent does not bleed in.
    """
    if min(width, height) < 1:
        raise InputError("width", f"{width} x {height} pixels", "at least 1 x 1")
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


def cropped(x: torch.Tensor, left: int, top: int, width: int, height: int) -> torch.Tensor:
    """The part of [B, H, W, ...] that begins at (left, top), [B, height, width, ...]."""
    fits_x = left >= 0 and width >= 1 and left + width <= x.shape[2]
    fits_y = top >= 0 and height >= 1 and top + height <= x.shape[1]
    if not fits_x:
        got = f"left {left} and width {width}"
        raise InputError("width", got, f"a part of 0..{x.shape[2]}", "pad first, or take less")
    if not fits_y:
        got = f"top {top} and height {height}"
        raise InputError("height", got, f"a part of 0..{x.shape[1]}", "pad first, or take less")
    return x[:, top : top + height, left : left + width].clone()


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


def batched(images: Sequence[torch.Tensor], port: str) -> torch.Tensor:
    """Batches of one size joined in order; the error names the odd one."""
    if not images:
        raise InputError(port, "an empty list", "at least one picture")
    first = images[0]
    for k, other in enumerate(images):
        if other.shape[1:] != first.shape[1:]:
            got = f"{size_text(other)}, {other.shape[-1]} channels at index {k}"
            expected = f"{size_text(first)}, {first.shape[-1]} channels as at index 0"
            raise InputError(port, got, expected, "resize, crop or pad it before")
    return torch.cat([image.to(first.device) for image in images])


def grid(pixels: torch.Tensor, columns: int, gap: int, colour: str) -> torch.Tensor:
    """[B, H, W, C] laid out in rows, left to right: [1, rows * (H + gap) - gap, ..., C].

    `columns` 0 makes it about square. `gap` pixels and empty cells show `colour`.
    """
    count, height, width, _ = pixels.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    whole = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    sheet = canvas(pixels[:1], *whole, colour, "background")
    for k in range(count):
        y, x = k // columns * (height + gap), k % columns * (width + gap)
        sheet[0, y : y + height, x : x + width] = pixels[k]
    return sheet


def labelled(
    pixels: torch.Tensor, labels: Sequence[str], text_size: int, background: str, colour: str
) -> torch.Tensor:
    """A strip with its label under each picture, [B, H + strip, W, C]; long labels are wrapped."""
    from PIL import ImageFont

    font = ImageFont.load_default(text_size)
    width = pixels.shape[2]
    texts = [_wrapped(label, font, width) for label in labels]
    line = math.ceil(1.3 * text_size)
    strip = line * max(text.count("\n") + 1 for text in texts) + line // 3
    paper = canvas(pixels, strip, width, background, "background")
    ink = canvas(pixels, strip, width, colour, "text_colour")
    shapes = torch.stack([_drawn(text, font, width, strip) for text in texts])  # [B, strip, W]
    return torch.cat([pixels, mixed(paper, ink, shapes.to(pixels.device)[..., None])], 1)


def _wrapped(text: str, font: object, width: int) -> str:
    """`text` in lines that fit `width`: broken at spaces, and within a word that is too long."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if line and font.getlength(longer) > width:  # type: ignore[attr-defined]
                lines.append(line)
                longer = word
            while len(longer) > 1 and font.getlength(longer) > width:  # type: ignore[attr-defined]
                fits = next(
                    n
                    for n in range(len(longer) - 1, 0, -1)
                    if n == 1 or font.getlength(longer[:n]) <= width  # type: ignore[attr-defined]
                )
                lines.append(longer[:fits])
                longer = longer[fits:]
            line = longer
        lines.append(line)
    return "\n".join(lines)


def _drawn(text: str, font: object, width: int, height: int) -> torch.Tensor:
    """How much ink each pixel has, [height, width], the text centred."""
    import numpy as np
    from PIL import Image as Pillow
    from PIL import ImageDraw

    sheet = Pillow.new("L", (width, height))
    draw = ImageDraw.Draw(sheet)
    centre = (width / 2, height / 2)
    draw.multiline_text(centre, text, fill=255, font=font, anchor="mm", align="center")
    return torch.from_numpy(np.asarray(sheet).astype(np.float32) / np.float32(255))
