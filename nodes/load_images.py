"""Folders of pictures, as lists and as batches. Imports no torch."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from nodeflow.confinement import why_not
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, FilePath, Number, Text
from nodes.types import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff")

Folder = Annotated[str, FilePath(folder=True)]
Pattern = Annotated[str, Text(placeholder="*.png")]
Start = Annotated[int, Number(0, 1_000_000)]
Limit = Annotated[int, Number(0, 1_000_000)]


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key that puts `step 2` before `step 10`: numbers as numbers, letters without case."""
    parts: list[tuple[int, int, str]] = []
    for character in name.lower():
        digit = character in "0123456789"
        if digit and parts and parts[-1][0] == 0:
            parts[-1] = (0, parts[-1][1] * 10 + int(character), "")
        elif digit:
            parts.append((0, int(character), ""))
        else:
            parts.append((1, 0, character))
    return parts


def _files(params: Mapping[str, Any]) -> list[Path]:
    """The pictures that a node of this module would read; each one's content counts in its key."""
    folder = Path(str(params["folder"])).expanduser()
    pattern = str(params.get("pattern", "*"))
    start, limit = int(params.get("start", 0)), int(params.get("limit", 0))
    if not folder.is_dir():
        found = "a file" if folder.is_file() else "nothing there"
        raise FileNotFoundError(f"folder: got {folder}: {found}, expected a folder; check the path")
    paths = [Path(entry.path) for entry in os.scandir(folder) if entry.is_file()]
    pictures = [path for path in paths if path.suffix.lower() in SUFFIXES and not why_not(path)]
    chosen = [path for path in pictures if fnmatch.fnmatch(path.name.lower(), pattern.lower())]
    chosen.sort(key=lambda path: (_natural(path.name), path.name))
    chosen = chosen[start:]
    return chosen[:limit] if limit else chosen


def _found(folder: str, pattern: str, start: int, limit: int) -> list[Path]:
    params = {"folder": folder, "pattern": pattern, "start": start, "limit": limit}
    paths = _files(params)
    if not paths:
        got = f"{folder}: no picture called {pattern!r}" + (f" after {start}" if start else "")
        raise InputError("pattern", got, f"files that end as {', '.join(SUFFIXES)}")
    return paths


@node("load_images.from_folder", reads=_files, output="images")
def from_folder(
    folder: Folder,
    pattern: Pattern = "*",
    start: Start = 0,
    limit: Limit = 0,
    *,
    ctx: RunContext,
) -> list[Image]:
    """Open the pictures of a folder, each with its own size.

    In the order of names, `step 2` before `step 10`; `pattern` as in a shell (`cat_*.png`), case
    ignored. `start` leaves out so many, `limit` takes at most so many, 0 all. Not in folders
    within. Each is float32 [1, H, W, 3 or 4] in 0..1, turned upright.
    """
    from nodes.image_files import read_pixels

    paths = _found(folder, pattern, start, limit)
    images = []
    for k, path in enumerate(paths):
        ctx.progress(k, len(paths))
        images.append(Image(read_pixels(path).to(ctx.device)))
    return images


@node("load_images.batch_from_folder", reads=_files)
def batch_from_folder(
    folder: Folder,
    pattern: Pattern = "*",
    start: Start = 0,
    limit: Limit = 0,
    width: Annotated[int, Number(0, 16384, unit="px")] = 0,
    height: Annotated[int, Number(0, 16384, unit="px")] = 0,
    how: Annotated[str, Choice("cover", "pad", "stretch")] = "cover",
    *,
    ctx: RunContext,
) -> Image:
    """Open the pictures of a folder as one batch, all brought to one size; [N, height, width, 3].

    As `load_images.from_folder`. A side of 0 is that of the first picture. `cover` cuts off what
    stands over, `pad` puts the whole picture on black, `stretch` changes its proportions. What is
    see-through shows on black.
    """
    import torch

    from nodes.diffusion.layout import brought_to
    from nodes.image_files import read_pixels

    paths = _found(folder, pattern, start, limit)
    parts: list[Any] = []
    for k, path in enumerate(paths):
        ctx.progress(k, len(paths))
        pixels = read_pixels(path)
        if pixels.shape[-1] == 4:
            pixels = pixels[..., :3] * pixels[..., 3:]
        width, height = width or pixels.shape[2], height or pixels.shape[1]
        parts.append(brought_to(pixels, width, height, how))
    return Image(torch.cat(parts).to(ctx.device))


@node("load_images.names", reads=_files, volatile=True, output="names")
def names(folder: Folder, pattern: Pattern = "*", start: Start = 0, limit: Limit = 0) -> list[str]:
    """Tell what the pictures of a folder are called, without suffix: labels for a grid of them.

    In the order in which `load_images.from_folder` opens them, and chosen as there. Looked up anew
    in each run, as a name is no part of a file's content.
    """
    return [path.stem for path in _found(folder, pattern, start, limit)]
