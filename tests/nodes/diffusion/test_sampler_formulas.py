"""Every sampler against its published formula, written out in NumPy in float64.

For diffusions the formulas are those of k-diffusion and of the papers named in `nodes.diffusion`,
in sigma and t = -log sigma; for flows those in 1 - sigma. The model is smooth and not linear, and
its unwanted prompt says something else. Both sides do float64, so they agree to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy import exp, expm1, log, sqrt

from nodes.diffusion import samplers_multistep as multistep
from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian, step_noise
from nodes.diffusion.sampling import KINDS, Run, walk
from nodes.types import Answer, FlowSchedule, Step

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
FLOW = FlowSchedule(3.0)
STEPS = schedules.step_list(schedules.at_sigmas(SD, schedules.karras(0.03, 14.6, 8, 7.0)))
SIGMAS = [*(s.sigma for s in STEPS), 0.0]
FLOW_STEPS = schedules.step_list(schedules.sgm_uniform(FLOW, 8))
FLOW_SIGMAS = [*(s.sigma for s in FLOW_STEPS), 0.0]
START = 14.6 * gaussian((2, 4, 4), [2]).double()
FLOW_START = gaussian((2, 4, 4), [2]).double()
SEED = 3
N = len(STEPS)


def wanted(x: Any, sigma: float) -> Any:
    """The guided estimate of the clean latent; works on arrays and tensors alike."""
    return np.tanh(1.3 * x / math.sqrt(1 + sigma**2)) + 0.1 * np.sin(x)


def unwanted(x: Any, sigma: float) -> Any:
    return 0.8 * np.tanh(x / math.sqrt(1 + sigma**2)) - 0.2


def ask(x: torch.Tensor, step: Step) -> Answer:
    clean, plain = wanted(x.numpy(), step.sigma), unwanted(x.numpy(), step.sigma)
    return Answer((x - torch.tensor(clean)) / step.sigma, (x - torch.tensor(plain)) / step.sigma)


def ours(name: str, flow: bool = False, **settings: Any) -> Any:
    schedule, steps = (FLOW, FLOW_STEPS) if flow else (SD, STEPS)
    run = Run(ask, schedule, SEED, steps, settings)
    return walk(run, name, FLOW_START if flow else START, lambda x, _: x).numpy()


def fresh(i: int, part: int = 0) -> Any:
    return step_noise(START, SEED, i, part).numpy()


def split(high: float, low: float, eta: float) -> tuple[float, float]:
    up = min(low, eta * sqrt(low**2 * (high**2 - low**2) / high**2))
    return sqrt(low**2 - up**2), up


def over_steps(move: Callable[..., Any]) -> Any:
    """x after `move(x, i, sigma, sigma_next)` for each step."""
    x = START.numpy()
    for i in range(N):
        x = move(x, i, SIGMAS[i], SIGMAS[i + 1])
    return x


def dpm_2_ancestral(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, up = split(high, low, eta)
        slope = (x - wanted(x, high)) / high
        if down == 0:
            return x + slope * (down - high)
        middle = exp((log(high) + log(down)) / 2)
        there = x + slope * (middle - high)
        slope = (there - wanted(there, middle)) / middle
        return x + slope * (down - high) + up * fresh(i)

    return over_steps(move)


def heunpp2(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        first = (x - wanted(x, high)) / high
        if i + 1 == N:
            return x + first * (low - high)
        x_2 = x + first * (low - high)
        second = (x_2 - wanted(x_2, low)) / low
        if i + 2 == N:
            w_2 = low / (2 * SIGMAS[0])
            return x + ((1 - w_2) * first + w_2 * second) * (low - high)
        last = SIGMAS[i + 2]
        x_3 = x_2 + second * (last - low)
        third = (x_3 - wanted(x_3, last)) / last
        w_2, w_3 = low / (3 * SIGMAS[0]), last / (3 * SIGMAS[0])
        return x + ((1 - w_2 - w_3) * first + w_2 * second + w_3 * third) * (low - high)

    return over_steps(move)


def dpmpp_2s_ancestral(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, up = split(high, low, eta)
        clean = wanted(x, high)
        if down == 0:
            return clean
        t, t_next = -log(high), -log(down)
        h = t_next - t
        s = t + h / 2
        there = exp(-s) / exp(-t) * x - expm1(-h / 2) * clean
        return exp(-h) * x - expm1(-h) * wanted(there, exp(-s)) + up * fresh(i)

    return over_steps(move)


def dpmpp_sde(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        clean = wanted(x, high)
        if low == 0:
            return clean
        middle = sqrt(high * low)
        down, up = split(high, middle, eta)
        x_2 = down / high * x + (1 - down / high) * clean + up * fresh(i)
        clean_2 = wanted(x_2, middle)  # with r = 1/2 the first estimate has no weight
        down, up = split(high, low, eta)
        # One Wiener path: its noise over [low, high] is that of both parts.
        part = (high - middle) / (high - low)
        path = sqrt(part) * fresh(i) + sqrt(1 - part) * fresh(i, 1)
        return down / high * x + (1 - down / high) * clean_2 + up * path

    return over_steps(move)


def dpmpp_2m_sde_heun(eta: float) -> Any:
    old, h_last = None, 0.0

    def move(x: Any, i: int, high: float, low: float) -> Any:
        nonlocal old, h_last
        clean = wanted(x, high)
        if low == 0:
            return clean
        h = log(high / low)
        k = (eta + 1) * h
        x = low / high * exp(-h * eta) * x - expm1(-k) * clean
        if old is not None:
            x = x + (-expm1(-k) / -k + 1) * h / h_last * (clean - old)
        old, h_last = clean, h
        return x + low * sqrt(-expm1(-2 * h * eta)) * fresh(i)

    return over_steps(move)


def dpmpp_3m_sde(eta: float) -> Any:
    cleans: list[Any] = []
    lengths: list[float] = []

    def move(x: Any, i: int, high: float, low: float) -> Any:
        clean = wanted(x, high)
        if low == 0:
            return clean
        h = log(high / low)
        k = (eta + 1) * h
        x = exp(-k) * x - expm1(-k) * clean
        phi_2 = expm1(-k) / k + 1
        if len(cleans) == 1:
            x = x + phi_2 * (clean - cleans[-1]) / (lengths[-1] / h)
        elif cleans:
            r_0, r_1 = lengths[-1] / h, lengths[-2] / h
            d_0, d_1 = (clean - cleans[-1]) / r_0, (cleans[-1] - cleans[-2]) / r_1
            first = d_0 + (d_0 - d_1) * r_0 / (r_0 + r_1)
            x = x + phi_2 * first - (phi_2 / k - 0.5) * (d_0 - d_1) / (r_0 + r_1)
        cleans.append(clean)
        lengths.append(h)
        return x + low * sqrt(1 - exp(-2 * h * eta)) * fresh(i)

    return over_steps(move)


def ddpm(eta: float) -> Any:
    """Ho et al. 2020, algorithm 2, in x_t = x / sqrt(1 + sigma^2)."""

    def move(x: Any, i: int, high: float, low: float) -> Any:
        bar, bar_next = 1 / (1 + high**2), 1 / (1 + low**2)
        alpha, eps = bar / bar_next, (x - wanted(x, high)) / high
        mean = (x * sqrt(bar) - (1 - alpha) / sqrt(1 - bar) * eps) / sqrt(alpha)
        spread = sqrt((1 - alpha) * (1 - bar_next) / (1 - bar))
        return (mean + (spread * fresh(i) if low > 0 else 0)) / sqrt(bar_next)

    return over_steps(move)


def lcm(eta: float) -> Any:
    return over_steps(lambda x, i, high, low: wanted(x, high) + low * fresh(i))


def euler_cfg_pp(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, up = split(high, low, eta)
        return wanted(x, high) + down * (x - unwanted(x, high)) / high + up * fresh(i)

    return over_steps(move)


def dpmpp_2s_ancestral_cfg_pp(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, up = split(high, low, eta)
        clean, plain = wanted(x, high), unwanted(x, high)
        if down == 0:
            return clean
        h = log(high / down)
        there = exp(-h / 2) * (x + clean - plain) - expm1(-h / 2) * clean
        middle = high * exp(-h / 2)
        shifted = x + clean - unwanted(there, middle)
        return exp(-h) * shifted - expm1(-h) * wanted(there, middle) + up * fresh(i)

    return over_steps(move)


def dpmpp_2m_cfg_pp(eta: float) -> Any:
    old = None

    def move(x: Any, i: int, high: float, low: float) -> Any:
        nonlocal old
        clean, plain = wanted(x, high), unwanted(x, high)
        if low == 0:
            return clean
        h = log(high / low)
        mix = -exp(-h) * plain
        if old is not None:
            r = log(SIGMAS[i - 1] / high) / h
            mix = mix - expm1(-h) / (2 * r) * (clean - old)
        old = plain
        return clean + mix + exp(-h) * x

    return over_steps(move)


def res_multistep(eta: float, cfg_pp: bool = False) -> Any:
    old, old_down = None, 0.0

    def move(x: Any, i: int, high: float, low: float) -> Any:
        nonlocal old, old_down
        down, up = split(high, low, eta)
        clean = wanted(x, high)
        plain = unwanted(x, high) if cfg_pp else clean
        if down == 0 or old is None:
            x = clean + down * (x - plain) / high
        else:
            h = log(high / down)
            c_2 = (-log(SIGMAS[i - 1]) + log(old_down)) / h
            phi_1 = expm1(-h) / -h
            phi_2 = (phi_1 - 1) / -h
            x = exp(-h) * (x + clean - plain)
            x = x + h * ((phi_1 - phi_2 / c_2) * plain + phi_2 / c_2 * old)
        old, old_down = plain, down
        return x + up * fresh(i)

    return over_steps(move)


def gradient_estimation(eta: float, cfg_pp: bool = False) -> Any:
    old = None

    def move(x: Any, i: int, high: float, low: float) -> Any:
        nonlocal old
        clean = wanted(x, high)
        slope = (x - (unwanted(x, high) if cfg_pp else clean)) / high
        if low == 0:
            return clean
        x = clean + low * slope if cfg_pp else x + (low - high) * slope
        if old is not None:
            x = x + (2.0 - 1) * (slope - old) * (low - high)
        old = slope
        return x

    return over_steps(move)


def ipndm(eta: float) -> Any:
    slopes: list[Any] = []

    def move(x: Any, i: int, high: float, low: float) -> Any:
        slopes.insert(0, (x - wanted(x, high)) / high)
        if low == 0:
            return wanted(x, high)
        rows = [[1], [3, -1], [23, -16, 5], [55, -59, 37, -9]]
        row = rows[min(len(slopes), 4) - 1]
        mean = sum(w * s for w, s in zip(row, slopes, strict=False)) / sum(row)
        return x + (low - high) * mean

    return over_steps(move)


def deis_by_time(eta: float) -> Any:
    """tAB: midpoint sums of 20,000 parts over the time of log(1 + sigma^2) = b t^2 / 2 + a t."""
    low_, high_ = log(1 + 0.002**2), log(1 + 80.0**2)
    b = 2 * (low_ / 1e-3 - high_) / (1e-3 - 1)
    a = high_ - b / 2
    slopes: list[Any] = []
    times: list[float] = []

    def time(sigma: float) -> float:
        return float((sqrt(a**2 + 2 * b * log(1 + sigma**2)) - a) / b)

    def move(x: Any, i: int, high: float, low: float) -> Any:
        slopes.insert(0, (x - wanted(x, high)) / high)
        times.insert(0, time(high))
        if low == 0:
            return wanted(x, high)
        edges = np.linspace(times[0], time(low), 20_001)
        middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        grown = exp(b * middle**2 / 2 + a * middle)
        rate = (b * middle + a) * grown / (2 * sqrt(grown - 1))
        nodes = times[:3]
        for j, node in enumerate(nodes):
            others = [o for o in nodes if o != node]
            basis = np.prod([(middle - o) / (node - o) for o in others], axis=0)
            x = x + slopes[j] * (rate * basis).sum() * width
        return x

    return over_steps(move)


def er_scale(level: Any) -> Any:
    return level * (exp(level**0.3) + 10)


def er_sde(eta: float, scale: Callable[[Any], Any] = er_scale) -> Any:
    cleans: list[Any] = []

    def move(x: Any, i: int, high: float, low: float) -> Any:
        cleans.insert(0, wanted(x, high))
        if low == 0:
            return cleans[0]
        r = scale(low) / scale(high)
        x = r * x + (1 - r) * cleans[0]
        width = (high - low) / 200
        levels = low + width * np.arange(200)
        if i >= 1:
            d_0 = (cleans[0] - cleans[1]) / (high - SIGMAS[i - 1])
            x = x + (low - high + (width / scale(levels)).sum() * scale(low)) * d_0
        if i >= 2:
            d_1 = (cleans[1] - cleans[2]) / (SIGMAS[i - 1] - SIGMAS[i - 2])
            curve = (d_0 - d_1) / ((high - SIGMAS[i - 2]) / 2)
            area = ((levels - high) / scale(levels)).sum() * width
            x = x + ((low - high) ** 2 / 2 + area * scale(low)) * curve
        return x + fresh(i) * sqrt(max(low**2 - high**2 * r**2, 0))

    return over_steps(move)


def reverse_sde(eta: float) -> Any:
    return er_sde(eta, lambda level: level ** (1 + eta))


def seeds_2(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        clean = wanted(x, high)
        if low == 0:
            return clean
        h = log(high / low)
        k, middle = (1 + eta) * h, sqrt(high * low)
        half = sqrt(1 - exp(-eta * h))
        x_2 = exp(-k / 2) * x + (1 - exp(-k / 2)) * clean + middle * half * fresh(i)
        clean_2 = wanted(x_2, middle)
        noise = half * (exp(-eta * h / 2) * fresh(i) + fresh(i, 1))
        return exp(-k) * x + (1 - exp(-k)) * clean_2 + low * noise

    return over_steps(move)


def seeds_3(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        clean = wanted(x, high)
        if low == 0:
            return clean
        h = log(high / low)
        k, third = (1 + eta) * h, sqrt(1 - exp(-2 * eta * h / 3))
        fade = exp(-eta * h / 3)
        one, two = high * exp(-h / 3), high * exp(-2 * h / 3)
        noise = third * fresh(i)
        x_2 = exp(-k / 3) * x + (1 - exp(-k / 3)) * clean + one * noise
        clean_2 = wanted(x_2, one)
        noise = fade * noise + third * fresh(i, 1)
        x_3 = exp(-2 * k / 3) * x + (1 - exp(-2 * k / 3)) * clean + two * noise
        x_3 = x_3 + 2 * (expm1(-2 * k / 3) / (2 * k / 3) + 1) * (clean_2 - clean)
        clean_3 = wanted(x_3, two)
        noise = fade * noise + third * fresh(i, 2)
        x = exp(-k) * x + (1 - exp(-k)) * clean + 1.5 * (expm1(-k) / k + 1) * (clean_3 - clean)
        return x + low * noise

    return over_steps(move)


FORMULAS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "dpm_2_ancestral": (dpm_2_ancestral, {}),
    "heunpp2": (heunpp2, {}),
    "dpmpp_2s_ancestral": (dpmpp_2s_ancestral, {}),
    "dpmpp_sde": (dpmpp_sde, {}),
    "dpmpp_2m_sde_heun": (dpmpp_2m_sde_heun, {}),
    "dpmpp_3m_sde": (dpmpp_3m_sde, {}),
    "ddpm": (ddpm, {}),
    "lcm": (lcm, {}),
    "euler_ancestral_cfg_pp": (euler_cfg_pp, {}),
    "dpmpp_2s_ancestral_cfg_pp": (dpmpp_2s_ancestral_cfg_pp, {}),
    "dpmpp_2m_cfg_pp": (dpmpp_2m_cfg_pp, {}),
    "res_multistep_ancestral": (res_multistep, {}),
    "res_multistep_ancestral_cfg_pp": (res_multistep, {"cfg_pp": True}),
    "gradient_estimation": (gradient_estimation, {}),
    "gradient_estimation_cfg_pp": (gradient_estimation, {"cfg_pp": True}),
    "ipndm": (ipndm, {}),
    "er_sde": (er_sde, {}),
    "seeds_2": (seeds_2, {}),
    "seeds_3": (seeds_3, {}),
}


def same(found: Any, expected: Any, tolerance: float = 1e-11) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("eta", [1.0, 0.6])
@pytest.mark.parametrize("name", FORMULAS)
def test_sampler_follows_its_formula(name: str, eta: float) -> None:
    formula, more = FORMULAS[name]
    settings = {"eta": eta} if "eta" in KINDS[name].settings else {}
    same(ours(name, **settings), formula(eta if name != "er_sde" else 1.0, **more))


def test_reverse_sde_follows_its_formula() -> None:
    same(ours("er_sde", solver_type="reverse_sde", eta=0.6), reverse_sde(0.6))


def test_deis_follows_its_formula() -> None:
    # The reference's midpoint sums are good to about 1e-8 of x.
    same(ours("deis"), deis_by_time(0.0), 1e-7)


@pytest.mark.parametrize(
    ("name", "formula", "more"),
    [
        ("euler_cfg_pp", euler_cfg_pp, {}),
        ("res_multistep", res_multistep, {}),
        ("res_multistep_cfg_pp", res_multistep, {"cfg_pp": True}),
    ],
)
def test_without_noise_they_follow_the_same_formulas(name: str, formula: Any, more: Any) -> None:
    same(ours(name), formula(0.0, **more))


def slope(x: Any, sigma: float) -> Any:
    return (x - wanted(x, sigma)) / sigma


def dpm_solver(x: Any, high: float, low: float, order: int, r: float) -> Any:
    """DPM-Solver-1 to 3 over t = -log sigma, algorithms 1-2 of arXiv 2206.00927 with alpha 1."""
    h, eps = log(high / low), slope(x, high)
    if order == 1:
        return x - low * expm1(h) * eps
    first = high * exp(-r * h)
    lean = slope(x - first * expm1(r * h) * eps, first) - eps
    if order == 2:
        return x - low * expm1(h) * eps - low / (2 * r) * expm1(h) * lean
    two = 2 * h / 3
    second = high * exp(-two)
    u = x - second * expm1(two) * eps - second * 2 * (expm1(two) / two - 1) * lean
    bend = slope(u, second) - eps
    return x - low * expm1(h) * eps - low * 1.5 * (expm1(h) / h - 1) * bend


def dpm_fast(eta: float) -> Any:
    """Seven evaluations for seven steps above the last: orders 3, 3, 1."""
    x, t = START.numpy(), np.linspace(-log(SIGMAS[0]), -log(SIGMAS[-2]), 4)
    for i, order in enumerate((3, 3, 1)):
        high, low = exp(-t[i]), exp(-t[i + 1])
        down = max(split(high, low, eta)[0], SIGMAS[-2])
        x = dpm_solver(x, high, down, order, 1 / 3)
        x = x + sqrt(max(low**2 - down**2, 0)) * fresh(i)
    return wanted(x, SIGMAS[-2])


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_dpm_fast_follows_its_formula(eta: float) -> None:
    same(ours("dpm_fast", eta=eta), dpm_fast(eta))


def dpm_adaptive(order: int, eta: float) -> Any:
    """Algorithm of arXiv 2206.00927, section 3.4, with k-diffusion's controller of the step."""
    x = low_last = START.numpy()
    t, end, h, i = -log(SIGMAS[0]), -log(SIGMAS[-2]), 0.05, 0
    while t < end - 1e-5:
        high, low = exp(-t), exp(-min(end, t + h))
        down = max(split(high, low, eta)[0], SIGMAS[-2])
        x_low = dpm_solver(x, high, down, order - 1, 1 / 3)
        x_high = dpm_solver(x, high, down, order, 1 / 2 if order == 2 else 1 / 3)
        allowed = np.maximum(0.0078, 0.05 * np.maximum(abs(x_low), abs(low_last)))
        error = sqrt((((x_low - x_high) / allowed) ** 2).mean())
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / (1.5 if eta else order)) - 1)
        if factor >= 0.81:
            x, low_last, t = x_high + sqrt(max(low**2 - down**2, 0)) * fresh(i), x_low, -log(low)
            i += 1
        h *= factor
    return wanted(x, SIGMAS[-2])


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("order", [2, 3])
def test_dpm_adaptive_follows_its_formula(order: int, eta: float) -> None:
    same(ours("dpm_adaptive", order=order, eta=eta), dpm_adaptive(order, eta))


