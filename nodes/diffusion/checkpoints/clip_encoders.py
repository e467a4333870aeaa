"""CLIP's text encoders from names and shapes: as Hugging Face saves them, and as OpenCLIP does.

Three are in use: CLIP ViT-L/14 (`clip_l`), OpenCLIP ViT-H/14 (`clip_h`, Stable Diffusion 2) and
OpenCLIP ViT-bigG/14 (`clip_g`, Stable Diffusion XL).
"""

from __future__ import annotations

import re
from typing import Any

from nodes.diffusion.checkpoints.families import Part, Shapes, Source, chunk

_WIDTHS = {1280: "clip_g", 1024: "clip_h"}
_HEAD_SIZE = 64
_WHOLE = {
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}
_INNER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")
_PROJECTION = "text_projection.weight"
_TOKENS = "text_model.embeddings.token_embedding.weight"
_PLACES = "text_model.embeddings.position_embedding.weight"


def recognise(shapes: Shapes, prefix: str) -> tuple[str, Part] | None:
    """A CLIP text encoder of either layout with its kind; None where it is none."""
    original = "token_embedding.weight" in shapes and "positional_embedding" in shapes
    sources = _from_openclip(shapes) if original else _from_hugging_face(shapes)
    if _TOKENS not in sources or _PLACES not in sources:
        return None
    width = shapes[sources[_TOKENS].names[0]][1]
    kind = _kind(prefix, width, original)
    layers = 1 + max(map(_layer_of, sources))
    if kind == "clip_h" and (original or layers == 24):
        # Stable Diffusion 2 reads the last layer but one: as diffusers, it is not even loaded.
        layers -= 1
    kept = {name: source for name, source in sources.items() if _layer_of(name) < layers}
    if kind == "clip_h":
        kept.pop(_PROJECTION, None)
    part = Part("", {}, prefix, kept, _unread(shapes, kept))
    return kind, _configured(part, shapes, kind, layers)


def without_projection(part: Part) -> Part:
    """The same encoder for a family that reads its pooled state as it is."""
    if _PROJECTION not in part.sources:
        return part
    kept = {name: source for name, source in part.sources.items() if name != _PROJECTION}
    unread = part.unread | set(part.sources[_PROJECTION].names)
    return Part("CLIPTextModel", part.config, part.prefix, kept, unread)


def _from_hugging_face(shapes: Shapes) -> dict[str, Source]:
    bare = "embeddings.token_embedding.weight" in shapes  # as transformers 5 calls them
    found = {}
    for name in shapes:
        new = f"text_model.{name}" if bare and name != _PROJECTION else name
        if new == _PROJECTION or (new.startswith("text_model.") and "position_ids" not in new):
            found[new] = Source((name,))
    return found


def _from_openclip(shapes: Shapes) -> dict[str, Source]:
    found = {}
    for name in shapes:
        if name in _WHOLE:
            found[_WHOLE[name]] = Source((name,))
        elif name == "text_projection":
            found[_PROJECTION] = Source((name,), _transposed)
        elif name == _PROJECTION:
            found[name] = Source((name,))
        elif match := _BLOCK.match(name):
            found.update(_block(match[1], match[2], name))
    return found


def _block(layer: str, inner: str, name: str) -> dict[str, Source]:
    """One tensor of a layer; queries, keys and values lie in one."""
    base = f"text_model.encoder.layers.{layer}"
    if inner.startswith("attn.in_proj_"):
        kind = inner.removeprefix("attn.in_proj_")
        return {
            f"{base}.self_attn.{letter}_proj.{kind}": Source((name,), chunk(at, 3))
            for at, letter in enumerate("qkv")
        }
    module, _, last = inner.rpartition(".")
    return {f"{base}.{_INNER.get(module, module)}.{last}": Source((name,))}


def _transposed(weight: Any) -> Any:
    return weight.T


def _unread(shapes: Shapes, kept: dict[str, Source]) -> frozenset[str]:
    return frozenset(shapes.keys() - {name for source in kept.values() for name in source.names})


def _layer_of(name: str) -> int:
    match = re.search(r"\.layers\.(\d+)\.", name)
    return int(match[1]) if match else -1


def _kind(prefix: str, width: int, original: bool) -> str:
    if prefix.startswith(("conditioner.embedders.1.", "text_encoders.clip_g", "text_encoder_2.")):
        return "clip_g"
    if prefix == "conditioner.embedders.0.model.":  # the refiner's only one
        return "clip_g"
    if prefix == "cond_stage_model.model.":
        return "clip_h"
    return _WIDTHS.get(width, "clip_g" if original else "clip_l")


def _configured(part: Part, shapes: Shapes, kind: str, layers: int) -> Part:
    def shape(name: str) -> tuple[int, ...]:
        return shapes[part.sources[name].names[0]]

    vocabulary, width = shape(_TOKENS)
    projected = _PROJECTION in part.sources
    out = width
    if projected:
        flipped = part.sources[_PROJECTION].change is not None
        out = shape(_PROJECTION)[1 if flipped else 0]
    config = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shape("text_model.encoder.layers.0.mlp.fc1.weight")[0],
        "projection_dim": out,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // _HEAD_SIZE),
        "max_position_embeddings": shape(_PLACES)[0],
        "hidden_act": "quick_gelu" if kind == "clip_l" else "gelu",
        # The end mark: what pooling looks for.
        "bos_token_id": 49406,
        "eos_token_id": 49407,
    }
    cls = "CLIPTextModelWithProjection" if projected else "CLIPTextModel"
    return Part(cls, config, part.prefix, part.sources, part.unread)
