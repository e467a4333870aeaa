"""LoRAs laid over networks: a copy of the modules in which the layers that they change are wrapped.

The weights are the base's own, and the base is not touched; so a model without its LoRAs, with some
and with others costs its memory once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.lora_keys import LoraError
from nodes.diffusion.adapters.lora_layers import (
    Adapted,
    Delta,
    Hadamard,
    Kronecker,
    LowRank,
    frozen,
)
from nodes.diffusion.adapters.original_names import Target, shape_of
from nodes.diffusion.adapters.places import Places, is_for_encoder
from nodes.diffusion.cloning import clone_modules
from nodes.types import Clip, Lora, LoraLayer, Model

PathStrength = Callable[[str], float]
"""A layer's path → what the strength is multiplied by there."""


@dataclass(frozen=True)
class Laid:
    """What came of it; `unused` is what is in the LoRA for nothing that the model has."""

    model: Model
    clip: Clip | None
    unused: tuple[str, ...]


def lay(
    lora: Lora,
    model: Model,
    clip: Clip | None = None,
    strength_model: float = 1.0,
    strength_clip: float = 1.0,
    per_path: PathStrength | None = None,
) -> Laid:
    """The model, and the text encoders if given, with a LoRA over them; both as they are where the
    strength is 0 or the LoRA has nothing for them.

    Raises:
        LoraError: it is for another model: most of its layers are not there, or of another shape.
    """
    found, unused = matched(lora, model, clip)
    network = model.network
    if strength_model:
        network = _changed(network, found.get(0, []), lora.name, strength_model, per_path)
    new_model = model if network is model.network else replace(model, network=network)
    if clip is None or not strength_clip:
        return Laid(new_model, clip, unused)
    return Laid(new_model, _changed_clip(clip, found, lora.name, strength_clip), unused)


Matched = dict[int, list[tuple[LoraLayer, tuple[Target, ...]]]]


def matched(lora: Lora, model: Model, clip: Clip | None) -> tuple[Matched, tuple[str, ...]]:
    """The LoRA's layers by network, each with the layers of ours that it means; and the places that
    mean none."""
    places = Places(model.network, clip)
    found: Matched = {}
    unused, asked = [], 0
    for layer in lora.layers:
        if clip is None and is_for_encoder(layer.place):
            continue
        asked += 1
        place = places.find(layer.place)
        if place.network is None or not place.targets:
            unused.append(layer.place)
        else:
            found.setdefault(place.network, []).append((layer, place.targets))
    if 2 * len(unused) > asked:
        raise LoraError(
            f"{lora.name} is for another model: {len(unused)} of its {asked} layers are not in "
            f"this one, a {model.family} ({type(model.network).__name__}); among them {unused[0]}. "
            f"It looks like a LoRA for {told_family(lora)}"
        )
    return found, (*unused, *lora.unread)


def told_family(lora: Lora) -> str:
    """The kind of model that a LoRA is for, by what its file says of itself and by its names."""
    for key in ("modelspec.architecture", "ss_base_model_version"):
        if lora.metadata.get(key):
            return lora.metadata[key]
    names = " ".join(layer.place.replace(".", "_") for layer in lora.layers)
    for sign, family in _SIGNS:
        if sign in names:
            return family
    return "a model that its names do not tell"


_SIGNS = (
    ("double_blocks", "Flux"),
    ("double_layers", "AuraFlow"),
    ("joint_transformer_blocks", "AuraFlow"),
    ("joint_blocks", "Stable Diffusion 3"),
    ("cross_attn_kv_linear", "PixArt"),
    ("single_transformer_blocks", "Flux"),
    ("lora_te2_", "Stable Diffusion XL"),
    ("text_encoder_2_", "Stable Diffusion XL"),
    ("input_blocks", "Stable Diffusion XL"),
    ("down_blocks", "Stable Diffusion 1, 2 or XL"),
    ("transformer_blocks", "a diffusion transformer"),
)


