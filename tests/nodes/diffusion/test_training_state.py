"""A training's state: it repeats the run that never stopped, is whole whenever it is there, and is
taken for no other training."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nodes.diffusion.training import checkpointing, recipes
from nodes.diffusion.training.checkpointing import State, StateError, load_state, save_state
from nodes.diffusion.training.loop import History, Loop, Values, train

LOOP = Loop(60, learning_rate=0.05, warmup=5, save_every=7)
TRAINING = Path(checkpointing.__file__).parent


def line_fit(
    folder: Path | None,
    *,
    loop: Loop = LOOP,
    stop_at: int | None = None,
    inputs: int = 4,
    **given: Any,
) -> tuple[nn.Module, History]:
    """Learn a sum; the average of the weights is kept beside them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(inputs, 3), nn.Linear(3, 1))
    average = nn.Linear(inputs, 3).requires_grad_(False)
    average.load_state_dict(model[0].state_dict())

    def loss(step: int, done: float) -> tuple[Tensor, Values]:
        x = np.random.default_rng(step).standard_normal((16, inputs), np.float32)
        y = torch.from_numpy(x.sum(1, keepdims=True))
        return (model(torch.from_numpy(x)) - y).square().mean(), {"done": done}

    def average_now(step: int) -> None:
        with torch.no_grad():
            average.weight.lerp_(model[0].weight, 0.1)

    def stop(step: int, total: int, values: Values) -> None:
        if step == stop_at:
            raise KeyboardInterrupt

    kept = {"average": average}
    history = train(
        {"model": model},
        loss,
        loop,
        kept=kept,
        after_step=average_now,
        folder=folder,
        on_step=stop,
        **given,
    )
    return model, history


def state_of(folder: Path) -> State:
    state = load_state(folder)
    assert state is not None
    return state


def assert_same(one: State, other: State) -> None:
    """Every bit of them."""
    assert (one.step, one.recipe, one.history) == (other.step, other.recipe, other.history)
    assert list(one.tensors) == list(other.tensors)
    for name, value in one.tensors.items():
        assert value.dtype == other.tensors[name].dtype
        assert torch.equal(value, other.tensors[name]), name


# Going on


@pytest.mark.parametrize("steps", [(1,), (6,), (7,), (8,), (23,), (59,), (60,), (2, 3, 14, 40)])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, steps: tuple[int, ...]) -> None:
    whole, history = line_fit(tmp_path / "whole")
    for step in steps:
        with pytest.raises(KeyboardInterrupt):
            line_fit(tmp_path / "cut", stop_at=step)
        assert state_of(tmp_path / "cut").step == step  # also where save_every does not divide it
        torch.manual_seed(step)  # the world's random numbers are none of its
        torch.rand(step)
    resumed, again = line_fit(tmp_path / "cut")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    assert history == again
    assert_same(state_of(tmp_path / "whole"), state_of(tmp_path / "cut"))
    assert history[-1]["loss"] < 0.05 * history[0]["loss"]


def test_a_run_without_a_state_is_the_same(tmp_path: Path) -> None:
    assert line_fit(None)[1] == line_fit(tmp_path)[1]


