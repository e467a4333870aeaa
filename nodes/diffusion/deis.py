"""DEIS: the polynomial through the last slopes, over a time in which they are nearly straight.

Zhang & Chen 2022, arXiv 2204.13902. The slope dx/dsigma is integrated over sigma, but as a
polynomial in another variable u: in the time of a variance-preserving diffusion (their tAB), or in
log sigma. Over sigma itself it would be `lms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from nodes.diffusion.samplers import Past, denoised
from nodes.diffusion.samplers_multistep import lagrange
from nodes.types import Step

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(32)

# The diffusion whose time `time` is: sigma from 0.002 to 80 (as in arXiv 2206.00364, table 1) while
# t goes from 1e-3 to 1, with log(1 + sigma^2) = slope t^2 / 2 + start t.
_LOW, _HIGH, _FIRST = math.log1p(0.002**2), math.log1p(80.0**2), 1e-3
_SLOPE = 2 * (_LOW / _FIRST - _HIGH) / (_FIRST - 1)
_START = _HIGH - _SLOPE / 2


@dataclass(frozen=True)
class Variable:
    """u: of a sigma, sigma of u, and d sigma / du."""

    of_sigma: Callable[[float], float]
    sigma: Callable[[float], float]
    rate: Callable[[float], float]


def _time_of(sigma: float) -> float:
    return (math.sqrt(_START**2 + 2 * _SLOPE * math.log1p(sigma**2)) - _START) / _SLOPE


def _sigma_at(time: float) -> float:
    return math.sqrt(math.expm1(_SLOPE * time**2 / 2 + _START * time))


def _rate_at(time: float) -> float:
    sigma = _sigma_at(time)
    return (_SLOPE * time + _START) * (1 + sigma**2) / (2 * sigma)


VARIABLES = {
    "time": Variable(_time_of, _sigma_at, _rate_at),
    "log_sigma": Variable(math.log, math.exp, math.exp),
}


def deis(
    x: Tensor, eps: Tensor, step: Step, past: Past, order: int, over: str
) -> tuple[Tensor, Past]:
    """x + sum_j epsilon_j * integral from sigma to sigma' of l_j(u(s)) ds; to sigma 0, D."""
    recent = ((step.sigma, eps), *past)[:order]
    if step.sigma_next == 0:
        return denoised(x, eps, step.sigma), recent
    weights = deis_weights([sigma for sigma, _ in recent], step.sigma_next, VARIABLES[over])
    moved = x
    for weight, (_, slope) in zip(weights, recent, strict=True):
        moved = moved + weight * slope
    return moved, recent


def deis_weights(sigmas: Sequence[float], sigma_next: float, over: Variable) -> list[float]:
    """The integrals from sigmas[0] to sigma_next of the Lagrange polynomials in u, over sigma."""
    nodes = [over.of_sigma(sigma) for sigma in sigmas]
    start, end = nodes[0], over.of_sigma(sigma_next)
    middle, half = (start + end) / 2, (end - start) / 2
    points = [middle + half * float(p) for p in _POINTS]
    factors = [half * float(w) * over.rate(p) for w, p in zip(_WEIGHTS, points, strict=True)]
    return [
        sum(f * lagrange(nodes, j, p) for f, p in zip(factors, points, strict=True))
        for j in range(len(nodes))
    ]
