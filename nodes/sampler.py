"""The whole denoising in one node, over the same functions as the single steps.

It gives what the loop of graphs/text_to_image.json gives with `model.predict_pair`, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Seed, Slider
from nodes import checks
from nodes.types import Conditioning, Latent, Model, Sigmas, Step

if TYPE_CHECKING:
    from torch import Tensor

SAMPLERS = (
    "euler",
    "euler_ancestral",
    "heun",
    "dpm2",
    "lms",
    "ddim",
    "ddpm",
    "dpmpp_2m",
    "dpmpp_2m_sde",
)
Sampler = Annotated[str, Choice(*SAMPLERS)]
Guidance = Annotated[float, Slider(0, 30, step=0.5)]


@node("sampler.sample")
def sample(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    sigmas: Sigmas,
    sampler: Sampler = "euler",
    guidance_scale: Guidance = 7.5,
    seed: Annotated[int, Seed()] = 0,
    *,
    ctx: RunContext,
) -> Latent:
    """Noise a latent to the first sigma, then denoise it step by step under a prompt.

    x = x0 + sigma_0 * noise(seed), [B, C, H, W], then `sampler` over all sigmas with epsilon =
    uncond + scale * (cond - uncond). An empty latent gives text to image, an encoded picture with a
    schedule cut by strength image to image. Where the latent's noise mask is 0, nothing changes.
    Both prompts go in one batch; at scale 1 the negative one is not asked.
    """
    from nodes.diffusion.noise import batch_seeds, gaussian
    from nodes.diffusion.samplers import keep_unmasked

    checks.sigma_list(sigmas)
    checks.some_pictures("latent", latent.samples)
    clean, mask = latent.samples, latent.noise_mask
    seeds = batch_seeds(seed, len(clean))
    checks.seeds("seed", seeds)
    noise = gaussian(clean.shape[1:], seeds).to(clean.device)
    if mask is not None:
        mask = mask.to(clean.device)

    def keep(x: Tensor, step: Step) -> Tensor:
        return x if mask is None else keep_unmasked(x, clean, noise, step.sigma_next, mask)

    noisy = Latent(clean + sigmas.values[0] * noise, mask)
    prompts = (positive, negative)
    return _denoise(model, prompts, noisy, sigmas, sampler, guidance_scale, seed, keep, ctx)


@node("sampler.resume")
def resume(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    sigmas: Sigmas,
    sampler: Sampler = "euler",
    guidance_scale: Guidance = 7.5,
    seed: Annotated[int, Seed()] = 0,
    *,
    ctx: RunContext,
) -> Latent:
    """Denoise a latent that has the noise of the first sigma already, adding none at the start.

    For the second part of a split schedule, or a start made by other nodes; else as
    `sampler.sample`. `lms` and both `dpmpp` begin without the memory of the steps before. A noise
    mask has no clean picture to keep here and is an error.
    """
    checks.sigma_list(sigmas)
    if latent.noise_mask is not None:
        hint = "Use sampler.sample, or sample.keep_unmasked in a loop"
        raise InputError("latent", "a latent with a noise mask", "one without", hint)
    prompts = (positive, negative)
    return _denoise(
        model, prompts, latent, sigmas, sampler, guidance_scale, seed, lambda x, _: x, ctx
    )


def _denoise(
    model: Model,
    prompts: tuple[Conditioning, Conditioning],
    latent: Latent,
    sigmas: Sigmas,
    sampler: str,
    scale: float,
    seed: int,
    keep: Callable[[Tensor, Step], Tensor],
    ctx: RunContext,
) -> Latent:
    from nodes.diffusion.sampling import MOVES, Run, guided, walk
    from nodes.diffusion.schedules import step_list

    if sampler not in MOVES:
        raise InputError("sampler", repr(sampler), f"one of {', '.join(MOVES)}")
    positive, negative = prompts
    checks.fits_model(model, latent, "positive", positive)
    checks.fits_model(model, latent, "negative", negative)
    steps = step_list(sigmas)
    for step in steps:
        checks.downwards(step)
        checks.can_predict(model, step)

    def after(x: Tensor, step: Step) -> Tensor:
        checks.finite("model", x, step)
        ctx.progress(step.index - sigmas.first + 1, len(steps), sigma=step.sigma_next)
        return keep(x, step)

    ctx.check_cancelled()
    run = Run(guided(model, positive, negative, scale), model.betas, seed)
    return Latent(walk(run, sampler, latent.samples, steps, after), latent.noise_mask)
