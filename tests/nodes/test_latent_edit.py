"""Latents cut, mirrored, turned, resized, laid over each other: identities first, NumPy second."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodeflow.widgets import Choice
from nodes import latent_edit as nodes
from nodes.diffusion.resampling import FILTERS
from nodes.types import Latent, Mask


def drawn(batch: int = 2, height: int = 4, width: int = 6, seed: int = 0) -> Latent:
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn(batch, 4, height, width, generator=generator)
    return Latent(samples, torch.rand(batch, 1, height, width, generator=generator))


def same(got: Latent, expected: Latent) -> None:
    assert torch.equal(got.samples, expected.samples)
    assert got.noise_mask is not None
    assert expected.noise_mask is not None
    assert torch.equal(got.noise_mask, expected.noise_mask)


def test_crop_of_everything_changes_nothing() -> None:
    same(nodes.crop(drawn(), 0, 0, 48, 32), drawn())


def test_crop_takes_the_window() -> None:
    latent = drawn()
    assert torch.equal(nodes.crop(latent, 16, 8, 24, 16).samples, latent.samples[..., 1:3, 2:5])


def test_crop_shares_no_memory() -> None:
    latent = drawn()
    got = nodes.crop(latent, 0, 0, 48, 32)
    assert got.samples.data_ptr() != latent.samples.data_ptr()


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((8, 0, 48, 32), "width: got a window that ends at 56 px, expected at most 48 px"),
        ((0, 16, 48, 32), "height: got a window that ends at 48 px, expected at most 32 px"),
        ((4, 0, 8, 8), "left: got 4 px, expected a multiple of 8"),
        ((0, 0, 0, 8), "width: got 0 px, expected a multiple of 8. The nearest is 8"),
    ],
)
def test_crop_refuses_a_window_that_is_not_there(
    window: tuple[int, int, int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        nodes.crop(drawn(), *window)


def test_flip_horizontal() -> None:
    got = nodes.flip_horizontal(drawn())
    assert np.array_equal(got.samples.numpy(), drawn().samples.numpy()[..., ::-1])
    same(nodes.flip_horizontal(got), drawn())


def test_flip_vertical() -> None:
    got = nodes.flip_vertical(drawn())
    assert np.array_equal(got.samples.numpy(), drawn().samples.numpy()[..., ::-1, :])
    same(nodes.flip_vertical(got), drawn())


@pytest.mark.parametrize("quarters", [-1, 0, 1, 2, 3])
def test_rotate_turns_clockwise(quarters: int) -> None:
    got = nodes.rotate(drawn(), quarters)
    expected = np.rot90(drawn().samples.numpy(), -quarters, axes=(-2, -1))
    assert np.array_equal(got.samples.numpy(), expected)
    same(nodes.rotate(got, -quarters), drawn())


def test_rotate_moves_the_upper_left_to_the_upper_right() -> None:
    samples = torch.zeros(1, 4, 2, 3)
    samples[..., 0, 0] = 1
    assert nodes.rotate(Latent(samples), 1).samples[0, 0].tolist() == [[0, 1], [0, 0], [0, 0]]


EVERY_FILTER = pytest.mark.parametrize("filter", FILTERS)


@EVERY_FILTER
def test_upscale_to_its_own_size_changes_nothing(filter: str) -> None:
    got = nodes.upscale(drawn(), 48, 32, filter)
    torch.testing.assert_close(got.samples, drawn().samples, rtol=0, atol=1e-6)


@EVERY_FILTER
def test_upscale_of_one_value_is_that_value(filter: str) -> None:
    got = nodes.upscale(Latent(torch.full((1, 4, 4, 6), 0.7)), 80, 24, filter)
    torch.testing.assert_close(got.samples, torch.full((1, 4, 3, 10), 0.7), rtol=0, atol=1e-6)


def test_upscale_nearest_repeats_and_area_averages() -> None:
    latent = drawn()
    large = nodes.upscale(latent, 96, 64, "nearest")
    repeated = latent.samples.repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.equal(large.samples, repeated)
    torch.testing.assert_close(nodes.upscale(large, 48, 32, "area").samples, latent.samples)


def test_upscale_keeps_a_noise_mask_in_range() -> None:
    mask = torch.zeros(1, 1, 4, 6)
    mask[..., 2:] = 1
    got = nodes.upscale(Latent(torch.zeros(1, 4, 4, 6), mask), 144, 96, "bicubic").noise_mask
    assert got is not None
    assert got.min() == 0
    assert got.max() == 1


def test_upscale_refuses_half_a_latent_pixel() -> None:
    with pytest.raises(InputError, match="width: got 50 px"):
        nodes.upscale(drawn(), 50, 32, "area")


@EVERY_FILTER
def test_upscale_by_is_upscale_to_the_product(filter: str) -> None:
    same(nodes.upscale_by(drawn(), 1.5, filter), nodes.upscale(drawn(), 72, 48, filter))


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_upscale_by_refuses_what_is_no_size(factor: float) -> None:
    with pytest.raises(InputError, match=r"factor: got .*, expected a finite number above 0"):
        nodes.upscale_by(drawn(), factor)


def test_upscale_refuses_an_unknown_filter() -> None:
    with pytest.raises(InputError, match="'cubic' is not offered, expected one of nearest"):
        nodes.upscale(drawn(), 48, 32, "cubic")


# Pillow knows the last two from release 13 on.
@pytest.mark.parametrize(
    "filter",
    [f for f in FILTERS if {"area": "BOX"}.get(f, f.upper()) in Pillow.Resampling.__members__],
)
@pytest.mark.parametrize(("width", "height"), [(40, 16), (80, 64)])
def test_upscale_resizes_as_pillow(filter: str, width: int, height: int) -> None:
    latent = drawn(1)
    got = nodes.upscale(latent, width, height, filter).samples[0, 0]
    kind = Pillow.Resampling[{"area": "BOX"}.get(filter, filter.upper())]
    size = (width // 8, height // 8)
    expected = Pillow.fromarray(latent.samples[0, 0].numpy()).resize(size, kind)
    torch.testing.assert_close(got, torch.from_numpy(np.array(expected)), rtol=0, atol=1e-5)


def test_upscale_and_upscale_by_offer_every_filter() -> None:
    for function in (nodes.upscale, nodes.upscale_by):
        widget = definition_of(function).inputs["filter"].widget
        assert isinstance(widget, Choice)
        assert widget.options == tuple(FILTERS)


def test_upscale_by_leaves_a_pixel() -> None:
    assert nodes.upscale_by(drawn(), 0.01).samples.shape == (2, 4, 1, 1)


def test_composite_lays_the_source_over() -> None:
    below, above = drawn(seed=1), drawn(height=2, width=2, seed=2)
    got = nodes.composite(below, above, 16, 8)
    assert torch.equal(got.samples[..., 1:3, 2:4], above.samples)
    outside = torch.ones(4, 6, dtype=torch.bool)
    outside[1:3, 2:4] = False
    assert torch.equal(got.samples[..., outside], below.samples[..., outside])
    assert got.noise_mask is below.noise_mask


def test_composite_cuts_off_what_sticks_out() -> None:
    below, above = drawn(seed=1), drawn(seed=2)
    got = nodes.composite(below, above, 40, 24).samples
    assert got.shape == below.samples.shape
    assert torch.equal(got[..., 3, 5], above.samples[..., 0, 0])
    beyond = nodes.composite(below, above, 480, 0, 8)
    assert torch.equal(beyond.samples, below.samples)


def test_composite_fades_inner_edges_only() -> None:
    zeros, ones = Latent(torch.zeros(1, 4, 6, 6)), Latent(torch.ones(1, 4, 4, 4))
    got = nodes.composite(zeros, ones, 0, 16, 16).samples[0, 0]
    # At the left and the lower border of the destination there is nothing to fade into.
    across = torch.tensor([1.0, 1.0, 2 / 3, 1 / 3, 0.0, 0.0])
    down = torch.tensor([0.0, 0.0, 1 / 3, 2 / 3, 1.0, 1.0])
    torch.testing.assert_close(got, torch.outer(down, across))


def test_composite_of_one_picture_with_a_batch() -> None:
    one, three = drawn(1, seed=1), drawn(3, seed=2)
    assert torch.equal(nodes.composite(one, three).samples, three.samples)
    assert torch.equal(nodes.composite(three, one).samples, one.samples.expand(3, -1, -1, -1))
    with pytest.raises(InputError, match="2 pictures of 4 channels"):
        nodes.composite(three, drawn(2))


def test_composite_changes_neither() -> None:
    below, above = drawn(seed=1), drawn(seed=2)
    nodes.composite(below, above)
    same(below, drawn(seed=1))
    same(above, drawn(seed=2))


def test_mask_blend_ends_are_the_latents() -> None:
    a, b = drawn(seed=1), drawn(seed=2)
    zeros, ones = Mask(torch.zeros(1, 32, 48)), Mask(torch.ones(1, 32, 48))
    assert torch.equal(nodes.mask_blend(a, b, zeros).samples, a.samples)
    assert torch.equal(nodes.mask_blend(a, b, ones).samples, b.samples)


def test_mask_blend_weighs_by_the_mean_of_each_area() -> None:
    a, b = drawn(seed=1), drawn(seed=2)
    values = torch.rand(2, 32, 48, generator=torch.Generator().manual_seed(3))
    weight = values.reshape(2, 4, 8, 6, 8).mean(dim=(2, 4))[:, None]
    got = nodes.mask_blend(a, b, Mask(values))
    expected = a.samples * (1 - weight) + b.samples * weight
    torch.testing.assert_close(got.samples, expected)  # means summed in another order
    assert got.noise_mask is a.noise_mask


def test_mask_blend_with_one_mask_for_a_batch() -> None:
    a, b = drawn(3, seed=1), drawn(1, seed=2)
    values = torch.zeros(1, 4, 6)
    values[:, :2] = 1
    got = nodes.mask_blend(a, b, Mask(values)).samples
    assert torch.equal(got[:, :, :2], b.samples[:, :, :2].expand(3, -1, -1, -1))
    assert torch.equal(got[:, :, 2:], a.samples[:, :, 2:])


def test_mask_blend_refuses_what_does_not_fit() -> None:
    mask = Mask(torch.ones(1, 32, 48))
    with pytest.raises(InputError, match="b: got 56 × 32 px, expected 48 × 32 px"):
        nodes.mask_blend(drawn(), drawn(width=7), mask)
    with pytest.raises(InputError, match="b: got 3 pictures"):
        nodes.mask_blend(drawn(2), drawn(3), mask)
    three = Mask(torch.ones(3, 32, 48))
    for a, b in ((2, 2), (1, 2), (2, 1)):
        with pytest.raises(InputError, match="mask: got 3 masks, expected 1 or 2"):
            nodes.mask_blend(drawn(a), drawn(b), three)
    assert nodes.mask_blend(drawn(1), drawn(1), three).samples.shape == (3, 4, 4, 6)
