"""Two networks' weights as one: interpolated, added, or with the difference to a third.

Every result is a copy of the first network with new weights where they differ; weights that come
out as they went in are shared. All is reckoned in float32 and kept in the first one's precision.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.bake import baked
from nodes.diffusion.adapters.lora_layers import frozen
from nodes.diffusion.adapters.original_names import layer_paths, shape_of
from nodes.diffusion.cloning import clone_modules

Combine = Callable[[str, list[Tensor]], "Tensor | None"]
"""(a weight's name, that weight of every network) → the new one, None for the first as it is."""


class MergeError(ValueError):
    """Networks that are not built alike."""


def merged(networks: list[nn.Module], combine: Combine) -> nn.Module:
    """The first network with every weight as `combine` makes it of all of them.

    An inpainting model's first layer takes more channels than that of others: what they have is
    combined, the rest is kept.

    Raises:
        MergeError: they are of different classes, or a weight has another shape.
    """
    plain = [baked(network) for network in networks]
    _check_alike(plain)
    copy = clone_modules(plain[0])
    for name in _shapes(copy):
        path, _, last = name.rpartition(".")
        own, *rest = (getattr(each.get_submodule(path), last).detach() for each in plain)
        new = _combined(name, own, rest, combine)
        if new is not None:
            setattr(copy.get_submodule(path), last, frozen(new))
    return copy


def _shapes(network: nn.Module) -> dict[str, list[int]]:
    """Every weight, those too that lie quantised in blocks and are made when they are asked for."""
    found = {name: list(parameter.shape) for name, parameter in network.named_parameters()}
    for path in layer_paths(network):
        found.setdefault(f"{path}.weight", list(shape_of(network.get_submodule(path))))
    return found


def interpolate(amount_of: Callable[[str], float]) -> Combine:
    """(1 - amount) a + amount b, the amount by the weight's name."""

    def combine(name: str, weights: list[Tensor]) -> Tensor | None:
        (a, b), amount = weights, amount_of(name)
        if not amount or _same(a, b):
            return None
        return b if amount == 1 else torch.lerp(a.float(), b.float(), amount)

    return combine


def add_scaled(amount: float) -> Combine:
    """a + amount b; or a + amount (b - c) of three."""

    def combine(name: str, weights: list[Tensor]) -> Tensor | None:
        a, b, *rest = weights
        if not amount or (rest and _same(b, rest[0])):
            return None
        change = b.float() - rest[0].float() if rest else b.float()
        return a.float() + amount * change

    return combine


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether they are one tensor: models with a common base share what neither has changed."""
    return bool(a.data_ptr() == b.data_ptr())


def _combined(name: str, own: Tensor, rest: list[Tensor], combine: Combine) -> Tensor | None:
    common = [own, *(other.to(own.device) for other in rest)]
    inputs = min(tensor.shape[1] for tensor in common) if own.ndim > 1 else 0
    new = combine(name, [tensor[:, :inputs] if inputs else tensor for tensor in common])
    if new is None:
        return None
    if inputs and inputs < own.shape[1]:
        new = torch.cat([new.to(own.dtype), own[:, inputs:]], dim=1)
    return new.to(own.dtype)


def _check_alike(networks: list[nn.Module]) -> None:
    first = networks[0]
    shapes = _shapes(first)
    for other in networks[1:]:
        theirs = _shapes(other)
        missing = sorted(shapes.keys() ^ theirs.keys())
        if type(other) is not type(first) or missing:
            named = f"; only one of them has {missing[0]}" if missing else ""
            raise MergeError(f"{_told(other)} and {_told(first)}{named}")
        for name, shape in shapes.items():
            if shape != theirs[name] and not _is_first_layer(name, shape, theirs[name]):
                raise MergeError(f"{name} of {theirs[name]} and of {shape}")


def _is_first_layer(name: str, shape: list[int], other: list[int]) -> bool:
    return name == "conv_in.weight" and shape[0] == other[0] and shape[2:] == other[2:]


def _told(network: nn.Module) -> str:
    count = sum(parameter.numel() for parameter in network.parameters())
    return f"{type(network).__name__} of {count:,} weights"
