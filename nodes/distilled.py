"""What models want that were distilled into fewer or unguided steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.types import BetaSchedule, Conditioning, NoiseSchedule, Sigmas


@node("distilled.guidance")
def guidance(
    conditioning: Conditioning, guidance: Annotated[float, Slider(0, 100, step=0.1)] = 3.5
) -> Conditioning:
    """Tell a network that learnt guided answers how strongly it is to follow the prompt.

    The scale goes into the network beside the timestep, in one call without a negative prompt:
    Meng et al. 2022, arXiv 2210.03142. Flux dev was made with 3.5, latent consistency models with
    8; other networks do not read it. Its sampler's own guidance stays 1.
    """
    if guidance < 0:
        raise InputError("guidance", f"{guidance:g}", "at least 0")
    more = tuple(replace(text, guidance=guidance) for text in conditioning.more)
    return replace(conditioning, guidance=guidance, more=more)


@node("distilled.lcm_sigmas", title="LCM sigmas")
def lcm_sigmas(
    betas: NoiseSchedule,
    steps: Annotated[int, Slider(1, 100, step=1, unit="steps")] = 4,
    trained: Annotated[int, Number(1, 1000, step=1, unit="steps")] = 50,
) -> Sigmas:
    """Take `steps` of the few timesteps that a latent consistency model was distilled on.

    Those are the last of each of `trained` equal parts of the schedule, 19, 39 … 999 of 1000; of
    their list, the noisiest first, the places floor(i * trained / steps) are taken, and a final 0.
    Luo et al. 2023, arXiv 2310.04378, section 4.3 (skipping steps).
    """
    from nodes.diffusion import schedules

    if not isinstance(betas, BetaSchedule):
        raise InputError("betas", type(betas).__name__, "a schedule of betas, as diffusions have")
    count = schedules.length(betas)
    if not 1 <= trained <= count:
        raise InputError("trained", str(trained), f"1..{count}, the schedule's timesteps")
    if not 1 <= steps <= trained:
        raise InputError("steps", str(steps), f"1..{trained}", "There are no more trained ones")
    stride = count // trained
    known = [stride * (k + 1) - 1 for k in reversed(range(trained))]
    return schedules.at_timesteps(betas, [known[i * trained // steps] for i in range(steps)])