def _changed_clip(clip: Clip, found: Matched, name: str, strength: float) -> Clip:
    encoders = []
    for number, each in enumerate((clip, *clip.others), start=1):
        encoder = _changed(each.encoder, found.get(number, []), name, strength, None)
        encoders.append(each if encoder is each.encoder else replace(each, encoder=encoder))
    first, *others = encoders
    if all(new is old for new, old in zip(encoders, (clip, *clip.others), strict=True)):
        return clip
    return replace(first, others=tuple(others))


def _changed(
    network: nn.Module,
    layers: Sequence[tuple[LoraLayer, tuple[Target, ...]]],
    name: str,
    strength: float,
    per_path: PathStrength | None,
) -> nn.Module:
    """A copy of a network with these layers changed; the network itself if none is."""
    wanted = [
        (layer, target, strength * (per_path(target.path) if per_path else 1.0))
        for layer, targets in layers
        for target in targets
    ]
    wanted = [each for each in wanted if each[2]]
    if not wanted:
        return network
    copy = clone_modules(network)
    for layer, target, here in wanted:
        try:
            put(copy, target.path, partial(changed, layer=layer, target=target, strength=here))
        except _MisfitError as misfit:
            raise LoraError(
                f"{name} is for another model: its layer {layer.place} has {misfit.got}, where "
                f"{target.path} takes {misfit.expected}"
            ) from None
    return copy


def put(network: nn.Module, path: str, make: Callable[[nn.Module], nn.Module]) -> None:
    """Replace the layer at `path` by what `make` makes of it; what feeds a patched layer stays."""
    parent_path, _, name = path.rpartition(".")
    parent = network.get_submodule(parent_path)
    layer = parent.get_submodule(name)
    while "inner" in layer._modules:  # a hypernetwork before the layer
        parent, name, layer = layer, "inner", layer.get_submodule("inner")
    setattr(parent, name, make(layer))


def changed(base: nn.Module, layer: LoraLayer, target: Target, strength: float) -> nn.Module:
    """A layer with a difference: a new layer that has its weights."""
    if layer.kind == "full":
        return _with_difference(base, layer, target, strength)
    plain, before = (base.base_layer, base.deltas) if isinstance(base, Adapted) else (base, [])
    if isinstance(plain, nn.Embedding) or len(shape_of(plain)) not in (2, 4):
        raise _MisfitError(layer.kind, "none: it is no linear layer or convolution")
    return Adapted(plain, [*before, _delta(plain, layer, target, strength)])


class _MisfitError(ValueError):
    def __init__(self, got: object, expected: object) -> None:
        self.got, self.expected = got, expected
        super().__init__(f"got {got}, expected {expected}")


def _delta(base: nn.Module, layer: LoraLayer, target: Target, strength: float) -> Delta:
    scaled, shape = strength * layer.scale, shape_of(base)
    device, dtype = _home(base)
    rows = _rows(target, device)
    factors = {k: t.to(device, dtype) for k, t in layer.factors.items()}
    makers = {"lora": _low_rank, "loha": _hadamard, "lokr": _kronecker}
    try:
        delta = makers[layer.kind](factors, shape, rows, scaled)
    except (RuntimeError, IndexError):  # of shapes that cannot be multiplied
        shapes = {name: list(factor.shape) for name, factor in layer.factors.items()}
        raise _MisfitError(shapes, list(shape)) from None
    if "bias" in factors:
        bias = _taken(factors["bias"].flatten(), rows)
        _check(bias.shape, shape[:1])
        delta.bias = frozen(strength * bias)  # alpha is the product's alone
    if "magnitude" in factors or "row_magnitude" in factors:
        _set_magnitude(delta, factors, base.weight, rows)  # type: ignore[arg-type]
    return delta


def _home(layer: Any) -> tuple[torch.device, torch.dtype]:
    """Where a layer is, and in which precision it answers; quantised weights are not made."""
    held = layer._parameters.get("weight")
    if held is None:
        held = next(chain(layer.parameters(), layer.buffers()))
    own = getattr(layer, "dtype", None)
    dtype = own if isinstance(own, torch.dtype) else held.dtype
    return held.device, dtype if dtype.is_floating_point and dtype.itemsize > 1 else torch.float32


