"""Original names, held to diffusers' own conversion of files that have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nodes.diffusion.adapters.blocks import block_names, block_teller, strengths_of
from nodes.diffusion.adapters.original_names import original_names, unet_names
from nodes.diffusion.export.original import ExportError, denoiser_state


def auraflow() -> Any:
    from diffusers import AuraFlowTransformer2DModel

    return AuraFlowTransformer2DModel(
        sample_size=8, patch_size=2, in_channels=4, num_mmdit_layers=1, num_single_dit_layers=2,
        attention_head_dim=8, num_attention_heads=2, joint_attention_dim=16,
        caption_projection_dim=16, out_channels=4, pos_embed_max_size=16,
    )  # fmt: skip


def pixart() -> Any:
    from diffusers import PixArtTransformer2DModel

    return PixArtTransformer2DModel(
        sample_size=8, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=2,
        caption_channels=16, in_channels=4, cross_attention_dim=16, out_channels=8,
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", use_additional_conditions=True,
    )  # fmt: skip


@pytest.fixture
def made(flux: Any, sd3: Any) -> Callable[[str], Any]:
    def get(kind: str) -> Any:
        if kind in ("flux", "sd3"):
            return {"flux": flux, "sd3": sd3}[kind].model.network
        with torch.random.fork_rng(devices=[]):
            return auraflow() if kind == "auraflow" else pixart()

    return get


@pytest.mark.parametrize("kind", ["flux", "sd3", "auraflow"])
def test_transformers_convert_back_in_diffusers(
    made: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers.loaders import single_file_utils as utils

    if kind == "flux":  # whose conversion knows the full width alone
        split = torch.split
        monkeypatch.setattr(torch, "split", lambda t, sizes, dim: split(t, [16, 16, 16, 64], dim))
    network = made(kind)
    convert = getattr(utils, f"convert_{kind}_transformer_checkpoint_to_diffusers")
    # diffusers is given a copy, which it empties; what it keeps as a buffer is not in its answer
    again = convert({name: tensor.clone() for name, tensor in denoiser_state(network).items()})
    own = network.state_dict()
    assert set(again) == set(own)
    for name, tensor in own.items():
        torch.testing.assert_close(again[name].reshape(tensor.shape), tensor, rtol=0, atol=0)


def test_pixart_has_the_original_layers(made: Any) -> None:
    """By the shapes that the original's code gives them; joined layers hold the parts in order."""
    network = made("pixart")
    state = denoiser_state(network)
    block = network.transformer_blocks[1]
    assert state["blocks.1.attn.qkv.weight"].shape == (48, 16)
    assert torch.equal(state["blocks.1.attn.qkv.weight"][16:32], block.attn1.to_k.weight)
    assert torch.equal(state["blocks.1.cross_attn.kv_linear.weight"][16:], block.attn2.to_v.weight)
    assert torch.equal(state["blocks.1.scale_shift_table"], block.scale_shift_table)
    assert torch.equal(state["t_block.1.weight"], network.adaln_single.linear.weight)


@pytest.mark.parametrize("kind", ["flux", "sd3", "auraflow", "pixart"])
def test_every_layer_has_an_original_name(made: Any, kind: str) -> None:
    network = made(kind)
    named = {t.path for targets in original_names(network).values() for t in targets}
    layers = {n for n, m in network.named_modules() if isinstance(m, torch.nn.Linear)}
    assert layers - named == set()


def test_what_has_no_original_is_refused() -> None:
    with pytest.raises(ExportError, match="a Linear has no original layout"):
        denoiser_state(torch.nn.Linear(2, 2))


def test_blocks_are_in_the_order_of_x(sd1: Any, flux: Any) -> None:
    """Two levels of two layers: IN00 is the first convolution, IN03 the change of size."""
    network = sd1.model.network
    assert block_names(network) == [
        "BASE", "IN00", "IN01", "IN02", "IN03", "IN04", "IN05", "M00",
        "OUT00", "OUT01", "OUT02", "OUT03", "OUT04", "OUT05",
    ]  # fmt: skip
    block_of = block_teller(network)
    assert block_of("conv_in") == "IN00"
    assert block_of("down_blocks.0.downsamplers.0.conv") == "IN03"
    assert block_of("mid_block.attentions.0.proj_in.weight") == "M00"
    assert block_of("up_blocks.0.upsamplers.0.conv") == "OUT02"
    assert block_of("time_embedding.linear_1") == "BASE"
    assert block_names(flux.model.network) == ["BASE", "B00", "B01", "S00", "S01"]


def test_strengths_of_a_text(sd1: Any) -> None:
    network = sd1.model.network
    found = strengths_of("*=0, IN01-IN03=0.5\nOUT*=0.2; OUT04=1", network)
    assert [found[name] for name in ("BASE", "IN00", "IN02", "M00")] == [0, 0, 0.5, 0]
    assert [found[name] for name in ("OUT03", "OUT04", "OUT05")] == [0.2, 1, 0.2]
    attentive = strengths_of("0.5,1,2,3,4,5,6", network)  # BASE, IN04, IN05, M00, OUT00 to OUT02
    wanted = {"BASE": 0.5, "IN04": 1, "IN05": 2, "M00": 3, "OUT00": 4, "OUT02": 6, "IN01": 1}
    assert {name: attentive[name] for name in wanted} == wanted
    assert strengths_of("", network) == dict.fromkeys(block_names(network), 1.0)


def test_real_models_have_the_blocks_that_people_know() -> None:
    """Stable Diffusion 1 has 12, 1 and 12, XL 9, 1 and 9; 17 and 12 numbers are enough."""
    from diffusers import UNet2DConditionModel

    down, up = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
    with torch.device("meta"):
        one = UNet2DConditionModel(cross_attention_dim=768)
        xl = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", down, down),
            up_block_types=(up, up, "UpBlock2D"),
            cross_attention_dim=2048,
            transformer_layers_per_block=(1, 1, 1),
        )
    for network, blocks, attentive in ((one, 26, 17), (xl, 20, 12)):
        assert len(block_names(network)) == blocks
        assert strengths_of(",".join(["1"] * attentive), network)
    assert unet_names(one)["up_blocks.3.attentions.2.proj_out"] == "output_blocks.11.1.proj_out"
