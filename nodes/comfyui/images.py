"""Pictures: loaded, saved, scaled, changed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from nodeflow.formats.comfyui.build import Build, Wire
from nodeflow.formats.comfyui.spec import ComfyNode, node, simple
from nodes.comfyui.common import (
    PICTURE_FILTERS,
    SHRINKS,
    WIDE,
    colour_name,
    filter_name,
)

_TURNS = {"none": 0, "90 degrees": 1, "180 degrees": 2, "270 degrees": 3}
_SIDES = {"right": "right", "down": "below", "left": "left", "up": "above"}
_COLOURS = {
    "white": "#ffffff",
    "black": "#000000",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}
_SIZE = "width: INT=512[1..16384]; height: INT=512[1..16384]"
_PREFIX = "filename_prefix: STRING='ComfyUI'"
_DATE = re.compile(r"%date:([^%]*)%")
_DATE_PARTS = re.compile("yyyy|yy|M{1,2}|d{1,2}|h{1,2}|m{1,2}|s{1,2}")


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def _load(build: Build) -> Any:
    made = build.add("load.image", path=build.file("image"))
    return made.image, made.mask


def _load_output(build: Build) -> Any:
    made = build.add("load.image", path=build.file("image", "output"))
    return made.image, made.mask


def _save(build: Build) -> Any:
    made = build.add("as_comfyui.save_image", image=build["images"], prefix=prefix(build))
    build.show(made.paths)
    return ()


def _preview(build: Build) -> Any:
    build.show(build["images"], folder="temp")
    return ()


def _animated(type: str, *ports: str) -> Any:
    def make(build: Build) -> Any:
        given = {port: build[port] for port in ports}
        made = build.add(type, image=build["images"], name=prefix(build), **given)
        build.show(made.paths)
        return ()

    return make


def prefix(build: Build) -> Any:
    """The name that files get, with what the clock and the prompt say put in. `%width%`,
    `%height%` and `%batch_num%` are known when the picture is."""
    text = build["filename_prefix"]
    if isinstance(text, Wire):
        return text
    now = build.folders.now
    parts = {name: getattr(now, name) for name in ("month", "day", "hour", "minute", "second")}
    text = text.replace("%year%", str(now.year))
    for name, value in parts.items():
        text = text.replace(f"%{name}%", f"{value:02}")
    text = _DATE.sub(lambda found: _date(found[1], now), text)
    return _widgets(build, text) or "ComfyUI"


def _date(format: str, now: datetime) -> str:
    """`yyyy-MM-dd` and the like, as ComfyUI's editor writes dates."""
    values = {"M": now.month, "d": now.day, "h": now.hour, "m": now.minute, "s": now.second}

    def part(found: re.Match[str]) -> str:
        word = found[0]
        if word[0] == "y":
            return f"{now.year:04}"[-len(word) :]
        return f"{values[word[0]]:0{len(word)}}"

    return _DATE_PARTS.sub(part, format or "yyyy-MM-dd")


def _widgets(build: Build, text: str) -> str:
    """`%KSampler.seed%`: a value of the first node of that title or type."""

    def value(found: re.Match[str]) -> str:
        for used in build.prompt.values():
            if found[1] in (used.title, used.type) and found[2] in used.inputs:
                given = used.inputs[found[2]]
                if isinstance(given, (str, int, float)):
                    return re.sub(r'[/?<>\\:*|"\x00-\x1f]', "_", str(given))
        return found[0]

    return re.sub(r"%([^%.]+)\.([^%]+)%", value, text)


# ── sizes ──────────────────────────────────────────────────────────────────────────────────────


def _scale(build: Build) -> Any:
    width, height = build["width"], build["height"]
    if width == 0 and height == 0:
        return build["image"]
    if width == 0 or height == 0:
        width, height = _proportional(build, width, height)
    type = "image_edit.cover" if build.literal("crop") == "center" else "image_edit.resize"
    ports = {"width": width, "height": height, "filter": filter_name(build, "upscale_method")}
    return build.add(type, image=build["image"], **ports).image


def _proportional(build: Build, width: Any, height: Any) -> tuple[Any, Any]:
    """Both sides, where one is 0: as the picture's own are to each other."""
    size = build.add("image.size", image=build["image"])
    known, own, other = (height, size.height, size.width)
    if height == 0:
        known, own, other = width, size.width, size.height
    side = build.add("math.expression", expression="max(1, a * b / c)", a=known, b=other, c=own)
    whole = build.add("rounding.nearest", value=side["value"])["value"]
    return (whole, height) if width == 0 else (width, whole)


