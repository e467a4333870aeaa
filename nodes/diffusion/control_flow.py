"""Asking the ControlNets of Stable Diffusion 3 and Flux, which read their hint as a latent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.control_hints import FACTOR, latent_rows, pixel_rows
from nodes.diffusion.networks_flow import packed, token_places
from nodes.diffusion.patches import padded
from nodes.diffusion.requests import Request, clock, like_weights, pooled_in_one, texts_in_one
from nodes.types import ControlUse, Model

Residuals = dict[str, Sequence[Tensor]]
_FLUX_PATCH = 2
_FLUX_GUIDANCE = 3.5  # what Flux is told where a text says nothing, as in its authors' examples


def hint_is_latent(network: Any) -> bool:
    """Whether a network reads its hint through an autoencoder."""
    name = type(network).__name__
    return name == "SD3ControlNetModel" or (
        name == "FluxControlNetModel" and network.input_hint_block is None
    )


def ask_sd3(use: ControlUse, model: Model, request: Request) -> Residuals:
    """One tensor [n, patches, D] for some or all of the transformer's blocks, evenly spread.

    Some read no text, or none as one vector; the one for 3.5 takes patches as the model cuts them.
    """
    network = use.net.network
    config = network.config
    x = padded(like_weights(network, request.x), int(config.patch_size))
    shown = x
    if network.pos_embed is None:
        shown = like_weights(network, model.network.pos_embed(like_weights(model.network, x)))
    embeddings, _ = texts_in_one(request.rows)
    reads = config.joint_attention_dim is not None
    pooled = pooled_in_one(request.rows, int(config.pooled_projection_dim))
    if config.force_zeros_for_pooled_projection:
        pooled = torch.zeros_like(pooled)
    hint = like_weights(network, latent_rows(use, request))
    (blocks,) = network(
        hidden_states=shown,
        controlnet_cond=padded(hint, int(config.patch_size)),
        conditioning_scale=use.strength,
        encoder_hidden_states=like_weights(network, embeddings) if reads else None,
        pooled_projections=like_weights(network, pooled),
        timestep=clock(request, x),
        return_dict=False,
    )
    return {"block_controlnet_hidden_states": list(blocks)}


def ask_flux(use: ControlUse, model: Model, request: Request) -> Residuals:
    """Tensors [n, patches, D] for the transformer's double and for its single blocks.

    Fewer tensors than blocks hold for runs of blocks; those of the networks with a hint block of
    their own again and again, which is dealt out here: one for each block.
    """
    network = use.net.network
    x = padded(like_weights(network, request.x), _FLUX_PATCH)
    own_hint = network.input_hint_block is not None
    embeddings, _ = texts_in_one(request.rows)
    pooled = pooled_in_one(request.rows, int(network.config.pooled_projection_dim))
    rows, columns = (side // _FLUX_PATCH for side in x.shape[-2:])
    double, single = network(
        hidden_states=packed(x),
        controlnet_cond=like_weights(network, _flux_hint(use, request, own_hint)),
        controlnet_mode=_mode(use, x) if network.union else None,
        conditioning_scale=use.strength,
        encoder_hidden_states=like_weights(network, embeddings),
        pooled_projections=like_weights(network, pooled),
        timestep=clock(request, x),
        guidance=_guidance(request, x) if network.config.guidance_embeds else None,
        **token_places(embeddings.shape[1], rows, columns, x.device),
        return_dict=False,
    )
    found: Residuals = {}
    if double is not None:
        blocks = len(model.network.transformer_blocks)
        dealt = [double[k % len(double)] for k in range(blocks)] if own_hint else list(double)
        found["controlnet_block_samples"] = dealt
    if single is not None:
        found["controlnet_single_block_samples"] = list(single)
    return found


def _flux_hint(use: ControlUse, request: Request, own_hint: bool) -> Tensor:
    if own_hint:
        return 2 * pixel_rows(use, request, multiple=FACTOR * _FLUX_PATCH) - 1
    return packed(padded(latent_rows(use, request), _FLUX_PATCH))


def _guidance(request: Request, x: Tensor) -> Tensor:
    scales = [_FLUX_GUIDANCE if row.guidance is None else row.guidance for row in request.rows]
    return torch.tensor(scales, dtype=torch.float32, device=x.device)


def _mode(use: ControlUse, x: Tensor) -> Tensor:
    return torch.full((len(x), 1), mode_of(use), device=x.device)


def mode_of(use: ControlUse) -> int:
    """Which kind of hint a union network is shown.

    Raises:
        ValueError: it was not told.
    """
    if use.net.mode is None:
        raise ValueError(
            "this ControlNet knows several kinds of hints and was not told which one it gets: put "
            "control.set_union_mode behind it"
        )
    return use.net.mode
