"""What the one-node samplers share: checks, then the walk over all steps. Helpers, no nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import checks
from nodes.types import Answer, Conditioning, Guider, Latent, Model, Noise, Sampler, Sigmas, Step

if TYPE_CHECKING:
    from torch import Tensor

    Ask = Callable[[Tensor, Step], Answer]
    Keep = Callable[[Tensor, Step], Tensor]


_NOT_ALWAYS_ASKED = ("negative", "uncond", "empty", "neither")
"""Ports of texts that a guidance scale of 1 leaves out: they may have no part at such a step."""


def guider_of(model: Model, positive: Conditioning, negative: Conditioning, scale: float) -> Guider:
    """A model under two prompts, as the samplers without a guider ask it."""
    from nodes.diffusion import guiders

    texts = (("positive", positive), ("negative", negative))
    ask = guiders.cfg(model, positive, negative, guiders.constant(scale))
    return Guider(model, ask, texts)


def noise_of(latent: Latent, seed: int) -> Noise:
    """Fresh noise for a latent, image k from seed + k."""
    from nodes.diffusion.noise import batch_seeds, gaussian

    clean = latent.samples
    checks.some_pictures("latent", clean)
    seeds = batch_seeds(seed, len(clean))
    checks.seeds("seed", seeds)
    return Noise(gaussian(clean.shape[1:], seeds).to(clean.device), seeds)


def noised(latent: Latent, noise: Noise, sigmas: Sigmas) -> tuple[Latent, Keep]:
    """The latent with the noise of the first sigma, and what keeps the masked part of it."""
    from nodes.diffusion import samplers

    checks.same_shape("noise", noise.samples, "latent", latent.samples)
    clean, mask, first = latent.samples, latent.noise_mask, sigmas.values[0]
    drawn = noise.samples.to(clean.device)
    if mask is not None:
        mask = mask.to(clean.device)

    def keep(x: Tensor, step: Step) -> Tensor:
        if mask is None:
            return x
        return samplers.keep_unmasked(x, clean, drawn, step.sigma_next, mask, step.alpha_next)

    scaled = (1 - first) * clean if sigmas.flow else clean
    return Latent(scaled + first * drawn, mask), keep


def not_masked(latent: Latent) -> None:
    """A latent that is noisy already has no clean picture to keep under a mask."""
    if latent.noise_mask is not None:
        hint = "Use sampler.sample, or sample.keep_unmasked in a loop"
        raise InputError("latent", "a latent with a noise mask", "one without", hint)


def denoise(
    guider: Guider,
    latent: Latent,
    sigmas: Sigmas,
    sampler: Sampler,
    seed: int,
    keep: Keep,
    ctx: RunContext,
) -> Latent:
    """A noisy latent over all steps; `keep` gets each step's latent and gives the one to go on."""
    from nodes.diffusion.regions import Uncovered
    from nodes.diffusion.sampling import Run, walk
    from nodes.diffusion.schedules import step_list

    steps = step_list(sigmas)
    _fits(guider, latent, sampler, steps)

    def after(x: Tensor, step: Step) -> Tensor:
        checks.finite("model", x, step)
        done = step.index - sigmas.first + 1
        ctx.progress(done, max(done, len(steps)), sigma=step.sigma_next)
        return keep(x, step)

    ctx.check_cancelled()
    settings = dict(sampler.settings)
    run = Run(guider.start(), guider.model.betas, seed, steps, settings)
    try:
        return Latent(walk(run, sampler.name, latent.samples, after), latent.noise_mask)
    except Uncovered as error:
        ports = [port for port, _ in guider.texts]
        unseen = [port for port in ports if port in _NOT_ALWAYS_ASKED]
        raise checks.uncovered(" or ".join(unseen or ports), error) from error


def _fits(guider: Guider, latent: Latent, sampler: Sampler, steps: list[Step]) -> None:
    from nodes.diffusion.sampling import KINDS

    kind = KINDS.get(sampler.name)
    if kind is None:
        raise InputError("sampler", repr(sampler.name), f"one of {', '.join(KINDS)}")
    for port, text in guider.texts:
        if isinstance(text, Conditioning):
            checks.fits_model(guider.model, latent, port, text)
            if port not in _NOT_ALWAYS_ASKED:
                checks.covered(guider.model, latent, port, text, steps)
    for before, step in zip([None, *steps], steps, strict=False):
        if not (before and _restarts(before, step, sampler, steps[0])):
            checks.downwards(step)
        checks.can_predict(guider.model, step)
    if guider.model.betas.flow and not kind.in_flows:
        hint = "Its formulas divide by alpha, which is 0 where a flow begins"
        raise InputError("sampler", f"{sampler.name} in a flow", "a sampler for flows", hint)
    if guider.model.betas.flow and dict(sampler.settings).get("s_churn"):
        raise InputError("sampler", "s_churn in a flow", "s_churn 0, or another kind of model")


def _restarts(before: Step, step: Step, sampler: Sampler, first: Step) -> bool:
    """Whether a step is a rise, after one downwards and not above the beginning: a restart."""
    own_steps = sampler.name in ("dpm_fast", "dpm_adaptive")
    rises = before.sigma > step.sigma < step.sigma_next <= first.sigma
    return rises and step.sigma > 0 and not own_steps
