"""How bright and how coloured each value becomes: levels, curves, steps, matching statistics.

Pictures are float32 [B, H, W, 3] in 0..1. Each picture of a batch is looked at for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nodes.diffusion import colours as spaces

Point = tuple[float, float]


def levels(
    x: torch.Tensor, black: float, white: float, gamma: float, low: float, high: float
) -> torch.Tensor:
    """low + (high - low) * clamp((x - black) / (white - black), 0, 1) ^ (1 / gamma)."""
    share = ((x - black) / (white - black)).clamp(0, 1)
    return low + (high - low) * share ** (1 / gamma)


def curve(x: torch.Tensor, points: Sequence[Point]) -> torch.Tensor:
    """A smooth curve through points (from, to), flat beyond the first and the last.

    Piecewise cubic with the slopes of Fritsch & Butland 1984, "A method for constructing local
    monotone piecewise cubic interpolants": between two points it never leaves their range.
    """
    xs = torch.tensor([p[0] for p in points], dtype=torch.float64)
    ys = torch.tensor([p[1] for p in points], dtype=torch.float64)
    width = xs.diff()
    rise = ys.diff() / width  # [points - 1]
    slope = _slopes(width, rise)
    place = x.detach().cpu().double().clamp(xs[0], xs[-1])
    k = (torch.searchsorted(xs, place, right=True) - 1).clamp(0, len(width) - 1)
    t = (place - xs[k]) / width[k]
    # Hermite's basis over one piece.
    bend = slope[k] + slope[k + 1] - 2 * rise[k]
    value = ys[k] + width[k] * t * (slope[k] + t * (3 * rise[k] - 2 * slope[k] - slope[k + 1]))
    return (value + width[k] * bend * t**3).to(device=x.device, dtype=x.dtype)


def _slopes(width: torch.Tensor, rise: torch.Tensor) -> torch.Tensor:
    """The slope at each point: a weighted harmonic mean of its sides, 0 where they differ in sign.

    At the ends a parabola through three points, held back so that the curve stays monotone.
    """
    if len(rise) == 1:
        return rise.repeat(2)
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    left, right = rise[:-1], rise[1:]
    same = left * right > 0
    safe = torch.where(same, left, 1.0), torch.where(same, right, 1.0)
    middle = torch.where(same, (before + after) / (before / safe[0] + after / safe[1]), 0.0)
    first = _end_slope(float(width[0]), float(width[1]), float(rise[0]), float(rise[1]))
    last = _end_slope(float(width[-1]), float(width[-2]), float(rise[-1]), float(rise[-2]))
    ends = torch.tensor([first, last], dtype=rise.dtype)
    return torch.cat([ends[:1], middle, ends[1:]])


def _end_slope(near: float, far: float, rise: float, next_rise: float) -> float:
    slope = ((2 * near + far) * rise - near * next_rise) / (near + far)
    if slope * rise <= 0:
        return 0.0
    if rise * next_rise <= 0 and abs(slope) > 3 * abs(rise):
        return 3 * rise
    return slope


def stretched(x: torch.Tensor, cut: float, together: bool) -> torch.Tensor:
    """Spread so that the darkest value is 0 and the brightest 1, after a share `cut` on each side.

    `together` moves all channels alike and keeps hues; else each channel for itself. A picture or
    channel of one value stays.
    """
    count = x.shape[0]
    flat = x.reshape(count, -1, 1) if together else x.reshape(count, -1, x.shape[-1])
    ordered = flat.sort(1).values  # [B, N, 1 or C]
    last = ordered.shape[1] - 1
    low = ordered[:, round(cut * last)][:, None, None]
    high = ordered[:, last - round(cut * last)][:, None, None]
    return torch.where(high > low, ((x - low) / (high - low).clamp(min=1e-12)).clamp(0, 1), x)


def matched_statistics(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The mean and spread of each L*a*b* channel made those of `reference`, in 0..1.

    Reinhard, Ashikhmin, Gooch & Shirley 2001, "Color transfer between images", eq. 10 and 11,
    in L*a*b* instead of their own opponent space. A channel without spread is only moved.
    """
    mine, wanted = spaces.to_lab(x), spaces.to_lab(reference)
    mean, spread = _statistics(mine)
    wanted_mean, wanted_spread = _statistics(wanted)
    scale = torch.where(spread > 1e-4, wanted_spread / spread.clamp(min=1e-4), 1.0)
    return spaces.from_lab((mine - mean) * scale + wanted_mean).clamp(0, 1)


def _statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.mean((1, 2), keepdim=True), x.std((1, 2), unbiased=False, keepdim=True)


def matched_histogram(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Each channel's values moved so that their distribution becomes that of `reference`.

    v becomes Q_r(F_x(v)): the share of values up to v, and where the reference has that share.
    Equal values stay equal. Gonzalez & Woods, "Digital image processing", 3.3.2.
    """
    result = torch.empty_like(x)
    for k in range(x.shape[0]):
        for c in range(x.shape[-1]):
            result[k, ..., c] = _specified(x[k, ..., c], reference[k, ..., c])
    return result


def _specified(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """One channel; shares are in double on the CPU, where counting is exact."""
    _, place, counts = x.detach().cpu().unique(return_inverse=True, return_counts=True)
    values, wanted = reference.detach().cpu().unique(return_counts=True)
    share = counts.cumsum(0).double() / counts.sum()
    known = wanted.cumsum(0).double() / wanted.sum()
    above = torch.searchsorted(known, share).clamp(max=len(known) - 1)
    below = (above - 1).clamp(min=0)
    gap = (known[above] - known[below]).clamp(min=1e-30)
    t = torch.where(above > below, ((share - known[below]) / gap).clamp(0, 1), 1.0)
    table = torch.lerp(values[below].double(), values[above].double(), t)
    return table[place].to(device=x.device, dtype=x.dtype)
