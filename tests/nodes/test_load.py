"""Loading by name and path, against the libraries' own loading; pictures against NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodes import load
from nodes.types import Clip, Model, Vae


def write_picture(path: Path, channels: int) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    Pillow.fromarray(values).save(path)
    return values.astype(np.float32) / 255


def test_checkpoint_is_frozen_float32_and_evaluating(loaded: tuple[Model, Clip, Vae]) -> None:
    model, clip, vae = loaded
    for network in (model.network, clip.encoder, vae.autoencoder):
        assert not network.training
        assert all(p.dtype == torch.float32 for p in network.parameters())
        assert not any(p.requires_grad for p in network.parameters())
    assert (vae.scaling, vae.shift, vae.factor) == (0.18215, 0.0, 8)
    assert (model.prediction, clip.skip) == ("epsilon", 0)


def test_checkpoint_by_name(
    checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch, ctx: RunContext
) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(checkpoint_folder.parents[1]))
    assert load.checkpoint("few-channels", ctx=ctx).vae.factor == 8


def test_checkpoint_that_is_missing_says_which_is_near(
    checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch, ctx: RunContext
) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(checkpoint_folder.parents[1]))
    with pytest.raises(FileNotFoundError, match="Did you mean 'few-channels'"):
        load.checkpoint("few-chanels", ctx=ctx)


def test_checkpoint_says_nothing_and_draws_no_random_number(
    checkpoint_folder: Path, ctx: RunContext, capfd: pytest.CaptureFixture[str]
) -> None:
    before = torch.get_rng_state()
    load.checkpoint(str(checkpoint_folder), ctx=ctx)
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_checkpoint_estimate_is_what_the_weights_take(
    checkpoint_folder: Path, loaded: tuple[Model, Clip, Vae]
) -> None:
    estimate = definition_of(load.checkpoint).estimate
    assert estimate is not None
    networks = (loaded[0].network, loaded[1].encoder, loaded[2].autoencoder)
    sizes = [sum(4 * p.numel() for p in network.parameters()) for network in networks]
    assert list(estimate({"name": str(checkpoint_folder)}, {}).values()) == sizes
    assert estimate({}, {"name": 64}) == {}  # the name by wire


def test_image(tmp_path: Path, ctx: RunContext) -> None:
    values = write_picture(tmp_path / "a.png", 3)
    image, mask = load.image(str(tmp_path / "a.png"), ctx=ctx)
    torch.testing.assert_close(image.pixels, torch.from_numpy(values)[None])
    assert torch.equal(mask.values, torch.zeros(1, 5, 7))


def test_image_mask_is_one_where_the_picture_is_see_through(
    tmp_path: Path, ctx: RunContext
) -> None:
    values = write_picture(tmp_path / "a.png", 4)
    image, mask = load.image(str(tmp_path / "a.png"), ctx=ctx)
    assert image.pixels.shape == (1, 5, 7, 3)
    torch.testing.assert_close(mask.values, torch.from_numpy(1 - values[..., 3])[None])


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2)])
def test_mask(tmp_path: Path, ctx: RunContext, channel: str, index: int) -> None:
    values = write_picture(tmp_path / "a.png", 4)
    mask = load.mask(str(tmp_path / "a.png"), channel, ctx=ctx)
    torch.testing.assert_close(mask.values, torch.from_numpy(values[..., index])[None])


def test_mask_refuses_an_unknown_channel(tmp_path: Path, ctx: RunContext) -> None:
    with pytest.raises(InputError, match="channel: got 'hue', expected one of red"):
        load.mask(str(tmp_path / "a.png"), "hue", ctx=ctx)


@pytest.mark.parametrize("channels", [3, 4])
def test_mask_of_alpha_is_that_of_load_image(
    tmp_path: Path, ctx: RunContext, channels: int
) -> None:
    path = tmp_path / "a.png"
    write_picture(path, channels)
    alone = load.mask(str(path), "alpha", ctx=ctx).values
    assert torch.equal(alone, load.image(str(path), ctx=ctx).mask.values)


@pytest.mark.parametrize("function", [load.image, load.mask])
def test_image_and_mask_are_keyed_by_their_file(
    function: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    reads = definition_of(function).reads  # type: ignore[arg-type]
    assert reads is not None
    assert list(reads({"path": "~/a.png"})) == [Path("/home/somebody/a.png")]


def test_checkpoint_is_keyed_by_weights_configs_and_tokenizer(checkpoint_folder: Path) -> None:
    reads = definition_of(load.checkpoint).reads
    assert reads is not None
    found = {
        path.relative_to(checkpoint_folder).as_posix()
        for path in reads({"name": str(checkpoint_folder)})
    }
    assert found >= {
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    }
