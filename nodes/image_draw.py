"""Pictures drawn: text on a picture, noise, a checkerboard. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Colour, Number, Seed, Slider, TextArea
from nodes.image_checks import colour_values
from nodes.types import Image

Side = Annotated[int, Number(1, 16384, unit="px")]


@node("image_draw.text")
def text(
    image: Image,
    text: Annotated[str, TextArea()] = "",
    left: int = 8,
    top: int = 8,
    size: Annotated[int, Slider(6, 512, unit="px")] = 24,
    colour: Annotated[str, Colour()] = "#ffffff",
    outline: Annotated[int, Slider(0, 32, step=1, unit="px")] = 0,
    outline_colour: Annotated[str, Colour()] = "#000000",
    opacity: Annotated[float, Slider(0, 1, step=0.05)] = 1.0,
    anchor: Annotated[
        str,
        Choice(
            *("upper left", "upper", "upper right"),
            *("left", "centre", "right"),
            *("lower left", "lower", "lower right"),
        ),
    ] = "upper left",
) -> Image:
    """Write on the picture, on each of a batch the same.

    (left, top) are pixels from the corner or side that `anchor` names, to the same corner or side
    of the text; at `centre` they move it right and down. Lines break where the text does. The font
    is the one that comes with Pillow (Aileron): Latin letters. What reaches beyond is cut off.
    """
    from nodes.diffusion.lettering import Lettering, written

    style = Lettering(size, outline, anchor)
    colours = colour_values(colour, "colour"), colour_values(outline_colour, "outline_colour")
    return Image(written(image.pixels, text, (left, top), style, colours, opacity))


@node("image_draw.noise")
def noise(
    width: Side = 512,
    height: Side = 512,
    seed: Annotated[int, Seed()] = 0,
    batch: Annotated[int, Number(1, 4096)] = 1,
    grey: bool = False,
) -> Image:
    """Make a picture of noise, each value evenly in 0..1; [batch, height, width, 3].

    Picture k is drawn from seed + k. `grey` gives the three channels the same value.
    """
    import torch

    from nodes.diffusion.noise import batch_seeds

    drawn = [
        torch.rand((height, width, 1 if grey else 3), generator=torch.Generator().manual_seed(s))
        for s in batch_seeds(seed, batch)
    ]
    return Image(torch.stack(drawn).expand(batch, height, width, 3).contiguous())


@node("image_draw.checkerboard")
def checkerboard(
    width: Side = 512,
    height: Side = 512,
    cell: Annotated[int, Slider(1, 512, step=1, unit="px")] = 32,
    first: Annotated[str, Colour()] = "#ffffff",
    second: Annotated[str, Colour()] = "#808080",
) -> Image:
    """Make a picture of squares in two colours, the first in the upper left corner."""
    import torch

    rows, columns = torch.arange(height) // cell, torch.arange(width) // cell
    odd = (rows[:, None] + columns) % 2  # [H, W]
    table = torch.tensor([colour_values(first, "first"), colour_values(second, "second")])
    return Image(table[odd].unsqueeze(0))
