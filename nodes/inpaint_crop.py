"""Inpainting at full resolution: cut out what is masked, paint it large, lay it back."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.types import CropBox, Image, Mask


class CroppedImage(NamedTuple):
    """The window at the size to paint at, its mask, and where it was."""

    image: Image
    mask: Mask
    crop: CropBox


@node("inpaint_crop.crop")
def crop(
    image: Image,
    mask: Mask,
    width: Annotated[int, Number(8, 4096, 8, "px")] = 512,
    height: Annotated[int, Number(8, 4096, 8, "px")] = 512,
    context: Annotated[float, Slider(1, 4, step=0.1)] = 1.5,
) -> CroppedImage:
    """Cut out the masked part with some of what is around it, at the size that the model paints.

    The window around the mask (at least one half) is `context` times as large as the mask on each
    side, widened to the shape of `width` × `height`, and scaled to that size by Lanczos. Beyond the
    picture its edge goes on. A small face is so painted with all of the model's pixels.
    """
    from nodes.diffusion import inpainting
    from nodes.diffusion.resampling import resample

    pixels, values = image.pixels, mask.values.to(image.pixels.device)
    if len(pixels) != 1 or values.shape != pixels.shape[:3]:
        got = f"{len(pixels)} pictures, mask {list(values.shape)}"
        raise InputError("image, mask", got, "one picture and a mask of its size")
    try:
        box = inpainting.box_around(values, context, pixels.shape[1:3], width / height)
    except ValueError:
        raise InputError("mask", "an empty mask", "a mask of at least one half somewhere") from None
    parts = [inpainting.cut_out(x, box) for x in (pixels, values[..., None])]
    large = [resample(part, height, width, "lanczos").clamp(0, 1) for part in parts]
    return CroppedImage(Image(large[0]), Mask(large[1][..., 0]), box)


@node("inpaint_crop.stitch")
def stitch(
    original: Image,
    image: Image,
    mask: Mask,
    crop: CropBox,
    blur: Annotated[float, Number(0, 512, unit="px")] = 4.0,
) -> Image:
    """Lay a painted window back into the picture it was cut from, under the mask.

    Scaled back by Lanczos; original + m * (window - original) with m the original's mask blurred by
    `blur` pixels. Outside the mask the original's pixels stay as they were.
    """
    from nodes.diffusion import inpainting

    whole, values = original.pixels, mask.values.to(original.pixels.device)
    if values.shape[1:] != whole.shape[1:3] or len(values) not in (1, len(whole)):
        got = f"a mask of {list(values.shape)}"
        raise InputError("mask", got, f"the original's {list(whole.shape[:3])}")
    if len(image.pixels) not in (1, len(whole)):
        raise InputError("image", f"{len(image.pixels)} pictures", f"1 or {len(whole)}")
    return Image(inpainting.laid_back(whole, image.pixels.to(whole), crop, values, blur))
