"""Transformers in their authors' layout: recognised, configured, and loaded with the same answers.

`original` writes a network as its authors' code would have: the way back of what is tested. Real
sizes are looked at without memory for weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

from nodes.diffusion import loading
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import recognise, stream
from nodes.diffusion.checkpoints.families import Detected
from nodes.diffusion.checkpoints.header import Header, TensorInfo
from nodes.types import FlowSchedule

State = dict[str, Tensor]


def joined(state: State, base: str, *names: str) -> State:
    """Queries, keys and values as one tensor."""
    return {
        word: torch.cat([state.pop(f"{base}.{name}.{word}") for name in names])
        for word in ("weight", "bias")
        if f"{base}.{names[0]}.{word}" in state
    }


def swapped(tensor: Tensor) -> Tensor:
    first, second = tensor.chunk(2)
    return torch.cat([second, first])


def renamed(state: State, names: dict[str, str]) -> State:
    """New names for whole stems."""
    found = {}
    for name, tensor in state.items():
        stem = next((n for n in names if name == n or name.startswith(n + ".")), None)
        assert stem is not None, name
        found[names[stem] + name[len(stem) :]] = tensor
    return found


def join_all(state: State, base: str, new: str, *names: str) -> State:
    return {f"{new}.{word}": tensor for word, tensor in joined(state, base, *names).items()}


def original_sd3(state: State) -> State:
    state = dict(state)
    found: State = {}
    last = max(int(n.split(".")[1]) for n in state if n.startswith("transformer_blocks."))
    for word in ("weight", "bias"):
        for name in ("norm_out.linear", f"transformer_blocks.{last}.norm1_context.linear"):
            state[f"{name}.{word}"] = swapped(state[f"{name}.{word}"])
    names = {
        "pos_embed.pos_embed": "pos_embed",
        "pos_embed.proj": "x_embedder.proj",
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
        "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
        "context_embedder": "context_embedder",
        "norm_out.linear": "final_layer.adaLN_modulation.1",
        "proj_out": "final_layer.linear",
    }
    for k in range(last + 1):
        old, new = f"transformer_blocks.{k}", f"joint_blocks.{k}"
        for attention in ("attn", "attn2"):
            found |= join_all(
                state,
                f"{old}.{attention}",
                f"{new}.x_block.{attention}.qkv",
                "to_q",
                "to_k",
                "to_v",
            )
            names[f"{old}.{attention}.norm_q"] = f"{new}.x_block.{attention}.ln_q"
            names[f"{old}.{attention}.norm_k"] = f"{new}.x_block.{attention}.ln_k"
            names[f"{old}.{attention}.to_out.0"] = f"{new}.x_block.{attention}.proj"
        text = ("add_q_proj", "add_k_proj", "add_v_proj")
        found |= join_all(state, f"{old}.attn", f"{new}.context_block.attn.qkv", *text)
        names |= {
            f"{old}.attn.norm_added_q": f"{new}.context_block.attn.ln_q",
            f"{old}.attn.norm_added_k": f"{new}.context_block.attn.ln_k",
            f"{old}.attn.to_add_out": f"{new}.context_block.attn.proj",
            f"{old}.norm1.linear": f"{new}.x_block.adaLN_modulation.1",
            f"{old}.norm1_context.linear": f"{new}.context_block.adaLN_modulation.1",
            f"{old}.ff.net.0.proj": f"{new}.x_block.mlp.fc1",
            f"{old}.ff.net.2": f"{new}.x_block.mlp.fc2",
            f"{old}.ff_context.net.0.proj": f"{new}.context_block.mlp.fc1",
            f"{old}.ff_context.net.2": f"{new}.context_block.mlp.fc2",
        }
    return found | renamed(state, names)


def original_flux(state: State) -> State:
    state = dict(state)
    found: State = {}
    for word in ("weight", "bias"):
        state[f"norm_out.linear.{word}"] = swapped(state[f"norm_out.linear.{word}"])
    names = {
        "x_embedder": "img_in",
        "context_embedder": "txt_in",
        "norm_out.linear": "final_layer.adaLN_modulation.1",
        "proj_out": "final_layer.linear",
    }
    for old, new in (("timestep", "time"), ("text", "vector"), ("guidance", "guidance")):
        names[f"time_text_embed.{old}_embedder.linear_1"] = f"{new}_in.in_layer"
        names[f"time_text_embed.{old}_embedder.linear_2"] = f"{new}_in.out_layer"
    for k in range(count(state, "transformer_blocks")):
        old, new = f"transformer_blocks.{k}", f"double_blocks.{k}"
        text = ("add_q_proj", "add_k_proj", "add_v_proj")
        found |= join_all(state, f"{old}.attn", f"{new}.img_attn.qkv", "to_q", "to_k", "to_v")
        found |= join_all(state, f"{old}.attn", f"{new}.txt_attn.qkv", *text)
        for ours, theirs in (("", "img"), ("added_", "txt")):
            for letter, norm in (("q", "query_norm"), ("k", "key_norm")):
                tensor = state.pop(f"{old}.attn.norm_{ours}{letter}.weight")
                found[f"{new}.{theirs}_attn.norm.{norm}.scale"] = tensor
        names |= {
            f"{old}.attn.to_out.0": f"{new}.img_attn.proj",
            f"{old}.attn.to_add_out": f"{new}.txt_attn.proj",
            f"{old}.norm1.linear": f"{new}.img_mod.lin",
            f"{old}.norm1_context.linear": f"{new}.txt_mod.lin",
            f"{old}.ff.net.0.proj": f"{new}.img_mlp.0",
            f"{old}.ff.net.2": f"{new}.img_mlp.2",
            f"{old}.ff_context.net.0.proj": f"{new}.txt_mlp.0",
            f"{old}.ff_context.net.2": f"{new}.txt_mlp.2",
        }
    for k in range(count(state, "single_transformer_blocks")):
        old, new = f"single_transformer_blocks.{k}", f"single_blocks.{k}"
        parts = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
        found |= join_all(state, old, f"{new}.linear1", *parts)
        for letter, norm in (("q", "query_norm"), ("k", "key_norm")):
            found[f"{new}.norm.{norm}.scale"] = state.pop(f"{old}.attn.norm_{letter}.weight")
        names |= {
            f"{old}.norm.linear": f"{new}.modulation.lin",
            f"{old}.proj_out": f"{new}.linear2",
        }
    return found | renamed(state, names)


def original_auraflow(state: State) -> State:
    state = dict(state)
    state["norm_out.linear.weight"] = swapped(state["norm_out.linear.weight"])
    names = {
        "pos_embed.pos_embed": "positional_encoding",
        "register_tokens": "register_tokens",
        "pos_embed.proj": "init_x_linear",
        "time_step_proj.linear_1": "t_embedder.mlp.0",
        "time_step_proj.linear_2": "t_embedder.mlp.2",
        "context_embedder": "cond_seq_linear",
        "norm_out.linear": "modF.1",
        "proj_out": "final_linear",
    }
    forward = {"linear_1": "c_fc1", "linear_2": "c_fc2", "out_projection": "c_proj"}
    picture = dict(zip(("to_q", "to_k", "to_v", "to_out.0"), "qkvo", strict=True))
    text = dict(zip(("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"), "qkvo", strict=True))
    for k in range(count(state, "joint_transformer_blocks")):
        old, new = f"joint_transformer_blocks.{k}", f"double_layers.{k}"
        names |= {f"{old}.norm1.linear": f"{new}.modX.1"}
        names |= {f"{old}.norm1_context.linear": f"{new}.modC.1"}
        names |= {f"{old}.attn.{a}": f"{new}.attn.w2{b}" for a, b in picture.items()}
        names |= {f"{old}.attn.{a}": f"{new}.attn.w1{b}" for a, b in text.items()}
        names |= {f"{old}.ff.{a}": f"{new}.mlpX.{b}" for a, b in forward.items()}
        names |= {f"{old}.ff_context.{a}": f"{new}.mlpC.{b}" for a, b in forward.items()}
    for k in range(count(state, "single_transformer_blocks")):
        old, new = f"single_transformer_blocks.{k}", f"single_layers.{k}"
        names |= {f"{old}.norm1.linear": f"{new}.modCX.1"}
        names |= {f"{old}.attn.{a}": f"{new}.attn.w1{b}" for a, b in picture.items()}
        names |= {f"{old}.ff.{a}": f"{new}.mlp.{b}" for a, b in forward.items()}
    return renamed(state, names)


def original_pixart(state: State) -> State:
    state = dict(state)
    found: State = {}
    names = {
        "pos_embed.proj": "x_embedder.proj",
        "caption_projection.linear_1": "y_embedder.y_proj.fc1",
        "caption_projection.linear_2": "y_embedder.y_proj.fc2",
        "adaln_single.linear": "t_block.1",
        "proj_out": "final_layer.linear",
        "scale_shift_table": "final_layer.scale_shift_table",
    }
    embedders = {"timestep": "t", "resolution": "csize", "aspect_ratio": "ar"}
    for old, new in embedders.items():
        names[f"adaln_single.emb.{old}_embedder.linear_1"] = f"{new}_embedder.mlp.0"
        names[f"adaln_single.emb.{old}_embedder.linear_2"] = f"{new}_embedder.mlp.2"
    for k in range(count(state, "transformer_blocks")):
        old, new = f"transformer_blocks.{k}", f"blocks.{k}"
        found |= join_all(state, f"{old}.attn1", f"{new}.attn.qkv", "to_q", "to_k", "to_v")
        found |= join_all(state, f"{old}.attn2", f"{new}.cross_attn.kv_linear", "to_k", "to_v")
        names |= {
            f"{old}.scale_shift_table": f"{new}.scale_shift_table",
            f"{old}.attn1.to_out.0": f"{new}.attn.proj",
            f"{old}.attn2.to_q": f"{new}.cross_attn.q_linear",
            f"{old}.attn2.to_out.0": f"{new}.cross_attn.proj",
            f"{old}.ff.net.0.proj": f"{new}.mlp.fc1",
            f"{old}.ff.net.2": f"{new}.mlp.fc2",
        }
    return found | renamed(state, names)


def original_dit(state: State) -> State:
    state = dict(state)
    found: State = {}
    names = {
        "pos_embed.proj": "x_embedder.proj",
        "proj_out_1": "final_layer.adaLN_modulation.1",
        "proj_out_2": "final_layer.linear",
    }
    for k in range(count(state, "transformer_blocks")):
        old, new = f"transformer_blocks.{k}", f"blocks.{k}"
        found |= join_all(state, f"{old}.attn1", f"{new}.attn.qkv", "to_q", "to_k", "to_v")
        for name in [n for n in state if n.startswith(f"{old}.norm1.emb.")]:
            tensor = state.pop(name)
            if k == 0:  # every block has the same
                found[name] = tensor
        names |= {
            f"{old}.norm1.linear": f"{new}.adaLN_modulation.1",
            f"{old}.attn1.to_out.0": f"{new}.attn.proj",
            f"{old}.ff.net.0.proj": f"{new}.mlp.fc1",
            f"{old}.ff.net.2": f"{new}.mlp.fc2",
        }
    inside = "transformer_blocks.0.norm1.emb"
    once = {
        f"{inside}.class_embedder.embedding_table": "y_embedder.embedding_table",
        f"{inside}.timestep_embedder.linear_1": "t_embedder.mlp.0",
        f"{inside}.timestep_embedder.linear_2": "t_embedder.mlp.2",
    }
    shared = {n: t for n, t in found.items() if n.startswith(inside)}
    rest = {n: t for n, t in found.items() if not n.startswith(inside)}
    return rest | renamed(shared, once) | renamed(state, names)


def count(state: State, row: str) -> int:
    return len({n.split(".")[1] for n in state if n.startswith(row + ".")})


ORIGINAL: dict[str, Callable[[State], State]] = {
    "sd3": original_sd3,
    "flux": original_flux,
    "auraflow": original_auraflow,
    "pixart": original_pixart,
    "dit": original_dit,
}
CLASSES = {
    "sd3": "SD3Transformer2DModel",
    "flux": "FluxTransformer2DModel",
    "auraflow": "AuraFlowTransformer2DModel",
    "pixart": "PixArtTransformer2DModel",
    "dit": "DiTTransformer2DModel",
}
_SD3 = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 2048,
}
_FLUX = {
    "patch_size": 1,
    "in_channels": 64,
    "out_channels": 64,
    "num_layers": 19,
    "num_single_layers": 38,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "pooled_projection_dim": 768,
    "axes_dims_rope": [16, 56, 56],
}
_PIXART = {
    "patch_size": 2,
    "in_channels": 4,
    "out_channels": 8,
    "num_layers": 28,
    "attention_head_dim": 72,
    "num_attention_heads": 16,
    "cross_attention_dim": 1152,
    "caption_channels": 4096,
}
REAL: dict[str, tuple[str, dict[str, Any]]] = {
    "SD 3 medium": (
        "sd3",
        {
            **_SD3,
            "num_layers": 24,
            "attention_head_dim": 64,
            "num_attention_heads": 24,
            "caption_projection_dim": 1536,
            "pos_embed_max_size": 192,
            "dual_attention_layers": [],
            "qk_norm": None,
        },
    ),
    "SD 3.5 medium": (
        "sd3",
        {
            **_SD3,
            "num_layers": 24,
            "attention_head_dim": 64,
            "num_attention_heads": 24,
            "caption_projection_dim": 1536,
            "pos_embed_max_size": 384,
            "dual_attention_layers": list(range(13)),
            "qk_norm": "rms_norm",
        },
    ),
    "SD 3.5 large": (
        "sd3",
        {
            **_SD3,
            "num_layers": 38,
            "attention_head_dim": 64,
            "num_attention_heads": 38,
            "caption_projection_dim": 2432,
            "pos_embed_max_size": 192,
            "dual_attention_layers": [],
            "qk_norm": "rms_norm",
        },
    ),
    "Flux dev": ("flux", {**_FLUX, "guidance_embeds": True}),
    "Flux schnell": ("flux", {**_FLUX, "guidance_embeds": False}),
    "Flux Fill": ("flux", {**_FLUX, "in_channels": 384, "guidance_embeds": True}),
    "AuraFlow": (
        "auraflow",
        {
            "sample_size": 64,
            "patch_size": 2,
            "in_channels": 4,
            "out_channels": 4,
            "num_mmdit_layers": 4,
            "num_single_dit_layers": 32,
            "attention_head_dim": 256,
            "num_attention_heads": 12,
            "joint_attention_dim": 2048,
            "caption_projection_dim": 3072,
            "pos_embed_max_size": 9216,
        },
    ),
    "PixArt-Sigma": (
        "pixart",
        {
            **_PIXART,
            "sample_size": 128,
            "interpolation_scale": 2.0,
            "use_additional_conditions": False,
        },
    ),
    "PixArt-Alpha": (
        "pixart",
        {
            **_PIXART,
            "sample_size": 128,
            "interpolation_scale": 2.0,
            "use_additional_conditions": True,
        },
    ),
    "DiT": (
        "dit",
        {
            "sample_size": 32,
            "patch_size": 2,
            "in_channels": 4,
            "out_channels": 8,
            "num_layers": 28,
            "attention_head_dim": 72,
            "num_attention_heads": 16,
            "num_embeds_ada_norm": 1000,
        },
    ),
}
TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "SD 3": (
        "sd3",
        {
            "sample_size": 128,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 2,
            "attention_head_dim": 8,
            "num_attention_heads": 2,
            "joint_attention_dim": 24,
            "caption_projection_dim": 16,
            "pooled_projection_dim": 12,
            "pos_embed_max_size": 8,
        },
    ),
    "Flux dev": (
        "flux",
        {
            "in_channels": 16,
            "num_layers": 2,
            "num_single_layers": 2,
            "attention_head_dim": 32,
            "num_attention_heads": 2,
            "joint_attention_dim": 24,
            "pooled_projection_dim": 12,
            "guidance_embeds": True,
            "axes_dims_rope": (4, 14, 14),
        },
    ),
    "AuraFlow": (
        "auraflow",
        {
            "in_channels": 4,
            "num_mmdit_layers": 2,
            "num_single_dit_layers": 2,
            "attention_head_dim": 16,
            "num_attention_heads": 1,
            "joint_attention_dim": 24,
            "caption_projection_dim": 16,
            "pos_embed_max_size": 64,
        },
    ),
    "PixArt-Sigma": (
        "pixart",
        {
            "attention_head_dim": 12,
            "num_attention_heads": 1,
            "num_layers": 2,
            "cross_attention_dim": 12,
            "caption_channels": 24,
            "use_additional_conditions": False,
        },
    ),
    "DiT": (
        "dit",
        {
            "attention_head_dim": 16,
            "num_attention_heads": 1,
            "out_channels": 8,
            "num_layers": 2,
            "num_embeds_ada_norm": 6,
        },
    ),
}
_NORMED = {**TINY["SD 3"][1], "qk_norm": "rms_norm"}
TINY["SD 3.5 large"] = ("sd3", _NORMED)
TINY["SD 3.5 medium"] = ("sd3", {**_NORMED, "dual_attention_layers": (0,)})
TINY["Flux schnell"] = ("flux", {**TINY["Flux dev"][1], "guidance_embeds": False})
TINY["PixArt-Alpha"] = (
    "pixart",
    {
        **TINY["PixArt-Sigma"][1],
        "attention_head_dim": 24,
        "cross_attention_dim": 24,
        "use_additional_conditions": True,
    },
)


def new(family: str, config: dict[str, Any]) -> Any:
    import diffusers

    return getattr(diffusers, CLASSES[family])(**config).eval()


def weights_of(family: str, config: dict[str, Any]) -> tuple[Any, State]:
    """A small network, all of its weights random, and its tensors."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = new(family, config)
        for parameter in network.parameters():  # norms begin as ones, tables as small numbers
            torch.nn.init.normal_(parameter, std=0.2)
    if family == "dit":
        _share(network)
    return network, {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _share(network: Any) -> None:
    """All blocks of a DiT read one embedding, as the original has it."""
    first = network.transformer_blocks[0].norm1.emb.state_dict()
    for block in network.transformer_blocks:
        block.norm1.emb.load_state_dict(first)


def header_of(state: State, prefix: str = "") -> Header:
    """A header without a file behind it."""
    path = Path("model.safetensors")
    tensors = {prefix + n: TensorInfo("F16", tuple(t.shape), path) for n, t in state.items()}
    return Header(path, (path,), tensors)


@pytest.fixture(scope="module", params=REAL)
def real(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], State]:
    family, config = REAL[request.param]
    with torch.device("meta"):
        return family, config, new(family, config).state_dict()


