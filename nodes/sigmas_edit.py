"""Lists of noise levels put together, refined, cut and bent. `schedule` holds the plainest cuts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.checks import fraction, sigma_list
from nodes.types import NoiseSchedule, Sigmas

Level = Annotated[float, Number(0, 20_000)]
SPACINGS = ("linear", "cosine", "sine")


class SplitSigmas(NamedTuple):
    """The noisy part, then the clean part; both hold the sigma at which they meet."""

    high: Sigmas
    low: Sigmas


@node("sigmas_edit.split_by_strength")
def split_by_strength(
    sigmas: Sigmas, strength: Annotated[float, Slider(0, 1, step=0.01)] = 0.5
) -> SplitSigmas:
    """Cut a list of sigmas so that the second part has a share of the steps.

    Of N steps the last round(N * strength) are the second part, which keeps its numbers and
    thereby its noise.
    """
    sigma_list(sigmas)
    fraction("strength", strength)
    count = len(sigmas.values) - 1
    at = count - round(count * strength)
    return SplitSigmas(_cut(sigmas, 0, at + 1), _cut(sigmas, at, count + 1))


@node("sigmas_edit.concat")
def concat(first: Sigmas, second: Sigmas) -> Sigmas:
    """Put a second list of sigmas after a first, which ends at or above where the second begins.

    A level that is in both is one.
    """
    sigma_list(first)
    sigma_list(second)
    if first.flow != second.flow:
        raise InputError("second", "levels of another kind of model", "those of the first's kind")
    end, start = first.values[-1], second.values[0]
    if start > end:
        hint = "sigmas_edit.with_restart makes lists that rise"
        raise InputError("second", f"sigma {start:g} after {end:g}", "no rise", hint)
    skip = 1 if start == end else 0
    values = (*first.values, *second.values[skip:])
    return replace(first, values=values, timesteps=(*first.timesteps, *second.timesteps[skip:]))


@node("sigmas_edit.set_first")
def set_first(sigmas: Sigmas, betas: NoiseSchedule, sigma: Level = 136.0) -> Sigmas:
    """Begin a list of sigmas at another level: with more noise than the model's own, or less."""
    from nodes.diffusion.schedules import timestep_of_sigma

    sigma_list(sigmas)
    if len(sigmas.values) > 1 and sigma <= sigmas.values[1]:
        raise InputError("sigma", f"{sigma:g}", f"above the second level, {sigmas.values[1]:g}")
    first = timestep_of_sigma(betas, sigma)
    values, timesteps = (sigma, *sigmas.values[1:]), (first, *sigmas.timesteps[1:])
    return replace(sigmas, values=values, timesteps=timesteps)


@node("sigmas_edit.refine")
def refine(
    sigmas: Sigmas,
    betas: NoiseSchedule,
    parts: Annotated[int, Slider(1, 100, step=1)] = 2,
    from_sigma: Level = 20_000.0,
    to_sigma: Level = 12.0,
    spacing: Annotated[str, Choice(*SPACINGS)] = "linear",
) -> Sigmas:
    """Take each step that begins between two levels in several parts.

    A step from `from_sigma` down to `to_sigma` becomes `parts` steps, evenly (`linear`), or with
    the longer ones first (`cosine`) or last (`sine`), along a quarter of a wave.
    """
    from nodes.diffusion.schedules import at_sigmas

    sigma_list(sigmas)
    if parts < 1:
        raise InputError("parts", str(parts), "at least 1")
    if spacing not in SPACINGS:
        raise InputError("spacing", repr(spacing), f"one of {', '.join(SPACINGS)}")
    values = []
    for high, low in zip(sigmas.values, sigmas.values[1:], strict=False):
        inner = parts if to_sigma <= high <= from_sigma else 1
        values += [high + (low - high) * _spaced(k / inner, spacing) for k in range(inner)]
    return replace(at_sigmas(betas, [*values, sigmas.values[-1]]), first=sigmas.first)


@node("sigmas_edit.without_penultimate")
def without_penultimate(sigmas: Sigmas) -> Sigmas:
    """Leave out the last level before the end, so that the last step is longer.

    What ComfyUI does for `dpm_2`, `dpm_2_ancestral`, `uni_pc` and `uni_pc_bh2`, asking for a step
    more first.
    """
    sigma_list(sigmas)
    if len(sigmas.values) < 3:
        raise InputError("sigmas", f"{len(sigmas.values)} levels", "at least 3")
    values = (*sigmas.values[:-2], sigmas.values[-1])
    return replace(sigmas, values=values, timesteps=(*sigmas.timesteps[:-2], sigmas.timesteps[-1]))


@node("sigmas_edit.sigma_at_share")
def sigma_at_share(
    betas: NoiseSchedule, share: Annotated[float, Slider(0, 1, step=0.01)] = 0.0
) -> float:
    """Tell the noise level where a share of a model's schedule lies behind.

    Evenly in its timesteps: 0 is the highest sigma, 1 is 0.
    """
    from nodes.diffusion import schedules

    fraction("share", share)
    sigma = schedules.sigma_of_share(betas, share)
    return sigma if math.isfinite(sigma) else float(schedules.sigma_table(betas)[-1])


@node("sigmas_edit.with_restart")
def with_restart(
    sigmas: Sigmas,
    betas: NoiseSchedule,
    low: Level = 0.1,
    high: Level = 2.0,
    steps: Annotated[int, Slider(1, 100, step=1, unit="steps")] = 9,
    times: Annotated[int, Slider(1, 20, step=1)] = 1,
) -> Sigmas:
    """Go back up to `high` when `low` is reached, and down again: mistakes on the way are mended.

    At the first level at or below `low`, `times` times: a rise to `high`, for which the one-node
    samplers and `sample_restart` add fresh noise, and `steps` steps down, spaced as Karras'. Xu et
    al. 2023, arXiv 2306.14878.
    """
    from nodes.diffusion import schedules

    sigma_list(sigmas)
    values = list(sigmas.values)
    found = [i for i, v in enumerate(values) if 0 < v <= low]
    if not found or found[0] == 0:
        between = f"between {values[-1]:g} and {values[0]:g}"
        raise InputError("low", f"{low:g}", f"a level that the list reaches, {between}")
    at = found[0]
    if not values[at] < high <= values[0]:
        raise InputError("high", f"{high:g}", f"above {values[at]:g}, at most {values[0]:g}")
    if steps < 1 or times < 1:
        raise InputError("steps, times", f"{steps} and {times}", "both at least 1")
    again = schedules.karras(values[at], high, steps + 1, 7.0)[:-1]
    again[0], again[-1] = high, values[at]
    all_values = [*values[: at + 1], *(again * times), *values[at + 1 :]]
    return replace(schedules.at_sigmas(betas, all_values), first=sigmas.first)


def _spaced(share: float, spacing: str) -> float:
    if spacing == "linear":
        return share
    turn = share * math.pi / 2
    return math.sin(turn) if spacing == "cosine" else 1 - math.cos(turn)


def _cut(sigmas: Sigmas, start: int, stop: int) -> Sigmas:
    values, timesteps = sigmas.values[start:stop], sigmas.timesteps[start:stop]
    return replace(sigmas, values=values, timesteps=timesteps, first=sigmas.first + start)
