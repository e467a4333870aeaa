"""What the translations of several topics share."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build, Later, Wire

CROP = "crop: {disabled|center}"
PICTURE_FILTERS = "{nearest-exact|bilinear|area|bicubic|lanczos}"
LATENT_FILTERS = "{nearest-exact|bilinear|area|bicubic|bislerp}"
WIDE = "[0..18446744073709551615]"
"""Seeds go up to 2^64 - 1."""
SHRINKS = "pictures are smoothed where they shrink, which ComfyUI does with area and lanczos only"


def filter_name(build: Build, port: str) -> str:
    """A way to scale, as ours are called."""
    name = build.literal(port)
    if name == "bislerp":
        build.warn("there is no bislerp here; latents are scaled by bicubic", "use bicubic")
        return "bicubic"
    return "nearest" if name == "nearest-exact" else str(name)


def colour_name(number: int) -> str:
    """`#rrggbb` of a number as 0xrrggbb."""
    return f"#{number:06x}"


def whole_eighths(build: Build, port: str, least: int = 0) -> Any:
    """Pixels cut to whole latent pixels, as ComfyUI cuts them."""
    value = build[port]
    return value if isinstance(value, Wire) else max(value // 8 * 8, least)


def minus(build: Build, value: Any, role: str = "rest") -> Any:
    """1 - value, worked out now where it is a number."""
    if isinstance(value, Wire):
        return build.add("math.subtract", role, a=1.0, b=value)["value"]
    return round(1.0 - float(value), 12)


def canvas_size(build: Build) -> tuple[int, int]:
    """Width and height of the pictures that a prompt draws, where all its empty latents agree: a
    place in pixels is a share of them."""
    sizes = set()
    for node in build.prompt.values():
        if node.type.startswith("Empty") and node.type.endswith("LatentImage"):
            sides = node.inputs.get("width"), node.inputs.get("height")
            if all(isinstance(side, int) for side in sides):
                sizes.add((int(sides[0]) // 8 * 8, int(sides[1]) // 8 * 8))  # type: ignore[arg-type]
    if len(sizes) != 1:
        text = "a place in pixels needs the picture's size, and no single empty latent tells it"
        build.refuse("width", text, "use the node that takes shares of the picture")
    return sizes.pop()


def made_for(value: Any, **given: Wire) -> Any:
    """A value that may wait for what it needs: given that, it is made."""
    if not isinstance(value, Later):
        return value
    wanted = (*value.needs, *(name for name in value.likes if name in given))
    return value(**{name: given[name] for name in wanted})
