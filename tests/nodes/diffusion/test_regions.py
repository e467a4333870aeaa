"""Where and when a text holds."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from nodes.diffusion import regions, schedules
from nodes.types import Area, Conditioning, FlowSchedule, NoiseSchedule, Span

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
FLOW = FlowSchedule(shift=3.0)
X = torch.zeros(2, 4, 32, 48)


def text(**changes: object) -> Conditioning:
    return Conditioning(torch.zeros(1, 3, 8), **changes)  # type: ignore[arg-type]


def held(span: Span, schedule: NoiseSchedule, count: int = 20) -> list[int]:
    steps = schedules.step_list(schedules.normal(schedule, count))
    return [step.index for step in steps if regions.in_span(span, step, schedule)]


@pytest.mark.parametrize("schedule", [SD, FLOW])
def test_spans_that_meet_share_out_every_step_once(schedule: NoiseSchedule) -> None:
    for unit in ("schedule", "steps"):
        parts = [held(Span(a, b, unit), schedule) for a, b in pairwise((0, 0.25, 0.7, 1))]
        assert [index for part in parts for index in part] == list(range(20))
        assert all(parts)


def test_a_span_of_the_schedule_ends_at_its_share_of_the_timesteps() -> None:
    found = held(Span(0.0, 0.5), SD, 1000)
    assert len(found) == pytest.approx(500, abs=1)


def test_a_span_of_steps_counts_steps() -> None:
    assert held(Span(0.5, 1.0, "steps"), SD) == list(range(10, 20))
    assert held(Span(3, 5, "index"), SD) == [3, 4]


def test_alternation_takes_every_nth_step() -> None:
    assert held(Span(every=3, offset=1), SD, 8) == [1, 4, 7]


def test_a_text_holds_in_all_of_its_spans() -> None:
    both = text(spans=(Span(0.0, 0.5, "steps"), Span(every=2, offset=0)))
    steps = schedules.step_list(schedules.normal(SD, 8))
    assert [s.index for s in steps if regions.holds(both, s, SD)] == [0, 2]
    assert all(regions.holds(text(), step, SD) for step in steps)


def test_window_of_an_area_lies_in_the_latent_and_is_never_empty() -> None:
    half = regions.window(Area(0.0, 0.5, 1.0, 0.5), X.shape)
    assert (X[..., half[0], half[1]]).shape[-2:] == (32, 24)
    speck = regions.window(Area(1.0, 1.0, 0.0, 0.0), X.shape)
    assert (X[..., speck[0], speck[1]]).shape[-2:] == (1, 1)
    assert regions.window(None, X.shape) == (slice(None), slice(None))


def test_weight_of_a_plain_text_is_its_strength() -> None:
    assert_close(regions.weight_of(text(strength=0.3), X), torch.full((1, 1, 32, 48), 0.3))


def test_weight_of_an_area_fades_inside_the_picture_only() -> None:
    weight = regions.weight_of(text(area=Area(0.0, 0.0, 1.0, 0.5)), X)[0, 0]
    assert_close(weight[:, 0], torch.ones(32))  # the picture's own edge
    assert_close(weight[:, 24:], torch.zeros(32, 24))
    across = weight[5, :24]
    assert (across.diff() <= 0).all()
    assert 0 < float(across[-1]) < 0.25


def test_areas_side_by_side_cover_the_picture() -> None:
    left, right = (text(area=Area(0.0, at, 1.0, 0.5)) for at in (0.0, 0.5))
    weights = [regions.weight_of(half, X) for half in (left, right)]
    assert regions.covers(weights)
    assert not regions.covers(weights[:1])


def test_weight_of_a_mask_is_the_mask_at_the_size_of_the_latent() -> None:
    mask = torch.zeros(2, 64, 96)
    mask[0, :, 48:] = 1
    weight = regions.weight_of(text(mask=mask, strength=2.0), X)
    assert weight.shape == (2, 1, 32, 48)
    assert_close(weight[0, 0, :, 24:], torch.full((32, 24), 2.0))
    assert float(weight[1].abs().max()) == 0
