"""Two pictures become one. Imports no torch."""

from __future__ import annotations

from typing import Annotated

from nodeflow.node import node
from nodeflow.widgets import Choice, Colour, Number, Slider
from nodes.image_checks import check_channels, colour_values, paired
from nodes.types import Image, Mask


@node("image_blend.mix")
def mix(base: Image, top: Image, amount: Annotated[float, Slider(0, 1, step=0.01)] = 0.5) -> Image:
    """Fade from one picture to the other: (1 - amount) * base + amount * top.

    Sizes and channels must agree; a batch of one goes with any batch.
    """
    from nodes.diffusion.pixels import mixed

    return Image(mixed(*paired(base.pixels, top.pixels, ("base", "top")), amount))


@node("image_blend.blend")
def blend(
    base: Image,
    top: Image,
    mode: Annotated[
        str,
        Choice(
            "normal",
            "multiply",
            "screen",
            "overlay",
            "hard_light",
            "soft_light",
            "darken",
            "lighten",
            "dodge",
            "burn",
            "difference",
            "exclusion",
            "add",
            "subtract",
            "divide",
            "linear_burn",
            "linear_light",
            "vivid_light",
            "pin_light",
            "hue",
            "saturation",
            "colour",
            "luminosity",
        ),
    ] = "multiply",
    opacity: Annotated[float, Slider(0, 1, step=0.01)] = 1.0,
) -> Image:
    """Lay `top` over `base` by a blend mode; both RGB.

    (1 - opacity) * base + opacity * B(base, top). With b the base and s the top: multiply b s,
    screen b + s - b s, overlay hard_light(s, b), darken min, lighten max, difference |b - s|,
    exclusion b + s - 2 b s, add min(b + s, 1), subtract max(b - s, 0), divide min(b / s, 1),
    linear_burn max(b + s - 1, 0), linear_light b + 2 s - 1; vivid_light burns by 2 s or dodges by
    2 s - 1, pin_light takes min(b, 2 s) or max(b, 2 s - 1), whether s is below a half or above;
    hard_light, soft_light, dodge, burn, and hue, saturation, colour and luminosity, which take
    just that of the top, as in W3C, "Compositing and Blending Level 1", section 10.
    """
    from nodes.diffusion.blending import BLENDS
    from nodes.diffusion.pixels import mixed

    check_channels(base.pixels, 3, "base")
    below, above = paired(base.pixels, top.pixels, ("base", "top"))
    return Image(mixed(below, BLENDS[mode](below, above).clamp(0, 1), opacity))


@node("image_blend.composite")
def composite(base: Image, top: Image, mask: Mask) -> Image:
    """Show `top` where the mask is 1 and `base` where it is 0: (1 - mask) * base + mask * top.

    Sizes must agree; batches of one go with any batch. Where the mask is exactly 0 or 1 the pixels
    are exactly those of one picture.
    """
    from nodes.diffusion.pixels import mixed

    below, above = paired(base.pixels, top.pixels, ("base", "top"))
    below, share = paired(below, mask.values, ("base", "mask"))
    above, share = paired(above, share, ("top", "mask"))
    return Image(mixed(below, above, share.unsqueeze(-1)))


@node("image_blend.over")
def over(base: Image, top: Image) -> Image:
    """Lay a picture with transparency over an opaque one: a * top + (1 - a) * base; RGB.

    `base` has 3 channels, `top` 4. Porter & Duff 1984, "Compositing digital images", "over".
    """
    from nodes.diffusion.pixels import mixed

    check_channels(base.pixels, 3, "base")
    check_channels(top.pixels, 4, "top")
    below, above = paired(base.pixels, top.pixels[..., :3], ("base", "top"))
    below, alpha = paired(below, top.pixels[..., 3], ("base", "top"))
    return Image(mixed(below, above, alpha.unsqueeze(-1)))


@node("image_blend.porter_duff", title="Porter-Duff")
def porter_duff(
    base: Image,
    top: Image,
    operator: Annotated[
        str,
        Choice(
            *("over", "under", "in", "held_in", "out", "held_out", "atop", "held_atop"),
            *("xor", "plus", "clear", "base", "top"),
        ),
    ] = "over",
) -> Image:
    """Put two pictures with transparency together: where one shows is told by both alphas; RGBA.

    Shares of base and top, with b and s their alphas: over 1 - s, 1; under 1, 1 - b; in 0, b;
    held_in s, 0; out 0, 1 - b; held_out 1 - s, 0; atop 1 - s, b; held_atop s, 1 - b;
    xor 1 - s, 1 - b; plus 1, 1; clear 0, 0; base 1, 0; top 0, 1. Colours count by their alpha.
    Porter & Duff 1984, "Compositing digital images".
    """
    from nodes.diffusion.blending import composited

    check_channels(base.pixels, 4, "base")
    return Image(composited(*paired(base.pixels, top.pixels, ("base", "top")), operator))


@node("image_blend.gradient")
def gradient(
    width: Annotated[int, Number(1, 16384, unit="px")] = 512,
    height: Annotated[int, Number(1, 16384, unit="px")] = 512,
    start: Annotated[str, Colour()] = "#000000",
    end: Annotated[str, Colour()] = "#ffffff",
    angle: Annotated[float, Slider(-360, 360, unit="degrees")] = 0.0,
) -> Image:
    """Make a picture that runs evenly from one colour to another, [1, height, width, 3].

    Angle 0 runs to the right, 90 down.
    """
    import torch

    from nodes.diffusion.masks import ramp
    from nodes.diffusion.pixels import canvas, mixed

    like = torch.empty(1, 1, 1, 3)
    first = canvas(like, height, width, colour_values(start, "start"))
    last = canvas(like, height, width, colour_values(end, "end"))
    return Image(mixed(first, last, ramp(height, width, angle).unsqueeze(-1)))
