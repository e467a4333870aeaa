"""Differences made part of the weights: a plain network again, with new weights where there were
any, and the base's own in all other layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from nodes.diffusion.adapters.apply import put
from nodes.diffusion.adapters.lora_layers import Adapted, frozen
from nodes.diffusion.adapters.original_names import layer_paths
from nodes.diffusion.cloning import clone_modules
from nodes.types import Clip


def baked(network: nn.Module) -> nn.Module:
    """A network without patched layers: W + dW in their place. Itself, if it has none.

    Layers that peft patched are taken too, by peft's own merging.
    """
    patched = [
        path for path in layer_paths(network) if _is_patch(innermost(network.get_submodule(path)))
    ]
    if not patched:
        return network
    copy = clone_modules(network)
    for path in patched:
        put(copy, path, _baked_layer)
    return copy


def baked_clip(clip: Clip) -> Clip:
    """As `baked`, each of the text encoders."""
    others = tuple(baked_clip(other) for other in clip.others)
    encoder = baked(clip.encoder) if clip.encoder else clip.encoder
    same = all(new is old for new, old in zip(others, clip.others, strict=True))
    if encoder is clip.encoder and same:
        return clip
    return replace(clip, encoder=encoder, others=others)


def innermost(layer: nn.Module) -> nn.Module:
    """The layer behind what only changes its input."""
    while "inner" in layer._modules:
        layer = layer.get_submodule("inner")
    return layer


def _is_patch(layer: nn.Module) -> bool:
    return "base_layer" in layer._modules


def _baked_layer(layer: nn.Module) -> nn.Module:
    if not isinstance(layer, Adapted):
        return _baked_by_peft(layer)
    base = layer.base_layer
    copy: Any = clone_modules(base)
    weight = base.weight
    total = weight.float() + sum(delta.weight_change(weight) for delta in layer.deltas)
    copy.weight = frozen(total.to(weight.dtype))
    biases = [delta.bias for delta in layer.deltas if delta.bias is not None]
    if biases:
        total = sum(bias.float() for bias in biases)
        copy.bias = frozen((total if base.bias is None else base.bias.float() + total).to(weight))
    return copy  # type: ignore[no-any-return]


def _baked_by_peft(layer: nn.Module) -> nn.Module:
    """peft writes into the layer it patched, so it is given a copy with a weight of its own."""
    copy: Any = clone_modules(layer)
    for name, parameter in list(copy.base_layer.named_parameters(recurse=False)):
        setattr(copy.base_layer, name, frozen(parameter.detach().clone()))
    copy.merge()
    return copy.get_base_layer()  # type: ignore[no-any-return]