def found_in(header: Header) -> Detected:
    detected = recognise.recognise_denoiser(header)
    assert detected is not None
    return detected


def sizes(state: State) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


@pytest.mark.parametrize("layout", ["original", "diffusers"])
@pytest.mark.parametrize("prefix", ["model.diffusion_model.", "", "model."])
def test_published_models_are_recognised_by_their_shapes(
    real: tuple[str, dict[str, Any], State], layout: str, prefix: str
) -> None:
    family, config, state = real
    file = ORIGINAL[family](state) if layout == "original" else state
    detected = found_in(header_of(file, prefix))
    part = detected.parts["denoiser"]
    assert (detected.family.name, part.cls, part.prefix) == (family, CLASSES[family], prefix)
    assert part.config == config
    assert part.sources.keys() == state.keys()
    read = {name for source in part.sources.values() for name in source.names}
    assert read | part.unread == file.keys()


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("layout", ["original", "diffusers"])
def test_a_file_answers_as_the_network_it_was_made_of(
    name: str, layout: str, tmp_path: Path
) -> None:
    family, config = TINY[name]
    network, state = weights_of(family, config)
    file = ORIGINAL[family](state) if layout == "original" else state
    if layout == "original" and family in ("pixart", "dit"):
        # The authors' files say how many places a picture had.
        side = network.config.sample_size // network.config.patch_size
        file["pos_embed"] = torch.zeros(1, side**2, 4)
    save_file({n: t.contiguous() for n, t in file.items()}, tmp_path / "model.safetensors")
    model = loading.load_model(tmp_path / "model.safetensors")
    assert model.family == family
    for key, tensor in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[key], tensor), key
    # Where in memory a tensor lies decides by which kernel it is multiplied: rounding remains.
    assert_close(answer(family, model.network), answer(family, network), rtol=1e-4, atol=2e-5)


