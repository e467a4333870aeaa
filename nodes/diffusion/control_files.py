"""Which ControlNet or adapter a file holds, told from the names and shapes of its tensors.

ControlNets of Stable Diffusion 1, 2 and XL lie in files under the names of their authors
(`control_model.input_blocks…`) or of diffusers; unions under the latter; those for Stable Diffusion
3 and Flux under the latter, Stability AI's or XLabs'. T2I-Adapters have both kinds of names too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.diffusion.checkpoints import flux, layouts
from nodes.diffusion.checkpoints.families import Part, Shapes, Source, chunk, renamed

_TEXT_FAMILIES = {768: "sd1", 1024: "sd2", 2048: "sdxl", 1280: "sdxl_refiner"}
UNION_MODES = {
    "ControlNetUnionModel": (
        "openpose", "depth", "soft edge", "hard edge", "normal", "segment", "tile", "repaint",
    ),
    "FluxControlNetModel": ("canny", "tile", "depth", "blur", "pose", "gray", "low quality"),
}  # fmt: skip
"""What hints the widely used unions tell apart, in their order: xinsir's ControlNet++ for XL, and
InstantX' and Shakker Labs' for Flux."""

_XLABS = {
    **flux.TABLE,
    "pos_embed_input": "controlnet_x_embedder",
    "input_hint_block.0": "input_hint_block.conv_in",
    **{f"input_hint_block.{2 * k + 2}": f"input_hint_block.blocks.{k}" for k in range(6)},
    "input_hint_block.14": "input_hint_block.conv_out",
}
"""The names of XLabs' networks for Flux: those of Flux itself, and a hint block's by its place."""


@dataclass(frozen=True)
class ControlFile:
    """What a file was recognised as: its network, for which family, and what hints it knows."""

    part: Part
    family: str
    modes: tuple[str, ...] = ()


def recognise(shapes: Shapes, stem: str) -> ControlFile | None:
    """What the tensors make, or None where it is no network of these kinds.

    `stem` is the file's name: whether a ControlNet averages over the picture ("shuffle") is in no
    tensor.
    """
    for ask in (_unet_net, _sd3_net, _flux_net, _adapter):
        found = ask(shapes, stem)
        if found is not None:
            return found
    return None


def family_of(cls: str, config: Mapping[str, Any]) -> str:
    """The family that a network of this class and configuration belongs to."""
    if cls == "T2IAdapter":
        return "sdxl" if config.get("adapter_type") == "full_adapter_xl" else "sd1"
    if cls == "SD3ControlNetModel":
        return "sd3"
    if cls == "FluxControlNetModel":
        return "flux"
    other = "sdxl" if config.get("addition_embed_type") else "sd1"
    return _TEXT_FAMILIES.get(int(config["cross_attention_dim"]), other)


def modes_of(cls: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of hints that it tells apart; beyond the known ones their numbers."""
    key = "num_control_type" if cls == "ControlNetUnionModel" else "num_mode"
    count = int(config.get(key) or 0) if cls in UNION_MODES else 0
    known = UNION_MODES.get(cls, ())
    return tuple(known[k] if k < len(known) else str(k) for k in range(count))


