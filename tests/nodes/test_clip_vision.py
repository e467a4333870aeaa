"""CLIP vision nodes against transformers' own processor and model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import clip_vision, model_files
from nodes.diffusion import clip_vision as vision
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import ClipVision, Image, ImageEmbedding


def picture(seed: int, height: int, width: int, batch: int = 1) -> Image:
    """Whole numbers of 255, as a file has."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return Image((smooth.movedim(1, -1) * 255).round() / 255)


def theirs(pixels: Tensor, size: int) -> Tensor:
    import transformers

    # By name: which module it is in differs between versions.
    cls: Any = transformers.CLIPImageProcessor
    processor = cls(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    files = [Pillow.fromarray((one.numpy() * 255).round().astype(np.uint8)) for one in pixels]
    found: Tensor = processor(images=files, return_tensors="pt")["pixel_values"]
    return found


@pytest.mark.parametrize("size", [(28, 28), (40, 61), (90, 33), (20, 25)])
def test_encode_sees_what_transformers_shows(size: tuple[int, int]) -> None:
    """transformers rounds the resized picture to whole numbers of 255: half of one, over the
    smallest spread, is 0.0075; the filter's own rounding doubles it at most."""
    pixels = picture(1, *size).pixels
    tolerance = 1e-5 if size == (28, 28) else 0.015
    assert_close(vision.seen(pixels, 28), theirs(pixels, 28), rtol=0, atol=tolerance)


def test_encode_is_the_model_s_answer() -> None:
    network = small.clip_vision()
    pixels = picture(2, 28, 28, batch=2).pixels
    got = clip_vision.encode(ClipVision(network), Image(pixels))
    with torch.no_grad():
        answer = network(theirs(pixels, 28), output_hidden_states=True)
        blank = network(torch.zeros(1, 3, 28, 28), output_hidden_states=True)
    assert_close(got.pooled, answer.image_embeds, rtol=1e-4, atol=1e-5)
    assert_close(got.hidden, answer.hidden_states[-2], rtol=1e-4, atol=1e-5)
    assert_close(got.blank, blank.hidden_states[-2], rtol=1e-4, atol=1e-5)


def test_encode_refuses_alpha() -> None:
    with pytest.raises(InputError, match="remove_alpha"):
        clip_vision.encode(ClipVision(small.clip_vision()), Image(torch.zeros(1, 28, 28, 4)))


def test_encode_whole_sees_the_sides_too() -> None:
    net = ClipVision(small.clip_vision())
    wide = picture(3, 28, 56)
    middle = Image(wide.pixels[:, :, 14:42])
    whole, cut = clip_vision.encode_whole(net, wide), clip_vision.encode(net, wide)
    assert_close(cut.pooled, clip_vision.encode(net, middle).pooled)
    assert (whole.pooled - cut.pooled).abs().max() > 1e-3
    square = picture(4, 40, 40)
    same = clip_vision.encode_whole(net, square).pooled
    assert torch.equal(same, clip_vision.encode(net, square).pooled)


def embedding(seed: int, width: int = 12) -> ImageEmbedding:
    generator = torch.Generator().manual_seed(seed)
    return ImageEmbedding(
        torch.randn(1, width, generator=generator),
        torch.randn(1, 5, 64, generator=generator),
        torch.zeros(1, 5, 64),
    )


def test_mix_goes_from_the_first_to_the_second() -> None:
    a, b = embedding(1), embedding(2)
    for amount, expected in ((0.0, a), (1.0, b)):
        got = clip_vision.mix(a, b, amount)
        assert torch.equal(got.pooled, expected.pooled)
        assert torch.equal(got.hidden, expected.hidden)
    assert_close(clip_vision.mix(a, b, 0.25).pooled, 0.75 * a.pooled + 0.25 * b.pooled)


def test_mix_refuses_embeddings_of_two_models() -> None:
    with pytest.raises(InputError, match="same CLIP vision"):
        clip_vision.mix(embedding(1), embedding(2, width=13))


def same(network: Any, other: Any) -> None:
    mine, yours = network.state_dict(), other.state_dict()
    assert mine.keys() == yours.keys()
    assert all(torch.equal(mine[name], yours[name]) for name in yours)


def test_load_reads_a_folder_and_a_file_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = small.clip_vision(num_attention_heads=2, hidden_act="gelu")
    network.save_pretrained(tmp_path / "clip_vision" / "small")
    save_file(network.state_dict(), tmp_path / "clip_vision" / "single.safetensors")
    monkeypatch.setenv(model_files.ENVIRONMENT, str(tmp_path))
    folder = clip_vision.load("small", ctx=RunContext()).network
    same(folder, network)
    assert folder.config.num_attention_heads == 2
    assert folder.config.hidden_act == "gelu"
    file = clip_vision.load("single", ctx=RunContext()).network
    same(file, network)
    assert (file.config.num_attention_heads, file.config.hidden_act) == (1, "quick_gelu")
    with pytest.raises(FileNotFoundError, match="small"):
        clip_vision.load("smal", ctx=RunContext())


@pytest.mark.parametrize("prefix", ["visual.", "embedder.model.visual."])
def test_load_reads_openclip_s_names(prefix: str, tmp_path: Path) -> None:
    network = small.clip_vision()
    state = network.state_dict()
    found = {"proj": state["visual_projection.weight"].T.contiguous()}
    for new, old in (
        ("conv1.weight", "embeddings.patch_embedding.weight"),
        ("class_embedding", "embeddings.class_embedding"),
        ("positional_embedding", "embeddings.position_embedding.weight"),
        ("ln_pre.weight", "pre_layrnorm.weight"),
        ("ln_pre.bias", "pre_layrnorm.bias"),
        ("ln_post.weight", "post_layernorm.weight"),
        ("ln_post.bias", "post_layernorm.bias"),
    ):
        found[new] = state[f"vision_model.{old}"]
    for k in range(3):
        base, to = f"vision_model.encoder.layers.{k}.", f"transformer.resblocks.{k}."
        for kind in ("weight", "bias"):
            parts = [state[f"{base}self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
            found[f"{to}attn.in_proj_{kind}"] = torch.cat(parts)
            for new, old in (
                ("attn.out_proj", "self_attn.out_proj"),
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ):
                found[f"{to}{new}.{kind}"] = state[f"{base}{old}.{kind}"]
    save_file({prefix + name: tensor for name, tensor in found.items()}, tmp_path / "v.safetensors")
    same(clip_vision.load(str(tmp_path / "v.safetensors"), ctx=RunContext()).network, network)


def test_load_says_what_a_wrong_file_holds(tmp_path: Path) -> None:
    save_file({"x.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(CheckpointError, match=r"l\.safetensors: expected a CLIP vision.*a LoRA"):
        clip_vision.load(str(tmp_path / "l.safetensors"), ctx=RunContext())