def answer(family: str, network: Any) -> Tensor:
    generator = torch.Generator().manual_seed(1)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    text, pooled, time = noise(1, 5, 24), noise(1, 12), torch.tensor([0.6])
    x = noise(1, 4, 4, 6)
    given: dict[str, Any] = {
        "sd3": {
            "hidden_states": x,
            "encoder_hidden_states": text,
            "pooled_projections": pooled,
            "timestep": time * 1000,
        },
        "flux": {
            "hidden_states": noise(1, 6, 16),
            "encoder_hidden_states": text,
            "pooled_projections": pooled,
            "timestep": time,
            "guidance": time * 5 if network.config.get("guidance_embeds") else None,
            "txt_ids": torch.zeros(5, 3),
            "img_ids": torch.arange(18).reshape(6, 3).float(),
        },
        "auraflow": {"hidden_states": x, "encoder_hidden_states": text, "timestep": time},
        "pixart": {
            "hidden_states": x,
            "encoder_hidden_states": text,
            "timestep": time * 1000,
            "added_cond_kwargs": {
                "resolution": torch.tensor([[32.0, 48.0]]),
                "aspect_ratio": torch.tensor([[0.7]]),
            },
        },
        "dit": {
            "hidden_states": noise(1, 4, 4, 4),
            "timestep": time * 1000,
            "class_labels": torch.tensor([3]),
        },
    }[family]
    with torch.no_grad():
        output: Tensor = network(**given, return_dict=False)[0]
    return output


