"""Save model nodes: what is written loads again, here and in diffusers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import load, lora, save_model
from nodes.diffusion.adapters.lora_keys import parse
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.model_files import shipped_models
from nodes.schedule import scaled_linear
from nodes.types import Clip, Model, Vae

Loaded = tuple[Model, Clip, Vae]
PATH = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


def networks(parts: Any) -> list[Any]:
    model, clip, vae = parts
    return [model.network, clip.encoder, vae.autoencoder]


def check_equal(ours: Any, theirs: Any) -> None:
    for one, other in zip(networks(ours), networks(theirs), strict=True):
        weights = other.state_dict()
        for name, weight in one.state_dict().items():
            assert torch.equal(weight, weights[name]), name


def with_lora(model: Model) -> Model:
    name, width = (
        "lora_unet_" + PATH.replace(".", "_"),
        len(model.network.get_submodule(PATH).weight),
    )
    tensors: dict[str, Tensor] = {
        f"{name}.lora_up.weight": torch.ones(width, 1),
        f"{name}.lora_down.weight": torch.ones(1, 16),
    }
    return lora.apply_model_only(model, parse("a", tensors, {})).model


@pytest.fixture(scope="module")
def usual() -> Loaded:
    """Networks of few channels whose norms and heads are as the published models' are: of those a
    single file says nothing."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = UNet2DConditionModel(
            block_out_channels=(32, 32),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=16,
        )
        autoencoder = AutoencoderKL(block_out_channels=(32,), layers_per_block=1)
        config = CLIPTextConfig(
            vocab_size=49408, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=1, projection_dim=16, bos_token_id=49406, eos_token_id=49407,
        )  # fmt: skip
        encoder = CLIPTextModel(config)
    for part in (network, autoencoder, encoder):
        part.eval().requires_grad_(False)
    tokenizer = ClipTokenizer.from_folder(shipped_models() / "tiny" / "tokenizer")
    vae = Vae(autoencoder, autoencoder.config.scaling_factor, factor=1)
    return Model(network, scaled_linear()), Clip(encoder, tokenizer), vae


def test_checkpoint_loads_again(usual: Loaded, tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    path = save_model.checkpoint(*usual, "models/mine", "float32", ctx=ctx)
    assert Path(path) == tmp_path / "models" / "mine.safetensors"
    again = load.checkpoint(path, ctx=ctx)
    check_equal(usual, again)
    assert (again.model.prediction, again.model.family) == ("epsilon", "sd1")
    assert again.vae.scaling == usual[2].scaling


def test_checkpoint_holds_loras_as_weights(usual: Loaded, tmp_path: Path) -> None:
    model, clip, vae = usual
    ctx = RunContext(output_dir=tmp_path)
    path = save_model.checkpoint(with_lora(model), clip, vae, "a.safetensors", "float32", ctx=ctx)
    weights = load_file(path)
    name = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight"
    torch.testing.assert_close(weights[name], model.network.get_submodule(PATH).weight + 1)
    assert not any("base_layer" in name for name in weights)


def test_checkpoint_in_half_precision(usual: Loaded, tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    for precision in ("float16", "bfloat16"):
        path = save_model.checkpoint(*usual, precision, precision, ctx=ctx)
        kinds = {str(tensor.dtype) for tensor in load_file(path).values()}
        assert kinds == {f"torch.{precision}"}
    assert usual[0].network.dtype == torch.float32


def test_checkpoint_says_what_it_cannot_write(loaded: Loaded, tmp_path: Path) -> None:
    model, clip, vae = loaded
    ctx = RunContext(output_dir=tmp_path)
    with pytest.raises(InputError, match="model: got a model that predicts sample"):
        save_model.checkpoint(replace(model, prediction="sample"), clip, vae, "a", ctx=ctx)
    with pytest.raises(InputError, match="name: got no name"):
        save_model.checkpoint(model, clip, vae, " ", ctx=ctx)
    with pytest.raises(InputError, match="whose attention_head_dim is 2: no file says so"):
        save_model.checkpoint(model, clip, vae, "a", ctx=ctx)
    assert list(tmp_path.iterdir()) == []


def test_folder_loads_again(loaded: Loaded, tmp_path: Path) -> None:
    model, clip, vae = loaded
    ctx = RunContext(output_dir=tmp_path)
    path = save_model.folder(
        replace(model, prediction="sample"), clip, vae, "m", "float32", ctx=ctx
    )
    again = load.checkpoint(path, ctx=ctx)
    check_equal(loaded, again)
    assert again.model.prediction == "sample"
    assert again.model.betas == model.betas
    text = "a red circle, très joli"
    ours, theirs = (c.tokenizer.tokenize(text) for c in (clip, again.clip))
    assert torch.equal(ours.ids, theirs.ids)


def test_folder_is_a_pipeline_of_diffusers(loaded: Loaded, tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    path = save_model.folder(*loaded, "m", "float32", ctx=RunContext(output_dir=tmp_path))
    pipe = StableDiffusionPipeline.from_pretrained(path, local_files_only=True)
    for ours, theirs in zip(
        networks(loaded), (pipe.unet, pipe.text_encoder, pipe.vae), strict=True
    ):
        weights = ours.state_dict()
        for name, weight in theirs.state_dict().items():
            assert torch.equal(weight, weights[name]), name
    assert type(pipe.scheduler).__name__ == "DDIMScheduler"
    assert pipe.tokenizer("a red circle").input_ids[0] == 49406


def test_folder_says_what_it_cannot_write(loaded: Loaded, tmp_path: Path) -> None:
    model, clip, vae = loaded
    ctx = RunContext(output_dir=tmp_path)
    with pytest.raises(InputError, match="model: got the family dit has no pipeline"):
        save_model.folder(replace(model, family="dit"), clip, vae, "m", ctx=ctx)
