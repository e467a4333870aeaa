"""Lists of noise levels for N steps: N + 1 sigmas that descend to 0, each with its timestep.

Where a list is made of sigmas, the timestep of each is read off the schedule on a line in log
sigma; where it is made of timesteps, the sigmas are.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.checks import fraction
from nodes.sampler_names import SCHEDULERS, SchedulerName
from nodes.types import NoiseSchedule, Sigmas

Steps = Annotated[int, Slider(1, 1000, step=1, unit="steps")]
Shape = Annotated[float, Slider(0.05, 5, step=0.05)]


@node("sigmas.normal")
def normal(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Spread the steps evenly over the trained timesteps, T - 1 and 0 among them, and a final 0.

    Between two timesteps sigma is read on a line in log sigma.
    """
    from nodes.diffusion import schedules

    _check_steps(steps)
    return schedules.normal(betas, steps)


@node("sigmas.simple")
def simple(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Take every (T / steps)-th of the trained timesteps from the noisiest, and a final 0.

    Step i is at timestep T - 1 - floor(i * T / steps): none falls between two that were trained.
    """
    from nodes.diffusion import schedules

    _check_steps(steps, betas)
    return schedules.simple(betas, steps)


@node("sigmas.sgm_uniform", title="SGM uniform")
def sgm_uniform(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Spread the steps evenly, one stride short of the cleanest timestep, and a final 0."""
    from nodes.diffusion import schedules

    _check_steps(steps)
    return schedules.sgm_uniform(betas, steps)


@node("sigmas.ddim_uniform", title="DDIM uniform")
def ddim_uniform(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Take the timesteps of DDIM: 1, 1 + r, 1 + 2r ... with r = floor(T / steps), and a final 0.

    They reach as far up as the schedule does; where `steps` does not divide T, there are one or a
    few more steps than asked for. `timesteps.leading` keeps to the number.
    """
    from nodes.diffusion import schedules

    _check_steps(steps, betas)
    return schedules.ddim_uniform(betas, steps)


@node("sigmas.beta")
def beta(betas: NoiseSchedule, steps: Steps = 20, alpha: Shape = 0.6, beta: Shape = 0.6) -> Sigmas:
    """Take more steps at both ends: the timesteps are quantiles of a Beta distribution.

    Step i is at round((T - 1) * Q(1 - i / steps)), where Q is the quantile function of Beta(alpha,
    beta); steps that fall on one timestep are one. 1 and 1 make it even. Lee et al. 2024, arXiv
    2407.12173.
    """
    from nodes.diffusion import schedules

    _check_steps(steps)
    if alpha <= 0 or beta <= 0:
        raise InputError("alpha, beta", f"{alpha:g} and {beta:g}", "both above 0")
    return schedules.beta_spaced(betas, steps, alpha, beta)


@node("sigmas.karras")
def karras(
    betas: NoiseSchedule, steps: Steps = 20, rho: Annotated[float, Slider(1, 20, step=0.5)] = 7.0
) -> Sigmas:
    """Take small steps where there is little noise: sigma^(1/rho) is evenly spaced, then a 0.

    Between the highest and the lowest sigma of the model. Karras et al. 2022, arXiv 2206.00364,
    eq. 5.
    """
    from nodes.diffusion import schedules

    _check_steps(steps)
    if rho <= 0:
        raise InputError("rho", f"{rho:g}", "above 0")
    table = schedules.sigma_table(betas)
    values = schedules.karras(float(table[0]), float(table[-1]), steps, rho)
    return schedules.at_sigmas(betas, values)


@node("sigmas.exponential")
def exponential(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Lower sigma by one and the same factor at each step, from highest to lowest, then to 0."""
    from nodes.diffusion import schedules

    _check_steps(steps)
    table = schedules.sigma_table(betas)
    values = schedules.exponential(float(table[0]), float(table[-1]), steps)
    return schedules.at_sigmas(betas, values)


@node("sigmas.by_name")
def by_name(
    betas: NoiseSchedule,
    scheduler: SchedulerName = "normal",
    steps: Steps = 20,
    strength: Annotated[float, Slider(0, 1, step=0.01)] = 1.0,
) -> Sigmas:
    """Take a list of sigmas by the name of its scheduler, all of it or the part for a picture.

    With `strength` below 1 there are still `steps` steps: the last of int(steps / strength), so
    that a given picture is changed and not replaced. `schedule.by_strength` leaves steps out
    instead.
    """
    from nodes.diffusion import sigma_curves

    _check_steps(steps)
    fraction("strength", strength)
    if scheduler not in SCHEDULERS:
        raise InputError("scheduler", repr(scheduler), f"one of {', '.join(SCHEDULERS)}")
    if strength == 0:
        return _last(sigma_curves.by_name(betas, scheduler, steps), 0)
    of = int(steps / strength + 1e-9)
    if scheduler in ("simple", "ddim_uniform"):
        _check_steps(of, betas)
    return _last(sigma_curves.by_name(betas, scheduler, of), steps)


@node("sigmas.from_list")
def from_list(betas: NoiseSchedule, values: Annotated[list[float], Number(0, 10_000)]) -> Sigmas:
    """Walk noise levels of one's own choice, N + 1 for N steps, each lower than the one before.

    The last is usually 0: what it is, is the noise that stays.
    """
    from nodes.diffusion import schedules

    if not values:
        raise InputError("values", "an empty list", "at least one sigma")
    if not all(math.isfinite(v) and v >= 0 for v in values):
        raise InputError("values", f"{values}", "finite sigmas of at least 0")
    for i, (high, low) in enumerate(pairwise(values)):
        if high <= low:
            got = f"{high:g} before {low:g} at place {i}"
            raise InputError("values", got, "a descending list", "schedule.flip turns one round")
    return schedules.at_sigmas(betas, values)


def _last(sigmas: Sigmas, steps: int) -> Sigmas:
    first = max(len(sigmas.values) - 1 - steps, 0)
    return replace(
        sigmas, values=sigmas.values[first:], timesteps=sigmas.timesteps[first:], first=first
    )


def _check_steps(steps: int, betas: NoiseSchedule | None = None) -> None:
    from nodes.diffusion import schedules

    if steps < 1:
        raise InputError("steps", str(steps), "at least 1")
    if betas is not None and steps > schedules.length(betas):
        raise InputError("steps", str(steps), f"at most the model's {schedules.length(betas)}")
