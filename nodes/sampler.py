"""The whole denoising in one node, over the same functions as the single steps.

It gives what the loop of graphs/text_to_image.json gives with `model.predict_pair`, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Seed, Slider
from nodes import checks, sampler_runs
from nodes.sampler_names import SamplerName
from nodes.types import (
    Answer,
    Conditioning,
    Denoised,
    Guider,
    Latent,
    Model,
    Noise,
    Sampler,
    Sigmas,
    Step,
)

if TYPE_CHECKING:
    from torch import Tensor

Guidance = Annotated[float, Slider(0, 30, step=0.5)]
StepNumber = Annotated[int, Number(0, 10_000, step=1)]


def _named_as_everywhere(old: dict[str, Any]) -> dict[str, Any]:
    """Version 1 called ComfyUI's `dpm_2` `dpm2`."""
    params = dict(old.get("params", {}))
    if params.get("sampler") == "dpm2":
        params["sampler"] = "dpm_2"
    return {**old, "params": params}


@node("sampler.sample", version=2, migrations={1: _named_as_everywhere})
def sample(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    sigmas: Sigmas,
    sampler: SamplerName = "euler",
    guidance_scale: Guidance = 7.5,
    seed: Annotated[int, Seed()] = 0,
    *,
    ctx: RunContext,
) -> Latent:
    """Noise a latent to the first sigma, then denoise it step by step under a prompt.

    x = alpha_0 * x0 + sigma_0 * noise(seed), [B, C, H, W], then `sampler` over all sigmas with
    uncond + scale * (cond - uncond). An empty latent gives text to image, an encoded picture with a
    schedule cut by strength image to image. Where the latent's noise mask is 0, nothing changes.
    Both prompts go in one batch; at scale 1 the negative one is not asked.
    """
    checks.sigma_list(sigmas)
    guider = sampler_runs.guider_of(model, positive, negative, guidance_scale)
    noisy, keep = sampler_runs.noised(latent, sampler_runs.noise_of(latent, seed), sigmas)
    return sampler_runs.denoise(guider, noisy, sigmas, Sampler(sampler), seed, keep, ctx)


@node("sampler.resume", version=2, migrations={1: _named_as_everywhere})
def resume(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    sigmas: Sigmas,
    sampler: SamplerName = "euler",
    guidance_scale: Guidance = 7.5,
    seed: Annotated[int, Seed()] = 0,
    *,
    ctx: RunContext,
) -> Latent:
    """Denoise a latent that has the noise of the first sigma already, adding none at the start.

    For the second part of a split schedule, or a start made by other nodes; else as
    `sampler.sample`. Samplers that remember (`lms`, `dpmpp_2m` …) begin without the memory of the
    steps before. A noise mask has no clean picture to keep here and is an error.
    """
    checks.sigma_list(sigmas)
    sampler_runs.not_masked(latent)
    guider = sampler_runs.guider_of(model, positive, negative, guidance_scale)
    return sampler_runs.denoise(guider, latent, sigmas, Sampler(sampler), seed, _as_it_is, ctx)


@node("sampler.sample_guided")
def sample_guided(
    guider: Guider,
    latent: Latent,
    sigmas: Sigmas,
    sampler: Sampler,
    seed: Annotated[int, Seed()] = 0,
    *,
    ctx: RunContext,
) -> Latent:
    """Noise a latent to the first sigma, then denoise it as a guider asks and a sampler steps.

    As `sampler.sample`, but that the guider holds the model and its prompts, and the sampler its
    own settings (`sampler_kinds`). The seed draws the first noise and that of random samplers.
    """
    checks.sigma_list(sigmas)
    noisy, keep = sampler_runs.noised(latent, sampler_runs.noise_of(latent, seed), sigmas)
    return sampler_runs.denoise(guider, noisy, sigmas, sampler, seed, keep, ctx)


class Traced(NamedTuple):
    """Where the sampler ended, its last estimate, and both for each step on the way."""

    latent: Latent
    denoised: Denoised
    trace: list[Latent]
    estimates: list[Denoised]


@node("sampler.sample_advanced")
def sample_advanced(
    guider: Guider,
    noise: Noise,
    latent: Latent,
    sigmas: Sigmas,
    sampler: Sampler,
    seed: Annotated[int, Seed()] = 0,
    start_step: StepNumber = 0,
    end_step: StepNumber = 10_000,
    add_noise: bool = True,
    leftover_noise: bool = False,
    *,
    ctx: RunContext,
) -> Traced:
    """Denoise from one step of a schedule to another, and show every step on the way.

    Steps `start_step` to `end_step` (counted from 0, the second left out) of the list. With
    `add_noise` the latent is clean and gets `noise` first, alpha * x0 + sigma * noise; without, it
    is noisy already. A list cut off before its end leaves its noise in the latent if
    `leftover_noise`, else the last step goes to sigma 0. `seed` is for the noise of random
    samplers; the trace is each step's latent, the estimates what its prediction said the picture
    is.
    """
    cut = _between(sigmas, start_step, end_step, leftover_noise)
    keep: Callable[[Tensor, Step], Tensor] = _as_it_is
    if add_noise:
        latent, keep = sampler_runs.noised(latent, noise, cut, guider.model.betas)
    else:
        sampler_runs.not_masked(latent)
    _same_steps_for_all(sampler, latent)
    trace: list[Latent] = []
    estimates: list[Denoised] = []

    asked = guider.start()

    def ask(x: Tensor, step: Step) -> Answer:
        answer = asked(x, step)
        if len(estimates) == len(trace):  # the first look of a step
            estimates.append(Denoised(x - step.sigma * answer.noise))
        return answer

    def kept(x: Tensor, step: Step) -> Tensor:
        x = keep(x, step)
        trace.append(Latent(x, latent.noise_mask))
        return x

    watched = Guider(guider.model, ask, guider.texts)
    end = sampler_runs.denoise(watched, latent, cut, sampler, seed, kept, ctx)
    last = estimates[-1] if estimates else Denoised(end.samples)
    return Traced(end, last, trace, estimates)


def _as_it_is(x: Tensor, step: Step) -> Tensor:
    return x


def _same_steps_for_all(sampler: Sampler, latent: Latent) -> None:
    if sampler.name == "dpm_adaptive" and len(latent.samples) > 1:
        got = f"a batch of {len(latent.samples)}"
        raise InputError("latent", got, "one picture", "Each takes its own steps: use flow.map")


def _between(sigmas: Sigmas, start: int, end: int, leftover: bool) -> Sigmas:
    from dataclasses import replace

    checks.sigma_list(sigmas)
    count = len(sigmas.values) - 1
    if not 0 <= start <= end:
        raise InputError("end_step", f"{end} after start_step {start}", "at least start_step")
    start, end = min(start, count), min(end, count)
    values, timesteps = sigmas.values[start : end + 1], sigmas.timesteps[start : end + 1]
    if not leftover and len(values) > 1:
        values, timesteps = (*values[:-1], 0.0), (*timesteps[:-1], 0.0)
    return replace(sigmas, values=values, timesteps=timesteps, first=sigmas.first + start)
