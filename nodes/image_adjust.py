"""The look of pictures: inverted, brighter, softer, sharper. Alpha stays. Imports no torch.

Values are the stored ones, as every editor of pictures shows them; nothing is linearised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from nodeflow.node import node
from nodeflow.widgets import Slider
from nodes.types import Image

if TYPE_CHECKING:
    import torch


def _with_colours(image: Image, colours: torch.Tensor) -> Image:
    """The picture with other colours, clamped to 0..1, and its own alpha."""
    import torch

    return Image(torch.cat([colours.clamp(0, 1), image.pixels[..., 3:]], -1))


@node("image_adjust.invert")
def invert(image: Image) -> Image:
    """Turn the picture into its negative: 1 - colour."""
    return _with_colours(image, 1 - image.pixels[..., :3])


@node("image_adjust.brightness")
def brightness(image: Image, factor: Annotated[float, Slider(0, 4, step=0.05)] = 1.0) -> Image:
    """Make the picture brighter or darker: colour * factor."""
    return _with_colours(image, image.pixels[..., :3] * factor)


@node("image_adjust.contrast")
def contrast(image: Image, factor: Annotated[float, Slider(0, 4, step=0.05)] = 1.0) -> Image:
    """Push colours away from middle grey, or towards it: 0.5 + factor * (colour - 0.5)."""
    return _with_colours(image, image.pixels[..., :3] * factor + 0.5 * (1 - factor))


@node("image_adjust.saturation")
def saturation(image: Image, factor: Annotated[float, Slider(0, 4, step=0.05)] = 1.0) -> Image:
    """Push colours away from their own grey, or towards it: grey + factor * (colour - grey).

    grey = 0.2126 R + 0.7152 G + 0.0722 B (Rec. ITU-R BT.709); factor 0 leaves only the grey.
    """
    from nodes.diffusion.masks import LUMA

    red, green, blue = image.pixels[..., :3].unbind(-1)
    grey = (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(-1)  # [B, H, W, 1]
    return _with_colours(image, image.pixels[..., :3] * factor + grey * (1 - factor))


@node("image_adjust.gamma")
def gamma(image: Image, gamma: Annotated[float, Slider(0.1, 8, step=0.05)] = 1.0) -> Image:
    """Lift the dark parts, or press them, black and white staying: colour ^ (1 / gamma)."""
    return _with_colours(image, image.pixels[..., :3] ** (1 / gamma))


@node("image_adjust.blur")
def blur(image: Image, sigma: Annotated[float, Slider(0, 64, step=0.25, unit="px")] = 2.0) -> Image:
    """Soften the picture by a Gaussian of `sigma` pixels; its edges are mirrored.

    Separable, cut at 3 sigma. Colours count by their alpha, which is softened too.
    """
    from nodes.diffusion.pixels import premultiplied, unpremultiplied
    from nodes.diffusion.resampling import gaussian_blur

    if image.pixels.shape[-1] == 3:
        return Image(gaussian_blur(image.pixels, sigma).clamp(0, 1))
    return Image(unpremultiplied(gaussian_blur(premultiplied(image.pixels), sigma)))


@node("image_adjust.sharpen")
def sharpen(
    image: Image,
    sigma: Annotated[float, Slider(0, 16, step=0.25, unit="px")] = 1.0,
    amount: Annotated[float, Slider(0, 4, step=0.05)] = 0.5,
) -> Image:
    """Sharpen by an unsharp mask: colour + amount * (colour - its Gaussian blur)."""
    from nodes.diffusion.resampling import gaussian_blur

    colours = image.pixels[..., :3]
    return _with_colours(image, colours + amount * (colours - gaussian_blur(colours, sigma)))
