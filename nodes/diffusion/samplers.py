"""Sampler steps as pure functions: x at sigma, epsilon there, and what comes at sigma_next.

All is in the form x = x0 + sigma * eps (Karras et al. 2022, arXiv 2206.00364), where dx/dsigma =
eps and the estimate of the clean latent is D = x - sigma * eps. Tensors are [B, C, H, W]; levels
are Python floats. A multistep function gets its past as ((sigma, tensor), ...), newest first, and
hides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nodes.types import Step

Past = tuple[tuple[float, torch.Tensor], ...]


def denoised(x: Tensor, eps: Tensor, sigma: float) -> Tensor:
    """D = x - sigma * eps."""
    return x - sigma * eps


def euler(x: Tensor, eps: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Along the tangent: x + (sigma' - sigma) * eps."""
    return x + (sigma_next - sigma) * eps


def split_sigma(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """(down, up): go down to `down`, add noise of `up`, and be at sigma' = hypot(down, up).

    up = min(sigma', eta * sigma' * sqrt(sigma^2 - sigma'^2) / sigma).
    """
    up = min(sigma_next, eta * sigma_next * math.sqrt(max(sigma**2 - sigma_next**2, 0.0)) / sigma)
    return math.sqrt(max(sigma_next**2 - up**2, 0.0)), up


def ancestral(x: Tensor, eps: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """Euler down to less than sigma', then fresh noise up to it."""
    down, up = split_sigma(step.sigma, step.sigma_next, eta)
    moved = euler(x, eps, step.sigma, down)
    return moved if noise is None else moved + up * noise


def ddim(x: Tensor, eps: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """D plus the direction back to x, plus noise: Song et al. 2020, arXiv 2010.02502, eq. 12.

    Their std s = eta * sqrt((1 - a') / (1 - a)) * sqrt(1 - a / a') and their x are divided by
    sqrt(a') to come to x0 + sigma * eps; a = 1 / (1 + sigma^2) is alpha-bar.
    """
    a, a_next = 1 / (1 + step.sigma**2), 1 / (1 + step.sigma_next**2)
    std = 0.0  # without noise sigma may be 0: the start of an inversion
    if eta > 0:
        std = eta * math.sqrt((1 - a_next) / (1 - a)) * math.sqrt(max(1 - a / a_next, 0.0))
    towards = math.sqrt(max(1 - a_next - std**2, 0.0) / a_next)
    moved = denoised(x, eps, step.sigma) + towards * eps
    return moved if noise is None else moved + std / math.sqrt(a_next) * noise


def ddpm(x: Tensor, eps: Tensor, step: Step, noise: Tensor | None) -> Tensor:
    """A sample of the posterior q(x' | x, D): Ho et al. 2020, arXiv 2006.11239, eq. 6-7.

    In this form mean = D + (sigma'/sigma)^2 * (x - D) and variance = sigma'^2 * (1 -
    (sigma'/sigma)^2).
    """
    ratio = (step.sigma_next / step.sigma) ** 2
    mean = denoised(x, eps, step.sigma) + ratio * step.sigma * eps
    if noise is None:
        return mean
    return mean + step.sigma_next * math.sqrt(max(1 - ratio, 0.0)) * noise


def heun_correct(x: Tensor, eps: Tensor, eps_next: Tensor, step: Step) -> Tensor:
    """The mean of the slopes at both ends; the last step, to sigma 0, keeps the first slope."""
    slope = eps if step.sigma_next == 0 else (eps + eps_next) / 2
    return euler(x, slope, step.sigma, step.sigma_next)


def middle_sigma(sigma: float, sigma_next: float) -> float:
    """Half way in log sigma."""
    return math.sqrt(sigma * sigma_next)


def dpm2_correct(x: Tensor, eps: Tensor, eps_middle: Tensor, step: Step) -> Tensor:
    """The whole step along the slope of its middle; the last step keeps the first slope."""
    slope = eps if step.sigma_next == 0 else eps_middle
    return euler(x, slope, step.sigma, step.sigma_next)


def lms(x: Tensor, eps: Tensor, step: Step, past: Past, order: int) -> tuple[Tensor, Past]:
    """Adams-Bashforth on the uneven sigmas: integrate the polynomial through the last slopes."""
    recent = ((step.sigma, eps), *past)[:order]
    weights = multistep_weights([sigma for sigma, _ in recent], step.sigma, step.sigma_next)
    moved = x
    for weight, (_, slope) in zip(weights, recent, strict=True):
        moved = moved + weight * slope
    return moved, recent


def multistep_weights(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """The integral from `start` to `end` of each Lagrange basis polynomial over `nodes`.

    Gauss-Legendre with two points is exact up to degree 3, that is up to four nodes.
    """
    middle, half = (start + end) / 2, (end - start) / 2
    points = [middle - half / math.sqrt(3), middle + half / math.sqrt(3)]
    return [half * sum(_lagrange(nodes, j, p) for p in points) for j in range(len(nodes))]


def _lagrange(nodes: Sequence[float], j: int, at: float) -> float:
    others = [node for k, node in enumerate(nodes) if k != j]
    return math.prod((at - node) / (nodes[j] - node) for node in others)


def _extrapolated(clean: Tensor, step: Step, past: Past, h: float) -> Tensor:
    """D + (D - D_last) / 2r with r = h_last / h; D alone where nothing came before."""
    if not past:
        return clean
    sigma_last, clean_last = past[0]
    r = math.log(sigma_last / step.sigma) / h
    return clean + (clean - clean_last) / (2 * r)


def dpmpp_2m(x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    """DPM-Solver++(2M): Lu et al. 2022, arXiv 2211.01095, algorithm 2; t = -log sigma.

    With h = t' - t and r = h_last / h:
    x' = (sigma'/sigma) x + (1 - e^-h) (D + (D - D_last) / 2r).
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, clean),)
    if step.sigma_next == 0:
        return clean, recent
    h = math.log(step.sigma / step.sigma_next)
    target = _extrapolated(clean, step, past, h)
    return (step.sigma_next / step.sigma) * x - math.expm1(-h) * target, recent


def dpmpp_2m_sde(
    x: Tensor, eps: Tensor, step: Step, past: Past, eta: float, noise: Tensor | None
) -> tuple[Tensor, Past]:
    """SDE-DPM-Solver++(2M), midpoint form: arXiv 2211.01095, appendix; noise of strength `eta`.

    With h = t' - t, r = h_last / h and k = (1 + eta) h:
    x' = (sigma'/sigma) e^(-eta h) x + (1 - e^-k) (D + (D - D_last) / 2r)
         + sigma' sqrt(1 - e^(-2 eta h)) * noise.
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, clean),)
    if step.sigma_next == 0:
        return clean, recent
    h = math.log(step.sigma / step.sigma_next)
    target = _extrapolated(clean, step, past, h)
    kept = (step.sigma_next / step.sigma) * math.exp(-eta * h)
    moved = kept * x - math.expm1(-(1 + eta) * h) * target
    if noise is None:
        return moved, recent
    return moved + step.sigma_next * math.sqrt(-math.expm1(-2 * eta * h)) * noise, recent


def keep_unmasked(
    x: Tensor, original: Tensor, noise: Tensor, sigma_next: float, mask: Tensor
) -> Tensor:
    """x where `mask` [B, 1, H, W] is 1, `original` with noise of sigma' where it is 0."""
    return mask * x + (1 - mask) * (original + sigma_next * noise)
