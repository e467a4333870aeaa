"""Lists of noise levels by the three ways in which diffusers' schedulers space their timesteps.

Table 2 of Lin et al. 2023, arXiv 2305.08891, compares them. T is the number of trained timesteps.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.types import NoiseSchedule, Sigmas

Steps = Annotated[int, Slider(1, 1000, step=1, unit="steps")]


@node("timesteps.linspace")
def linspace(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Spread the steps evenly over the trained timesteps, the noisiest and the cleanest among them.

    T - 1 down to 0, fractions kept, then sigma 0; diffusers' `linspace`. Between two of them sigma
    is read on a straight line, as diffusers' Euler does it; `sigmas.normal` reads it in log sigma.
    """
    from nodes.diffusion import schedules

    _check_steps(steps, betas)
    wanted = schedules.linspace_timesteps(schedules.length(betas), steps)
    return schedules.at_timesteps(betas, wanted, linear=True)


@node("timesteps.leading")
def leading(
    betas: NoiseSchedule, steps: Steps = 20, offset: Annotated[int, Number(0, 10, step=1)] = 1
) -> Sigmas:
    """Count the steps up from the clean end, which leaves the noisiest timesteps out.

    Multiples of floor(T / steps) shifted by `offset`, the highest first, then sigma 0; diffusers'
    `leading`. What Stable Diffusion 1 was published with (offset 1).
    """
    from nodes.diffusion import schedules

    _check_steps(steps, betas)
    count = schedules.length(betas)
    highest = (steps - 1) * (count // steps) + offset
    if offset < 0 or highest >= count:
        raise InputError(
            "offset", f"{offset} with {steps} steps, up to timestep {highest}", f"0..{count - 1}"
        )
    return schedules.at_timesteps(betas, schedules.leading_timesteps(count, steps, offset))


@node("timesteps.trailing")
def trailing(betas: NoiseSchedule, steps: Steps = 20) -> Sigmas:
    """Count the steps down from the noisiest timestep, which few steps need most.

    round(T - i * T / steps) - 1 for step i, then sigma 0; diffusers' `trailing`.
    """
    from nodes.diffusion import schedules

    _check_steps(steps, betas)
    return schedules.at_timesteps(
        betas, schedules.trailing_timesteps(schedules.length(betas), steps)
    )


@node("timesteps.from_list")
def from_list(betas: NoiseSchedule, values: Annotated[list[float], Number(0, 100_000)]) -> Sigmas:
    """Walk timesteps of one's own choice, each lower than the one before, then to sigma 0."""
    from nodes.diffusion import schedules

    last = schedules.length(betas) - 1
    if not values:
        raise InputError("values", "an empty list", "at least one timestep")
    if not all(0 <= v <= last for v in values):
        raise InputError("values", f"{values}", f"timesteps in 0..{last}")
    for i, (high, low) in enumerate(pairwise(values)):
        if high <= low:
            got = f"{high:g} before {low:g} at place {i}"
            raise InputError("values", got, "a descending list")
    return schedules.at_timesteps(betas, values)


def _check_steps(steps: int, betas: NoiseSchedule) -> None:
    from nodes.diffusion import schedules

    if not 1 <= steps <= schedules.length(betas):
        raise InputError("steps", str(steps), f"1..{schedules.length(betas)}")
