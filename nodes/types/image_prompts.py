"""Pictures as prompts: what reads them, what they become, what lets a denoiser attend to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nodeflow.sockets import socket

if TYPE_CHECKING:
    import torch


@socket("clip_vision", colour="#a8dadc", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class ClipVision:
    """The half of CLIP that reads pictures: transformers' `CLIPVisionModelWithProjection`.

    Radford et al. 2021, arXiv 2103.00020.
    """

    network: Any


@socket("image_embedding", colour="#7fc8d6")
@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """What a picture means to CLIP: `pooled` [B, D] as one vector beside those of texts, `hidden`
    [B, tokens, W] the last layer but one; `blank` [1, tokens, W] is `hidden` of no picture, all
    numbers 0 after the normalisation."""

    pooled: torch.Tensor
    hidden: torch.Tensor
    blank: torch.Tensor


@socket("ip_adapter", colour="#95d5b2", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class IpAdapter:
    """An IP-Adapter: Ye et al. 2023, arXiv 2308.06721.

    `projection` turns an image embedding into tokens; `keys` and `values` are the attention's
    further projections of those, one for each of a UNet's attentions to the text, in diffusers'
    order. `reads` is which part of an embedding it looks at, `pooled` or `hidden`. `name` tells
    adapters apart within a model.
    """

    name: str
    projection: Any
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    reads: str
    family: str


@socket("unclip_noise", colour="#84a59d")
@dataclass(frozen=True, eq=False)
class UnclipNoise:
    """The mean and the spread of image embeddings, [1, D], by which unCLIP scales the noise that it
    adds to one. Ramesh et al. 2022, arXiv 2204.06125."""

    mean: torch.Tensor
    std: torch.Tensor


@socket("gligen", colour="#c9ada7", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class Gligen:
    """What GLIGEN adds to a UNet: Li et al. 2023, arXiv 2301.07093.

    `position` are the weights by which boxes with their words are embedded; `fusers` those of the
    layers that look at them, by the place in the UNet that each stands at (`down`, 0, 1 is the
    second attention of the first block; `mid`, 0, 0).
    """

    position: Mapping[str, torch.Tensor]
    fusers: Mapping[tuple[str, int, int], Mapping[str, torch.Tensor]]
