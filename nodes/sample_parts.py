"""What the step nodes share: their outputs, their checks, their noise. Helpers, no nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nodeflow.errors import InputError
from nodes.checks import downwards, same_shape
from nodes.types import Answer, History, Latent, NoisePrediction, NoiseSchedule, Step

if TYPE_CHECKING:
    import torch


class Move(NamedTuple):
    """The latent at the next level, and what the next step may look back on."""

    latent: Latent
    history: History


class Trial(NamedTuple):
    """Where to look a second time: a latent, and the step that stands for its noise level."""

    latent: Latent
    step: Step


def check(latent: Latent, noise: NoisePrediction, step: Step, history: History) -> None:
    """A step downwards, with a prediction and a memory that fit the latent."""
    same_shape("noise", noise.samples, "latent", latent.samples)
    downwards(step)
    for _, remembered in history.entries:
        same_shape("history", remembered, "latent", latent.samples)
    if history.entries and history.entries[0][0] <= step.sigma:
        got = f"sigma {history.entries[0][0]:g} remembered at a step from {step.sigma:g}"
        raise InputError("history", got, "higher sigmas", "Each loop begins with no_history")


def moved(
    name: str,
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    history: History,
    seed: int = 0,
    uncond: NoisePrediction | None = None,
    betas: NoiseSchedule | None = None,
    **settings: float | int | str | bool,
) -> Move:
    """One step of a sampler that asks once, with the prediction that was given."""
    from nodes.diffusion.sampling import one_step

    check(latent, noise, step, history)
    if uncond is not None:
        same_shape("uncond", uncond.samples, "latent", latent.samples)
    answer = Answer(noise.samples, None if uncond is None else uncond.samples)
    samples, past = one_step(
        name, latent.samples, answer, step, history.entries, seed, betas, settings
    )
    return Move(Latent(samples, latent.noise_mask), History(past))


def fresh(
    latent: Latent, seed: int, step: Step, eta: float = 1.0, part: int = 0
) -> torch.Tensor | None:
    """Noise for (a part of) a random step; None where it would be added with weight 0."""
    from nodes.diffusion.noise import step_noise

    if eta == 0 or step.sigma_next == 0:
        return None
    return step_noise(latent.samples, seed, step.index, part)


def there(step: Step, sigma: float, betas: NoiseSchedule) -> Step:
    """The step as if it began at another sigma."""
    from dataclasses import replace

    from nodes.diffusion.schedules import timestep_of_sigma

    return replace(step, sigma=sigma, timestep=timestep_of_sigma(betas, sigma))
