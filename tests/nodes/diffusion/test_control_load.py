"""ControlNets from folders and single files: what is read is what was written, of every writer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nodes.diffusion import control_files
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.control_load import load
from small import sd3_config, seeded

# FluxControlNetModel itself makes it.
pytestmark = pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")


def new_controlnet(width: int = 768, **config: Any) -> Any:
    """Two levels, 8 heads: what Stable Diffusion 1's files cannot say is as it is there."""
    from diffusers.models.controlnets.controlnet import ControlNetModel

    given: dict[str, Any] = {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "block_out_channels": (32, 64),
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "cross_attention_dim": width,
        "attention_head_dim": 8,
        "conditioning_embedding_out_channels": (4, 4, 8, 8),
    }
    with seeded(1):
        return ControlNetModel(**{**given, **config})


XL: dict[str, Any] = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "block_out_channels": (64, 128),
    "attention_head_dim": (1, 2),
    "use_linear_projection": True,
    "transformer_layers_per_block": (1, 2),
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}


def new_union() -> Any:
    from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel

    with seeded(2):
        return ControlNetUnionModel(
            cross_attention_dim=2048,
            conditioning_embedding_out_channels=(4, 4, 8, 8),
            num_control_type=8,
            num_trans_channel=64,
            num_proj_channel=64,
            **XL,
        )


def new_sd3(**config: Any) -> Any:
    from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel

    given: dict[str, Any] = {
        **sd3_config(),
        "num_layers": 2,
        "attention_head_dim": 64,
        "num_attention_heads": 1,
        "caption_projection_dim": 64,
    }
    with seeded(3):
        return SD3ControlNetModel(**{**given, **config})


SD35: dict[str, Any] = {
    "joint_attention_dim": None,
    "use_pos_embed": False,
    "pos_embed_type": None,
    "pos_embed_max_size": None,
    "force_zeros_for_pooled_projection": False,
}


def new_flux(singles: int = 1, **config: Any) -> Any:
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel

    with seeded(4):
        return FluxControlNetModel(
            in_channels=16,
            num_layers=2,
            num_single_layers=singles,
            attention_head_dim=32,
            num_attention_heads=2,
            joint_attention_dim=16,
            pooled_projection_dim=12,
            axes_dims_rope=(4, 14, 14),
            **config,
        )


def new_adapter(**config: Any) -> Any:
    from diffusers.models.adapter import T2IAdapter

    with seeded(5):
        return T2IAdapter(**config)


NETS: dict[str, Any] = {
    "sd1": new_controlnet,
    "sd2": lambda: new_controlnet(1024, use_linear_projection=True, attention_head_dim=(1, 1)),
    "sdxl": lambda: new_controlnet(2048, **XL),
    "sdxl without attention": lambda: new_controlnet(
        2048,
        **{
            **XL,
            "down_block_types": ("DownBlock2D",) * 2,
            "attention_head_dim": 8,
            "use_linear_projection": False,
        },
        mid_block_type="UNetMidBlock2D",
    ),
    "sdxl union": new_union,
    "sd3": new_sd3,
    "sd3 told two channels more": lambda: new_sd3(extra_conditioning_channels=2),
    "flux": lambda: new_flux(guidance_embeds=True),
    "flux union": lambda: new_flux(num_mode=7),
    "flux with a hint block": lambda: new_flux(conditioning_embedding_channels=4, patch_size=2),
    "sd1 adapter": lambda: new_adapter(channels=[8, 16]),
    "sd1 adapter of grey": lambda: new_adapter(channels=[8, 16], in_channels=1),
    "sd1 light adapter": lambda: new_adapter(
        channels=[8, 16], adapter_type="light_adapter", num_res_blocks=4
    ),
    "sdxl adapter": lambda: new_adapter(
        channels=[8, 16, 16, 16], adapter_type="full_adapter_xl", downscale_factor=16
    ),
}


def same_weights(network: Any, other: Any) -> None:
    mine, theirs = network.state_dict(), other.state_dict()
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(mine[name], tensor), name


# Neither is read by a network, or no figure follows from it.
_UNSEEN = ("sample_size", "transformer_layers_per_block", "attention_head_dim")