def uneven(h: float, h_1: float, h_2: float, h_3: float) -> list[list[float]]:
    """The weights of iPNDM with variable steps, for one to four slopes, in its authors' terms."""
    a, b = h / h_1, h_1 / h_2
    t_1 = (1 - h / (3 * (h + h_1)) * (h * (h + h_1)) / (h_1 * (h_1 + h_2))) / 2
    t_2 = (1 - h / (3 * (h + h_1))) / 2 + (1 - h / (2 * (h + h_1))) * h / (6 * (h + h_1 + h_2))
    t_2 *= h * (h + h_1) * (h + h_1 + h_2) / (h_1 * (h_1 + h_2) * (h_1 + h_2 + h_3))
    c = h_1 * (h_1 + h_2) / (h_2 * (h_2 + h_3))
    three = [1 + a / 2 + t_1, -a / 2 - (1 + b) * t_1, t_1 * b]
    more = [t_2, -(1 + b + c) * t_2, (b + c * (1 + h_2 / h_3)) * t_2, -t_2 * c * b]
    four = [p + q for p, q in zip([*three, 0.0], more, strict=True)]
    return [[1.0], [1 + a / 2, -a / 2], three, four]


def test_ipndm_v_follows_its_formula() -> None:
    slopes: list[Any] = []

    def move(x: Any, i: int, high: float, low: float) -> Any:
        slopes.insert(0, slope(x, high))
        if low == 0:
            return wanted(x, high)
        edges = [low, *reversed(SIGMAS[: i + 1]), 100.0, 200.0, 300.0]
        row = uneven(*(edges[k] - edges[k + 1] for k in range(4)))[min(i, 3)]
        return x + (low - high) * sum(w * s for w, s in zip(row, slopes, strict=False))

    same(ours("ipndm_v"), over_steps(move))


