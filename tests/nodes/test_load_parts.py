"""Parts of a model alone, by name; and what is said of files before anything runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodes import load, load_parts, model_files
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.model_files import ModelName

CHECKPOINT = "checkpoints/whole.safetensors"


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: a whole checkpoint in one file, and its parts in files of their own."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        unet = UNet2DConditionModel(
            block_out_channels=(32, 64),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=32,
            attention_head_dim=8,
        )
        vae = AutoencoderKL(
            block_out_channels=(32, 64),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
        )
        text = CLIPTextModel(
            CLIPTextConfig(
                hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1
            )
        )
    words = {f"text_model.{n.removeprefix('text_model.')}": w for n, w in text.state_dict().items()}
    root = tmp_path_factory.mktemp("root")
    parts = {
        "diffusion_models/denoiser.safetensors": unet.state_dict(),
        "vae/colours.safetensors": vae.state_dict(),
        "clip/words.safetensors": words,
        CHECKPOINT: {
            **{f"model.diffusion_model.{n}": w for n, w in unet.state_dict().items()},
            **{f"first_stage_model.{n}": w for n, w in vae.state_dict().items()},
            **{f"cond_stage_model.transformer.{n}": w for n, w in words.items()},
        },
    }
    for name, weights in parts.items():
        (root / name).parent.mkdir(exist_ok=True)
        save_file({n: w.contiguous() for n, w in weights.items()}, root / name)
    return root


@pytest.fixture(autouse=True)
def searched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(root))


def weights(network: Any) -> dict[str, torch.Tensor]:
    return {n.removeprefix("text_model."): w for n, w in network.state_dict().items()}


def same(got: Any, expected: dict[str, torch.Tensor]) -> None:
    found = weights(got)
    assert len(found) == len(expected)
    for name, weight in expected.items():
        assert torch.equal(found[name.removeprefix("text_model.")], weight), name


def test_unet(root: Path, ctx: RunContext) -> None:
    expected = load_file(root / "diffusion_models" / "denoiser.safetensors")
    model = load_parts.unet("denoiser", ctx=ctx)
    assert (model.family, model.prediction) == ("sd1", "epsilon")
    same(model.network, expected)
    same(load_parts.unet("whole", ctx=ctx).network, expected)  # out of a checkpoint
    half = load_parts.unet("denoiser", "bfloat16", ctx=ctx)
    assert half.network.dtype == torch.bfloat16


def test_unet_from_a_folder_alone(
    checkpoint_folder: Path, loaded: tuple[Any, Any, Any], ctx: RunContext
) -> None:
    for path in (checkpoint_folder / "unet", checkpoint_folder):
        model = load_parts.unet(str(path), ctx=ctx)
        same(model.network, loaded[0].network.state_dict())
        assert model.betas == loaded[0].betas


def test_vae(root: Path, ctx: RunContext) -> None:
    expected = load_file(root / "vae" / "colours.safetensors")
    vae = load_parts.vae("colours", ctx=ctx)
    assert (vae.scaling, vae.factor) == (0.18215, 2)
    same(vae.autoencoder, expected)
    same(load_parts.vae("whole", ctx=ctx).autoencoder, expected)
    assert load_parts.vae("colours.safetensors", "sdxl", ctx=ctx).scaling == 0.13025


def test_clip(root: Path, ctx: RunContext) -> None:
    expected = load_file(root / "clip" / "words.safetensors")
    clip = load_parts.clip("words", ctx=ctx)
    assert (clip.kind, clip.family) == ("clip_l", "sd1")
    same(clip.encoder, expected)
    same(load_parts.clip("whole", ctx=ctx).encoder, expected)


def test_clip_wants_the_second_name_before_the_third(ctx: RunContext) -> None:
    with pytest.raises(InputError, match="second: got no name"):
        load_parts.clip("words", third="words", ctx=ctx)


def test_a_checkpoint_in_one_file_has_all_parts(root: Path, ctx: RunContext) -> None:
    model, clip, vae = load.checkpoint("whole", ctx=ctx)
    same(model.network, load_file(root / "diffusion_models" / "denoiser.safetensors"))
    same(clip.encoder, load_file(root / "clip" / "words.safetensors"))
    same(vae.autoencoder, load_file(root / "vae" / "colours.safetensors"))


@pytest.mark.parametrize(
    ("function", "port"), [(load_parts.unet, "model"), (load_parts.clip, "clip")]
)
def test_estimates_are_what_the_weights_take(
    function: Callable[..., Any], port: str, ctx: RunContext
) -> None:
    definition = definition_of(function)
    assert definition.estimate is not None
    for dtype, width in (("auto", 4), ("float16", 2)):
        value = function("whole", dtype=dtype, ctx=ctx)
        network = value.network if port == "model" else value.encoder
        size = sum(p.numel() * width for p in network.parameters())
        assert definition.estimate({"name": "whole", "dtype": dtype}, {}) == {port: size}
    assert definition.estimate({}, {"name": 9}) == {}  # the name by wire


def test_the_estimate_of_a_whole_file_counts_each_part(root: Path) -> None:
    definition = definition_of(load.checkpoint)
    assert definition.estimate is not None
    got = definition.estimate({"name": "whole", "dtype": "float16"}, {})
    vae = definition_of(load_parts.vae).estimate
    assert vae is not None
    assert got["vae"] == vae({"name": "colours"}, {})["vae"]  # float32 in any case
    counts = {
        name: sum(w.numel() for w in load_file(root / file).values())
        for name, file in (
            ("model", "diffusion_models/denoiser.safetensors"),
            ("clip", "clip/words.safetensors"),
        )
    }
    assert (got["model"], got["clip"]) == (2 * counts["model"], 2 * counts["clip"])


def test_files_count_by_content(root: Path) -> None:
    for function, name, file in (
        (load.checkpoint, "whole", CHECKPOINT),
        (load_parts.unet, "denoiser", "diffusion_models/denoiser.safetensors"),
        (load_parts.vae, "colours", "vae/colours.safetensors"),
    ):
        reads = definition_of(function).reads
        assert reads is not None
        assert list(reads({"name": name})) == [root / file]
    reads = definition_of(load_parts.clip).reads
    assert reads is not None
    found = list(reads({"name": "words", "second": "whole", "third": ""}))
    assert found == [root / "clip" / "words.safetensors", root / CHECKPOINT]


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("checkpoints", "denoiser", "found its denoiser without clip_l and autoencoder"),
        ("checkpoints", "words", r"expected a denoiser of .*, found a text encoder \(clip_l\)"),
        ("diffusion_models", "colours", "expected a denoiser, found an autoencoder"),
        ("vae", "denoiser", "expected an autoencoder, found the denoiser of Stable Diffusion 1"),
        ("text_encoders", "colours", "expected a text encoder, found an autoencoder"),
    ],
)
def test_a_file_of_another_part_is_refused_before_the_run(
    root: Path, kind: str, name: str, message: str
) -> None:
    path = next(root.rglob(f"{name}.safetensors"))
    fault = ModelName(kind).check(str(path))
    assert fault is not None
    assert str(path) in fault
    with pytest.raises(CheckpointError, match=message):
        raise CheckpointError(fault)


@pytest.mark.parametrize("kind", ["checkpoints", "diffusion_models", "vae", "text_encoders"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.safetensors", b"", "is empty (0 bytes)"),
        ("a.safetensors", b"<!DOCTYPE html><html></html>", "it is a web page"),
        ("a.ckpt", b"PK\x03\x04", "`nodeflow models convert a.ckpt`"),
        ("a.gguf", b"GGUF\x03\0\0\0", "damaged GGUF header"),
    ],
)
def test_a_damaged_file_is_refused_before_the_run(
    tmp_path: Path, kind: str, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    fault = ModelName(kind).check(str(tmp_path / name))
    assert fault is not None
    assert message in fault
    assert str(tmp_path / name) in fault


def test_a_file_cut_short_is_refused_before_the_run(root: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(root / CHECKPOINT, tmp_path / "a.safetensors"))
    path.write_bytes(path.read_bytes()[:-1000])
    fault = model_files.CheckpointName().check(str(path))
    assert fault is not None
    assert "cut short" in fault
    assert model_files.CheckpointName().check("whole") is None


def test_all_damaged_parts_of_a_folder_are_told_at_once(
    checkpoint_folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))
    for part in ("unet", "vae"):
        (copy / part / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    fault = model_files.CheckpointName().check(str(copy))
    assert fault is not None
    for part in ("unet", "vae"):
        assert f"{copy / part / 'diffusion_pytorch_model.safetensors'} is empty" in fault


def test_no_file_is_opened_by_torch_for_that(root: Path) -> None:
    import subprocess
    import sys

    code = f"""
import sys
from nodes import load, load_parts
from nodes.model_files import CheckpointName, ModelName
assert CheckpointName().check({str(root / CHECKPOINT)!r}) is None
assert ModelName("vae").check({str(root / CHECKPOINT)!r}) is None
assert load_parts.unet.__node__.estimate({{"name": {str(root / CHECKPOINT)!r}}}, {{}})
heavy = {{"torch", "diffusers", "transformers", "numpy", "PIL", "tokenizers", "gguf"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
