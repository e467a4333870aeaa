"""Noise schedules in float64: beta curves, sigmas of timesteps, and the lists a sampler walks.

Everything here is a plain float or a tuple of floats, worked out on the CPU: some devices have no
float64, and a schedule must be the same on all of them. sigma(t) = sqrt((1 - ab_t) / ab_t), where
ab is alpha-bar, the cumulative product of 1 - beta (Ho et al. 2020, arXiv 2006.11239, eq. 4).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nodes.diffusion.incomplete_beta import beta_quantile
from nodes.types import BetaSchedule, ContinuousSchedule, FlowSchedule, NoiseSchedule, Sigmas, Step

# A schedule of zero terminal SNR has alpha-bar 0 at its end, where sigma would be infinite. This
# floor gives sigma 4096: far more than any picture, and still exact in half precision.
MIN_ALPHA_BAR = 2.0**-24

# A schedule without timesteps of its own is spread over as many as the others have.
CONTINUOUS_COUNT = 1000


def linear_betas(count: int, start: float, end: float) -> list[float]:
    """Betas on a straight line from `start` to `end`."""
    return [float(b) for b in np.linspace(start, end, count)]


def scaled_linear_betas(count: int, start: float, end: float) -> list[float]:
    """Betas whose square roots are on a straight line."""
    return [float(b) ** 2 for b in np.linspace(math.sqrt(start), math.sqrt(end), count)]


def squared_cosine_betas(count: int, max_beta: float = 0.999) -> list[float]:
    """Betas that make alpha-bar a squared cosine of time."""

    def alpha_bar(time: float) -> float:
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    return [
        min(1 - alpha_bar((t + 1) / count) / alpha_bar(t / count), max_beta) for t in range(count)
    ]


def schedule_of_betas(betas: Sequence[float]) -> BetaSchedule:
    """The schedule of a list of betas: alpha-bar is the running product of 1 - beta."""
    return BetaSchedule(tuple(float(a) for a in np.cumprod(1.0 - np.asarray(betas, np.float64))))


def zero_terminal_snr(betas: BetaSchedule) -> BetaSchedule:
    """The schedule shifted and stretched so that its last timestep is noise and nothing else."""
    roots = np.sqrt(np.asarray(betas.alphas_cumprod, np.float64))
    shifted = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    return BetaSchedule(tuple(float(r) ** 2 for r in shifted))


def sigma_table(schedule: NoiseSchedule) -> np.ndarray:
    """sigma of each of the model's timesteps, float64 [T], ascending."""
    if isinstance(schedule, FlowSchedule):
        times = np.arange(1, schedule.count + 1, dtype=np.float64) / schedule.count
        return shifted(times, schedule.shift)
    if isinstance(schedule, ContinuousSchedule):
        ends = math.log(schedule.sigma_min), math.log(schedule.sigma_max)
        spread: np.ndarray = np.exp(np.linspace(*ends, CONTINUOUS_COUNT))
        return spread
    if not isinstance(schedule, BetaSchedule):
        raise TypeError(f"{type(schedule).__name__} is no kind of noise schedule that is known")
    alpha_bar = np.maximum(np.asarray(schedule.alphas_cumprod, np.float64), MIN_ALPHA_BAR)
    table: np.ndarray = np.sqrt((1.0 - alpha_bar) / alpha_bar)
    return table


def shifted(times: np.ndarray, shift: float) -> np.ndarray:
    """Flow times, more of them noisy: Esser et al. 2024, arXiv 2403.03206, eq. 23."""
    moved: np.ndarray = shift * times / (1 + (shift - 1) * times)
    return moved


def shift_for_tokens(tokens: float, low: float, high: float, fewest: int, most: int) -> float:
    """A shift for pictures of so many tokens: exp(mu), mu on a line from `low` at the fewest to
    `high` at the most tokens, and on beyond them."""
    return math.exp(low + (high - low) * (tokens - fewest) / (most - fewest))


def length(schedule: NoiseSchedule) -> int:
    """How many timesteps the table has."""
    return len(sigma_table(schedule))


def sigma_at(table: np.ndarray, position: float) -> float:
    """sigma at a place of the table, between two of them on a line in log sigma."""
    return float(np.exp(np.interp(position, np.arange(len(table)), np.log(table))))


def position_of(table: np.ndarray, sigma: float) -> float:
    """The place of a sigma in the table: the inverse of `sigma_at`, held within the table."""
    if sigma <= 0:
        return 0.0
    return float(np.interp(math.log(sigma), np.log(table), np.arange(len(table))))


def timestep_of_sigma(schedule: NoiseSchedule, sigma: float) -> float:
    """What the network is told at a sigma: its clock, held within what it was trained on."""
    if isinstance(schedule, FlowSchedule):
        return sigma * schedule.multiplier
    if isinstance(schedule, ContinuousSchedule):
        return 0.25 * math.log(max(sigma, schedule.sigma_min))
    return position_of(sigma_table(schedule), sigma)


def sigma_of_timestep(schedule: NoiseSchedule, timestep: float) -> float:
    """The inverse of `timestep_of_sigma`."""
    if isinstance(schedule, FlowSchedule):
        return timestep / schedule.multiplier
    if isinstance(schedule, ContinuousSchedule):
        return math.exp(4 * timestep)
    return sigma_at(sigma_table(schedule), timestep)


