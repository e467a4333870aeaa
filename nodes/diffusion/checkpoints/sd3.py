"""Stable Diffusion 3 and 3.5 from names and shapes, in the original layout or diffusers'.

Esser et al. 2024, arXiv 2403.03206. 3.5 norms queries and keys; 3.5 medium has a second attention
in its first blocks, which sees the picture alone.
"""

from __future__ import annotations

import math
from typing import Any

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.families import Detected, Family, Part, Shapes, Source
from nodes.diffusion.checkpoints.header import Header
from nodes.diffusion.checkpoints.layouts import Laid, Swapped, split
from nodes.types import FlowSchedule

CLASS = "SD3Transformer2DModel"

SD3 = Family(
    "sd3",
    "Stable Diffusion 3",
    CLASS,
    ("clip_l", "clip_g", "t5"),
    lambda: FlowSchedule(shift=3.0),
    prediction="flow",
    scaling=1.5305,
    shift=0.0609,
    latent_channels=16,
    size=1024,
    optional=("t5",),
)
FAMILIES = (SD3,)

_X, _C, _NEW = "joint_blocks.#.x_block", "joint_blocks.#.context_block", "transformer_blocks.#"
TABLE: dict[str, Any] = {
    "pos_embed": "pos_embed.pos_embed",
    "x_embedder.proj": "pos_embed.proj",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "context_embedder": "context_embedder",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": Swapped("norm_out.linear"),
    f"{_X}.adaLN_modulation.1": f"{_NEW}.norm1.linear",
    f"{_X}.attn.qkv": split(f"{_NEW}.attn", "to_q", "to_k", "to_v"),
    f"{_X}.attn.ln_q": f"{_NEW}.attn.norm_q",
    f"{_X}.attn.ln_k": f"{_NEW}.attn.norm_k",
    f"{_X}.attn.proj": f"{_NEW}.attn.to_out.0",
    f"{_X}.attn2.qkv": split(f"{_NEW}.attn2", "to_q", "to_k", "to_v"),
    f"{_X}.attn2.ln_q": f"{_NEW}.attn2.norm_q",
    f"{_X}.attn2.ln_k": f"{_NEW}.attn2.norm_k",
    f"{_X}.attn2.proj": f"{_NEW}.attn2.to_out.0",
    f"{_X}.mlp.fc1": f"{_NEW}.ff.net.0.proj",
    f"{_X}.mlp.fc2": f"{_NEW}.ff.net.2",
    f"{_C}.adaLN_modulation.1": f"{_NEW}.norm1_context.linear",
    f"{_C}.attn.qkv": split(f"{_NEW}.attn", "add_q_proj", "add_k_proj", "add_v_proj"),
    f"{_C}.attn.ln_q": f"{_NEW}.attn.norm_added_q",
    f"{_C}.attn.ln_k": f"{_NEW}.attn.norm_added_k",
    f"{_C}.attn.proj": f"{_NEW}.attn.to_add_out",
    f"{_C}.mlp.fc1": f"{_NEW}.ff_context.net.0.proj",
    f"{_C}.mlp.fc2": f"{_NEW}.ff_context.net.2",
}
_ORIGINAL = ("pos_embed", "x_embedder.proj.weight", "joint_blocks.0.context_block.attn.qkv.weight")
_DIFFUSERS = (
    "pos_embed.pos_embed",
    "pos_embed.proj.weight",
    "transformer_blocks.0.attn.to_q.weight",
)
_TEXT = "time_text_embed.text_embedder.linear_1.weight"


def recognise(shapes: Shapes, prefix: str, header: Header) -> Detected | None:
    """A Stable Diffusion 3 of either layout; None where this is none."""
    if all(name in shapes for name in _ORIGINAL):
        laid = _from_original(shapes)
    elif all(name in shapes for name in _DIFFUSERS):
        laid = layouts.as_it_is(shapes)
    else:
        return None
    if _TEXT not in laid.shapes or "proj_out.weight" not in laid.shapes:
        return None
    part = Part(CLASS, config_of(laid.shapes), prefix, laid.sources, laid.unread)
    return Detected(SD3, {"denoiser": part})


def config_of(shapes: Shapes) -> dict[str, Any]:
    """diffusers' configuration from its names and shapes."""
    inner, channels, patch, _ = shapes["pos_embed.proj.weight"]
    layers = layouts.count(shapes, "transformer_blocks")
    # Without norms no shape tells how many heads there are: as many as blocks, by the paper.
    normed = shapes.get("transformer_blocks.0.attn.norm_q.weight")
    head = normed[0] if normed else max(1, inner // layers)
    width, text = shapes["context_embedder.weight"]
    twice = [k for k in range(layers) if f"transformer_blocks.{k}.attn2.to_q.weight" in shapes]
    return {
        "sample_size": SD3.size // 8,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": shapes["proj_out.weight"][0] // patch**2,
        "num_layers": layers,
        "attention_head_dim": head,
        "num_attention_heads": inner // head,
        "joint_attention_dim": text,
        "caption_projection_dim": width,
        "pooled_projection_dim": shapes[_TEXT][1],
        "pos_embed_max_size": math.isqrt(shapes["pos_embed.pos_embed"][1]),
        "dual_attention_layers": twice,
        "qk_norm": "rms_norm" if normed else None,
    }


def _from_original(shapes: Shapes) -> Laid:
    laid = layouts.lay(shapes, TABLE, ("joint_blocks",), frozenset())
    # The text's way ends in the last block, whose norm has its two halves as the final one has.
    last = layouts.count(shapes, "joint_blocks") - 1
    for word in ("weight", "bias"):
        name = f"transformer_blocks.{last}.norm1_context.linear.{word}"
        if name in laid.sources:
            laid.sources[name] = Source(laid.sources[name].names, layouts.swap_halves)
    return laid
