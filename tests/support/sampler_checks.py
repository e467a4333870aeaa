"""What the tests of samplers share: a model that is a plain function, and the one-node samplers.

A loop of step nodes is held to the sampler of the same name, and a sampler's settings to those
that it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import KINDS, Run, walk
from nodes.types import (
    Answer,
    FlowSchedule,
    History,
    Latent,
    NoisePrediction,
    NoiseSchedule,
    Sampler,
    Sigmas,
    Step,
)
from small import SD

SEED = 3
BOTH = pytest.mark.parametrize("betas", [SD, FlowSchedule(3.0)], ids=["diffusion", "flow"])
Loop = Callable[[NoiseSchedule, Latent, list[Step]], Latent]

STEPS = schedules.step_list(schedules.at_sigmas(SD, schedules.karras(0.03, 14.6, 6, 7.0)))
START = 14.6 * gaussian((4, 4, 4), [2])


def answer(x: torch.Tensor, step: Step) -> Answer:
    """Smooth, not linear, and for the unwanted prompt something else."""
    clean = torch.tanh(x / (1 + step.sigma**2) ** 0.5)
    return Answer((x - clean) / step.sigma, (x - 0.5 * clean) / step.sigma)


def drawn(sampler: Sampler) -> torch.Tensor:
    """What the sampler makes of START."""
    run = Run(answer, SD, SEED, STEPS, dict(sampler.settings))
    return walk(run, sampler.name, START, lambda x, _: x)


def check_settings(sampler: Sampler, other: Sampler) -> None:
    """All settings are the sampler's, the defaults too, and another value draws another picture."""
    kind = KINDS[sampler.name]
    assert {name: kind.settings[name] for name, _ in sampler.settings} == dict(sampler.settings)
    assert sampler.settings == tuple(sorted(sampler.settings))
    assert sampler.name == other.name
    assert torch.equal(drawn(sampler), drawn(Sampler(sampler.name)))
    assert not torch.equal(drawn(sampler), drawn(other))


def levels(betas: NoiseSchedule) -> Sigmas:
    return schedules.normal(betas, 6)


def begin(betas: NoiseSchedule) -> Latent:
    return Latent(levels(betas).values[0] * gaussian((4, 4, 4), [2]))


def noise_at(x: Latent, step: Step) -> NoisePrediction:
    return NoisePrediction(answer(x.samples, step).noise)


def uncond_at(x: Latent, step: Step) -> NoisePrediction:
    found = answer(x.samples, step).uncond
    assert found is not None
    return NoisePrediction(found)


def check_loop(loop: Loop, name: str, betas: NoiseSchedule, **settings: Any) -> None:
    """The loop of step nodes gives what the one-node sampler gives, to the bit."""
    steps = schedules.step_list(levels(betas))
    run = Run(answer, betas, SEED, steps, settings)
    expected = walk(run, name, begin(betas).samples, lambda x, _: x)
    assert torch.equal(loop(betas, begin(betas), steps).samples, expected)


def over(move: Callable[[NoiseSchedule, Latent, Step], Latent]) -> Loop:
    """The loop of a step that remembers nothing."""

    def loop(betas: NoiseSchedule, x: Latent, steps: list[Step]) -> Latent:
        for step in steps:
            x = move(betas, x, step)
        return x

    return loop


def remembering(step_node: Callable[..., Any], **given: Any) -> Loop:
    """The loop of a step node that passes its history on."""

    def loop(betas: NoiseSchedule, x: Latent, steps: list[Step]) -> Latent:
        history = History()
        for step in steps:
            x, history = step_node(x, noise_at(x, step), step, history, **given)
        return x

    return loop
