"""Folders as they are written: every family's parts, and what its scheduler says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from nodes.diffusion import loading
from nodes.diffusion.checkpoint_files import read_json
from nodes.diffusion.checkpoints.scheduler_config import training_of
from nodes.diffusion.checkpoints.tokenizers import clip_l, openclip
from nodes.diffusion.checkpoints.unets import stable_diffusion_betas, zero_snr_betas
from nodes.diffusion.export.folder import save_folder, scheduler_config
from nodes.diffusion.export.original import ExportError
from nodes.diffusion.schedules import linear_betas, schedule_of_betas
from nodes.diffusion.t5_tokenizer import T5Tokenizer
from nodes.types import BetaSchedule, Clip, ContinuousSchedule, FlowSchedule, Model, Vae

SIGMA_DATA = 0.5


def parts(networks: Any, kind: str) -> tuple[Model, Clip, Vae]:
    own = networks(kind)
    family = "sd1" if kind == "inpaint" else kind
    clips = [
        Clip(e, (clip_l if k == "clip_l" else openclip)(Path()), kind=k, family=family)
        for k, e in own.encoders.items()
    ]
    clip = replace(clips[0], others=tuple(clips[1:]))
    model = Model(own.unet, stable_diffusion_betas(), family=family)
    return model, clip, Vae(own.vae, own.vae.config.scaling_factor)


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl", "sdxl_refiner", "inpaint"])
def test_loads_as_it_was(networks: Any, tmp_path: Path, kind: str) -> None:
    model, clip, vae = parts(networks, kind)
    save_folder(tmp_path, model, clip, vae, torch.float32)
    again, its_clip, its_vae = loading.load_checkpoint(tmp_path, "cpu", "float32")
    assert (again.family, again.prediction, again.betas) == (
        model.family, "epsilon", model.betas,
    )  # fmt: skip
    pairs = [(again.network, model.network), (its_vae.autoencoder, vae.autoencoder)]
    for ours, theirs in zip((its_clip, *its_clip.others), (clip, *clip.others), strict=True):
        assert ours.kind == theirs.kind
        assert ours.tokenizer.marks == theirs.tokenizer.marks
        pairs.append((ours.encoder, theirs.encoder))
    for one, other in pairs:
        weights = other.state_dict()
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, weights[name]), name


@pytest.mark.parametrize(
    ("kind", "pipeline"),
    [
        ("sdxl", "StableDiffusionXLPipeline"),
        ("sdxl_refiner", "StableDiffusionXLImg2ImgPipeline"),
        ("inpaint", "StableDiffusionInpaintPipeline"),
    ],
)
def test_diffusers_loads_the_pipeline(
    networks: Any, tmp_path: Path, kind: str, pipeline: str
) -> None:
    from diffusers import DiffusionPipeline

    model, clip, vae = parts(networks, kind)
    save_folder(tmp_path, model, clip, vae, torch.float16)
    pipe = DiffusionPipeline.from_pretrained(str(tmp_path), local_files_only=True)
    assert type(pipe).__name__ == pipeline
    weights = model.network.state_dict()
    for name, tensor in pipe.unet.state_dict().items():
        assert torch.equal(tensor, weights[name].half().float()), name


@pytest.mark.parametrize(
    "model",
    [
        Model(None, stable_diffusion_betas(), "v_prediction"),
        Model(None, zero_snr_betas(), "v_prediction"),
        Model(None, stable_diffusion_betas(), "lcm"),
        Model(None, schedule_of_betas(linear_betas(100, 0.0001, 0.02)), "sample"),
        Model(None, ContinuousSchedule(0.002, 80.0), "edm", "sdxl", SIGMA_DATA),
        Model(None, ContinuousSchedule(0.01, 120.0), "v_prediction", "sdxl", SIGMA_DATA),
        Model(None, FlowSchedule(3.0), "flow", "sd3"),
        Model(None, FlowSchedule(1.73, 1.0), "flow", "auraflow"),
    ],
)
def test_scheduler_says_what_was_trained(model: Model) -> None:
    """Read again it is the same; schedules without a name lie there beta by beta."""
    training = training_of(scheduler_config(model), Path("x"), model.betas)
    assert training.prediction == model.prediction
    assert training.sigma_data == model.sigma_data
    if isinstance(model.betas, BetaSchedule):
        expected = torch.tensor(model.betas.alphas_cumprod)
        assert isinstance(training.schedule, BetaSchedule)
        got = torch.tensor(training.schedule.alphas_cumprod)
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)
    else:
        assert training.schedule == model.betas


def test_scheduler_cannot_say_everything() -> None:
    with pytest.raises(ExportError, match="predicts edm on a BetaSchedule"):
        scheduler_config(Model(None, stable_diffusion_betas(), "edm"))


def test_flux_has_two_encoders_and_a_transformer(networks: Any, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import T5Config, T5EncoderModel

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), ("▁red", -2.0)]
    reader = T5Tokenizer(Tokenizer(models.Unigram(pieces, 2)))
    with torch.random.fork_rng(devices=[]):
        encoder = T5EncoderModel(
            T5Config(vocab_size=8, d_model=16, d_kv=4, d_ff=32, num_layers=1, num_heads=2)
        ).eval()
    network = small.flux(False, pooled_projection_dim=32)
    _, first, vae = parts(networks, "sd1")
    second: Any = Clip(encoder, reader, kind="t5", family="flux")  # type: ignore[arg-type]
    clip = replace(first, family="flux", others=(second,))
    model = Model(network, FlowSchedule(3.0, 1.0), "flow", "flux")
    save_folder(tmp_path, model, clip, vae, torch.float32)
    index = read_json(tmp_path / "model_index.json")
    assert index["_class_name"] == "FluxPipeline"
    again, its_clip, _ = loading.load_checkpoint(tmp_path, "cpu", "float32")
    assert (again.betas, again.family) == (model.betas, "flux")
    assert torch.equal(its_clip.others[0].encoder.shared.weight, encoder.shared.weight)
    tokens = its_clip.others[0].tokenizer.tokenize("a red")
    assert torch.equal(tokens.ids, reader.tokenize("a red").ids)
