"""Further lists of noise levels: by formula, and the tables that others have optimised.

Each gives plain floats that end with 0; `schedules.at_sigmas` adds the model's timesteps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nodes.diffusion import schedules
from nodes.types import NoiseSchedule, Sigmas

# Sabour et al. 2024, arXiv 2404.14507 (Align Your Steps), for ten steps.
ALIGN_YOUR_STEPS: dict[str, tuple[float, ...]] = {
    "sd1": (
        14.6146412293,
        6.4745760956,
        3.8636745985,
        2.6946151520,
        1.8841921177,
        1.3943805092,
        0.9642583904,
        0.6523686016,
        0.3977456272,
        0.1515232662,
        0.0291671582,
    ),
    "sdxl": (
        14.6146412293,
        6.3184485287,
        3.7681790315,
        2.1811480769,
        1.3405244945,
        0.8620721141,
        0.5550693289,
        0.3798540708,
        0.2332364134,
        0.1114188177,
        0.0291671582,
    ),
    "svd": (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
}

# Pei et al. 2025, arXiv 2503.21774 (Optimal Stepsize), for 10, 20 and 40 steps.
OPTIMAL_STEPS: dict[str, tuple[float, ...]] = {
    "flux": (
        *(0.9968, 0.9886, 0.9819, 0.975, 0.966, 0.9471),
        *(0.9158, 0.8287, 0.5512, 0.2808, 0.001),
    ),
    "wan": (
        *(1.0, 0.997, 0.995, 0.993, 0.991, 0.989, 0.987, 0.985, 0.98, 0.975, 0.973),
        *(0.968, 0.96, 0.946, 0.927, 0.902, 0.864, 0.776, 0.539, 0.208, 0.001),
    ),
    "chroma": (
        *(0.992, 0.99, 0.988, 0.985, 0.982, 0.978, 0.973, 0.968, 0.961, 0.953, 0.943),
        *(0.931, 0.917, 0.9, 0.881, 0.858, 0.832, 0.802, 0.769, 0.731, 0.69, 0.646, 0.599),
        *(0.55, 0.501, 0.451, 0.402, 0.355, 0.311, 0.27, 0.232, 0.199, 0.169, 0.143, 0.12),
        *(0.101, 0.084, 0.07, 0.058, 0.048, 0.001),
    ),
}


def from_table(table: Sequence[float], steps: int) -> list[float]:
    """A table for another number of steps: read on lines in log sigma, its last level then 0."""
    places = np.linspace(0, len(table) - 1, steps + 1)
    logs = np.interp(places, np.arange(len(table)), np.log(table))
    return [*(math.exp(v) for v in logs[:-1]), 0.0]


def polyexponential(low: float, high: float, steps: int, rho: float) -> list[float]:
    """log sigma = log low + (1 - i / (n - 1))^rho * log(high / low), and a final 0."""
    ramp = np.linspace(1, 0, steps) ** rho
    return [*(low * (high / low) ** float(r) for r in ramp), 0.0]


def kl_optimal(low: float, high: float, steps: int) -> list[float]:
    """sigmas whose arc tangents are evenly spaced: Sabour et al. 2024, arXiv 2404.14507."""
    angles = np.linspace(math.atan(high), math.atan(low), steps)
    return [*(math.tan(a) for a in angles), 0.0]


def variance_preserving(steps: int, beta_d: float, beta_min: float, last: float) -> list[float]:
    """sqrt(e^(beta_d t^2 / 2 + beta_min t) - 1) for t evenly from 1 to `last`, and a final 0."""
    times = np.linspace(1, last, steps)
    return [*(math.sqrt(math.expm1(beta_d * t * t / 2 + beta_min * t)) for t in times), 0.0]


def laplace(low: float, high: float, steps: int, mu: float, beta: float) -> list[float]:
    """log sigma at the quantiles of a Laplace distribution: Hang & Gu 2024, arXiv 2407.03297.

    Held within the model's levels; what falls together at an end is one level.
    """
    values = []
    for place in np.linspace(0, 1, steps):
        side = 0.5 - float(place)
        tail = math.log(1 - 2 * abs(side) + 1e-5)
        level = math.exp(mu - beta * math.copysign(1, side) * tail) if side else math.exp(mu)
        values.append(min(max(level, low), high))
    return [*dict.fromkeys(values), 0.0]


def linear_quadratic(high: float, steps: int, threshold: float) -> list[float]:
    """Half of the steps lose `threshold` of the noise on a line, the rest all of it on a parabola.

    The two meet with one slope. As Mochi's authors published it with their model.
    """
    if steps == 1:
        return [high, 0.0]
    linear = steps // 2
    slope, rest = threshold / linear, steps - linear
    bend = (1 - threshold - slope * rest) / rest**2
    lost = [slope * i for i in range(linear)]
    lost += [threshold + slope * i + bend * i * i for i in range(rest)]
    return [*(high * (1 - part) for part in lost), 0.0]


def turbo_timesteps(steps: int, strength: float) -> list[float]:
    """999, 899, ... 99 for a model distilled to ten steps, from the place that `strength` says."""
    first = 10 - int(10 * strength + 1e-9)
    return [999.0 - 100 * i for i in range(10)][first : first + steps]


def by_name(schedule: NoiseSchedule, name: str, steps: int) -> Sigmas:
    """One of ComfyUI's nine, with its usual settings."""
    table = schedules.sigma_table(schedule)
    low, high = float(table[0]), float(table[-1])
    if name == "karras":
        return schedules.at_sigmas(schedule, schedules.karras(low, high, steps, 7.0))
    if name == "exponential":
        return schedules.at_sigmas(schedule, schedules.exponential(low, high, steps))
    if name == "kl_optimal":
        return schedules.at_sigmas(schedule, kl_optimal(low, high, steps))
    if name == "linear_quadratic":
        return schedules.at_sigmas(schedule, linear_quadratic(high, steps, 0.025))
    if name == "beta":
        return schedules.beta_spaced(schedule, steps, 0.6, 0.6)
    return {
        "simple": schedules.simple,
        "sgm_uniform": schedules.sgm_uniform,
        "ddim_uniform": schedules.ddim_uniform,
        "normal": schedules.normal,
    }[name](schedule, steps)
