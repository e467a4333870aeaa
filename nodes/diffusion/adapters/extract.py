"""A LoRA from two models: the best low-rank approximation of how their weights differ."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.bake import baked
from nodes.diffusion.adapters.lora_keys import LoraError
from nodes.diffusion.adapters.original_names import layer_paths
from nodes.diffusion.devices import capable
from nodes.types import Clip, LoraLayer, Model

OnLayer = Callable[[int, int], None]
"""(layers done, layers in all)."""


def model_differences(
    tuned: Model, base: Model, rank: int, biases: bool, on_layer: OnLayer
) -> list[LoraLayer]:
    """What takes `base`'s denoiser to `tuned`'s, under diffusers' names."""
    unet = type(base.network).__name__ == "UNet2DConditionModel"
    prefix = "unet." if unet else "transformer."
    return _differences(tuned.network, base.network, prefix, rank, biases, on_layer)


def clip_differences(
    tuned: Clip, base: Clip, rank: int, biases: bool, on_layer: OnLayer
) -> list[LoraLayer]:
    """What takes `base`'s text encoders to `tuned`'s, under diffusers' names."""
    if len(tuned.others) != len(base.others):
        raise LoraError(
            f"one has {len(tuned.others) + 1} text encoders, the other {len(base.others) + 1}"
        )
    found: list[LoraLayer] = []
    pairs = zip((tuned, *tuned.others), (base, *base.others), strict=True)
    for number, (new, old) in enumerate(pairs, start=1):
        prefix = "text_encoder." if number == 1 else f"text_encoder_{number}."
        layers = _differences(new.encoder, old.encoder, prefix, rank, biases, on_layer)
        found.extend(map(_as_named_in_files, layers) if new.kind.startswith("clip") else layers)
    return found


def _as_named_in_files(layer: LoraLayer) -> LoraLayer:
    """CLIP's layers lie in `text_model` wherever LoRAs are written down."""
    prefix, _, path = layer.place.partition(".")
    inside = path if path.startswith("text_") else f"text_model.{path}"
    return LoraLayer(f"{prefix}.{inside}", layer.kind, layer.factors, layer.scale)


def _differences(
    tuned: nn.Module, base: nn.Module, prefix: str, rank: int, biases: bool, on_layer: OnLayer
) -> list[LoraLayer]:
    tuned, base = baked(tuned), baked(base)
    paths, found = layer_paths(base), []
    for number, path in enumerate(paths, start=1):
        old = base.get_submodule(path)
        try:
            new = tuned.get_submodule(path)
        except AttributeError:
            raise LoraError(f"the first model has no {path}, which the second has") from None
        if new.weight.shape != old.weight.shape:
            both = f"{list(new.weight.shape)} and {list(old.weight.shape)}"  # type: ignore[arg-type]
            raise LoraError(f"{path} has {both}: the models are of different kinds")
        layer = _difference(prefix + path, old, new, rank, biases)
        if layer is not None:
            found.append(layer)
        on_layer(number, len(paths))
    return found


def _difference(
    place: str, old: nn.Module, new: nn.Module, rank: int, biases: bool
) -> LoraLayer | None:
    """The layer's difference in factors, None where it has not changed."""
    weight = _change(old.weight, new.weight)  # type: ignore[arg-type]
    factors: dict[str, Tensor] = {}
    low_rank = isinstance(old, (nn.Linear, nn.Conv2d))
    if weight is not None and low_rank:
        factors.update(zip(("down", "up"), low_rank_factors(weight, rank), strict=True))
    elif weight is not None and biases:
        factors["weight"] = weight
    if biases and getattr(old, "bias", None) is not None:
        bias = _change(old.bias, new.bias)  # type: ignore[arg-type]
        if bias is not None:
            factors["bias"] = bias
    if not factors:
        return None
    return LoraLayer(place, "lora" if "up" in factors else "full", factors)


def _change(old: Tensor, new: Tensor) -> Tensor | None:
    if new.data_ptr() == old.data_ptr():
        return None
    change = new.detach().float() - old.detach().float().to(new.device)
    return change if bool(change.any()) else None


def low_rank_factors(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """(down, up) whose product is the nearest to `change` that has this rank.

    The first singular vectors, each side by the root of the singular values: Eckart & Young 1936.
    A convolution's kernel [out, in, h, w] counts as a matrix [out, in h w]; down is [r, in, h, w],
    up [out, r, 1, 1].
    """
    matrix = change.flatten(1).to(capable(change.device))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    rank = min(rank, len(values))
    root = values[:rank].sqrt()
    down = (root[:, None] * right[:rank]).reshape(rank, *change.shape[1:])
    up = (left[:, :rank] * root).reshape(-1, rank, *[1] * (change.ndim - 2))
    return down.contiguous(), up.contiguous()
