"""VAE nodes: pictures become latents, latents become pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Seed
from nodes import checks
from nodes.types import Image, Latent, Vae

if TYPE_CHECKING:
    from nodes.diffusion.tiling import Tiling

_TILE = Number(64, 4096, 8, "px")
_OVERLAP = Number(0, 2048, 8, "px")

# A latent pixel is 4 numbers; the 8 × 8 pixels it stands for are 3 numbers each.
_GROWTH = 8 * 8 * 3 // 4


def _encoded_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    return {"latent": inputs.get("image", 0) // _GROWTH}


def _decoded_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    return {"image": inputs.get("latent", 0) * _GROWTH}


@node("vae.encode", estimate=_encoded_bytes)
def encode(vae: Vae, image: Image, *, ctx: RunContext) -> Latent:
    """Turn pictures into latents: 48 times fewer numbers that mean nearly the same.

    `(mean - shift) * scaling` of the encoder's distribution, [B, H, W, 3] in 0..1 →
    [B, 4, H / 8, W / 8] with a spread of about 1. The mean itself, so the same picture always gives
    the same latent; `vae.encode_sampled` draws from the distribution. Both sides must be multiples
    of 8. Rombach et al. 2021, arXiv 2112.10752, section 3.1.
    """
    from nodes.diffusion import autoencode

    _check_image(vae, image)
    return Latent(autoencode.encode(vae, image.pixels, None, ctx.progress).mean)


@node("vae.encode_sampled", estimate=_encoded_bytes)
def encode_sampled(
    vae: Vae, image: Image, seed: Annotated[int, Seed()] = 0, *, ctx: RunContext
) -> Latent:
    """Turn pictures into latents drawn from what the encoder thinks possible, as in training.

    `(mean + std * epsilon - shift) * scaling`, [B, H, W, 3] → [B, 4, H / 8, W / 8]; picture k draws
    epsilon from seed + k, on the CPU. Kingma & Welling 2013, arXiv 1312.6114, eq. 10.
    """
    from nodes.diffusion import autoencode, noise

    _check_image(vae, image)
    seeds = noise.batch_seeds(seed, len(image.pixels))
    checks.seeds("seed", seeds)
    moments = autoencode.encode(vae, image.pixels, None, ctx.progress)
    epsilon = noise.gaussian(moments.mean.shape[1:], seeds).to(moments.mean)
    return Latent(moments.mean + moments.std * epsilon)


@node("vae.decode", estimate=_decoded_bytes)
def decode(vae: Vae, latent: Latent, *, ctx: RunContext) -> Image:
    """Turn latents into pictures.

    `decoder(latent / scaling + shift)`, [B, 4, H, W] → [B, 8 H, 8 W, 3]; the decoder's -1..1
    becomes 0..1, what lies outside is clipped. Rombach et al. 2021, arXiv 2112.10752, section 3.1.
    """
    from nodes.diffusion import autoencode

    _check_latent(vae, latent)
    return Image(autoencode.decode(vae, latent.samples, None, ctx.progress))


@node("vae.encode_tiled", estimate=_encoded_bytes)
def encode_tiled(
    vae: Vae,
    image: Image,
    tile: Annotated[int, _TILE] = 512,
    overlap: Annotated[int, _OVERLAP] = 64,
    *,
    ctx: RunContext,
) -> Latent:
    """Turn large pictures into latents in tiles, with the memory of one tile.

    As `vae.encode`, [B, H, W, 3] → [B, 4, H / 8, W / 8], in squares of `tile` pixels that overlap
    by at least `overlap`; there they fade into each other on a line. Differs a little from the
    whole picture's latent: the encoder's group norms and attention see a tile instead of the
    picture, and its convolutions zeros beyond the tile's edge. Equal where one tile holds it all.
    """
    from nodes.diffusion import autoencode

    _check_image(vae, image)
    tiling = _tiling(vae, tile, overlap)
    return Latent(autoencode.encode(vae, image.pixels, tiling, ctx.progress).mean)


@node("vae.decode_tiled", estimate=_decoded_bytes)
def decode_tiled(
    vae: Vae,
    latent: Latent,
    tile: Annotated[int, _TILE] = 512,
    overlap: Annotated[int, _OVERLAP] = 64,
    *,
    ctx: RunContext,
) -> Image:
    """Turn large latents into pictures in tiles, with the memory of one tile.

    As `vae.decode`, [B, 4, H, W] → [B, 8 H, 8 W, 3], in squares of `tile` pixels that overlap by
    at least `overlap`; there they fade into each other on a line. Tiles may differ a little in
    tone: the decoder's group norms and attention see a tile instead of the picture. More overlap
    hides it better. Equal to `vae.decode` where one tile holds the picture.
    """
    from nodes.diffusion import autoencode

    _check_latent(vae, latent)
    tiling = _tiling(vae, tile, overlap)
    return Image(autoencode.decode(vae, latent.samples, tiling, ctx.progress))


def _tiling(vae: Vae, tile: int, overlap: int) -> Tiling:
    """Pixels as latent pixels; an overlap of a whole tile would never get on."""
    from nodes.diffusion.tiling import Tiling

    for port, size in (("tile", tile), ("overlap", overlap)):
        if size % vae.factor or size < 0:
            raise InputError(port, f"{size} px", f"a multiple of {vae.factor}")
    if not overlap < tile:
        raise InputError("overlap", f"{overlap} px", f"less than the tile's {tile} px")
    return Tiling(tile // vae.factor, overlap // vae.factor)


def _check_image(vae: Vae, image: Image) -> None:
    checks.some_pictures("image", image.pixels)
    checks.finite("image", image.pixels)
    _, height, width, channels = image.pixels.shape
    wanted = int(vae.autoencoder.config.in_channels)
    if channels != wanted:
        raise InputError(
            "image",
            f"{channels} channels",
            f"{wanted}",
            "Put image_channels.remove_alpha before it",
        )
    if height % vae.factor or width % vae.factor:
        fit = [side // vae.factor * vae.factor for side in (width, height)]
        raise InputError(
            "image",
            f"{width} × {height} px",
            f"sides that are multiples of {vae.factor}",
            f"Crop or resize it, for example to {fit[0]} × {fit[1]}",
        )


def _check_latent(vae: Vae, latent: Latent) -> None:
    checks.some_pictures("latent", latent.samples)
    checks.finite("latent", latent.samples)
    channels = latent.samples.shape[1]
    wanted = int(vae.autoencoder.config.latent_channels)
    if channels != wanted:
        raise InputError(
            "latent", f"{channels} channels", f"{wanted}", "It comes from another kind of model"
        )