def test_up_to_three_uneven_weights_of_even_steps_are_adams_bashforth_s() -> None:
    for count in range(1, 4):
        found = multistep.uneven_weights([-0.5] * count)
        assert found == pytest.approx(multistep.EVEN_WEIGHTS[count - 1])


# ---- flows: x = (1 - sigma) x0 + sigma epsilon


def flow_split(high: float, low: float, eta: float) -> tuple[float, float, float]:
    down = low * (1 + (low / high - 1) * eta)
    scale = (1 - low) / (1 - down)
    return down, scale, sqrt(max(low**2 - down**2 * scale**2, 0))


def over_flow(move: Callable[..., Any]) -> Any:
    x = FLOW_START.numpy()
    for i in range(N):
        x = move(x, i, FLOW_SIGMAS[i], FLOW_SIGMAS[i + 1])
    return x


def euler_ancestral_flow(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, scale, up = flow_split(high, low, eta)
        x = down / high * x + (1 - down / high) * wanted(x, high)
        return scale * x + up * fresh(i)

    return over_flow(move)


def dpm_2_ancestral_flow(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, scale, up = flow_split(high, low, eta)
        slope = (x - wanted(x, high)) / high
        if down > 0:
            middle = sqrt(high * down)
            there = x + slope * (middle - high)
            slope = (there - wanted(there, middle)) / middle
        return scale * (x + slope * (down - high)) + up * fresh(i)

    return over_flow(move)


def dpmpp_2s_ancestral_flow(eta: float) -> Any:
    def move(x: Any, i: int, high: float, low: float) -> Any:
        down, scale, up = flow_split(high, low, eta)
        if low == 0:
            return wanted(x, high)
        start = 0.9999 if high == 1 else high
        halfway = (log((1 - start) / start) + log((1 - down) / down)) / 2
        middle = 1 / (1 + exp(halfway))
        there = middle / high * x + (1 - middle / high) * wanted(x, high)
        x = down / high * x + (1 - down / high) * wanted(there, middle)
        return scale * x + up * fresh(i)

    return over_flow(move)


def lcm_flow(eta: float) -> Any:
    return over_flow(lambda x, i, high, low: (1 - low) * wanted(x, high) + low * fresh(i))


@pytest.mark.parametrize("eta", [1.0, 0.6, 0.0])
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("euler_ancestral", euler_ancestral_flow),
        ("dpm_2_ancestral", dpm_2_ancestral_flow),
        ("dpmpp_2s_ancestral", dpmpp_2s_ancestral_flow),
    ],
)
def test_ancestral_sampler_of_flows_follows_its_formula(
    name: str, formula: Any, eta: float
) -> None:
    same(ours(name, flow=True, eta=eta), formula(eta))


