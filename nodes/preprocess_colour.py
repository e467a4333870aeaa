"""Control pictures of colour: tiles, grids, shuffled content. Imports no torch.

Grey (`image_tone.grey`), palettes (`image_colour.quantise`), recolouring (`image_blend.blend` with
`luminosity` or `colour`) and inverting (`image_adjust.invert`) are ordinary nodes.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Seed, Slider
from nodes.types import Image


@node("preprocess_colour.tile")
def tile(image: Image, factor: Annotated[float, Slider(1, 64, step=0.5)] = 4.0) -> Image:
    """Take the detail out and keep what is where: shrunk by a factor, and enlarged again.

    Area averaged on the way down, bicubic on the way up; RGB. What a tile ControlNet is shown, so
    that it makes up new detail.
    """
    from nodes.diffusion.pixels import resized

    _, height, width, _ = image.pixels.shape
    small = max(1, round(width / factor)), max(1, round(height / factor))
    return Image(resized(resized(image.pixels[..., :3], *small, "area"), width, height, "bicubic"))


@node("preprocess_colour.grid")
def grid(image: Image, cell: Annotated[int, Slider(2, 256, step=2, unit="px")] = 64) -> Image:
    """Show only the mean colour of each square: which colour goes where, and no shapes.

    Squares of about `cell` pixels, as many as fit the picture; RGB. What the colour T2I-Adapter is
    shown (Mou et al. 2023, arXiv 2302.08453).
    """
    from nodes.diffusion.pixels import resized

    _, height, width, _ = image.pixels.shape
    count = max(1, round(width / cell)), max(1, round(height / cell))
    return Image(resized(resized(image.pixels[..., :3], *count, "area"), width, height, "nearest"))


@node("preprocess_colour.shuffle")
def shuffle(
    image: Image,
    seed: Annotated[int, Seed()] = 0,
    scale: Annotated[float, Slider(8, 512, step=8, unit="px")] = 128.0,
) -> Image:
    """Swirl the picture until only its colours and textures can be told; RGB.

    Each pixel is read from a random place, and neighbours from neighbouring places: two smooth
    fields of noise with features of about `scale` pixels, stretched over the whole picture. Picture
    k of the batch by seed + k. What the shuffle ControlNet is shown.
    """
    import torch

    from nodes.diffusion.geometry import read_at
    from nodes.diffusion.noise import batch_seeds, gaussian
    from nodes.diffusion.pixels import resized

    count, height, width, _ = image.pixels.shape
    coarse = max(2, round(height / scale) + 1), max(2, round(width / scale) + 1)
    drawn = gaussian((*coarse, 3), batch_seeds(seed, count)) / 6 + 0.5
    field = resized(drawn, width, height, "bicubic")  # [B, H, W, 3], a third plane unused
    result = []
    for pixels, places in zip(image.pixels[..., :3].split(1), field, strict=True):
        low, high = places.amin((0, 1)), places.amax((0, 1))
        spread = ((places - low) / (high - low).clamp(min=1e-6)).double()
        result.append(read_at(pixels, spread[..., 0] * (width - 1), spread[..., 1] * (height - 1)))
    return Image(torch.cat(result))
