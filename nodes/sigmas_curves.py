"""Further lists of noise levels: other curves, and tables that were optimised for a model.

Each gives N + 1 sigmas for N steps, which descend to 0.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.checks import fraction
from nodes.types import BetaSchedule, NoiseSchedule, Sigmas

Steps = Annotated[int, Slider(1, 1000, step=1, unit="steps")]
Positive = Annotated[float, Number(0, 10_000)]


@node("sigmas_curves.polyexponential")
def polyexponential(
    betas: NoiseSchedule, steps: Steps = 20, rho: Annotated[float, Slider(0.1, 10, step=0.1)] = 1.0
) -> Sigmas:
    """Lower log sigma along a power: rho 1 is exponential, more takes more steps near the picture.

    log sigma = log low + (1 - i / (N - 1))^rho * log(high / low), then 0; after k-diffusion.
    """
    from nodes.diffusion import schedules, sigma_curves

    low, high = _ends(betas, steps)
    _above_zero("rho", rho)
    return schedules.at_sigmas(betas, sigma_curves.polyexponential(low, high, steps, rho))


@node("sigmas_curves.kl_optimal", title="KL optimal")
def kl_optimal(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Space the arc tangent of sigma evenly: many steps at middle levels, where form is decided.

    Sabour et al. 2024, arXiv 2404.14507: the optimum for Gaussian data of spread 1.
    """
    from nodes.diffusion import schedules, sigma_curves

    low, high = _ends(betas, steps)
    return schedules.at_sigmas(betas, sigma_curves.kl_optimal(low, high, steps))


@node("sigmas_curves.laplace")
def laplace(
    betas: NoiseSchedule,
    steps: Steps = 20,
    mu: Annotated[float, Slider(-10, 10, step=0.1)] = 0.0,
    beta: Annotated[float, Slider(0, 10, step=0.05)] = 0.5,
) -> Sigmas:
    """Take most steps around sigma e^mu: log sigma at the quantiles of a Laplace distribution.

    Held within the model's levels; what falls together there is one step, so that there may be
    fewer than asked for. Hang & Gu 2024, arXiv 2407.03297.
    """
    from nodes.diffusion import schedules, sigma_curves

    low, high = _ends(betas, steps)
    if beta < 0:
        raise InputError("beta", f"{beta:g}", "at least 0")
    return schedules.at_sigmas(betas, sigma_curves.laplace(low, high, steps, mu, beta))


@node("sigmas_curves.variance_preserving", title="VP")
def variance_preserving(
    betas: NoiseSchedule,
    steps: Steps = 20,
    beta_d: Positive = 19.9,
    beta_min: Positive = 0.1,
    last_time: Annotated[float, Slider(0.0001, 1, step=0.001)] = 0.001,
) -> Sigmas:
    """Walk the continuous diffusion that keeps the variance, evenly in its time from 1 down.

    sigma = sqrt(e^(beta_d t^2 / 2 + beta_min t) - 1), then 0: Song et al. 2020, arXiv 2011.13456,
    in the form of Karras et al. 2022, arXiv 2206.00364, table 1. Only for diffusions.
    """
    from nodes.diffusion import schedules, sigma_curves

    _ends(betas, steps)
    if betas.flow:
        raise InputError("betas", "a flow", "a diffusion", "Its sigmas reach far above 1")
    if not 0 < last_time <= 1:
        raise InputError("last_time", f"{last_time:g}", "above 0, at most 1")
    _above_zero("beta_min", beta_min)
    values = sigma_curves.variance_preserving(steps, beta_d, beta_min, last_time)
    return schedules.at_sigmas(betas, values)


@node("sigmas_curves.linear_quadratic")
def linear_quadratic(
    betas: NoiseSchedule,
    steps: Steps = 20,
    threshold: Annotated[float, Slider(0.001, 0.5, step=0.005)] = 0.025,
) -> Sigmas:
    """Lose little noise in the first half of the steps, on a line, the rest along a parabola.

    Half of N steps lose `threshold` of the highest sigma; both parts meet with one slope. For
    flows: as Mochi's authors published it with their model.
    """
    from nodes.diffusion import schedules, sigma_curves

    _, high = _ends(betas, steps)
    if not 0 < threshold < 1:
        raise InputError("threshold", f"{threshold:g}", "between 0 and 1")
    return schedules.at_sigmas(betas, sigma_curves.linear_quadratic(high, steps, threshold))


@node("sigmas_curves.align_your_steps")
def align_your_steps(
    betas: NoiseSchedule,
    steps: Steps = 10,
    trained_for: Annotated[str, Choice("sd1", "sdxl", "svd")] = "sd1",
) -> Sigmas:
    """Take the levels that were optimised for a model: good pictures in ten steps.

    A table for ten steps, read on lines in log sigma for other numbers; its last level is 0. Sabour
    et al. 2024, arXiv 2404.14507.
    """
    from nodes.diffusion import schedules, sigma_curves

    _ends(betas, steps)
    values = sigma_curves.from_table(
        _of(sigma_curves.ALIGN_YOUR_STEPS, "trained_for", trained_for), steps
    )
    return schedules.at_sigmas(betas, values)


@node("sigmas_curves.optimal_steps")
def optimal_steps(
    betas: NoiseSchedule,
    steps: Steps = 20,
    trained_for: Annotated[str, Choice("flux", "wan", "chroma")] = "flux",
) -> Sigmas:
    """Take the levels that dynamic programming found best for a flow: Flux, Wan, Chroma.

    Tables for 10, 20 and 40 steps, read on lines in log sigma for other numbers; the last level is
    0. Pei et al. 2025, arXiv 2503.21774.
    """
    from nodes.diffusion import schedules, sigma_curves

    _ends(betas, steps)
    if not betas.flow:
        raise InputError("betas", "a diffusion", "a flow", "sigmas_curves.align_your_steps")
    values = sigma_curves.from_table(
        _of(sigma_curves.OPTIMAL_STEPS, "trained_for", trained_for), steps
    )
    return schedules.at_sigmas(betas, values)


@node("sigmas_curves.turbo", title="SD Turbo")
def turbo(
    betas: NoiseSchedule,
    steps: Annotated[int, Slider(1, 10, step=1, unit="steps")] = 1,
    strength: Annotated[float, Slider(0, 1, step=0.1)] = 1.0,
) -> Sigmas:
    """Take the timesteps that SD Turbo was distilled to: 999, 899, 799 ..., then sigma 0.

    `strength` below 1 begins further down, in tenths, to change a picture. Sauer et al. 2023, arXiv
    2311.17042.
    """
    from nodes.diffusion import schedules, sigma_curves

    fraction("strength", strength)
    if not isinstance(betas, BetaSchedule) or schedules.length(betas) < 1000:
        raise InputError("betas", type(betas).__name__, "a diffusion of 1000 timesteps")
    if not 1 <= steps <= 10:
        raise InputError("steps", str(steps), "1..10")
    return schedules.at_timesteps(betas, sigma_curves.turbo_timesteps(steps, strength))


def _ends(betas: NoiseSchedule, steps: int) -> tuple[float, float]:
    from nodes.diffusion import schedules

    if steps < 1:
        raise InputError("steps", str(steps), "at least 1")
    table = schedules.sigma_table(betas)
    return float(table[0]), float(table[-1])


def _above_zero(port: str, value: float) -> None:
    if value <= 0:
        raise InputError(port, f"{value:g}", "above 0")


def _of(tables: dict[str, tuple[float, ...]], port: str, name: str) -> tuple[float, ...]:
    if name not in tables:
        raise InputError(port, repr(name), f"one of {', '.join(tables)}")
    return tables[name]
