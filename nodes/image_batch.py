"""Batches and lists of pictures: cut, repeated, ordered, brought to one size. Imports no torch.

`image.batch`, `image.split` and `image.pick` join, take apart and take one; lists are `list.*`.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number
from nodes.image_checks import same_sizes
from nodes.types import Image

Count = Annotated[int, Number(1, 100_000)]


@node("image_batch.slice")
def slice(image: Image, start: int = 0, length: Count = 1) -> Image:
    """Take a run of pictures out of a batch, [length, H, W, C]; a negative start counts back."""
    count = image.pixels.shape[0]
    first = start + count if start < 0 else start
    if not 0 <= first <= count - length:
        raise InputError("start", f"{start} and length {length}", f"a part of 0..{count}")
    return Image(image.pixels[first : first + length].clone())


@node("image_batch.choose")
def choose(image: Image, indices: list[int]) -> Image:
    """Take pictures out of a batch by their numbers, in that order; one may come again.

    Counted from 0, -1 is the last. [len(indices), H, W, C].
    """
    import torch

    count = image.pixels.shape[0]
    wrong = [k for k in indices if not -count <= k < count]
    if wrong or not indices:
        got = str(wrong[0]) if wrong else "an empty list"
        raise InputError("indices", got, f"numbers in {-count}..{count - 1}")
    places = torch.tensor([k % count for k in indices], device=image.pixels.device)
    return Image(image.pixels.index_select(0, places))


@node("image_batch.repeat")
def repeat(image: Image, times: Count = 2) -> Image:
    """Repeat a batch as a whole: a, b twice is a, b, a, b. [times * B, H, W, C]."""
    return Image(image.pixels.repeat(times, 1, 1, 1))


@node("image_batch.reverse")
def reverse(image: Image) -> Image:
    """Turn a batch round: the last picture comes first."""
    return Image(image.pixels.flip(0))


@node("image_batch.back_and_forth")
def back_and_forth(image: Image) -> Image:
    """Let a batch run to its end and back, so that an animation of it closes: a, b, c, b.

    [2 B - 2, H, W, C]; the first and the last picture stand once.
    """
    import torch

    return Image(torch.cat([image.pixels, image.pixels[1:-1].flip(0)]))


@node("image_batch.rebatch")
def rebatch(images: list[Image], size: Count = 4) -> list[Image]:
    """Cut pictures of one size into batches of `size`; the last one holds what is left."""
    import torch

    same_sizes([image.pixels for image in images], "images")
    parts = [image.pixels for image in images]
    whole = torch.cat([part.to(parts[0].device) for part in parts])
    return [Image(part.clone()) for part in whole.split(size)]


@node("image_batch.of_any_size")
def of_any_size(
    images: list[Image],
    width: Annotated[int, Number(0, 16384, unit="px")] = 0,
    height: Annotated[int, Number(0, 16384, unit="px")] = 0,
    how: Annotated[str, Choice("cover", "pad", "stretch")] = "cover",
) -> Image:
    """Join pictures of different sizes into one batch, each brought to one size; alpha is left out.

    [B1 + B2 + ..., height, width, 3]; a side of 0 is that of the first picture. `cover` cuts off
    what stands over, `pad` puts the whole picture on black, `stretch` changes its proportions.
    """
    import torch

    from nodes.diffusion.layout import brought_to

    if not images:
        raise InputError("images", "an empty list", "at least one")
    first = images[0].pixels
    target = width or first.shape[2], height or first.shape[1]
    parts = [brought_to(image.pixels[..., :3], *target, how) for image in images]
    return Image(torch.cat([part.to(first.device) for part in parts]))
