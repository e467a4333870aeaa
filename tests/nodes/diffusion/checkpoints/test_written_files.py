"""Single files as they are written: the original layout to the letter, and what reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nodes.diffusion import loading
from nodes.diffusion.checkpoints.tokenizers import openclip
from nodes.diffusion.checkpoints.unets import stable_diffusion_betas, zero_snr_betas
from nodes.diffusion.export.folder import save_folder
from nodes.diffusion.export.original import ExportError
from nodes.diffusion.export.single_file import save_single_file
from nodes.types import BetaSchedule, Clip, Model, Vae

FAMILIES = ("sd1", "sd2", "sdxl", "sdxl_refiner", "inpaint", "lcm", "unclip")


def parts(networks: Any, kind: str, prediction: str = "epsilon") -> tuple[Model, Clip, Vae]:
    own = networks(kind)
    family = {"inpaint": "sd1", "lcm": "sd1", "unclip": "sd2"}.get(kind, kind)
    tokenizer: Any = openclip(Path())
    clips = [Clip(e, tokenizer, kind=k, family=family) for k, e in own.encoders.items()]
    first = Clip(clips[0].encoder, tokenizer, 0, clips[0].kind, family, tuple(clips[1:]))
    if kind == "lcm":
        prediction = "lcm"
    model = Model(own.unet, stable_diffusion_betas(), prediction, family)
    return model, first, Vae(own.vae, own.vae.config.scaling_factor)


@pytest.mark.parametrize("kind", FAMILIES)
def test_has_the_original_names(networks: Any, tmp_path: Path, kind: str) -> None:
    """Every tensor of the original layout, but what no one reads: positions, a scale, a matrix."""
    path = tmp_path / "a.safetensors"
    save_single_file(path, *parts(networks, kind), torch.float32)
    got, expected = load_file(path), networks(kind).original()
    unread = {n for n in expected if n.endswith(("position_ids", "logit_scale"))}
    if "clip_h" in networks(kind).encoders:
        unread.add("cond_stage_model.model.text_projection")
    assert set(got) == set(expected) - unread
    for name, tensor in got.items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("kind", FAMILIES)
def test_loads_as_it_was(networks: Any, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.safetensors"
    model, clip, vae = parts(networks, kind)
    save_single_file(path, model, clip, vae, torch.float32)
    again, its_clip, its_vae = loading.load_checkpoint(path, "cpu", "float32")
    assert (again.family, again.prediction) == (model.family, model.prediction)
    pairs = [(again.network, model.network), (its_vae.autoencoder, vae.autoencoder)]
    clips = zip((its_clip, *its_clip.others), (clip, *clip.others), strict=True)
    for ours, theirs in (*pairs, *((a.encoder, b.encoder) for a, b in clips)):
        weights = theirs.state_dict()
        for name, tensor in ours.state_dict().items():
            assert torch.equal(tensor, weights[name]), name


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_says_what_it_predicts(networks: Any, tmp_path: Path, kind: str, prediction: str) -> None:
    path = tmp_path / "a.safetensors"
    model, clip, vae = parts(networks, kind, prediction)
    save_single_file(path, model, clip, vae, torch.float16)
    again = loading.load_model(path)
    assert again.prediction == prediction
    assert again.betas == model.betas


def test_says_that_it_knows_pure_noise(networks: Any, tmp_path: Path) -> None:
    model, clip, vae = parts(networks, "sdxl", "v_prediction")
    model = Model(model.network, zero_snr_betas(), "v_prediction", "sdxl")
    save_single_file(tmp_path / "a.safetensors", model, clip, vae, torch.float16)
    assert isinstance(model.betas, BetaSchedule)
    assert loading.load_model(tmp_path / "a.safetensors").betas == model.betas


def test_refuses_what_a_file_cannot_say(networks: Any, tmp_path: Path) -> None:
    model, clip, vae = parts(networks, "sd1")
    for other, message in (
        (Model(model.network, model.betas, "sample"), "predicts sample"),
        (Model(model.network, model.betas, "lcm"), "predicts lcm"),
        (Model(model.network, model.betas, family="dit"), "the family dit has no single file"),
        (Model(model.network, model.betas, family="sdxl_refiner"), "no place for .* clip_l"),
    ):
        with pytest.raises(ExportError, match=message):
            save_single_file(tmp_path / "a.safetensors", other, clip, vae, torch.float16)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_diffusers_loads_the_parts(networks: Any, tmp_path: Path, kind: str) -> None:
    """`from_single_file` with the model's own config beside it."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    path = tmp_path / "a.safetensors"
    model, clip, vae = parts(networks, kind)
    save_single_file(path, model, clip, vae, torch.float32)
    for cls, network in ((UNet2DConditionModel, model.network), (AutoencoderKL, vae.autoencoder)):
        network.save_config(tmp_path / cls.__name__)
        theirs = cls.from_single_file(
            str(path), config=str(tmp_path / cls.__name__), local_files_only=True
        )
        weights = network.state_dict()
        for name, tensor in theirs.state_dict().items():
            assert torch.equal(tensor, weights[name]), name


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sd1", "StableDiffusionPipeline"), ("sdxl", "StableDiffusionXLPipeline")],
)
def test_diffusers_loads_the_whole_pipeline(
    networks: Any, tmp_path: Path, kind: str, name: str
) -> None:
    """`from_single_file`, with what the folder of the same model says for a configuration."""
    import diffusers

    model, clip, vae = parts(networks, kind)
    save_single_file(tmp_path / "a.safetensors", model, clip, vae, torch.float32)
    save_folder(tmp_path / "m", model, clip, vae, torch.float32)
    pipe = getattr(diffusers, name).from_single_file(
        str(tmp_path / "a.safetensors"), config=str(tmp_path / "m"), local_files_only=True
    )
    for theirs, ours in ((pipe.unet, model.network), (pipe.text_encoder, clip.encoder)):
        weights = ours.state_dict()
        for key, tensor in theirs.state_dict().items():
            assert torch.equal(tensor, weights[key]), key


def test_diffusers_converts_the_second_encoder(networks: Any, tmp_path: Path) -> None:
    """By itself: in a whole file it tells the two apart by widths that are equal here."""
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    model, clip, vae = parts(networks, "sdxl")
    save_single_file(tmp_path / "a.safetensors", model, clip, vae, torch.float32)
    encoder, prefix = clip.others[0].encoder, "conditioner.embedders.1.model."
    found = convert_open_clip_checkpoint(encoder, load_file(tmp_path / "a.safetensors"), prefix)
    weights = encoder.state_dict()
    assert set(found) == set(weights)
    for key, tensor in found.items():
        assert torch.equal(tensor, weights[key]), key
