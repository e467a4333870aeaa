"""Whole checkpoints in one file, against their sources, diffusers' loader and its pipelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch.testing import assert_close
from transformers import CLIPTokenizer

from nodes import forward, guidance, noise, sample, schedule, timesteps
from nodes import model as model_nodes
from nodes import text as text_nodes
from nodes.diffusion import loading, prediction
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.networks import ask, extra_channels
from nodes.diffusion.requests import Request
from nodes.model_files import shipped_models
from nodes.types import BetaSchedule, Clip, Conditioning, Latent, Model, PictureSize, Step, Vae

pytestmark = [
    pytest.mark.filterwarnings(  # diffusers hands tensors to NumPy in the old way
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
]
KINDS = ("sd1", "inpaint", "ip2p", "sd2", "sdxl", "sdxl_refiner")
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


@pytest.fixture(scope="session")
def files(
    networks: Callable[[str], Any], tools: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A checkpoint file by its kind, each written once."""
    folder = tmp_path_factory.mktemp("files")

    def get(kind: str) -> Path:
        path = folder / f"{kind}.safetensors"
        return path if path.exists() else tools.write(path, networks(kind).original())

    return get


def same(got: Any, expected: Any) -> None:
    weights = {n.removeprefix("text_model."): w for n, w in got.state_dict().items()}
    for name, value in expected.state_dict().items():
        assert torch.equal(weights.pop(name.removeprefix("text_model.")), value), name
    assert not weights


@pytest.mark.parametrize("kind", KINDS)
def test_all_parts_of_a_file_are_their_sources(
    networks: Callable[[str], Any], files: Callable[[str], Path], kind: str
) -> None:
    source = networks(kind)
    model, clip, vae = loading.load_checkpoint(files(kind))
    assert clip is not None
    same(model.network, source.unet)
    same(vae.autoencoder, source.vae)
    clips = (clip, *clip.others)
    assert [c.kind for c in clips] == list(source.encoders)
    for each in clips:
        same(each.encoder, source.encoders[each.kind])
    family = {"inpaint": "sd1", "ip2p": "sd1"}.get(kind, kind)
    assert (model.family, {c.family for c in clips}) == (family, {family})
    assert (vae.scaling, vae.shift) == (0.13025 if family.startswith("sdxl") else 0.18215, 0.0)
    assert model.prediction == "epsilon"
    for part in (model.network, vae.autoencoder, *(c.encoder for c in clips)):
        assert not part.training
        assert not any(p.requires_grad for p in part.parameters())


