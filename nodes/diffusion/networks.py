"""Which classes of network can be asked, and how: a model is no more than its network and what it
was trained on, so the network's class tells what it takes and in which form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.networks_dit import ask_dit, ask_pixart
from nodes.diffusion.networks_flow import ask_auraflow, ask_flux, ask_sd3
from nodes.diffusion.networks_unet import ask_unet
from nodes.diffusion.requests import Request


@dataclass(frozen=True)
class Kind:
    """A class of network. `latent` and `text` name the config's entries for the channels of the
    latent and the width of the embeddings, `text` empty for one that reads none; `masks` says
    whether texts of different length may share a batch, because the network takes an attention
    mask."""

    call: Callable[[Any, Request], Tensor]
    latent: str
    text: str
    masks: bool = False
    patch: int = 1
    """Latent pixels, per side, that the config's channels count for."""


KINDS: dict[str, Kind] = {
    "UNet2DConditionModel": Kind(ask_unet, "out_channels", "cross_attention_dim", masks=True),
    "SD3Transformer2DModel": Kind(ask_sd3, "out_channels", "joint_attention_dim"),
    "FluxTransformer2DModel": Kind(ask_flux, "out_channels", "joint_attention_dim", patch=2),
    "AuraFlowTransformer2DModel": Kind(ask_auraflow, "out_channels", "joint_attention_dim"),
    # What these two say beyond the latent's channels is a variance.
    "PixArtTransformer2DModel": Kind(ask_pixart, "in_channels", "caption_channels", masks=True),
    "DiTTransformer2DModel": Kind(ask_dit, "in_channels", ""),
}


def kind_of(network: Any) -> Kind:
    """How a network is asked.

    Raises:
        TypeError: it is of a class that no one knows how to ask.
    """
    found = KINDS.get(type(network).__name__)
    if found is None:
        raise TypeError(
            f"a network of class {type(network).__name__} cannot be asked: known are "
            + ", ".join(sorted(KINDS))
        )
    return found


def latent_channels(network: Any) -> int:
    """How many channels its latents have."""
    kind = kind_of(network)
    channels = getattr(network.config, kind.latent)
    # diffusers lets a config leave out how many come out where it is as many as go in.
    return int(network.config.in_channels if channels is None else channels) // kind.patch**2


def extra_channels(network: Any) -> int:
    """How many channels it wants beside the latent: 5 for inpainting, 4 for InstructPix2Pix."""
    kind = kind_of(network)
    return int(network.config.in_channels) // kind.patch**2 - latent_channels(network)


def text_width(network: Any) -> int | None:
    """How wide its texts' embeddings are; None where it reads none."""
    name = kind_of(network).text
    width = getattr(network.config, name) if name else None
    return width if isinstance(width, int) else None


def label_count(network: Any) -> int:
    """How many labels a class-conditional network knows; 0 for one that reads none."""
    if type(network).__name__ != "DiTTransformer2DModel":
        return 0
    return int(network.config.num_embeds_ada_norm)


def ask(network: Any, request: Request) -> Tensor:
    """The network's own answer, [n, C, H, W], in the form and on the device of x."""
    with torch.no_grad():
        answer = kind_of(network).call(network, request)
    return answer.to(request.x.device, request.x.dtype)
