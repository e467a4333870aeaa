"""AuraFlow from names and shapes, in the original layout or diffusers'."""

from __future__ import annotations

from typing import Any

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.families import Detected, Family, Part, Shapes
from nodes.diffusion.checkpoints.header import Header
from nodes.diffusion.checkpoints.layouts import Swapped
from nodes.types import FlowSchedule

CLASS = "AuraFlowTransformer2DModel"

AURAFLOW = Family(
    "auraflow",
    "AuraFlow",
    CLASS,
    ("umt5",),
    lambda: FlowSchedule(shift=1.73, multiplier=1.0),
    prediction="flow",
    scaling=0.13025,
    size=1024,
)
FAMILIES = (AURAFLOW,)

_HEAD_SIZE = 256
_PATCH = 2
_OLD, _NEW = "double_layers.#", "joint_transformer_blocks.#"
_OLD_ONE, _NEW_ONE = "single_layers.#", "single_transformer_blocks.#"


def _feed_forward(old: str, new: str) -> dict[str, str]:
    names = {"c_fc1": "linear_1", "c_fc2": "linear_2", "c_proj": "out_projection"}
    return {f"{old}.{name}": f"{new}.{renamed}" for name, renamed in names.items()}


def _attention(old: str, new: str, text: bool) -> dict[str, str]:
    """Queries, keys, values and the way out; the text's are numbered 1 where there are both."""
    picture = dict(zip("qkvo", ("to_q", "to_k", "to_v", "to_out.0"), strict=True))
    prompt = dict(
        zip("qkvo", ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), strict=True)
    )
    ways = {"w1": prompt, "w2": picture} if text else {"w1": picture}
    return {
        f"{old}.attn.{way}{letter}": f"{new}.attn.{name}"
        for way, names in ways.items()
        for letter, name in names.items()
    }


TABLE: dict[str, Any] = {
    "positional_encoding": "pos_embed.pos_embed",
    "register_tokens": "register_tokens",
    "init_x_linear": "pos_embed.proj",
    "t_embedder.mlp.0": "time_step_proj.linear_1",
    "t_embedder.mlp.2": "time_step_proj.linear_2",
    "cond_seq_linear": "context_embedder",
    "final_linear": "proj_out",
    "modF.1": Swapped("norm_out.linear"),
    f"{_OLD}.modX.1": f"{_NEW}.norm1.linear",
    f"{_OLD}.modC.1": f"{_NEW}.norm1_context.linear",
    f"{_OLD_ONE}.modCX.1": f"{_NEW_ONE}.norm1.linear",
    **_attention(_OLD, _NEW, text=True),
    **_attention(_OLD_ONE, _NEW_ONE, text=False),
    **_feed_forward(f"{_OLD}.mlpX", f"{_NEW}.ff"),
    **_feed_forward(f"{_OLD}.mlpC", f"{_NEW}.ff_context"),
    **_feed_forward(f"{_OLD_ONE}.mlp", f"{_NEW_ONE}.ff"),
}
_ORIGINAL = ("positional_encoding", "register_tokens", "init_x_linear.weight", "modF.1.weight")
_NEEDED = (
    "pos_embed.pos_embed",
    "pos_embed.proj.weight",
    "context_embedder.weight",
    "proj_out.weight",
)


def recognise(shapes: Shapes, prefix: str, header: Header) -> Detected | None:
    """An AuraFlow of either layout; None where this is none."""
    if all(name in shapes for name in _ORIGINAL):
        laid = layouts.lay(shapes, TABLE, ("double_layers", "single_layers"), frozenset())
    elif "joint_transformer_blocks.0.attn.to_q.weight" in shapes and "register_tokens" in shapes:
        laid = layouts.as_it_is(shapes)
    else:
        return None
    if not all(name in laid.shapes for name in _NEEDED):
        return None
    part = Part(CLASS, config_of(laid.shapes), prefix, laid.sources, laid.unread)
    return Detected(AURAFLOW, {"denoiser": part})


def config_of(shapes: Shapes) -> dict[str, Any]:
    """diffusers' configuration from its names and shapes. Its norms have no weights, so that no
    shape tells the size of a head."""
    inner, numbers = shapes["pos_embed.proj.weight"]
    width, text = shapes["context_embedder.weight"]
    heads = max(1, inner // _HEAD_SIZE)
    return {
        "sample_size": 64,
        "patch_size": _PATCH,
        "in_channels": numbers // _PATCH**2,
        "out_channels": shapes["proj_out.weight"][0] // _PATCH**2,
        "num_mmdit_layers": layouts.count(shapes, "joint_transformer_blocks"),
        "num_single_dit_layers": layouts.count(shapes, "single_transformer_blocks"),
        "attention_head_dim": inner // heads,
        "num_attention_heads": heads,
        "joint_attention_dim": text,
        "caption_projection_dim": width,
        "pos_embed_max_size": shapes["pos_embed.pos_embed"][1],
    }
