"""What a file is, told from its header."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from nodes import model_facts
from nodes.diffusion.checkpoints.header import read_header
from nodes.diffusion.checkpoints.words import trigger_words
from nodes.model_files import shipped_models

TINY = shipped_models() / "tiny"


def saved(path: Path, *names: str, **metadata: str) -> Path:
    save_file({name: torch.zeros(2, 3) for name in names}, path, metadata or None)
    return path


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight",), "loras"),
        (("unet.mid_block.attentions.0.to_q.lora_A.weight",), "loras"),
        (("lora_unet_x.hada_w1_a", "lora_unet_x.hada_w1_b"), "loras"),
        (("lora_unet_x.lokr_w1", "lora_unet_x.lokr_w2"), "loras"),
        (("control_model.input_blocks.0.0.weight", "control_model.x"), "controlnet"),
        (("controlnet_cond_embedding.conv_in.weight", "conv_in.weight"), "controlnet"),
        (("emb_params",), "embeddings"),
        (("clip_l", "clip_g"), "embeddings"),
        (("<a-cat>",), "embeddings"),
        (("image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"), "ipadapter"),
        (("conv_first.weight", "conv_last.weight"), "upscale_models"),
        (("who.knows", "what.this.is"), ""),
    ],
)
def test_kind_of_a_file_shows_in_its_names(
    names: tuple[str, ...], kind: str, tmp_path: Path
) -> None:
    header = read_header(saved(tmp_path / "x.safetensors", *names))
    assert model_facts.kind_of(header) == kind


def test_facts_of_the_shipped_folder() -> None:
    found = model_facts.facts(TINY)
    assert (found.kind, found.family, found.prediction) == ("checkpoints", "sd1", "epsilon")
    assert {"unet", "vae", "text_encoder", "tokenizer", "scheduler"} <= set(found.parts)
    assert "safety_checker" not in found.parts
    assert set(found.dtypes) == {"F16"}
    assert found.parameters == sum(found.dtypes.values())
    assert not found.problem


@pytest.mark.parametrize(
    ("part", "kind"),
    [("unet", "diffusion_models"), ("vae", "vae"), ("text_encoder", "text_encoders")],
)
def test_facts_of_its_parts(part: str, kind: str) -> None:
    assert model_facts.facts(TINY / part).kind == kind
    (file,) = (TINY / part).glob("*.safetensors")
    found = model_facts.facts(file)
    assert found.kind == kind
    assert found.nbytes == file.stat().st_size


def test_hashes_are_those_of_the_file(tmp_path: Path) -> None:
    file = saved(tmp_path / "x.safetensors", "emb_params")
    found = model_facts.facts(file, hashed=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (found.sha256, found.autov2) == (digest, digest[:10].upper())


def test_trigger_words_come_from_the_metadata(tmp_path: Path) -> None:
    tags = json.dumps({"10_cat": {"cat": 10, "red": 3}, "5_dog": {"dog": 7, "red": 5}})
    file = saved(tmp_path / "a.safetensors", "x.lora_up.weight", ss_tag_frequency=tags)
    assert model_facts.facts(file).trigger_words == ("cat", "red", "dog")
    words = {"modelspec.trigger_phrase": "ohwx cat, blue"}
    file = saved(tmp_path / "b.safetensors", "x.lora_up.weight", **words)
    assert model_facts.facts(file).trigger_words == ("ohwx cat", "blue")
    assert trigger_words({"ss_tag_frequency": "no json"}) == ()


def test_a_damaged_file_is_told_as_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "cut.safetensors"
    file.write_bytes(saved(tmp_path / "x.safetensors", "emb_params").read_bytes()[:-4])
    found = model_facts.facts(file)
    assert "cut.safetensors" in found.problem
    assert found.as_json()["kind"] == ""
