"""Public clients of ComfyUI's API, unmodified, against a real `nodeflow serve`: each submits a
prompt and receives the picture in its own way."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from programs import node_with
from serving import Server, serving

CLIENTS = Path(__file__).parents[1] / "clients"
PATIENCE = 120


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[Server]:
    with serving(base, "--headless") as found:
        yield found


def prompt(seed: int) -> dict[str, Any]:
    """Text to picture on the shipped model, two steps, as "Export (API)" writes it."""
    sampler = {
        "seed": seed,
        "steps": 2,
        "cfg": 5,
        "sampler_name": "euler_ancestral",
        "scheduler": "karras",
        "denoise": 1,
        "model": ["4", 0],
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
    }
    size = {"width": 64, "height": 64, "batch_size": 1}
    save = {"filename_prefix": f"client_{seed}", "images": ["8", 0]}
    return {
        "3": _node("KSampler", "KSampler", **sampler),
        "4": _node("CheckpointLoaderSimple", "Load Checkpoint", ckpt_name="tiny"),
        "5": _node("EmptyLatentImage", "Empty Latent Image", **size),
        "6": _node("CLIPTextEncode", "Positive", text="a red circle", clip=["4", 1]),
        "7": _node("CLIPTextEncode", "Negative", text="", clip=["4", 1]),
        "8": _node("VAEDecode", "VAE Decode", samples=["3", 0], vae=["4", 2]),
        "9": _node("SaveImage", "Save Image", **save),
    }


def _node(type: str, title: str, **inputs: Any) -> dict[str, Any]:
    return {"inputs": inputs, "class_type": type, "_meta": {"title": title}}


def run_script(name: str, server: Server, folder: Path, seed: int) -> dict[str, Any]:
    """Run a script of tests/clients with node; what it says it saved."""
    node = node_with(CLIENTS)
    file = folder / "prompt.json"
    file.write_text(json.dumps(prompt(seed)), encoding="utf-8")
    address = server.url.split("//")[1].split("/")[0]
    done = subprocess.run(
        [node, name, address, str(file), str(folder)],
        cwd=CLIENTS,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{server.log[-3000:]}"
    (line,) = (line for line in done.stdout.splitlines() if line.startswith('{"saved"'))
    found: dict[str, Any] = json.loads(line)
    return found


def test_comfy_ui_client(server: Server, base: Path, tmp_path: Path) -> None:
    told = run_script("comfy-ui-client.mjs", server, tmp_path, 11)
    assert told["saved"] == ["client_11_00001_.png"]
    assert told["nodes"] == ["KSampler"]
    saved = base / "output" / "client_11_00001_.png"
    assert (tmp_path / saved.name).read_bytes() == saved.read_bytes()


def test_stable_canvas(server: Server, base: Path, tmp_path: Path) -> None:
    told = run_script("stable-canvas.mjs", server, tmp_path, 12)
    assert told["saved"] == ["client_12_00001_.png"] * 2  # the second run is the first again
    assert [1, 2] in told["steps"]
    assert [2, 2] in told["steps"]
    assert told["samplers"] == 42
    saved = base / "output" / "client_12_00001_.png"
    assert (tmp_path / saved.name).read_bytes() == saved.read_bytes()


def test_comfy_api_simplified(server: Server, base: Path, tmp_path: Path) -> None:
    from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper

    api = ComfyApiWrapper(server.url)
    file = tmp_path / "prompt.json"
    file.write_text(json.dumps(prompt(13)), encoding="utf-8")
    workflow = ComfyWorkflowWrapper(str(file))
    images = api.queue_and_wait_images(workflow, "Save Image")
    saved = base / "output" / "client_13_00001_.png"
    assert images == {saved.name: saved.read_bytes()}
    assert "KSampler" in api.get_object_info("KSampler")
    uploaded = api.upload_image(saved, subfolder="")
    assert (base / "input" / uploaded["name"]).is_file()