@pytest.mark.parametrize("name", ["SD 3", "SD 3.5 large", "SD 3.5 medium", "AuraFlow"])
def test_tensors_become_what_diffusers_makes_of_them(name: str, tmp_path: Path) -> None:
    from diffusers.loaders import single_file_utils

    family, config = TINY[name]
    file = ORIGINAL[family](weights_of(family, config)[1])
    converter = {
        "sd3": single_file_utils.convert_sd3_transformer_checkpoint_to_diffusers,
        "auraflow": single_file_utils.convert_auraflow_transformer_checkpoint_to_diffusers,
    }[family]
    compare(file, converter(dict(file)))


def test_flux_tensors_become_what_diffusers_makes_of_them() -> None:
    """diffusers' converter knows Flux's own width alone; one column of each tensor is enough."""
    from diffusers.loaders import single_file_utils

    config = {**REAL["Flux dev"][1], "num_layers": 1, "num_single_layers": 1}
    with torch.device("meta"):
        state = new("flux", config).state_dict()
    generator = torch.Generator().manual_seed(2)
    full = ORIGINAL["flux"](state)
    file = {
        name: torch.randn(len(t), *[1] * (t.ndim - 1), generator=generator)
        for name, t in full.items()
    }
    converter = single_file_utils.convert_flux_transformer_checkpoint_to_diffusers
    compare(file, converter(dict(file)), found_in(header_of(full)))


