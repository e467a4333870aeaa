"""How a sampler asks, and how it steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodeflow.sockets import socket
from nodes.types.models import Model
from nodes.types.schedules import Step

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Answer:
    """What guidance made of the network's predictions at one step, [B, C, H, W] each.

    `noise` moves the latent. `uncond` is the prediction for the unwanted prompt, or None where
    nobody asked for it: CFG++ steps along it. `cond` is the one for the wanted prompt, where there
    is one such prompt.
    """

    noise: torch.Tensor
    uncond: torch.Tensor | None = None
    cond: torch.Tensor | None = None


@socket("guider", colour="#f0b4d8", shape="square", persist=False, role="model")
@dataclass(frozen=True, eq=False)
class Guider:
    """A model with its prompts and the way in which their predictions become one.

    `ask(x, step)` gives the answer for the noisy latent x [B, C, H, W]; it holds no state between
    two calls. `texts` are the conditionings that it asks under, by their port's name. A guider that
    remembers something from step to step has `fresh`, which begins anew for each sampling.
    """

    model: Model
    ask: Callable[[torch.Tensor, Step], Answer]
    texts: tuple[tuple[str, object], ...] = ()
    fresh: Callable[[], Callable[[torch.Tensor, Step], Answer]] | None = None

    def start(self) -> Callable[[torch.Tensor, Step], Answer]:
        """How to ask during one sampling."""
        return self.ask if self.fresh is None else self.fresh()


@socket("features", colour="#c6b3d9")
@dataclass(frozen=True, eq=False)
class DeepFeatures:
    """What a UNet found beneath its outermost level, [n, C, H, W] for each call of it in a step."""

    tensors: tuple[torch.Tensor, ...]


@socket("sampler", colour="#9fd3e6", shape="diamond")
@dataclass(frozen=True)
class Sampler:
    """A way to step, by name, with its own settings: (name, value) pairs, sorted by name."""

    name: str
    settings: tuple[tuple[str, float | int | str | bool], ...] = ()
