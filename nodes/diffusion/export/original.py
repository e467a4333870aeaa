"""Networks' weights under the names of their first publication, which most programs read.

The other way round from what `nodes.diffusion.checkpoints` reads: joined tensors are joined again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.adapters.bake import baked
from nodes.diffusion.adapters.original_names import (
    TABLES,
    numbered_names,
    targets_of,
    unet_names,
)
from nodes.diffusion.checkpoints import layouts

Weights = dict[str, Tensor]


class ExportError(ValueError):
    """A network that cannot be written in the wanted layout."""


def plain(network: nn.Module) -> nn.Module:
    """A network whose patches are part of its weights.

    Raises:
        ExportError: one cannot be.
    """
    for path, module in network.named_modules():
        if "hypernetwork" in module._modules:
            raise ExportError(
                f"a hypernetwork lies before {path}: it is no change of weights; save the model "
                "without it"
            )
    return baked(network)


def denoiser_state(network: nn.Module) -> Weights:
    """A UNet's or transformer's weights."""
    state = dict(network.state_dict())
    kind = type(network).__name__
    if kind == "UNet2DConditionModel":
        return {_renamed(name, unet_names(network)): tensor for name, tensor in state.items()}
    if kind not in TABLES:
        raise ExportError(f"a {kind} has no original layout that is written")
    return _joined(state, network, TABLES[kind])


def _renamed(name: str, modules: Mapping[str, str]) -> str:
    path, _, last = name.rpartition(".")
    if path not in modules:
        raise ExportError(f"{name} has no name in the original layout")
    return f"{modules[path]}.{last}"


def _joined(state: Weights, network: nn.Module, table: layouts.Table) -> Weights:
    left, found = dict(state), {}
    for name, paths, swapped in numbered_names(network, table):
        for last in ("", ".weight", ".bias"):
            ours = [path + last for path in paths]
            if not all(own in left for own in ours):
                continue
            tensors = [left.pop(own) for own in ours]
            parts = targets_of(ours, [len(tensor) for tensor in tensors], swapped)
            whole = name + last
            found[whole] = _filled(tensors, [part.rows for part in parts])
    if left:
        raise ExportError(f"{next(iter(left))} has no name in the original layout")
    return found


def _filled(tensors: list[Tensor], rows: list[tuple[tuple[int, int], ...] | None]) -> Tensor:
    """The rows of all in one tensor."""
    if rows == [None]:
        return tensors[0]
    height = sum(len(tensor) for tensor in tensors)
    whole = tensors[0].new_empty(height, *tensors[0].shape[1:])
    for tensor, ranges in zip(tensors, rows, strict=True):
        start = 0
        for first, last in ranges or ():
            whole[first:last] = tensor[start : start + last - first]
            start += last - first
    return whole


_VAE_MODULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\.mid_block\.resnets\.(\d)\.", lambda m: f".mid.block_{int(m[1]) + 1}."),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1."),
    (r"\.down_blocks\.(\d+)\.resnets\.", r".down.\1.block."),
    (r"\.down_blocks\.(\d+)\.downsamplers\.0\.", r".down.\1.downsample."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"coder\.conv_norm_out\.", "coder.norm_out."),
    (r"\.attn_1\.group_norm\.", ".attn_1.norm."),
    (r"\.attn_1\.to_([qkv])\.", r".attn_1.\1."),
    (r"\.attn_1\.to_out\.0\.", ".attn_1.proj_out."),
)


def vae_state(autoencoder: nn.Module) -> Weights:
    """An autoencoder's weights. The original counts the decoder's levels from the picture, and its
    attention's layers are convolutions of one pixel."""
    if type(autoencoder).__name__ != "AutoencoderKL":
        raise ExportError(f"a {type(autoencoder).__name__} has no original layout that is written")
    last = len(autoencoder.decoder.up_blocks) - 1
    found = {}
    for name, tensor in autoencoder.state_dict().items():
        new = name
        for pattern, replacement in _VAE_MODULES:
            new = re.sub(pattern, replacement, new)
        up = re.match(r"decoder\.up_blocks\.(\d+)\.(resnets|upsamplers\.0)\.(.*)", new)
        if up:
            place = "block" if up[2] == "resnets" else "upsample"
            new = f"decoder.up.{last - int(up[1])}.{place}.{up[3]}"
        linear = ".attn_1." in new and tensor.ndim == 2
        found[new] = tensor[:, :, None, None] if linear else tensor
    return found


def hugging_face_state(encoder: nn.Module) -> Weights:
    """A text encoder's weights as transformers names them. `text_model.` is before CLIP's in all
    files, while transformers 5 leaves it out in memory."""
    state = {n: t for n, t in encoder.state_dict().items() if not n.endswith("position_ids")}
    if "shared.weight" in state:
        state.pop("encoder.embed_tokens.weight", None)  # the same tensor again
        return state
    whole = ("text_model.", "text_projection.")
    return {n if n.startswith(whole) else f"text_model.{n}": t for n, t in state.items()}


_OPENCLIP_WHOLE = {
    "embeddings.position_embedding.weight": "positional_embedding",
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
_OPENCLIP_INNER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def openclip_state(encoder: nn.Module) -> Weights:
    """A CLIP text encoder's weights as OpenCLIP names them: queries, keys and values in one, the
    projection turned."""
    state = hugging_face_state(encoder)
    found = {}
    projection = state.pop("text_projection.weight", None)
    if projection is not None:
        found["text_projection"] = projection.T
    for name, tensor in state.items():
        short = name.removeprefix("text_model.")
        layer = re.match(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", short)
        if not layer:
            found[_OPENCLIP_WHOLE[short]] = tensor
            continue
        block = f"transformer.resblocks.{layer[1]}"
        if layer[2] in _OPENCLIP_INNER:
            found[f"{block}.{_OPENCLIP_INNER[layer[2]]}.{layer[3]}"] = tensor
        elif layer[2] == "self_attn.q_proj":
            three = [state[name.replace("q_proj", f"{letter}_proj")] for letter in "qkv"]
            found[f"{block}.attn.in_proj_{layer[3]}"] = torch.cat(three)
    return found


def openclip_h_state(encoder: nn.Module) -> Weights:
    """Stable Diffusion 2's text encoder. It reads the last layer but one of OpenCLIP's 24, so that
    diffusers keeps 23; files have all, and the last is taken for granted and left out by whoever
    reads them. It is written as the one before again."""
    state = openclip_state(encoder)
    layers = 1 + max(int(name.split(".")[2]) for name in state if ".resblocks." in name)
    last, new = f".resblocks.{layers - 1}.", f".resblocks.{layers}."
    again = {name.replace(last, new): t.clone() for name, t in state.items() if last in name}
    return {**state, **again}


def stored(weights: Mapping[str, Any], dtype: torch.dtype) -> Weights:
    """Tensors as they go into a file: on the CPU, in this precision, whole numbers as they are."""
    return {
        name: tensor.detach()
        .to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
        .contiguous()
        for name, tensor in weights.items()
    }
