"""Save nodes beside `image.save`: JPEG, WebP, AVIF, and animations. Imports no torch.

All write into the run's output folder under the next free number, and carry the graph, so that
`nodeflow run picture.webp` repeats it. PNG is `image.save`.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.node import node
from nodeflow.widgets import Choice, NewPath, Number, Slider
from nodes.image_checks import check_channels
from nodes.types import Image

Name = Annotated[str, NewPath()]
Quality = Annotated[int, Slider(0, 100, step=1)]
Rate = Annotated[float, Number(0.1, 100, 0.5, "pictures per second")]
Hold = Annotated[float, Slider(0, 10, step=0.1, unit="s")]
Loops = Annotated[int, Number(0, 1000)]


@node("save.jpeg", title="JPEG", writes=True, output="paths")
def jpeg(
    image: Image,
    name: Name = "picture",
    quality: Quality = 90,
    subsampling: Annotated[str, Choice("4:4:4", "4:2:2", "4:2:0")] = "4:4:4",
    *,
    ctx: RunContext,
) -> list[str]:
    """Save each picture of the batch as a JPEG with the next free number and the graph inside.

    `picture_00001.jpg` … RGB alone. `subsampling` tells at what resolution colour is kept: 4:2:0
    has half of it each way. The graph is in EXIF's UserComment, which holds 64 KB; a longer one is
    packed. Nothing is overwritten; equal to the newest files, no second copy is written.
    """
    from nodes.numbered_files import save_numbered
    from nodes.picture_formats import encoded, frames

    check_channels(image.pixels, 3, "image")
    options = {"quality": quality, "subsampling": subsampling, "optimize": True}
    files = [encoded(p, "JPEG", ctx.metadata, **options) for p in frames(image.pixels, "image")]
    return save_numbered(ctx.output_dir, name, files, (".jpg", ".jpeg"))


@node("save.webp", title="WebP", writes=True, output="paths")
def webp(
    image: Image,
    name: Name = "picture",
    quality: Quality = 90,
    lossless: bool = False,
    effort: Annotated[int, Slider(0, 6, step=1)] = 4,
    *,
    ctx: RunContext,
) -> list[str]:
    """Save each picture of the batch as a WebP with the next free number and the graph inside.

    `picture_00001.webp` … RGB or RGBA. `lossless` keeps every byte, also under what is
    see-through; `effort` is time for size. The graph is in EXIF's UserComment.
    """
    from nodes.numbered_files import save_numbered
    from nodes.picture_formats import encoded, frames

    options = {"quality": quality, "lossless": lossless, "method": effort, "exact": lossless}
    files = [encoded(p, "WEBP", ctx.metadata, **options) for p in frames(image.pixels, "image")]
    return save_numbered(ctx.output_dir, name, files, (".webp",))


@node("save.avif", title="AVIF", writes=True, output="paths")
def avif(
    image: Image,
    name: Name = "picture",
    quality: Quality = 80,
    speed: Annotated[int, Slider(0, 10, step=1)] = 6,
    *,
    ctx: RunContext,
) -> list[str]:
    """Save each picture of the batch as an AVIF with the next free number and the graph inside.

    `picture_00001.avif` … RGB or RGBA; about half of a JPEG's size. A slower `speed` makes it
    smaller. Needs Pillow 11.3 or later. The graph is in EXIF's UserComment.
    """
    from nodes.numbered_files import save_numbered
    from nodes.picture_formats import encoded, frames

    options = {"quality": quality, "speed": speed, "subsampling": "4:4:4"}
    files = [encoded(p, "AVIF", ctx.metadata, **options) for p in frames(image.pixels, "image")]
    return save_numbered(ctx.output_dir, name, files, (".avif",))


def _durations(count: int, fps: float, hold: float) -> list[int]:
    """Milliseconds that each picture stays, the last one longer by `hold` seconds."""
    each = max(1, round(1000 / fps))
    return [*[each] * (count - 1), each + round(1000 * hold)]


@node("save.animated_webp", title="Animated WebP", writes=True, output="paths")
def animated_webp(
    image: Image,
    name: Name = "animation",
    fps: Rate = 8.0,
    hold: Hold = 1.0,
    loops: Loops = 0,
    quality: Quality = 90,
    lossless: bool = False,
    *,
    ctx: RunContext,
) -> list[str]:
    """Save the batch as one animation, a picture after the other; the graph inside.

    `animation_00001.webp`. The last picture stays `hold` seconds longer; `loops` 0 goes on for
    ever. A list of pictures becomes a batch by `image.batch`.
    """
    from nodes.numbered_files import save_numbered
    from nodes.picture_formats import animated, frames

    pictures = frames(image.pixels, "image")
    times = _durations(len(pictures), fps, hold)
    options = {"quality": quality, "lossless": lossless, "minimize_size": True}
    data = animated(pictures, "WEBP", times, loops, ctx.metadata, **options)
    return save_numbered(ctx.output_dir, name, [data], (".webp",))


@node("save.animated_gif", title="Animated GIF", writes=True, output="paths")
def animated_gif(
    image: Image,
    name: Name = "animation",
    fps: Rate = 8.0,
    hold: Hold = 1.0,
    loops: Loops = 0,
    colours: Annotated[int, Slider(2, 256, step=1)] = 256,
    dither: Annotated[str, Choice("none", "floyd_steinberg")] = "floyd_steinberg",
    *,
    ctx: RunContext,
) -> list[str]:
    """Save the batch as one GIF that moves, a picture after the other; the graph inside.

    `animation_00001.gif`, RGB. Each picture has a palette of its own of at most `colours`. Times
    are in hundredths of a second, 50 pictures a second at most. `hold` and `loops` as in
    `save.animated_webp`; the graph is in the GIF's comment.
    """
    from nodes.diffusion.quantising import indexed
    from nodes.numbered_files import save_numbered
    from nodes.picture_formats import animated, frames

    check_channels(image.pixels, 3, "image")
    pictures = [indexed(p, colours, "median_cut", dither) for p in frames(image.pixels, "image")]
    times = [max(20, round(t, -1)) for t in _durations(len(pictures), fps, hold)]
    data = animated(pictures, "GIF", times, loops, ctx.metadata, disposal=1, optimize=False)
    return save_numbered(ctx.output_dir, name, [data], (".gif",))


@node("save.animated_png", title="Animated PNG", writes=True, output="paths")
def animated_png(
    image: Image,
    name: Name = "animation",
    fps: Rate = 8.0,
    hold: Hold = 1.0,
    loops: Loops = 0,
    *,
    ctx: RunContext,
) -> list[str]:
    """Save the batch as one PNG that moves, every byte kept; the graph inside.

    `animation_00001.png`; a program that knows no animated PNG shows the first picture. `hold` and
    `loops` as in `save.animated_webp`.
    """
    from nodes.numbered_files import save_numbered
    from nodes.picture_formats import animated, frames

    pictures = frames(image.pixels, "image")
    times = _durations(len(pictures), fps, hold)
    data = animated(pictures, "PNG", times, loops, ctx.metadata)
    return save_numbered(ctx.output_dir, name, [data], (".png",))
