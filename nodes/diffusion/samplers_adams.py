"""Predictor and corrector over lambda: SA-Solver and UniPC, one prediction a step.

Each step first corrects x with the prediction just made there, then goes on from the corrected x.
The past is (sigma_last, tensor) for what the corrector starts from, then (sigma, D) of the steps
before, newest first. A step to sigma 0 ends at D. See `samplers` and `noise_levels`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from nodes.diffusion.noise_levels import below_one, half_log_snr, span, with_signal
from nodes.diffusion.samplers import Past, denoised
from nodes.diffusion.samplers_multistep import lagrange
from nodes.types import Step

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(32)


def exponential_weights(
    nodes: Sequence[float], start: float, end: float, rate: float
) -> list[float]:
    """rate times the integral of e^(-rate (end - s)) l_j(s) from `start` to `end`, for each node.

    l_j are the Lagrange polynomials over `nodes`. Gauss-Legendre with 32 points: the integrand is
    smooth, and the error below 1e-10 for the steps that samplers take.
    """
    middle, half = (start + end) / 2, (end - start) / 2
    points = [middle + half * float(p) for p in _POINTS]
    factors = [
        rate * half * float(w) * math.exp(-rate * (end - p))
        for p, w in zip(points, _WEIGHTS, strict=True)
    ]
    return [
        sum(f * lagrange(nodes, j, p) for f, p in zip(factors, points, strict=True))
        for j in range(len(nodes))
    ]


def sa_solver_correct(
    x: Tensor, eps: Tensor, step: Step, past: Past, tau: float, order: int, simple: bool = False
) -> Tensor:
    """The stochastic Adams-Moulton corrector, for x at the step's sigma; without a past x itself.

    As the last step's predictor, with the D found here among the points: Xue et al. 2023, arXiv
    2309.05019, eq. 17. `order` counts the points, `tau` is that of the last step.
    """
    if not past or order < 1:
        return x
    start = past[0][0]
    last = Step(0, 0, start, step.sigma, 0.0, 0.0, step.flow)
    points = ((step.sigma, denoised(x, eps, step.sigma)), *past[1:])[:order]
    return past[0][1] + _adams(last, points, tau, simple)


def sa_solver_predict(
    x: Tensor,
    clean: Tensor,
    step: Step,
    past: Past,
    tau: float,
    order: int,
    noise: Tensor | None,
    simple: bool = False,
) -> tuple[Tensor, Past]:
    """The stochastic Adams-Bashforth predictor: arXiv 2309.05019, eq. 14, for estimates D.

    x' = (sigma'/sigma) e^(-tau^2 h) x + sigma' sqrt(1 - e^(-2 tau^2 h)) * noise + alpha' sum_j
    D_j * (1 + tau^2) * integral of e^(-(1 + tau^2)(lambda' - s)) l_j(s).
    """
    points = ((step.sigma, clean), *past[1:])
    if step.sigma_next == 0:
        return clean, ((step.sigma, x), *points)
    step = with_signal(step)
    h = span(step.sigma, step.sigma_next, step.flow)
    base = (step.sigma_next / step.sigma) * math.exp(-(tau**2) * h) * x
    if noise is not None and tau > 0:
        base = base + step.sigma_next * math.sqrt(-math.expm1(-2 * tau**2 * h)) * noise
    moved = base + _adams(step, points[:order], tau, simple)
    return moved, ((points[0][0], base), *points[:6])


def _adams(step: Step, points: Past, tau: float, simple: bool) -> Tensor:
    """alpha' times the weighed estimates.

    `simple` makes two points weigh their difference by h^2 / 2 (1 + tau^2), which for tau 0 is
    DPM-Solver++'s second order, in the place of the exact integral.
    """
    step = with_signal(step)
    start, end = half_log_snr(step.sigma, step.flow), half_log_snr(step.sigma_next, step.flow)
    nodes = [half_log_snr(below_one(sigma, step.flow), step.flow) for sigma, _ in points]
    rate = 1 + tau**2
    weights = exponential_weights(nodes, start, end, rate)
    if simple and len(points) == 2:
        lean = rate * (end - start) ** 2 / 2 / (nodes[0] - nodes[1])
        whole, at_start = -math.expm1(-rate * (end - start)), nodes.index(start)
        weights = [lean, -lean]
        weights[at_start] += whole
    total = weights[0] * points[0][1]
    for weight, (_, clean) in zip(weights[1:], points[1:], strict=True):
        total = total + weight * clean
    return step.alpha_next * total


def unipc_correct(
    x: Tensor, eps: Tensor, step: Step, past: Past, variant: str, order: int
) -> Tensor:
    """UniC: x again, now that D at its own level is known: Zhao et al. 2023, arXiv 2302.04867,
    algorithm 1. `order` is the last step's; without a past x itself."""
    if not past:
        return x
    start, base = past[0]
    last = replace(step, sigma=start, sigma_next=step.sigma)
    return _unipc(base, last, past[1 : order + 1], variant, denoised(x, eps, step.sigma))


def unipc_predict(
    x: Tensor, clean: Tensor, step: Step, past: Past, variant: str, order: int
) -> tuple[Tensor, Past]:
    """UniP: the exponential step with D and its differences, weighed for `order`: algorithm 2."""
    points = ((step.sigma, clean), *past[1:])[:4]
    recent = ((step.sigma, x), *points)
    if step.sigma_next == 0:
        return clean, recent
    return _unipc(x, step, points[:order], variant, None), recent


def _unipc(x: Tensor, step: Step, points: Past, variant: str, arrived: Tensor | None) -> Tensor:
    """(sigma'/sigma) x + (1 - sigma'/sigma) D - alpha' B sum_k rho_k (D_k - D) / r_k.

    B is -h in bh1 and e^-h - 1 in bh2; r_k is the place of D_k on the step, 1 for `arrived`.
    """
    high, clean = below_one(step.sigma, step.flow), points[0][1]
    h = span(high, step.sigma_next, step.flow)
    scale = -h if variant == "bh1" else math.expm1(-h)
    places = [-span(below_one(s, step.flow), high, step.flow) / h for s, _ in points[1:]]
    changes = [(c - clean) / r for r, (_, c) in zip(places, points[1:], strict=True)]
    if arrived is not None:
        places, changes = [*places, 1.0], [*changes, arrived - clean]
    ratio = step.sigma_next / step.sigma
    moved = ratio * x + (1 - ratio) * clean
    for weight, change in zip(_unipc_weights(places, h, scale), changes, strict=True):
        moved = moved - step.alpha_next * scale * weight * change
    return moved


def _unipc_weights(places: Sequence[float], h: float, scale: float) -> list[float]:
    """rho: the solution of sum_k rho_k r_k^(n - 1) = n! phi_(n+1)(-h) / B, n = 1 .. order."""
    if not places:
        return []
    if len(places) == 1:
        return [0.5]  # as the authors take it; the equation would give almost the same
    phi, right = math.expm1(-h) / -h - 1, []
    for n in range(1, len(places) + 1):
        right.append(phi * math.factorial(n) / scale)
        phi = phi / -h - 1 / math.factorial(n + 1)
    rows = [[place**n for place in places] for n in range(len(places))]
    return [float(w) for w in np.linalg.solve(np.array(rows), np.array(right))]
