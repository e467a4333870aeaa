"""Masks."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build
from nodeflow.formats.comfyui.spec import ComfyNode, node, simple
from nodes.comfyui.common import colour_name

_CHANNELS = "{red|green|blue|alpha}"
_OPERATIONS = {
    "multiply": "multiply",
    "add": "add",
    "subtract": "subtract",
    "and": "minimum",
    "or": "maximum",
    "xor": "difference",
}


def _load(build: Build) -> Any:
    return build.add("load.mask", path=build.file("image"), channel=build["channel"]).mask


def _colour(build: Build) -> Any:
    colour = colour_name(build.literal("color"))
    half_a_step = 0.5 / 255
    ports = {"image": build["image"], "colour": colour, "tolerance": half_a_step}
    return build.add("mask.from_colour", **ports).mask


def _composite(build: Build) -> Any:
    if build["x"] != 0 or build["y"] != 0:
        build.refuse("x", "masks are joined whole here", "give both the same size, and x and y 0")
    how = build.literal("operation")
    first, second = build["destination"], build["source"]
    if how in ("and", "or", "xor"):  # of what is 0 or 1
        first, second = (build.add("mask.threshold", mask=mask).mask for mask in (first, second))
    return build.add("mask.combine", mask=first, other=second, operation=_OPERATIONS[how]).mask


def _grow(build: Build) -> Any:
    shape = "diamond" if build.literal("tapered_corners") else "square"
    return build.add("mask.grow", mask=build["mask"], pixels=build["expand"], shape=shape).mask


def _preview(build: Build) -> Any:
    image = build.add("mask.to_image", mask=build["mask"]).image
    build.show(image, folder="temp")
    return ()


NODES: list[ComfyNode] = [
    node(
        "LoadImageMask",
        "mask",
        "image: {@input}; channel: {alpha|red|green|blue}",
        "MASK",
        _load,
        title="Load Image (as Mask)",
    ),
    simple("MaskToImage", "mask", "mask: MASK", "IMAGE", "mask.to_image", "mask", "image"),
    simple(
        "ImageToMask",
        "mask",
        f"image: IMAGE; channel: {_CHANNELS}",
        "MASK",
        "mask.from_channel",
        "image channel",
        "mask",
    ),
    node("ImageColorToMask", "mask", "image: IMAGE; color: INT=0[0..16777215]", "MASK", _colour),
    simple(
        "SolidMask",
        "mask",
        "value: FLOAT=1.0[0..1]/0.01; width: INT=512[1..16384]; height: INT=512[1..16384]",
        "MASK",
        "mask.solid",
        "value width height",
        "mask",
    ),
    simple("InvertMask", "mask", "mask: MASK", "MASK", "mask.invert", "mask", "mask"),
    simple(
        "CropMask",
        "mask",
        "mask: MASK; x: INT=0[0..16384]; y: INT=0[0..16384]; width: INT=512[1..16384]; "
        "height: INT=512[1..16384]",
        "MASK",
        "mask_edit.crop",
        "mask left=x top=y width height",
        "mask",
    ),
    node(
        "MaskComposite",
        "mask",
        "destination: MASK; source: MASK; x: INT=0[0..16384]; y: INT=0[0..16384]; "
        f"operation: {{{'|'.join(_OPERATIONS)}}}",
        "MASK",
        _composite,
    ),
    node(
        "GrowMask",
        "mask",
        "mask: MASK; expand: INT=0[-16384..16384]; tapered_corners: BOOLEAN=True",
        "MASK",
        _grow,
    ),
    simple(
        "ThresholdMask",
        "mask",
        "mask: MASK; value: FLOAT=0.5[0..1]/0.01",
        "MASK",
        "mask.threshold",
        "mask level=value",
        "mask",
        differs="a value that is just the threshold counts as above it",
    ),
    node("MaskPreview", "mask", "mask: MASK", "", _preview, output_node=True),
]
