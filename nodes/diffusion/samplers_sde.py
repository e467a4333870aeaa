"""Steps along the stochastic equation that look two or three times, and ER-SDE, which remembers.

All go in h = lambda' - lambda and solve for the clean estimate D. Noise is given as independent
standard draws, one for each part of a step, and put together here as one Wiener path would: what a
whole step adds agrees with what its first part added. See `samplers` for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import Tensor

from nodes.diffusion.noise_levels import (
    alpha_of,
    below_one,
    between,
    rho,
    span,
    split_sigma,
    with_signal,
)
from nodes.diffusion.samplers import Past, denoised
from nodes.types import Step

NoiseScale = Callable[[float], float]
ER_POINTS = 200  # of the sum that stands for the integral, as the authors have it


def place(step: Step, share: float) -> float:
    """The sigma a share of the way through a step, in lambda."""
    return between(step.sigma, step.sigma_next, share, step.flow)


def split_towards(
    x: Tensor, clean: Tensor, step: Step, sigma: float, eta: float, noise: Tensor | None
) -> Tensor:
    """From a step's start towards D as far as `sigma`: down further, and up by fresh noise.

    An exact exponential step of y = x / alpha with the split of rho: alpha' ((down/rho) y + (1 -
    down/rho) D + up * noise). Used by `dpmpp_sde` for its middle and its end.
    """
    step = with_signal(step)
    start, alpha = rho(step.sigma, step.flow), alpha_of(sigma, step.flow)
    down, up = split_sigma(start, rho(sigma, step.flow), eta)
    ratio = down / start
    moved = (alpha / step.alpha * ratio) * x + alpha * (1 - ratio) * clean
    return moved if noise is None else moved + alpha * up * noise


def two_looks(clean: Tensor, clean_there: Tensor, share: float) -> Tensor:
    """D for the whole step from D at its start and at a share r: D + (D_r - D) / 2r."""
    weight = 1 / (2 * share)
    return (1 - weight) * clean + weight * clean_there


def joined(step: Step, share: float, first: Tensor, second: Tensor) -> Tensor:
    """One draw for the whole step out of those of its two parts: a Wiener path over sigma."""
    high, low = below_one(step.sigma, step.flow), step.sigma_next
    part = (high - place(step, share)) / (high - low)
    return math.sqrt(part) * first + math.sqrt(max(1 - part, 0.0)) * second


def sde_towards(x: Tensor, clean: Tensor, step: Step, sigma: float, eta: float) -> Tensor:
    """Without its noise, the SDE's way from a step's start towards D as far as `sigma`.

    (sigma'/sigma) e^(-eta h) x + alpha' (1 - e^(-(1 + eta) h)) D: Gonzalez et al. 2023, arXiv
    2305.14267 (SEEDS), for estimates of the clean latent.
    """
    step = with_signal(step)
    h = span(step.sigma, sigma, step.flow)
    kept = (sigma / step.sigma) * math.exp(-eta * h)
    return kept * x + alpha_of(sigma, step.flow) * -math.expm1(-(1 + eta) * h) * clean


def leaning(
    x: Tensor, change: Tensor, step: Step, share: float, eta: float, weight: float
) -> Tensor:
    """x at a share of the step, moved as D changes: alpha (1 - (1 - e^-k) / k) * weight * change.

    k = share (1 + eta) h; the first derivative's part of the exponential integrator.
    """
    step = with_signal(step)
    sigma = place(step, share)
    k = share * (1 + eta) * span(step.sigma, step.sigma_next, step.flow)
    return x + alpha_of(sigma, step.flow) * (1 + math.expm1(-k) / k) * weight * change


def sde_noise(step: Step, shares: Sequence[float], eta: float, draws: Sequence[Tensor]) -> Tensor:
    """What the SDE has added at the last of `shares`, one independent draw for each part.

    What part j adds, sqrt(1 - e^(-2 eta h_j)), fades by e^(-eta h) over the parts after it; all is
    times sigma there.
    """
    step = with_signal(step)
    h = span(step.sigma, step.sigma_next, step.flow)
    end, before = shares[-1], 0.0
    total = draws[0] * 0.0
    for share, draw in zip(shares, draws, strict=True):
        added = math.sqrt(-math.expm1(-2 * eta * (share - before) * h))
        total = total + math.exp(-eta * (end - share) * h) * added * draw
        before = share
    return place(step, end) * total


def er_scale(kind: str, eta: float) -> NoiseScale:
    """How much noise the reverse equation has at rho: `er_sde`, `reverse_sde` or `ode`.

    rho (e^(rho^0.3) + 10) is ER-SDE's own (Cui et al. 2023, arXiv 2309.06169, section 4);
    rho^(1 + eta) is the reverse equation with noise of strength eta, and rho adds none.
    """
    if kind == "er_sde":
        return lambda level: level * (math.exp(level**0.3) + 10.0)
    if kind == "reverse_sde":
        return lambda level: level ** (1 + eta)
    return lambda level: level


def er_sde(
    x: Tensor,
    eps: Tensor,
    step: Step,
    past: Past,
    scale: NoiseScale,
    stages: int,
    noise: Tensor | None,
) -> tuple[Tensor, Past]:
    """ER-SDE-Solver-1 to 3: Cui et al. 2023, arXiv 2309.06169, algorithms 1-3, over rho.

    With f the noise scale and r = f(rho') / f(rho): x' = (alpha'/alpha) r x + alpha' (1 - r) D,
    plus the first and the second divided difference of D times their integrals of 1 / f, plus
    noise alpha' sqrt(rho'^2 - r^2 rho^2).
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, clean), *past)[:3]
    if step.sigma_next == 0:
        return clean, recent
    step = with_signal(step)
    start, end = rho(step.sigma, step.flow), rho(step.sigma_next, step.flow)
    ratio = scale(end) / scale(start)
    moved = step.alpha_next * (ratio / step.alpha * x + (1 - ratio) * clean)
    levels = [rho(below_one(sigma, step.flow), step.flow) for sigma, _ in recent]
    if stages >= 2 and past:
        slope = (clean - past[0][1]) / (start - levels[1])
        weight = end - start + scale(end) * _integral(scale, start, end, 0)
        moved = moved + step.alpha_next * weight * slope
        if stages >= 3 and len(past) > 1:
            before = (past[0][1] - past[1][1]) / (levels[1] - levels[2])
            curve = (slope - before) / ((start - levels[2]) / 2)
            weight = (end - start) ** 2 / 2 + scale(end) * _integral(scale, start, end, 1)
            moved = moved + step.alpha_next * weight * curve
    if noise is None:
        return moved, recent
    spread = math.sqrt(max(end**2 - (ratio * start) ** 2, 0.0))
    return moved + step.alpha_next * spread * noise, recent


def _integral(scale: NoiseScale, start: float, end: float, power: int) -> float:
    """(level - start)^power / f(level) from `end` up to `start`, by the rule of left ends."""
    width = (start - end) / ER_POINTS
    levels = [end + width * i for i in range(ER_POINTS)]
    return width * sum((level - start) ** power / scale(level) for level in levels)