def _set_magnitude(
    delta: Delta, factors: Mapping[str, Tensor], weight: Tensor, rows: Tensor | None
) -> None:
    """Rows' lengths come as [out, 1 ...], columns' as [1, in ...]; peft has rows' alone."""
    given = factors.get("row_magnitude")
    if given is not None:
        magnitude, columns = _taken(given.flatten(), rows), False
    else:
        given = factors["magnitude"]
        columns = given.ndim > 1 and given.shape[0] == 1 and given.shape[1] == weight.shape[1]
        columns = columns and weight.shape[0] != 1
        magnitude = given.flatten() if columns else _taken(given.flatten(), rows)
    _check(magnitude.shape, (weight.shape[1 if columns else 0],))
    delta.set_magnitude(magnitude, weight, columns)


def _low_rank(
    factors: dict[str, Tensor], shape: tuple[int, ...], rows: Tensor | None, strength: float
) -> Delta:
    down, up, mid = factors["down"], factors["up"].flatten(1), factors.get("mid")
    up = _taken(up, rows)
    if mid is not None and len(shape) == 4 and mid.shape[2:] == shape[2:]:
        down = down.reshape(len(down), -1, 1, 1)
        _check((len(up), down.shape[1]), shape[:2])
        _check((up.shape[1], len(down)), mid.shape[:2])
    else:
        mid = None
        _check((len(up), *down.shape[1:]), shape)
        _check(up.shape[1:], down.shape[:1])
        down = down.reshape(len(down), *shape[1:])
    return LowRank(down, up, mid, strength)


def _hadamard(
    factors: dict[str, Tensor], shape: tuple[int, ...], rows: Tensor | None, strength: float
) -> Delta:
    tucker = "t1" in factors
    for name in ("w1_a", "w2_a"):
        # with a core the long side of `a` is the second one
        long = factors[name].T if tucker else factors[name]
        taken = _taken(long, rows)
        factors[name] = taken.T.contiguous() if tucker else taken
    delta = Hadamard(factors, strength)
    _check(delta.difference().shape, shape)
    return delta


def _kronecker(
    factors: dict[str, Tensor], shape: tuple[int, ...], rows: Tensor | None, strength: float
) -> Delta:
    delta = Kronecker(factors, rows, strength)
    _check(delta.difference().shape, shape)
    return delta


def _with_difference(
    base: nn.Module, layer: LoraLayer, target: Target, strength: float
) -> nn.Module:
    """A copy of a layer with new weights W + strength dW, where dW comes whole."""
    if isinstance(base, Adapted):
        under = _with_difference(base.base_layer, layer, target, strength)
        return Adapted(under, list(base.deltas))  # type: ignore[arg-type]
    copy = clone_modules(base)
    for name in ("weight", "bias"):
        change = layer.factors.get(name)
        if change is None:
            continue
        old = getattr(base, name, None)
        if old is None:
            old = torch.zeros(len(base.weight)).to(base.weight)  # type: ignore[arg-type]
        new = _taken(change.to(old.device), _rows(target, old.device)).float()
        _check(new.shape, old.shape)
        total = old.float() + strength * new.reshape(old.shape)
        setattr(copy, name, frozen(total.to(old.dtype)))
    return copy


def _rows(target: Target, device: torch.device) -> Tensor | None:
    if target.rows is None:
        return None
    return torch.cat([torch.arange(start, end, device=device) for start, end in target.rows])


def _taken(tensor: Tensor, rows: Tensor | None) -> Tensor:
    if rows is None:
        return tensor
    if len(tensor) <= int(rows.max()):
        raise _MisfitError(f"{len(tensor)} rows", f"{int(rows.max()) + 1} at least")
    return tensor[rows]


def _check(got: Sequence[int], expected: Sequence[int]) -> None:
    """Equal shapes, but for how a kernel of one pixel or a flattened one is written."""
    both = [tuple(shape) for shape in (got, expected)]
    flat = [(shape[:1], torch.Size(shape[1:]).numel()) for shape in both]
    if flat[0] != flat[1]:
        raise _MisfitError(list(both[0]), list(both[1]))
