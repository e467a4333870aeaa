"""The walk over the steps, on a model that is known exactly."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import KINDS, Run, walk
from nodes.types import Answer, Step

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
PICTURE = gaussian((4, 8, 8), [1])


def towards_the_picture(x: torch.Tensor, step: Step) -> Answer:
    """The epsilon of a model that knows the one picture there is."""
    return Answer((x - PICTURE) / step.sigma)


STEPS = schedules.step_list(schedules.at_sigmas(SD, schedules.karras(0.03, 14.6, 6, 7.0)))
RUN = Run(towards_the_picture, SD, 3, STEPS)
START = PICTURE + 14.6 * gaussian((4, 8, 8), [2])


@pytest.mark.parametrize("name", KINDS)
def test_every_sampler_finds_the_only_picture(name: str) -> None:
    found = walk(RUN, name, START, lambda x, _: x)
    assert_close(found, PICTURE, rtol=1e-4, atol=1e-4)


def test_walk_shows_each_step_and_takes_what_it_gets_back() -> None:
    seen = []

    def after(x: torch.Tensor, step: Step) -> torch.Tensor:
        seen.append(step)
        return torch.zeros_like(x) if step.index == 5 else x

    assert not walk(RUN, "euler", START, after).any()
    assert seen == STEPS
