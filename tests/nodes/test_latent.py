"""Where a latent begins, and batches of them."""

from __future__ import annotations

import pytest
import torch

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodes import latent as nodes
from nodes.types import FlowSchedule, Latent, Mask, Model, Noise, Sigmas


def drawn(batch: int, height: int = 4, width: int = 6, seed: int = 0, mask: int = 0) -> Latent:
    """A random latent; `mask` is the batch of its noise mask, 0 for none."""
    generator = torch.Generator().manual_seed(seed)
    samples = torch.randn(batch, 4, height, width, generator=generator)
    values = torch.rand(mask, 1, height, width, generator=generator) if mask else None
    return Latent(samples, values)


def test_empty(ctx: RunContext) -> None:
    samples = nodes.empty(64, 128, 3, ctx=ctx).samples
    assert samples.dtype == torch.float32
    assert torch.equal(samples, torch.zeros(3, 4, 16, 8))


@pytest.mark.parametrize(("width", "nearest"), [(100, 96), (63, 64), (3, 8)])
def test_empty_refuses_what_is_between_two_latent_pixels(
    ctx: RunContext, width: int, nearest: int
) -> None:
    with pytest.raises(InputError, match=f"{width} px, expected .* nearest is {nearest}"):
        nodes.empty(width, 64, 1, ctx=ctx)


def test_empty_needs_a_picture(ctx: RunContext) -> None:
    with pytest.raises(InputError, match="batch: got 0"):
        nodes.empty(64, 64, 0, ctx=ctx)


def test_empty_estimate_is_its_bytes(ctx: RunContext) -> None:
    estimate = definition_of(nodes.empty).estimate
    assert estimate is not None
    predicted = estimate({"width": 64, "height": 128, "batch": 3}, {})["latent"]
    assert predicted == nodes.empty(64, 128, 3, ctx=ctx).samples.nbytes
    assert estimate({"width": 64, "height": 128}, {"batch": 64}) == {}  # the batch by wire


def test_from_noise_is_as_strong_as_the_first_sigma(ctx: RunContext) -> None:
    noise = Noise(drawn(2).samples, (0, 1))
    got = nodes.from_noise(noise, Sigmas((14.5, 3.0, 0.0), (999.0, 500.0, 0.0)), ctx=ctx)
    assert torch.equal(got.samples, noise.samples * 14.5)


def test_from_noise_is_what_forward_makes_of_an_empty_latent(ctx: RunContext) -> None:
    from nodes.forward import start

    noise, sigmas = Noise(drawn(2).samples, (0, 1)), Sigmas((3.0, 0.0), (500.0, 0.0))
    begun = start(nodes.empty(48, 32, 2, ctx=ctx), noise, sigmas)
    assert torch.equal(nodes.from_noise(noise, sigmas, ctx=ctx).samples, begun.samples)


def test_from_noise_needs_a_sigma(ctx: RunContext) -> None:
    with pytest.raises(InputError, match="sigmas: got 0 sigmas"):
        nodes.from_noise(Noise(drawn(1).samples, (0,)), Sigmas((), ()), ctx=ctx)


def test_batch_keeps_the_order_and_pick_takes_it_apart() -> None:
    parts = [drawn(1, seed=k, mask=1) for k in range(3)]
    whole = nodes.batch(parts)
    for index, part in enumerate(parts):
        picked = nodes.pick(whole, index)
        assert torch.equal(picked.samples, part.samples)
        assert picked.noise_mask is not None
        assert part.noise_mask is not None
        assert torch.equal(picked.noise_mask, part.noise_mask)


def test_batch_without_masks_has_none() -> None:
    assert nodes.batch([drawn(1), drawn(2)]).noise_mask is None


def test_batch_lets_what_has_no_mask_change_everywhere() -> None:
    masked = drawn(2, mask=1)  # one mask for both pictures
    both = nodes.batch([drawn(1), masked]).noise_mask
    assert both is not None
    assert masked.noise_mask is not None
    assert torch.equal(both[0], torch.ones(1, 4, 6))
    assert torch.equal(both[1:], masked.noise_mask.expand(2, -1, -1, -1))


