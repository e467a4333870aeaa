"""Samplers of the stochastic equation as values, with how much noise they take and where from.

`eta` 0 is the equation without noise, 1 the diffusion's own; `s_noise` scales the noise, and
`noise_source` draws it on the CPU, the same everywhere, or on the device.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Slider
from nodes.sampler_names import Eta, NoiseSource, NoiseSpread, made, within
from nodes.types import Sampler

Place = Annotated[float, Slider(0.05, 1, step=0.05)]


@node("sampler_sde.dpmpp_sde", title="DPM++ SDE")
def dpmpp_sde(
    eta: Eta = 1.0,
    s_noise: NoiseSpread = 1.0,
    r: Place = 0.5,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Two looks a step with noise at both, the second a share `r` of the way in lambda.

    DPM-Solver++ in its stochastic form, Lu et al. 2022, arXiv 2211.01095, after k-diffusion.
    """
    within("r", r, 0.05, 1)
    return made("dpmpp_sde", eta=eta, s_noise=s_noise, r=r, noise_source=noise_source)


@node("sampler_sde.dpmpp_2m_sde", title="DPM++ 2M SDE")
def dpmpp_2m_sde(
    eta: Eta = 1.0,
    s_noise: NoiseSpread = 1.0,
    solver_type: Annotated[str, Choice("midpoint", "heun")] = "midpoint",
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Second order with one prediction a step, with noise: SDE-DPM-Solver++(2M), 2211.01095."""
    if solver_type not in ("midpoint", "heun"):
        raise InputError("solver_type", repr(solver_type), "midpoint or heun")
    return made(
        "dpmpp_2m_sde", eta=eta, solver_type=solver_type, s_noise=s_noise, noise_source=noise_source
    )


@node("sampler_sde.dpmpp_3m_sde", title="DPM++ 3M SDE")
def dpmpp_3m_sde(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Third order with one prediction a step, with noise; after k-diffusion. It wants 20 steps."""
    return made("dpmpp_3m_sde", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_sde.er_sde", title="ER-SDE")
def er_sde(
    solver_type: Annotated[str, Choice("er_sde", "reverse_sde", "ode")] = "er_sde",
    max_stage: Annotated[int, Slider(1, 3, step=1)] = 3,
    eta: Eta = 1.0,
    s_noise: NoiseSpread = 1.0,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """The extended reverse equation, solved to order `max_stage` with one prediction a step.

    `er_sde` has its authors' noise, `reverse_sde` that of the reverse equation times `eta`, `ode`
    none. Cui et al. 2023, arXiv 2309.06169.
    """
    if solver_type not in ("er_sde", "reverse_sde", "ode"):
        raise InputError("solver_type", repr(solver_type), "er_sde, reverse_sde or ode")
    within("max_stage", max_stage, 1, 3)
    return made(
        "er_sde",
        solver_type=solver_type,
        max_stage=max_stage,
        eta=eta,
        s_noise=s_noise,
        noise_source=noise_source,
    )


@node("sampler_sde.seeds_2", title="SEEDS-2")
def seeds_2(
    eta: Eta = 1.0,
    s_noise: NoiseSpread = 1.0,
    r: Place = 0.5,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Two looks a step on the exact stochastic equation: Gonzalez et al. 2023, arXiv 2305.14267."""
    within("r", r, 0.05, 1)
    return made("seeds_2", eta=eta, s_noise=s_noise, r=r, noise_source=noise_source)


@node("sampler_sde.seeds_3", title="SEEDS-3")
def seeds_3(
    eta: Eta = 1.0,
    s_noise: NoiseSpread = 1.0,
    r_1: Place = 1 / 3,
    r_2: Place = 2 / 3,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Three looks a step, at the shares `r_1` and `r_2` of it: SEEDS-3, arXiv 2305.14267."""
    within("r_2", r_2, 0.05, 1)
    if not 0.05 <= r_1 < r_2:
        raise InputError("r_1", f"{r_1:g}", f"0.05 to below r_2, {r_2:g}")
    return made("seeds_3", eta=eta, r_1=r_1, r_2=r_2, s_noise=s_noise, noise_source=noise_source)