def _scale_by(build: Build) -> Any:
    name = filter_name(build, "upscale_method")
    ports = {"image": build["image"], "factor": build["scale_by"], "filter": name}
    return build.add("image_edit.resize_by", **ports).image


def _total(build: Build) -> Any:
    name, size = filter_name(build, "upscale_method"), build["megapixels"]
    ports = {"image": build["image"], "megapixels": size, "filter": name}
    return build.add("image_transform.to_megapixels", **ports).image


def _longest(build: Build) -> Any:
    name, length = filter_name(build, "upscale_method"), build["largest_size"]
    ports = {"image": build["image"], "length": length, "filter": name}
    return build.add("image_transform.longest_side", **ports).image


def _padded(build: Build) -> Any:
    return build.add(
        "image_transform.fit_padded",
        image=build["image"],
        width=build["target_width"],
        height=build["target_height"],
        filter=filter_name(build, "interpolation"),
        colour=_COLOURS[build.literal("padding_color")],
    ).image


def _stitch(build: Build) -> Any:
    if build["image2"] is None:
        return build["image1"]
    if not build.literal("match_image_size"):
        build.warn("the second picture is scaled to the first one's height or width")
    return build.add(
        "image_transform.stitch",
        image=build["image1"],
        other=build["image2"],
        side=_SIDES[build.literal("direction")],
        gap=build["spacing_width"],
        colour=_COLOURS[build.literal("spacing_color")],
    ).image


def _rotate(build: Build) -> Any:
    turns = _TURNS[build.literal("rotation")]
    return build.add("image_edit.rotate", image=build["image"], quarters=turns).image


def _flip(build: Build) -> Any:
    way = "vertical" if build.literal("flip_method").startswith("x") else "horizontal"
    return build.add(f"image_edit.flip_{way}", image=build["image"]).image


# ── what is in them ────────────────────────────────────────────────────────────────────────────


def _batch(build: Build) -> Any:
    images = [build["image1"], build["image2"]]
    return build.add("image_batch.of_any_size", images=images, how="cover").image


def _empty(build: Build) -> Any:
    ports = {"width": build["width"], "height": build["height"]}
    colour = colour_name(build.literal("color"))
    image = build.add("image.solid", colour=colour, **ports).image
    if build["batch_size"] == 1:
        return image
    return build.add("image_batch.repeat", image=image, times=build["batch_size"]).image


def _paste(build: Build) -> Any:
    below, above = build["destination"], build["source"]
    if build.literal("resize_source"):
        size = build.add("image.size", image=below)
        sides = {"width": size.width, "height": size.height}
        above = build.add("image_edit.resize", image=above, filter="bilinear", **sides).image
    if build["mask"] is None:
        left, top = build["x"], build["y"]
        return build.add("image_edit.paste", image=below, part=above, left=left, top=top).image
    if build["x"] != 0 or build["y"] != 0:
        text = "a picture with a mask is laid over the whole of the other here"
        build.refuse("mask", text, "give both the same size, and x and y 0")
    return build.add("image_blend.composite", base=below, top=above, mask=build["mask"]).image


def _quantise(build: Build) -> Any:
    dither = build.literal("dither").replace("-", "_")
    ports = {"image": build["image"], "colours": build["colors"], "dither": dither}
    return build.add("image_colour.quantise", **ports).image


def _morphology(build: Build) -> Any:
    radius = (build.literal("kernel_size") - 1) // 2
    how = build.literal("operation")
    return build.add(
        "image_filter.morphology", image=build["image"], operation=how, radius=radius
    ).image


def _to_yuv(build: Build) -> Any:
    made = build.add("image_colour.to_ycc", image=build["image"])
    parts = (made.luma, made.blue, made.red)
    return tuple(build.add("mask.to_image", mask=part).image for part in parts)


def _from_yuv(build: Build) -> Any:
    luma, blue, red = (
        build.add("mask.from_channel", image=build[name], channel="red").mask for name in "YUV"
    )
    return build.add("image_colour.from_ycc", luma=luma, blue=blue, red=red).image