@pytest.mark.parametrize("kind", NETS)
def test_a_single_file_is_the_folder(kind: str, tmp_path: Path) -> None:
    network = NETS[kind]()
    network.save_pretrained(tmp_path / "folder")
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    folder, file = load(tmp_path / "folder"), load(tmp_path / "net.safetensors")
    same_weights(folder.network, network)
    same_weights(file.network, network)
    assert folder.family == file.family == kind.split()[0]
    assert folder.modes == file.modes
    for name, value in file.network.config.items():
        if not name.startswith("_") and name not in _UNSEEN:
            read = folder.network.config[name]
            both = [list(v) if isinstance(v, tuple) else v for v in (value, read)]
            assert both[0] == both[1], name
    assert not any(p.requires_grad for p in file.network.parameters())
    assert not file.network.training


def heads(network: Any) -> list[int]:
    return [m.heads for m in network.modules() if type(m).__name__ == "Attention"]


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl", "sdxl union", "sd3", "flux"])
def test_the_heads_of_a_single_file_are_the_published_ones(kind: str, tmp_path: Path) -> None:
    network = NETS[kind]()
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    assert heads(load(tmp_path / "net.safetensors").network) == heads(network)


def authors_name(name: str, layers: int = 2) -> str:
    """diffusers' name of a ControlNet's tensor as Zhang et al. wrote it, by counting blocks."""
    for ours, theirs in (
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"),
        ("add_embedding.linear_2", "label_emb.0.2"),
        ("controlnet_cond_embedding.conv_in", "input_hint_block.0"),
        ("controlnet_cond_embedding.conv_out", "input_hint_block.14"),
        ("controlnet_mid_block", "middle_block_out.0"),
        ("conv_in", "input_blocks.0.0"),
    ):
        if name.startswith(ours + "."):
            return name.replace(ours, theirs)
    if match := re.match(r"controlnet_cond_embedding\.blocks\.(\d+)(.*)", name):
        return f"input_hint_block.{2 * int(match[1]) + 2}{match[2]}"
    if match := re.match(r"controlnet_down_blocks\.(\d+)(.*)", name):
        return f"zero_convs.{match[1]}.0{match[2]}"
    if match := re.match(r"down_blocks\.(\d+)\.downsamplers\.0\.conv(.*)", name):
        return f"input_blocks.{(int(match[1]) + 1) * (layers + 1)}.0.op{match[2]}"
    if match := re.match(r"down_blocks\.(\d+)\.(resnets|attentions)\.(\d+)(.*)", name):
        block = 1 + int(match[1]) * (layers + 1) + int(match[3])
        place = 0 if match[2] == "resnets" else 1
        return f"input_blocks.{block}.{place}{resnet_name(match[4], place)}"
    match = re.match(r"mid_block\.(resnets|attentions)\.(\d+)(.*)", name)
    assert match is not None, name
    place = 1 if match[1] == "attentions" else 2 * int(match[2])
    return f"middle_block.{place}{resnet_name(match[3], place % 2)}"


def resnet_name(rest: str, attention: int) -> str:
    if attention:
        return rest
    words = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }
    word = rest.split(".")[1]
    return rest.replace(word, words[word])


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("prefix", ["control_model.", ""])
def test_files_under_their_authors_names(kind: str, prefix: str, tmp_path: Path) -> None:
    network = NETS[kind]()
    state = {prefix + authors_name(name): t for name, t in network.state_dict().items()}
    others = {"first_stage_model.x": torch.zeros(1)} if prefix else {}
    save_file({**state, **others}, tmp_path / "control.safetensors")
    found = load(tmp_path / "control.safetensors")
    same_weights(found.network, network)
    assert found.family == kind


def test_a_net_for_shuffled_pictures_is_told_by_its_name(tmp_path: Path) -> None:
    state = NETS["sd1"]().state_dict()
    for name, pools in (("control_v11e_sd15_shuffle", True), ("control_v11p_sd15_canny", False)):
        save_file(state, tmp_path / f"{name}.safetensors")
        config = load(tmp_path / f"{name}.safetensors").network.config
        assert config.global_pool_conditions is pools


