"""Steps in the manner of CFG++: to the guided estimate, and back up along the unwanted prediction.

Chung et al. 2024, arXiv 2406.08070. `noise` is the guided prediction, `uncond` that of the unwanted
prompt: with both the same, each is the step without CFG++. Guidance scales of about 0.5 to 2 do
what 7 does elsewhere.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Number, Seed, Slider
from nodes.estimates import as_large_as
from nodes.sample_parts import Move, moved
from nodes.sampler_names import within
from nodes.types import History, Latent, NoisePrediction, Step


@node("sample_cfg_pp.euler_step", title="Euler CFG++ step")
def euler_step(
    latent: Latent,
    noise: NoisePrediction,
    uncond: NoisePrediction,
    step: Step,
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Slider(0, 1, step=0.05)] = 0.0,
) -> Latent:
    """Go to the guided estimate, then back up along the unwanted prediction; `eta` by fresh noise.

    alpha' D + sigma_down epsilon_uncond + alpha' up * fresh, with the ancestral split of sigma /
    alpha: arXiv 2406.08070, algorithm 2. With eta 1 ComfyUI's `euler_ancestral_cfg_pp`.
    """
    within("eta", eta, 0, 1)
    no_history = History()
    return moved(
        "euler_cfg_pp", latent, noise, step, no_history, seed, uncond=uncond, eta=eta
    ).latent


@node(
    "sample_cfg_pp.dpmpp_2m_step",
    title="DPM++ 2M CFG++ step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def dpmpp_2m_step(
    latent: Latent,
    noise: NoisePrediction,
    uncond: NoisePrediction,
    step: Step,
    history: History,
) -> Move:
    """DPM-Solver++(2M) with CFG++: what it remembers are the unwanted estimates.

    alpha' D + sigma' epsilon_uncond + alpha' (1 - e^-h) (D - D_uncond,last) / 2r.
    """
    return moved("dpmpp_2m_cfg_pp", latent, noise, step, history, uncond=uncond)


@node(
    "sample_cfg_pp.res_multistep_step",
    title="RES multistep CFG++ step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def res_multistep_step(
    latent: Latent,
    noise: NoisePrediction,
    uncond: NoisePrediction,
    step: Step,
    history: History,
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Slider(0, 1, step=0.05)] = 0.0,
) -> Move:
    """The second-order step of RES on the unwanted estimates, x moved by what guidance changes.

    As `sample_multistep_ode.res_multistep_step`; with eta 1 ancestral.
    """
    within("eta", eta, 0, 1)
    return moved("res_multistep_cfg_pp", latent, noise, step, history, seed, uncond=uncond, eta=eta)


@node(
    "sample_cfg_pp.gradient_estimation_step",
    title="Gradient estimation CFG++ step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def gradient_estimation_step(
    latent: Latent,
    noise: NoisePrediction,
    uncond: NoisePrediction,
    step: Step,
    history: History,
    gamma: Annotated[float, Number(0, 10, step=0.1)] = 2.0,
) -> Move:
    """Go to the guided estimate, and back along unwanted predictions that lean away from the last.

    alpha' D + sigma' e_uncond + (sigma' - sigma) (gamma - 1) (e_uncond - e_uncond,last)."""
    return moved(
        "gradient_estimation_cfg_pp", latent, noise, step, history, uncond=uncond, gamma=gamma
    )
