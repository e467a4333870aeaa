"""A plot of the loss over the steps, drawn with Pillow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw

PAPER, GRID, FAINT, LINE, INK = "white", "#dddddd", "#c5d4ee", "#2050c0", "#333333"
MARGIN = (64, 28, 20, 36)  # left, top, right, bottom


def smoothed(values: NDArray[np.float64], share: float = 0.03) -> NDArray[np.float64]:
    """Exponential moving average over about `share` of the run, without a bias at its start."""
    rate = 1 / max(1.0, share * len(values))
    result = np.empty_like(values)
    total, weight = 0.0, 0.0
    for k, value in enumerate(values):
        total += rate * (value - total)
        weight += rate * (1 - weight)
        result[k] = total / weight
    return result


def plot_curve(
    values: Sequence[float], title: str = "loss", size: tuple[int, int] = (640, 360)
) -> NDArray[np.uint8]:
    """Values over steps, faint as they are and strong smoothed, on a log axis, [H, W, 3]."""
    picture = PilImage.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(picture)
    curve = np.log10(np.maximum(np.asarray(values, np.float64), 1e-8))
    pen.text((MARGIN[0], 8), f"{title}, {len(curve)} steps", fill=INK)
    if len(curve) == 0:
        return np.asarray(picture)
    low, high = float(curve.min()), float(curve.max())
    high = max(high, low + 0.1)
    for k in range(5):
        level = low + (high - low) * k / 4
        y = _at(np.array([level]), low, high, size)[0][1]
        pen.line([(MARGIN[0], y), (size[0] - MARGIN[2], y)], fill=GRID)
        pen.text((8, y - 6), f"{10**level:.4g}", fill=INK)
    pen.line(_at(curve, low, high, size), fill=FAINT)
    pen.line(_at(smoothed(curve), low, high, size), fill=LINE, width=2)
    pen.text((MARGIN[0], size[1] - 22), "1", fill=INK)
    pen.text((size[0] - MARGIN[2] - 40, size[1] - 22), str(len(curve)), fill=INK)
    return np.asarray(picture)


def _at(
    curve: NDArray[np.float64], low: float, high: float, size: tuple[int, int]
) -> list[tuple[float, float]]:
    left, top, right, bottom = MARGIN
    x = left + np.linspace(0, 1, max(len(curve), 2)) * (size[0] - left - right)
    y = top + (high - curve) / (high - low) * (size[1] - top - bottom)
    return list(zip(x.tolist(), y.tolist(), strict=False))