def _join_alpha(build: Build) -> Any:
    alpha = build.add("mask.invert", mask=build["alpha"]).mask
    return build.add("image_channels.add_alpha", image=build["image"], alpha=alpha).image


_I = "image: IMAGE"

NODES: list[ComfyNode] = [
    node("LoadImage", "image", "image: {@input}", "IMAGE, MASK", _load),
    node(
        "LoadImageOutput",
        "image",
        "image: {@output}",
        "IMAGE, MASK",
        _load_output,
        experimental=True,
    ),
    node("SaveImage", "image", f"images: IMAGE; {_PREFIX}", "", _save, output_node=True),
    node("PreviewImage", "image", "images: IMAGE", "", _preview, output_node=True),
    node(
        "SaveAnimatedWEBP",
        "image/animation",
        f"images: IMAGE; {_PREFIX}; fps: FLOAT=6.0[0.01..1000]/0.01; lossless: BOOLEAN=True; "
        "quality: INT=80[0..100]; method: {default|fastest|slowest}",
        "",
        _animated("save.animated_webp", "fps", "lossless", "quality"),
        output_node=True,
    ),
    node(
        "SaveAnimatedPNG",
        "image/animation",
        f"images: IMAGE; {_PREFIX}; fps: FLOAT=6.0[0.01..1000]/0.01; compress_level: INT=4[0..9]",
        "",
        _animated("save.animated_png", "fps"),
        output_node=True,
    ),
    simple("ImageInvert", "image", _I, "IMAGE", "image_adjust.invert", "image", "image"),
    node("ImageBatch", "image", "image1: IMAGE; image2: IMAGE", "IMAGE", _batch),
    simple(
        "ImagePadForOutpaint",
        "image",
        f"{_I}; left: INT=0[0..16384]/8; top: INT=0[0..16384]/8; right: INT=0[0..16384]/8; "
        "bottom: INT=0[0..16384]/8; feathering: INT=40[0..16384]",
        "IMAGE, MASK",
        "image_pad.outpaint",
        "image left top right bottom feather=feathering",
        "image mask",
        title="Pad Image for Outpainting",
    ),
    node(
        "EmptyImage",
        "image",
        f"{_SIZE}; batch_size: INT=1[1..4096]; color: INT=0[0..16777215]",
        "IMAGE",
        _empty,
    ),
    node(
        "ImageCompositeMasked",
        "image",
        "destination: IMAGE; source: IMAGE; x: INT=0[0..16384]; y: INT=0[0..16384]; "
        "resize_source: BOOLEAN=False ? mask: MASK",
        "IMAGE",
        _paste,
    ),
    simple(
        "ImageAddNoise",
        "image",
        f"{_I}; seed: INT=0{WIDE}; strength: FLOAT=0.5[0..1]/0.01",
        "IMAGE",
        "image_filter.add_noise",
        "image seed strength",
        "image",
        differs="the noise of a seed is another one",
    ),
    simple(
        "GetImageSize",
        "image",
        _I,
        "INT width, INT height, INT batch_size",
        "image.size",
        "image",
        "width height batch",
    ),
    simple(
        "RepeatImageBatch",
        "image/batch",
        f"{_I}; amount: INT=1[1..4096]",
        "IMAGE",
        "image_batch.repeat",
        "image times=amount",
        "image",
    ),
    simple(
        "ImageFromBatch",
        "image/batch",
        f"{_I}; batch_index: INT=0[0..4095]; length: INT=1[1..4096]",
        "IMAGE",
        "image_batch.slice",
        "image start=batch_index length",
        "image",
    ),
    node("ImageRGBToYUV", "image/batch", _I, "IMAGE Y, IMAGE U, IMAGE V", _to_yuv),
    node("ImageYUVToRGB", "image/batch", "Y: IMAGE; U: IMAGE; V: IMAGE", "IMAGE", _from_yuv),
    simple(
        "ImageBlend",
        "image/postprocessing",
        "image1: IMAGE; image2: IMAGE; blend_factor: FLOAT=0.5[0..1]/0.01; "
        "blend_mode: {normal|multiply|screen|overlay|soft_light|difference}",
        "IMAGE",
        "image_blend.blend",
        "base=image1 top=image2 opacity=blend_factor mode=blend_mode",
        "image",
    ),
    simple(
        "ImageBlur",
        "image/postprocessing",
        f"{_I}; blur_radius: INT=1[1..31]; sigma: FLOAT=1.0[0.1..10]/0.1",
        "IMAGE",
        "image_adjust.blur",
        "image sigma",
        "image",
        differs="the blur reaches as far as sigma says; blur_radius does not cut it off",
    ),
    node(
        "ImageQuantize",
        "image/postprocessing",
        f"{_I}; colors: INT=256[1..256]; "
        "dither: {none|floyd-steinberg|bayer-2|bayer-4|bayer-8|bayer-16}",
        "IMAGE",
        _quantise,
    ),
    node(
        "Morphology",
        "image/postprocessing",
        f"{_I}; operation: {{erode|dilate|open|close|gradient|bottom_hat|top_hat}}; "
        "kernel_size: INT=3[3..999]",
        "IMAGE",
        _morphology,
        title="ImageMorphology",
    ),
    simple(
        "Canny",
        "image/preprocessors",
        f"{_I}; low_threshold: FLOAT=0.4[0.01..0.99]/0.01; "
        "high_threshold: FLOAT=0.8[0.01..0.99]/0.01",
        "IMAGE",
        "preprocess.canny",
        "image low=low_threshold high=high_threshold",
        "image",
        {"sigma": 1.0},
    ),
    simple(
        "ImageCrop",
        "image/transform",
        f"{_I}; {_SIZE}; x: INT=0[0..16384]; y: INT=0[0..16384]",
        "IMAGE",
        "image_edit.crop",
        "image width height left=x top=y",
        "image",
    ),
    node(
        "ImageStitch",
        "image/transform",
        f"image1: IMAGE; direction: {{{'|'.join(_SIDES)}}}; match_image_size: BOOLEAN=True; "
        f"spacing_width: INT=0[0..1024]/2; spacing_color: {{{'|'.join(_COLOURS)}}} ? image2: IMAGE",
        "IMAGE",
        _stitch,
    ),
    node(
        "ResizeAndPadImage",
        "image/transform",
        f"{_I}; target_width: INT=512[1..16384]; target_height: INT=512[1..16384]; "
        "padding_color: {white|black}; "
        "interpolation: {area|bicubic|nearest-exact|bilinear|lanczos}",
        "IMAGE",
        _padded,
        differs=SHRINKS,
    ),
    node(
        "ImageRotate",
        "image/transform",
        f"{_I}; rotation: {{{'|'.join(_TURNS)}}}",
        "IMAGE",
        _rotate,
    ),
    node(
        "ImageFlip",
        "image/transform",
        f"{_I}; flip_method: {{x-axis: vertically|y-axis: horizontally}}",
        "IMAGE",
        _flip,
    ),
    node(
        "ImageScale",
        "image/upscaling",
        f"{_I}; upscale_method: {PICTURE_FILTERS}; width: INT=512[0..16384]; "
        "height: INT=512[0..16384]; crop: {disabled|center}",
        "IMAGE",
        _scale,
        title="Upscale Image",
        differs=SHRINKS,
    ),
    node(
        "ImageScaleBy",
        "image/upscaling",
        f"{_I}; upscale_method: {PICTURE_FILTERS}; scale_by: FLOAT=1.0[0.01..8]/0.01",
        "IMAGE",
        _scale_by,
        title="Upscale Image By",
        differs=SHRINKS,
    ),
    node(
        "ImageScaleToTotalPixels",
        "image/upscaling",
        f"{_I}; upscale_method: {PICTURE_FILTERS}; megapixels: FLOAT=1.0[0.01..16]/0.01",
        "IMAGE",
        _total,
        differs=SHRINKS,
    ),
    node(
        "ImageScaleToMaxDimension",
        "image/upscaling",
        f"{_I}; upscale_method: {{area|lanczos|bilinear|nearest-exact|bicubic}}; "
        "largest_size: INT=512[0..16384]",
        "IMAGE",
        _longest,
        differs=SHRINKS,
    ),
    simple(
        "ImageUpscaleWithModel",
        "image/upscaling",
        "upscale_model: UPSCALE_MODEL; image: IMAGE",
        "IMAGE",
        "upscale.image",
        "upscaler=upscale_model image",
        "image",
        {"tile": 512, "overlap": 32},
        title="Upscale Image (using Model)",
    ),
    node("JoinImageWithAlpha", "mask/compositing", f"{_I}; alpha: MASK", "IMAGE", _join_alpha),
]
