"""What is laid over a model: LoRAs and their kin, hypernetworks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class LoraLayer:
    """How one layer's weight is changed, as factors of the difference dW.

    `place` is the layer's name as the file has it, `kind` is `lora` (up @ down, with `mid` between
    them in a convolution), `loha` (a product of two such, per element), `lokr` (a Kronecker
    product) or `full` (dW itself, as `weight`). Any kind may have a `bias`, and `magnitude` where
    the length of the rows of W + dW is given (DoRA). dW counts times `scale`, alpha / rank.
    """

    place: str
    kind: str
    factors: Mapping[str, torch.Tensor]
    scale: float = 1.0


@socket("lora", colour="#d8a24a", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Lora:
    """Differences to the weights of a model's layers: a LoRA, LoCon, LoHa, LoKr or DoRA.

    It names the layers in its own way; which they are is known once it meets a model. `name` is the
    file it came from or what made it, for messages. `metadata` is what the file says of itself,
    `unread` are the names of tensors in it that mean nothing here.
    """

    name: str
    layers: tuple[LoraLayer, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


@socket("hypernetwork", colour="#b58b4c", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Hypernetwork:
    """Small networks that change what attention takes its keys and values from.

    `pairs` maps the width of what attention looks at to the network for keys and that for values.
    """

    name: str
    pairs: Mapping[int, tuple[torch.nn.Module, torch.nn.Module]]
