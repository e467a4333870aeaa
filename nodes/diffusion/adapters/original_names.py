"""What the layers of a network are called where its family was first published.

LoRAs and single-file checkpoints use those names, and some networks keep there in one layer what
diffusers keeps in several: queries, keys and values. So a name stands for one or more of our
layers, each with the rows of the original's output that are its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from nodes.diffusion.checkpoints import auraflow, flux, layouts, pixart, sd3

TABLES: dict[str, layouts.Table] = {
    each.CLASS: each.TABLE for each in (auraflow, flux, pixart, sd3)
}
"""Of each transformer, what its single files call what."""


@dataclass(frozen=True)
class Target:
    """One of our layers, and which rows of the original layer's output are its own, in order.

    None is all of them. Two ranges are an output whose halves changed places.
    """

    path: str
    rows: tuple[tuple[int, int], ...] | None = None


def layer_paths(network: nn.Module) -> list[str]:
    """The paths of all modules with a weight; a patched layer counts as the layer it was."""
    return [
        path
        for path, module in network.named_modules()
        if (_has_weight(module) or _PATCHED & module._modules.keys())
        and not _PARTS_OF_PATCHES.intersection(path.split("."))
    ]


def shape_of(layer: Any) -> tuple[int, ...]:
    """The shape of a layer's weight, without the weight: one that is quantised would be made."""
    if isinstance(getattr(layer, "in_features", None), int):
        return layer.out_features, layer.in_features
    return tuple(layer.weight.shape)


