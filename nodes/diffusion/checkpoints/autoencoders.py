"""Stable Diffusion's autoencoder from names and shapes, in the original layout or diffusers'."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nodes.diffusion.checkpoints.families import Part, Shapes, Source

CLASS = "AutoencoderKL"

_MODULES = (
    (r"\.mid\.block_(\d)\.", lambda m: f".mid_block.resnets.{int(m[1]) - 1}."),
    (r"\.mid\.attn_1\.", ".mid_block.attentions.0."),
    (r"\.down\.(\d+)\.block\.", r".down_blocks.\1.resnets."),
    (r"\.down\.(\d+)\.downsample\.", r".down_blocks.\1.downsamplers.0."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
    (r"coder\.norm_out\.", "coder.conv_norm_out."),
)
_ATTENTION = {
    "norm": "group_norm",
    "q": "to_q",
    "k": "to_k",
    "v": "to_v",
    "proj_out": "to_out.0",
    # diffusers' own older names
    "query": "to_q",
    "key": "to_k",
    "value": "to_v",
    "proj_attn": "to_out.0",
}


def recognise(shapes: Shapes, prefix: str) -> Part | None:
    """An autoencoder with its configuration, without the scale of its latents; None if none."""
    if "decoder.conv_in.weight" not in shapes or "encoder.conv_in.weight" not in shapes:
        return None
    if len(shapes["decoder.conv_in.weight"]) != 4:
        return None  # of videos
    rename = _renamer(shapes)
    sources, unread = {}, set()
    for name, shape in shapes.items():
        if not name.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")):
            unread.add(name)  # of the training: a loss, averages
            continue
        new = rename(name)
        flat = len(shape) == 4 and ".attentions." in new  # 1 × 1 convolutions are linear layers
        sources[new] = Source((name,), _flatten if flat else None)
    config = _config({new: shapes[s.names[0]] for new, s in sources.items()})
    return Part(CLASS, config, prefix, sources, frozenset(unread)) if config else None


def _flatten(weight: Any) -> Any:
    return weight[:, :, 0, 0]


def _renamer(shapes: Shapes) -> Callable[[str], str]:
    ups = [int(m[1]) for n in shapes if (m := re.match(r"decoder\.up\.(\d+)\.", n))]
    last = max(ups, default=0)

    def rename(name: str) -> str:
        for pattern, new in _MODULES:
            name = re.sub(pattern, new, name)
        # The original counts the decoder's levels from the picture, diffusers from the latent.
        up = re.match(r"decoder\.up\.(\d+)\.(block|upsample)\.(.*)", name)
        if up:
            place = {"block": "resnets", "upsample": "upsamplers.0"}[up[2]]
            name = f"decoder.up_blocks.{last - int(up[1])}.{place}.{up[3]}"
        head, found, tail = name.partition(".attentions.0.")
        module, _, kind = tail.rpartition(".")
        return f"{head}{found}{_ATTENTION.get(module, module)}.{kind}" if found else name

    return rename


def _config(shapes: Shapes) -> dict[str, Any] | None:
    channels: list[int] = []
    while (name := f"encoder.down_blocks.{len(channels)}.resnets.0.conv1.weight") in shapes:
        channels.append(shapes[name][0])
    layers = 0
    while f"encoder.down_blocks.0.resnets.{layers}.conv1.weight" in shapes:
        layers += 1
    if not channels or "encoder.mid_block.attentions.0.to_q.weight" not in shapes:
        return None
    return {
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": channels,
        "layers_per_block": layers,
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
    }
