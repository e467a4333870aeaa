"""Few colours: palettes found in a picture, and dithering that hides that there are few.

Works on 8-bit copies, where a palette is Pillow's matter; pictures are float32 [B, H, W, 3].
"""

from __future__ import annotations

from typing import Any

import torch

_AT_ONCE = 1 << 16  # pairs of a pixel and a colour that are compared in one go: fits a cache
METHODS = {"median_cut": "MEDIANCUT", "max_coverage": "MAXCOVERAGE", "octree": "FASTOCTREE"}


def quantised(pixels: torch.Tensor, colours: int, method: str, dither: str) -> torch.Tensor:
    """Each picture in at most so many colours of its own, [B, H, W, 3]."""
    return torch.stack([_quantised(p, colours, method, dither) for p in pixels.cpu()]).to(pixels)


def palette(picture: torch.Tensor, colours: int, method: str) -> torch.Tensor:
    """The colours that stand for a picture [H, W, 3], the one of most pixels first; [N, 3]."""
    found = indexed(_as_pillow(picture), colours, method, "none")
    places, table = _indices(found), _table(found)
    counts = torch.bincount(places.flatten(), minlength=len(table))
    order = counts.argsort(descending=True, stable=True)
    return table[order[counts[order] > 0]]


def bayer(order: int) -> torch.Tensor:
    """Bayer's 1973 matrix of a side of `order` (a power of 2): each threshold once, in 0..1."""
    matrix = torch.zeros(1, 1)
    while len(matrix) < order:
        four = 4 * matrix
        matrix = torch.cat([torch.cat([four, four + 2], 1), torch.cat([four + 3, four + 1], 1)])
    return (matrix + 0.5) / matrix.numel()


def ordered(picture: torch.Tensor, table: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """A picture [H, W, 3] in the colours [N, 3], two of them mixed by a repeated matrix.

    For each pixel p the nearest colour a, and of all others the b whose mix a + t (b - a) comes
    nearest to p; b is shown where t is above the threshold. A mix of colours that lie far apart is
    seen as dots, so that a tenth of their distance counts against a pair. After Yliluoma 2011,
    "Arbitrary-palette positional dithering algorithm".
    """
    height, width, _ = picture.shape
    rows, columns = torch.arange(height) % len(matrix), torch.arange(width) % len(matrix)
    threshold = matrix[rows][:, columns].flatten()  # [H * W]
    pixels, count = picture.reshape(-1, 3), max(1, _AT_ONCE // len(table))
    parts = [
        _mixed(some, table, level)
        for some, level in zip(pixels.split(count), threshold.split(count), strict=True)
    ]
    return torch.cat(parts).view(height, width, 3)


def _mixed(pixels: torch.Tensor, table: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """`ordered` for pixels [P, 3] with thresholds [P]."""
    near = nearest_colours(pixels, table)  # [P, 3]
    off = pixels - near
    # With s = b - a: (p - a) . s and |s|^2 for each b of the table, [P, N].
    along = off @ table.T - (off * near).sum(-1, keepdim=True)
    length = table.square().sum(-1) - 2 * near @ table.T + near.square().sum(-1, keepdim=True)
    length = length.clamp(min=0)
    t = (along / length.clamp(min=1e-9)).clamp(0, 1)
    gap = t * (t * length - 2 * along)  # |p - a - t s|^2 without |p - a|^2, the same for all b
    best = (gap + 0.01 * length).argmin(1, keepdim=True)
    t, other = t.gather(1, best)[:, 0], table[best[:, 0]]
    # The brighter of the two goes where thresholds are low, so that patterns meet.
    brighter = (other - near).sum(-1) > 0
    shown = torch.where(brighter, threshold < t, threshold >= 1 - t)
    return torch.where(shown[:, None], other, near)


def nearest_colours(pixels: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Of the colours [N, 3] the nearest to each pixel by Euclidean distance, [..., 3]."""
    # |p - c|^2 without |p|^2, which is the same for all of them.
    return table[(table.square().sum(-1) - 2 * pixels @ table.T).argmin(-1)]


def indexed(source: Any, colours: int, method: str, dither: str) -> Any:
    """A picture of Pillow's with a palette of its own; `dither` is none or floyd_steinberg."""
    from PIL import Image as Pillow

    found = source.quantize(colours, _method(method), dither=_no_dither())
    if dither == "floyd_steinberg":
        # Pillow dithers only towards a palette that it is given.
        return source.quantize(palette=found, dither=Pillow.Dither.FLOYDSTEINBERG)
    return found


def _quantised(picture: torch.Tensor, colours: int, method: str, dither: str) -> torch.Tensor:
    if dither.startswith("bayer"):
        table = _table(indexed(_as_pillow(picture), colours, method, "none"))
        return ordered(picture, table, bayer(int(dither.split("_")[1])))
    found = indexed(_as_pillow(picture), colours, method, dither)
    return _table(found)[_indices(found)]


def _as_pillow(picture: torch.Tensor) -> Any:
    from PIL import Image as Pillow

    return Pillow.fromarray((picture.clamp(0, 1) * 255).round().byte().cpu().numpy())


def _method(name: str) -> Any:
    from PIL import Image as Pillow

    return Pillow.Quantize[METHODS[name]]


def _no_dither() -> Any:
    from PIL import Image as Pillow

    return Pillow.Dither.NONE


def _table(found: Any) -> torch.Tensor:
    values = found.getpalette("RGB")
    return torch.tensor(values, dtype=torch.float32).view(-1, 3) / 255


def _indices(found: Any) -> torch.Tensor:
    import numpy as np

    return torch.from_numpy(np.asarray(found).astype(np.int64))
