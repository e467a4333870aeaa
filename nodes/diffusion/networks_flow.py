"""Asking the transformers that are trained on flows: Stable Diffusion 3, Flux and AuraFlow."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.devices import capable
from nodes.diffusion.patches import padded
from nodes.diffusion.requests import Request, clock, like_weights, pooled_in_one, texts_in_one

_FLUX_PATCH = 2
_FLUX_GUIDANCE = 3.5  # what Flux dev is told where the text says nothing


def ask_sd3(network: Any, request: Request) -> Tensor:
    """The answer of an `SD3Transformer2DModel`, [n, C, H, W]: Esser et al. 2024, arXiv 2403.03206.

    Its clock is 1000 sigma.
    """
    height, width = request.x.shape[-2:]
    x = padded(like_weights(network, request.x), int(network.config.patch_size))
    embeddings, _ = texts_in_one(request.rows)
    pooled = pooled_in_one(request.rows, int(network.config.pooled_projection_dim))
    answer: Tensor = network(
        hidden_states=x,
        timestep=clock(request, x),
        encoder_hidden_states=like_weights(network, embeddings),
        pooled_projections=like_weights(network, pooled),
        return_dict=False,
        **_residuals(network, request),
    )[0]
    return answer[..., :height, :width]


def ask_flux(network: Any, request: Request) -> Tensor:
    """The answer of a `FluxTransformer2DModel`, [n, C, H, W]. Its clock is sigma itself.

    It sees patches of 2 × 2 latent pixels as tokens, each with its row and column; the text's
    tokens stand at (0, 0). The kind that was distilled from guided answers (dev) is told the
    guidance scale.
    """
    height, width = request.x.shape[-2:]
    x = padded(like_weights(network, request.x), _FLUX_PATCH)
    embeddings, _ = texts_in_one(request.rows)
    pooled = pooled_in_one(request.rows, int(network.config.pooled_projection_dim))
    rows, columns = x.shape[-2] // _FLUX_PATCH, x.shape[-1] // _FLUX_PATCH
    answer: Tensor = network(
        hidden_states=packed(x),
        timestep=clock(request, x),
        guidance=_guidance(x, request) if network.config.guidance_embeds else None,
        encoder_hidden_states=like_weights(network, embeddings),
        pooled_projections=like_weights(network, pooled),
        **token_places(embeddings.shape[1], rows, columns, x.device),
        return_dict=False,
        **_residuals(network, request),
    )[0]
    return unpacked(answer, rows, columns)[..., :height, :width]


def ask_auraflow(network: Any, request: Request) -> Tensor:
    """The answer of an `AuraFlowTransformer2DModel`, [n, C, H, W]. Its clock is sigma itself.

    Raises:
        ValueError: the latent is larger than the places that it learnt.
    """
    height, width = request.x.shape[-2:]
    most = largest_side(network)
    # The network itself would take places from the other side.
    if most is not None and max(height, width) > most:
        raise ValueError(
            f"this AuraFlow knows {most} × {most} latent pixels at most, not {height} × {width}"
        )
    x = padded(like_weights(network, request.x), int(network.config.patch_size))
    embeddings, _ = texts_in_one(request.rows)
    answer: Tensor = network(
        x.contiguous(),
        encoder_hidden_states=like_weights(network, embeddings),
        timestep=clock(request, x),
        return_dict=False,
    )[0]
    return answer[..., :height, :width]


def largest_side(network: Any) -> int | None:
    """How many latent pixels a side may have, where a network learnt a table of places."""
    kind = type(network).__name__
    if kind not in ("SD3Transformer2DModel", "AuraFlowTransformer2DModel"):
        return None
    places = network.config.pos_embed_max_size
    if places is None:
        return None
    side = math.isqrt(int(places)) if kind.startswith("Aura") else int(places)
    return side * int(network.config.patch_size)


def packed(x: Tensor) -> Tensor:
    """Patches of 2 × 2 as tokens: [n, C, H, W] -> [n, H/2 * W/2, 4 C]."""
    n, channels, height, width = x.shape
    tiles = x.reshape(n, channels, height // 2, 2, width // 2, 2)
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, 4 * channels)


def unpacked(tokens: Tensor, rows: int, columns: int) -> Tensor:
    """The inverse of `packed`: [n, rows * columns, 4 C] -> [n, C, 2 rows, 2 columns]."""
    n, _, wide = tokens.shape
    tiles = tokens.reshape(n, rows, columns, wide // 4, 2, 2)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(n, wide // 4, 2 * rows, 2 * columns)


def token_places(words: int, rows: int, columns: int, device: torch.device) -> dict[str, Tensor]:
    """Where each token stands, as Flux and its ControlNets take it: a text's at (0, 0).

    In float32 whatever the weights are in: half precision cannot count far. On a device that has
    float64, in which the networks make angles of places; they take the angles from any.
    """
    home = capable(device)
    return {
        "txt_ids": torch.zeros(words, 3, device=home),
        "img_ids": places(rows, columns).to(home),
    }


def places(rows: int, columns: int) -> Tensor:
    """Where each patch is, (0, row, column): [rows * columns, 3]."""
    found = torch.zeros(rows, columns, 3)
    found[..., 1] = torch.arange(rows)[:, None]
    found[..., 2] = torch.arange(columns)[None]
    return found.reshape(-1, 3)


def _guidance(x: Tensor, request: Request) -> Tensor:
    scales = [_FLUX_GUIDANCE if row.guidance is None else row.guidance for row in request.rows]
    return torch.tensor(scales, dtype=torch.float32, device=x.device)


def _residuals(network: Any, request: Request) -> dict[str, list[Tensor]]:
    """What ControlNets add, under the names of the network's arguments."""
    return {
        name: [like_weights(network, tensor) for tensor in tensors]
        for name, tensors in request.residuals.items()
    }
