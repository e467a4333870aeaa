"""Sampler steps that remember the predictions or estimates of steps before, as pure functions.

Each gets its past newest first, as (sigma, tensor), and returns the one for the next step: what it
remembers is a value, hidden nowhere. See `samplers` for x, D and the rest. A step to sigma 0 ends
at D, but for `lms`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from nodes.diffusion.noise_levels import settle, span, split
from nodes.diffusion.samplers import Past, denoised, euler, noise_part
from nodes.types import Step


def lms(x: Tensor, eps: Tensor, step: Step, past: Past, order: int) -> tuple[Tensor, Past]:
    """Adams-Bashforth on the uneven sigmas: integrate the polynomial through the last slopes."""
    recent = ((step.sigma, eps), *past)[:order]
    weights = multistep_weights([sigma for sigma, _ in recent], step.sigma, step.sigma_next)
    return _weighed(x, recent, weights), recent


def multistep_weights(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """The integral from `start` to `end` of each Lagrange basis polynomial over `nodes`.

    Gauss-Legendre with two points is exact up to degree 3, that is up to four nodes.
    """
    middle, half = (start + end) / 2, (end - start) / 2
    points = [middle - half / math.sqrt(3), middle + half / math.sqrt(3)]
    return [half * sum(lagrange(nodes, j, p) for p in points) for j in range(len(nodes))]


def lagrange(nodes: Sequence[float], j: int, at: float) -> float:
    """The polynomial that is 1 at node j and 0 at the others."""
    others = [node for k, node in enumerate(nodes) if k != j]
    return math.prod((at - node) / (nodes[j] - node) for node in others)


EVEN_WEIGHTS = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def ipndm(x: Tensor, eps: Tensor, step: Step, past: Past, order: int) -> tuple[Tensor, Past]:
    """Adams-Bashforth with the weights of even steps, whatever the sigmas are.

    Liu et al. 2022, arXiv 2202.09778, without its first Runge-Kutta steps: Zhang & Chen 2022, arXiv
    2204.13902, section 3.4 (iPNDM).
    """
    recent = ((step.sigma, eps), *past)[:order]
    if step.sigma_next == 0:
        return denoised(x, eps, step.sigma), recent
    length = step.sigma_next - step.sigma
    return _weighed(x, recent, [length * w for w in EVEN_WEIGHTS[len(recent) - 1]]), recent


def ipndm_v(x: Tensor, eps: Tensor, step: Step, past: Past, order: int) -> tuple[Tensor, Past]:
    """iPNDM with weights for uneven steps, as its users know it; see `uneven_weights`."""
    recent = ((step.sigma, eps), *past)[:order]
    if step.sigma_next == 0:
        return denoised(x, eps, step.sigma), recent
    levels = [step.sigma_next, *(sigma for sigma, _ in recent)]
    lengths = [low - high for low, high in pairwise(levels)]
    weights = [lengths[0] * w for w in uneven_weights(lengths)]
    return _weighed(x, recent, weights), recent


def uneven_weights(lengths: Sequence[float]) -> list[float]:
    """The weights of iPNDM with variable steps, newest first; `lengths` begins with this step's.

    As its authors' solver has them (Zhou et al. 2023, arXiv 2312.00094): of two slopes they are
    Adams-Bashforth's, of three so for even steps; else the higher differences weigh more.
    That is kept, since it makes this sampler's pictures; `lms` has the exact weights.
    """
    first, *before = lengths
    if not before:
        return [1.0]
    one = before[0]
    weights = [1 + first / one / 2, -first / one / 2, 0.0, 0.0]
    if len(before) == 1:
        return weights[:2]
    two = before[1]
    second = (1 - first**2 / (3 * one * (one + two))) / 2
    weights[0] += second
    weights[1] -= (1 + one / two) * second
    weights[2] += second * one / two
    if len(before) == 2:
        return weights[:3]
    third, a = _third_difference(lengths), one * (one + two) / (two * (two + before[2]))
    weights[0] += third
    weights[1] -= (1 + one / two + a) * third
    weights[2] += (one / two + a * (1 + two / before[2])) * third
    weights[3] -= third * a * one / two
    return weights


def _third_difference(lengths: Sequence[float]) -> float:
    first, one, two, three = lengths[:4]
    share = first / (first + one)
    mean = (1 - share / 3) / 2 + (1 - share / 2) * first / (6 * (first + one + two))
    grown = first * (first + one) * (first + one + two)
    return mean * grown / (one * (one + two) * (one + two + three))


def gradient_estimation(
    x: Tensor, eps: Tensor, step: Step, past: Past, gamma: float, uncond: Tensor | None = None
) -> tuple[Tensor, Past]:
    """Euler along a slope that leans away from the last one: gamma eps + (1 - gamma) eps_last.

    Permenter & Yuan 2023, arXiv 2306.04848, algorithm 2. For CFG++ the guided D is where it goes,
    and the slopes are those of the unwanted prompt.
    """
    slope = eps if uncond is None else uncond
    recent = ((step.sigma, slope),)
    if step.sigma_next == 0:
        return denoised(x, eps, step.sigma), recent
    moved = euler(x, eps, step.sigma, step.sigma_next)
    if uncond is not None:
        back = step.sigma_next * noise_part(x, uncond, step)
        moved = step.alpha_next * denoised(x, eps, step.sigma) + back
    if past:
        moved = moved + (step.sigma_next - step.sigma) * (gamma - 1) * (slope - past[0][1])
    return moved, recent


def _extrapolated(clean: Tensor, step: Step, past: Past, h: float) -> Tensor:
    """D + (D - D_last) / 2r with r = h_last / h; D alone where nothing came before."""
    if not past:
        return clean
    sigma_last, clean_last = past[0]
    r = span(sigma_last, step.sigma, step.flow) / h
    return clean + (clean - clean_last) / (2 * r)


def dpmpp_2m(x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    """DPM-Solver++(2M): Lu et al. 2022, arXiv 2211.01095, algorithm 2.

    With h = lambda' - lambda and r = h_last / h:
    x' = (sigma'/sigma) x + alpha' (1 - e^-h) (D + (D - D_last) / 2r).
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, clean),)
    if step.sigma_next == 0:
        return clean, recent
    h = span(step.sigma, step.sigma_next, step.flow)
    target = _extrapolated(clean, step, past, h)
    weight = step.alpha_next * -math.expm1(-h)
    return (step.sigma_next / step.sigma) * x + weight * target, recent


