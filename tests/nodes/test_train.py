"""Train nodes: the three networks, all very small."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, InputError
from nodes import train, train_data
from nodes.types import EncodedScenes, SceneSet

SMALL = [16, 16, 16, 16]


@pytest.fixture(scope="module")
def scenes() -> SceneSet:
    return train_data.scenes(centered=12, positioned=6, pairs=6, seed=3)


@pytest.fixture(scope="module")
def trained_vae(scenes: SceneSet) -> train.TrainedVae:
    return train.autoencoder(scenes, steps=3, widths=SMALL, ctx=RunContext())


@pytest.fixture(scope="module")
def encoded(scenes: SceneSet, trained_vae: train.TrainedVae) -> EncodedScenes:
    return train_data.encode(scenes, trained_vae.vae, ctx=RunContext())


@pytest.fixture(scope="module")
def trained_clip(scenes: SceneSet) -> train.TrainedClip:
    return train.text_encoder(scenes, steps=2, batch=8, layers=1, hidden=32, ctx=RunContext())


class Watch:
    """Notes progress; asks to stop at a step."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.steps: list[tuple[int, int, dict[str, Any]]] = []
        self.event = threading.Event()
        self.stop_at = stop_at

    def context(self, folder: Path) -> RunContext:
        return RunContext(output_dir=folder, on_progress=self.note, cancel_event=self.event)

    def note(self, value: int, total: int, info: Any) -> None:
        self.steps.append((value, total, dict(info)))
        if value == self.stop_at:
            self.event.set()


def test_autoencoder(trained_vae: train.TrainedVae, encoded: EncodedScenes) -> None:
    vae, losses = trained_vae
    assert len(losses.values) == 3
    assert (vae.scaling, vae.factor) == (0.18215, 8)
    latents = torch.cat([part[1] for part in encoded.by_kind.values()])
    # bf16 convolutions, and the same pictures as those it was normalised on
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(4), atol=0.05, rtol=0)
    with pytest.raises(InputError, match="multiples of 8"):
        train.autoencoder(train_data.scenes(1, 0, 0), widths=[9, 16], ctx=RunContext())


def test_a_cancelled_autoencoder_goes_on_where_it_was(scenes: SceneSet, tmp_path: Path) -> None:
    watch = Watch(stop_at=2)
    with pytest.raises(Cancelled):
        _train_small(scenes, watch.context(tmp_path))
    assert (tmp_path / "state" / "state.pt").is_file()
    then = Watch()
    resumed = _train_small(scenes, then.context(tmp_path))
    assert then.steps[0][:2] == (4, 5)  # step 3 was under way when it was noticed
    assert "psnr" in then.steps[0][2]
    whole = _train_small(scenes, RunContext(output_dir=tmp_path / "other"))
    assert whole.losses == resumed.losses


def _train_small(scenes: SceneSet, ctx: RunContext) -> train.TrainedVae:
    return train.autoencoder(scenes, steps=5, widths=SMALL, folder="state", ctx=ctx)


def test_text_encoder(trained_clip: train.TrainedClip) -> None:
    clip, losses = trained_clip
    assert len(losses.values) == 2
    assert clip.encoder.config.hidden_size == 32
    assert clip.tokenizer.size == 49408


def test_denoiser(encoded: EncodedScenes, trained_clip: train.TrainedClip) -> None:
    model, losses = train.denoiser(
        encoded, trained_clip.clip, steps=3, batch=4, widths=[16, 16, 16], ctx=RunContext()
    )
    assert len(losses.values) == 3
    assert len(model.betas.alphas_cumprod) == 1000
    with pytest.raises(InputError, match="multiples of 16"):
        train.denoiser(encoded, trained_clip.clip, widths=[16, 16], ctx=RunContext())


def test_decoder_leaves_the_encoder_and_what_it_was_given(
    scenes: SceneSet, trained_vae: train.TrainedVae
) -> None:
    before = {k: v.clone() for k, v in trained_vae.vae.autoencoder.state_dict().items()}
    vae, losses = train.decoder(trained_vae.vae, scenes, steps=2, ctx=RunContext())
    assert len(losses.values) == 2
    assert (vae.scaling, vae.factor) == (trained_vae.vae.scaling, trained_vae.vae.factor)
    given = trained_vae.vae.autoencoder.state_dict()
    assert all(torch.equal(given[name], value) for name, value in before.items())
    changed = {k for k, v in vae.autoencoder.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(name.startswith(("decoder.", "post_quant_conv.")) for name in changed)
