"""Autoencoders of both layouts from names and shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch.testing import assert_close

from nodes.diffusion import autoencode, loading
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints import assemble, recognise, stream
from nodes.diffusion.checkpoints.header import read_header
from nodes.types import Vae

PUBLISHED = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
}


def picture() -> torch.Tensor:
    return torch.rand(1, 32, 32, 3, generator=torch.Generator().manual_seed(1))


def same(got: Any, expected: Any) -> None:
    weights = got.state_dict()
    assert set(weights) == set(expected.state_dict())
    for name, value in expected.state_dict().items():
        assert torch.equal(weights[name], value), name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False},
        {
            "block_out_channels": (32, 32, 64),
            "down_block_types": ("DownEncoderBlock2D",) * 3,
            "up_block_types": ("UpDecoderBlock2D",) * 3,
            "layers_per_block": 2,
        },
    ],
)
@pytest.mark.parametrize("layout", ["original", "diffusers", "older"])
def test_an_autoencoder_of_either_layout(
    tools: Any, tmp_path: Path, changes: dict[str, Any], layout: str
) -> None:
    source = tools.autoencoder(**changes)
    weights = source.state_dict()
    levels = len(source.config.block_out_channels)
    if layout == "original":
        weights = tools.original_vae(weights, levels)
    elif layout == "older":
        names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
        for new, old in names.items():
            weights = {n.replace(f".{new}.", f".{old}."): w for n, w in weights.items()}
    weights = {**weights, "model_ema.decay": torch.zeros(1)}  # of the training: passed over
    vae = loading.load_vae(tools.write(tmp_path / "a.safetensors", weights))
    same(vae.autoencoder, source)
    assert vae.factor == 2 ** (levels - 1)
    pixels = picture()
    expected = autoencode.encode(Vae(source, vae.scaling, vae.shift, vae.factor), pixels)
    assert_close(autoencode.encode(vae, pixels).mean, expected.mean, rtol=1e-5, atol=1e-5)


def test_names_are_diffusers_own_conversion(tools: Any, tmp_path: Path) -> None:
    source = tools.autoencoder()
    weights = tools.under("first_stage_model.", tools.original_vae(source.state_dict(), 2))
    expected = convert_ldm_vae_checkpoint(weights, dict(source.config))
    got = loading.load_vae(tools.write(tmp_path / "a.safetensors", weights)).autoencoder
    assert set(expected) == set(got.state_dict())
    for name, weight in expected.items():
        assert torch.equal(got.state_dict()[name], weight), name


def test_the_published_autoencoder(tools: Any, tmp_path: Path) -> None:
    with torch.device("meta"):
        source = AutoencoderKL(**PUBLISHED)
    named = tools.original_vae(source.state_dict(), 4)
    shapes = {name: tuple(weight.shape) for name, weight in named.items()}
    header = read_header(tools.write_sparse(tmp_path / "a.safetensors", shapes))
    part = recognise.recognise_vae(header)
    assert part is not None
    got = stream.empty_network("AutoencoderKL", part.config)
    for name in (*PUBLISHED, "latent_channels", "in_channels", "out_channels", "norm_num_groups"):
        assert list_or_number(got.config[name]) == list_or_number(source.config[name]), name
    assert {n: w.shape for n, w in got.state_dict().items()} == {
        n: w.shape for n, w in source.state_dict().items()
    }


def list_or_number(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(("family", "scaling"), [("auto", 0.18215), ("sdxl", 0.13025)])
def test_the_family_says_how_latents_are_scaled(
    tools: Any, tmp_path: Path, family: str, scaling: float
) -> None:
    path = tools.write(tmp_path / "a.safetensors", tools.autoencoder().state_dict())
    vae = loading.load_vae(path, family=family)
    assert vae.scaling == scaling
    assert vae.autoencoder.config.scaling_factor == scaling


def test_an_autoencoder_within_a_checkpoint_has_its_familys_scale(
    networks: Any, tools: Any, tmp_path: Path
) -> None:
    path = tools.write(tmp_path / "a.safetensors", networks("sdxl_refiner").original())
    assert loading.load_vae(path).scaling == 0.13025


def test_statistics_of_each_channel_become_part_of_the_autoencoder(tools: Any) -> None:
    """z' = (z - mean) / std on the way in, z = z' std + mean on the way out, to float rounding."""
    plain, scaled = tools.autoencoder(), tools.autoencoder()
    mean, std = [-1.5, 2.0, 0.5, 3.0], [8.0, 0.5, 2.0, 5.0]
    assemble.scale_latents(scaled, mean, std)
    pixels = picture()
    before = autoencode.encode(Vae(plain, 1.0, factor=2), pixels)
    after = autoencode.encode(Vae(scaled, 1.0, factor=2), pixels)
    m, s = torch.tensor(mean).view(1, 4, 1, 1), torch.tensor(std).view(1, 4, 1, 1)
    assert_close(after.mean, (before.mean - m) / s, rtol=1e-4, atol=1e-5)
    assert_close(after.std, before.std / s, rtol=1e-4, atol=1e-6)
    decoded = autoencode.decode(Vae(scaled, 1.0, factor=2), after.mean)
    assert_close(
        decoded, autoencode.decode(Vae(plain, 1.0, factor=2), before.mean), atol=1e-4, rtol=0
    )


def test_what_is_no_autoencoder_is_told(tools: Any, tmp_path: Path) -> None:
    path = tools.write(tmp_path / "a.safetensors", tools.unet("sd1").state_dict())
    with pytest.raises(
        CheckpointError, match="expected an autoencoder, found the denoiser of Stable Diffusion 1"
    ):
        loading.load_vae(path)
