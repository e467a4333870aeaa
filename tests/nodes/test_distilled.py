"""What distilled models are told, and the few steps that they know."""

from __future__ import annotations

import pytest
import torch

from nodeflow.errors import InputError
from nodes import distilled as nodes
from nodes import schedule
from nodes.types import Conditioning, FlowSchedule


def test_guidance_is_told_to_every_text() -> None:
    text = Conditioning(torch.zeros(1, 3, 4))
    both = Conditioning(torch.ones(1, 3, 4), more=(text,))
    made = nodes.guidance(both, 2.5)
    assert (made.guidance, made.more[0].guidance) == (2.5, 2.5)
    assert both.guidance is None
    assert text.guidance is None
    assert made.embeddings is both.embeddings


def test_guidance_is_not_below_zero() -> None:
    with pytest.raises(InputError, match="guidance: got -1"):
        nodes.guidance(Conditioning(torch.zeros(1, 3, 4)), -1)


@pytest.mark.parametrize(("steps", "trained"), [(4, 50), (1, 50), (7, 50), (50, 50), (3, 40)])
def test_lcm_sigmas_are_at_the_scheduler_s_timesteps(steps: int, trained: int) -> None:
    from diffusers.schedulers.scheduling_lcm import LCMScheduler

    scheduler = LCMScheduler()
    scheduler.set_timesteps(steps, original_inference_steps=trained)
    got = nodes.lcm_sigmas(schedule.scaled_linear(), steps, trained)
    assert list(got.timesteps) == [*scheduler.timesteps.tolist(), 0]
    assert got.values[-1] == 0


def test_lcm_sigmas_are_no_more_than_were_trained() -> None:
    with pytest.raises(InputError, match=r"steps: got 51, expected 1\.\.50"):
        nodes.lcm_sigmas(schedule.scaled_linear(), 51)
    with pytest.raises(InputError, match=r"trained: got 2000, expected 1\.\.1000"):
        nodes.lcm_sigmas(schedule.scaled_linear(), 4, 2000)


def test_lcm_sigmas_are_of_a_diffusion() -> None:
    with pytest.raises(InputError, match="FlowSchedule"):
        nodes.lcm_sigmas(FlowSchedule())
