"""What the training nodes hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch


@socket("scenes", colour="#c8b560", persist=False)
@dataclass(frozen=True, eq=False)
class SceneSet:
    """Specifications of drawn scenes to train on, by kind: `centered`, `positioned`, `pair`."""

    by_kind: Mapping[str, tuple[Any, ...]]

    @property
    def scenes(self) -> tuple[Any, ...]:
        """All kinds in one row."""
        return tuple(scene for part in self.by_kind.values() for scene in part)


@socket("encoded", colour="#d6a0c8", persist=False)
@dataclass(frozen=True, eq=False)
class EncodedScenes:
    """Scenes with their scaled latents [N, 4, H, W], by kind."""

    by_kind: Mapping[str, tuple[tuple[Any, ...], torch.Tensor]]


@socket("examples", colour="#c9a0b4", persist=False)
@dataclass(frozen=True, eq=False)
class Examples:
    """Pictures to train an adapter on, as latents, each with what may be said of it.

    `latents` [N, C, H, W], scaled; picture k has the phrasings `captions[k]`. `hints` are pictures
    of what a ControlNet is given, uint8 [N, 8 H, 8 W, 1 or 3].
    """

    latents: torch.Tensor
    captions: tuple[tuple[str, ...], ...]
    hints: torch.Tensor | None = None


@socket("losses", colour="#a0a0d0")
@dataclass(frozen=True)
class Losses:
    """The loss after each step of a training."""

    values: tuple[float, ...]
