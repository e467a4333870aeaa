"""Train nodes: a plot, a checkpoint that loads, and what a judge says of pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import load, schedule, train_data, train_output
from nodes.types import Clip, Image, Losses, Model, Vae

Loaded = tuple[Model, Clip, Vae]


def test_save_checkpoint_is_what_loads(loaded: Loaded, tmp_path: Path) -> None:
    ctx = RunContext(output_dir=tmp_path)
    path = train_output.save_checkpoint(*loaded, "mine", ctx=ctx)
    assert Path(path) == tmp_path / "mine"
    configs = "".join(file.read_text() for file in Path(path).glob("*/config.json"))
    assert "_name_or_path" not in configs
    again = load.checkpoint(path, ctx=ctx)
    for ours, theirs in zip(map(_network, loaded), map(_network, again), strict=True):
        for name, weight in ours.state_dict().items():  # equal but for rounding to half precision
            stored = theirs.state_dict()[name]
            torch.testing.assert_close(stored, weight.half().to(stored))
    assert (again.model.prediction, again.vae.scaling) == ("epsilon", 0.18215)


def _network(part: Model | Clip | Vae) -> Any:
    if isinstance(part, Model):
        return part.network
    return part.encoder if isinstance(part, Clip) else part.autoencoder


def test_save_checkpoint_wants_a_name(loaded: Loaded, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a name"):
        train_output.save_checkpoint(*loaded, "", ctx=RunContext(output_dir=tmp_path))


def test_save_checkpoint_refuses_what_its_files_would_not_say(
    loaded: Loaded, tmp_path: Path
) -> None:
    model, clip, vae = loaded
    ctx = RunContext(output_dir=tmp_path)
    for other in (replace(model, prediction="sample"), replace(model, betas=schedule.linear())):
        with pytest.raises(InputError, match=r"model: got .* expected epsilon"):
            train_output.save_checkpoint(other, clip, vae, "mine", ctx=ctx)
    with pytest.raises(InputError, match=r"vae: got scaling 0\.5"):
        train_output.save_checkpoint(model, clip, replace(vae, scaling=0.5), "mine", ctx=ctx)
    assert list(tmp_path.iterdir()) == []


def test_loss_plot() -> None:
    image = train_output.loss_plot(Losses((3.0, 2.0, 1.5)), "mine")
    assert image.pixels.shape == (1, 360, 640, 3)
    assert image.pixels.min() < 0.3


def test_judge_pictures() -> None:
    scenes = train_data.scenes(centered=12, positioned=6, pairs=6, seed=3)
    drawn = train_data.draw(scenes, 24)
    assert train_output.judge_pictures(drawn, scenes) == 1.0
    wrong = Image(drawn.pixels.roll(1, 0))
    assert train_output.judge_pictures(wrong, scenes) < 0.2
    with pytest.raises(InputError, match="24 of the pictures"):
        train_output.judge_pictures(drawn, train_data.scenes(2, 0, 0))
