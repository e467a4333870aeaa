"""Looking at and changing the attention of a network, on a clone of its modules.

Attention here is diffusers' `Attention`: softmax(q k^T / sqrt(d)) v with a processor that does it.
Vaswani et al. 2017, arXiv 1706.03762, eq. 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.cloning import clone_modules


def attentions(network: nn.Module, cross: bool) -> dict[str, Any]:
    """A network's cross- or self-attention modules by name."""
    from diffusers.models.attention_processor import Attention

    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Attention) and bool(module.is_cross_attention) == cross
    }


def chosen(network: nn.Module, cross: bool, places: str) -> dict[str, Any]:
    """Of the attention modules those whose names begin as one of the words in `places` says.

    `mid`, `down` and `up` are short for a UNet's blocks, `up.1` for one of them.

    Raises:
        ValueError: a word that fits none; tells what there is.
    """
    known = attentions(network, cross)
    found: dict[str, Any] = {}
    for word in places.replace(",", " ").split():
        start = _full(word)
        fitting = {n: m for n, m in known.items() if f"{n}.".startswith(f"{start}.")}
        if word == "all":
            fitting = known
        if not fitting:
            tops = sorted({".".join(name.split(".")[:2]) for name in known})
            raise ValueError(f"no attention in {word!r}; there is some in {', '.join(tops)}")
        found.update(fitting)
    if not found:
        raise ValueError("no place is named; `all` means everywhere")
    return found


def _full(word: str) -> str:
    first, dot, rest = word.partition(".")
    names = {"mid": "mid_block", "down": "down_blocks", "up": "up_blocks"}
    return names.get(first, first) + dot + rest


class Identity:
    """A processor in which every place attends to itself alone: the values go straight through."""

    def __call__(self, attn: Any, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        residual, shape = hidden_states, hidden_states.shape
        if hidden_states.ndim == 4:
            hidden_states = hidden_states.flatten(2).transpose(1, 2)  # [n, H W, C]
        if attn.group_norm is not None:
            hidden_states = attn.group_norm(hidden_states.transpose(1, 2)).transpose(1, 2)
        moved: Tensor = attn.to_out[1](attn.to_out[0](attn.to_v(hidden_states)))
        if len(shape) == 4:
            moved = moved.transpose(1, 2).reshape(shape)
        if attn.residual_connection:
            moved = moved + residual
        return moved / float(attn.rescale_output_factor)


def with_identity(network: nn.Module, places: str) -> nn.Module:
    """A clone whose self-attention, in these places, sees nothing but each place itself."""
    clone = clone_modules(network)
    for module in chosen(clone, False, places).values():
        module.set_processor(Identity())
    return clone


def probabilities(
    attn: Any, hidden: Tensor, context: Tensor | None, mask: Tensor | None = None
) -> Tensor:
    """softmax(q k^T / sqrt(d) + mask) of one module, [n, heads, queries, keys].

    `mask`, [n, keys] or [n, 1, keys], is what the module is given to add: 0, or a large negative
    number where a key is not to be seen.
    """
    if context is not None and attn.norm_cross:
        context = attn.norm_encoder_hidden_states(context)
    query, key = attn.to_q(hidden), attn.to_k(hidden if context is None else context)
    query, key = (t.unflatten(2, (attn.heads, -1)).transpose(1, 2) for t in (query, key))
    if attn.norm_q is not None:
        query, key = attn.norm_q(query), attn.norm_k(key)
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores + mask.reshape(len(mask), 1, 1, -1).to(scores)
    return scores.softmax(dim=-1)


def listening(
    network: nn.Module, cross: bool, places: str, hear: Callable[[Tensor], object]
) -> nn.Module:
    """A clone that gives `hear` the probabilities of each module in these places, when it runs."""
    clone = clone_modules(network)

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hidden = args[0] if args else kwargs["hidden_states"]
        context = kwargs.get("encoder_hidden_states") if cross else None
        hear(probabilities(module, hidden, context))

    for module in chosen(clone, cross, places).values():
        module.register_forward_pre_hook(before, with_kwargs=True)
    return clone


def side_lengths(places: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a layer with so many places, in a latent of height × width.

    Raises:
        ValueError: it is no grid of the latent's shape.
    """
    for shrink in range(1, max(height, width) + 1):
        rows, columns = math.ceil(height / shrink), math.ceil(width / shrink)
        if rows * columns == places:
            return rows, columns
    raise ValueError(f"{places} places are no grid in the shape of {height} × {width}")


def as_grid(map_: Tensor, height: int, width: int) -> Tensor:
    """A map over a layer's places, [B, places] → [B, h, w]."""
    return map_.unflatten(1, side_lengths(map_.shape[1], height, width))


def resized(map_: Tensor, height: int, width: int) -> Tensor:
    """[B, h, w] → [B, height, width], on lines between the places."""
    return torch.nn.functional.interpolate(
        map_[:, None], (height, width), mode="bilinear", align_corners=False
    )[:, 0]
