"""Train nodes: the three networks, all very small."""

import json
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
    assert (tmp_path / "state" / "state.json").is_file()
    then = Watch()
    resumed = _train_small(scenes, then.context(tmp_path))
    assert then.steps[0][:2] == (4, 5)  # step 3 was under way when it was noticed
    assert "psnr" in then.steps[0][2]
    whole = _train_small(scenes, RunContext(output_dir=tmp_path / "other"))
    assert whole.losses == resumed.losses
    one, other = (made.vae.autoencoder.state_dict() for made in (whole, resumed))
    assert all(torch.equal(one[name], value) for name, value in other.items())


def _train_small(scenes: SceneSet, ctx: RunContext) -> train.TrainedVae:
    return train.autoencoder(scenes, steps=5, widths=SMALL, folder="state", ctx=ctx)


@pytest.mark.parametrize("name", ["decoder", "text_encoder", "denoiser"])
def test_cancelled_again_and_again_it_goes_on_bit_for_bit(
    name: str,
    scenes: SceneSet,
    trained_vae: train.TrainedVae,
    trained_clip: train.TrainedClip,
    encoded: EncodedScenes,
    tmp_path: Path,
) -> None:
    """The state's digest is one: weights, averages, and what the optimizer remembers."""

    def run(watch: Watch, folder: str) -> Any:
        given: dict[str, Any] = {
            "steps": 5,
            "folder": folder,
            "seed": 3,
            "ctx": watch.context(tmp_path),
        }
        if name == "decoder":
            return train.decoder(trained_vae.vae, scenes, **given)
        if name == "text_encoder":
            return train.text_encoder(scenes, batch=8, layers=1, hidden=32, **given)
        widths = [16, 16, 16]
        return train.denoiser(encoded, trained_clip.clip, batch=4, widths=widths, **given)

    whole = run(Watch(), "whole")
    for step in (1, 3):
        with pytest.raises(Cancelled):
            run(Watch(stop_at=step), "cut")
    assert run(Watch(), "cut").losses == whole.losses
    one, other = (
        json.loads((tmp_path / folder / "state.json").read_text("utf-8"))
        for folder in ("whole", "cut")
    )
    assert one["step"] == 5
    assert one == other


def test_a_folder_of_another_training_is_refused(scenes: SceneSet, tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    given: dict[str, Any] = {"steps": 1, "folder": "state", "ctx": ctx}
    train.text_encoder(scenes, batch=8, layers=1, hidden=32, **given)
    with pytest.raises(InputError, match=r"folder: got .*batch 8.*expected batch 4") as caught:
        train.text_encoder(scenes, batch=4, layers=1, hidden=32, **given)
    assert caught.value.port == "folder"
    with pytest.raises(InputError, match=r"scenes 24 of .* expected scenes 3 of"):
        train.text_encoder(train_data.scenes(3, 0, 0), batch=8, layers=1, hidden=32, **given)
    with pytest.raises(InputError, match="training text encoder, expected training autoencoder"):
        train.autoencoder(scenes, widths=SMALL, **given)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "state.pt").write_bytes(b"")
    with pytest.raises(InputError, match=r"a pickle .* Begin anew"):
        train.text_encoder(scenes, batch=8, layers=1, hidden=32, **{**given, "folder": "old"})


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
