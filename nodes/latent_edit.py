"""Nodes that change what is in a latent: cut, mirror, turn, resize, lay over, blend.

Positions and sizes are in pixels of the picture and must be multiples of 8: one latent pixel.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Multiple, Number
from nodes.types import Latent, Mask

_FILTERS = Choice(
    "nearest", "area", "bilinear", "hamming", "bicubic", "lanczos", "mks2013", "mks2021"
)
_SIDE = Multiple(8, 16384, 8, "px")
_PLACE = Multiple(0, 16384, 8, "px")


@node("latent_edit.crop")
def crop(
    latent: Latent,
    left: Annotated[int, _PLACE] = 0,
    top: Annotated[int, _PLACE] = 0,
    width: Annotated[int, _SIDE] = 64,
    height: Annotated[int, _SIDE] = 64,
) -> Latent:
    """Cut a window out of a latent; (left, top) is its upper left corner.

    [B, C, H, W] → [B, C, height / 8, width / 8]. The window must lie within the latent.
    """
    from nodes.diffusion import latents

    x, y = _in_latent("left", left), _in_latent("top", top)
    columns, rows = _in_latent("width", width, 1), _in_latent("height", height, 1)
    ends, limits = (y + rows, x + columns), latent.samples.shape[-2:]
    for port, end, limit in zip(("height", "width"), ends, limits, strict=True):
        if end > limit:
            got = f"a window that ends at {end * 8} px"
            raise InputError(port, got, f"at most {limit * 8} px, the latent's end")
    return latents.crop(latent, x, y, columns, rows)


@node("latent_edit.flip_horizontal")
def flip_horizontal(latent: Latent) -> Latent:
    """Mirror a latent: left becomes right.

    `out[..., i] = in[..., W - 1 - i]`, [B, C, H, W]. The decoded picture is nearly, not exactly,
    the mirrored picture, since the autoencoder learnt no mirror symmetry.
    """
    from nodes.diffusion import latents

    return latents.flip(latent, -1)


@node("latent_edit.flip_vertical")
def flip_vertical(latent: Latent) -> Latent:
    """Turn a latent upside down as in a mirror: top becomes bottom.

    `out[..., i, :] = in[..., H - 1 - i, :]`, [B, C, H, W].
    """
    from nodes.diffusion import latents

    return latents.flip(latent, -2)


@node("latent_edit.rotate")
def rotate(latent: Latent, quarters: Annotated[int, Number(-3, 3)] = 1) -> Latent:
    """Turn a latent by quarter turns to the right, or left where negative.

    [B, C, H, W] → [B, C, W, H] for an odd number of turns, else the size stays.
    """
    from nodes.diffusion import latents

    return latents.rotate(latent, quarters)


@node("latent_edit.upscale")
def upscale(
    latent: Latent,
    width: Annotated[int, _SIDE] = 256,
    height: Annotated[int, _SIDE] = 256,
    filter: Annotated[str, _FILTERS] = "nearest",
) -> Latent:
    """Resize a latent to `width` × `height` pixels, larger or smaller.

    [B, C, H, W] → [B, C, height / 8, width / 8]. `nearest` repeats latent pixels and keeps their
    spread; the others smooth, which decodes as blur until further steps mend it. The filters are
    those of `image_edit.resize`, antialiased where the latent shrinks.
    """
    from nodes.diffusion import latents

    columns, rows = _in_latent("width", width, 1), _in_latent("height", height, 1)
    _check_filter(filter)
    return latents.resize(latent, columns, rows, filter)


@node("latent_edit.upscale_by")
def upscale_by(
    latent: Latent,
    factor: Annotated[float, Number(0.01, 16, 0.25, "×")] = 2.0,
    filter: Annotated[str, _FILTERS] = "nearest",
) -> Latent:
    """Resize a latent by a factor, sides rounded to whole latent pixels, at least one.

    [B, C, H, W] → [B, C, factor * H, factor * W]; filters as in `latent_edit.upscale`.
    """
    from nodes.diffusion import latents

    _check_filter(filter)
    if not 0 < factor < float("inf"):
        raise InputError("factor", f"{factor:g}", "a finite number above 0")
    rows, columns = (max(round(side * factor), 1) for side in latent.samples.shape[-2:])
    return latents.resize(latent, columns, rows, filter)


@node("latent_edit.composite")
def composite(
    destination: Latent,
    source: Latent,
    left: Annotated[int, _PLACE] = 0,
    top: Annotated[int, _PLACE] = 0,
    feather: Annotated[int, _PLACE] = 0,
) -> Latent:
    """Lay one latent over another at (left, top), its edges fading over `feather` pixels.

    `destination * (1 - w) + source * w` where the source lies, w rising from 1 / (f + 1) in steps
    over its first f = feather / 8 latent pixels; edges on the destination's border do not fade.
    What sticks out is cut off. One picture is laid over, or laid under, each of a batch; otherwise
    batches must be of one size. The destination's noise mask is kept.
    """
    from nodes.diffusion import latents

    _check_pair("source", source, "destination", destination)
    samples = latents.composite(
        destination.samples,
        source.samples.to(destination.samples.device),
        _in_latent("left", left),
        _in_latent("top", top),
        _in_latent("feather", feather),
    )
    return Latent(samples, destination.noise_mask)


@node("latent_edit.mask_blend")
def mask_blend(a: Latent, b: Latent, mask: Mask) -> Latent:
    """Show `b` where the mask is 1 and `a` where it is 0.

    `a * (1 - m) + b * m`, [B, C, H, W]; m is the mask, each latent pixel the mean of the area it
    stands for. Latents must be of one size; a batch of one goes with any batch. The result keeps
    `a`'s noise mask. Avrahami et al. 2022, arXiv 2206.02779, section 4.1 (blended latents).
    """
    from nodes.diffusion import latents

    _check_pair("b", b, "a", a)
    if a.samples.shape[-2:] != b.samples.shape[-2:]:
        raise InputError(
            "b", _size(b), _size(a) + ", as a has", "Resize it with latent_edit.upscale"
        )
    count = max(len(a.samples), len(b.samples))
    if count > 1 and len(mask.values) not in (1, count):
        raise InputError("mask", f"{len(mask.values)} masks", f"1 or {count}, as many as latents")
    weight = latents.mask_for(mask.values, a.samples)
    blended = latents.blend(a.samples, b.samples.to(a.samples.device), weight)
    return Latent(blended, a.noise_mask)


def _check_pair(port: str, value: Latent, other_port: str, other: Latent) -> None:
    """Channels must agree; so must batches, unless one is a single picture."""
    count, channels = value.samples.shape[:2]
    other_count, other_channels = other.samples.shape[:2]
    if channels != other_channels or (count != other_count and 1 not in (count, other_count)):
        raise InputError(
            port,
            f"{count} pictures of {channels} channels",
            f"1 or {other_count} of {other_channels} channels, as {other_port} has",
            "Pick or repeat pictures with latent.pick or latent.repeat",
        )


def _check_filter(filter: str) -> None:
    if fault := _FILTERS.check(filter):
        raise InputError("filter", fault, "one of " + ", ".join(_FILTERS.options))


def _size(latent: Latent) -> str:
    rows, columns = latent.samples.shape[-2:]
    return f"{columns * 8} × {rows * 8} px"


def _in_latent(port: str, pixels: int, at_least: int = 0) -> int:
    """Pixels as latent pixels; what falls between two of them is an error."""
    if pixels % 8 or pixels < 8 * at_least:
        nearest = max(round(pixels / 8), at_least) * 8
        raise InputError(port, f"{pixels} px", "a multiple of 8", f"The nearest is {nearest}")
    return pixels // 8
