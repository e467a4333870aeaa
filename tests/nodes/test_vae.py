"""Pictures to latents and back, against the autoencoder itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, InputError
from nodeflow.node import definition_of
from nodes import image, image_blend, mask_draw
from nodes import vae as nodes
from nodes.diffusion.loading import load_vae
from nodes.image_compare import psnr
from nodes.model_files import shipped_models
from nodes.types import Image, Latent, Vae


def picture(batch: int = 1, height: int = 64, width: int = 96, channels: int = 3) -> Image:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, channels, height // 8, width // 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return Image(smooth.permute(0, 2, 3, 1).contiguous())


def latent(batch: int = 1, height: int = 8, width: int = 12) -> Latent:
    generator = torch.Generator().manual_seed(1)
    return Latent(torch.randn(batch, 4, height, width, generator=generator))


def test_encode_is_the_encoders_mean_scaled(vae: Vae, ctx: RunContext) -> None:
    image = picture()
    x = image.pixels.permute(0, 3, 1, 2) * 2 - 1
    expected = vae.autoencoder.encode(x).latent_dist.mode() * 0.18215
    got = nodes.encode(vae, image, ctx=ctx)
    assert got.samples.shape == (1, 4, 8, 12)
    torch.testing.assert_close(got.samples, expected, rtol=0, atol=1e-6)


def test_decode_is_the_decoders_picture_in_zero_to_one(vae: Vae, ctx: RunContext) -> None:
    z = latent()
    expected = vae.autoencoder.decode(z.samples / 0.18215).sample / 2 + 0.5
    got = nodes.decode(vae, z, ctx=ctx)
    assert got.pixels.shape == (1, 64, 96, 3)
    assert got.pixels.is_contiguous()
    clipped = expected.clamp(0, 1).permute(0, 2, 3, 1)
    torch.testing.assert_close(got.pixels, clipped, rtol=0, atol=1e-6)


def test_encode_and_decode_use_a_shift(vae: Vae, ctx: RunContext) -> None:
    shifted = Vae(vae.autoencoder, scaling=0.5, shift=0.25)
    plain = Vae(vae.autoencoder, scaling=1.0)
    z = nodes.encode(plain, picture(), ctx=ctx).samples
    got = nodes.encode(shifted, picture(), ctx=ctx)
    torch.testing.assert_close(got.samples, (z - 0.25) * 0.5)
    torch.testing.assert_close(
        nodes.decode(shifted, got, ctx=ctx).pixels,
        nodes.decode(plain, Latent(z), ctx=ctx).pixels,
        rtol=0,
        atol=1e-5,  # (z - shift) * scaling and back
    )


def test_encode_and_decode_give_each_picture_of_a_batch_what_it_gets_alone(
    vae: Vae, ctx: RunContext
) -> None:
    many = picture(3)
    z, pixels = nodes.encode(vae, many, ctx=ctx), nodes.decode(vae, latent(3), ctx=ctx).pixels
    for k in range(3):
        alone = nodes.encode(vae, Image(many.pixels[k : k + 1]), ctx=ctx)
        assert torch.equal(z.samples[k], alone.samples[0])
        one = nodes.decode(vae, Latent(latent(3).samples[k : k + 1]), ctx=ctx)
        assert torch.equal(pixels[k], one.pixels[0])


def test_encode_sampled_spreads_as_the_encoder_says(vae: Vae, ctx: RunContext) -> None:
    x = picture().pixels.permute(0, 3, 1, 2) * 2 - 1
    posterior = vae.autoencoder.encode(x).latent_dist
    epsilon = torch.randn(4, 8, 12, generator=torch.Generator().manual_seed(7))
    got = nodes.encode_sampled(vae, picture(), 7, ctx=ctx)
    expected = (posterior.mean + posterior.std * epsilon) * 0.18215
    torch.testing.assert_close(got.samples, expected, rtol=0, atol=1e-6)


def test_encode_sampled_draws_picture_k_from_seed_plus_k(vae: Vae, ctx: RunContext) -> None:
    many = picture(2)
    both = nodes.encode_sampled(vae, many, 7, ctx=ctx).samples
    second = nodes.encode_sampled(vae, Image(many.pixels[1:]), 8, ctx=ctx).samples
    assert torch.equal(both[1:], second)


@pytest.mark.parametrize("tile", [96, 128])
def test_encode_tiled_in_one_tile_is_encode(vae: Vae, ctx: RunContext, tile: int) -> None:
    got = nodes.encode_tiled(vae, picture(), tile, 32, ctx=ctx)
    assert torch.equal(got.samples, nodes.encode(vae, picture(), ctx=ctx).samples)


@pytest.mark.parametrize("tile", [96, 128])
def test_decode_tiled_in_one_tile_is_decode(vae: Vae, ctx: RunContext, tile: int) -> None:
    got = nodes.decode_tiled(vae, latent(), tile, 32, ctx=ctx)
    assert torch.equal(got.pixels, nodes.decode(vae, latent(), ctx=ctx).pixels)


def off(got: torch.Tensor, whole: torch.Tensor) -> float:
    """The mean error in units of the whole's spread."""
    assert got.shape == whole.shape
    return float((got - whole).abs().mean() / whole.std())


# Group norms of random weights see quite different pictures in a tile and in the whole; what is
# measured here is 0.36, 0.22 and 0.20 of the spread. A shift of one tile's place gives above 1.
def test_decode_tiled_is_near_decode_and_nearer_with_overlap(vae: Vae, ctx: RunContext) -> None:
    z = latent(1, 16, 20)
    whole = nodes.decode(vae, z, ctx=ctx).pixels
    apart, overlapping = (
        off(nodes.decode_tiled(vae, z, 64, overlap, ctx=ctx).pixels, whole) for overlap in (0, 48)
    )
    assert overlapping < apart < 0.4
    assert overlapping < 0.25


