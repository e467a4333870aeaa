"""Say anew what a model was trained on: what it predicts, and on which noise levels.

Each gives the model with other fields; its network and weights stay the same. A sampler that walks
`schedule.of_model` of the result follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.types import BetaSchedule, ContinuousSchedule, FlowSchedule, Model

Shift = Annotated[float, Slider(0.01, 100, step=0.01)]
Side = Annotated[int, Number(16, 16384, 8, "px")]

_FEWEST_TOKENS, _MOST_TOKENS = 256, 4096  # of pictures of 256 × 256 and 1024 × 1024
_PIXELS_PER_TOKEN = 16  # per side: 8 of the autoencoder, patches of 2


@node("model_sampling.discrete")
def discrete(
    model: Model,
    prediction: Annotated[str, Choice("epsilon", "v_prediction")] = "v_prediction",
    zero_snr: bool = False,
) -> Model:
    """Read the network's answer as noise or as v, over the timesteps that it was trained on.

    v = alpha_t epsilon - sigma_t x0: Salimans & Ho 2022, arXiv 2202.00512, section 4. `zero_snr`
    makes the last timestep pure noise, as `schedule.zero_terminal_snr` does: Lin et al. 2023, arXiv
    2305.08891, algorithm 1. For models whose file does not say that they predict v.
    """
    from nodes.diffusion.schedules import zero_terminal_snr

    betas = _timesteps_of(model)
    if zero_snr:
        betas = zero_terminal_snr(betas)
    return replace(model, betas=betas, prediction=prediction, sigma_data=1.0)


@node("model_sampling.x0", title="x0")
def x0(model: Model) -> Model:
    """Read the network's answer as the clean latent itself, over its own timesteps.

    epsilon = (x - x0) / sigma.
    """
    return replace(model, betas=_timesteps_of(model), prediction="sample", sigma_data=1.0)


@node("model_sampling.lcm", title="LCM")
def lcm(model: Model) -> Model:
    """Let a latent consistency model, or one with an LCM LoRA, jump to the picture in one step.

    Its network says epsilon; the clean latent is c_skip(t) x + c_out(t) (x - sigma epsilon), with
    c_skip = 0.25 / (100 t^2 + 0.25) and c_out = 10 t / sqrt(100 t^2 + 0.25), x at spread 1 and t
    the timestep: Luo et al. 2023, arXiv 2310.04378, eq. 9. Steps from `distilled.lcm_sigmas`,
    guidance 1 to 2.
    """
    return replace(model, betas=_timesteps_of(model), prediction="lcm", sigma_data=1.0)


@node("model_sampling.edm", title="EDM")
def edm(
    model: Model,
    prediction: Annotated[str, Choice("edm", "v_prediction", "epsilon")] = "edm",
    sigma_min: Annotated[float, Number(1e-5, 1000)] = 0.002,
    sigma_max: Annotated[float, Number(1e-3, 10_000)] = 120.0,
    sigma_data: Annotated[float, Number(0.01, 100)] = 0.5,
) -> Model:
    """Let the network know any noise level between two ends, told as log(sigma) / 4.

    Its input is x / s, s^2 = sigma_data^2 + sigma^2. With `edm` the clean latent is sigma_data^2 /
    s^2 x + sigma sigma_data / s F: Karras et al. 2022, arXiv 2206.00364, table 1; with
    `v_prediction` the last sign is minus, and sigma_data usually 1. Playground 2.5 is an `edm` of
    sigma_data 0.5.
    """
    if not 0 < sigma_min < sigma_max:
        raise InputError("sigma_min", f"{sigma_min:g}", f"above 0, below sigma_max {sigma_max:g}")
    if sigma_data <= 0:
        raise InputError("sigma_data", f"{sigma_data:g}", "above 0")
    levels = ContinuousSchedule(sigma_min, sigma_max)
    return replace(model, betas=levels, prediction=prediction, sigma_data=sigma_data)


@node("model_sampling.flow")
def flow(model: Model, shift: Shift = 3.0) -> Model:
    """Spend more of a flow model's steps where there is much noise, or fewer.

    sigma = shift t / (1 + (shift - 1) t), t from 1 to 0: Esser et al. 2024, arXiv 2403.03206, eq.
    23; Stable Diffusion 3 has 3. A model that was no flow is read as one whose clock is 1000 sigma.
    """
    multiplier = model.betas.multiplier if isinstance(model.betas, FlowSchedule) else 1000.0
    return _as_flow(model, shift, multiplier)


@node("model_sampling.aura")
def aura(model: Model, shift: Shift = 1.73) -> Model:
    """Shift the noise levels of an AuraFlow model, as `model_sampling.flow` does.

    The network is told sigma itself. AuraFlow was made with 1.73.
    """
    return _as_flow(model, shift, 1.0)


@node("model_sampling.flux")
def flux(
    model: Model,
    max_shift: Annotated[float, Slider(0, 100, step=0.01)] = 1.15,
    base_shift: Annotated[float, Slider(0, 100, step=0.01)] = 0.5,
    width: Side = 1024,
    height: Side = 1024,
) -> Model:
    """Shift the noise levels of a Flux model by the picture's size: the larger, the noisier.

    shift = exp(mu), mu on a line from `base_shift` at 256 tokens of 16 × 16 pixels to `max_shift`
    at 4096, which 1024 × 1024 has. After Esser et al. 2024, arXiv 2403.03206, section 5.3.2, with
    Flux's own figures. The network is told sigma itself.
    """
    for port, side in (("width", width), ("height", height)):
        if side < _PIXELS_PER_TOKEN:
            raise InputError(port, f"{side} px", f"at least {_PIXELS_PER_TOKEN}")
    from nodes.diffusion.schedules import shift_for_tokens

    tokens = width * height / _PIXELS_PER_TOKEN**2
    shift = shift_for_tokens(tokens, base_shift, max_shift, _FEWEST_TOKENS, _MOST_TOKENS)
    return _as_flow(model, shift, 1.0)


def _as_flow(model: Model, shift: float, multiplier: float) -> Model:
    if shift <= 0:
        raise InputError("shift", f"{shift:g}", "above 0", "1 leaves the levels evenly spaced")
    return replace(model, betas=FlowSchedule(shift, multiplier), prediction="flow", sigma_data=1.0)


def _timesteps_of(model: Model) -> BetaSchedule:
    if not isinstance(model.betas, BetaSchedule):
        kind = "a flow" if model.betas.flow else "any noise level between two ends"
        hint = "A flow's levels are moved by model_sampling.flow"
        raise InputError("model", f"a model of {kind}", "a diffusion over timesteps", hint)
    return model.betas
