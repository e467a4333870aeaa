"""Masks drawn as shapes and gradients, with smooth edges. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.types import Mask

Pixels = Annotated[int, Number(1, 16384, unit="px")]
Place = Annotated[float, Number(-16384, 16384, unit="px")]


@node("mask_draw.rectangle")
def rectangle(
    width: Pixels = 512,
    height: Pixels = 512,
    left: Place = 128.0,
    top: Place = 128.0,
    right: Place = 384.0,
    bottom: Place = 384.0,
) -> Mask:
    """Draw a filled rectangle, [1, height, width].

    Sides in pixels from the upper left corner; a pixel holds the share of it that is covered.
    """
    from nodes.diffusion import masks

    return Mask(masks.rectangle(height, width, left, top, right, bottom))


@node("mask_draw.ellipse")
def ellipse(
    width: Pixels = 512,
    height: Pixels = 512,
    left: Place = 128.0,
    top: Place = 128.0,
    right: Place = 384.0,
    bottom: Place = 384.0,
) -> Mask:
    """Draw a filled ellipse into the box that its sides give, [1, height, width].

    Sides in pixels from the upper left corner; the edge is one pixel soft.
    """
    from nodes.diffusion import masks

    return Mask(masks.ellipse(height, width, left, top, right, bottom))


@node("mask_draw.gradient")
def gradient(
    width: Pixels = 512,
    height: Pixels = 512,
    angle: Annotated[float, Slider(-360, 360, unit="degrees")] = 0.0,
) -> Mask:
    """Draw an even ramp from 0 to 1, [1, height, width].

    Angle 0 runs to the right, 90 down. The outermost pixels are exactly 0 and 1.
    """
    from nodes.diffusion import masks

    return Mask(masks.ramp(height, width, angle))
