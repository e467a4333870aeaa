"""What the layers of a network are called where its family was first published.

LoRAs and single-file checkpoints use those names, and some networks keep there in one layer what
diffusers keeps in several: queries, keys and values. So a name stands for one or more of our
layers, each with the rows of the original's output that are its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn


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
        if (module._parameters.get("weight") is not None or "base_layer" in module._modules)
        and not _PARTS_OF_PATCHES.intersection(path.split("."))
    ]


_PARTS_OF_PATCHES = {"base_layer", "deltas", "inner", "lora_A", "lora_B"}


def original_names(network: nn.Module) -> dict[str, tuple[Target, ...]]:
    """The original's name of every layer of `network` → which of ours it is; {} if unknown."""
    kind = type(network).__name__
    if kind == "UNet2DConditionModel":
        return {name: (Target(path),) for path, name in unet_names(network).items()}
    found = {}
    for name, paths, swapped in _lines(_TRANSFORMERS.get(kind, "")):
        for number in range(_count(network, paths[0]) if "#" in name else 1):
            ours = [path.replace("#", str(number)) for path in paths]
            targets = _targets(network, ours, swapped)
            if targets:
                found[name.replace("#", str(number))] = targets
    return found


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


# A line is the original's name and ours; # counts blocks, <qkv> is each of its letters in turn, ~
# says that the halves of the output changed places. The last lines of Flux are what the first
# trainer of LoRAs for it called the layers.
_TRANSFORMERS = {
    "FluxTransformer2DModel": """
        img_in                      x_embedder
        txt_in                      context_embedder
        time_in.in_layer            time_text_embed.timestep_embedder.linear_1
        time_in.out_layer           time_text_embed.timestep_embedder.linear_2
        vector_in.in_layer          time_text_embed.text_embedder.linear_1
        vector_in.out_layer         time_text_embed.text_embedder.linear_2
        guidance_in.in_layer        time_text_embed.guidance_embedder.linear_1
        guidance_in.out_layer       time_text_embed.guidance_embedder.linear_2
        double_blocks.#.img_mod.lin transformer_blocks.#.norm1.linear
        double_blocks.#.txt_mod.lin transformer_blocks.#.norm1_context.linear
        double_blocks.#.img_attn.qkv   transformer_blocks.#.attn.to_<qkv>
        double_blocks.#.txt_attn.qkv   transformer_blocks.#.attn.add_<qkv>_proj
        double_blocks.#.img_attn.proj  transformer_blocks.#.attn.to_out.0
        double_blocks.#.txt_attn.proj  transformer_blocks.#.attn.to_add_out
        double_blocks.#.img_mlp.0      transformer_blocks.#.ff.net.0.proj
        double_blocks.#.img_mlp.2      transformer_blocks.#.ff.net.2
        double_blocks.#.txt_mlp.0      transformer_blocks.#.ff_context.net.0.proj
        double_blocks.#.txt_mlp.2      transformer_blocks.#.ff_context.net.2
        single_blocks.#.modulation.lin single_transformer_blocks.#.norm.linear
        single_blocks.#.linear1  single_transformer_blocks.#.attn.to_<qkv> single_transformer_blocks.#.proj_mlp
        single_blocks.#.linear2        single_transformer_blocks.#.proj_out
        final_layer.linear             proj_out
        final_layer.adaLN_modulation.1 ~norm_out.linear
        double_blocks.#.processor.qkv_lora1  transformer_blocks.#.attn.to_<qkv>
        double_blocks.#.processor.qkv_lora2 transformer_blocks.#.attn.add_<qkv>_proj
        double_blocks.#.processor.proj_lora1 transformer_blocks.#.attn.to_out.0
        double_blocks.#.processor.proj_lora2 transformer_blocks.#.attn.to_add_out
        single_blocks.#.processor.qkv        single_transformer_blocks.#.attn.to_<qkv>
        single_blocks.#.processor.proj       single_transformer_blocks.#.proj_out
    """,  # noqa: E501
    "SD3Transformer2DModel": """
        x_embedder.proj    pos_embed.proj
        t_embedder.mlp.0   time_text_embed.timestep_embedder.linear_1
        t_embedder.mlp.2   time_text_embed.timestep_embedder.linear_2
        y_embedder.mlp.0   time_text_embed.text_embedder.linear_1
        y_embedder.mlp.2   time_text_embed.text_embedder.linear_2
        context_embedder   context_embedder
        joint_blocks.#.x_block.attn.qkv        transformer_blocks.#.attn.to_<qkv>
        joint_blocks.#.x_block.attn.proj       transformer_blocks.#.attn.to_out.0
        joint_blocks.#.x_block.attn2.qkv       transformer_blocks.#.attn2.to_<qkv>
        joint_blocks.#.x_block.attn2.proj      transformer_blocks.#.attn2.to_out.0
        joint_blocks.#.x_block.mlp.fc1         transformer_blocks.#.ff.net.0.proj
        joint_blocks.#.x_block.mlp.fc2         transformer_blocks.#.ff.net.2
        joint_blocks.#.x_block.adaLN_modulation.1  transformer_blocks.#.norm1.linear
        joint_blocks.#.context_block.attn.qkv  transformer_blocks.#.attn.add_<qkv>_proj
        joint_blocks.#.context_block.attn.proj transformer_blocks.#.attn.to_add_out
        joint_blocks.#.context_block.mlp.fc1   transformer_blocks.#.ff_context.net.0.proj
        joint_blocks.#.context_block.mlp.fc2   transformer_blocks.#.ff_context.net.2
        joint_blocks.#.context_block.adaLN_modulation.1 transformer_blocks.#.norm1_context.linear
        final_layer.linear             proj_out
        final_layer.adaLN_modulation.1 ~norm_out.linear
    """,
    "AuraFlowTransformer2DModel": """
        init_x_linear     pos_embed.proj
        cond_seq_linear   context_embedder
        t_embedder.mlp.0  time_step_proj.linear_1
        t_embedder.mlp.2  time_step_proj.linear_2
        double_layers.#.attn.w2q  joint_transformer_blocks.#.attn.to_q
        double_layers.#.attn.w2k  joint_transformer_blocks.#.attn.to_k
        double_layers.#.attn.w2v  joint_transformer_blocks.#.attn.to_v
        double_layers.#.attn.w2o  joint_transformer_blocks.#.attn.to_out.0
        double_layers.#.attn.w1q  joint_transformer_blocks.#.attn.add_q_proj
        double_layers.#.attn.w1k  joint_transformer_blocks.#.attn.add_k_proj
        double_layers.#.attn.w1v  joint_transformer_blocks.#.attn.add_v_proj
        double_layers.#.attn.w1o  joint_transformer_blocks.#.attn.to_add_out
        double_layers.#.mlpX.c_fc1  joint_transformer_blocks.#.ff.linear_1
        double_layers.#.mlpX.c_fc2  joint_transformer_blocks.#.ff.linear_2
        double_layers.#.mlpX.c_proj joint_transformer_blocks.#.ff.out_projection
        double_layers.#.mlpC.c_fc1  joint_transformer_blocks.#.ff_context.linear_1
        double_layers.#.mlpC.c_fc2  joint_transformer_blocks.#.ff_context.linear_2
        double_layers.#.mlpC.c_proj joint_transformer_blocks.#.ff_context.out_projection
        double_layers.#.modX.1      joint_transformer_blocks.#.norm1.linear
        double_layers.#.modC.1      joint_transformer_blocks.#.norm1_context.linear
        single_layers.#.attn.w1q    single_transformer_blocks.#.attn.to_q
        single_layers.#.attn.w1k    single_transformer_blocks.#.attn.to_k
        single_layers.#.attn.w1v    single_transformer_blocks.#.attn.to_v
        single_layers.#.attn.w1o    single_transformer_blocks.#.attn.to_out.0
        single_layers.#.mlp.c_fc1   single_transformer_blocks.#.ff.linear_1
        single_layers.#.mlp.c_fc2   single_transformer_blocks.#.ff.linear_2
        single_layers.#.mlp.c_proj  single_transformer_blocks.#.ff.out_projection
        single_layers.#.modCX.1     single_transformer_blocks.#.norm1.linear
        final_linear                proj_out
        modF.1                      ~norm_out.linear
    """,
    "PixArtTransformer2DModel": """
        x_embedder.proj       pos_embed.proj
        t_embedder.mlp.0      adaln_single.emb.timestep_embedder.linear_1
        t_embedder.mlp.2      adaln_single.emb.timestep_embedder.linear_2
        csize_embedder.mlp.0  adaln_single.emb.resolution_embedder.linear_1
        csize_embedder.mlp.2  adaln_single.emb.resolution_embedder.linear_2
        ar_embedder.mlp.0     adaln_single.emb.aspect_ratio_embedder.linear_1
        ar_embedder.mlp.2     adaln_single.emb.aspect_ratio_embedder.linear_2
        t_block.1             adaln_single.linear
        y_embedder.y_proj.fc1 caption_projection.linear_1
        y_embedder.y_proj.fc2 caption_projection.linear_2
        blocks.#.attn.qkv             transformer_blocks.#.attn1.to_<qkv>
        blocks.#.attn.proj            transformer_blocks.#.attn1.to_out.0
        blocks.#.cross_attn.q_linear  transformer_blocks.#.attn2.to_q
        blocks.#.cross_attn.kv_linear transformer_blocks.#.attn2.to_<kv>
        blocks.#.cross_attn.proj      transformer_blocks.#.attn2.to_out.0
        blocks.#.mlp.fc1              transformer_blocks.#.ff.net.0.proj
        blocks.#.mlp.fc2              transformer_blocks.#.ff.net.2
        final_layer.linear            proj_out
    """,
}


