"""Small random models of each family, written as the single files that users have.

The original layout's names are made from diffusers' by the arithmetic of block numbers, which is
another way than the loader's own.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from small import seeded

Weights = dict[str, torch.Tensor]

CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
DOWN, UP = "DownBlock2D", "UpBlock2D"
POOLED = 32

SMALL: dict[str, dict[str, Any]] = {
    "sd1": {
        "block_out_channels": (32, 64),
        "down_block_types": (CROSS_DOWN, DOWN),
        "up_block_types": (UP, CROSS_UP),
        "layers_per_block": 2,
        "cross_attention_dim": 32,
        "attention_head_dim": 8,
    },
    "sd2": {
        "block_out_channels": (32, 64),
        "down_block_types": (CROSS_DOWN, DOWN),
        "up_block_types": (UP, CROSS_UP),
        "layers_per_block": 1,
        "cross_attention_dim": 32,
        "attention_head_dim": (1, 1),
        "use_linear_projection": True,
    },
    "sdxl": {
        "block_out_channels": (32, 64, 128),
        "down_block_types": (DOWN, CROSS_DOWN, CROSS_DOWN),
        "up_block_types": (CROSS_UP, CROSS_UP, UP),
        "layers_per_block": 1,
        "transformer_layers_per_block": (1, 1, 2),
        "cross_attention_dim": 64,
        "attention_head_dim": (1, 1, 2),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": POOLED + 6 * 256,
    },
    "sdxl_refiner": {
        "block_out_channels": (32, 32, 64, 64),
        "down_block_types": (DOWN, CROSS_DOWN, CROSS_DOWN, DOWN),
        "up_block_types": (UP, CROSS_UP, CROSS_UP, UP),
        "layers_per_block": 1,
        "transformer_layers_per_block": 2,
        "cross_attention_dim": 32,
        "attention_head_dim": (1, 1, 1, 1),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": POOLED + 5 * 256,
    },
}
SMALL["inpaint"] = {**SMALL["sd1"], "in_channels": 9}
SMALL["ip2p"] = {**SMALL["sd1"], "in_channels": 8}
SMALL["lcm"] = {**SMALL["sd1"], "time_cond_proj_dim": 16}
SMALL["unclip"] = {
    **SMALL["sd2"],
    "class_embed_type": "projection",
    "projection_class_embeddings_input_dim": 48,
}
SMALL["few_transformers"] = {  # blocks differ on the way down and up, and none in the middle
    **SMALL["sdxl"],
    "transformer_layers_per_block": (1, 1, 2),
    "reverse_transformer_layers_per_block": ((2, 1), 1, 1),
    "mid_block_type": "UNetMidBlock2D",
}


@cache
def unet(kind: str) -> Any:
    """Made once and shared: a test that changes one copies it first."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with seeded(1):
        return UNet2DConditionModel(sample_size=8, **SMALL[kind]).eval()


def autoencoder(**changes: Any) -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    config: dict[str, Any] = {
        "block_out_channels": (32, 64),
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "layers_per_block": 1,
        "latent_channels": 4,
    }
    with seeded(2):
        return AutoencoderKL(**{**config, **changes}).eval()


