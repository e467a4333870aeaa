"""Filters over a pixel's neighbours, and grain. Imports no torch.

Edges are mirrored. The Gaussian blur and the unsharp mask are in `image_adjust`.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Seed, Slider
from nodes.types import Image

Radius = Annotated[int, Slider(0, 64, step=1, unit="px")]


@node("image_filter.box_blur")
def box_blur(image: Image, radius: Radius = 2) -> Image:
    """Soften the picture by the plain mean of the (2 radius + 1)^2 pixels around each.

    Colours count by their alpha, which is softened too.
    """
    from nodes.diffusion.pixels import premultiplied, unpremultiplied
    from nodes.diffusion.resampling import box_blur

    if image.pixels.shape[-1] == 3:
        return Image(box_blur(image.pixels, radius).clamp(0, 1))
    return Image(unpremultiplied(box_blur(premultiplied(image.pixels), radius)))


@node("image_filter.median")
def median(image: Image, radius: Annotated[int, Slider(0, 8, step=1, unit="px")] = 1) -> Image:
    """Remove specks and keep edges: the middle one of the (2 radius + 1)^2 values around each.

    Per channel, alpha too. Tukey 1977, "Exploratory data analysis".
    """
    from nodes.diffusion.neighbourhoods import median

    return Image(median(image.pixels, radius))


@node("image_filter.morphology")
def morphology(
    image: Image,
    operation: Annotated[
        str, Choice("dilate", "erode", "open", "close", "gradient", "top_hat", "bottom_hat")
    ] = "dilate",
    radius: Radius = 1,
    shape: Annotated[str, Choice("disc", "square")] = "square",
) -> Image:
    """Grow or shrink what is bright, per channel; alpha stays.

    dilate is the largest value within the radius, erode the smallest, open is erode then dilate,
    close dilate then erode, gradient dilate - erode, top_hat v - open, bottom_hat close - v.
    What lies outside counts for nothing. Serra 1982, "Image analysis and mathematical morphology".
    """
    import torch

    from nodes.diffusion.neighbourhoods import MORPHOLOGY

    changed = MORPHOLOGY[operation](image.pixels[..., :3], radius, shape)
    return Image(torch.cat([changed.clamp(0, 1), image.pixels[..., 3:]], -1))


@node("image_filter.high_pass")
def high_pass(
    image: Image, sigma: Annotated[float, Slider(0.25, 64, step=0.25, unit="px")] = 4.0
) -> Image:
    """Leave only what is finer than a Gaussian of `sigma` pixels: 0.5 + v - blurred; alpha stays.

    Over a picture by the blend mode `overlay` or `soft_light`, it sharpens.
    """
    import torch

    from nodes.diffusion.resampling import gaussian_blur

    colours = image.pixels[..., :3]
    fine = (0.5 + colours - gaussian_blur(colours, sigma)).clamp(0, 1)
    return Image(torch.cat([fine, image.pixels[..., 3:]], -1))


@node("image_filter.add_noise")
def add_noise(
    image: Image,
    seed: Annotated[int, Seed()] = 0,
    strength: Annotated[float, Slider(0, 1, step=0.01)] = 0.1,
    grey: bool = False,
) -> Image:
    """Add grain: v + strength * N(0, 1) at each pixel, kept in 0..1; alpha stays.

    `grey` gives the three channels the same grain. Picture k of the batch is drawn from seed + k.
    """
    import torch

    from nodes.diffusion.noise import batch_seeds, gaussian

    count, height, width, _ = image.pixels.shape
    drawn = gaussian((height, width, 1 if grey else 3), batch_seeds(seed, count))
    noisy = (image.pixels[..., :3] + strength * drawn.to(image.pixels.device)).clamp(0, 1)
    return Image(torch.cat([noisy, image.pixels[..., 3:]], -1))
