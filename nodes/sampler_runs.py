"""What the one-node samplers share: checks, then the walk over all steps. Helpers, no nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import checks
from nodes.types import (
    Answer,
    Conditioning,
    Denoised,
    Guider,
    Latent,
    Model,
    Noise,
    NoisePrediction,
    NoiseSchedule,
    Sampler,
    Sigmas,
    Step,
)

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


def noised(
    latent: Latent, noise: Noise, sigmas: Sigmas, betas: NoiseSchedule | None = None
) -> tuple[Latent, Keep]:
    """The latent with the noise of the first sigma, and what keeps the masked part of it. `betas`
    say whether that sigma is the model's largest."""
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
    spread = _whole_spread(first, betas) if noise.whole_spread and betas else first
    return Latent(scaled + spread * drawn, mask), keep


def _whole_spread(first: float, betas: NoiseSchedule) -> float:
    """sqrt(1 + sigma^2) where a diffusion begins at the top, sigma elsewhere."""
    from nodes.diffusion.schedules import sigma_table

    top = not betas.flow and first > float(sigma_table(betas)[0]) * (1 - 1e-5)
    return math.sqrt(1 + first**2) if top else first


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
    """A noisy latent over all steps; `keep` gets each step's latent and gives the one to go on.

    Each step is told with the sigma where it ended, its latent, and what its first look showed: the
    estimate of the clean latent, the predictions under the wanted and the unwanted prompt.
    """
    from nodes.diffusion.noise import stream
    from nodes.diffusion.regions import Uncovered
    from nodes.diffusion.sampling import Run, walk
    from nodes.diffusion.schedules import step_list

    steps = step_list(sigmas)
    _fits(guider, latent, sampler, steps)

    asked, looks = guider.start(), _Looks()

    def ask(x: Tensor, step: Step) -> Answer:
        return looks.note(x, step, asked(x, step))

    def after(x: Tensor, step: Step) -> Tensor:
        kept = keep(x, step)
        done = step.index - sigmas.first + 1
        there = {"step": step, "latent": Latent(kept, latent.noise_mask), **looks.take()}
        ctx.progress(done, max(done, len(steps)), sigma=step.sigma_next, **there)
        checks.finite("model", x, step)
        return kept

    ctx.check_cancelled()
    settings = dict(sampler.settings)
    one = stream(int(settings["stream_seed"])) if "stream_seed" in settings else None
    run = Run(ask, guider.model.betas, seed, steps, settings, one)
    try:
        return Latent(walk(run, sampler.name, latent.samples, after), latent.noise_mask)
    except Uncovered as error:
        ports = [port for port, _ in guider.texts]
        unseen = [port for port in ports if port in _NOT_ALWAYS_ASKED]
        raise checks.uncovered(" or ".join(unseen or ports), error) from error


class _Looks:
    """What a step's first look at the model showed, for those who watch the sampler."""

    def __init__(self) -> None:
        self._found: dict[str, object] = {}

    def note(self, x: Tensor, step: Step, answer: Answer) -> Answer:
        if not self._found:
            self._found["denoised"] = Denoised(x - step.sigma * answer.noise)
            for name, part in (("cond", answer.cond), ("uncond", answer.uncond)):
                if part is not None:
                    self._found[name] = NoisePrediction(part)
        return answer

    def take(self) -> dict[str, object]:
        """The look, and none is known any more."""
        found, self._found = self._found, {}
        return found


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
