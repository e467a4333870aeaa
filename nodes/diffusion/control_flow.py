"""Asking the ControlNets of Stable Diffusion 3 and Flux, which read their hint as a latent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.control_hints import latent_rows, pixel_rows
from nodes.diffusion.requests import Request, like_weights, pooled_in_one, texts_in_one
from nodes.types import ControlUse, Model

Residuals = dict[str, Sequence[Tensor]]
_GUIDANCE = 3.5  # what Flux is told where a text says nothing, as in its authors' examples


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
    x = like_weights(network, request.x)
    if network.pos_embed is None:
        x = like_weights(network, model.network.pos_embed(like_weights(model.network, request.x)))
    embeddings, _ = texts_in_one(request.rows)
    pooled = pooled_in_one(request.rows, config.pooled_projection_dim)
    if config.force_zeros_for_pooled_projection:
        pooled = torch.zeros_like(pooled)
    reads = config.joint_attention_dim is not None
    (blocks,) = network(
        hidden_states=x,
        controlnet_cond=like_weights(network, latent_rows(use, request)),
        conditioning_scale=use.strength,
        encoder_hidden_states=like_weights(network, embeddings) if reads else None,
        pooled_projections=like_weights(network, pooled),
        timestep=_clock(network, request),
        return_dict=False,
    )
    return {"block_controlnet_hidden_states": list(blocks)}


def ask_flux(use: ControlUse, model: Model, request: Request) -> Residuals:
    """Tensors [n, patches, D] for the transformer's double and for its single blocks.

    Fewer tensors than blocks hold for runs of blocks, or again and again for each (the networks
    with a hint block of their own): then they are dealt out here, one for each block.
    """
    network = use.net.network
    repeats = network.input_hint_block is not None
    hint = 2 * pixel_rows(use, request) - 1 if repeats else patches_of(latent_rows(use, request))
    embeddings, _ = texts_in_one(request.rows)
    pooled = pooled_in_one(request.rows, network.config.pooled_projection_dim)
    guidance = [_GUIDANCE if r.guidance is None else r.guidance for r in request.rows]
    rows = len(request.rows)
    double, single = network(
        hidden_states=like_weights(network, patches_of(request.x)),
        controlnet_cond=like_weights(network, hint),
        controlnet_mode=_mode(use, rows) if network.union else None,
        conditioning_scale=use.strength,
        encoder_hidden_states=like_weights(network, embeddings),
        pooled_projections=like_weights(network, pooled),
        timestep=_clock(network, request) / 1000,
        guidance=like_weights(network, torch.tensor(guidance))
        if network.config.guidance_embeds
        else None,
        img_ids=like_weights(network, places_of(request.x)),
        txt_ids=like_weights(network, torch.zeros(embeddings.shape[1], 3)),
        return_dict=False,
    )
    found: Residuals = {}
    if double is not None:
        count = len(model.network.transformer_blocks)
        dealt = [double[k % len(double)] for k in range(count)] if repeats else list(double)
        found["controlnet_block_samples"] = dealt
    if single is not None:
        found["controlnet_single_block_samples"] = list(single)
    return found


def _clock(network: Any, request: Request) -> Tensor:
    return torch.full((len(request.rows),), request.timestep, device=network.device)


def _mode(use: ControlUse, rows: int) -> Tensor:
    if use.net.mode is None:
        raise ValueError(
            "this ControlNet knows several kinds of hints and was not told which one it gets: put "
            "control.set_union_mode behind it"
        )
    return torch.full((rows, 1), use.net.mode, device=use.net.network.device)


def patches_of(latent: Tensor) -> Tensor:
    """Squares of 2 × 2 latent pixels as rows: [n, C, h, w] to [n, h w / 4, 4 C]."""
    n, channels, height, width = latent.shape
    cut = latent.reshape(n, channels, height // 2, 2, width // 2, 2)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, 4 * channels)


def places_of(latent: Tensor) -> Tensor:
    """Where each such square lies: (0, row, column), [h w / 4, 3]."""
    height, width = (side // 2 for side in latent.shape[-2:])
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([torch.zeros_like(rows), rows, columns], dim=-1)  # [h / 2, w / 2, 3]
    return places.reshape(-1, 3).float()