def compare(file: State, expected: State, detected: Detected | None = None) -> None:
    part = (detected or found_in(header_of(file))).parts["denoiser"]
    assert part.sources.keys() == expected.keys()
    for name, source in part.sources.items():
        tensors = [file[old] for old in source.names]
        got = source.change(*tensors) if source.change else tensors[0]
        assert torch.equal(got, expected[name]), name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SD 3", FlowSchedule(shift=3.0, multiplier=1000.0)),
        ("Flux schnell", FlowSchedule(shift=1.0, multiplier=1.0)),
        ("AuraFlow", FlowSchedule(shift=1.73, multiplier=1.0)),
    ],
)
def test_levels_and_clock_are_the_family_s(
    name: str, expected: FlowSchedule, tmp_path: Path
) -> None:
    model = loaded(name, tmp_path)
    assert model.betas == expected
    assert model.prediction == "flow"


def test_flux_dev_is_shifted_for_a_million_pixels(tmp_path: Path) -> None:
    model = loaded("Flux dev", tmp_path)
    assert model.betas.shift == pytest.approx(2.718281828**1.15)
    assert model.betas.multiplier == 1


@pytest.mark.parametrize("name", ["PixArt-Sigma", "DiT"])
def test_diffusions_have_ddpm_s_betas(name: str, tmp_path: Path) -> None:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    model = loaded(name, tmp_path)
    expected = DDPMScheduler().alphas_cumprod
    assert_close(torch.tensor(model.betas.alphas_cumprod, dtype=torch.float32), expected)
    assert model.prediction == "epsilon"