def _found(cls: str, config: dict[str, Any], prefix: str, names: dict[str, Source]) -> ControlFile:
    part = Part(cls, config, prefix, names)
    return ControlFile(part, family_of(cls, config), modes_of(cls, config))


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest number that the pattern finds in a name; 0 for none."""
    found = (re.match(pattern, name) for name in shapes)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _unet_net(shapes: Shapes, stem: str) -> ControlFile | None:
    prefix = "control_model." if any(n.startswith("control_model.") for n in shapes) else ""
    inside = {n[len(prefix) :]: shape for n, shape in shapes.items() if n.startswith(prefix)}
    if "input_blocks.0.0.weight" in inside and "input_hint_block.0.weight" in inside:
        names = _from_authors(inside)
    elif "controlnet_cond_embedding.conv_in.weight" in inside and "conv_in.weight" in inside:
        names = renamed(inside, lambda name: name)
    else:
        return None
    own = {new: inside[source.names[0]] for new, source in names.items()}
    if "task_embedding" in own:
        cls, more = "ControlNetUnionModel", _union_config(own)
    else:
        cls, more = "ControlNetModel", {"global_pool_conditions": "shuffle" in stem.lower()}
    return _found(cls, {**_unet_config(own), **more}, prefix, names)


def _from_authors(shapes: Shapes) -> dict[str, Source]:
    """diffusers' own way from the authors' names to its names, walked by the names themselves."""
    from diffusers.loaders.single_file_utils import convert_controlnet_checkpoint

    blocks = _count(shapes, r"input_blocks\.(\d+)\.")
    levels = 1 + sum(bool(re.match(r"input_blocks\.\d+\.0\.op\.weight", n)) for n in shapes)
    config = {"layers_per_block": (blocks - levels) // levels}
    pairs = convert_controlnet_checkpoint({name: name for name in shapes}, config)
    for place in (0, 2):
        for kind in ("weight", "bias"):
            if (old := f"label_emb.0.{place}.{kind}") in shapes:
                pairs[f"add_embedding.linear_{place // 2 + 1}.{kind}"] = old
    return {new: Source((old,)) for new, old in pairs.items() if old is not None}


def _unet_config(shapes: Shapes) -> dict[str, Any]:
    levels = _count(shapes, r"down_blocks\.(\d+)\.")
    channels = [shapes[f"down_blocks.{k}.resnets.0.conv2.weight"][0] for k in range(levels)]
    depths = [
        _count(shapes, rf"down_blocks\.{k}\.attentions\.0\.transformer_blocks\.(\d+)\.")
        for k in range(levels)
    ]
    attends = [f"down_blocks.{k}.attentions.0.norm.weight" in shapes for k in range(levels)]
    middle = _count(shapes, r"mid_block\.attentions\.0\.transformer_blocks\.(\d+)\.")
    texts = [shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight")]
    linear = any(n.endswith(".proj_in.weight") and len(s) == 2 for n, s in shapes.items())
    pictures = _count(shapes, r"controlnet_cond_embedding\.blocks\.(\d+)\.")
    first = shapes["controlnet_cond_embedding.conv_in.weight"]
    config: dict[str, Any] = {
        "in_channels": shapes["conv_in.weight"][1],
        "conditioning_channels": first[1],
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "block_out_channels": channels,
        "layers_per_block": _count(shapes, r"down_blocks\.0\.resnets\.(\d+)\."),
        "norm_num_groups": math.gcd(32, *channels),
        "cross_attention_dim": texts[0] if texts else 2048,
        # 8 heads, or as many as make them 64 wide: the two habits of the published models.
        "attention_head_dim": [max(c // 64, 1) for c in channels] if linear else 8,
        "use_linear_projection": linear,
        "transformer_layers_per_block": [*depths[:-1], middle or depths[-1]],
        "conditioning_embedding_out_channels": [
            first[0],
            *(
                shapes[f"controlnet_cond_embedding.blocks.{k}.weight"][0]
                for k in range(1, pictures, 2)
            ),
        ],
    }
    if "mid_block.attentions.0.norm.weight" not in shapes:
        config["mid_block_type"] = "UNetMidBlock2D"
    if "add_embedding.linear_1.weight" in shapes:
        wide = shapes["add_embedding.linear_1.weight"][1]
        config["addition_embed_type"] = "text_time"
        config["addition_time_embed_dim"] = 256
        config["projection_class_embeddings_input_dim"] = wide
    return config


def _union_config(shapes: Shapes) -> dict[str, Any]:
    kinds, wide = shapes["task_embedding"]
    return {
        "num_control_type": kinds,
        "num_trans_channel": wide,
        "num_proj_channel": shapes["spatial_ch_projs.weight"][0],
        "num_trans_layer": _count(shapes, r"transformer_layes\.(\d+)\."),
        "addition_time_embed_dim": shapes["control_add_embedding.linear_1.weight"][1] // kinds,
    }


def _sd3_net(shapes: Shapes, stem: str) -> ControlFile | None:
    if "pos_embed_input.proj.weight" not in shapes or "controlnet_blocks.0.weight" not in shapes:
        return None
    authors = any(name.endswith(".attn.qkv.weight") for name in shapes)
    names = _split_qkv(shapes) if authors else renamed(shapes, lambda name: name)
    wide, reads, _, patch = shapes["pos_embed_input.proj.weight"]
    places = "pos_embed.proj.weight" in shapes
    latent = shapes["pos_embed.proj.weight"][1] if places else reads
    head = shapes.get("transformer_blocks.0.attn.norm_q.weight", (math.gcd(64, wide),))[0]
    text = shapes.get("context_embedder.weight")
    grid = math.isqrt(shapes["pos_embed.pos_embed"][1]) if "pos_embed.pos_embed" in shapes else 96
    layers = _count(shapes, r"transformer_blocks\.(\d+)\.")
    config = {
        "patch_size": patch,
        "in_channels": latent,
        "extra_conditioning_channels": reads - latent,
        "num_layers": layers,
        "attention_head_dim": head,
        "num_attention_heads": wide // head,
        "joint_attention_dim": text[1] if text else None,
        "caption_projection_dim": text[0] if text else wide,
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "out_channels": latent,
        "pos_embed_max_size": grid,
        "qk_norm": "rms_norm" if "transformer_blocks.0.attn.norm_q.weight" in shapes else None,
        "dual_attention_layers": [
            k for k in range(layers) if f"transformer_blocks.{k}.attn2.to_q.weight" in shapes
        ],
        "use_pos_embed": places,
        "pos_embed_type": "sincos" if places else None,
        "force_zeros_for_pooled_projection": text is not None,
    }
    return _found("SD3ControlNetModel", config, "", names)


def _split_qkv(shapes: Shapes) -> dict[str, Source]:
    """Stability AI's names for the nets of 3.5: blocks of one stream, q, k and v in one tensor."""
    words = (
        ("attn.proj.", "attn.to_out.0."),
        ("mlp.fc1.", "ff.net.0.proj."),
        ("mlp.fc2.", "ff.net.2."),
        ("adaLN_modulation.1.", "norm1.linear."),
    )
    found: dict[str, Source] = {}
    for name in shapes:
        if ".attn.qkv." in name:
            for k, letter in enumerate("qkv"):
                found[name.replace("qkv", f"to_{letter}")] = Source((name,), chunk(k, 3))
            continue
        new = name
        for old, word in words:
            new = new.replace(old, word)
        found[new] = Source((name,))
    return found