def test_the_schedule_is_stable_diffusions(files: Callable[[str], Path]) -> None:
    betas = loading.load_model(files("sd1")).betas
    assert isinstance(betas, BetaSchedule)
    expected = EulerDiscreteScheduler(**BETAS).alphas_cumprod
    assert_close(torch.tensor(betas.alphas_cumprod), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_diffusers_own_loader_reads_the_same_from_the_same_file(
    networks: Callable[[str], Any], files: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    source = networks(kind)
    source.unet.save_config(tmp_path / "unet")
    source.vae.save_config(tmp_path / "vae")
    model, _, vae = loading.load_checkpoint(files(kind))
    for cls, part, got in (
        (UNet2DConditionModel, "unet", model.network),
        (AutoencoderKL, "vae", vae.autoencoder),
    ):
        expected = cls.from_single_file(
            str(files(kind)), config=str(tmp_path), subfolder=part, local_files_only=True
        )
        same(got, expected)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_precision_asked_for_is_that_of_denoiser_and_encoders(
    files: Callable[[str], Path], dtype: str
) -> None:
    model, clip, vae = loading.load_checkpoint(files("sdxl"), dtype=dtype)
    assert clip is not None
    wanted = getattr(torch, dtype)
    assert {p.dtype for p in model.network.parameters()} == {wanted}
    for each in (clip, *clip.others):
        assert {p.dtype for p in each.encoder.parameters()} == {wanted}
    assert {p.dtype for p in vae.autoencoder.parameters()} == {torch.float32}


def tokenizers() -> tuple[Any, Any]:
    folder = shipped_models() / "tiny" / "tokenizer"
    first = CLIPTokenizer.from_pretrained(folder)
    return first, CLIPTokenizer.from_pretrained(folder, pad_token="!")


def told(clip: Clip, words: str) -> Conditioning:
    """A text with the size that diffusers reckons for an autoencoder that shrinks by 2."""
    return replace(text_nodes.encode(clip, words), size=PictureSize((32, 32)))


def run(model: Model, clip: Clip, x: Latent, steps: int, scale: float) -> torch.Tensor:
    positive, negative = told(clip, "a red circle"), told(clip, "blurry")
    for step in schedule.steps(timesteps.trailing(schedule.of_model(model), steps)):
        pair = model_nodes.predict_pair(model, x, step, positive, negative)
        x = sample.euler_step(x, guidance.cfg_combine(pair.cond, pair.uncond, scale), step)
    return x.samples


def test_stable_diffusion_xl_is_its_pipeline(
    networks: Callable[[str], Any], files: Callable[[str], Path]
) -> None:
    """Text, sizes and ten steps of Euler with guidance; rounding is some 1e-6 a step."""
    source = networks("sdxl")
    first, second = tokenizers()
    pipe = StableDiffusionXLPipeline(
        vae=source.vae,
        text_encoder=source.encoders["clip_l"],
        text_encoder_2=source.encoders["clip_g"],
        tokenizer=first,
        tokenizer_2=second,
        unet=source.unet,
        scheduler=EulerDiscreteScheduler(timestep_spacing="trailing", **BETAS),
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    latent = Latent(torch.zeros(1, 4, 16, 16))
    expected = pipe(
        "a red circle",
        negative_prompt="blurry",
        latents=noise.gaussian(latent, 5).samples,
        num_inference_steps=10,
        guidance_scale=5.0,
        output_type="latent",
        height=32,
        width=32,
    ).images
    model, clip, _ = loading.load_checkpoint(files("sdxl"))
    assert clip is not None
    assert expected.std() > 0.1
    levels = timesteps.trailing(schedule.of_model(model), 10)
    start = forward.start(latent, noise.gaussian(latent, 5), levels)
    assert_close(run(model, clip, start, 10, 5.0), expected, rtol=1e-4, atol=1e-4)


def test_the_refiner_is_its_pipeline(
    networks: Callable[[str], Any], files: Callable[[str], Path]
) -> None:
    """Latents in, latents out, at full strength; the fifth number is the aesthetic score."""
    source = networks("sdxl_refiner")
    pipe = StableDiffusionXLImg2ImgPipeline(
        vae=source.vae,
        text_encoder=None,
        text_encoder_2=source.encoders["clip_g"],
        tokenizer=None,
        tokenizer_2=tokenizers()[1],
        unet=source.unet,
        scheduler=EulerDiscreteScheduler(timestep_spacing="trailing", **BETAS),
        requires_aesthetics_score=True,
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        "a red circle",
        negative_prompt="blurry",
        image=torch.zeros(1, 4, 16, 16),
        strength=1.0,
        num_inference_steps=5,
        guidance_scale=4.0,
        aesthetic_score=6.0,
        negative_aesthetic_score=6.0,
        generator=torch.Generator().manual_seed(5),
        output_type="latent",
    ).images
    model, clip, _ = loading.load_checkpoint(files("sdxl_refiner"))
    assert clip is not None
    assert (clip.kind, clip.others) == ("clip_g", ())
    assert expected.std() > 0.1
    drawn = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5))
    highest = timesteps.trailing(schedule.of_model(model), 5).values[0]
    start = Latent(drawn * highest)
    assert_close(run(model, clip, start, 5, 4.0), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "beside"), [("inpaint", 5), ("ip2p", 4)])
