"""Image prompts on conditionings: parts of the schedule, rows of a call."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from nodes.diffusion import image_prompts
from nodes.diffusion.image_prompts import ImagePrompt
from nodes.diffusion.requests import Request, batch_of_row
from nodes.types import Area, Conditioning, Span


def text(value: float = 0.0) -> Conditioning:
    return Conditioning(torch.full((1, 2, 3), value))


def marked(given: Conditioning) -> Conditioning:
    return given.with_extra("mark", torch.ones(1))


def parts(given: Conditioning) -> list[tuple[bool, tuple[Span, ...]]]:
    return [(t.extra("mark") is not None, t.spans) for t in (given, *given.more)]


def test_all_the_way_changes_the_text_alone() -> None:
    assert parts(image_prompts.between(text(), 0, 1, marked)) == [(True, ())]


def test_a_part_of_the_way_leaves_the_text_as_it_is_around_it() -> None:
    assert parts(image_prompts.between(text(), 0.2, 0.5, marked)) == [
        (True, (Span(0.2, 0.5),)),
        (False, (Span(0, 0.2),)),
        (False, (Span(0.5, 1),)),
    ]
    assert parts(image_prompts.between(text(), 0.0, 0.5, marked)) == [
        (True, (Span(0.0, 0.5),)),
        (False, (Span(0.5, 1),)),
    ]


def test_an_empty_part_changes_nothing() -> None:
    assert parts(image_prompts.between(text(), 0.0, 0.0, marked)) == [(False, (Span(0.0, 1),))]


def test_the_same_part_twice_makes_no_texts_that_never_hold() -> None:
    once = image_prompts.between(text(), 0.2, 0.5, marked)
    twice = image_prompts.between(once, 0.2, 0.5, marked)
    assert [mark for mark, _ in parts(twice)] == [True, False, False]


def test_other_units_are_kept_as_they_are() -> None:
    even = replace(text(), spans=(Span(0, 0.5, "steps"),))
    found = image_prompts.between(even, 0.6, 1.0, marked)
    assert parts(found) == [
        (True, (Span(0, 0.5, "steps"), Span(0.6, 1.0))),
        (False, (Span(0, 0.5, "steps"), Span(0, 0.6))),
    ]


def prompt(value: float, strength: float = 1.0, mask: Tensor | None = None) -> ImagePrompt:
    return ImagePrompt(torch.full((1, 4, 5), value), strength, mask)


def test_rows_without_a_picture_weigh_nothing() -> None:
    with_two = image_prompts.laid(image_prompts.laid(text(), "a", prompt(1, 0.5)), "a", prompt(2))
    rows = [with_two, text(), image_prompts.laid(text(), "b", prompt(3, 0.7))]
    found = image_prompts.prompt_rows(Request(torch.zeros(3, 4, 8, 8), 1.0, rows, [0, 0, 0]))
    assert [(rows.name, rows.weights.tolist()) for rows in found] == [
        ("a", [0.5, 0.0, 0.0]),
        ("a", [1.0, 0.0, 0.0]),
        ("b", [0.0, 0.0, torch.tensor(0.7).item()]),
    ]
    assert [rows.tokens[:, 0, 0].tolist() for rows in found] == [[1, 0, 0], [2, 0, 0], [0, 0, 3]]
    assert all(rows.mask is None for rows in found)


def test_masks_are_cut_to_the_area_and_averaged_to_the_latent() -> None:
    left = torch.zeros(1, 16, 16)
    left[..., :4] = 1
    rows = [image_prompts.laid(text(), "a", prompt(1, mask=left)), text()]
    area = Area(0.0, 0.0, 1.0, 0.5)
    (found,) = image_prompts.prompt_rows(Request(torch.zeros(2, 4, 4, 2), 1.0, rows, [0, 0], area))
    assert found.mask is not None
    assert found.mask[0, 0].tolist() == [[1, 0]] * 4
    assert (found.mask[1] == 1).all()


def test_each_picture_of_a_batch_has_its_own_tokens() -> None:
    both = ImagePrompt(torch.arange(2.0).reshape(2, 1, 1), 1.0, torch.zeros(1, 4, 4))
    given = image_prompts.laid(text(), "a", both)
    ((_, second),) = batch_of_row(given, 1).extra(image_prompts.EXTRA)
    assert second.tokens.tolist() == [[[1.0]]]
    assert second.mask.shape == (1, 4, 4)
