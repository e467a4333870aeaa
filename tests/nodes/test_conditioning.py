"""Where, when and how much texts hold, and what comes of it in a denoiser."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from nodeflow.errors import InputError
from nodes import conditioning, text
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import (
    Area,
    Clip,
    Conditioning,
    Mask,
    Model,
    PictureSize,
    Span,
    Step,
)

ONE = Conditioning(torch.ones(1, 3, 2))


def two() -> Conditioning:
    return text.combine(ONE, Conditioning(torch.zeros(1, 3, 2), strength=0.5))


def step(index: int = 0, count: int = 10) -> Step:
    return Step(index, count, 1.0, 0.5, 300.0, 200.0)


def predicted(model: Model, conditioning: Conditioning, at: Step | None = None) -> torch.Tensor:
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    return predict_epsilons(model, x, at or step(), [conditioning])[0]


def test_area_is_of_all_texts() -> None:
    got = conditioning.area(two(), 64, 0, 128, 256, 256, 512, 0.5)
    assert got.area == got.more[0].area == Area(0.0, 0.25, 0.5, 0.5)
    assert (got.strength, got.more[0].strength) == (0.5, 0.25)
    assert ONE.area is None


def test_area_shows_the_denoiser_that_part_alone(model: Model, clip: Clip) -> None:
    cat, dog = text.encode(clip, "a cat"), text.encode(clip, "a dog")
    left = conditioning.area(cat, 0, 0, 64, 128, 128, 128)
    right = conditioning.area(dog, 64, 0, 64, 128, 128, 128)
    got = predicted(model, text.combine(left, right))
    x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    halves = [
        predict_epsilons(model, part, step(), [c])[0]
        for part, c in ((x[..., :8], cat), (x[..., 8:], dog))
    ]
    torch.testing.assert_close(got, torch.cat(halves, dim=-1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"left": 12}, "left: got 12 px, expected a multiple of 8 px. 8 or 16"),
        (
            {"left": 384, "width": 256},
            "width: got 256 px from left 384 px on, expected at most 128",
        ),
        ({"height": 1024}, "height: got 1024 px from top 0 px on, expected at most 512 px"),
    ],
)
def test_area_must_lie_in_the_picture(changes: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        conditioning.area(ONE, **changes)


def test_area_percent_is_the_area_in_shares() -> None:
    got = conditioning.area_percent(ONE, 0.25, 0.0, 0.5, 0.5)
    assert got.area == conditioning.area(ONE, 64, 0, 128, 256, 256, 512).area
    assert conditioning.area_percent(ONE, 0.1, 0, 0.9, 1).area == Area(0, 0.1, 1, 0.9)
    with pytest.raises(
        InputError, match=r"width: got 0\.5 from left 0\.6 on, expected at most 0\.4"
    ):
        conditioning.area_percent(ONE, 0.6, 0, 0.5, 1)
    with pytest.raises(InputError, match="width: got 0, expected more than 0"):
        conditioning.area_percent(ONE, 0, 0, 0, 1)


def test_mask_averages_by_its_whiteness(model: Model, clip: Clip) -> None:
    cat, dog = text.encode(clip, "a cat"), text.encode(clip, "a dog")
    values = torch.zeros(1, 16, 16)
    values[..., :4], values[..., 4:8] = 1, 0.5
    both = text.combine(
        conditioning.mask(cat, Mask(values)), conditioning.mask(dog, Mask(1 - values))
    )
    got, first, second = (predicted(model, c) for c in (both, cat, dog))
    expected = values * first + (1 - values) * second
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)
    assert conditioning.mask(two(), Mask(values), 2.0).more[0].strength == 1.0


def test_mask_bounds_is_the_box_around_the_white() -> None:
    values = torch.zeros(1, 16, 32)
    values[0, 4:8, 8] = 1
    values[0, 7, 8:24] = 0.1
    got = conditioning.mask_bounds(ONE, Mask(values))
    assert got.area == Area(0.25, 0.25, 0.25, 0.5)
    assert got.mask is values
    with pytest.raises(InputError, match="mask: got black everywhere"):
        conditioning.mask_bounds(ONE, Mask(torch.zeros(1, 4, 4)))


def test_strength_weighs_texts_against_each_other(model: Model, clip: Clip) -> None:
    cat, dog = text.encode(clip, "a cat"), text.encode(clip, "a dog")
    both = text.combine(conditioning.strength(cat, 3.0), dog)
    first, second = predicted(model, cat), predicted(model, dog)
    torch.testing.assert_close(predicted(model, both), (3 * first + second) / 4, rtol=0, atol=1e-5)
    alone = predicted(model, conditioning.strength(cat, 3.0))
    torch.testing.assert_close(alone, first, rtol=0, atol=1e-6)
    assert conditioning.strength(two(), 4.0).more[0].strength == 2.0


def test_timestep_range_counts_the_noise_schedule(model: Model, clip: Clip) -> None:
    cat, dog = text.encode(clip, "a cat"), text.encode(clip, "a dog")
    both = text.combine(
        conditioning.timestep_range(cat, 0, 0.5), conditioning.timestep_range(dog, 0.5, 1)
    )
    early, late = Step(0, 2, 10.0, 1.0, 900.0, 300.0), Step(1, 2, 0.5, 0.1, 150.0, 10.0)
    assert torch.equal(predicted(model, both, early), predicted(model, cat, early))
    assert torch.equal(predicted(model, both, late), predicted(model, dog, late))
    with pytest.raises(InputError, match=r"end: got 0\.5 after start 0\.5"):
        conditioning.timestep_range(cat, 0.5, 0.5)


def test_steps_range_counts_the_samplers_steps(model: Model, clip: Clip) -> None:
    cat, dog = text.encode(clip, "a cat"), text.encode(clip, "a dog")
    both = text.combine(conditioning.steps_range(cat, 0, 3), conditioning.steps_range(dog, 3, 10))
    for index, expected in ((0, cat), (2, cat), (3, dog), (9, dog)):
        got = predicted(model, both, step(index))
        assert torch.equal(got, predicted(model, expected, step(index)))
    with pytest.raises(InputError, match="end: got 3 after start 4"):
        conditioning.steps_range(cat, 4, 3)


def test_steps_range_keeps_an_earlier_one() -> None:
    narrowed = conditioning.steps_range(conditioning.timestep_range(two(), 0, 0.5), 2, 4)
    expected = (Span(0, 0.5), Span(2, 4, "index"))
    assert narrowed.spans == narrowed.more[0].spans == expected


def test_size_is_told_to_all_texts() -> None:
    got = conditioning.size(two(), 800, 600, 8, 16, 1024, 512)
    assert got.size == got.more[0].size == PictureSize((600, 800), (16, 8), (512, 1024))


def test_refiner_size_has_a_score() -> None:
    got = conditioning.refiner_size(two(), 800, 600, 8, 16, 2.5)
    assert got.size == got.more[0].size == PictureSize((600, 800), (16, 8), score=2.5)


def test_combine_is_text_combine_for_a_list() -> None:
    three = conditioning.combine([two(), conditioning.strength(ONE, 2.0)])
    assert [t.strength for t in (three, *three.more)] == [1.0, 0.5, 2.0]
    assert conditioning.combine([ONE]).more == ()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "got an empty list, expected at least one"),
        (
            [ONE, Conditioning(torch.ones(1, 9, 3))],
            "got text 2 of 1 × width 3, expected 1 × width 2",
        ),
    ],
)
def test_combine_refuses_what_does_not_fit(texts: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        conditioning.combine(texts)
