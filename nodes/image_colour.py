"""The colours of a picture: fewer of them, those of another picture, other axes. Imports no torch.

Alpha stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from nodeflow.node import node
from nodeflow.widgets import Choice, Slider
from nodes.image_checks import paired, repeated
from nodes.types import Image, Mask

if TYPE_CHECKING:
    import torch

Method = Annotated[str, Choice("median_cut", "max_coverage", "octree")]


class Planes(NamedTuple):
    luma: Mask
    blue: Mask
    red: Mask


def _with_colours(image: Image, colours: torch.Tensor) -> Image:
    import torch

    alpha = image.pixels[..., 3:].expand(colours.shape[0], -1, -1, -1)
    return Image(torch.cat([colours, alpha], -1))


@node("image_colour.quantise")
def quantise(
    image: Image,
    colours: Annotated[int, Slider(1, 256, step=1)] = 16,
    method: Method = "median_cut",
    dither: Annotated[
        str, Choice("none", "floyd_steinberg", "bayer_2", "bayer_4", "bayer_8", "bayer_16")
    ] = "floyd_steinberg",
) -> Image:
    """Show each picture in at most so many colours, which are chosen from its own.

    Palettes by Pillow: Heckbert's 1982 median cut, maximum coverage, or an octree. Dithering mixes
    neighbours to what lies between: Floyd & Steinberg 1976 passes each error on, Bayer 1973 mixes
    two colours by a regular pattern of that side.
    """
    from nodes.diffusion.quantising import quantised

    return _with_colours(image, quantised(image.pixels[..., :3], colours, method, dither))


@node("image_colour.palette")
def palette(
    image: Image,
    colours: Annotated[int, Slider(1, 64, step=1)] = 8,
    method: Method = "median_cut",
    cell: Annotated[int, Slider(1, 256, step=1, unit="px")] = 32,
) -> Image:
    """Show the colours that stand for a picture as squares in a row, the most frequent first.

    [1, cell, N * cell, 3] with N at most `colours`. Of a batch, the first picture.
    """
    from nodes.diffusion.quantising import palette

    table = palette(image.pixels[0, ..., :3], colours, method).to(image.pixels.device)  # [N, 3]
    row = table.repeat_interleave(cell, 0)
    return Image(row.expand(1, cell, -1, 3).contiguous())


@node("image_colour.match_mean")
def match_mean(
    image: Image,
    reference: Image,
    amount: Annotated[float, Slider(0, 1, step=0.05)] = 1.0,
) -> Image:
    """Give the picture the mood of another: its mean colour and how far colours spread.

    In CIE L*a*b*, per channel: (v - mean) * spread_r / spread + mean_r. Reinhard et al. 2001,
    "Color transfer between images". Sizes may differ; `amount` fades between before and after.
    """
    from nodes.diffusion.pixels import mixed
    from nodes.diffusion.tones import matched_statistics

    colours, wanted = _both(image, reference)
    changed = mixed(colours, matched_statistics(colours, wanted), amount)
    return _with_colours(image, changed)


@node("image_colour.match_histogram")
def match_histogram(
    image: Image,
    reference: Image,
    amount: Annotated[float, Slider(0, 1, step=0.05)] = 1.0,
) -> Image:
    """Give each channel of the picture the same distribution of values as another picture's.

    v becomes the value below which the reference has the same share of pixels. Sizes may differ.
    Gonzalez & Woods, "Digital image processing", 3.3.2.
    """
    from nodes.diffusion.pixels import mixed
    from nodes.diffusion.tones import matched_histogram

    colours, wanted = _both(image, reference)
    changed = mixed(colours, matched_histogram(colours, wanted), amount)
    return _with_colours(image, changed)


def _both(image: Image, reference: Image) -> tuple[torch.Tensor, torch.Tensor]:
    ports = ("image", "reference")
    return repeated(image.pixels[..., :3], reference.pixels[..., :3], ports)


@node("image_colour.to_ycc", title="To YCbCr")
def to_ycc(image: Image) -> Planes:
    """Take the picture apart into brightness and two differences of colour, each [B, H, W].

    Y' 0..1, Cb and Cr 0..1 with 0.5 for no colour: full range, as in JPEG (ITU-R BT.601). An eye
    sees detail in the first alone, so that the others may be blurred.
    """
    from nodes.diffusion.colours import to_ycc

    planes = to_ycc(image.pixels[..., :3]).clamp(0, 1).unbind(-1)
    return Planes(*(Mask(plane.contiguous()) for plane in planes))


@node("image_colour.from_ycc", title="From YCbCr")
def from_ycc(luma: Mask, blue: Mask, red: Mask) -> Image:
    """Make a picture of brightness and two differences of colour, [B, H, W, 3] in 0..1.

    The inverse of `image_colour.to_ycc`; sizes must agree.
    """
    import torch

    from nodes.diffusion.colours import from_ycc

    first, second = paired(luma.values, blue.values, ("luma", "blue"))
    first, third = paired(first, red.values, ("luma", "red"))
    second, third = paired(second, third, ("blue", "red"))
    return Image(from_ycc(torch.stack([first, second, third], -1)).clamp(0, 1))
