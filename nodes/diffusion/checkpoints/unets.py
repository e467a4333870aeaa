"""The UNets of Stable Diffusion 1, 2 and XL and of what was made of them, from names and shapes.

The original layout numbers its blocks in one row (`input_blocks.4.1.…`), diffusers by level and
place (`down_blocks.1.attentions.0.…`). The first is renamed into the second, and the configuration
is read off the second's shapes, so that a model of any size is recognised.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nodes.diffusion.checkpoints.families import (
    Detected,
    Family,
    LatentStatistics,
    Part,
    Shapes,
    Source,
)
from nodes.diffusion.checkpoints.header import Header
from nodes.types import BetaSchedule, ContinuousSchedule, NoiseSchedule

CLASS = "UNet2DConditionModel"


def stable_diffusion_betas() -> BetaSchedule:
    """What all of Stable Diffusion 1, 2 and XL were trained on."""
    from nodes.diffusion import schedules

    return schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))


def zero_snr_betas() -> BetaSchedule:
    """The same, ending in noise alone: Lin et al. 2023, arXiv 2305.08891."""
    from nodes.diffusion import schedules

    return schedules.zero_terminal_snr(stable_diffusion_betas())


SD1 = Family("sd1", "Stable Diffusion 1", CLASS, ("clip_l",), stable_diffusion_betas)
SD2 = Family("sd2", "Stable Diffusion 2", CLASS, ("clip_h",), stable_diffusion_betas)
SDXL = Family(
    "sdxl",
    "Stable Diffusion XL",
    CLASS,
    ("clip_l", "clip_g"),
    stable_diffusion_betas,
    scaling=0.13025,
    size=1024,
)
REFINER = Family(
    "sdxl_refiner",
    "Stable Diffusion XL refiner",
    CLASS,
    ("clip_g",),
    stable_diffusion_betas,
    scaling=0.13025,
    size=1024,
)
FAMILIES = (SD1, SD2, SDXL, REFINER)

_WHOLE = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
}
_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_MIDDLE = {"0": "resnets.0", "1": "attentions.0", "2": "resnets.1"}
_HEAD_SIZE = 64  # of Stable Diffusion 2 and XL; 1 has eight heads of any size
_TIME_SIZE = 256  # of the sines for each of XL's six numbers
# Above it, the spread of one bias says that a Stable Diffusion 2 predicts v: no shape does.
_V_SPREAD = 0.09


def recognise(shapes: Shapes, prefix: str, header: Header) -> Detected | None:
    """A UNet of either layout as its family; None where this is no UNet."""
    if "input_blocks.0.0.weight" in shapes and "out.2.weight" in shapes:
        sources = _from_original(shapes)
    elif "down_blocks.0.resnets.0.conv1.weight" in shapes and "conv_out.weight" in shapes:
        sources = {name: Source((name,)) for name in shapes if _is_of_unet(name)}
        if "conv_norm_out.weight" not in shapes:
            return None
    else:
        return None
    named = {new: shapes[source.names[0]] for new, source in sources.items()}
    config = config_of(named)
    if config is None:
        return None
    family = family_of(config)
    part = Part(CLASS, config, prefix, sources)
    detected = Detected(family, {"denoiser": part})
    return _prediction(detected, named, sources, header)


def family_of(config: Mapping[str, Any]) -> Family:
    """Whose a UNet is, by its configuration as diffusers writes it."""
    if config.get("addition_embed_type") == "text_time":
        return SDXL if config["down_block_types"][-1].startswith("Cross") else REFINER
    return SD2 if config.get("use_linear_projection") else SD1


def config_of(shapes: Shapes) -> dict[str, Any] | None:
    """diffusers' configuration from its names and shapes; None where blocks are missing."""
    down = _levels(shapes, "down_blocks")
    up = _levels(shapes, "up_blocks")
    if not down or len(down) != len(up) or "conv_in.weight" not in shapes:
        return None
    linear = _linear(shapes)
    channels = [shapes[f"down_blocks.{b}.resnets.0.conv1.weight"][0] for b in range(len(down))]
    config: dict[str, Any] = {
        "in_channels": shapes["conv_in.weight"][1],
        "out_channels": shapes["conv_out.weight"][0],
        "block_out_channels": channels,
        "down_block_types": ["CrossAttnDownBlock2D" if any(d) else "DownBlock2D" for d in down],
        "up_block_types": ["CrossAttnUpBlock2D" if any(u) else "UpBlock2D" for u in up],
        "layers_per_block": _one_or_all([len(depths) for depths in down]),
        "cross_attention_dim": _context(shapes),
        "use_linear_projection": linear,
        "attention_head_dim": [max(1, c // _HEAD_SIZE) for c in channels] if linear else 8,
        "mid_block_type": _middle(shapes),
        **_depths(down, up),
        **_embeddings(shapes, any(down[0])),
    }
    return {**config, "sample_size": _sample_size(config)}


def _from_original(shapes: Shapes) -> dict[str, Source]:
    """diffusers' names of all tensors in the original layout that have one."""
    places = _places(shapes)
    xl = "input_blocks.1.1.norm.weight" not in shapes  # XL attends to nothing at its first level
    found = {}
    for name in shapes:
        new = _new_name(name, places, "add_embedding" if xl else "class_embedding")
        found[new or name] = Source((name,))  # what has no place keeps its name, and is reported
    return found


def _places(shapes: Shapes) -> dict[str, str]:
    """Where each module of a block stands in diffusers' numbering: `input_blocks.4.1` → …"""
    found: dict[str, str] = {}
    level = layer = 0
    for at in range(1, _count(shapes, "input_blocks")):
        old = f"input_blocks.{at}"
        if f"{old}.0.op.weight" in shapes:
            found[f"{old}.0.op"] = f"down_blocks.{level}.downsamplers.0.conv"
            level, layer = level + 1, 0
            continue
        found[f"{old}.0"] = f"down_blocks.{level}.resnets.{layer}"
        found[f"{old}.1"] = f"down_blocks.{level}.attentions.{layer}"
        layer += 1
    level = layer = 0
    for at in range(_count(shapes, "output_blocks")):
        old = f"output_blocks.{at}"
        found[f"{old}.0"] = f"up_blocks.{level}.resnets.{layer}"
        last = next((k for k in (1, 2) if f"{old}.{k}.conv.weight" in shapes), None)
        if last != 1:
            found[f"{old}.1"] = f"up_blocks.{level}.attentions.{layer}"
        layer += 1
        if last is not None:
            found[f"{old}.{last}.conv"] = f"up_blocks.{level}.upsamplers.0.conv"
            level, layer = level + 1, 0
    for old, new in _MIDDLE.items():
        found[f"middle_block.{old}"] = f"mid_block.{new}"
    return found


def _new_name(name: str, places: Mapping[str, str], embedding: str) -> str | None:
    module, _, last = name.rpartition(".")
    if module in _WHOLE:
        return f"{_WHOLE[module]}.{last}"
    if module in ("label_emb.0.0", "label_emb.0.2"):
        return f"{embedding}.linear_{1 if module.endswith('0.0') else 2}.{last}"
    parts = name.split(".")
    for length in (4, 3, 2):  # the longest place first: …0.op is a downsampler, …0 a resnet
        new = places.get(".".join(parts[:length]))
        if new is None:
            continue
        inner = ".".join(parts[length:-1])
        if ".resnets." in f".{new}.":
            inner = _RESNET.get(inner, "")
            return f"{new}.{inner}.{last}" if inner else None
        return ".".join(filter(None, (new, inner, last)))
    return None


def _count(shapes: Shapes, row: str) -> int:
    """How many are numbered in a row of blocks: the highest number and one."""
    start = row + "."
    numbers = [int(n.split(".")[1]) for n in shapes if n.startswith(start)]
    return max(numbers, default=-1) + 1


def _is_of_unet(name: str) -> bool:
    tops = ("conv_in", "conv_out", "conv_norm_out", "time_embedding", "add_embedding")
    return name.split(".")[0] in (*tops, "class_embedding", "down_blocks", "mid_block", "up_blocks")


def _levels(shapes: Shapes, row: str) -> list[list[int]]:
    """For each level the transformer depth beside each of its resnets, 0 for no attention."""
    found = []
    for level in range(_count(shapes, row)):
        depths: list[int] = []
        while f"{row}.{level}.resnets.{len(depths)}.conv1.weight" in shapes:
            depths.append(_depth(shapes, f"{row}.{level}.attentions.{len(depths)}"))
        if not depths:
            return []
        found.append(depths)
    return found


def _depth(shapes: Shapes, attention: str) -> int:
    depth = 0
    while f"{attention}.transformer_blocks.{depth}.attn2.to_k.weight" in shapes:
        depth += 1
    return depth


def _depths(down: list[list[int]], up: list[list[int]]) -> dict[str, Any]:
    """How many transformer blocks each attention has, in the shortest form that diffusers reads."""
    levels = [_one_or_all([d or 1 for d in depths]) for depths in down]
    attending = {d for depths in (*down, *up) for d in depths if d}
    if len(attending) == 1:
        return {"transformer_layers_per_block": attending.pop()}
    found: dict[str, Any] = {"transformer_layers_per_block": levels}
    mirrored = [_one_or_all([d or 1 for d in depths]) for depths in up]
    if mirrored != levels[::-1]:
        found["reverse_transformer_layers_per_block"] = mirrored
    return found


def _one_or_all(values: list[int]) -> Any:
    return values[0] if len(set(values)) == 1 else values


def _middle(shapes: Shapes) -> str | None:
    if "mid_block.attentions.0.norm.weight" in shapes:
        return "UNetMidBlock2DCrossAttn"
    return "UNetMidBlock2D" if "mid_block.resnets.0.conv1.weight" in shapes else None


def _context(shapes: Shapes) -> int:
    ends = ".attn2.to_k.weight"
    return next((shape[1] for name, shape in shapes.items() if name.endswith(ends)), 1280)


def _linear(shapes: Shapes) -> bool:
    """Whether attention's ways in and out are linear layers, not convolutions."""
    return any(n.endswith(".proj_in.weight") and len(s) == 2 for n, s in shapes.items())


def _embeddings(shapes: Shapes, attends_at_once: bool) -> dict[str, Any]:
    """What the network is told beside the text and the time."""
    found: dict[str, Any] = {}
    if "add_embedding.linear_1.weight" in shapes and not attends_at_once:
        found["addition_embed_type"] = "text_time"
        found["addition_time_embed_dim"] = _TIME_SIZE
        width = shapes["add_embedding.linear_1.weight"][1]
        found["projection_class_embeddings_input_dim"] = width
    elif "class_embedding.linear_1.weight" in shapes:
        found["class_embed_type"] = "projection"
        width = shapes["class_embedding.linear_1.weight"][1]
        found["projection_class_embeddings_input_dim"] = width
    if "time_embedding.cond_proj.weight" in shapes:
        found["time_cond_proj_dim"] = shapes["time_embedding.cond_proj.weight"][1]
    return found


def _sample_size(config: Mapping[str, Any]) -> int:
    return family_of(config).size // 8


def _prediction(
    detected: Detected, shapes: Shapes, sources: Mapping[str, Source], header: Header
) -> Detected:
    """What the network says and by which clock: what markers in the file tell, and one guess."""
    marks = set(header.tensors)
    said = header.metadata.get("modelspec.prediction_type", "")
    if "edm_mean" in marks and "edm_std" in marks:  # Playground 2.5, arXiv 2402.17245
        mean, std = (tuple(header.floats_of(name)) for name in ("edm_mean", "edm_std"))
        return replace(
            detected,
            prediction="edm",
            schedule=edm_schedule,
            sigma_data=0.5,
            latents=LatentStatistics(mean, std, scaling=0.5),
        )
    if "edm_vpred.sigma_max" in marks:
        high = header.floats_of("edm_vpred.sigma_max")[0]
        low = (
            header.floats_of("edm_vpred.sigma_min")[0] if "edm_vpred.sigma_min" in marks else 0.002
        )
        return replace(
            detected, prediction="v_prediction", schedule=lambda: ContinuousSchedule(low, high)
        )
    if detected.parts["denoiser"].config.get("time_cond_proj_dim"):
        return replace(detected, prediction="lcm")
    if "v_pred" in marks or said.startswith("v"):
        schedule = zero_snr_betas if "ztsnr" in marks else None
        return replace(detected, prediction="v_prediction", schedule=schedule)
    if not said and detected.family is SD2 and _says_v(detected, shapes, sources, header):
        return _of_768(detected)
    return detected


def edm_schedule() -> NoiseSchedule:
    """The noise that Playground 2.5 was trained on."""
    return ContinuousSchedule(0.002, 80.0)


def _says_v(
    detected: Detected, shapes: Shapes, sources: Mapping[str, Source], header: Header
) -> bool:
    """ComfyUI's rule, a guess from what the published models have: the spread of the first norm's
    bias in the last attention is larger in those that predict v."""
    if detected.parts["denoiser"].config["in_channels"] != 4:
        return False
    ends = ".transformer_blocks.0.norm1.bias"
    names = sorted(n for n in shapes if n.startswith("up_blocks.") and n.endswith(ends))
    if not names:
        return False
    prefix = detected.parts["denoiser"].prefix
    return statistics.pstdev(header.floats_of(prefix + sources[names[-1]].names[0])) > _V_SPREAD


def _of_768(detected: Detected) -> Detected:
    part = detected.parts["denoiser"]
    larger = replace(part, config={**part.config, "sample_size": 96})
    return replace(detected, parts={"denoiser": larger}, prediction="v_prediction")
