"""Tensors as pictures: planes in colour maps. NumPy and Pillow are imported where they are used.

Imports nothing of nodeflow.
"""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MAPS = {
    "grey": "000000 ffffff",
    # Nine stretches of matplotlib's maps of these names, which are in the public domain (CC0).
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "magma": "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
    "diverging": "2166ac 67a9cf d1e5f0 f7f7f7 fddbc7 ef8a62 b2182b",
}
"""Colours in even steps from the least to the largest value; of `diverging`, from -m to m, where m
is the largest magnitude, so that its middle is zero."""
BROKEN = (255, 0, 255)
"""nan and inf."""
GAP = 1
"""Pixels between planes side by side."""


def table(name: str) -> Array:
    """The 256 colours of a map, uint8 [256, 3]."""
    import numpy as np

    anchors = np.array([list(bytes.fromhex(text)) for text in MAPS[name].split()], float)
    places = np.linspace(0, len(anchors) - 1, 256)
    columns = [np.interp(places, range(len(anchors)), anchors[:, c]) for c in range(3)]
    found: Array = np.stack(columns, axis=1).round().astype(np.uint8)
    return found


def planes(values: Array, item: int) -> Array:
    """One item of a batch as [C, H, W]: of [B, C, H, W]; of [B, H, W] its one plane; a matrix, a
    row and a number as they are. More axes count as channels."""
    if values.ndim >= 4:
        return values[item].reshape(-1, *values.shape[-2:])
    if values.ndim == 3:
        return values[item : item + 1]
    return values.reshape(1, *(1, 1, *values.shape)[-2:])


def coloured(shown: Array, name: str, low: float | None = None, high: float | None = None) -> Array:
    """[C, H, W] in one scale for all, side by side, as uint8 [h, w, 3]."""
    import numpy as np

    finite = np.isfinite(shown)
    least, most = bounds(shown[finite], name)
    least, most = (least if low is None else low), (most if high is None else high)
    # Halves, so that the distance between two large numbers is none that is not finite.
    span = most / 2 - least / 2
    share = (np.where(finite, shown, least) / 2 - least / 2) / (span if span > 0 else 1.0)
    index = (share.clip(0, 1) * 255).round().astype(np.uint8)
    colours = table(name)[index]  # [C, H, W, 3]
    colours[~finite] = BROKEN
    return sheet(colours)


def bounds(finite: Array, name: str) -> tuple[float, float]:
    """What the ends of a map stand for."""
    if not finite.size:
        return 0.0, 1.0
    least, most = float(finite.min()), float(finite.max())
    if name == "diverging":
        most = max(abs(least), abs(most))
        least = -most
    return least, most


def sheet(tiles: Array) -> Array:
    """[C, H, W, 3] as a nearly square sheet."""
    import numpy as np

    count, height, width, _ = tiles.shape
    columns = min(count, max(1, round(math.sqrt(count * height / width))))
    rows = math.ceil(count / columns)
    size = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3)
    found: Array = np.full(size, 128, np.uint8)
    for number in range(count):
        row, column = divmod(number, columns)
        top, left = row * (height + GAP), column * (width + GAP)
        found[top : top + height, left : left + width] = tiles[number]
    return found


def as_picture(values: Array, item: int) -> Array:
    """Pixels [B, H, W, 3 or 4] or a mask [B, H, W], in 0..1, as they are: uint8 [H, W, C]."""
    import numpy as np

    shown = values[item]
    broken = ~np.isfinite(shown)
    drawn: Array = (np.where(broken, 0, shown).clip(0, 1) * 255).round().astype(np.uint8)
    if shown.ndim == 2:
        drawn, broken = np.repeat(drawn[..., None], 3, axis=-1), broken[..., None]
    drawn[broken.any(axis=-1)] = BROKEN if drawn.shape[-1] == 3 else (*BROKEN, 255)
    return drawn


def png(pixels: Array) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()
