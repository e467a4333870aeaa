"""What a file of weights is, told from its names."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import kinds
from nodes.diffusion.checkpoints.header import Header, TensorInfo

FILE = Path("a.safetensors")


def header(*names: str) -> Header:
    return Header(FILE, (FILE,), {name: TensorInfo("F16", (2, 2), FILE) for name in names})


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"], "loras"),
        (["unet.mid_block.attentions.0.to_q.lora_A.weight"], "loras"),
        (["unet.mid_block.to_q_lora.up.weight", "unet.mid_block.to_q_lora.down.weight"], "loras"),
        (["lora_unet_x.hada_w1_a", "lora_unet_x.hada_w1_b"], "loras"),
        (["transformer.x.lokr_w1", "transformer.x.lokr_w2"], "loras"),
        (["diffusion_model.norm.diff", "diffusion_model.norm.diff_b"], "loras"),
        (["lora_unet_x.oft_blocks", "lora_unet_x.alpha"], "loras"),
        (["control_model.input_blocks.0.0.weight", "control_model.x"], "controlnet"),
        (["controlnet_cond_embedding.conv_in.weight", "conv_in.weight"], "controlnet"),
        (["pos_embed_input.weight", "double_blocks.0.img_mod.lin.weight"], "controlnet"),
        (["adapter.body.0.resnets.0.block1.weight", "adapter.conv_in.weight"], "controlnet"),
        (["body.0.block1.weight", "conv_in.weight"], "controlnet"),
        (["lora_controlnet", "input_blocks.0.0.up"], "controlnet"),
        (["emb_params", "string_to_token"], "embeddings"),
        (["clip_l", "clip_g"], "embeddings"),
        (["visual.conv1.weight", "visual.class_embedding"], "clip_vision"),
        (["image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"], "ipadapter"),
        (["768.0.linear.0.weight", "768.1.linear.0.weight"], "hypernetworks"),
        (
            [
                "position_net.null_positive_feature",
                "input_blocks.1.1.transformer_blocks.0.fuser.norm1.weight",
            ],
            "gligen",
        ),
    ],
)
def test_names_tell_one_kind_and_no_other(names: list[str], kind: str) -> None:
    fitting = {each for each, fits in kinds.RULES.items() if fits(names)}
    assert fitting == {kind}
    assert kinds.other_kind(header(*names)) == kinds.CALLED[kind]
    for each in kinds.RULES:
        if each == kind:
            kinds.check(each, header(*names), lambda it: "something")
        elif each != "embeddings" or len(names) > 1:
            with pytest.raises(
                CheckpointError, match=r"a\.safetensors: expected .*found something"
            ):
                kinds.check(each, header(*names), lambda it: "something")


@pytest.mark.parametrize(
    "names",
    [
        ["decoder.up.0.block.0.conv1.weight", "encoder.down.1.block.0.conv1.weight"],
        ["down_blocks.0.resnets.0.conv1.weight", "up_blocks.0.attentions.0.proj_in.weight"],
        ["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_up1.weight"],
        ["blk.0.ffn_down.weight", "blk.0.ffn_up.weight"],
    ],
)
def test_networks_are_none_of_them(names: list[str]) -> None:
    assert kinds.other_kind(header(*names)) == ""


def test_one_tensor_may_be_an_embedding_under_its_own_word() -> None:
    kinds.check("embeddings", header("<a-cat>"), lambda it: "something")
    assert kinds.other_kind(header("<a-cat>")) == ""
    assert kinds.other_kind(header()) == ""


def test_kinds_without_names_of_their_own_pass() -> None:
    kinds.check("style_models", header("x", "y"), lambda it: "something")
