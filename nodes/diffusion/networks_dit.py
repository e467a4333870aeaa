"""Asking the transformers that are trained on diffusions: PixArt and class-conditional DiT."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nodes.diffusion.patches import padded
from nodes.diffusion.requests import Request, clock, like_weights, texts_in_one

_VAE_FACTOR = 8  # of every autoencoder that such a network works on


def ask_pixart(network: Any, request: Request) -> Tensor:
    """The answer of a `PixArtTransformer2DModel`, [n, C, H, W]: Chen et al. 2024, arXiv 2403.04692.

    It says a variance too, which no sampler here reads: the second half of its channels.
    """
    height, width = request.x.shape[-2:]
    x = padded(like_weights(network, request.x), int(network.config.patch_size))
    embeddings, mask = texts_in_one(request.rows)
    answer: Tensor = network(
        x,
        encoder_hidden_states=like_weights(network, embeddings),
        encoder_attention_mask=None if mask is None else mask.to(x.device),
        timestep=clock(request, x),
        added_cond_kwargs=_sizes(network, request),
        return_dict=False,
    )[0]
    return answer[:, : request.x.shape[1], :height, :width]


def ask_dit(network: Any, request: Request) -> Tensor:
    """The answer of a `DiTTransformer2DModel`, [n, C, H, W]: Peebles & Xie 2022, arXiv 2212.09748.

    What it draws is told by the extra `class_labels` [1] of a conditioning; one without is the
    label that it learnt for none, the one after the last. Its second half of channels is a
    variance.

    Raises:
        ValueError: the latent is no square, which is all it knows.
    """
    if request.x.shape[-1] != request.x.shape[-2]:
        raise ValueError(
            f"a DiT knows squares alone, not {request.x.shape[-2]} × {request.x.shape[-1]} latent "
            "pixels"
        )
    height, width = request.x.shape[-2:]
    x = padded(like_weights(network, request.x), int(network.config.patch_size))
    answer: Tensor = network(
        x, timestep=clock(request, x), class_labels=_labels(network, request), return_dict=False
    )[0]
    return answer[:, : request.x.shape[1], :height, :width]


def _sizes(network: Any, request: Request) -> dict[str, Tensor | None]:
    """The size in pixels and height / width, where a network was trained to know them."""
    if not network.use_additional_conditions:
        return {"resolution": None, "aspect_ratio": None}
    whole = tuple(side * _VAE_FACTOR for side in request.x.shape[-2:])
    told = [row.size.original if row.size else whole for row in request.rows]
    sizes = torch.tensor(told, dtype=torch.float32, device=network.device)  # [n, 2]
    return {"resolution": sizes, "aspect_ratio": sizes[:, :1] / sizes[:, 1:]}


def _labels(network: Any, request: Request) -> Tensor:
    none = int(network.config.num_embeds_ada_norm)
    given = [row.extra("class_labels") for row in request.rows]
    labels = [none if label is None else int(label) for label in given]
    return torch.tensor(labels, device=network.device)
