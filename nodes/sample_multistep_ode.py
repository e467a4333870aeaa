"""Steps that remember and add no noise. They begin with `sample_multistep.no_history`."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Seed, Slider
from nodes.estimates import as_large_as
from nodes.sample_parts import Move, moved
from nodes.sampler_names import one_of, within
from nodes.types import History, Latent, NoisePrediction, Step


@node(
    "sample_multistep_ode.ipndm_step",
    title="iPNDM step",
    estimate=as_large_as("latent", latent=1, history=4),
)
def ipndm_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    order: Annotated[int, Slider(1, 4, step=1)] = 4,
) -> Move:
    """Go along the last predictions with the weights of even steps, whatever the sigmas are.

    Up to (55 e - 59 e_1 + 37 e_2 - 9 e_3) / 24 times sigma' - sigma; the last step, to sigma 0, is
    the clean estimate. Zhang & Chen 2022, arXiv 2204.13902.
    """
    within("order", order, 1, 4)
    return moved("ipndm", latent, noise, step, history, order=order)


@node(
    "sample_multistep_ode.ipndm_v_step",
    title="iPNDM-v step",
    estimate=as_large_as("latent", latent=1, history=4),
)
def ipndm_v_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    order: Annotated[int, Slider(1, 4, step=1)] = 4,
) -> Move:
    """Go along the last predictions with weights for uneven steps, as its authors have them.

    Zhou et al. 2023, arXiv 2312.00094; `sample_multistep.lms_step` has Adams-Bashforth's own.
    """
    within("order", order, 1, 4)
    return moved("ipndm_v", latent, noise, step, history, order=order)


@node(
    "sample_multistep_ode.deis_step",
    title="DEIS step",
    estimate=as_large_as("latent", latent=1, history=4),
)
def deis_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    order: Annotated[int, Slider(1, 4, step=1)] = 3,
    over: Annotated[str, Choice("time", "log_sigma")] = "time",
) -> Move:
    """Go along the polynomial through the last predictions, over the diffusion's time.

    x + sum_j epsilon_j * integral of l_j(u(s)) ds, sigma to sigma', with u the time of a variance
    preserving diffusion (tAB) or log sigma: Zhang & Chen 2022, arXiv 2204.13902.
    """
    within("order", order, 1, 4)
    one_of("over", over, "time", "log_sigma")
    return moved("deis", latent, noise, step, history, order=order, over=over)


@node(
    "sample_multistep_ode.gradient_estimation_step",
    title="Gradient estimation step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def gradient_estimation_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    gamma: Annotated[float, Number(0, 10, step=0.1)] = 2.0,
) -> Move:
    """Go along a slope that leans away from the last one: gamma e + (1 - gamma) e_last.

    Permenter & Yuan 2023, arXiv 2306.04848, algorithm 2.
    """
    return moved("gradient_estimation", latent, noise, step, history, gamma=gamma)


@node(
    "sample_multistep_ode.res_multistep_step",
    title="RES multistep step",
    estimate=as_large_as("latent", latent=1, history=1),
)
def res_multistep_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    seed: Annotated[int, Seed()] = 0,
    eta: Annotated[float, Slider(0, 1, step=0.05)] = 0.0,
) -> Move:
    """Second order in the clean estimate, by an exponential integrator; `eta` adds fresh noise.

    (down/sigma) x + alpha_down ((1 - e^-h) D + phi_2(h) (D - D_last) / r): Zhang et al. 2023, arXiv
    2308.02157, eq. 8. With eta 1 ComfyUI's `res_multistep_ancestral`.
    """
    within("eta", eta, 0, 1)
    return moved("res_multistep", latent, noise, step, history, seed, eta=eta)


@node(
    "sample_multistep_ode.uni_pc_step",
    title="UniPC step",
    estimate=as_large_as("latent", latent=1, history=4),
)
def uni_pc_step(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    order: Annotated[int, Slider(1, 3, step=1)] = 3,
    variant: Annotated[str, Choice("bh1", "bh2")] = "bh1",
) -> Move:
    """Correct x with the prediction just made, then predict on from there, of order 1 to 3.

    The corrector needs no further prediction: Zhao et al. 2023, arXiv 2302.04867. The history holds
    the corrected latent of the last step and the estimates before.
    """
    within("order", order, 1, 3)
    one_of("variant", variant, "bh1", "bh2")
    name = "uni_pc" if variant == "bh1" else "uni_pc_bh2"
    return moved(name, latent, noise, step, history, order=order)