def test_batch_refuses_another_size_and_nothing() -> None:
    with pytest.raises(InputError, match=r"\[4, 4, 7\] at place 1, expected \[4, 4, 6\]"):
        nodes.batch([drawn(1), drawn(1, width=7)])
    with pytest.raises(InputError, match="an empty list"):
        nodes.batch([])


def test_repeat_repeats_the_batch_as_a_whole() -> None:
    latent = drawn(2, mask=2)
    twice = nodes.repeat(latent, 2)
    assert torch.equal(twice.samples, nodes.batch([latent, latent]).samples)
    assert twice.noise_mask is not None
    assert len(twice.noise_mask) == 4
    assert torch.equal(nodes.repeat(latent, 1).samples, latent.samples)


def test_repeat_keeps_a_mask_for_all() -> None:
    latent = drawn(2, mask=1)
    assert nodes.repeat(latent, 3).noise_mask is latent.noise_mask


def test_repeat_needs_a_time() -> None:
    with pytest.raises(InputError, match="times: got 0"):
        nodes.repeat(drawn(1), 0)


def test_repeat_and_batch_estimates_are_their_bytes() -> None:
    latent = drawn(2)
    size = latent.samples.nbytes
    for function, params, inputs, result in (
        (nodes.repeat, {"times": 3}, {"latent": size}, nodes.repeat(latent, 3)),
        (nodes.batch, {}, {"latents": 2 * size}, nodes.batch([latent, latent])),
    ):
        estimate = definition_of(function).estimate
        assert estimate is not None
        assert estimate(params, inputs)["latent"] == result.samples.nbytes


def test_set_noise_mask_takes_the_mean_of_each_area() -> None:
    values = torch.rand(1, 32, 48, generator=torch.Generator().manual_seed(0))
    got = nodes.set_noise_mask(drawn(2), Mask(values)).noise_mask
    expected = values.reshape(1, 4, 8, 6, 8).mean(dim=(2, 4))[:, None]
    assert got is not None
    torch.testing.assert_close(got, expected)  # a mean of 64 numbers, summed in another order


def test_set_noise_mask_keeps_the_samples() -> None:
    latent = drawn(2, mask=1)
    got = nodes.set_noise_mask(latent, Mask(torch.ones(2, 32, 48)))
    assert got.samples is latent.samples
    assert got.noise_mask is not None
    assert torch.equal(got.noise_mask, torch.ones(2, 1, 4, 6))


def test_set_noise_mask_refuses_another_batch() -> None:
    with pytest.raises(InputError, match="3 masks, expected 1 or the latent's 2"):
        nodes.set_noise_mask(drawn(2), Mask(torch.ones(3, 32, 48)))


@pytest.mark.parametrize("index", [-3, 2])
def test_pick_refuses_a_picture_that_is_not_there(index: int) -> None:
    with pytest.raises(InputError, match=rf"got {index}, expected -2\.\.1, as the batch has 2"):
        nodes.pick(drawn(2), index)


def test_pick_counts_from_the_end_too_and_holds_no_other_picture() -> None:
    latent = drawn(3, mask=3)
    last = nodes.pick(latent, -1)
    assert torch.equal(last.samples, latent.samples[2:])
    assert last.noise_mask is not None
    assert last.samples.untyped_storage().nbytes() == last.samples.nbytes
    assert last.noise_mask.untyped_storage().nbytes() == last.noise_mask.nbytes


def test_pick_keeps_a_mask_for_all() -> None:
    latent = drawn(2, mask=1)
    assert nodes.pick(latent, 1).noise_mask is latent.noise_mask


def test_empty_for_model_has_the_model_s_channels(ctx: RunContext, denoiser: Model) -> None:
    assert nodes.empty_for_model(denoiser, 64, 128, 3, ctx=ctx).samples.shape == (3, 4, 16, 8)
    flux = small.flux(False, **small.flux_config(channels=16))
    made = nodes.empty_for_model(Model(flux, FlowSchedule()), 64, 128, 1, ctx=ctx)
    assert torch.equal(made.samples, torch.zeros(1, 16, 16, 8))
    with pytest.raises(InputError, match=r"100 px, expected .* nearest is 96"):
        nodes.empty_for_model(denoiser, 100, 64, 1, ctx=ctx)
