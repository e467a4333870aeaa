"""Asking the UNets of Stable Diffusion 1, 2 and XL, and of what was made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nodes.diffusion import image_prompts
from nodes.diffusion.requests import Request, like_weights, pooled_in_one, texts_in_one
from nodes.types import PictureSize

_VAE_FACTOR = 8  # of every autoencoder that such a UNet works on


def ask_unet(network: Any, request: Request) -> Tensor:
    """The answer of a `UNet2DConditionModel`, [n, C, H, W]."""
    embeddings, mask = texts_in_one(request.rows)
    x = like_weights(network, request.x)
    timesteps = torch.full((len(x),), request.timestep, dtype=torch.float32, device=x.device)
    answer: Tensor = network(
        x,
        timesteps,
        encoder_hidden_states=like_weights(network, embeddings),
        encoder_attention_mask=None if mask is None else mask.to(x.device),
        return_dict=False,
        **unet_inputs(network, request),
    )[0]
    return answer


def unet_inputs(network: Any, request: Request) -> dict[str, Any]:
    """The further arguments of `UNet2DConditionModel.forward` for a request."""
    config, found = network.config, dict[str, Any]()
    added = {}
    if getattr(config, "addition_embed_type", None) == "text_time":
        added = _text_time(network, request)
    for name, value in _named_extras(request, "added_cond").items():
        added[name] = like_weights(network, value)
    if added:
        found["added_cond_kwargs"] = added
    if getattr(config, "time_cond_proj_dim", None):
        found["timestep_cond"] = _guidance(network, request)
    labels = _stacked([row.extra("class_labels") for row in request.rows])
    if labels is None and getattr(config, "class_embed_type", None) == "projection":
        width = int(config.projection_class_embeddings_input_dim)
        labels = torch.zeros(len(request.rows), width)  # unCLIP without a picture
    if labels is not None:
        found["class_labels"] = like_weights(network, labels)
    attention = _moved(network, _named_extras(request, "cross_attention"))
    pictures = image_prompts.prompt_rows(request)
    _check_patches(network, attention, pictures)
    if pictures:
        attention[image_prompts.ARGUMENT] = pictures
    if attention:
        found["cross_attention_kwargs"] = attention
    for name, tensors in request.residuals.items():
        moved = [like_weights(network, tensor) for tensor in tensors]
        found[name] = moved[0] if name.startswith("mid") else moved
    return found


def _text_time(network: Any, request: Request) -> dict[str, Tensor]:
    """Stable Diffusion XL's second way to be told things: Podell et al. 2023, arXiv 2307.01952.

    The text as one vector, and six numbers (five for the refiner) of the picture's making.
    """
    each = int(network.config.addition_time_embed_dim)
    total = int(network.config.projection_class_embeddings_input_dim)
    width = _pooled_width(request, total, each)
    count = (total - width) // each
    height, breadth = (side * _VAE_FACTOR for side in request.x.shape[-2:])
    sizes = [_numbers(row.size or PictureSize((height, breadth)), count) for row in request.rows]
    return {
        "text_embeds": like_weights(network, pooled_in_one(request.rows, width)),
        "time_ids": like_weights(network, torch.tensor(sizes)),
    }


def _pooled_width(request: Request, total: int, each: int) -> int:
    """The pooled text's width: as it is, or what six numbers leave where no text has one."""
    known = [row.pooled.shape[1] for row in request.rows if row.pooled is not None]
    return int(known[0]) if known else total - 6 * each


def _numbers(size: PictureSize, count: int) -> list[float]:
    target = size.target or size.original
    if count == 5:
        last: Sequence[float] = (6.0 if size.score is None else size.score,)
    else:
        last = target
    return [float(n) for n in (*size.original, *size.crop, *last)]


def _guidance(network: Any, request: Request) -> Tensor:
    """The guidance scale as sines and cosines, for a network distilled from guided answers: Luo et
    al. 2023, arXiv 2310.04378, section 4.2. 8.5 where the text says nothing, as they ran it."""
    size = int(network.config.time_cond_proj_dim)
    scales = [8.5 if row.guidance is None else row.guidance for row in request.rows]
    half = size // 2
    rates = torch.exp(torch.arange(half) * (-math.log(10000.0) / (half - 1)))
    angles = 1000.0 * (torch.tensor(scales)[:, None] - 1) * rates[None]  # [n, half]
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)  # [n, size]
    return like_weights(network, torch.nn.functional.pad(waves, (0, size % 2)))


def _named_extras(request: Request, name: str) -> dict[str, Any]:
    """What techniques laid on the texts for an argument: `{key: value}` with rows in one batch."""
    given: list[dict[str, Any]] = [dict(row.extra(name) or ()) for row in request.rows]
    keys = sorted({key for each in given for key in each})
    found = {key: _stacked([each.get(key) for each in given]) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def _moved(network: Any, value: Any) -> Any:
    if isinstance(value, Tensor):
        return like_weights(network, value)
    if isinstance(value, dict):
        return {key: _moved(network, inside) for key, inside in value.items()}
    return value


def _check_patches(
    network: Any, attention: dict[str, Any], pictures: Sequence[image_prompts.PromptRows]
) -> None:
    """What a text brings for layers that the model was to be given, it must have been given."""
    if "gligen" in attention and not hasattr(network, "position_net"):
        raise ValueError(
            "a text carries boxes for GLIGEN, which the model does not have: put gligen.attach "
            "behind the model, or take a checkpoint that has it"
        )
    known = getattr(network, "image_adapters", ())
    if any(picture.name not in known for picture in pictures):
        raise ValueError(
            "a text carries a picture for an IP-Adapter that the model does not have: put "
            "ip_adapter.attach behind the model"
        )


def _stacked(values: Sequence[Any]) -> Any:
    """Tensors [1, ...] of the rows in one; a row without one gets zeros; None where none has.

    Pairs of names and tensors are laid together by name.
    """
    first = next((value for value in values if value is not None), None)
    if isinstance(first, tuple):
        rows = [dict(value or ()) for value in values]
        return {name: _stacked([row.get(name) for row in rows]) for name, _ in first}
    if first is None or not isinstance(first, Tensor):
        return first
    return torch.cat([torch.zeros_like(first) if v is None else v for v in values])
