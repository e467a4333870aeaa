"""Train nodes: from drawn scenes to a checkpoint that loads, all very small."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, InputError
from nodes import load, train, train_data, train_output
from nodes.types import Clip, EncodedScenes, Image, Losses, Model, SceneSet, Vae

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


def test_scenes(scenes: SceneSet) -> None:
    assert {kind: len(part) for kind, part in scenes.by_kind.items()} == {
        "centered": 12,
        "positioned": 6,
        "pair": 6,
    }
    again = train_data.scenes(centered=12, positioned=6, pairs=6, seed=3)
    assert again.scenes == scenes.scenes
    with pytest.raises(InputError, match="at least one"):
        train_data.scenes(0, 0, 0)


def test_draw(scenes: SceneSet) -> None:
    image = train_data.draw(scenes, 5)
    assert image.pixels.shape == (5, 128, 128, 3)
    assert image.pixels.max() <= 1
    assert len(train_data.draw(scenes, 100).pixels) == 24


def test_autoencoder(trained_vae: train.TrainedVae) -> None:
    vae, losses = trained_vae
    assert len(losses.values) == 3
    assert (vae.scaling, vae.factor) == (0.18215, 8)
    with pytest.raises(InputError, match="multiples of 8"):
        train.autoencoder(train_data.scenes(1, 0, 0), widths=[9, 16], ctx=RunContext())


def test_encode(encoded: EncodedScenes) -> None:
    latents = torch.cat([part[1] for part in encoded.by_kind.values()])
    assert latents.shape == (24, 4, 16, 16)
    # bf16 convolutions, and the same pictures as those it was normalised on
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(4), atol=0.05, rtol=0)


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


def test_denoiser_and_save_checkpoint(
    encoded: EncodedScenes,
    trained_clip: train.TrainedClip,
    trained_vae: train.TrainedVae,
    tmp_path: Path,
) -> None:
    ctx = RunContext(output_dir=tmp_path)
    model, losses = train.denoiser(
        encoded, trained_clip.clip, steps=3, batch=4, widths=[16, 16, 16], ctx=ctx
    )
    assert len(losses.values) == 3
    assert len(model.betas.alphas_cumprod) == 1000
    path = train_output.save_checkpoint(model, trained_clip.clip, trained_vae.vae, "mine", ctx=ctx)
    assert Path(path) == tmp_path / "mine"
    configs = "".join(file.read_text() for file in Path(path).glob("*/config.json"))
    assert "_name_or_path" not in configs
    loaded = load.checkpoint(path, ctx=ctx)
    _same_weights(loaded.model, model)
    _same_weights(loaded.clip, trained_clip.clip)
    _same_weights(loaded.vae, trained_vae.vae)
    with pytest.raises(InputError, match="a name"):
        train_output.save_checkpoint(model, trained_clip.clip, trained_vae.vae, "", ctx=ctx)
    with pytest.raises(InputError, match="multiples of 16"):
        train.denoiser(encoded, trained_clip.clip, widths=[16, 16], ctx=ctx)


def _same_weights(loaded: Model | Clip | Vae, trained: Model | Clip | Vae) -> None:
    """Equal but for rounding to half precision."""
    ours, theirs = (_network(part).state_dict() for part in (trained, loaded))
    for name, weight in ours.items():
        torch.testing.assert_close(theirs[name], weight.half().to(theirs[name]))


def _network(part: Model | Clip | Vae) -> Any:
    if isinstance(part, Model):
        return part.network
    return part.encoder if isinstance(part, Clip) else part.autoencoder


def test_loss_plot() -> None:
    image = train_output.loss_plot(Losses((3.0, 2.0, 1.5)), "mine")
    assert image.pixels.shape == (1, 360, 640, 3)
    assert image.pixels.min() < 0.3


def test_judge_pictures(scenes: SceneSet) -> None:
    drawn = train_data.draw(scenes, 24)
    assert train_output.judge_pictures(drawn, scenes) == 1.0
    wrong = Image(drawn.pixels.roll(1, 0))
    assert train_output.judge_pictures(wrong, scenes) < 0.2
    with pytest.raises(InputError, match="24 of the pictures"):
        train_output.judge_pictures(drawn, train_data.scenes(2, 0, 0))
