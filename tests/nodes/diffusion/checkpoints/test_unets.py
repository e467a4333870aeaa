"""UNets of every family from names and shapes, at small sizes and at the published ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from nodes.diffusion.checkpoints import recognise, stream
from nodes.diffusion.checkpoints.families import Detected
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.types import BetaSchedule, ContinuousSchedule

FAMILY = {
    "sd1": "sd1",
    "inpaint": "sd1",
    "ip2p": "sd1",
    "lcm": "sd1",
    "sd2": "sd2",
    "unclip": "sd2",
    "sdxl": "sdxl",
    "few_transformers": "sdxl",
    "sdxl_refiner": "sdxl_refiner",
}
XL = {
    "sample_size": 128,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
}
# As the models are published.
PUBLISHED: dict[str, dict[str, Any]] = {
    "sd1": {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8},
    "inpaint": {
        "sample_size": 64,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
        "in_channels": 9,
    },
    "sd2": {
        "sample_size": 64,
        "cross_attention_dim": 1024,
        "attention_head_dim": [5, 10, 20, 20],
        "use_linear_projection": True,
    },
    "sdxl": {
        **XL,
        "block_out_channels": [320, 640, 1280],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "cross_attention_dim": 2048,
        "attention_head_dim": [5, 10, 20],
        "transformer_layers_per_block": [1, 2, 10],
        "projection_class_embeddings_input_dim": 2816,
    },
    "sdxl_refiner": {
        **XL,
        "block_out_channels": [384, 768, 1536, 1536],
        "down_block_types": [
            "DownBlock2D",
            "CrossAttnDownBlock2D",
            "CrossAttnDownBlock2D",
            "DownBlock2D",
        ],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "cross_attention_dim": 1280,
        "attention_head_dim": [6, 12, 24, 24],
        "transformer_layers_per_block": 4,
        "projection_class_embeddings_input_dim": 2560,
    },
}


def inputs(network: Any) -> dict[str, Any]:
    """Arguments of a call, from a fixed seed."""
    generator = torch.Generator().manual_seed(7)
    config = network.config

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    found: dict[str, Any] = {
        "sample": normal(1, config.in_channels, 16, 16),
        "timestep": 500,
        "encoder_hidden_states": normal(1, 77, config.cross_attention_dim),
    }
    if config.addition_embed_type == "text_time":
        numbers = (config.projection_class_embeddings_input_dim - 32) // 256
        found["added_cond_kwargs"] = {
            "text_embeds": normal(1, 32),
            "time_ids": normal(1, numbers),
        }
    if config.class_embed_type == "projection":
        found["class_labels"] = normal(1, config.projection_class_embeddings_input_dim)
    if config.time_cond_proj_dim:
        found["timestep_cond"] = normal(1, config.time_cond_proj_dim)
    return found


def answer(network: Any) -> torch.Tensor:
    with torch.no_grad():
        return network(**inputs(network)).sample


def detect(path: Path) -> tuple[Header, Detected]:
    header = read_header(path)
    return header, recognise.wanted_denoiser(header)


def built(path: Path) -> Any:
    header, detected = detect(path)
    return stream.build(detected.parts["denoiser"], header, torch.float32)


@pytest.mark.parametrize("kind", FAMILY)
def test_a_small_unet_in_the_original_layout_answers_as_its_source(
    tools: Any, tmp_path: Path, kind: str
) -> None:
    source = tools.unet(kind)
    weights = tools.original_unet(source.state_dict(), tools.small[kind])
    path = tools.write(tmp_path / "a.safetensors", tools.under("model.diffusion_model.", weights))
    header, detected = detect(path)
    assert detected.family.name == FAMILY[kind]
    network = stream.build(detected.parts["denoiser"], header, torch.float32)
    # Weights are the same to the bit; how kernels round depends on where in memory they lie.
    torch.testing.assert_close(answer(network), answer(source), rtol=1e-5, atol=1e-5)
    for name, weight in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight), name


@pytest.mark.parametrize("kind", ["sd1", "sdxl", "sdxl_refiner"])
def test_names_are_diffusers_own_conversion(tools: Any, tmp_path: Path, kind: str) -> None:
    source = tools.unet(kind)
    weights = tools.under(
        "model.diffusion_model.", tools.original_unet(source.state_dict(), tools.small[kind])
    )
    expected = convert_ldm_unet_checkpoint(weights, dict(source.config))
    network = built(tools.write(tmp_path / "a.safetensors", weights))
    assert set(expected) == set(network.state_dict())
    for name, weight in expected.items():
        assert torch.equal(network.state_dict()[name], weight), name


@pytest.mark.parametrize(
    "prefix", ["model.diffusion_model.", "model.model.", "diffusion_model.", "net.", "unet.", ""]
)
@pytest.mark.parametrize("original", [True, False])
def test_any_usual_prefix_and_layout(
    tools: Any, tmp_path: Path, prefix: str, original: bool
) -> None:
    source = tools.unet("sd2")
    weights = source.state_dict()
    if original:
        weights = tools.original_unet(weights, tools.small["sd2"])
    network = built(tools.write(tmp_path / "a.safetensors", tools.under(prefix, weights)))
    assert network.config.use_linear_projection
    for name, weight in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight), name


@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_published_models_are_recognised_with_their_configuration(
    tools: Any, tmp_path: Path, kind: str
) -> None:
    with torch.device("meta"):
        source = UNet2DConditionModel(**PUBLISHED[kind])
    config = {"layers_per_block": 2, **dict(source.config)}
    named = tools.original_unet(source.state_dict(), config)
    shapes = {n: tuple(w.shape) for n, w in named.items()}
    path = tools.write_sparse(
        tmp_path / "a.safetensors", tools.under("model.diffusion_model.", shapes)
    )
    _, detected = detect(path)
    assert detected.family.name == FAMILY[kind]
    assert (detected.prediction, detected.schedule) == (None, None)
    network = stream.empty_network("UNet2DConditionModel", detected.parts["denoiser"].config)
    assert plain(network.config) == plain(source.config)
    got = {name: tuple(w.shape) for name, w in network.state_dict().items()}
    assert got == {name: tuple(w.shape) for name, w in source.state_dict().items()}


def plain(config: Any) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, (list, tuple)) else value
        for name, value in config.items()
        if not name.startswith("_")
    }


def marked(tools: Any, path: Path, kind: str, **marks: torch.Tensor) -> Detected:
    source = tools.unet(kind)
    weights = tools.original_unet(source.state_dict(), tools.small[kind])
    named = tools.under("model.diffusion_model.", weights)
    names = {name.replace("__", "."): value for name, value in marks.items()}
    return detect(tools.write(path / "a.safetensors", {**named, **names}))[1]


def test_marks_of_v_prediction_and_zero_terminal_snr(tools: Any, tmp_path: Path) -> None:
    found = marked(tools, tmp_path, "sdxl", v_pred=torch.zeros(0))
    assert (found.prediction, found.schedule) == ("v_prediction", None)
    found = marked(tools, tmp_path, "sdxl", v_pred=torch.zeros(0), ztsnr=torch.zeros(0))
    assert found.prediction == "v_prediction"
    assert found.schedule is not None
    schedule = found.schedule()
    assert isinstance(schedule, BetaSchedule)
    assert schedule.alphas_cumprod[-1] == 0


def test_metadata_that_says_v_is_believed(tools: Any, tmp_path: Path) -> None:
    weights = tools.unet("sdxl").state_dict()
    path = tools.write(tmp_path / "a.safetensors", weights, **{"modelspec.prediction_type": "v"})
    assert detect(path)[1].prediction == "v_prediction"


def test_marks_of_edm(tools: Any, tmp_path: Path) -> None:
    mean, std = torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0, 6, 7, 8])
    found = marked(tools, tmp_path, "sdxl", edm_mean=mean.view(1, 4, 1, 1), edm_std=std)
    assert (found.prediction, found.sigma_data) == ("edm", 0.5)
    assert found.schedule is not None
    assert found.schedule() == ContinuousSchedule(0.002, 80.0)
    assert found.latents is not None
    assert (found.latents.mean, found.latents.std) == ((1, 2, 3, 4), (5, 6, 7, 8))
    found = marked(
        tools,
        tmp_path,
        "sdxl",
        edm_vpred__sigma_max=torch.tensor([120.0]),
        edm_vpred__sigma_min=torch.tensor([0.5]),
    )
    assert found.prediction == "v_prediction"
    assert found.schedule is not None
    assert found.schedule() == ContinuousSchedule(0.5, 120.0)


@pytest.mark.parametrize(("spread", "prediction"), [(0.2, "v_prediction"), (0.01, None)])
@pytest.mark.parametrize("original", [True, False])
def test_stable_diffusion_2_says_v_by_the_spread_of_one_bias(
    tools: Any, tmp_path: Path, spread: float, prediction: str | None, original: bool
) -> None:
    source = tools.unet("sd2")
    weights = dict(source.state_dict())
    name = "up_blocks.1.attentions.1.transformer_blocks.0.norm1.bias"
    bias = torch.ones_like(weights[name])
    bias[::2] = -1
    weights[name] = bias * spread
    if original:
        weights = tools.original_unet(weights, tools.small["sd2"])
    found = detect(tools.write(tmp_path / "a.safetensors", weights))[1]
    assert found.prediction == prediction
    assert found.parts["denoiser"].config["sample_size"] == (96 if prediction else 64)


def test_a_distilled_consistency_model_is_told_by_its_way_in_for_guidance(
    tools: Any, tmp_path: Path
) -> None:
    found = marked(tools, tmp_path, "lcm")
    assert found.prediction == "lcm"
    assert found.parts["denoiser"].config["time_cond_proj_dim"] == 16


@pytest.mark.parametrize(("kind", "channels"), [("sd1", 4), ("inpaint", 9), ("ip2p", 8)])
def test_channels_of_inpainting_and_instructions(
    networks: Callable[[str], Any], tmp_path: Path, tools: Any, kind: str, channels: int
) -> None:
    path = tools.write(tmp_path / "a.safetensors", networks(kind).unet.state_dict())
    config = detect(path)[1].parts["denoiser"].config
    assert (config["in_channels"], config["out_channels"]) == (channels, 4)