def text_encoder(projected: bool = False, act: str = "quick_gelu", layers: int = 2) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=1,
        projection_dim=POOLED,
        hidden_act=act,
        bos_token_id=49406,
        eos_token_id=49407,
    )
    with seeded(3 + projected):
        return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def original_unet(weights: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """diffusers' names as the original layout numbers them."""
    names = {
        "time_embedding.linear_1.": "time_embed.0.",
        "time_embedding.linear_2.": "time_embed.2.",
        "time_embedding.cond_proj.": "time_embed.cond_proj.",
        "add_embedding.linear_1.": "label_emb.0.0.",
        "add_embedding.linear_2.": "label_emb.0.2.",
        "class_embedding.linear_1.": "label_emb.0.0.",
        "class_embedding.linear_2.": "label_emb.0.2.",
        "conv_in.": "input_blocks.0.0.",
        "conv_norm_out.": "out.0.",
        "conv_out.": "out.2.",
        "mid_block.attentions.0.": "middle_block.1.",
        "mid_block.resnets.0.": "middle_block.0.",
        "mid_block.resnets.1.": "middle_block.2.",
    }
    layers = config.get("layers_per_block", 2)
    for level, kind in enumerate(config["up_block_types"]):
        for layer in range(layers + 1):
            down = (layers + 1) * level + layer + 1
            up = (layers + 1) * level + layer
            names[f"down_blocks.{level}.resnets.{layer}."] = f"input_blocks.{down}.0."
            names[f"down_blocks.{level}.attentions.{layer}."] = f"input_blocks.{down}.1."
            names[f"up_blocks.{level}.resnets.{layer}."] = f"output_blocks.{up}.0."
            names[f"up_blocks.{level}.attentions.{layer}."] = f"output_blocks.{up}.1."
        last = (layers + 1) * (level + 1)
        names[f"down_blocks.{level}.downsamplers.0.conv."] = f"input_blocks.{last}.0.op."
        place = 2 if kind.startswith("Cross") else 1
        names[f"up_blocks.{level}.upsamplers.0."] = f"output_blocks.{last - 1}.{place}."
    inner = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "time_emb_proj": "emb_layers.1",
        "conv_shortcut": "skip_connection",
    }
    found = {}
    for name, weight in weights.items():
        start = next(s for s in names if name.startswith(s))
        rest = name[len(start) :]
        if ".resnets." in name:
            module, _, last_word = rest.rpartition(".")
            rest = f"{inner[module]}.{last_word}"
        found[names[start] + rest] = weight
    return found


def original_vae(weights: Mapping[str, Any], levels: int) -> dict[str, Any]:
    """An autoencoder's names in the original layout; its attention is made of convolutions."""
    found = {}
    attention = {
        "group_norm": "norm",
        "to_q": "q",
        "to_k": "k",
        "to_v": "v",
        "to_out.0": "proj_out",
    }
    for name, weight in weights.items():
        for level in range(levels):
            name = name.replace(f"down_blocks.{level}.resnets.", f"down.{level}.block.")
            name = name.replace(f"down_blocks.{level}.downsamplers.0.", f"down.{level}.downsample.")
            other = levels - 1 - level
            name = name.replace(f"up_blocks.{level}.resnets.", f"up.{other}.block.")
            name = name.replace(f"up_blocks.{level}.upsamplers.0.", f"up.{other}.upsample.")
        name = name.replace("mid_block.resnets.0.", "mid.block_1.")
        name = name.replace("mid_block.resnets.1.", "mid.block_2.")
        name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        if "mid_block.attentions.0." in name:
            head, _, tail = name.partition("mid_block.attentions.0.")
            module, _, last = tail.rpartition(".")
            name = f"{head}mid.attn_1.{attention[module]}.{last}"
            weight = weight[:, :, None, None] if weight.ndim == 2 else weight
        found[name] = weight
    return found


def hugging_face_clip(weights: Mapping[str, Any]) -> dict[str, Any]:
    """With `text_model.` before all names, as files have them whatever transformers' version."""
    return {
        n if n.startswith(("text_model.", "text_projection")) else f"text_model.{n}": w
        for n, w in weights.items()
    }


