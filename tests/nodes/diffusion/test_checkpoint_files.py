"""The files of a checkpoint folder, without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from nodes.diffusion import checkpoint_files as files
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import examine

INDEX = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
}


def write_safetensors(path: Path, shapes: dict[str, list[int]]) -> None:
    """Zeros in half precision, by the format's own description."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}  # type: ignore[dict-item]
        at += size
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def test_full_precision_is_preferred_to_half(tmp_path: Path) -> None:
    half = tmp_path / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    write_safetensors(half, {})
    assert files.weights_of(tmp_path, "unet") == files.Weights((half,), "fp16")
    full = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    write_safetensors(full, {})
    assert files.weights_of(tmp_path, "unet") == files.Weights((full,), "")


def test_an_index_lists_the_files(tmp_path: Path) -> None:
    place = tmp_path / "text_encoder"
    names = {"a": "model-2.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}
    index = place / "model.safetensors.index.json"
    write_json(index, {"weight_map": names})
    write_safetensors(place / "model-1.safetensors", {})
    with pytest.raises(CheckpointError, match=r"model-2\.safetensors is missing"):
        files.weights_of(tmp_path, "text_encoder")
    write_safetensors(place / "model-2.safetensors", {})
    found = files.weights_of(tmp_path, "text_encoder")
    assert [path.name for path in found.files] == ["model-1.safetensors", "model-2.safetensors"]
    assert found.index == index


def test_a_pickle_is_refused_and_why_is_said(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "vae" / "diffusion_pytorch_model.bin", {})
    with pytest.raises(CheckpointError, match="a pickle, which may run any code"):
        files.weights_of(tmp_path, "vae")


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="vae is missing: the checkpoint is incomplete"):
        files.weights_of(tmp_path, "vae")


def test_elements_are_counted_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    write_safetensors(path, {"a": [3, 4], "b": [], "c": [5]})
    assert examine.float32_bytes(tmp_path, "unet") == 72


def test_parts_of_stable_diffusion_are_accepted(tmp_path: Path) -> None:
    write_json(tmp_path / "model_index.json", INDEX)
    assert files.is_checkpoint(tmp_path)
    assert files.parts_of(tmp_path) == {name: entry[1] for name, entry in INDEX.items()}
    more = {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}
    write_json(tmp_path / "model_index.json", {**INDEX, **more})
    assert list(files.parts_of(tmp_path)) == ["unet", "text_encoder", "text_encoder_2", "vae"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unet": None}, "unet is missing, not UNet2DConditionModel"),
        ({"unet": ["diffusers", "FluxTransformer2DModel"]}, "unet is FluxTransformer2DModel"),
        ({"vae": [None, None]}, "vae is missing"),
        ({"text_encoder_2": ["transformers", "BertModel"]}, "text_encoder_2 is BertModel"),
        ({"unet": None, "vae": None}, "unet is missing, .*; vae is missing"),
    ],
)
def test_other_parts_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    write_json(tmp_path / "model_index.json", {**INDEX, **change})
    with pytest.raises(CheckpointError, match=message):
        assert files.parts_of(tmp_path) == {name: entry[1] for name, entry in INDEX.items()}
    more = {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}
    write_json(tmp_path / "model_index.json", {**INDEX, **more})
    assert list(files.parts_of(tmp_path)) == ["unet", "text_encoder", "text_encoder_2", "vae"]


@pytest.mark.parametrize(("content", "message"), [("{", "is no JSON"), ("[]", "got list")])
def test_broken_json_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "config.json").write_text(content, "utf-8")
    with pytest.raises(CheckpointError, match=rf"config\.json.*{message}"):
        files.read_json(tmp_path / "config.json")


def test_a_tokenizer_needs_both_its_files_or_one(tmp_path: Path) -> None:
    write_json(tmp_path / "tokenizer" / "vocab.json", {})
    with pytest.raises(CheckpointError, match=r"merges\.txt is missing"):
        files.tokenizer_files(tmp_path)
    write_json(tmp_path / "tokenizer" / "tokenizer.json", {})
    names = [path.name for path in files.tokenizer_files(tmp_path)]
    assert names == ["vocab.json", "tokenizer.json"]
