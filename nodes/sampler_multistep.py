"""Samplers that remember earlier predictions, as values: how far back they look."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.sampler_names import NoiseSource, NoiseSpread, Share, made, within
from nodes.types import Sampler

Order4 = Annotated[int, Slider(1, 4, step=1)]
Order3 = Annotated[int, Slider(1, 3, step=1)]
Gamma = Annotated[float, Number(0, 10, step=0.1)]


@node("sampler_multistep.lms", title="LMS")
def lms(order: Order4 = 4) -> Sampler:
    """Go along the polynomial through the last `order` predictions, over sigma."""
    within("order", order, 1, 4)
    return made("lms", order=order)


@node("sampler_multistep.ipndm", title="iPNDM")
def ipndm(order: Order4 = 4) -> Sampler:
    """As `lms`, with the weights of even steps whatever the sigmas: arXiv 2204.13902."""
    within("order", order, 1, 4)
    return made("ipndm", order=order)


@node("sampler_multistep.ipndm_v", title="iPNDM-v")
def ipndm_v(order: Order4 = 4) -> Sampler:
    """iPNDM with weights for uneven steps, as its authors have them: arXiv 2312.00094."""
    within("order", order, 1, 4)
    return made("ipndm_v", order=order)


@node("sampler_multistep.deis", title="DEIS")
def deis(order: Order4 = 3, over: Annotated[str, Choice("time", "log_sigma")] = "time") -> Sampler:
    """Go along the polynomial through the last predictions, over the diffusion's time.

    Zhang & Chen 2022, arXiv 2204.13902: tAB, or over log sigma as diffusers has it.
    """
    within("order", order, 1, 4)
    if over not in ("time", "log_sigma"):
        raise InputError("over", repr(over), "time or log_sigma")
    return made("deis", order=order, over=over)


@node("sampler_multistep.gradient_estimation")
def gradient_estimation(gamma: Gamma = 2.0) -> Sampler:
    """Euler along gamma eps + (1 - gamma) eps_last: Permenter & Yuan 2023, arXiv 2306.04848."""
    return made("gradient_estimation", gamma=gamma)


@node("sampler_multistep.gradient_estimation_cfg_pp", title="Gradient estimation CFG++")
def gradient_estimation_cfg_pp(gamma: Gamma = 2.0) -> Sampler:
    """Gradient estimation on the unwanted prompt's predictions, in the manner of CFG++."""
    return made("gradient_estimation_cfg_pp", gamma=gamma)


@node("sampler_multistep.uni_pc", title="UniPC")
def uni_pc(order: Order3 = 3, variant: Annotated[str, Choice("bh1", "bh2")] = "bh1") -> Sampler:
    """Predict, and correct with the next prediction, for few steps: Zhao et al. 2023, 2302.04867.

    bh1 is for few steps without guidance, bh2 for the rest, as the authors found.
    """
    within("order", order, 1, 3)
    if variant not in ("bh1", "bh2"):
        raise InputError("variant", repr(variant), "bh1 or bh2")
    return made("uni_pc" if variant == "bh1" else "uni_pc_bh2", order=order)


@node("sampler_multistep.sa_solver", title="SA-Solver")
def sa_solver(
    eta: Annotated[float, Number(0, 10, step=0.05)] = 1.0,
    sde_start_percent: Share = 0.2,
    sde_end_percent: Share = 0.8,
    s_noise: NoiseSpread = 1.0,
    predictor_order: Annotated[int, Slider(1, 6, step=1)] = 3,
    corrector_order: Annotated[int, Slider(0, 6, step=1)] = 4,
    evaluate_again: bool = False,
    simple_order_2: bool = False,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Stochastic Adams: predict, correct with the next prediction, with noise in the middle part.

    Noise of strength `eta` between the two shares of the schedule, none outside; a corrector of
    order 0 corrects nothing. `evaluate_again` asks once more after each correction (PECE).
    `simple_order_2` weighs two points as DPM-Solver++ does. Xue et al. 2023, arXiv 2309.05019.
    """
    within("predictor_order", predictor_order, 1, 6)
    within("corrector_order", corrector_order, 0, 6)
    within("sde_start_percent", sde_start_percent, 0, sde_end_percent)
    within("sde_end_percent", sde_end_percent, 0, 1)
    orders = {"predictor_order": predictor_order, "corrector_order": corrector_order}
    where = {"sde_start_percent": sde_start_percent, "sde_end_percent": sde_end_percent}
    return made(
        "sa_solver_pece" if evaluate_again else "sa_solver",
        eta=eta,
        s_noise=s_noise,
        noise_source=noise_source,
        simple_order_2=simple_order_2,
        **orders,
        **where,
    )