def test_lcm_of_flows_follows_its_formula() -> None:
    same(ours("lcm", flow=True), lcm_flow(1.0))


OVER_RATIO = [
    ("ddim", {"eta": 0.7}),
    ("ddim", {}),
    ("ddpm", {}),
    ("euler", {}),
    ("euler_cfg_pp", {}),
    ("euler_ancestral_cfg_pp", {"eta": 0.7}),
    ("lcm", {}),
    ("dpmpp_sde", {"eta": 0.7, "r": 0.4}),
    ("dpmpp_2m", {}),
    ("dpmpp_2m_cfg_pp", {}),
    ("dpmpp_2m_sde", {"eta": 0.7}),
    ("dpmpp_2m_sde_heun", {}),
    ("dpmpp_3m_sde", {"eta": 0.7}),
    ("dpmpp_2s_ancestral", {"eta": 0.0}),
    ("dpmpp_2s_ancestral_cfg_pp", {"eta": 0.0}),
    ("er_sde", {}),
    ("seeds_2", {"eta": 0.7, "r": 0.4}),
    ("seeds_3", {"eta": 0.7}),
    ("res_multistep", {}),
    ("res_multistep_cfg_pp", {}),
    ("sa_solver", {"sde_start_percent": 0.0, "sde_end_percent": 1.0}),
    ("sa_solver_pece", {"sde_start_percent": 0.0, "sde_end_percent": 1.0}),
    ("uni_pc", {}),
    ("uni_pc_bh2", {}),
]


