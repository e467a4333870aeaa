"""The blocks of a denoiser by the names that people use: IN04, M00, OUT11; B07 and S21 in a
transformer; and a strength for each.

A UNet's are numbered as in Stable Diffusion's own code, on the way in, in the middle and on the way
out. BASE is all that is in none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import nn

from nodes.diffusion.adapters.original_names import layer_paths, unet_names

BASE = "BASE"
_NUMBERED = re.compile(r"(single_)?\w*blocks\.(\d+)\.")
_UNET = re.compile(r"(input|middle|output)_blocks?\.(\d+)\.")
_SIDES = {"input": "IN", "output": "OUT"}


class BlocksError(ValueError):
    """A text that gives no strength per block."""


def block_teller(network: nn.Module) -> Callable[[str], str]:
    """Tells by a layer's path, or a weight's name, which block it is in."""
    if type(network).__name__ != "UNet2DConditionModel":
        return _numbered_block
    found = {path: _unet_block(name) for path, name in unet_names(network).items()}
    return lambda name: found.get(name) or found.get(name.rpartition(".")[0], BASE)


def block_names(network: nn.Module) -> list[str]:
    """The blocks in the order in which x passes them, BASE first."""
    found = set(map(block_teller(network), layer_paths(network))) - {BASE}
    return [BASE, *sorted(found, key=_order)]


def strengths_of(text: str, network: nn.Module, rest: float = 1.0) -> dict[str, float]:
    """What a text gives each block of a network.

    `IN04=0.5, IN05-IN08=0.2, M00=1, OUT*=0`: later ones win, `*` alone is all, and what is not
    named has `rest`. Or numbers alone: as many as there are blocks with BASE, or as those with
    attention and BASE (17 in Stable Diffusion 1, 12 in XL), in their order.

    Raises:
        BlocksError: no such block, or another number of numbers.
    """
    names = block_names(network)
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    found = dict.fromkeys(names, rest)
    if parts and all("=" not in part for part in parts):
        return {**found, **_in_order(parts, names, network)}
    for part in parts:
        pattern, _, number = part.partition("=")
        for name in _meant(pattern, names):
            found[name] = _number(number)
    return found


def _in_order(parts: list[str], names: list[str], network: nn.Module) -> dict[str, float]:
    block_of = block_teller(network)
    attentive = {block_of(path) for path in layer_paths(network) if "attn" in path}
    short = [name for name in names if name in attentive or name == BASE]
    for known in (names, short):
        if len(parts) == len(known):
            return dict(zip(known, map(_number, parts), strict=True))
    both = f"{len(names)} ({', '.join(names)})"
    if len(short) != len(names):
        both += f" or {len(short)} ({', '.join(short)})"
    raise BlocksError(f"{len(parts)} numbers, where this model has {both}")


def _meant(pattern: str, names: list[str]) -> list[str]:
    first, dash, last = pattern.partition("-")
    if pattern.endswith("*"):
        found = [name for name in names if name.startswith(pattern[:-1])]
    elif dash and first in names and last in names:
        found = names[names.index(first) : names.index(last) + 1]
    else:
        found = [name for name in names if name == pattern]
    if not found:
        raise BlocksError(f"{pattern!r}, where this model has {', '.join(names)}")
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BlocksError(f"{text!r} where a number stands, as in IN04=0.5") from None


def _unet_block(name: str) -> str:
    match = _UNET.match(name)
    if not match:
        return BASE
    return "M00" if match[1] == "middle" else f"{_SIDES[match[1]]}{int(match[2]):02d}"


def _numbered_block(path: str) -> str:
    match = _NUMBERED.match(path)
    if not match:
        return BASE
    return f"{'S' if match[1] else 'B'}{int(match[2]):02d}"


def _order(name: str) -> tuple[int, str]:
    return "IMOBS".index(name[0]), name