def dpmpp_2m_cfg_pp(
    x: Tensor, eps: Tensor, step: Step, past: Past, uncond: Tensor
) -> tuple[Tensor, Past]:
    """DPM-Solver++(2M) in the manner of CFG++: to the guided D, and up along `uncond`.

    x' = alpha' D + sigma' eps_uncond + alpha' (1 - e^-h) (D - D_uncond,last) / 2r. Chung et al.
    2024, arXiv 2406.08070; what it remembers is the unwanted estimate.
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, denoised(x, uncond, step.sigma)),)
    if step.sigma_next == 0:
        return clean, recent
    h = span(step.sigma, step.sigma_next, step.flow)
    target = _extrapolated(clean, step, past, h) - clean
    moved = step.alpha_next * clean + step.sigma_next * noise_part(x, uncond, step)
    return moved + step.alpha_next * -math.expm1(-h) * target, recent


def dpmpp_2m_sde(
    x: Tensor,
    eps: Tensor,
    step: Step,
    past: Past,
    eta: float,
    noise: Tensor | None,
    solver: str = "midpoint",
) -> tuple[Tensor, Past]:
    """SDE-DPM-Solver++(2M): arXiv 2211.01095, appendix; noise of strength `eta`.

    With h = lambda' - lambda, r = h_last / h and k = (1 + eta) h:
    x' = (sigma'/sigma) e^(-eta h) x + alpha' (1 - e^-k) (D + (D - D_last) / 2r)
         + sigma' sqrt(1 - e^(-2 eta h)) * noise.
    `heun` weighs (D - D_last) / r by 1 - (1 - e^-k) / k in the place of (1 - e^-k) / 2.
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, clean),)
    if step.sigma_next == 0:
        return clean, recent
    h = span(step.sigma, step.sigma_next, step.flow)
    target = _extrapolated(clean, step, past, h) if solver == "midpoint" else clean
    moved = sde_mean(x, target, step, eta)
    if solver == "heun" and past:
        r = span(past[0][0], step.sigma, step.flow) / h
        moved = moved + step.alpha_next * phi_2((1 + eta) * h) / r * (clean - past[0][1])
    return moved if noise is None else moved + sde_spread(step, eta) * noise, recent


