"""What a family of models is, and what a recognised file is made of. Imports no torch.

A family's module says, from the names and shapes of a file's tensors alone, whether the file is one
of its own, and if so which networks are in it, of which configuration, and from which tensors each
of their parameters comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.types import NoiseSchedule

Shapes = Mapping[str, tuple[int, ...]]
"""Names and shapes of tensors, as `Header.under` gives them."""


@dataclass(frozen=True)
class Family:
    """What all models of a family have in common.

    `denoiser` is the class of the network. `encoders` are the kinds of its text encoders in
    diffusers' order. `schedule` builds what it was trained on. `scaling` and `shift` are those of
    its latents, `size` the side of the pictures that it was made for.
    """

    name: str
    title: str
    denoiser: str
    encoders: tuple[str, ...]
    schedule: Callable[[], NoiseSchedule]
    prediction: str = "epsilon"
    scaling: float = 0.18215
    shift: float = 0.0
    latent_channels: int = 4
    size: int = 512
    optional: tuple[str, ...] = ()
    """Encoders that a text is read without where a file lacks them."""
    projected: tuple[str, ...] = ("clip_g",)
    """CLIP encoders whose pooled state goes through their projection."""


@dataclass(frozen=True)
class Source:
    """Where one parameter comes from: tensors of the file, and what is made of them if anything.

    `change` gets the tensors in order, in the dtype that is wanted, and returns one.
    """

    names: tuple[str, ...]
    change: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Part:
    """One network in a file: its class and configuration, and a source for each parameter.

    `sources` is parameter name → Source, its names counted from `prefix`. `unread` are tensors
    under the prefix that are known and not needed (lists of positions, a logit scale).
    """

    cls: str
    config: Mapping[str, Any]
    prefix: str
    sources: Mapping[str, Source]
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Detected:
    """What a file was recognised as.

    `parts` are its networks by role: `denoiser`, `vae`, `clip_l`, `clip_h`, `clip_g`, `t5` ...
    What is left None or empty is as the family has it.
    """

    family: Family
    parts: Mapping[str, Part]
    prediction: str | None = None
    schedule: Callable[[], NoiseSchedule] | None = None
    sigma_data: float = 1.0
    latents: LatentStatistics | None = None


@dataclass(frozen=True)
class LatentStatistics:
    """How latents are scaled where each channel has a mean and a spread of its own."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scaling: float


def renamed(shapes: Shapes, rename: Callable[[str], str | None]) -> dict[str, Source]:
    """Sources for tensors that keep their content: `rename` gives a parameter's name, or None for
    a tensor that is not read."""
    found = ((rename(name), name) for name in shapes)
    return {new: Source((old,)) for new, old in found if new is not None}


def chunk(index: int, count: int) -> Callable[[Any], Any]:
    """The index-th of `count` equal parts along the first side: q, k or v of a joint qkv."""
    return lambda tensor: tensor.chunk(count)[index]
