"""Writing a LoRA file under names that ComfyUI, diffusers and the trainers read.

Layers of a UNet and its text encoders get kohya's names; those of a transformer keep their path and
get peft's, which diffusers reads there.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes.types import Lora, LoraLayer

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
_KOHYA = {
    "up": ".lora_up.weight",
    "down": ".lora_down.weight",
    "mid": ".lora_mid.weight",
    "magnitude": ".dora_scale",
    "row_magnitude": ".dora_scale",
    "weight": ".diff",
    "bias": ".diff_b",
}
_PEFT = {
    "up": ".lora_B.weight",
    "down": ".lora_A.weight",
    "row_magnitude": ".lora_magnitude_vector",
}
_DOTTED = re.compile(r"(unet|text_encoder(?:_[23])?)\.(.+)")


def save_lora(lora: Lora, path: Path, dtype: str = "float32") -> None:
    """Write one safetensors file, with the metadata that the LoRA came with."""
    save_file(named_tensors(lora, DTYPES[dtype]), path, _metadata(lora))


def named_tensors(lora: Lora, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """The factors under the names of a file."""
    several = any(layer.place.startswith(("text_encoder_", "lora_te2")) for layer in lora.layers)
    of_transformer = any(layer.place.startswith("transformer.") for layer in lora.layers)
    found: dict[str, Tensor] = {}
    for layer in lora.layers:
        place = layer.place if of_transformer else _kohya_place(layer.place, several)
        found.update(_named(layer, place, dtype))
    return found


def _kohya_place(place: str, several: bool) -> str:
    match = _DOTTED.fullmatch(place)
    if not match:
        return place
    number = match[1].removeprefix("text_encoder").removeprefix("_") or ("1" if several else "")
    prefix = "lora_unet_" if match[1] == "unet" else f"lora_te{number}_"
    return prefix + match[2].replace(".", "_")


def _named(layer: LoraLayer, place: str, dtype: torch.dtype) -> dict[str, Tensor]:
    factors = {name: _stored(tensor, dtype) for name, tensor in layer.factors.items()}
    ends, rank = _KOHYA, rank_of(layer)
    if "." in place and set(factors) <= set(_PEFT):
        ends = _PEFT
        if layer.scale != 1:  # peft's names have no place for alpha
            factors["up"] = _stored(layer.factors["up"].float() * layer.scale, dtype)
    elif "row_magnitude" in factors:
        factors["row_magnitude"] = factors["row_magnitude"].reshape(-1, 1)
    found = {place + _end(name, ends): tensor for name, tensor in factors.items()}
    if rank and ends is _KOHYA:
        found[f"{place}.alpha"] = torch.tensor(layer.scale * rank)
    return found


def _end(name: str, ends: dict[str, str]) -> str:
    if name.startswith("k_"):
        return f".lokr_{name[2:]}"
    return ends.get(name, f".hada_{name}")


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to("cpu", dtype).clone(memory_format=torch.contiguous_format)


def rank_of(layer: LoraLayer) -> int:
    """The rank of a layer's factors, 0 where dW is whole."""
    inner = ("down", "w1_b", "k_w2_b", "k_w1_b")
    return next((len(layer.factors[name]) for name in inner if name in layer.factors), 0)


def _metadata(lora: Lora) -> dict[str, str]:
    """What the file said of itself, but for the scales: those are in the factors now."""
    kept = {k: v for k, v in lora.metadata.items() if k != "lora_adapter_metadata"}
    return {"format": "pt", **kept}
