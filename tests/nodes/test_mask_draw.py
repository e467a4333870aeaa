"""Drawn masks: the shape is where its numbers say."""

import torch

from nodes import mask_draw as nodes


def test_rectangle_is_one_inside_and_partial_at_its_edge() -> None:
    values = nodes.rectangle(width=4, height=3, left=1, top=0, right=2.5, bottom=2).values
    row = [0.0, 1.0, 0.5, 0.0]
    assert values.tolist() == [[row, row, [0.0] * 4]]


def test_rectangle_may_reach_beyond_the_picture() -> None:
    assert nodes.rectangle(4, 3, -9, -9, 99, 99).values.min() == 1


def test_ellipse_stays_in_its_box() -> None:
    values = nodes.ellipse(width=40, height=30, left=10, top=5, right=30, bottom=25).values
    outside = torch.ones_like(values)
    outside[:, 5:25, 10:30] = 0
    assert (values * outside).max() <= 0.01
    assert values[0, 15, 20] == 1


def test_gradient_rises_evenly() -> None:
    values = nodes.gradient(width=5, height=2).values
    torch.testing.assert_close(values, torch.linspace(0, 1, 5).expand(1, 2, 5))


def test_gradient_runs_downwards_at_ninety_degrees() -> None:
    values = nodes.gradient(width=2, height=5, angle=90.0).values
    torch.testing.assert_close(values, torch.linspace(0, 1, 5)[None, :, None].expand(1, 5, 2))
