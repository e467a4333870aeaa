"""Networks beside the denoiser that steer it by pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket
from nodes.types.conditioning import Span

if TYPE_CHECKING:
    import torch


@socket("controlnet", colour="#6ee7b7", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class ControlNet:
    """A ControlNet or T2I-Adapter, for models of one family. Zhang et al. 2023, arXiv 2302.05543;
    Mou et al. 2023, arXiv 2302.08453.

    `network` is diffusers' class for it, which tells how it is asked. `modes` names the kinds of
    hints that a union network tells apart, in their order, empty for one kind; `mode` is the number
    of the one that it is shown.
    """

    network: Any
    family: str = "sd1"
    modes: tuple[str, ...] = ()
    mode: int | None = None


@socket("control", colour="#34d399")
@dataclass(frozen=True, eq=False)
class Control:
    """What a ControlNet adds inside the denoiser at one step, strength included: the name of the
    network's own argument (`down_block_additional_residuals` ...) with its tensors."""

    residuals: tuple[tuple[str, tuple[torch.Tensor, ...]], ...]


@dataclass(frozen=True, eq=False)
class ControlUse:
    """A ControlNet laid on a conditioning.

    `hint` is [B or 1, H, W, C] in 0..1, or a latent [B or 1, C, h, w] for the networks that read an
    encoded picture; how strongly, and in which part of the schedule (None: all of it). `guess`
    weakens the shallow layers, for use without a prompt. `mask` [B or 1, H, W] is where a network
    that fills in sees a hole.
    """

    net: ControlNet
    hint: torch.Tensor
    strength: float = 1.0
    span: Span | None = None
    guess: bool = False
    mask: torch.Tensor | None = None
