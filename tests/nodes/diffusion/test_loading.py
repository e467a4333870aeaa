"""Checkpoints as they are found: half precision, sharded, under older names, damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nodes.diffusion import loading
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import Clip, Model, Vae

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


@pytest.fixture
def folder(checkpoint_folder: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))


def edit(file: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


def edit_json(file: Path, **changes: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")


def same_weights(got: torch.nn.Module, expected: torch.nn.Module) -> None:
    weights = got.state_dict()
    assert list(weights) == list(expected.state_dict())
    for name, value in expected.state_dict().items():
        assert torch.equal(weights[name], value), name


def test_half_precision_becomes_float32(folder: Path, model: Model) -> None:
    edit(folder / UNET, lambda weights: {name: w.half() for name, w in weights.items()})
    network = loading.load_model(folder).network
    assert all(p.dtype == torch.float32 for p in network.parameters())
    for name, weight in model.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight.half().float())


def test_an_fp16_variant_is_found(folder: Path, model: Model) -> None:
    for file in (UNET, VAE, TEXT):
        path = folder / file
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    loaded = loading.load_checkpoint(folder)
    same_weights(loaded[0].network, model.network)


def test_sharded_weights_are_put_together(folder: Path, model: Model, clip: Clip) -> None:
    from transformers.utils import logging

    for part, network in (("unet", model.network), ("text_encoder", clip.encoder)):
        shutil.rmtree(folder / part)
        logging.disable_progress_bar()
        network.save_pretrained(folder / part, max_shard_size="100KB")
        logging.enable_progress_bar()
        assert len(list((folder / part).glob("*.safetensors"))) > 1
    same_weights(loading.load_model(folder).network, model.network)
    same_weights(loading.load_clip(folder).encoder, clip.encoder)


def test_text_encoders_with_the_older_prefix_load(folder: Path, clip: Clip) -> None:
    """The files of Stable Diffusion 1.5: every name begins with `text_model.`, and the list of
    positions is among the weights."""

    def older(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        named = {f"text_model.{name.removeprefix('text_model.')}": w for name, w in weights.items()}
        return {**named, "text_model.embeddings.position_ids": torch.arange(77)[None]}

    edit(folder / TEXT, older)
    same_weights(loading.load_clip(folder).encoder, clip.encoder)


def test_autoencoders_with_older_attention_names_load(folder: Path, vae: Vae) -> None:
    """The files of Stable Diffusion 1.5: `query`, `key`, `value` and `proj_attn`."""
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def older(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        for new, old in names.items():
            weights = {name.replace(f".{new}.", f".{old}."): w for name, w in weights.items()}
        return weights

    edit(folder / VAE, older)
    assert any(".query." in name for name in load_file(folder / VAE))
    same_weights(loading.load_vae(folder).autoencoder, vae.autoencoder)


@pytest.mark.parametrize(
    ("file", "name"),
    [(UNET, "conv_in.weight"), (VAE, "decoder.conv_in.weight"), (TEXT, "final_layer_norm.weight")],
)
def test_a_missing_weight_is_no_random_weight(folder: Path, file: str, name: str) -> None:
    def without(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {key: w for key, w in weights.items() if not key.endswith(name)}

    edit(folder / file, without)
    with pytest.raises(CheckpointError, match=rf"1 weights of .* are missing .*{name}"):
        loading.load_checkpoint(folder)


@pytest.mark.parametrize("file", [UNET, VAE, TEXT])
def test_a_weight_of_another_shape_is_an_error(folder: Path, file: str) -> None:
    def larger(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = next(name for name, w in weights.items() if w.ndim > 1)
        return {**weights, name: torch.zeros(3, 3)}

    edit(folder / file, larger)
    with pytest.raises(CheckpointError, match=file.split("/")[0]):
        loading.load_checkpoint(folder)


@pytest.mark.parametrize("file", [UNET, VAE, TEXT])
def test_a_file_cut_short_is_named(folder: Path, file: str) -> None:
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=file.split("/")[0]):
        loading.load_checkpoint(folder)


def test_a_missing_config_is_named(folder: Path) -> None:
    (folder / "vae" / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"vae.config\.json is missing"):
        loading.load_vae(folder)


def test_a_tokenizer_larger_than_the_encoders_table_is_refused(folder: Path) -> None:
    def shorter(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {
            name: w[:1000].clone() if "token_embedding" in name else w
            for name, w in weights.items()
        }

    edit(folder / TEXT, shorter)
    edit_json(
        folder / "text_encoder" / "config.json",
        vocab_size=1000,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=1,
    )
    with pytest.raises(CheckpointError, match="49408 pieces, the text encoder knows 1000"):
        loading.load_clip(folder)


def oracle_alphas(**config: Any) -> torch.Tensor:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return DDIMScheduler(**config).alphas_cumprod


@pytest.mark.parametrize(
    "config",
    [
        {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"},
        {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"},
        {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 100},
        {"trained_betas": [0.1, 0.2, 0.3]},
        {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True},
        {},
    ],
)
def test_betas_are_diffusers(config: dict[str, Any]) -> None:
    got = loading.beta_schedule(config, Path("scheduler_config.json")).alphas_cumprod
    expected = oracle_alphas(**config)
    # diffusers multiplies up in float32, this here in float64.
    torch.testing.assert_close(
        torch.tensor(got, dtype=torch.float32), expected.float(), rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beta_schedule": "sigmoid"}, "beta_schedule is 'sigmoid', expected one of linear"),
        ({"prediction_type": "flow"}, "prediction_type is 'flow'"),
    ],
)
def test_an_unknown_schedule_or_prediction_is_named(
    folder: Path, change: dict[str, str], message: str
) -> None:
    edit_json(folder / "scheduler" / "scheduler_config.json", **change)
    with pytest.raises(CheckpointError, match=rf"scheduler_config\.json: {message}"):
        loading.load_model(folder)


def test_v_prediction_is_read(folder: Path) -> None:
    edit_json(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    assert loading.load_model(folder).prediction == "v_prediction"


def test_the_libraries_logging_is_as_before(checkpoint_folder: Path) -> None:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    for lib in libraries:
        lib.set_verbosity_info()
    loading.load_vae(checkpoint_folder)
    assert [lib.get_verbosity() for lib in libraries] == [lib.INFO for lib in libraries]
    assert transformers_logging.is_progress_bar_enabled()
    for lib in libraries:
        lib.set_verbosity_warning()