def loaded(name: str, folder: Path) -> Any:
    family, config = TINY[name]
    file = ORIGINAL[family](weights_of(family, config)[1])
    save_file({n: t.contiguous() for n, t in file.items()}, folder / "m.safetensors")
    return loading.load_model(folder / "m.safetensors")


@pytest.mark.parametrize(
    ("places", "tokens", "side", "scale"),
    [(4096, 300, 128, 2.0), (256, 300, 32, 0.5), (256, 120, 32, 1.0), (16384, 300, 256, 4.0)],
    ids=["Sigma 1024", "Sigma 256", "Alpha 256", "Sigma 2K"],
)
def test_pixart_s_places_tell_its_size(places: int, tokens: int, side: int, scale: float) -> None:
    family, config = TINY["PixArt-Sigma"]
    file = ORIGINAL[family](weights_of(family, config)[1])
    file["pos_embed"] = torch.empty(1, places, 12, device="meta")
    file["y_embedder.y_embedding"] = torch.empty(tokens, 24, device="meta")
    part = found_in(header_of(file)).parts["denoiser"]
    assert (part.config["sample_size"], part.config["interpolation_scale"]) == (side, scale)
    assert part.unread == {"pos_embed", "y_embedder.y_embedding"}


@pytest.mark.parametrize("name", TINY)
def test_a_missing_tensor_is_named(name: str, tmp_path: Path) -> None:
    family, config = TINY[name]
    file = ORIGINAL[family](weights_of(family, config)[1])
    absent = next(n for n in file if re.search(r"\.1\..*(fc2|mlp\.2|c_proj)\.weight$", n))
    del file[absent]
    save_file({n: t.contiguous() for n, t in file.items()}, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match=r"1 weights are missing, among them .*blocks\.1"):
        loading.load_model(tmp_path / "m.safetensors")


