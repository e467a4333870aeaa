"""Train nodes: a LoRA, an embedding and a ControlNet of very small networks, in a few steps."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionPipeline
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, InputError
from nodes import train_adapter, train_data, train_examples
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.diffusion.training.autoencoder import new_autoencoder
from nodes.diffusion.training.denoiser import beta_schedule, new_unet
from nodes.diffusion.training.text_image import new_text_encoder
from nodes.model_files import shipped_models
from nodes.types import BetaSchedule, Clip, Examples, Model, Vae

TOKENIZER = shipped_models() / "tiny" / "tokenizer"


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(new_unet((16, 16, 32), cross=16).requires_grad_(False).eval(), beta_schedule())


@pytest.fixture(scope="module")
def clip() -> Clip:
    encoder = new_text_encoder(16, 1).requires_grad_(False).eval()
    return Clip(encoder, ClipTokenizer.from_folder(TOKENIZER))


@pytest.fixture(scope="module")
def vae() -> Vae:
    return Vae(new_autoencoder((8, 8, 8, 16)).requires_grad_(False).eval(), 0.18215)


@pytest.fixture(scope="module")
def outlined(vae: Vae) -> Examples:
    return train_examples.outlined(train_data.scenes(4, 0, 0), vae, ctx=RunContext())


@pytest.fixture(scope="module")
def named(vae: Vae) -> Examples:
    return train_examples.named(vae, "<house>", count=4, ctx=RunContext())


@pytest.fixture(scope="module")
def edged(vae: Vae) -> Examples:
    return train_examples.edges(train_data.scenes(4, 0, 0), vae, ctx=RunContext())


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def unchanged(network: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    after = network.state_dict()
    return list(after) == list(before) and all(torch.equal(after[k], before[k]) for k in before)


def finite(losses: tuple[float, ...]) -> bool:
    return bool(torch.tensor(losses).isfinite().all())


def pipeline(model: Model, clip: Clip) -> StableDiffusionPipeline:
    """Diffusers' own, of copies of the networks: what loads here loads there."""
    from transformers import CLIPTokenizer

    from nodes.diffusion.training.export import new_pipeline

    return new_pipeline(
        new_autoencoder((8, 8, 8, 16)),
        copy.deepcopy(clip.encoder),
        CLIPTokenizer.from_pretrained(TOKENIZER),
        copy.deepcopy(model.network),
    )


def stopping_at(step: int, folder: Path) -> RunContext:
    event = threading.Event()

    def watch(value: int, total: int, info: Any) -> None:
        if value == step:
            event.set()

    return RunContext(output_dir=folder, on_progress=watch, cancel_event=event)


def test_lora(model: Model, clip: Clip, outlined: Examples, tmp_path: Path) -> None:
    before, words = weights(model.network), weights(clip.encoder)
    trained = train_adapter.lora(
        model,
        clip,
        outlined,
        "loras/mine",
        steps=3,
        rank=2,
        batch=2,
        ctx=RunContext(output_dir=tmp_path),
    )
    assert len(trained.losses.values) == 3
    assert finite(trained.losses.values)
    assert unchanged(model.network, before)
    assert unchanged(clip.encoder, words)
    file = tmp_path / "loras" / "mine.safetensors"
    assert trained.path == str(file)
    with safe_open(file, "pt") as opened:
        assert opened.metadata()["ss_network_dim"] == "2"
        names = set(opened.keys())
    layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    assert {f"{layer}.lora_down.weight", f"{layer}.lora_up.weight", f"{layer}.alpha"} <= names
    assert all("_attentions_" in name for name in names)


