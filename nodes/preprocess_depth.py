"""Depth and surfaces for ControlNets. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Slider
from nodes.types import DepthModel, Image


@node("preprocess_depth.estimate")
def estimate(image: Image, depth_model: DepthModel) -> Image:
    """Show how near things are: white the nearest, black the farthest; [B, H, W, 3] grey.

    Each picture over its own whole range, as ControlNets for depth were trained. A network that
    answers in metres is turned over: 1 / metres.
    """
    from nodes.diffusion.perception import depth

    return Image(depth(depth_model, image.pixels).unsqueeze(-1).repeat(1, 1, 1, 3))


@node("preprocess_depth.normals")
def normals(
    image: Image,
    reach: Annotated[float, Slider(0.01, 4, step=0.01)] = 0.5,
    sigma: Annotated[float, Slider(0, 16, step=0.25, unit="px")] = 1.0,
    red: Annotated[str, Choice("right", "left")] = "right",
    green: Annotated[str, Choice("up", "down")] = "up",
) -> Image:
    """Show which way surfaces face, from a picture of depth (white near); [B, H, W, 3].

    (n + 1) / 2 of the unit normal n = (-dz/dx, -dz/dy, 1) / |…|: red for the side `red`, green for
    the side `green`, blue towards the viewer. White lies `reach` times the picture's width before
    black. `sigma` smooths the depth first; its steps of 8 bit would show as terraces.
    """
    from nodes.diffusion.edges import brightness
    from nodes.diffusion.surfaces import normals

    signs = (1 if red == "right" else -1, 1 if green == "up" else -1, 1)
    found = normals(brightness(image.pixels), reach, sigma)
    return Image((found * found.new_tensor(signs) + 1) / 2)