def sigma_of_share(schedule: NoiseSchedule, share: float) -> float:
    """sigma where a share of the schedule lies behind, 0 at its noisiest level, 1 at no noise."""
    if share <= 0:
        return math.inf
    if share >= 1:
        return 0.0
    if isinstance(schedule, FlowSchedule):
        return float(shifted(np.asarray(1.0 - share), schedule.shift))
    table = sigma_table(schedule)
    return sigma_at(table, (1.0 - share) * (len(table) - 1))


def at_timesteps(
    schedule: NoiseSchedule, timesteps: Sequence[float], linear: bool = False
) -> Sigmas:
    """The sigmas at given places of the table, and a final 0.

    `linear` reads between two places on a line in sigma, as diffusers does, instead of log sigma.
    """
    table = sigma_table(schedule)
    if linear:
        values = [float(s) for s in np.interp(timesteps, np.arange(len(table)), table)]
    else:
        values = [sigma_at(table, t) for t in timesteps]
    if not isinstance(schedule, BetaSchedule):
        return at_sigmas(schedule, [*values, 0.0])
    return Sigmas((*values, 0.0), (*(float(t) for t in timesteps), 0.0))


def at_sigmas(schedule: NoiseSchedule, values: Sequence[float]) -> Sigmas:
    """Given sigmas with the timesteps that the model knows them by."""
    if isinstance(schedule, BetaSchedule):
        table = sigma_table(schedule)
        timesteps = tuple(position_of(table, s) for s in values)
    else:
        timesteps = tuple(timestep_of_sigma(schedule, s) for s in values)
    return Sigmas(tuple(float(s) for s in values), timesteps, flow=schedule.flow)


def step_list(sigmas: Sigmas) -> list[Step]:
    """The steps between the sigmas of a list, numbered as in the schedule it was cut from."""
    count = len(sigmas.values) - 1
    return [
        Step(
            index=sigmas.first + i,
            count=sigmas.first + count,
            sigma=sigmas.values[i],
            sigma_next=sigmas.values[i + 1],
            timestep=sigmas.timesteps[i],
            timestep_next=sigmas.timesteps[i + 1],
            flow=sigmas.flow,
        )
        for i in range(count)
    ]


def normal(betas: NoiseSchedule, steps: int) -> Sigmas:
    """Timesteps evenly from the last to the first."""
    if isinstance(betas, FlowSchedule):
        return _flow_between(betas, steps, steps)
    return at_timesteps(betas, list(np.linspace(length(betas) - 1, 0, steps)))


def sgm_uniform(betas: NoiseSchedule, steps: int) -> Sigmas:
    """Timesteps evenly from the last, stopping one stride before the first."""
    if isinstance(betas, FlowSchedule):
        return _flow_between(betas, steps, steps + 1)
    return at_timesteps(betas, list(np.linspace(length(betas) - 1, 0, steps + 1))[:-1])


def _flow_between(schedule: FlowSchedule, steps: int, places: int) -> Sigmas:
    """The first `steps` of `places` times, evenly from 1 to the lowest sigma, shifted; then 0.

    The lowest sigma is shifted already: ComfyUI and diffusers shift their last time twice.
    """
    times = np.linspace(1, float(sigma_table(schedule)[0]), places)[:steps]
    values = [float(sigma) for sigma in shifted(times, schedule.shift)]
    return at_sigmas(schedule, [*values, 0.0])


def simple(betas: NoiseSchedule, steps: int) -> Sigmas:
    """Every (T / steps)-th timestep from the last, rounded towards the noisy end."""
    count = length(betas)
    return at_timesteps(betas, [count - 1 - int(i * count / steps) for i in range(steps)])


def ddim_uniform(betas: NoiseSchedule, steps: int) -> Sigmas:
    """Timesteps 1, 1 + r, 1 + 2 r ... with r = T // steps, as far as the schedule reaches."""
    count = length(betas)
    return at_timesteps(betas, list(range(1, count, max(count // steps, 1)))[::-1])


def beta_spaced(betas: NoiseSchedule, steps: int, alpha: float, beta: float) -> Sigmas:
    """Timesteps at the quantiles of a Beta(alpha, beta) distribution; doubles are left out."""
    last = length(betas) - 1
    quantiles = (beta_quantile(1 - i / steps, alpha, beta) for i in range(steps))
    return at_timesteps(betas, list(dict.fromkeys(round(q * last) for q in quantiles)))


def karras(low: float, high: float, steps: int, rho: float) -> list[float]:
    """sigmas whose rho-th roots are evenly spaced, and a final 0."""
    ramp = np.linspace(0, 1, steps)
    roots = high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))
    return [*(float(r) ** rho for r in roots), 0.0]


def exponential(low: float, high: float, steps: int) -> list[float]:
    """sigmas whose logarithms are evenly spaced, and a final 0."""
    return [*(math.exp(s) for s in np.linspace(math.log(high), math.log(low), steps)), 0.0]


def linspace_timesteps(count: int, steps: int) -> list[float]:
    """From count - 1 down to 0, both ends taken, fractions kept."""
    return [float(t) for t in np.linspace(count - 1, 0, steps)]


def leading_timesteps(count: int, steps: int, offset: int) -> list[float]:
    """Multiples of count // steps from 0, shifted by `offset`, the highest first."""
    return [float(i * (count // steps) + offset) for i in reversed(range(steps))]


def trailing_timesteps(count: int, steps: int) -> list[float]:
    """Back from count in strides of count / steps, each rounded, minus one."""
    return [float(np.round(count - i * count / steps) - 1) for i in range(steps)]
