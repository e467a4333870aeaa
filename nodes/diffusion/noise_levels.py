"""Arithmetic on noise levels for the samplers: signal-to-noise ratios, places between, splits.

x = alpha * x0 + sigma * epsilon, with alpha 1 in a diffusion and 1 - sigma in a flow. Half the
logarithm of the signal-to-noise ratio, lambda = log(alpha / sigma), is the time of the DPM solvers
(Lu et al. 2022, arXiv 2206.00927); rho = sigma / alpha is the noise of x / alpha, to which every
formula of a diffusion applies. Levels are Python floats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import Tensor

from nodes.types import Step

HIGHEST_IN_FLOW = 1 - 1e-4
"""Stands for sigma 1 of a flow where a formula needs a finite lambda: there alpha is 0."""


@dataclass(frozen=True)
class Split:
    """A random step: go down to `down`, multiply by `scale`, and add noise of spread `up`."""

    down: float
    up: float
    scale: float = 1.0


def half_log_snr(sigma: float, flow: bool) -> float:
    """lambda = log(alpha / sigma): infinite at sigma 0, minus infinite at a flow's sigma 1."""
    if sigma <= 0:
        return math.inf
    if not flow:
        return -math.log(sigma)
    return math.log((1 - sigma) / sigma) if sigma < 1 else -math.inf


def sigma_of_half_log_snr(value: float, flow: bool) -> float:
    """The inverse: e^-lambda, or 1 / (1 + e^lambda) in a flow."""
    return 1 / (1 + math.exp(value)) if flow else math.exp(-value)


def span(high: float, low: float, flow: bool) -> float:
    """h = lambda(low) - lambda(high), which is positive on the way to the picture."""
    if not flow and low > 0:
        return math.log(high / low)
    return half_log_snr(low, flow) - half_log_snr(high, flow)


def between(high: float, low: float, share: float, flow: bool) -> float:
    """The sigma that lies a share of the way in lambda."""
    start, end = half_log_snr(below_one(high, flow), flow), half_log_snr(low, flow)
    return sigma_of_half_log_snr(start + share * (end - start), flow)


def below_one(sigma: float, flow: bool) -> float:
    """A sigma whose lambda is finite."""
    return min(sigma, HIGHEST_IN_FLOW) if flow else sigma


def with_signal(step: Step) -> Step:
    """The step with a finite lambda at its start; what the model is told stays as it is."""
    sigma = below_one(step.sigma, step.flow)
    return step if sigma == step.sigma else replace(step, sigma=sigma)


def alpha_of(sigma: float, flow: bool) -> float:
    return 1 - sigma if flow else 1.0


def rho(sigma: float, flow: bool) -> float:
    """sigma / alpha, the noise of x / alpha."""
    if not flow:
        return sigma
    return sigma / (1 - sigma) if sigma < 1 else math.inf


def split_sigma(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """(down, up): go down to `down`, add noise of `up`, and be at sigma' = hypot(down, up).

    up = min(sigma', eta * sigma' * sqrt(sigma^2 - sigma'^2) / sigma).
    """
    if math.isinf(sigma):
        up = min(sigma_next, eta * sigma_next)
    else:
        lost = math.sqrt(max(sigma**2 - sigma_next**2, 0.0))
        up = min(sigma_next, eta * sigma_next * lost / sigma)
    return math.sqrt(max(sigma_next**2 - up**2, 0.0)), up


def split(step: Step, eta: float) -> Split:
    """How an ancestral step divides: by `split_sigma`, or in a flow so that x keeps its form.

    A flow goes down to sigma' * (1 + eta * (sigma' / sigma - 1)), where there is too much picture:
    scale = alpha' / alpha_down brings it back, and the noise then fills up to sigma'.
    """
    if not step.flow:
        return Split(*split_sigma(step.sigma, step.sigma_next, eta))
    down = max(step.sigma_next * (1 + eta * (step.sigma_next / step.sigma - 1)), 0.0)
    scale = step.alpha_next / (1 - down)
    return Split(down, math.sqrt(max(step.sigma_next**2 - (scale * down) ** 2, 0.0)), scale)


def raised(x: Tensor, step: Step, noise: Tensor) -> Tensor:
    """x with as much more noise as leads from a step's level up to the next.

    (alpha'/alpha) x + sqrt(sigma'^2 - (alpha' sigma / alpha)^2) * noise: the forward diffusion
    between two levels, as restarts take it (Xu et al. 2023, arXiv 2306.14878).
    """
    scale = step.alpha_next / step.alpha
    spread = math.sqrt(max(step.sigma_next**2 - (scale * step.sigma) ** 2, 0.0))
    return (x if scale == 1 else scale * x) + spread * noise


def settle(moved: Tensor, parts: Split, noise: Tensor | None) -> Tensor:
    """The end of a random step: what is at `down`, brought to sigma' by fresh noise."""
    if noise is None:
        return moved
    if parts.scale != 1:
        moved = parts.scale * moved
    return moved + parts.up * noise
