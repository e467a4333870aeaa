"""CLIP's text encoders of both layouts from names and shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint
from torch.testing import assert_close
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from nodes.diffusion import loading, text_encoding
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import recognise
from nodes.diffusion.checkpoints.header import read_header
from nodes.types import Clip

IDS = torch.tensor([[49406, 320, 736, 530, 49407, *[49407] * 72]])


def states(encoder: Any) -> torch.Tensor:
    with torch.no_grad():
        return encoder(IDS, output_hidden_states=True).hidden_states[-1]


def embeddings(clip: Clip) -> torch.Tensor:
    return text_encoding.encode(clip, clip.tokenizer.tokenize("a red circle").ids).embeddings


def test_an_encoder_as_hugging_face_saves_it(tools: Any, tmp_path: Path) -> None:
    source = tools.text_encoder()
    weights = tools.hugging_face_clip(source.state_dict())
    weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    clip = loading.load_clip(tools.write(tmp_path / "a.safetensors", weights))
    assert (clip.kind, clip.family, clip.others) == ("clip_l", "sd1", ())
    assert type(clip.encoder).__name__ == "CLIPTextModel"
    assert clip.encoder.config.hidden_act == "quick_gelu"
    assert_close(states(clip.encoder), states(source), rtol=1e-5, atol=1e-5)
    ids = clip.tokenizer.tokenize("cat").ids[0].tolist()
    assert (ids[0], ids[2], ids[-1]) == (49406, 49407, 49407)


def test_names_without_a_first_word_as_transformers_5_has_them(tools: Any, tmp_path: Path) -> None:
    source = tools.text_encoder()
    named = tools.hugging_face_clip(source.state_dict())
    bare = {name.removeprefix("text_model."): weight for name, weight in named.items()}
    clip = loading.load_clip(tools.write(tmp_path / "a.safetensors", bare))
    assert_close(states(clip.encoder), states(source), rtol=1e-5, atol=1e-5)


def test_openclip_with_its_projection_is_the_larger_of_xl(tools: Any, tmp_path: Path) -> None:
    source = tools.text_encoder(projected=True, act="gelu")
    weights = tools.under("conditioner.embedders.0.model.", tools.openclip(source.state_dict()))
    path = tools.write(tmp_path / "a.safetensors", weights)
    clip = loading.load_clip(path)
    assert (clip.kind, clip.family) == ("clip_g", "sdxl_refiner")
    with torch.no_grad():
        assert_close(clip.encoder(IDS).text_embeds, source(IDS).text_embeds, rtol=1e-5, atol=1e-5)
    assert clip.tokenizer.tokenize("cat").ids[0, -1] == 0  # filled up with `!`
    expected = convert_open_clip_checkpoint(source, weights, "conditioner.embedders.0.model.")
    got = tools.hugging_face_clip(clip.encoder.state_dict())
    assert set(got) == set(tools.hugging_face_clip(expected))
    for name, weight in tools.hugging_face_clip(expected).items():
        assert torch.equal(got[name], weight), name


def test_stable_diffusion_2_reads_the_last_layer_but_one(tools: Any, tmp_path: Path) -> None:
    source = tools.text_encoder(act="gelu")
    weights = tools.openclip(source.state_dict(), extra_layer=True)
    path = tools.write(tmp_path / "a.safetensors", tools.under("cond_stage_model.model.", weights))
    clip = loading.load_clip(path)
    assert (clip.kind, clip.family, clip.skip) == ("clip_h", "sd2", 0)
    assert clip.encoder.config.num_hidden_layers == source.config.num_hidden_layers
    with torch.no_grad():
        expected = source(IDS).last_hidden_state
        assert_close(clip.encoder(IDS).last_hidden_state, expected, rtol=1e-5, atol=1e-5)
    assert clip.tokenizer.tokenize("cat").ids[0, -1] == 0


def test_two_files_in_any_order_are_the_two_encoders_of_xl(tools: Any, tmp_path: Path) -> None:
    small, large = tools.text_encoder(projected=True), tools.text_encoder(True, act="gelu")
    one = tools.write(tmp_path / "one.safetensors", tools.hugging_face_clip(small.state_dict()))
    two = tools.write(tmp_path / "two.safetensors", tools.openclip(large.state_dict()))
    for paths in ([one, two], [two, one]):
        clip = loading.load_clip(paths)
        assert (clip.family, clip.kind) == ("sdxl", "clip_l")
        assert [other.kind for other in clip.others] == ["clip_g"]
        # XL reads the smaller one's states alone, so that its projection is left out.
        assert type(clip.encoder).__name__ == "CLIPTextModel"
        assert embeddings_of_both(clip).shape == (1, 77, 64)


def embeddings_of_both(clip: Clip) -> torch.Tensor:
    ids = clip.tokenizer.tokenize("a red circle").ids
    outputs = {}
    for part in (clip, *clip.others):
        hidden, pooled = text_encoding.clip_states(part, clip.family, ids)
        outputs[part.kind] = text_encoding.EncoderOutput(hidden, pooled)
    return text_encoding.join(clip, outputs).embeddings


def test_a_missing_encoder_is_named(tools: Any, tmp_path: Path) -> None:
    weights = tools.hugging_face_clip(tools.text_encoder().state_dict())
    path = tools.write(tmp_path / "a.safetensors", weights)
    with pytest.raises(CheckpointError, match="by clip_l and clip_g, found clip_l: clip_g is miss"):
        loading.load_clip(path, family="sdxl")
    with pytest.raises(CheckpointError, match="expected a text encoder, found an autoencoder"):
        loading.load_clip(tools.write(tmp_path / "b.safetensors", tools.autoencoder().state_dict()))


def test_a_vocabulary_too_small_for_the_tokenizer_is_refused(tools: Any, tmp_path: Path) -> None:
    weights = tools.hugging_face_clip(tools.text_encoder().state_dict())
    name = "text_model.embeddings.token_embedding.weight"
    weights[name] = weights[name][:49000].clone()
    with pytest.raises(CheckpointError, match="49408 pieces, the text encoder knows 49000"):
        loading.load_clip(tools.write(tmp_path / "a.safetensors", weights))


PUBLISHED = {
    "clip_l": (CLIPTextModel, 768, 3072, 12, 768, "quick_gelu"),
    "clip_h": (CLIPTextModel, 1024, 4096, 23, 1024, "gelu"),
    "clip_g": (CLIPTextModelWithProjection, 1280, 5120, 32, 1280, "gelu"),
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_published_encoders_are_told_by_their_width(
    tools: Any, tmp_path: Path, kind: str
) -> None:
    cls, width, inner, layers, out, act = PUBLISHED[kind]
    config = {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "projection_dim": out,
        "hidden_act": act,
        "num_attention_heads": width // 64,
    }
    with torch.device("meta"):
        source = cls(CLIPTextConfig(**config))
        weights = tools.hugging_face_clip(source.state_dict())
        if kind != "clip_l":
            weights = tools.openclip(weights, extra_layer=kind == "clip_h")
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    header = read_header(tools.write_sparse(tmp_path / "a.safetensors", shapes))
    found = recognise.wanted_encoders(header)
    assert list(found) == [kind]
    got = found[kind].config
    assert {name: got[name] for name in config} == config
    assert found[kind].cls == cls.__name__