def openclip(weights: Mapping[str, Any], extra_layer: bool = False) -> dict[str, Any]:
    """OpenCLIP's names, with queries, keys and values in one; `extra_layer` puts another on top."""
    weights = hugging_face_clip(weights)
    found: dict[str, Any] = {
        "positional_embedding": weights["text_model.embeddings.position_embedding.weight"],
        "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
        "ln_final.weight": weights["text_model.final_layer_norm.weight"],
        "ln_final.bias": weights["text_model.final_layer_norm.bias"],
    }
    width = found["positional_embedding"].shape[1]
    projection = weights.get("text_projection.weight")
    found["text_projection"] = torch.zeros(width, width) if projection is None else projection.T
    found["logit_scale"] = torch.zeros(())
    layers = 1 + max(int(n.split(".")[3]) for n in weights if ".layers." in n)
    for layer in range(layers + extra_layer):
        source = f"text_model.encoder.layers.{min(layer, layers - 1)}"
        block = f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            joint = [weights[f"{source}.self_attn.{x}_proj.{kind}"] for x in "qkv"]
            found[f"{block}.attn.in_proj_{kind}"] = torch.cat(joint)
            for new, old in (
                ("attn.out_proj", "self_attn.out_proj"),
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                found[f"{block}.{new}.{kind}"] = weights[f"{source}.{old}.{kind}"]
    return found


def under(prefix: str, weights: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: weight for name, weight in weights.items()}


class Networks:
    """The networks of a family, and their weights as its checkpoints name them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.unet = unet(kind)
        self.vae = autoencoder()
        self.encoders: dict[str, Any] = {}
        if kind in ("sdxl",):
            self.encoders["clip_l"] = text_encoder()
        if kind in ("sdxl", "sdxl_refiner"):
            self.encoders["clip_g"] = text_encoder(projected=True, act="gelu")
        elif kind in ("sd2", "unclip"):
            self.encoders["clip_h"] = text_encoder(act="gelu")
        else:
            self.encoders["clip_l"] = text_encoder()

    def original(self) -> Weights:
        """The whole checkpoint in the original layout."""
        config = SMALL[self.kind]
        weights = under("model.diffusion_model.", original_unet(self.unet.state_dict(), config))
        weights |= under("first_stage_model.", original_vae(self.vae.state_dict(), 2))
        for kind, encoder in self.encoders.items():
            weights |= self._text(kind, encoder.state_dict())
        return weights

    def _text(self, kind: str, weights: Mapping[str, Any]) -> dict[str, Any]:
        if kind == "clip_h":
            return under("cond_stage_model.model.", openclip(weights, extra_layer=True))
        if kind == "clip_g":
            place = 1 if self.kind == "sdxl" else 0
            return under(f"conditioner.embedders.{place}.model.", openclip(weights))
        named = hugging_face_clip(weights)
        named["text_model.embeddings.position_ids"] = torch.arange(77)[None]
        if self.kind == "sdxl":
            return under("conditioner.embedders.0.transformer.", named)
        return under("cond_stage_model.transformer.", named)


def write(path: Path, weights: Mapping[str, torch.Tensor], **metadata: str) -> Path:
    own = {name: weight.contiguous().clone() for name, weight in weights.items()}
    save_file(own, path, metadata={"format": "pt", **metadata})
    return path


def write_sparse(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    """A file of real shapes whose content is a hole: it takes no space on disk."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    return path


@pytest.fixture(scope="session")
def networks() -> Callable[[str], Networks]:
    """Networks by their kind, each made once."""
    made: dict[str, Networks] = {}

    def get(kind: str) -> Networks:
        if kind not in made:
            made[kind] = Networks(kind)
        return made[kind]

    return get


class Tools:
    """The functions above, for tests: a conftest cannot be imported."""

    unet = staticmethod(unet)
    autoencoder = staticmethod(autoencoder)
    text_encoder = staticmethod(text_encoder)
    original_unet = staticmethod(original_unet)
    original_vae = staticmethod(original_vae)
    hugging_face_clip = staticmethod(hugging_face_clip)
    openclip = staticmethod(openclip)
    under = staticmethod(under)
    write = staticmethod(write)
    write_sparse = staticmethod(write_sparse)
    small = SMALL


@pytest.fixture(scope="session")
def tools() -> type[Tools]:
    return Tools
