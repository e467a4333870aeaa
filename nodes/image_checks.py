"""What the image and mask nodes ask of what they are given: helpers, no nodes. Imports no torch.

Each raises `InputError` with the port, what was got and what was expected, or returns what may be
computed with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nodeflow.errors import InputError

if TYPE_CHECKING:
    import torch


def colour_values(colour: str, port: str) -> tuple[float, float, float]:
    """`#rrggbb` as three numbers in 0..1."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise InputError(port, repr(colour), "#rrggbb", "for example #ff8800")
    number = int(colour[1:], 16)
    red, green, blue = number >> 16, number >> 8 & 255, number & 255
    return red / 255, green / 255, blue / 255


def size_text(x: torch.Tensor) -> str:
    """`512 x 768 pixels`, width first, of pictures or masks."""
    return f"{x.shape[2]} x {x.shape[1]} pixels"


def check_channels(pixels: torch.Tensor, channels: int, port: str) -> None:
    if pixels.shape[-1] != channels:
        wanted = "3 channels (RGB)" if channels == 3 else "4 channels (RGBA)"
        node = "image_channels.remove_alpha" if channels == 3 else "image_channels.add_alpha"
        raise InputError(port, f"{pixels.shape[-1]} channels", wanted, f"put {node} before it")


def paired(
    first: torch.Tensor, second: torch.Tensor, ports: tuple[str, str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of pictures or masks of one size, the batch of one repeated for the other.

    Raises:
        InputError: heights, widths or batches differ, or channels of two pictures.
    """
    if first.shape[1:3] != second.shape[1:3]:
        hint = f"resize or crop one of {ports[0]} and {ports[1]}"
        raise InputError(ports[1], size_text(second), f"{size_text(first)} as {ports[0]}", hint)
    if first.dim() == second.dim() == 4 and first.shape[-1] != second.shape[-1]:
        check_channels(second, first.shape[-1], ports[1])
    return repeated(first, second, ports)


def repeated(
    first: torch.Tensor, second: torch.Tensor, ports: tuple[str, str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches, where one of them holds one picture as often as the other has pictures."""
    batch = max(first.shape[0], second.shape[0])
    if {first.shape[0], second.shape[0]} - {1, batch}:
        expected = f"1 or {first.shape[0]}, as many as {ports[0]}"
        raise InputError(ports[1], f"{second.shape[0]} in the batch", expected)
    return (
        first.expand(batch, *first.shape[1:]),
        second.to(first.device).expand(batch, *second.shape[1:]),
    )


def inside(
    x: torch.Tensor, left: int, top: int, width: int, height: int
) -> tuple[slice, slice, slice]:
    """The part of [B, H, W, ...] that begins at (left, top), as an index; it must be there."""
    if not (left >= 0 and width >= 1 and left + width <= x.shape[2]):
        got = f"left {left} and width {width}"
        raise InputError("width", got, f"a part of 0..{x.shape[2]}", "pad first, or take less")
    if not (top >= 0 and height >= 1 and top + height <= x.shape[1]):
        got = f"top {top} and height {height}"
        raise InputError("height", got, f"a part of 0..{x.shape[1]}", "pad first, or take less")
    return slice(None), slice(top, top + height), slice(left, left + width)


def same_sizes(batches: Sequence[torch.Tensor], port: str) -> None:
    """At least one batch, and all of one size and as many channels; the error names the odd one."""
    if not batches:
        raise InputError(port, "an empty list", "at least one")
    for k, other in enumerate(batches):
        if other.shape[1:] != batches[0].shape[1:]:
            got = f"{_described(other)} at index {k}"
            expected = f"{_described(batches[0])} as at index 0"
            alike = other.shape[1:3] == batches[0].shape[1:3]
            alpha = "put image_channels.remove_alpha or image_channels.add_alpha before it"
            hint = alpha if alike else "resize, crop or pad it before"
            raise InputError(port, got, expected, hint)


def _described(x: torch.Tensor) -> str:
    return f"{size_text(x)}, {x.shape[3]} channels" if x.dim() == 4 else size_text(x)