def test_what_lies_beside_the_latent_goes_in_with_it(
    networks: Callable[[str], Any], files: Callable[[str], Path], kind: str, beside: int
) -> None:
    """A call of the network through `predict_epsilons` is diffusers' with joined channels."""
    model = loading.load_model(files(kind))
    assert extra_channels(model.network) == beside
    generator = torch.Generator().manual_seed(3)
    x, more = (torch.randn(1, count, 16, 16, generator=generator) for count in (4, beside))
    embeddings = torch.randn(1, 77, 32, generator=generator)
    step = Step(0, 1, 2.0, 1.0, 500.0, 400.0)
    text = Conditioning(embeddings, concat=more)
    got = prediction.predict_epsilons(model, x, step, [text])[0]
    scaled = x / (1 + 2.0**2) ** 0.5
    with torch.no_grad():
        expected = networks(kind).unet(torch.cat([scaled, more], dim=1), 500, embeddings).sample
    assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_a_consistency_model_is_told_its_guidance(tools: Any, tmp_path: Path) -> None:
    path = tools.write(tmp_path / "a.safetensors", tools.unet("lcm").state_dict())
    model = loading.load_model(path)
    assert model.prediction == "lcm"
    text = Conditioning(torch.zeros(1, 77, 32), guidance=4.0)
    low, high = (
        ask(model.network, Request(torch.ones(1, 4, 8, 8), 9.0, [each], [0]))
        for each in (text, replace(text, guidance=9.0))
    )
    assert not torch.allclose(low, high)


def test_playgrounds_marks_change_schedule_and_latents(
    networks: Callable[[str], Any], tools: Any, tmp_path: Path
) -> None:
    marks = {"edm_mean": torch.ones(1, 4, 1, 1), "edm_std": torch.full((1, 4, 1, 1), 2.0)}
    path = tools.write(tmp_path / "a.safetensors", {**networks("sdxl").original(), **marks})
    model, _, vae = loading.load_checkpoint(path)
    assert (model.prediction, model.sigma_data, vae.scaling) == ("edm", 0.5, 0.5)
    first = networks("sdxl").vae.post_quant_conv.weight
    assert_close(vae.autoencoder.post_quant_conv.weight, first * 2)


def test_what_a_checkpoint_lacks_is_named_all_at_once(
    networks: Callable[[str], Any], tools: Any, tmp_path: Path
) -> None:
    whole = networks("sdxl").original()
    some = {
        n: w for n, w in whole.items() if not n.startswith(("first_", "conditioner.embedders.1"))
    }
    path = tools.write(tmp_path / "a.safetensors", some)
    message = (
        r"a\.safetensors: expected a whole checkpoint of Stable Diffusion XL, found its denoiser "
        r"without clip_g and autoencoder: load the parts with load_parts\.unet"
    )
    with pytest.raises(CheckpointError, match=message):
        loading.load_checkpoint(path)


@pytest.mark.parametrize(
    ("weights", "found"),
    [
        ({"lora_unet_x.lora_up.weight": (4, 4)}, "found a LoRA"),
        ({"control_model.input_blocks.0.0.weight": (4, 4)}, "found a ControlNet"),
        ({"emb_params": (1, 4)}, "found a textual inversion embedding"),
        ({"strange": (4, 4)}, "found 1 tensors of no kind that is known: strange"),
        ({}, "found no tensors at all"),
    ],
)
def test_a_file_of_another_kind_is_told(
    tools: Any, tmp_path: Path, weights: dict[str, tuple[int, ...]], found: str
) -> None:
    path = tools.write(tmp_path / "a.safetensors", {n: torch.zeros(s) for n, s in weights.items()})
    with pytest.raises(
        CheckpointError, match=rf"expected a denoiser of Stable Diffusion 1, .*{found}"
    ):
        loading.load_checkpoint(path)


def test_loading_says_nothing(
    files: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    loaded: tuple[Model, Clip | None, Vae] = loading.load_checkpoint(files("sdxl"))
    assert loaded[1] is not None
    assert capfd.readouterr() == ("", "")
