"""What is in a LoRA file: its tensors, sorted by the layer that each changes and what it is there.

Every trainer has its own names for the same few factors. A name's end tells the factor; what stands
before it is the place, which is made sense of when the LoRA meets a model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from nodes.types import Lora, LoraLayer

_PEFT = r"(?:\.[A-Za-z]\w*)?"
"""The adapter's own name, which peft puts between a factor and `weight`: `.default`."""

_ENDS: tuple[tuple[str, str], ...] = (
    # LoRA: kohya, diffusers of several ages, peft, the first Flux trainers
    (r"\.lora_up\.weight|(?:\.|_)lora\.up\.weight|\.lora_linear_layer\.up\.weight", "up"),
    (r"\.lora_down\.weight|(?:\.|_)lora\.down\.weight|\.lora_linear_layer\.down\.weight", "down"),
    (rf"\.lora_B(?!\.bias){_PEFT}\.weight|\.up\.weight", "up"),
    (rf"\.lora_A{_PEFT}\.weight|\.down\.weight", "down"),
    (rf"\.lora_B{_PEFT}\.bias", "up_bias"),
    (r"\.lora_mid\.weight", "mid"),
    (r"(?:(?:\.|_)lora|\.lora_linear_layer)?\.alpha", "alpha"),
    # DoRA
    (r"\.dora_scale", "magnitude"),
    (rf"\.lora_magnitude_vector{_PEFT}(?:\.weight)?", "row_magnitude"),
    # LoHa, LoKr
    *((rf"\.hada_{name}{_PEFT}", name) for name in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")),
    *(
        (rf"\.lokr_{name}{_PEFT}", f"k_{name}")
        for name in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")
    ),
    # the difference itself
    (r"\.diff|\.w_norm", "weight"),
    (r"\.diff_b|\.b_norm", "bias"),
)
_FACTORS = [(re.compile(f"(.+?)(?:{end})"), factor) for end, factor in _ENDS]

Scaling = Callable[[str, int], "float | None"]
"""(place, rank) → scale, where a file's metadata says it; else None."""


class LoraError(ValueError):
    """A file holds no LoRA, a damaged one, or one for another model."""


def parse(name: str, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Lora:
    """The LoRA that `tensors` are.

    Raises:
        LoraError: few known factors or none, a layer that is not whole, a number that is none.
    """
    grouped: dict[str, dict[str, Tensor]] = {}
    unknown = []
    for key, tensor in tensors.items():
        found = split_key(key)
        if found is None:
            unknown.append(key)
        else:
            grouped.setdefault(found[0], {})[found[1]] = tensor
    if not grouped:
        got = ", ".join(unknown[:3]) or "no tensor at all"
        raise LoraError(f"{name} holds no LoRA: its tensors are {got}")
    if 2 * len(unknown) > len(tensors):
        raise LoraError(
            f"{name}: {len(unknown)} of its {len(tensors)} tensors are no known factor of a LoRA, "
            f"LoHa, LoKr or DoRA, among them {unknown[0]}"
        )
    _check_finite(name, tensors)
    scaling = scaling_of(metadata)
    layers = [
        _layer(name, place, factors, scaling)
        for place, factors in grouped.items()
        if set(factors) != {"alpha"}
    ]
    return Lora(name, tuple(layers), dict(metadata), tuple(unknown))


def split_key(key: str) -> tuple[str, str] | None:
    """(place, factor) of a tensor's name, or None if it is no factor of anything known."""
    for pattern, factor in _FACTORS:
        match = pattern.fullmatch(key)
        if match:
            return match[1], factor
    return None


def _layer(name: str, place: str, given: dict[str, Tensor], scaling: Scaling) -> LoraLayer:
    factors = {key: tensor.detach() for key, tensor in given.items()}
    alpha = factors.pop("alpha", None)
    kind, needed, rank = _kind(factors)
    missing = [key for key in needed if key not in factors]
    if missing:
        have = ", ".join(sorted(given))
        raise LoraError(f"{name}: layer {place} has {have}, but no {' and no '.join(missing)}")
    if kind == "lora" and "mid" not in factors and factors["up"].shape[1:2] != (rank,):
        up, down = (list(factors[key].shape) for key in ("up", "down"))
        raise LoraError(
            f"{name}: layer {place} expected factors of one rank, found {up} and {down}"
        )
    scale = None if kind == "full" else scaling(place, rank)
    if scale is None:
        scale = 1.0 if alpha is None or not rank else float(alpha) / rank
    if "up_bias" in factors:
        factors["bias"] = scale * factors.pop("up_bias")
    return LoraLayer(place, kind, factors, scale)


def _kind(factors: Mapping[str, Tensor]) -> tuple[str, tuple[str, ...], int]:
    """(kind, the factors that it cannot be without, rank); rank 0 where there is none."""
    if "up" in factors or "down" in factors:
        rank = len(factors["down"]) if "down" in factors else 0
        return "lora", ("down", "up"), rank
    if any(key.startswith("w1_") for key in factors):
        rank = len(factors["w1_b"]) if "w1_b" in factors else 0
        return "loha", ("w1_a", "w1_b", "w2_a", "w2_b"), rank
    if any(key.startswith("k_") for key in factors):
        first = ("k_w1",) if "k_w1" in factors else ("k_w1_a", "k_w1_b")
        second = ("k_w2",) if "k_w2" in factors else ("k_w2_a", "k_w2_b")
        inner = next((factors[k] for k in ("k_w2_b", "k_w1_b") if k in factors), None)
        return "lokr", first + second, 0 if inner is None else len(inner)
    return "full", (), 0


def _check_finite(name: str, tensors: Mapping[str, Tensor]) -> None:
    for key, tensor in tensors.items():
        if not bool(tensor.float().isfinite().all()):
            raise LoraError(f"{name}: {key} holds numbers that are not finite (NaN or infinity)")


def scaling_of(metadata: Mapping[str, str]) -> Scaling:
    """alpha / rank as the metadata tells it: diffusers writes peft's config there.

    Kaplan & Hu's scaling by the root of the rank, rsLoRA (Kalajdzievski 2023, arXiv 2312.03732), is
    told there too.
    """
    text = metadata.get("lora_adapter_metadata", "")
    try:
        config: dict[str, Any] = json.loads(text) if text else {}
    except ValueError:
        config = {}
    if not config:
        return lambda place, rank: None

    def scaling(place: str, rank: int) -> float | None:
        component = place.partition(".")[0]
        own = {k.partition(".")[2]: v for k, v in config.items() if k.startswith(f"{component}.")}
        own = own or config
        if "lora_alpha" not in own and "alpha" not in own:
            return None
        rank = rank or int(own.get("r", 1))  # two whole factors of a LoKr do not tell it
        alpha = float(own.get("lora_alpha", own.get("alpha", rank)))
        for pattern, value in (own.get("alpha_pattern") or {}).items():
            if re.fullmatch(rf"(?:.*\.)?{pattern}", place):
                alpha = float(value)
        return alpha / (rank**0.5 if own.get("use_rslora") else rank)

    return scaling
