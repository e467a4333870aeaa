"""Flux dev and schnell from names and shapes, in the original layout or diffusers'.

dev was distilled from guided answers and is told the guidance scale, by a network of its own;
schnell was distilled into few steps and has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.families import Detected, Family, Part, Shapes
from nodes.diffusion.checkpoints.header import Header
from nodes.diffusion.checkpoints.layouts import Split, Swapped, split
from nodes.types import FlowSchedule

CLASS = "FluxTransformer2DModel"


def dev_levels() -> FlowSchedule:
    """dev's levels for 1024 × 1024 pixels; `model_sampling.flux` makes those for other sizes."""
    from nodes.diffusion.schedules import shift_for_tokens

    return FlowSchedule(shift_for_tokens(4096, 0.5, 1.15, 256, 4096), multiplier=1.0)


def schnell_levels() -> FlowSchedule:
    """schnell's levels, which are evenly spaced."""
    return FlowSchedule(multiplier=1.0)


FLUX = Family(
    "flux",
    "Flux",
    CLASS,
    ("clip_l", "t5"),
    dev_levels,
    prediction="flow",
    scaling=0.3611,
    shift=0.1159,
    latent_channels=16,
    size=1024,
)
FAMILIES = (FLUX,)


def family_of(config: Mapping[str, Any]) -> Family:
    """dev's family or schnell's, by the configuration as diffusers writes it."""
    return FLUX if config.get("guidance_embeds") else replace(FLUX, schedule=schnell_levels)


_OLD, _NEW = "double_blocks.#", "transformer_blocks.#"
_OLD_ONE, _NEW_ONE = "single_blocks.#", "single_transformer_blocks.#"
_JOINT = ("to_q", 1), ("to_k", 1), ("to_v", 1)
TABLE: dict[str, Any] = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
    "final_layer.adaLN_modulation.1": Swapped("norm_out.linear"),
    f"{_OLD}.img_mod.lin": f"{_NEW}.norm1.linear",
    f"{_OLD}.txt_mod.lin": f"{_NEW}.norm1_context.linear",
    f"{_OLD}.img_attn.qkv": split(f"{_NEW}.attn", "to_q", "to_k", "to_v"),
    f"{_OLD}.txt_attn.qkv": split(f"{_NEW}.attn", "add_q_proj", "add_k_proj", "add_v_proj"),
    f"{_OLD}.img_attn.norm.query_norm.scale": f"{_NEW}.attn.norm_q.weight",
    f"{_OLD}.img_attn.norm.key_norm.scale": f"{_NEW}.attn.norm_k.weight",
    f"{_OLD}.txt_attn.norm.query_norm.scale": f"{_NEW}.attn.norm_added_q.weight",
    f"{_OLD}.txt_attn.norm.key_norm.scale": f"{_NEW}.attn.norm_added_k.weight",
    f"{_OLD}.img_attn.proj": f"{_NEW}.attn.to_out.0",
    f"{_OLD}.txt_attn.proj": f"{_NEW}.attn.to_add_out",
    f"{_OLD}.img_mlp.0": f"{_NEW}.ff.net.0.proj",
    f"{_OLD}.img_mlp.2": f"{_NEW}.ff.net.2",
    f"{_OLD}.txt_mlp.0": f"{_NEW}.ff_context.net.0.proj",
    f"{_OLD}.txt_mlp.2": f"{_NEW}.ff_context.net.2",
    f"{_OLD_ONE}.modulation.lin": f"{_NEW_ONE}.norm.linear",
    # Queries, keys and values as wide as the network, and four times as much of the feed-forward.
    f"{_OLD_ONE}.linear1": Split(
        (*((f"{_NEW_ONE}.attn.{name}", n) for name, n in _JOINT), (f"{_NEW_ONE}.proj_mlp", 4))
    ),
    f"{_OLD_ONE}.linear2": f"{_NEW_ONE}.proj_out",
    f"{_OLD_ONE}.norm.query_norm.scale": f"{_NEW_ONE}.attn.norm_q.weight",
    f"{_OLD_ONE}.norm.key_norm.scale": f"{_NEW_ONE}.attn.norm_k.weight",
}
_ORIGINAL = (
    "img_in.weight",
    "txt_in.weight",
    "vector_in.in_layer.weight",
    "final_layer.linear.weight",
)
_DIFFUSERS = ("x_embedder.weight", "context_embedder.weight", "proj_out.weight")
_TEXT = "time_text_embed.text_embedder.linear_1.weight"
_NORM = "transformer_blocks.0.attn.norm_q.weight"


def recognise(shapes: Shapes, prefix: str, header: Header) -> Detected | None:
    """A Flux of either layout; None where this is none."""
    if all(name in shapes for name in _ORIGINAL):
        laid = layouts.lay(shapes, TABLE, ("double_blocks", "single_blocks"), frozenset())
    elif all(name in shapes for name in _DIFFUSERS):
        laid = layouts.as_it_is(shapes)
    else:
        return None
    if not {_TEXT, _NORM, "single_transformer_blocks.0.proj_mlp.weight"} <= laid.shapes.keys():
        return None
    config = config_of(laid.shapes)
    part = Part(CLASS, config, prefix, laid.sources, laid.unread)
    return Detected(FLUX, {"denoiser": part}, schedule=family_of(config).schedule)


def config_of(shapes: Shapes) -> dict[str, Any]:
    """diffusers' configuration from its names and shapes."""
    inner, channels = shapes["x_embedder.weight"]
    (head,) = shapes[_NORM]
    return {
        "patch_size": 1,
        "in_channels": channels,
        "out_channels": shapes["proj_out.weight"][0],
        "num_layers": layouts.count(shapes, "transformer_blocks"),
        "num_single_layers": layouts.count(shapes, "single_transformer_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": inner // head,
        "joint_attention_dim": shapes["context_embedder.weight"][1],
        "pooled_projection_dim": shapes[_TEXT][1],
        "guidance_embeds": "time_text_embed.guidance_embedder.linear_1.weight" in shapes,
        "axes_dims_rope": _axes(head),
    }


def _axes(head: int) -> list[int]:
    """How a head's numbers are shared out among text, rows and columns: 16, 56 and 56 of 128."""
    side = 7 * head // 16 // 2 * 2  # in pairs of a sine and a cosine
    return [head - 2 * side, side, side]