def test_encode_tiled_is_near_encode(vae: Vae, ctx: RunContext) -> None:
    image = picture(1, 128, 160)
    whole = nodes.encode(vae, image, ctx=ctx).samples
    assert off(nodes.encode_tiled(vae, image, 64, 32, ctx=ctx).samples, whole) < 0.25


@pytest.fixture(scope="module")
def trained() -> Vae:
    """The autoencoder that ships."""
    return load_vae(shipped_models() / "tiny")


def drawn() -> Image:
    """A red circle on blue, over the edges of tiles of 64 pixels."""
    blue, red = (image.solid(192, 128, colour) for colour in ("#2040d0", "#d02020"))
    circle = mask_draw.ellipse(192, 128, 70, 34, 130, 94)
    return image_blend.composite(blue, red, circle)


# What has learnt sees nearly the same in a tile and in the whole: measured 0.10 of the spread for
# latents, and 40.5 dB for pictures.
def test_encode_tiled_and_decode_tiled_of_a_trained_autoencoder(
    trained: Vae, ctx: RunContext
) -> None:
    whole = nodes.encode(trained, drawn(), ctx=ctx)
    tiled = nodes.encode_tiled(trained, drawn(), 64, 32, ctx=ctx)
    assert off(tiled.samples, whole.samples) < 0.2
    expected = nodes.decode(trained, whole, ctx=ctx)
    found = nodes.decode_tiled(trained, whole, 64, 32, ctx=ctx)
    assert psnr(found, expected) > 36
    again = nodes.decode_tiled(trained, tiled, 64, 32, ctx=ctx)
    assert psnr(again, drawn()) > psnr(expected, drawn()) - 1


@pytest.mark.parametrize(
    ("function", "make"), [(nodes.encode_tiled, picture), (nodes.decode_tiled, latent)]
)
def test_encode_tiled_and_decode_tiled_refuse_bad_tiles(
    vae: Vae, ctx: RunContext, function: Callable[..., Any], make: Callable[[], Any]
) -> None:
    with pytest.raises(InputError, match="overlap: got 64 px, expected less than the tile's 64"):
        function(vae, make(), 64, 64, ctx=ctx)
    with pytest.raises(InputError, match="tile: got 68 px, expected a multiple of 8"):
        function(vae, make(), 68, 8, ctx=ctx)


@pytest.mark.parametrize("function", [nodes.encode, nodes.encode_sampled, nodes.encode_tiled])
def test_encode_refuses_pictures_that_do_not_fit(
    vae: Vae, ctx: RunContext, function: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match=r"99 × 70 px.* for example to 96 × 64"):
        function(vae, Image(torch.zeros(1, 70, 99, 3)), ctx=ctx)
    with pytest.raises(InputError, match=r"4 channels, expected 3.*image_channels\.remove_alpha"):
        function(vae, picture(channels=4), ctx=ctx)
    broken = picture().pixels.clone()
    broken[0, 3, 5] = torch.nan
    with pytest.raises(InputError, match="image: got 3 of 18432 values not finite"):
        function(vae, Image(broken), ctx=ctx)
    with pytest.raises(InputError, match="image: got no picture"):
        function(vae, Image(torch.zeros(0, 64, 64, 3)), ctx=ctx)


@pytest.mark.parametrize("function", [nodes.decode, nodes.decode_tiled])
def test_decode_refuses_latents_of_another_model(
    vae: Vae, ctx: RunContext, function: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match="latent: got 16 channels, expected 4"):
        function(vae, Latent(torch.zeros(1, 16, 8, 8)), ctx=ctx)
    with pytest.raises(InputError, match="latent: got no picture"):
        function(vae, Latent(torch.zeros(0, 4, 8, 8)), ctx=ctx)
    with pytest.raises(InputError, match="latent: got 384 of 384 values not finite"):
        function(vae, Latent(latent().samples * torch.inf), ctx=ctx)


def test_encode_sampled_refuses_a_seed_below_zero(vae: Vae, ctx: RunContext) -> None:
    with pytest.raises(InputError, match="seed: got -1"):
        nodes.encode_sampled(vae, picture(), -1, ctx=ctx)


def test_decode_tiled_tells_its_progress_and_can_be_cancelled(vae: Vae) -> None:
    seen: list[tuple[int, int]] = []
    cancel = threading.Event()

    def on_progress(value: int, total: int, info: object) -> None:
        seen.append((value, total))
        if value == 2:
            cancel.set()

    ctx = RunContext(on_progress=on_progress, cancel_event=cancel)
    with pytest.raises(Cancelled):
        nodes.decode_tiled(vae, latent(2, 8, 16), 64, 0, ctx=ctx)
    assert seen == [(1, 4), (2, 4)]


def test_encode_and_decode_estimates_are_their_bytes(vae: Vae, ctx: RunContext) -> None:
    image, z = picture(2), latent(2)
    for function in (nodes.encode, nodes.encode_sampled, nodes.encode_tiled):
        estimate = definition_of(function).estimate
        assert estimate is not None
        assert estimate({}, {"image": image.pixels.nbytes}) == {"latent": z.samples.nbytes}
    for function in (nodes.decode, nodes.decode_tiled):
        estimate = definition_of(function).estimate
        assert estimate is not None
        assert estimate({}, {"latent": z.samples.nbytes}) == {"image": image.pixels.nbytes}
