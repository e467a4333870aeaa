"""Pictures as a whole: made, counted, batched, laid out, saved. Imports no torch."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Colour, NewPath, Number, Slider
from nodes.image_checks import colour_values, same_sizes
from nodes.types import Image


class Size(NamedTuple):
    width: int
    height: int
    batch: int


@node("image.solid")
def solid(
    width: Annotated[int, Number(1, 16384, unit="px")] = 512,
    height: Annotated[int, Number(1, 16384, unit="px")] = 512,
    colour: Annotated[str, Colour()] = "#808080",
) -> Image:
    """Make a picture of one colour, [1, height, width, 3]."""
    import torch

    from nodes.diffusion.pixels import canvas

    return Image(canvas(torch.empty(1, 1, 1, 3), height, width, colour_values(colour, "colour")))


@node("image.size")
def size(image: Image) -> Size:
    """Tell the width and height in pixels, and how many pictures the batch has."""
    count, height, width, _ = image.pixels.shape
    return Size(width, height, count)


@node("image.batch")
def batch(images: list[Image]) -> Image:
    """Join pictures of one size into one batch, in order: [B1 + B2 + ..., H, W, C].

    Sizes and channels must agree; the error names the first picture that differs.
    """
    import torch

    parts = [image.pixels for image in images]
    same_sizes(parts, "images")
    return Image(torch.cat([part.to(parts[0].device) for part in parts]))


@node("image.pick")
def pick(image: Image, index: int = 0) -> Image:
    """Take one picture out of a batch, [1, H, W, C]; -1 is the last."""
    count = image.pixels.shape[0]
    if not -count <= index < count:
        raise InputError("index", str(index), f"{-count}..{count - 1}, as the batch has {count}")
    k = index % count
    return Image(image.pixels[k : k + 1].clone())


@node("image.split")
def split(image: Image) -> list[Image]:
    """Take a batch apart: B pictures of [1, H, W, C] in order. `image.batch` puts them together."""
    return [Image(part.clone()) for part in image.pixels.split(1)]


@node("image.grid")
def grid(
    image: Image,
    columns: Annotated[int, Number(0, 1000)] = 0,
    gap: Annotated[int, Slider(0, 128, unit="px")] = 8,
    background: Annotated[str, Colour()] = "#ffffff",
) -> Image:
    """Lay a batch out as one picture, row by row.

    `columns` 0 makes it about square: ceil(sqrt(B)). [B, H, W, C] becomes
    [1, rows * (H + gap) - gap, columns * (W + gap) - gap, C]; empty cells show the background.
    """
    from nodes.diffusion import pixels

    paper = colour_values(background, "background")
    return Image(pixels.grid(image.pixels, columns, gap, paper))


@node("image.labelled_grid")
def labelled_grid(
    image: Image,
    labels: list[str],
    columns: Annotated[int, Number(0, 1000)] = 0,
    gap: Annotated[int, Slider(0, 128, unit="px")] = 8,
    text_size: Annotated[int, Slider(6, 96, unit="px")] = 14,
    background: Annotated[str, Colour()] = "#ffffff",
    text_colour: Annotated[str, Colour()] = "#000000",
) -> Image:
    """Lay a batch out as in `image.grid`, each picture with its label under it.

    One label per picture; labels that are too wide are wrapped. Latin letters only.
    """
    from nodes.diffusion import pixels

    count = image.pixels.shape[0]
    if len(labels) != count:
        raise InputError("labels", f"{len(labels)} labels", f"{count}, one per picture")
    paper, ink = colour_values(background, "background"), colour_values(text_colour, "text_colour")
    cells = pixels.labelled(image.pixels, labels, text_size, paper, ink)
    return Image(pixels.grid(cells, columns, gap, paper))


@node("image.preview")
def preview(image: Image, longest: Annotated[int, Number(16, 4096, unit="px")] = 512) -> Image:
    """Shrink the picture to look at: its longer side becomes at most `longest`.

    Never enlarged; area averaged. Nothing is saved.
    """
    from nodes.diffusion.pixels import resized

    _, height, width, _ = image.pixels.shape
    scale = min(1.0, longest / max(height, width))
    target = max(1, round(width * scale)), max(1, round(height * scale))
    return Image(resized(image.pixels, *target, "area"))


@node("image.save", writes=True, output="paths")
def save(
    image: Image, name: Annotated[str, NewPath()] = "picture", *, ctx: RunContext
) -> list[str]:
    """Save each picture of the batch as a PNG with the next free number and the graph inside.

    `picture_00001.png`, `picture_00002.png` … in the run's output folder; `name` may have folders.
    Nothing is ever overwritten. If the newest files already hold exactly these bytes, as after the
    same run twice, no second copy is written. 8 bit, rounded half to even. Returns the paths.
    Other formats and animations are `save.*`.
    """
    from nodes.image_files import encode_pictures
    from nodes.numbered_files import save_numbered

    files = encode_pictures(image.pixels, "image", ctx.metadata)
    return save_numbered(ctx.output_dir, name, files, (".png",))


@node("image.save_as", writes=True, output="paths")
def save_as(
    image: Image,
    name: Annotated[str, NewPath()] = "picture",
    replace: bool = False,
    *,
    ctx: RunContext,
) -> list[str]:
    """Save under exactly this name: `name.png`, or `name_000.png` … for a batch of several.

    For runs by a table or a script, where the name is a parameter. A file that already holds the
    same bytes is left; a different one is replaced only where `replace` says so, and otherwise
    nothing at all is written. 8 bit, rounded half to even. Returns the paths.
    """
    from nodes.image_files import encode_pictures, numbered
    from nodes.whole_files import stem_inside, write_whole

    files = encode_pictures(image.pixels, "image", ctx.metadata)
    paths = numbered(stem_inside(ctx.output_dir, name), len(files))
    pairs = [
        (path, data)
        for path, data in zip(paths, files, strict=True)
        if not (path.is_file() and path.read_bytes() == data)
    ]
    for path, _ in pairs:
        if path.exists() and not replace:
            hint = "choose another name, set replace, or use image.save, which counts on"
            raise InputError("name", f"{path}, a different picture", "a free name", hint)
    for path, data in pairs:
        write_whole(path, data)
    return [str(path) for path in paths]