def _lines(table: str) -> Iterator[tuple[str, list[str], bool]]:
    """(name, our paths, whether halves are swapped) of each line."""
    for line in table.split("\n"):
        name, *given = line.split() or [""]
        if name:
            paths = [path for pattern in given for path in _each_letter(pattern.removeprefix("~"))]
            yield name, paths, given[0].startswith("~")


def _each_letter(pattern: str) -> list[str]:
    head, opened, rest = pattern.partition("<")
    letters, _, tail = rest.partition(">")
    return [f"{head}{letter}{tail}" for letter in letters] if opened else [pattern]


def _count(network: nn.Module, path: str) -> int:
    return len(network.get_submodule(path.split(".#")[0]))  # type: ignore[arg-type]


def _targets(network: nn.Module, paths: list[str], swapped: bool) -> tuple[Target, ...]:
    """Our layers with their rows; () where this network has not all of them."""
    sizes = []
    for path in paths:
        try:
            module = network.get_submodule(path)
        except AttributeError:
            return ()
        sizes.append(len(module.weight))  # type: ignore[arg-type]
    if len(paths) == 1:
        half = sizes[0] // 2
        return (Target(paths[0], ((half, 2 * half), (0, half)) if swapped else None),)
    targets, start = [], 0
    for path, size in zip(paths, sizes, strict=True):
        targets.append(Target(path, ((start, start + size),)))
        start += size
    return tuple(targets)