def test_lora_loads_in_diffusers_as_it_was_trained(
    model: Model, clip: Clip, outlined: Examples, tmp_path: Path
) -> None:
    ctx = RunContext(output_dir=tmp_path)
    trained = train_adapter.lora(
        model, clip, outlined, "mine", steps=3, rank=2, batch=2, learning_rate=0.5, ctx=ctx
    )
    theirs = pipeline(model, clip)
    theirs.load_lora_weights(str(tmp_path), weight_name="mine.safetensors")
    x = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    states = torch.randn(2, 7, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = trained.model.network(x, 500, encoder_hidden_states=states).sample
        loaded = theirs.unet(x, 500, encoder_hidden_states=states).sample
        base = model.network(x, 500, encoder_hidden_states=states).sample
    learnt = (ours - base).abs().max()
    assert learnt > 0.002
    assert (ours - loaded).abs().max() < 0.02 * learnt  # the file is in half precision


def test_a_cancelled_lora_goes_on_where_it_was(
    model: Model, clip: Clip, outlined: Examples, tmp_path: Path
) -> None:
    def run(ctx: RunContext) -> train_adapter.TrainedLora:
        return train_adapter.lora(
            model, clip, outlined, "mine", steps=5, rank=2, batch=2, folder="state", ctx=ctx
        )

    for step in (1, 3):
        with pytest.raises(Cancelled):
            run(stopping_at(step, tmp_path))
    resumed = run(RunContext(output_dir=tmp_path))
    whole = run(RunContext(output_dir=tmp_path / "other"))
    assert resumed.losses == whole.losses
    one, other = load_file(resumed.path), load_file(whole.path)
    assert all(torch.equal(one[name], other[name]) for name in other)
    assert state(tmp_path) == state(tmp_path / "other")


def test_a_cancelled_embedding_goes_on_where_it_was(
    model: Model, clip: Clip, named: Examples, tmp_path: Path
) -> None:
    def run(ctx: RunContext) -> train_adapter.TrainedEmbedding:
        return train_adapter.embedding(
            model, clip, named, name="mine", vectors=2, steps=5, batch=2, folder="state", ctx=ctx
        )

    for step in (1, 3):
        with pytest.raises(Cancelled):
            run(stopping_at(step, tmp_path))
    resumed = run(RunContext(output_dir=tmp_path))
    whole = run(RunContext(output_dir=tmp_path / "other"))
    assert torch.equal(load_file(resumed.path)["emb_params"], load_file(whole.path)["emb_params"])
    assert state(tmp_path) == state(tmp_path / "other")


def test_a_cancelled_controlnet_goes_on_where_it_was(
    model: Model, clip: Clip, edged: Examples, tmp_path: Path
) -> None:
    def run(ctx: RunContext) -> train_adapter.TrainedControlNet:
        return train_adapter.controlnet(
            model, clip, edged, "mine", steps=4, batch=2, folder="state", ctx=ctx
        )

    with pytest.raises(Cancelled):
        run(stopping_at(2, tmp_path))
    resumed = run(RunContext(output_dir=tmp_path))
    whole = run(RunContext(output_dir=tmp_path / "other"))
    assert unchanged(resumed.controlnet.network, weights(whole.controlnet.network))
    assert state(tmp_path) == state(tmp_path / "other")


def state(folder: Path) -> dict[str, Any]:
    """All that is kept, its tensors by their digest."""
    content: dict[str, Any] = json.loads((folder / "state" / "state.json").read_text("utf-8"))
    return content


def test_a_state_goes_on_beside_the_same_model_and_examples_alone(
    model: Model, clip: Clip, outlined: Examples, tmp_path: Path
) -> None:
    ctx = RunContext(output_dir=tmp_path)

    def run(model: Model, examples: Examples, rank: int = 2) -> None:
        train_adapter.lora(
            model, clip, examples, "m", steps=1, rank=rank, batch=2, folder="state", ctx=ctx
        )

    run(model, outlined)
    other = new_unet((16, 16, 32), cross=16, seed=5).requires_grad_(False).eval()
    with pytest.raises(InputError, match=r"folder: got .* denoiser"):
        run(replace(model, network=other), outlined)
    with pytest.raises(InputError, match=r"latents \["):
        run(model, replace(outlined, latents=outlined.latents * 1.1))
    with pytest.raises(InputError, match="captions 4 of"):
        run(model, replace(outlined, captions=outlined.captions[::-1]))
    with pytest.raises(InputError, match="rank 2, expected rank 4"):
        run(model, outlined, rank=4)
    run(model, outlined)


def test_embedding(model: Model, clip: Clip, named: Examples, tmp_path: Path) -> None:
    before, words = weights(model.network), weights(clip.encoder)
    trained = train_adapter.embedding(
        model,
        clip,
        named,
        name="mine",
        vectors=2,
        steps=3,
        batch=2,
        ctx=RunContext(output_dir=tmp_path),
    )
    assert finite(trained.losses.values)
    assert unchanged(model.network, before)
    assert unchanged(clip.encoder, words)
    saved = load_file(trained.path)
    assert list(saved) == ["emb_params"]
    assert saved["emb_params"].shape == (2, 16)
    assert not torch.equal(saved["emb_params"][0], saved["emb_params"][1])  # each learns its own
    with pytest.raises(InputError, match="every caption contains"):
        train_adapter.embedding(model, clip, named, "<hut>", ctx=RunContext())
    with pytest.raises(InputError, match="begin_with"):
        train_adapter.embedding(model, clip, named, begin_with=" ", ctx=RunContext())


def test_embedding_loads_in_diffusers(
    model: Model, clip: Clip, named: Examples, tmp_path: Path
) -> None:
    ctx = RunContext(output_dir=tmp_path)
    trained = train_adapter.embedding(
        model, clip, named, name="mine", vectors=2, steps=2, batch=2, ctx=ctx
    )
    theirs = pipeline(model, clip)
    theirs.load_textual_inversion(trained.path, token="<house>")
    table = theirs.text_encoder.get_input_embeddings().weight
    torch.testing.assert_close(table[-2:], load_file(trained.path)["emb_params"], atol=0, rtol=0)


def test_controlnet(model: Model, clip: Clip, edged: Examples, tmp_path: Path) -> None:
    before, words = weights(model.network), weights(clip.encoder)
    trained = train_adapter.controlnet(
        model, clip, edged, "nets/mine", steps=3, batch=2, ctx=RunContext(output_dir=tmp_path)
    )
    assert finite(trained.losses.values)
    assert unchanged(model.network, before)
    assert unchanged(clip.encoder, words)
    assert trained.path == str(tmp_path / "nets" / "mine")
    loaded = ControlNetModel.from_pretrained(trained.path, variant="fp16")
    ours = weights(trained.controlnet.network)
    for name, value in weights(loaded).items():
        torch.testing.assert_close(value, ours[name], atol=1e-3, rtol=1e-3)  # half precision
    assert trained.controlnet.family == "sd1"
    plain = replace(edged, hints=None)
    with pytest.raises(InputError, match="no hints"):
        train_adapter.controlnet(model, clip, plain, ctx=RunContext())


def test_a_controlnet_begins_as_nothing(model: Model, clip: Clip) -> None:
    from nodes.diffusion.training.controlnet import new_controlnet

    x = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    states = torch.zeros(2, 7, 16)
    with torch.no_grad():
        down, mid = new_controlnet(model.network)(
            x, 500, states, torch.ones(2, 3, 128, 128), return_dict=False
        )
    assert not any(bool(part.any()) for part in (*down, mid))


def test_what_does_not_fit_is_refused(model: Model, clip: Clip, outlined: Examples) -> None:
    ctx = RunContext()
    with pytest.raises(InputError, match="epsilon"):
        train_adapter.lora(replace(model, prediction="v_prediction"), clip, outlined, ctx=ctx)
    short = BetaSchedule(beta_schedule().alphas_cumprod[:10])
    with pytest.raises(InputError, match="noise schedule"):
        train_adapter.lora(replace(model, betas=short), clip, outlined, ctx=ctx)
    with pytest.raises(InputError, match="layers skipped"):
        train_adapter.lora(model, replace(clip, skip=1), outlined, ctx=ctx)
    wide = replace(outlined, latents=outlined.latents.repeat(1, 2, 1, 1))
    with pytest.raises(InputError, match="channels"):
        train_adapter.lora(model, clip, wide, ctx=ctx)
    with pytest.raises(InputError, match="no name"):
        train_adapter.lora(model, clip, outlined, "", ctx=ctx)
    with pytest.raises(InputError, match="learning_rate"):
        train_adapter.lora(model, clip, outlined, learning_rate=0.0, ctx=ctx)