@pytest.mark.parametrize(("name", "settings"), OVER_RATIO)
def test_a_flow_is_a_diffusion_of_x_over_alpha(name: str, settings: dict[str, Any]) -> None:
    """What is a formula in lambda steps a flow as it steps y = x / alpha at rho = sigma / alpha.

    From sigma 0.95, where alpha is not 0. The Wiener path of dpmpp_sde is one over sigma, so its
    two draws would mix otherwise in rho: here only the noise of the whole step, part 0, is given.
    """
    values = [0.95, 0.9, 0.8, 0.65, 0.45, 0.2, 0.05, 0.0]
    flow_steps = schedules.step_list(schedules.at_sigmas(FLOW, values))
    ratios = [v / (1 - v) for v in values]
    steps = schedules.step_list(schedules.at_sigmas(SD, ratios))
    if name == "dpmpp_sde":
        settings = {**settings, "s_noise": 0.0}

    def of_flow(x: torch.Tensor, step: Step) -> Answer:
        return seen(x, x / (1 - step.sigma), step.sigma / (1 - step.sigma), step.sigma)

    def of_diffusion(y: torch.Tensor, step: Step) -> Answer:
        return seen(y, y, step.sigma, step.sigma)

    def seen(x: torch.Tensor, y: torch.Tensor, ratio: float, sigma: float) -> Answer:
        clean = torch.tensor(wanted(y.numpy(), ratio))
        plain = torch.tensor(unwanted(y.numpy(), ratio))
        return Answer((x - clean) / sigma, (x - plain) / sigma)

    start = 3 * START / 14.6
    run = Run(of_flow, FLOW, SEED, flow_steps, settings)
    found = walk(run, name, 0.05 * start, lambda x, _: x).numpy()
    run = Run(of_diffusion, SD, SEED, steps, settings)
    expected = walk(run, name, start, lambda x, _: x).numpy()
    same(found, expected, 1e-9)