def test_weights_of_sd35_under_their_authors_names(tmp_path: Path) -> None:
    network = new_sd3(**SD35)
    words = (
        ("attn.to_out.0.", "attn.proj."),
        ("ff.net.0.proj.", "mlp.fc1."),
        ("ff.net.2.", "mlp.fc2."),
        ("norm1.linear.", "adaLN_modulation.1."),
    )
    state: dict[str, Tensor] = {}
    ours = network.state_dict()
    for name, tensor in ours.items():
        new = name
        for word, theirs in words:
            new = new.replace(word, theirs)
        if ".attn.to_q." in name:
            parts = [ours[name.replace("to_q", f"to_{letter}")] for letter in "qkv"]
            state[name.replace("to_q", "qkv")] = torch.cat(parts)
        elif ".attn.to_k." not in name and ".attn.to_v." not in name:
            state[new] = tensor.clone()
    save_file(state, tmp_path / "sd3.5.safetensors")
    found = load(tmp_path / "sd3.5.safetensors")
    same_weights(found.network, network)
    assert found.network.config.force_zeros_for_pooled_projection is False
    assert found.network.config.joint_attention_dim is None


@pytest.mark.parametrize(
    "kind", ["sd1 adapter", "sd1 adapter of grey", "sd1 light adapter", "sdxl adapter"]
)
def test_adapters_under_their_authors_names(kind: str, tmp_path: Path) -> None:
    network = NETS[kind]()
    state = {}
    for name, tensor in network.state_dict().items():
        name = name.removeprefix("adapter.")
        if "light" in kind:
            name = name.replace(".resnets.", ".body.")
        elif match := re.match(r"body\.(\d+)\.resnets\.(\d)\.(.*)", name):
            name = f"body.{2 * int(match[1]) + int(match[2])}.{match[3]}"
        elif match := re.match(r"body\.(\d+)\.in_conv\.(.*)", name):
            name = f"body.{2 * int(match[1])}.in_conv.{match[2]}"
        state[name] = tensor
    save_file(state, tmp_path / "adapter.safetensors")
    found = load(tmp_path / "adapter.safetensors")
    same_weights(found.network, network)
    assert found.family == kind.split()[0]


XLABS = (
    ("attn.norm_q.weight", "img_attn.norm.query_norm.scale"),
    ("attn.norm_k.weight", "img_attn.norm.key_norm.scale"),
    ("attn.norm_added_q.weight", "txt_attn.norm.query_norm.scale"),
    ("attn.norm_added_k.weight", "txt_attn.norm.key_norm.scale"),
    ("norm1.linear", "img_mod.lin"),
    ("norm1_context.linear", "txt_mod.lin"),
    ("attn.to_out.0", "img_attn.proj"),
    ("attn.to_add_out", "txt_attn.proj"),
    ("ff_context.net.0.proj", "txt_mlp.0"),
    ("ff_context.net.2", "txt_mlp.2"),
    ("ff.net.0.proj", "img_mlp.0"),
    ("ff.net.2", "img_mlp.2"),
    ("time_text_embed.timestep_embedder.linear_1", "time_in.in_layer"),
    ("time_text_embed.timestep_embedder.linear_2", "time_in.out_layer"),
    ("time_text_embed.text_embedder.linear_1", "vector_in.in_layer"),
    ("time_text_embed.text_embedder.linear_2", "vector_in.out_layer"),
    ("time_text_embed.guidance_embedder.linear_1", "guidance_in.in_layer"),
    ("time_text_embed.guidance_embedder.linear_2", "guidance_in.out_layer"),
    ("controlnet_x_embedder", "pos_embed_input"),
    ("context_embedder", "txt_in"),
    ("x_embedder", "img_in"),
    ("hint_block.conv_in", "hint_block.0"),
    ("hint_block.conv_out", "hint_block.14"),
    ("transformer_blocks", "double_blocks"),
)


