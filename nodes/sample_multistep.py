"""Sampler steps that remember: a better move from the predictions of the steps before, at no cost.

The memory is a value on a wire, `History`: begin with `sample_multistep.no_history`, carry it round
the loop as state. A history belongs to one sampler; the first step, without any, is of first order.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Seed, Slider
from nodes.estimates import as_large_as
from nodes.sample_parts import Move, moved
from nodes.sampler_names import within
from nodes.types import History, Latent, NoisePrediction, Step


@node("sample_multistep.no_history")
def no_history() -> History:
    """Remember nothing: what a multistep sampler begins with."""
    return History()


@node(
    "sample_multistep.lms_step",
    title="LMS step",
    estimate=as_large_as("latent", latent=1, history=4),
)
def lms_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    order: Annotated[int, Slider(1, 4, step=1)] = 4,
) -> Move:
    """Go along the polynomial through the last `order` predictions (linear multistep).

    x + sum_j epsilon_j * integral of the j-th Lagrange polynomial from sigma to sigma'. Order 1 is
    Euler. Adams-Bashforth for uneven steps, as k-diffusion's `sample_lms`.
    """
    within("order", order, 1, 4)
    return moved("lms", latent, noise, step, history, order=order)


@node(
    "sample_multistep.dpmpp_2m_step",
    title="DPM++ 2M step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def dpmpp_2m_step(latent: Latent, noise: NoisePrediction, step: Step, history: History) -> Move:
    """Few steps, clean pictures: DPM-Solver++(2M), second order with one prediction a step.

    Solves in the clean estimate D over t = -log sigma; with h = t' - t and r = h_last / h:
    (sigma'/sigma) x + (1 - e^-h) * (D + (D - D_last) / 2r). The last step, to sigma 0, is D.
    Lu et al. 2022, arXiv 2211.01095, algorithm 2.
    """
    return moved("dpmpp_2m", latent, noise, step, history)


@node(
    "sample_multistep.dpmpp_2m_sde_step",
    title="DPM++ 2M SDE step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def dpmpp_2m_sde_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Slider(0, 1, step=0.05)] = 1.0,
) -> Move:
    """DPM-Solver++(2M) with fresh noise in each step, for richer detail over more steps.

    With h, r as in `dpmpp_2m_step` and k = (1 + eta) h: (sigma'/sigma) e^(-eta h) x + (1 - e^-k) *
    (D + (D - D_last) / 2r) + sigma' sqrt(1 - e^(-2 eta h)) * fresh. eta 0 is `dpmpp_2m_step`.
    Lu et al. 2022, arXiv 2211.01095, in k-diffusion's midpoint form.
    """
    within("eta", eta, 0, 1)
    return moved("dpmpp_2m_sde", latent, noise, step, history, seed, eta=eta)
