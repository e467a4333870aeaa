"""PixArt from names and shapes, in the original layout or diffusers'. Chen et al. 2023 and 2024,
arXiv 2310.00426 and 2403.04692."""

from __future__ import annotations

import math
from typing import Any

from nodes.diffusion.checkpoints import layouts
from nodes.diffusion.checkpoints.families import Detected, Family, Part, Shapes
from nodes.diffusion.checkpoints.header import Header
from nodes.diffusion.checkpoints.layouts import split
from nodes.types import BetaSchedule

CLASS = "PixArtTransformer2DModel"


def linear_betas() -> BetaSchedule:
    """What PixArt and DiT were trained on: Ho et al. 2020, arXiv 2006.11239, section 4."""
    from nodes.diffusion import schedules

    return schedules.schedule_of_betas(schedules.linear_betas(1000, 0.0001, 0.02))


PIXART = Family("pixart", "PixArt", CLASS, ("t5",), linear_betas, scaling=0.13025, size=1024)
FAMILIES = (PIXART,)

_HEAD_SIZE = 72
_ALPHA_TOKENS = 120  # that its texts are cut at; Sigma's at 300
_LARGEST = 128  # latent pixels a side of the published models for 1024 × 1024
_OLD, _NEW = "blocks.#", "transformer_blocks.#"
_EMBEDDERS = {
    "t_embedder": "timestep_embedder",
    "csize_embedder": "resolution_embedder",
    "ar_embedder": "aspect_ratio_embedder",
}
TABLE: dict[str, Any] = {
    "x_embedder.proj": "pos_embed.proj",
    "y_embedder.y_proj.fc1": "caption_projection.linear_1",
    "y_embedder.y_proj.fc2": "caption_projection.linear_2",
    "t_block.1": "adaln_single.linear",
    "final_layer.linear": "proj_out",
    "final_layer.scale_shift_table": "scale_shift_table",
    f"{_OLD}.scale_shift_table": f"{_NEW}.scale_shift_table",
    f"{_OLD}.attn.qkv": split(f"{_NEW}.attn1", "to_q", "to_k", "to_v"),
    f"{_OLD}.attn.proj": f"{_NEW}.attn1.to_out.0",
    f"{_OLD}.cross_attn.q_linear": f"{_NEW}.attn2.to_q",
    f"{_OLD}.cross_attn.kv_linear": split(f"{_NEW}.attn2", "to_k", "to_v"),
    f"{_OLD}.cross_attn.proj": f"{_NEW}.attn2.to_out.0",
    f"{_OLD}.mlp.fc1": f"{_NEW}.ff.net.0.proj",
    f"{_OLD}.mlp.fc2": f"{_NEW}.ff.net.2",
    **{
        f"{old}.mlp.{2 * k}": f"adaln_single.emb.{new}.linear_{k + 1}"
        for old, new in _EMBEDDERS.items()
        for k in (0, 1)
    },
}
# Which text stands for none in training, and places that a network works out for itself.
_UNREAD = frozenset(("y_embedder.y_embedding", "pos_embed"))
_ORIGINAL = ("x_embedder.proj.weight", "y_embedder.y_proj.fc1.weight", "blocks.0.mlp.fc1.weight")
_NEEDED = (
    "pos_embed.proj.weight",
    "caption_projection.linear_1.weight",
    "adaln_single.linear.weight",
    "transformer_blocks.0.scale_shift_table",
    "transformer_blocks.0.attn2.to_q.weight",
    "proj_out.weight",
)


def recognise(shapes: Shapes, prefix: str, header: Header) -> Detected | None:
    """A PixArt of either layout; None where this is none."""
    if all(name in shapes for name in _ORIGINAL):
        laid = layouts.lay(shapes, TABLE, ("blocks",), _UNREAD)
    else:
        laid = layouts.as_it_is(shapes)
    if not all(name in laid.shapes for name in _NEEDED):
        return None
    places = shapes.get("pos_embed", (1, 0))[1]
    alpha = shapes.get("y_embedder.y_embedding", (0,))[0] == _ALPHA_TOKENS
    part = Part(CLASS, config_of(laid.shapes, places, alpha), prefix, laid.sources, laid.unread)
    return Detected(PIXART, {"denoiser": part})


def config_of(shapes: Shapes, places: int = 0, alpha: bool = False) -> dict[str, Any]:
    """diffusers' configuration from its names and shapes.

    `places` is how many patches a picture had in training; where a file does not say it, 1024 ×
    1024 pixels are taken for granted. `alpha` is PixArt before Sigma.
    """
    inner, channels, patch, _ = shapes["pos_embed.proj.weight"]
    heads = max(1, inner // _HEAD_SIZE)
    side = math.isqrt(places) * patch or _LARGEST
    sized = "adaln_single.emb.resolution_embedder.linear_1.weight" in shapes
    # Places are counted in steps that 512 × 512 pixels have; only Sigma has smaller ones.
    scale = max(side / 64, 1) if alpha or sized else side / 64
    return {
        "sample_size": side,
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": shapes["proj_out.weight"][0] // patch**2,
        "num_layers": layouts.count(shapes, "transformer_blocks"),
        "attention_head_dim": inner // heads,
        "num_attention_heads": heads,
        "cross_attention_dim": inner,
        "caption_channels": shapes["caption_projection.linear_1.weight"][1],
        "interpolation_scale": scale,
        "use_additional_conditions": sized,
    }
