"""Canvases, alpha, edges and labels: what they must hold whatever the picture."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.diffusion.pixels import (
    canvas,
    edge_places,
    grid,
    labelled,
    mixed,
    premultiplied,
    resized,
    unpremultiplied,
)

WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def exact(value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=0)


def test_a_canvas_has_batch_and_channels_of_its_model_and_is_opaque() -> None:
    made = canvas(noise(2, 1, 1, 4), 3, 5, (0.25, 0.5, 0.75))
    exact(made, torch.tensor([0.25, 0.5, 0.75, 1]).expand(2, 3, 5, 4))


def test_unpremultiplied_of_premultiplied_is_the_same_where_anything_is_seen() -> None:
    pixels = noise(1, 6, 6, 4)
    # One product and one quotient: two roundings.
    torch.testing.assert_close(unpremultiplied(premultiplied(pixels)), pixels, rtol=3e-7, atol=0)
    invisible = torch.tensor([0.5, 0.5, 0.5, 0]).view(1, 1, 1, 4)
    exact(unpremultiplied(premultiplied(invisible)), torch.zeros(1, 1, 1, 4))


@pytest.mark.parametrize("filter", ["nearest", "lanczos"])
def test_resized_stays_in_range(filter: str) -> None:
    out = resized((noise(1, 9, 9, 4) > 0.5).float(), 20, 5, filter)
    assert out.min() >= 0
    assert out.max() <= 1


@settings(max_examples=50, deadline=None)
@given(
    size=st.integers(1, 6),
    before=st.integers(0, 20),
    after=st.integers(0, 20),
    mirror=st.booleans(),
)
def test_edge_places_are_those_of_numpy(size: int, before: int, after: int, mirror: bool) -> None:
    expected = np.pad(np.arange(size), (before, after), mode="reflect" if mirror else "edge")
    assert edge_places(size, before, after, mirror).tolist() == expected.tolist()


@settings(max_examples=50, deadline=None)
@given(a=st.floats(0, 1, width=32), b=st.floats(0, 1, width=32))
def test_mixed_is_exact_at_its_ends(a: float, b: float) -> None:
    one, two = torch.tensor([a]), torch.tensor([b])
    exact(mixed(one, two, 0.0), one)
    exact(mixed(one, two, 1.0), two)
    exact(mixed(one, two, torch.ones(1)), two)


def test_a_grid_wider_than_its_pictures_leaves_background() -> None:
    sheet = grid(torch.zeros(1, 2, 2, 3), 3, 0, WHITE)
    assert sheet.shape == (1, 2, 6, 3)
    assert sheet.sum() == 2 * 4 * 3


@pytest.mark.parametrize(
    "label", ["", " ", "a", "a" * 200, "words " * 30, "one\n\nthree", "é ß 1/2"]
)
@pytest.mark.parametrize("width", [1, 8, 90])
def test_any_label_fits_any_width(label: str, width: int) -> None:
    pixels = noise(1, 3, width, 3)
    out = labelled(pixels, [label], 10, WHITE, BLACK)
    assert out.shape[2:] == (width, 3)
    exact(out[:, :3], pixels)


def test_equal_labels_are_drawn_equally() -> None:
    out = labelled(torch.zeros(2, 3, 80, 3), ["cfg 7.5", "cfg 7.5"], 12, WHITE, BLACK)
    exact(out[0], out[1])
