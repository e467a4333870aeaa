"""Which layers of a model a LoRA's names mean.

All trainers name a layer by its path in somebody's code, with dots or with underscores and after
some prefix. So a network's paths, in our own words and in its first publisher's, are looked up with
underscores for dots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from nodes.diffusion.adapters.original_names import Target, layer_paths, original_names
from nodes.types import Clip

_DENOISER = (
    "lora_unet_",
    "lora_transformer_",
    "lycoris_",
    "unet_",
    "transformer_",
    "model_diffusion_model_",
    "diffusion_model_",
    "base_model_model_",
)
_ENCODERS: tuple[tuple[str, int, str], ...] = (
    # prefix, its place in the order of encoders, or else its kind
    ("lora_te1_", 0, ""),
    ("lora_te2_", 1, "clip_g"),
    ("lora_te3_", 2, "t5"),
    ("lora_te_", 0, ""),
    ("text_encoder_2_", 1, "clip_g"),
    ("text_encoder_3_", 2, "t5"),
    ("text_encoder_", 0, ""),
    ("text_encoders_clip_l_", -1, "clip_l"),
    ("text_encoders_clip_g_", -1, "clip_g"),
    ("text_encoders_clip_h_", -1, "clip_h"),
    ("text_encoders_t5xxl_", -1, "t5"),
)
_WRAPPERS = ("base_model_model_", "transformer_")

Names = dict[str, tuple[Target, ...]]


@dataclass(frozen=True)
class Found:
    """What a place means: in which network (0 the denoiser, 1 … the text encoders, None in one that
    is not there), and which of its layers; none where it has no such layer."""

    network: int | None
    targets: tuple[Target, ...] = ()


class Places:
    """The layers of a denoiser and of text encoders, by all the names they go by."""

    def __init__(self, denoiser: nn.Module | None, clip: Clip | None = None) -> None:
        encoders = [] if clip is None else [clip, *clip.others]
        self._kinds = [encoder.kind for encoder in encoders]
        self._denoiser = {} if denoiser is None else denoiser_names(denoiser)
        self._encoders = [encoder_names(e.encoder) if e.encoder else {} for e in encoders]

    def find(self, place: str) -> Found:
        flat = _flat(place)
        for prefix, order, kind in _ENCODERS:
            if flat.startswith(prefix):
                return self._in_encoder(flat.removeprefix(prefix), order, kind)
        for rest in _without(flat, _DENOISER):
            if rest in self._denoiser:
                return Found(0, self._denoiser[rest])
        return Found(0 if self._denoiser else None)

    def _in_encoder(self, name: str, order: int, kind: str) -> Found:
        number = self._number(order, kind)
        if number is None:
            return Found(None)
        names = self._encoders[number]
        for rest in _without(name, _WRAPPERS):
            if rest in names:
                return Found(number + 1, names[rest])
        return Found(number + 1)

    def _number(self, order: int, kind: str) -> int | None:
        if 0 <= order < len(self._kinds):
            return order
        return next((n for n, k in enumerate(self._kinds) if kind and k.endswith(kind)), None)


def is_for_encoder(place: str) -> bool:
    """Whether a place is in a text encoder, by its prefix."""
    return _flat(place).startswith(tuple(prefix for prefix, _, _ in _ENCODERS))


def denoiser_names(network: nn.Module) -> Names:
    """Every name a denoiser's layer goes by, with underscores → the layers it means."""
    names: Names = {}
    for path in layer_paths(network):
        names[_flat(path)] = (Target(path),)
        if path.endswith(".to_out.0"):
            names[_flat(path.removesuffix(".0"))] = (Target(path),)
    for name, targets in original_names(network).items():
        names.setdefault(_flat(name), targets)
    for name, targets in list(names.items()):
        if "_attn" in name:  # where diffusers once kept LoRAs: attn1.processor.to_q_lora
            head, _, last = name.partition("_to_")
            names.setdefault(f"{head}_processor_to_{last}", targets)
    return names


def encoder_names(network: nn.Module) -> Names:
    """Every name a text encoder's layer goes by. Which level holds the layers, `text_model` or the
    top, has changed with the library's age; LoRAs say `text_model`."""
    names: Names = {}
    for path in layer_paths(network):
        target = (Target(path),)
        for name in (path.removeprefix("text_model."), path):
            names[_flat(name)] = target
            names[_flat(f"text_model.{name}")] = target
    for name, targets in list(names.items()):
        for ours, older in (("q_proj", "to_q"), ("k_proj", "to_k"), ("v_proj", "to_v")):
            names.setdefault(name.replace(f"self_attn_{ours}", f"self_attn_{older}"), targets)
        names.setdefault(name.replace("self_attn_out_proj", "self_attn_to_out"), targets)
    return names


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _without(name: str, prefixes: Sequence[str]) -> Iterator[str]:
    """The name as it is, and without any of the prefixes, and without any of them again."""
    yield name
    for prefix in prefixes:
        if name.startswith(prefix):
            yield from _without(name.removeprefix(prefix), prefixes)
