"""Sampler steps without memory, as pure functions: x at sigma and the predictions there, x at
sigma_next.

x = alpha * x0 + sigma * epsilon (see `noise_levels`). A prediction is what moves x, dx/dsigma:
epsilon in a diffusion, epsilon - x0 in a flow; D = x - sigma * prediction is the estimate of the
clean latent in both, and Euler's step is (sigma'/sigma) x + (1 - sigma'/sigma) D. Tensors are
[B, C, H, W]; levels are Python floats. `noise` is drawn and scaled by who asks, None where none is
added. A step to sigma 0 always ends at D.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from nodes.diffusion.noise_levels import (
    between,
    rho,
    settle,
    split,
    split_sigma,
)
from nodes.types import Answer, Step

Past = tuple[tuple[float, torch.Tensor], ...]
"""What a multistep sampler remembers, newest first: (sigma, tensor)."""


def denoised(x: Tensor, eps: Tensor, sigma: float) -> Tensor:
    """D = x - sigma * eps."""
    return x - sigma * eps


def unwanted(answer: Answer) -> Tensor:
    """The prediction that CFG++ goes along: that of the unwanted prompt, if it was asked for."""
    return answer.noise if answer.uncond is None else answer.uncond


def noise_part(x: Tensor, prediction: Tensor, step: Step) -> Tensor:
    """The epsilon in x = alpha D + sigma epsilon, of what moves x."""
    return prediction if not step.flow else prediction + denoised(x, prediction, step.sigma)


def euler(x: Tensor, eps: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """Along the tangent: x + (sigma' - sigma) * eps."""
    return x + (sigma_next - sigma) * eps


def ancestral(x: Tensor, eps: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """Euler down to less than sigma', then fresh noise up to it."""
    parts = split(step, eta)
    return settle(euler(x, eps, step.sigma, parts.down), parts, noise)


def cfg_pp(x: Tensor, answer: Answer, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """CFG++: to the guided D, and back up along the epsilon of the unwanted prompt.

    x' = alpha' D + sigma_down eps_uncond + alpha' up * noise, where the split is that of rho =
    sigma / alpha: Chung et al. 2024, arXiv 2406.08070, algorithm 2, made ancestral.
    """
    if step.sigma_next == 0:
        return denoised(x, answer.noise, step.sigma)
    ends = rho(step.sigma, step.flow), rho(step.sigma_next, step.flow)
    down, up = split_sigma(*ends, eta)
    moved = step.alpha_next * denoised(x, answer.noise, step.sigma)
    moved = moved + step.alpha_next * down * noise_part(x, unwanted(answer), step)
    return moved if noise is None else moved + step.alpha_next * up * noise


def ddim(x: Tensor, eps: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    """D plus the direction back to x, plus noise: Song et al. 2020, arXiv 2010.02502, eq. 12.

    Their std s = eta * sqrt((1 - a') / (1 - a)) * sqrt(1 - a / a') and their x are divided by
    sqrt(a') to come to x0 + sigma * eps; a = 1 / (1 + sigma^2) is alpha-bar. In a flow the same
    holds of x / alpha, with rho = sigma / alpha for sigma.
    """
    if step.flow:
        return _ddim_of_flow(x, eps, step, eta, noise)
    a, a_next = 1 / (1 + step.sigma**2), 1 / (1 + step.sigma_next**2)
    std = 0.0  # without noise sigma may be 0: the start of an inversion
    if eta > 0:
        std = eta * math.sqrt((1 - a_next) / (1 - a)) * math.sqrt(max(1 - a / a_next, 0.0))
    towards = math.sqrt(max(1 - a_next - std**2, 0.0) / a_next)
    moved = denoised(x, eps, step.sigma) + towards * eps
    return moved if noise is None else moved + std / math.sqrt(a_next) * noise


def _ddim_of_flow(x: Tensor, eps: Tensor, step: Step, eta: float, noise: Tensor | None) -> Tensor:
    std = 0.0
    if eta > 0:
        std = eta * step.sigma_next * math.sqrt(max(1 - _rho_ratio(step) ** 2, 0.0))
    towards = math.sqrt(max(step.sigma_next**2 - std**2, 0.0))
    moved = step.alpha_next * denoised(x, eps, step.sigma) + towards * noise_part(x, eps, step)
    return moved if noise is None else moved + std * noise


def ddpm(x: Tensor, eps: Tensor, step: Step, noise: Tensor | None) -> Tensor:
    """A sample of the posterior q(x' | x, D): Ho et al. 2020, arXiv 2006.11239, eq. 6-7.

    In this form mean = D + (sigma'/sigma)^2 * (x - D) and variance = sigma'^2 * (1 -
    (sigma'/sigma)^2); in a flow so of x / alpha, with rho for sigma.
    """
    if step.flow:
        ratio = _rho_ratio(step)
        clean, up = denoised(x, eps, step.sigma), math.sqrt(max(1 - ratio**2, 0.0))
        mean = step.alpha_next * clean + step.sigma_next * ratio * noise_part(x, eps, step)
        return mean if noise is None else mean + step.sigma_next * up * noise
    ratio = (step.sigma_next / step.sigma) ** 2
    mean = denoised(x, eps, step.sigma) + ratio * step.sigma * eps
    if noise is None:
        return mean
    return mean + step.sigma_next * math.sqrt(max(1 - ratio, 0.0)) * noise


def _rho_ratio(step: Step) -> float:
    """rho' / rho, 0 from pure noise."""
    return rho(step.sigma_next, step.flow) / rho(step.sigma, step.flow)


def lcm(x: Tensor, eps: Tensor, step: Step, noise: Tensor | None) -> Tensor:
    """The estimate itself, noised anew: alpha' D + sigma' * noise. Luo et al. 2023, arXiv
    2310.04378, algorithm 2 (multistep consistency sampling)."""
    clean = denoised(x, eps, step.sigma)
    return clean if noise is None else step.alpha_next * clean + step.sigma_next * noise


def churn(step: Step, steps: int, amount: float, lowest: float, highest: float) -> Step:
    """The step from a raised sigma, where Karras' stochastic sampler adds noise before it looks.

    sigma (1 + min(amount / steps, sqrt(2) - 1)) for sigma within the two bounds: Karras et al.
    2022, arXiv 2206.00364, algorithm 2. The timestep is left to who knows the model's clock.
    """
    if amount <= 0 or not lowest <= step.sigma <= highest:
        return step
    return replace(step, sigma=step.sigma * (1 + min(amount / steps, math.sqrt(2) - 1)))


def heun_correct(x: Tensor, eps: Tensor, eps_next: Tensor, step: Step) -> Tensor:
    """The mean of the slopes at both ends; the last step, to sigma 0, keeps the first slope."""
    slope = eps if step.sigma_next == 0 else (eps + eps_next) / 2
    return euler(x, slope, step.sigma, step.sigma_next)


def heunpp_weights(first: float, later: list[float]) -> list[float]:
    """How Heun++ weighs its slopes: those at the later sigmas by sigma / (n * first), the rest the
    slope at the beginning; n is how many there are. Karras' Heun would weigh all alike."""
    count = len(later) + 1
    tail = [sigma / (count * first) for sigma in later]
    return [1 - sum(tail), *tail]


def middle_sigma(sigma: float, sigma_next: float) -> float:
    """Half way in log sigma."""
    return math.sqrt(sigma * sigma_next)


def dpm2_correct(x: Tensor, eps: Tensor, eps_middle: Tensor, step: Step) -> Tensor:
    """The whole step along the slope of its middle; the last step keeps the first slope."""
    slope = eps if step.sigma_next == 0 else eps_middle
    return euler(x, slope, step.sigma, step.sigma_next)


def dpmpp_2s_trial(
    x: Tensor, eps: Tensor, step: Step, eta: float, uncond: Tensor | None = None
) -> tuple[Tensor, float]:
    """Where DPM-Solver++(2S) looks a second time: half way in lambda from sigma to `down`.

    For CFG++, `uncond` puts the noise of the unwanted prompt in the place of the guided one.
    """
    middle = between(step.sigma, split(step, eta).down, 0.5, step.flow)
    clean = denoised(x, eps, step.sigma)
    if uncond is not None:
        x = x + step.alpha * step.sigma * (uncond - eps)  # D - D_uncond = sigma (uncond - eps)
    ratio = middle / step.sigma
    return ratio * x + (1 - ratio) * clean, middle


def dpmpp_2s_correct(
    x: Tensor, clean_there: Tensor, step: Step, eta: float, noise: Tensor | None
) -> Tensor:
    """The whole step with the D found in its middle: (down/sigma) x + (1 - down/sigma) D_middle,
    then noise. Lu et al. 2022, arXiv 2211.01095, algorithm 1, made ancestral."""
    parts = split(step, eta)
    ratio = parts.down / step.sigma
    return settle(ratio * x + (1 - ratio) * clean_there, parts, noise)


def keep_unmasked(
    x: Tensor, original: Tensor, noise: Tensor, sigma_next: float, mask: Tensor, alpha: float = 1.0
) -> Tensor:
    """x where `mask` [B, 1, H, W] is 1, `original` with noise of sigma' where it is 0; `alpha`
    belongs to sigma'."""
    kept = original if alpha == 1 else alpha * original
    return mask * x + (1 - mask) * (kept + sigma_next * noise)
