"""Folders in diffusers' layout of families with two text encoders, or with the second alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodes.diffusion import autoencode, loading
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import examine
from nodes.model_files import shipped_models
from nodes.types import ContinuousSchedule, Vae

PLACES = {
    "sdxl": {"clip_l": "text_encoder", "clip_g": "text_encoder_2"},
    "sdxl_refiner": {"clip_g": "text_encoder_2"},
}
EULER = {"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear"}


def write(folder: Path, source: Any, scheduler: dict[str, Any] | None = None) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    index: dict[str, Any] = {"unet": ["diffusers", "UNet2DConditionModel"]}
    index["vae"] = ["diffusers", "AutoencoderKL"]
    source.unet.save_pretrained(folder / "unet", max_shard_size="5MB")
    source.vae.save_pretrained(folder / "vae", variant="fp16")
    for kind, part in PLACES[source.kind].items():
        encoder = source.encoders[kind]
        encoder.save_pretrained(folder / part)
        index[part] = ["transformers", type(encoder).__name__]
        tokenizer = folder / part.replace("text_encoder", "tokenizer")
        shutil.copytree(shipped_models() / "tiny" / "tokenizer", tokenizer)
        if kind == "clip_g":
            words = tokenizer / "special_tokens_map.json"
            words.write_text(json.dumps({"pad_token": "!"}), "utf-8")
    logging.enable_progress_bar()
    (folder / "scheduler").mkdir()
    config = folder / "scheduler" / "scheduler_config.json"
    config.write_text(json.dumps(scheduler or EULER), "utf-8")
    index.setdefault("text_encoder", [None, None])
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    return folder


@pytest.mark.parametrize("kind", PLACES)
def test_a_folder_gives_what_its_parts_were(
    networks: Callable[[str], Any], tmp_path: Path, kind: str
) -> None:
    source = networks(kind)
    folder = write(tmp_path / "model", source)
    examine.check("checkpoints", folder)
    model, clip, vae = loading.load_checkpoint(folder)
    assert clip is not None
    assert len(list((folder / "unet").glob("*.safetensors"))) > 1
    pairs = [(model.network, source.unet), (vae.autoencoder, source.vae)]
    clips = (clip, *clip.others)
    assert [c.kind for c in clips] == list(source.encoders)
    pairs += [(c.encoder, source.encoders[c.kind]) for c in clips]
    for got, expected in pairs:
        for name, weight in expected.state_dict().items():
            assert torch.equal(got.state_dict()[name], weight), name
    assert {model.family, *(c.family for c in clips)} == {kind}
    assert clips[-1].tokenizer.tokenize("cat").ids[0, -1] == 0


def test_precision_and_bytes_of_a_folder(networks: Callable[[str], Any], tmp_path: Path) -> None:
    folder = write(tmp_path / "model", networks("sdxl"))
    model, clip, vae = loading.load_checkpoint(folder, dtype="bfloat16")
    assert clip is not None
    networks_of = {
        "model": [model.network],
        "clip": [clip.encoder, clip.others[0].encoder],
        "vae": [vae.autoencoder],
    }
    expected = {
        port: sum(p.nbytes for network in found for p in network.parameters())
        for port, found in networks_of.items()
    }
    assert examine.checkpoint_bytes(folder, "bfloat16") == expected


def test_edm_and_latents_of_a_folder(networks: Callable[[str], Any], tmp_path: Path) -> None:
    scheduler = {"_class_name": "EDMEulerScheduler", "sigma_max": 80.0, "sigma_data": 0.5}
    folder = write(tmp_path / "model", networks("sdxl"), scheduler)
    config = folder / "vae" / "config.json"
    values = {
        **json.loads(config.read_text("utf-8")),
        "latents_mean": [1.0, -1.0, 0.5, 0.0],
        "latents_std": [2.0, 4.0, 1.0, 0.5],
        "scaling_factor": 0.5,
    }
    config.write_text(json.dumps(values), "utf-8")
    model = loading.load_model(folder)
    assert model.betas == ContinuousSchedule(0.002, 80.0)
    assert (model.prediction, model.sigma_data) == ("edm", 0.5)
    vae = loading.load_vae(folder)
    pixels = torch.rand(1, 16, 16, 3, generator=torch.Generator().manual_seed(1))
    plain = autoencode.encode(Vae(networks("sdxl").vae, 1.0, factor=2), pixels).mean
    mean, std = (torch.tensor(values[k]).view(1, 4, 1, 1) for k in ("latents_mean", "latents_std"))
    expected = (plain - mean) / std * 0.5
    assert_close(autoencode.encode(vae, pixels).mean, expected, rtol=1e-4, atol=1e-5)


def test_a_second_encoder_that_is_missing_is_named(
    networks: Callable[[str], Any], tmp_path: Path
) -> None:
    folder = write(tmp_path / "model", networks("sdxl"))
    shutil.rmtree(folder / "text_encoder_2")
    with pytest.raises(CheckpointError, match="text_encoder_2 is missing"):
        examine.check("checkpoints", folder)
    with pytest.raises(CheckpointError, match="text_encoder_2 is missing"):
        loading.load_checkpoint(folder)


def test_a_denoisers_folder_of_another_class_is_told(tmp_path: Path, networks: Any) -> None:
    networks("sdxl").vae.save_pretrained(tmp_path / "vae")
    with pytest.raises(
        CheckpointError, match=r"expected a denoiser, one of .* found AutoencoderKL"
    ):
        loading.load_model(tmp_path / "vae")
