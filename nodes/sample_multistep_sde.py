"""Steps that remember and add noise. They begin with `sample_multistep.no_history`."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Seed, Slider
from nodes.estimates import as_large_as
from nodes.sample_parts import Move, moved
from nodes.sampler_names import Share, one_of, within
from nodes.types import History, Latent, NoisePrediction, NoiseSchedule, Step


@node(
    "sample_multistep_sde.dpmpp_3m_sde_step",
    title="DPM++ 3M SDE step",
    estimate=as_large_as("latent", latent=1, history=2),
)
def dpmpp_3m_sde_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Number(0, 100, step=0.05)] = 1.0,
    s_noise: Annotated[float, Number(0, 100, step=0.01)] = 1.0,
) -> Move:
    """DPM-Solver++ of third order with fresh noise in each step; `eta` 0 is without.

    With k = (1 + eta) h: (sigma'/sigma) e^(-eta h) x + alpha' ((1 - e^-k) D + phi_2 d_1 - phi_3
    d_2) + sigma' sqrt(1 - e^(-2 eta h)) * fresh, where d_1 and d_2 are divided differences of D.
    After k-diffusion's `sample_dpmpp_3m_sde`.
    """
    within("eta", eta, 0, 100)
    return moved("dpmpp_3m_sde", latent, noise, step, history, seed, eta=eta, s_noise=s_noise)


@node(
    "sample_multistep_sde.er_sde_step",
    title="ER-SDE step",
    estimate=as_large_as("latent", latent=1, history=3),
)
def er_sde_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    seed: Annotated[int, Seed()] = 0,
    solver_type: Annotated[str, Choice("er_sde", "reverse_sde", "ode")] = "er_sde",
    max_stage: Annotated[int, Slider(1, 3, step=1)] = 3,
    eta: Annotated[float, Number(0, 100, step=0.05)] = 1.0,
    s_noise: Annotated[float, Number(0, 100, step=0.01)] = 1.0,
) -> Move:
    """The extended reverse equation to order `max_stage`, with its authors' noise or another.

    Over rho = sigma / alpha: Cui et al. 2023, arXiv 2309.06169. `eta` counts for `reverse_sde`.
    """
    within("max_stage", max_stage, 1, 3)
    one_of("solver_type", solver_type, "er_sde", "reverse_sde", "ode")
    return moved(
        "er_sde",
        latent,
        noise,
        step,
        history,
        seed,
        solver_type=solver_type,
        max_stage=max_stage,
        eta=eta,
        s_noise=s_noise,
    )


@node(
    "sample_multistep_sde.sa_solver_step",
    title="SA-Solver step",
    estimate=as_large_as("latent", latent=1, history=7),
)
def sa_solver_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    betas: NoiseSchedule,
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Number(0, 100, step=0.05)] = 1.0,
    s_noise: Annotated[float, Number(0, 100, step=0.01)] = 1.0,
    sde_start_percent: Share = 0.2,
    sde_end_percent: Share = 0.8,
    predictor_order: Annotated[int, Slider(1, 6, step=1)] = 3,
    corrector_order: Annotated[int, Slider(0, 6, step=1)] = 4,
) -> Move:
    """Correct x with the prediction just made, then predict on from there with fresh noise.

    Stochastic Adams, with noise of strength `eta` between two shares of the model's schedule: Xue
    et al. 2023, arXiv 2309.05019. The history holds what the corrector starts from and the
    estimates before.
    """
    within("predictor_order", predictor_order, 1, 6)
    within("corrector_order", corrector_order, 0, 6)
    return moved(
        "sa_solver",
        latent,
        noise,
        step,
        history,
        seed,
        betas=betas,
        eta=eta,
        s_noise=s_noise,
        sde_start_percent=sde_start_percent,
        sde_end_percent=sde_end_percent,
        predictor_order=predictor_order,
        corrector_order=corrector_order,
    )