def dpmpp_3m_sde(
    x: Tensor, eps: Tensor, step: Step, past: Past, eta: float, noise: Tensor | None
) -> tuple[Tensor, Past]:
    """SDE-DPM-Solver++ with three estimates, third order in k = (1 + eta) h; after k-diffusion.

    x' = (sigma'/sigma) e^(-eta h) x + alpha' ((1 - e^-k) D + phi_2 d_1 - phi_3 d_2) + noise, where
    d_1, d_2 are h and h^2 times the first two derivatives of D in lambda, by divided differences.
    """
    clean = denoised(x, eps, step.sigma)
    recent = ((step.sigma, clean), *past[:1])
    if step.sigma_next == 0:
        return clean, recent
    h = span(step.sigma, step.sigma_next, step.flow)
    k = (1 + eta) * h
    moved = sde_mean(x, clean, step, eta)
    if past:
        r = span(past[0][0], step.sigma, step.flow) / h
        first = (clean - past[0][1]) / r
        if len(past) > 1:
            r_before = span(past[1][0], past[0][0], step.flow) / h
            before = (past[0][1] - past[1][1]) / r_before
            second = (first - before) / (r + r_before)
            moved = moved - step.alpha_next * (phi_2(k) / k - 0.5) * second
            first = first + second * r
        moved = moved + step.alpha_next * phi_2(k) * first
    return moved if noise is None else moved + sde_spread(step, eta) * noise, recent


def sde_mean(x: Tensor, target: Tensor, step: Step, eta: float) -> Tensor:
    """(sigma'/sigma) e^(-eta h) x + alpha' (1 - e^(-(1 + eta) h)) D: the SDE's way to D."""
    h = span(step.sigma, step.sigma_next, step.flow)
    kept = (step.sigma_next / step.sigma) * (math.exp(-eta * h) if eta else 1.0)
    return kept * x + step.alpha_next * -math.expm1(-(1 + eta) * h) * target


def sde_spread(step: Step, eta: float) -> float:
    """sigma' sqrt(1 - e^(-2 eta h)): the noise that the SDE adds on its way."""
    h = span(step.sigma, step.sigma_next, step.flow)
    return step.sigma_next * math.sqrt(-math.expm1(-2 * eta * h)) if eta else 0.0


def phi_2(k: float) -> float:
    """1 - (1 - e^-k) / k: the integral of e^-(k - s) s / k."""
    return 1 + math.expm1(-k) / k


def res_multistep(
    x: Tensor,
    eps: Tensor,
    step: Step,
    past: Past,
    eta: float,
    noise: Tensor | None,
    uncond: Tensor | None = None,
) -> tuple[Tensor, Past]:
    """The second-order exponential integrator of RES, on the way down to sigma_down; then noise.

    x' = (down/sigma) x + alpha_down ((1 - e^-h) D + phi_2(h) (D - D_last) / r), where r h is the
    length of the last step down: Zhang et al. 2023, arXiv 2308.02157, eq. 8. For CFG++, D is the
    unwanted estimate and x is first moved by what guidance changes.
    """
    clean, parts = denoised(x, eps, step.sigma), split(step, eta)
    plain = clean if uncond is None else denoised(x, uncond, step.sigma)
    recent = ((step.sigma, plain),)
    if step.sigma_next == 0:
        return clean, recent
    if parts.down == 0 or not past:
        moved = euler(x, eps, step.sigma, parts.down)
        if uncond is not None:
            clean_down = clean if not step.flow else (1 - parts.down) * clean
            moved = clean_down + parts.down * noise_part(x, uncond, step)
        return settle(moved, parts, noise), recent
    sigma_last, plain_last = past[0]
    last = Step(0, 0, sigma_last, step.sigma, 0.0, 0.0, step.flow)
    h = span(step.sigma, parts.down, step.flow)
    r = span(sigma_last, split(last, eta).down, step.flow) / h
    if uncond is not None:
        x = x + step.alpha * (clean - plain)
    ratio, alpha_down = parts.down / step.sigma, 1 - parts.down if step.flow else 1.0
    moved = ratio * x + (1 - ratio) * plain + alpha_down * phi_2(h) / r * (plain - plain_last)
    return settle(moved, parts, noise), recent


def _weighed(x: Tensor, recent: Past, weights: Sequence[float]) -> Tensor:
    moved = x
    for weight, (_, slope) in zip(weights, recent, strict=True):
        moved = moved + weight * slope
    return moved
