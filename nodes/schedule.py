"""Beta schedules, which a model was trained on, and the steps that a sampler takes.

The lists of sigmas that are cut and taken apart here are made in `sigmas` and `timesteps`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.checks import fraction, sigma_list
from nodes.types import BetaSchedule, Model, NoiseSchedule, Sigmas, Step

Beta = Annotated[float, Number(1e-6, 0.999, unit="per step")]
Count = Annotated[int, Number(2, 100_000, unit="timesteps")]


@node("schedule.of_model")
def of_model(model: Model) -> NoiseSchedule:
    """Tell which noise schedule a model was trained on, so that a sampler walks it and no other."""
    return model.betas


@node("schedule.linear")
def linear(timesteps: Count = 1000, start: Beta = 0.0001, end: Beta = 0.02) -> BetaSchedule:
    """Noise that sets in on a straight line: beta_t from `start` to `end`.

    The schedule of DDPM: Ho et al. 2020, arXiv 2006.11239, section 4. alpha-bar_t is the product of
    1 - beta up to t.
    """
    from nodes.diffusion.schedules import linear_betas, schedule_of_betas

    _check_betas(timesteps, start, end)
    return schedule_of_betas(linear_betas(timesteps, start, end))


@node("schedule.scaled_linear")
def scaled_linear(
    timesteps: Count = 1000, start: Beta = 0.00085, end: Beta = 0.012
) -> BetaSchedule:
    """The schedule of Stable Diffusion 1 and 2: sqrt(beta_t) on a straight line.

    Rombach et al. 2021, arXiv 2112.10752; with the defaults sigma runs from 0.029 to 14.6.
    """
    from nodes.diffusion.schedules import scaled_linear_betas, schedule_of_betas

    _check_betas(timesteps, start, end)
    return schedule_of_betas(scaled_linear_betas(timesteps, start, end))


@node("schedule.squared_cosine")
def squared_cosine(timesteps: Count = 1000) -> BetaSchedule:
    """Noise that sets in slowly at both ends: alpha-bar is a squared cosine of time.

    alpha-bar(u) = cos^2(pi/2 * (u + 0.008) / 1.008), beta at most 0.999: Nichol & Dhariwal 2021,
    arXiv 2102.09672, eq. 17. diffusers calls it squaredcos_cap_v2.
    """
    from nodes.diffusion.schedules import schedule_of_betas, squared_cosine_betas

    _check_betas(timesteps, 0.001, 0.999)
    return schedule_of_betas(squared_cosine_betas(timesteps))


@node("schedule.zero_terminal_snr", title="Zero terminal SNR")
def zero_terminal_snr(betas: NoiseSchedule) -> BetaSchedule:
    """Make the last timestep pure noise, so that very dark and very bright pictures can be.

    sqrt(alpha-bar) is shifted to end at 0 and stretched to keep its start: Lin et al. 2023, arXiv
    2305.08891, algorithm 1. For models that were trained so, which predict v.
    """
    from nodes.diffusion import schedules

    if not isinstance(betas, BetaSchedule):
        raise InputError("betas", type(betas).__name__, "a schedule of betas, as diffusions have")
    return schedules.zero_terminal_snr(betas)


@node("schedule.steps", output="steps")
def steps(sigmas: Sigmas) -> list[Step]:
    """Take a list of N + 1 sigmas apart into N steps, for a loop to walk.

    Step i goes from sigma i to sigma i + 1. One sigma alone is no step: an empty list.
    """
    from nodes.diffusion.schedules import step_list

    sigma_list(sigmas)
    return step_list(sigmas)


@node("schedule.step", output="step")
def step(sigmas: Sigmas, index: Annotated[int, Number(0, 999, step=1)] = 0) -> Step:
    """Pick one step of a list of sigmas, 0 the first, for a chain of nodes without a loop."""
    from nodes.diffusion.schedules import step_list

    sigma_list(sigmas)
    count = len(sigmas.values) - 1
    if not 0 <= index < count:
        raise InputError("index", str(index), f"0..{count - 1}", f"The list has {count} steps")
    return step_list(sigmas)[index]


class SplitSigmas(NamedTuple):
    """The noisy part, then the clean part; both hold the sigma at which they meet."""

    high: Sigmas
    low: Sigmas


@node("schedule.split")
def split(sigmas: Sigmas, at: Annotated[int, Number(0, 1000, step=1)] = 10) -> SplitSigmas:
    """Cut a list of sigmas after `at` steps: form first, details later, perhaps by another model.

    The steps of the second part keep their numbers, so that both parts together draw what the whole
    would have drawn.
    """
    sigma_list(sigmas)
    if not 0 <= at < len(sigmas.values):
        count = len(sigmas.values) - 1
        raise InputError("at", str(at), f"0..{count}", f"The list has {count} steps")
    return SplitSigmas(_cut(sigmas, 0, at + 1), _cut(sigmas, at, len(sigmas.values)))


@node("schedule.flip")
def flip(sigmas: Sigmas) -> Sigmas:
    """Turn a list of sigmas round: from the picture to noise, to invert DDIM or Euler."""
    return replace(sigmas, values=sigmas.values[::-1], timesteps=sigmas.timesteps[::-1], first=0)


@node("schedule.by_strength")
def by_strength(
    sigmas: Sigmas, strength: Annotated[float, Slider(0, 1, step=0.01)] = 0.6
) -> Sigmas:
    """Leave out the noisiest steps, so that a given picture is changed and not replaced.

    Of N steps the last int(N * strength) stay: 1 keeps all, 0 none and the picture as it is.
    """
    sigma_list(sigmas)
    fraction("strength", strength)
    count = len(sigmas.values) - 1
    kept = int(count * strength + 1e-9)  # 100 * 0.29 is 28.999...
    return _cut(sigmas, count - kept, count + 1)


def _cut(sigmas: Sigmas, start: int, stop: int) -> Sigmas:
    values, timesteps = sigmas.values[start:stop], sigmas.timesteps[start:stop]
    return replace(sigmas, values=values, timesteps=timesteps, first=sigmas.first + start)


def _check_betas(timesteps: int, start: float, end: float) -> None:
    if timesteps < 2:
        raise InputError("timesteps", str(timesteps), "at least 2")
    if not (0 < start < 1 and 0 < end < 1):
        raise InputError("start, end", f"{start:g} and {end:g}", "betas between 0 and 1")