def test_a_tensor_without_a_place_is_named(tmp_path: Path) -> None:
    file = ORIGINAL["sd3"](weights_of(*TINY["SD 3"])[1])
    file["joint_blocks.1.x_block.strange.weight"] = torch.zeros(2)
    save_file({n: t.contiguous() for n, t in file.items()}, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match=r"1 have no place in it, .*strange"):
        loading.load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "names",
    [
        # Chroma has Flux's blocks but reads no pooled text, HunyuanVideo reads by a transformer.
        ["double_blocks.0.img_attn.qkv.weight", "img_in.weight", "txt_in.weight"],
        ["txt_in.individual_token_refiner.blocks.0.norm1.weight", "img_in.proj.weight"],
        # Sana has PixArt's texts and convolutions in its blocks.
        ["x_embedder.proj.weight", "y_embedder.y_proj.fc1.weight", "blocks.0.attn.qkv.weight"],
    ],
)
def test_relatives_are_not_taken_for_a_family(names: list[str]) -> None:
    state = {name: torch.empty(4, 4, device="meta") for name in names}
    assert recognise.recognise_denoiser(header_of(state)) is None


def test_real_networks_have_a_place_for_every_tensor(
    real: tuple[str, dict[str, Any], State],
) -> None:
    family, _, state = real
    part = found_in(header_of(ORIGINAL[family](state))).parts["denoiser"]
    with torch.device("meta"):
        network = stream.empty_network(part.cls, part.config)
    assert sizes(network.state_dict()) == sizes(state)