def _has_weight(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or module._parameters.get("weight") is not None


_PATCHED = {"base_layer", "inner"}
_PARTS_OF_PATCHES = {*_PATCHED, "deltas", "hypernetwork", "lora_A", "lora_B"}


def original_names(network: nn.Module) -> dict[str, tuple[Target, ...]]:
    """The original's name of every layer of `network` → which of ours it is; {} if unknown."""
    kind = type(network).__name__
    if kind == "UNet2DConditionModel":
        return {name: (Target(path),) for path, name in unet_names(network).items()}
    found = dict(_numbered(network, TABLES.get(kind, {})))
    if kind == "FluxTransformer2DModel":
        found.update(_numbered(network, _FIRST_FLUX_LORAS))
    return found


# What the first trainer of LoRAs for Flux called the layers: by the code that ran them.
_BLOCK, _SINGLE = "transformer_blocks.#.attn", "single_transformer_blocks.#"
_FIRST_FLUX_LORAS: layouts.Table = {
    "double_blocks.#.processor.qkv_lora1": layouts.split(_BLOCK, "to_q", "to_k", "to_v"),
    "double_blocks.#.processor.qkv_lora2": layouts.split(
        _BLOCK, "add_q_proj", "add_k_proj", "add_v_proj"
    ),
    "double_blocks.#.processor.proj_lora1": f"{_BLOCK}.to_out.0",
    "double_blocks.#.processor.proj_lora2": f"{_BLOCK}.to_add_out",
    "single_blocks.#.processor.qkv": layouts.split(f"{_SINGLE}.attn", "to_q", "to_k", "to_v"),
    "single_blocks.#.processor.proj": f"{_SINGLE}.proj_out",
}


def _numbered(network: nn.Module, table: layouts.Table) -> Iterator[tuple[str, tuple[Target, ...]]]:
    """The lines of a table for every block that the network has, where they are of layers."""
    layers = {path: network.get_submodule(path) for path in layer_paths(network)}
    for name, ours, swapped in numbered_names(network, table):
        if all(path in layers for path in ours):
            sizes = [shape_of(layers[path])[0] for path in ours]
            yield name, targets_of(ours, sizes, swapped)


def numbered_names(
    network: nn.Module, table: layouts.Table
) -> Iterator[tuple[str, list[str], bool]]:
    """(the original's name, our names, whether halves are swapped) of each line of a table, for
    every block that the network has."""
    for name, value in table.items():
        paths = [value] if isinstance(value, str) else _paths(value)
        swapped = isinstance(value, layouts.Swapped)
        for number in range(_count(network, paths[0]) if "#" in name else 1):
            ours = [path.replace("#", str(number)) for path in paths]
            yield name.replace("#", str(number)), ours, swapped or _is_last_norm(network, ours[0])


def _is_last_norm(network: nn.Module, path: str) -> bool:
    """In Stable Diffusion 3's last block the text's way ends: its norm is one as the final one."""
    norm = path.removesuffix(".linear")
    if not norm.endswith(".norm1_context"):
        return False
    return type(network.get_submodule(norm)).__name__ == "AdaLayerNormContinuous"


def _paths(value: layouts.Split | layouts.Swapped) -> list[str]:
    if isinstance(value, layouts.Swapped):
        return [value.name]
    return [name for name, _ in value.shares]


def _count(network: nn.Module, path: str) -> int:
    return len(network.get_submodule(path.partition(".#")[0]))  # type: ignore[arg-type]


def targets_of(names: Sequence[str], sizes: Sequence[int], swapped: bool) -> tuple[Target, ...]:
    """What lies joined in one tensor, each with its rows."""
    if len(names) == 1:
        half = sizes[0] // 2
        return (Target(names[0], ((half, 2 * half), (0, half)) if swapped else None),)
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return tuple(
        Target(name, ((start, start + size),))
        for name, start, size in zip(names, starts, sizes, strict=True)
    )


def unet_names(network: nn.Module) -> dict[str, str]:
    """Path of every layer of a `UNet2DConditionModel` → its name in Stable Diffusion's own code."""
    prefixes = dict(_unet_blocks(network))
    found = {}
    for path in layer_paths(network):
        prefix = _longest(path, prefixes)
        if prefix is None:
            continue
        rest = path[len(prefix) :]
        if ".resnets." in prefix:
            rest = _RESNET.get(rest, rest)
        found[path] = prefixes[prefix] + rest
    return found


_RESNET = {
    ".norm1": ".in_layers.0",
    ".conv1": ".in_layers.2",
    ".time_emb_proj": ".emb_layers.1",
    ".norm2": ".out_layers.0",
    ".conv2": ".out_layers.3",
    ".conv_shortcut": ".skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "class_embedding.linear_1": "label_emb.0.0",
    "class_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def _longest(path: str, prefixes: dict[str, str]) -> str | None:
    parts = path.split(".")
    candidates = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((candidate for candidate in candidates if candidate in prefixes), None)


def _unet_blocks(network: nn.Module) -> Iterator[tuple[str, str]]:
    """(our path, its name) of each part of a UNet that is called otherwise than we call it.

    The original counts through: every residual layer with what follows it is one block, and so is
    every change of size on the way down.
    """
    yield from _UNET_ENDS.items()
    number = 1
    for i, block in enumerate(network.down_blocks):
        for j in range(len(block.resnets)):
            yield f"down_blocks.{i}.resnets.{j}", f"input_blocks.{number}.0"
            if getattr(block, "attentions", None):
                yield f"down_blocks.{i}.attentions.{j}", f"input_blocks.{number}.1"
            number += 1
        if getattr(block, "downsamplers", None):
            yield f"down_blocks.{i}.downsamplers.0.conv", f"input_blocks.{number}.0.op"
            number += 1
    yield "mid_block.resnets.0", "middle_block.0"
    yield "mid_block.attentions.0", "middle_block.1"
    has_attention = bool(getattr(network.mid_block, "attentions", None))
    yield "mid_block.resnets.1", f"middle_block.{2 if has_attention else 1}"
    number = 0
    for i, block in enumerate(network.up_blocks):
        attention = bool(getattr(block, "attentions", None))
        for j in range(len(block.resnets)):
            yield f"up_blocks.{i}.resnets.{j}", f"output_blocks.{number}.0"
            if attention:
                yield f"up_blocks.{i}.attentions.{j}", f"output_blocks.{number}.1"
            number += 1
        if getattr(block, "upsamplers", None):
            place = f"output_blocks.{number - 1}.{2 if attention else 1}"
            yield f"up_blocks.{i}.upsamplers.0.conv", f"{place}.conv"
