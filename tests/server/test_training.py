"""Training graphs through a real server: its worker is confined, stops a training and goes on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from serving import PATIENCE, Server, serving

GRAPHS = Path(__file__).parents[2] / "graphs" / "train"
DATA = {"centered": 12, "positioned": 6, "pairs": 6}
WORDS = {**DATA, "batch": 8, "layers": 1, "hidden": 32, "steps": 40}


def ask(server: Server, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{server.url}api/v1/{path}", data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def submit(server: Server, name: str, inputs: dict[str, Any], *outputs: str, **params: Any) -> str:
    graph = json.loads((GRAPHS / f"{name}.json").read_text("utf-8"))
    for where, value in params.items():
        graph["nodes"][where]["params"].update(value)
    asked = {"graph": graph, "inputs": inputs, "outputs": list(outputs)}
    return str(ask(server, "runs", asked)["run"])


def until(server: Server, run: str, done: Any) -> Any:
    """What is told of a run, once it is far enough."""
    end = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < end:
        told = ask(server, f"runs/{run}")
        if done(told):
            return told
        time.sleep(0.1)
    raise AssertionError(f"not far enough: {told}\n{server.log}")


def steps(told: Any) -> list[int]:
    """The steps that a training told, as its events are kept."""
    return [
        event["data"]["step"]
        for event in told["events"]
        if event["type"] == "nf.step" and event["data"]["steps"] == WORDS["steps"]
    ]


def ended(server: Server, run: str) -> Any:
    ends = ("done", "failed", "cancelled")
    return until(server, run, lambda told: told["summary"]["state"] in ends)


def state(base: Path, folder: str) -> dict[str, Any]:
    path = base / "output" / folder / "state.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def test_a_training_stops_and_goes_on_in_another_server(tmp_path: Path) -> None:
    cut = {**WORDS, "state": "train/cut"}
    with serving(tmp_path, "--headless") as server:
        run = submit(server, "2_text_encoder", cut, "loss")
        until(server, run, lambda told: len(steps(told)) > 1)
        ask(server, f"runs/{run}/cancel", {})
        assert ended(server, run)["summary"]["state"] == "cancelled"
        assert server.stop() == 0
    stopped = state(tmp_path, "train/cut")
    assert 1 < stopped["step"] < WORDS["steps"]
    with serving(tmp_path, "--headless") as server:
        told = ended(server, submit(server, "2_text_encoder", cut, "loss"))
        assert told["summary"]["state"] == "done", told["summary"]
        assert min(steps(told)) > stopped["step"]
        whole = submit(server, "2_text_encoder", {**WORDS, "state": "train/whole"}, "loss")
        assert ended(server, whole)["summary"]["state"] == "done"
        other = submit(server, "2_text_encoder", {**cut, "learning_rate": 0.01}, "loss")
        reason = ended(server, other)["summary"]["reason"]
    assert "folder: got the state of another training: learning_rate 0.001" in reason
    # Every weight and moment: the tensors are told apart by their digest.
    assert state(tmp_path, "train/cut") == state(tmp_path, "train/whole")
    assert state(tmp_path, "train/cut")["history"][: stopped["step"]] == stopped["history"]


def test_every_training_runs_confined(tmp_path: Path) -> None:
    """A checkpoint of few channels, and from it a LoRA, an embedding and a ControlNet."""
    inputs = {
        **DATA,
        "autoencoder_steps": 1,
        "decoder_steps": 1,
        "autoencoder_widths": [8, 8, 8, 16],
        "text_encoder_steps": 1,
        "text_layers": 1,
        "text_hidden": 16,
        "text_batch": 8,
        "steps": 1,
        "batch": 4,
        "widths": [16, 16, 32],
    }
    few = {"steps": 1, "batch": 2}
    made = {"name": str(tmp_path / "output" / "my_model")}
    with serving(tmp_path, "--headless") as server:
        base = ended(server, submit(server, "3_denoiser", inputs, "checkpoint"))["summary"]
        assert base["state"] == "done", (base, server.log)
        for name, output, more in (
            ("4_lora", "lora", {"centered": 4, "positioned": 0}),
            ("5_embedding", "embedding", {"count": 4}),
            ("6_controlnet", "controlnet", {"centered": 4, "pairs": 0}),
        ):
            run = submit(server, name, {**few, **more}, output, checkpoint=made)
            summary = ended(server, run)["summary"]
            assert summary["state"] == "done", (summary, server.log)
    kept = {path.parent.name for path in (tmp_path / "output" / "train").glob("*/state.json")}
    trained = {"autoencoder", "text_encoder", "denoiser", "decoder"}
    assert kept == trained | {"lora", "embedding", "controlnet"}