def _flux_net(shapes: Shapes, stem: str) -> ControlFile | None:
    if "controlnet_x_embedder.weight" in shapes:
        laid = layouts.as_it_is(shapes)
    elif "pos_embed_input.weight" in shapes and "double_blocks.0.img_mod.lin.weight" in shapes:
        laid = layouts.lay(shapes, _XLABS, ("double_blocks", "single_blocks"), frozenset())
    else:
        return None
    shapes = laid.shapes
    wide, latent = shapes["controlnet_x_embedder.weight"]
    head = shapes["transformer_blocks.0.attn.norm_q.weight"][0]
    modes = shapes.get("controlnet_mode_embedder.weight")
    own = shapes.get("input_hint_block.conv_out.weight")
    sides = head * 7 // 16 // 2 * 2  # 56 of 128 for rows, and for columns; they are even
    config = {
        "patch_size": 2 if own else 1,
        "in_channels": latent,
        "num_layers": _count(shapes, r"transformer_blocks\.(\d+)\."),
        "num_single_layers": _count(shapes, r"single_transformer_blocks\.(\d+)\."),
        "attention_head_dim": head,
        "num_attention_heads": wide // head,
        "joint_attention_dim": shapes["context_embedder.weight"][1],
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "guidance_embeds": "time_text_embed.guidance_embedder.linear_1.weight" in shapes,
        "axes_dims_rope": [head - 2 * sides, sides, sides],
        "num_mode": modes[0] if modes else None,
        "conditioning_embedding_channels": own[0] if own else None,
    }
    return _found("FluxControlNetModel", config, "", laid.sources)


def _adapter(shapes: Shapes, stem: str) -> ControlFile | None:
    rename = _adapter_names(shapes)
    if rename is None:
        return None
    names = renamed(shapes, rename)
    own = {new: shapes[source.names[0]] for new, source in names.items()}
    light = "adapter.conv_in.weight" not in own
    groups = _count(own, r"adapter\.body\.(\d+)\.")
    entry = own["adapter.body.0.in_conv.weight" if light else "adapter.conv_in.weight"][1]
    config: dict[str, Any] = {
        "num_res_blocks": _count(own, r"adapter\.body\.0\.resnets\.(\d+)\."),
    }
    if light:
        outs = [own[f"adapter.body.{k}.out_conv.weight"][0] for k in range(groups)]
        config.update(adapter_type="light_adapter", channels=outs[:-1], downscale_factor=8)
        config["in_channels"] = entry // 64
    else:
        outs = [own[f"adapter.body.{k}.resnets.0.block1.weight"][0] for k in range(groups)]
        # Pixels of a square go in as channels: 8 × 8 of one or three, or 16 × 16 for XL.
        xl = entry in (256, 768)
        config.update(channels=outs, downscale_factor=16 if xl else 8)
        config["adapter_type"] = "full_adapter_xl" if xl else "full_adapter"
        config["in_channels"] = entry // (256 if xl else 64)
    return _found("T2IAdapter", config, "", names)


def _adapter_names(shapes: Shapes) -> Callable[[str], str | None] | None:
    """From the names in a file to diffusers' names."""
    if "adapter.conv_in.weight" in shapes or "adapter.body.0.in_conv.weight" in shapes:
        return lambda name: name
    if "body.0.body.0.block1.weight" in shapes:
        return lambda name: "adapter." + re.sub(r"^(body\.\d+\.)body\.", r"\1resnets.", name)
    if "conv_in.weight" in shapes and "body.0.block1.weight" in shapes:
        return _full_adapter_name
    return None


def _full_adapter_name(name: str) -> str:
    """The authors count all blocks in a row, two for each size of feature map."""
    match = re.match(r"body\.(\d+)\.(.*)", name)
    if match is None:
        return "adapter." + name
    group, place = divmod(int(match[1]), 2)
    if match[2].startswith("in_conv."):
        return f"adapter.body.{group}.{match[2]}"
    return f"adapter.body.{group}.resnets.{place}.{match[2]}"