def test_weights_for_flux_under_xlabs_names(tmp_path: Path) -> None:
    network = new_flux(
        conditioning_embedding_channels=4, patch_size=2, guidance_embeds=True, singles=0
    )
    ours, state = network.state_dict(), {}
    joint = (("to_q", "to_k", "to_v"), "img"), (("add_q_proj", "add_k_proj", "add_v_proj"), "txt")
    for name, tensor in ours.items():
        new = name
        for mine, theirs in XLABS:
            new = new.replace(mine, theirs)
        new = re.sub(r"hint_block\.blocks\.(\d)", lambda m: f"hint_block.{2 * int(m[1]) + 2}", new)
        for letters, stream in joint:
            if f".attn.{letters[0]}." in name:
                tensor = torch.cat([ours[name.replace(letters[0], each)] for each in letters])
                new = new.replace(f"attn.{letters[0]}", f"{stream}_attn.qkv")
        if not any(f".attn.{each}." in new for letters, _ in joint for each in letters):
            state[new] = tensor.clone()
    save_file(state, tmp_path / "flux-canny.safetensors")
    found = load(tmp_path / "flux-canny.safetensors")
    assert "double_blocks.1.img_attn.qkv.weight" in state
    same_weights(found.network, network)
    assert found.family == "flux"


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    state = {n: t.half() for n, t in NETS["sd1 adapter"]().state_dict().items()}
    save_file(state, tmp_path / "half.safetensors")
    assert {p.dtype for p in load(tmp_path / "half.safetensors").network.parameters()} == {
        torch.float32
    }


def test_a_folder_of_half_precision_and_of_shards_is_read(tmp_path: Path) -> None:
    network = NETS["sd1"]()
    network.save_pretrained(tmp_path / "shards", max_shard_size="200KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    same_weights(load(tmp_path / "shards").network, network)
    network.half().save_pretrained(tmp_path / "half", variant="fp16")
    assert load(tmp_path / "half").network.dtype == torch.float32


def test_a_wrong_file_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "lora.safetensors"
    save_file({"x.lora_up.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(CheckpointError, match=r"lora\.safetensors: expected a ControlNet.*a LoRA"):
        load(path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lora_controlnet", "a Control-LoRA"),
        ("lllite_unet_a.down.0", "a ControlNet-LLLite"),
        ("difference", "a ControlNet stored as its difference to a model"),
    ],
)
def test_parts_of_controlnets_are_named(name: str, kind: str, tmp_path: Path) -> None:
    save_file({name: torch.zeros(1)}, tmp_path / "part.safetensors")
    with pytest.raises(CheckpointError, match=f"found {kind}, which is not read"):
        load(tmp_path / "part.safetensors")


def test_a_file_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(NETS["sd1 adapter"]().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"net\.safetensors is cut short"):
        load(path)


def test_missing_and_unknown_tensors_are_counted(tmp_path: Path) -> None:
    state = NETS["sd1"]().state_dict()
    del state["controlnet_mid_block.bias"]
    state["down_blocks.0.odd"] = torch.zeros(1)
    save_file(state, tmp_path / "net.safetensors")
    with pytest.raises(
        CheckpointError, match=r"1 weights are missing, .*mid_block\.bias; 1 have no place"
    ):
        load(tmp_path / "net.safetensors")


def test_a_tensor_of_another_shape_is_named(tmp_path: Path) -> None:
    state = NETS["sd1"]().state_dict()
    state["controlnet_mid_block.bias"] = torch.zeros(3)
    save_file(state, tmp_path / "net.safetensors")
    with pytest.raises(CheckpointError, match=r"controlnet_mid_block\.bias \[3\] and not \[64\]"):
        load(tmp_path / "net.safetensors")


def test_a_folder_of_another_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "UNet2DConditionModel"}))
    with pytest.raises(CheckpointError, match=r"config\.json: expected .* found UNet2DCond"):
        load(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    config = {"_class_name": "ControlNetModel", "cross_attention_dim": 768}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"expected diffusion_pytorch_model\.safetensors"):
        load(tmp_path)


def test_modes_are_named_as_far_as_they_are_known() -> None:
    union = control_files.modes_of("ControlNetUnionModel", {"num_control_type": 6})
    assert union == ("openpose", "depth", "soft edge", "hard edge", "normal", "segment")
    many = control_files.modes_of("FluxControlNetModel", {"num_mode": 10})
    assert many[:2] == ("canny", "tile")
    assert many[7:] == ("7", "8", "9")
