"""Class-conditional DiT from names and shapes, in the original layout or diffusers'. Peebles & Xie
2022, arXiv 2212.09748."""

from __future__ import annotations

import math
from typing import Any

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.families import Detected, Family, Part, Shapes, Source
from nodes.diffusion.checkpoints.header import Header
from nodes.diffusion.checkpoints.layouts import Laid, split
from nodes.diffusion.checkpoints.pixart import linear_betas

CLASS = "DiTTransformer2DModel"

DIT = Family("dit", "DiT", CLASS, (), linear_betas, size=256)
FAMILIES = (DIT,)

_HEAD_SIZES = {1152: 72}  # of DiT-XL; L, B and S have 64
_SMALLEST = 32  # latent pixels a side of the model for 256 × 256
_OLD, _NEW = "blocks.#", "transformer_blocks.#"
_TABLE: dict[str, Any] = {
    "x_embedder.proj": "pos_embed.proj",
    "final_layer.adaLN_modulation.1": "proj_out_1",
    "final_layer.linear": "proj_out_2",
    f"{_OLD}.adaLN_modulation.1": f"{_NEW}.norm1.linear",
    f"{_OLD}.attn.qkv": split(f"{_NEW}.attn1", "to_q", "to_k", "to_v"),
    f"{_OLD}.attn.proj": f"{_NEW}.attn1.to_out.0",
    f"{_OLD}.mlp.fc1": f"{_NEW}.ff.net.0.proj",
    f"{_OLD}.mlp.fc2": f"{_NEW}.ff.net.2",
}
# What diffusers keeps in every block, and the original once.
_SHARED = {
    "y_embedder.embedding_table.weight": "class_embedder.embedding_table.weight",
    **{
        f"t_embedder.mlp.{2 * k}.{word}": f"timestep_embedder.linear_{k + 1}.{word}"
        for k in (0, 1)
        for word in ("weight", "bias")
    },
}
_LABELS = "transformer_blocks.0.norm1.emb.class_embedder.embedding_table.weight"
_PLACES = "pos_embed"  # which a network works out for itself


def recognise(shapes: Shapes, prefix: str, header: Header) -> Detected | None:
    """A DiT of either layout; None where this is none."""
    if "y_embedder.embedding_table.weight" in shapes and "x_embedder.proj.weight" in shapes:
        laid = _from_original(shapes)
    elif _LABELS in shapes:
        laid = layouts.as_it_is(shapes)
    else:
        return None
    if not all(n in laid.shapes for n in ("pos_embed.proj.weight", "proj_out_2.weight", _LABELS)):
        return None
    places = shapes.get(_PLACES, (1, 0))[1]
    part = Part(CLASS, config_of(laid.shapes, places), prefix, laid.sources, laid.unread)
    return Detected(DIT, {"denoiser": part})


def config_of(shapes: Shapes, places: int = 0) -> dict[str, Any]:
    """diffusers' configuration from its names and shapes. `places` is how many patches a picture
    had in training; where a file does not say it, 256 × 256 pixels are taken for granted."""
    inner, channels, patch, _ = shapes["pos_embed.proj.weight"]
    head = _HEAD_SIZES.get(inner, 64)
    heads = max(1, inner // head)
    return {
        "sample_size": math.isqrt(places) * patch or _SMALLEST,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": shapes["proj_out_2.weight"][0] // patch**2,
        "num_layers": layouts.count(shapes, "transformer_blocks"),
        "attention_head_dim": inner // heads,
        "num_attention_heads": heads,
        # One label more is in the table: none.
        "num_embeds_ada_norm": shapes[_LABELS][0] - 1,
    }


def _from_original(shapes: Shapes) -> Laid:
    unread = frozenset((_PLACES, *_SHARED))
    laid = layouts.lay(shapes, _TABLE, ("blocks",), unread)
    for block in range(layouts.count(shapes, "blocks")):
        for old, new in _SHARED.items():
            if old in shapes:
                name = f"transformer_blocks.{block}.norm1.emb.{new}"
                laid.sources[name] = Source((old,))
                laid.shapes[name] = shapes[old]
    return Laid(laid.sources, laid.shapes, frozenset((_PLACES,)) & shapes.keys())