def test_a_killed_run_goes_on_from_its_last_save(tmp_path: Path) -> None:
    """It ends between two saves, as by a power cut: steps 15 to 17 are made again."""

    class PowerCut(BaseException):
        pass

    def dies(folder: Path, state: State) -> Path:
        if state.step == 17:
            raise PowerCut
        return save_state(folder, state)

    whole, _ = line_fit(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nodes.diffusion.training.loop.save_state", dies)
        with pytest.raises(PowerCut):
            line_fit(tmp_path, stop_at=17)
    assert state_of(tmp_path).step == 14
    resumed, _ = line_fit(tmp_path)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_slow_steps_are_kept_more_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by 101 seconds whenever it is looked at."""
    clock = itertools.count(0.0, 101.0)
    monkeypatch.setattr("nodes.diffusion.training.loop.monotonic", lambda: next(clock))
    kept = []

    def note(folder: Path, state: State) -> Path:
        kept.append(state.step)
        return save_state(folder, state)

    monkeypatch.setattr("nodes.diffusion.training.loop.save_state", note)
    line_fit(tmp_path, loop=replace(LOOP, steps=10, save_every=100))
    assert kept == [3, 6, 9, 10]


def test_a_run_at_its_end_writes_nothing_and_may_be_made_longer(tmp_path: Path) -> None:
    line_fit(tmp_path)
    before = (tmp_path / "state.json").stat().st_mtime_ns
    _, history = line_fit(tmp_path)
    assert len(history) == 60
    assert (tmp_path / "state.json").stat().st_mtime_ns == before
    _, longer = line_fit(tmp_path, loop=replace(LOOP, steps=65))
    assert longer[:60] == history
    assert [row["step"] for row in longer[60:]] == [61, 62, 63, 64, 65]


def test_what_is_kept(tmp_path: Path) -> None:
    """Weights, averages and the optimizer's moments by name; all else can be read in the JSON."""
    line_fit(tmp_path, recipe={"training": "line"})
    content = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert content["nodeflow_training"] == 1
    assert content["step"] == 60
    assert content["recipe"]["learning_rate"] == 0.05
    assert content["recipe"]["training"] == "line"
    assert len(content["history"]) == 60
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == sorted([content["tensors"]["file"], "state.json"])
    tensors = load_file(tmp_path / content["tensors"]["file"])
    weights = [f"model.{layer}.{kind}" for layer in (0, 1) for kind in ("weight", "bias")]
    moments = ("exp_avg", "exp_avg_sq", "step")
    assert set(tensors) == {
        *weights,
        *(f"optimizer.{name}.{moment}" for name in weights for moment in moments),
        "average.weight",
        "average.bias",
    }
    assert tensors["optimizer.model.0.weight.step"] == 60


# On disk


def small(step: int, value: float = 0.0) -> State:
    return State(step, {"seed": 0}, [{"step": step, "loss": value}], {"w": torch.full((9,), value)})


def test_tensors_and_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    base = torch.arange(12.0)
    tensors = {
        "whole": base,
        "part": base[3:5],  # shares the memory of the whole
        "across": base.reshape(3, 4).T,
        "half": torch.tensor([1e-7, -2.5], dtype=torch.float16),
        "bf16": torch.tensor([1 / 3], dtype=torch.bfloat16),
        "state of a generator": torch.Generator().manual_seed(3).get_state(),
        "one": torch.tensor(7),
        "none": torch.zeros(0, 3),
    }
    history = [{"loss": 0.1 + 0.2, "psnr": math.inf}, {"loss": math.nan}]
    save_state(tmp_path, State(3, {"rate": 1 / 3, "lists": [0.5]}, history, tensors))
    state = state_of(tmp_path)
    assert set(state.tensors) == set(tensors)
    for name, value in tensors.items():
        assert state.tensors[name].dtype == value.dtype
        assert torch.equal(state.tensors[name], value)
    assert state.history[0] == history[0]
    assert math.isnan(state.history[1]["loss"])
    assert state.recipe == {"rate": 1 / 3, "lists": [0.5]}
    assert load_state(tmp_path / "nothing") is None


class Crash(BaseException):
    """The power is cut."""


class CrashingAt:
    """Everything that writes, which breaks off at its n-th call, half done."""

    def __init__(self, patch: pytest.MonkeyPatch, number: int) -> None:
        self.left = number
        for owner, name in (
            (checkpointing, "save_file"),
            (os, "replace"),
            (os, "fsync"),
            (Path, "write_text"),
            (Path, "write_bytes"),
            (Path, "chmod"),
            (Path, "unlink"),
        ):
            patch.setattr(owner, name, self.wrap(name, getattr(owner, name)))

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if name == "write_text":
                    function(given[0], given[1][: len(given[1]) // 2], *given[2:])
                if name == "save_file":
                    Path(given[1]).write_bytes(b"half a file")
                raise Crash
            return function(*given)

        return called


def test_wherever_a_save_breaks_off_there_is_a_whole_state(tmp_path: Path) -> None:
    seen = []
    for number in range(1, 100):
        folder = tmp_path / str(number)
        save_state(folder, small(1, 1.0))
        with pytest.MonkeyPatch.context() as patch:
            CrashingAt(patch, number)
            try:
                save_state(folder, small(2, 2.0))
                finished = True
            except Crash:
                finished = False
        state = state_of(folder)
        assert_same(state, small(state.step, float(state.step)))
        seen.append(state.step)
        save_state(folder, small(3, 3.0))  # and what was left behind is in nobody's way
        assert_same(state_of(folder), small(3, 3.0))
        assert len(list(folder.iterdir())) == 2
        if finished:
            break
    assert seen == sorted(seen)  # once the new one stands, it stays
    assert seen[0] == 1
    assert seen[-2:] == [2, 2]
    assert len(seen) > 8


def test_the_first_save_is_there_or_not(tmp_path: Path) -> None:
    for number in range(1, 9):
        folder = tmp_path / str(number)
        with pytest.MonkeyPatch.context() as patch:
            CrashingAt(patch, number)
            with pytest.raises(Crash):
                save_state(folder, small(2, 2.0))
        state = load_state(folder)
        assert state is None or state.step == 2


def test_a_process_killed_while_it_saves_leaves_a_whole_state(tmp_path: Path) -> None:
    code = """
        import sys, torch
        from pathlib import Path
        from nodes.diffusion.training.checkpointing import State, save_state
        for step in range(1, 10**6):
            tensors = {"w": torch.full((100_000,), float(step))}
            save_state(Path(sys.argv[1]), State(step, {}, [{"loss": float(step)}], tensors))
            if step == 3:
                print("going", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TRAINING.parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n"
        process.kill()
    state = state_of(tmp_path)
    assert state.step >= 3
    assert state.history == [{"loss": state.step}]
    assert bool((state.tensors["w"] == state.step).all())


# What does not fit


def test_a_pickle_is_refused_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"a pickle that nobody looks into")
    with pytest.raises(StateError, match=r"state\.pt, a pickle .* Begin anew"):
        line_fit(tmp_path)
    line_fit(tmp_path / "other")
    (tmp_path / "other" / "state.pt").write_bytes(b"left over")
    assert len(line_fit(tmp_path / "other")[1]) == 60


def test_no_pickle_is_read_or_written_by_trainings() -> None:
    for path in [*TRAINING.glob("*.py"), *TRAINING.parents[1].glob("train*.py")]:
        text = path.read_text("utf-8")
        for word in ("torch.save", "torch.load", "import pickle"):
            assert word not in text, path


def damaged(content: dict[str, Any], **changes: Any) -> str:
    return json.dumps({**content, **changes})


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: json.dumps(content)[:-9],
        lambda content: "[]",
        lambda content: '{"nodeflow_training": 1}',
        lambda content: damaged(content, nodeflow_training=2),
        lambda content: damaged(content, step="3"),
        lambda content: damaged(content, tensors={"file": 3, "sha256": "x"}),
        lambda content: damaged(content, tensors={"file": "../w.safetensors", "sha256": "x"}),
        lambda content: damaged(content, tensors={**content["tensors"], "sha256": "0" * 64}),
    ],
)
def test_a_damaged_state_is_told(tmp_path: Path, damage: Callable[[dict[str, Any]], str]) -> None:
    path = save_state(tmp_path, small(3))
    path.write_text(damage(json.loads(path.read_text("utf-8"))), "utf-8")
    with pytest.raises(StateError, match=r"state\.json.*Begin anew"):
        load_state(tmp_path)


def test_damaged_tensors_are_told(tmp_path: Path) -> None:
    path = save_state(tmp_path, small(3))
    file = tmp_path / json.loads(path.read_text("utf-8"))["tensors"]["file"]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(StateError, match="as it was written"):
        load_state(tmp_path)
    file.unlink()
    with pytest.raises(StateError, match="as it was written"):
        load_state(tmp_path)


def test_another_training_is_refused(tmp_path: Path) -> None:
    recipe = {"training": "line", "batch": 16, "latents": [0.1, 1.0]}
    line_fit(tmp_path, recipe=recipe)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"recipe": {**recipe, "batch": 8}}, "batch 16, expected batch 8"),
        ({"recipe": {**recipe, "latents": [0.1, 1.2]}}, r"\[0.1 1\], expected latents \[0.1 1.2\]"),
        ({"recipe": {**recipe, "latents": [0.1]}}, "latents"),
        ({"recipe": {**recipe, "more": 1}}, "more none, expected more 1"),
        ({"recipe": {}}, "training line"),
        ({"loop": replace(LOOP, learning_rate=0.1)}, "learning_rate 0.05, expected .* 0.1"),
        ({"loop": replace(LOOP, seed=1, clip=2.0)}, "clip 1.0, seed 0, expected clip 2.0, seed 1"),
        ({"inputs": 5}, r"model.0.weight float32 \[3, 4\].* expected .*0.weight float32 \[3, 5\]"),
    ]
    for given, match in cases:
        with pytest.raises(StateError, match=match):
            line_fit(tmp_path, **{"recipe": recipe, **given})
    rounded = {**recipe, "latents": [0.1001, 0.9999]}  # as another machine would
    assert len(line_fit(tmp_path, recipe=rounded)[1]) == 60


def test_names_and_types_are_checked_before_anything_is_filled(tmp_path: Path) -> None:
    line_fit(tmp_path)
    state = state_of(tmp_path)
    few = {k: v for k, v in state.tensors.items() if not k.startswith("model.1")}
    moments = {k: v for k, v in state.tensors.items() if not k.endswith("0.bias.exp_avg")}
    half = {k: v.half() if k == "average.bias" else v for k, v in state.tensors.items()}
    for tensors, match in (
        (few, "no model.1.weight, no model.1.bias, expected model.1.weight float32"),
        (moments, r"no optimizer.model.0.bias.exp_avg,"),
        ({**state.tensors, "x": torch.ones(2)}, r"with x float32 \[2\], expected no x"),
        (half, r"average.bias float16 \[3\], expected average.bias float32"),
        ({"x": torch.ones(1)}, r"and \d+ more"),
    ):
        save_state(tmp_path, replace(state, tensors=tensors))
        with pytest.raises(StateError, match=match):
            line_fit(tmp_path)
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def loss(step: int, done: float) -> tuple[Tensor, Values]:
        raise AssertionError("it was filled")

    with pytest.raises(StateError):
        train({"model": model}, loss, LOOP, folder=tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_frozen_weights_have_to_be_those_that_were_there(tmp_path: Path) -> None:
    def fit(shift: float) -> nn.Module:
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
        with torch.no_grad():
            for number, value in enumerate(model.parameters()):
                value.fill_(0.5 + number)
            model[0].weight += shift
        model[0].requires_grad_(False)

        def loss(step: int, done: float) -> tuple[Tensor, Values]:
            return model(torch.ones(1, 2)).square().mean(), {}

        train({"model": model}, loss, Loop(2), folder=tmp_path)
        return model

    fit(0.0)
    fit(1e-4)
    with pytest.raises(StateError, match=r"other weights, as model\.0\.weight"):
        fit(0.5)


# What tells trainings apart


def test_digests_of_data_and_weights() -> None:
    items = [("a", k) for k in range(1200)]
    assert recipes.of_items(items) == recipes.of_items(list(items))
    assert recipes.of_items(items).startswith("1200 of ")
    assert recipes.of_items(items) != recipes.of_items(items[1:])
    assert recipes.of_items(items) != recipes.of_items([("b", k) for k in range(1200)])
    layer = nn.Linear(20, 5)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.half())
        layer.bias.copy_(layer.bias.half())
    before = recipes.of_weights(layer)
    assert recipes.of_weights(nn.Linear(20, 5)) != before
    assert recipes.of_weights(layer.half()) == before
    latents = torch.randn(6, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = [*latents.mean((0, 2, 3)).tolist(), *latents.numpy().std((0, 2, 3)).tolist()]
    assert recipes.of_latents(latents) == pytest.approx(expected, abs=1e-6)
    assert recipes.of_latents(latents[:0]) == []


def test_a_file_of_tensors_is_what_other_programs_read(tmp_path: Path) -> None:
    path = save_state(tmp_path, small(5, 2.0))
    (file,) = tmp_path.glob("*.safetensors")
    save_file(load_file(file), tmp_path / "again")
    assert load_file(tmp_path / "again")["w"].tolist() == [2.0] * 9
    if os.name != "nt":  # readable as any other file: safetensors alone makes its writer's only
        assert file.stat().st_mode == path.stat().st_mode
