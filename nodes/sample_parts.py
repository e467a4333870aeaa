"""What the step nodes share: their outputs, their checks, their noise. Helpers, no nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.widgets import Seed, Slider
from nodes.checks import downwards, same_shape
from nodes.sampler_names import within
from nodes.types import Answer, History, Latent, NoisePrediction, NoiseSchedule, Step

if TYPE_CHECKING:
    import torch


SeedPort = Annotated[int, Seed()]
Eta = Annotated[float, Slider(0, 1, step=0.05)]
Part = Annotated[float, Slider(0.05, 1, step=0.05)]
"""How much of the way a trial goes."""


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


def check_stage(
    latent: Latent, noise: NoisePrediction, step: Step, eta: float, r: float = 1.0
) -> None:
    """A random step downwards in two looks, the first of which goes the part `r` of the way."""
    same_shape("noise", noise.samples, "latent", latent.samples)
    downwards(step)
    within("eta", eta, 0, 1)
    within("r", r, 0.05, 1)


def check_there(latent: Latent, latent_there: Latent, noise_there: NoisePrediction) -> None:
    """The second look is at a latent of the same size."""
    same_shape("latent_there", latent_there.samples, "latent", latent.samples)
    same_shape("noise_there", noise_there.samples, "latent", latent.samples)


def trial(
    latent: Latent, samples: torch.Tensor, step: Step, sigma: float, betas: NoiseSchedule
) -> Trial:
    """A look at `samples`, by the step as if it began at `sigma`."""
    from dataclasses import replace

    from nodes.diffusion.schedules import timestep_of_sigma

    there = replace(step, sigma=sigma, timestep=timestep_of_sigma(betas, sigma))
    return Trial(Latent(samples, latent.noise_mask), there)


def clean(latent: Latent, noise: NoisePrediction, step: Step) -> torch.Tensor:
    """The estimate of the clean latent that a prediction makes."""
    from nodes.diffusion.samplers import denoised

    return denoised(latent.samples, noise.samples, step.sigma)
