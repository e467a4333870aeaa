"""The command line over the graphs that are shipped: with the shipped model where it is, else with
networks of a few channels that have learnt nothing, under its name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from nodeflow.cli import app
from nodeflow.formats.picture import read_picture_metadata, read_texts

ROOT = Path(__file__).parents[2]
GRAPHS = ROOT / "graphs"
NAMES = sorted(
    path.relative_to(GRAPHS).with_suffix("").as_posix() for path in GRAPHS.rglob("*.json")
)
RUNNABLE = [name for name in NAMES if not name.startswith("models/")]  # those want a user's files
SMALL = ["width=64", "height=64", "steps=2"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that has one called `tiny`, unless nodeflow comes with it."""
    from nodes.diffusion.training.autoencoder import new_autoencoder
    from nodes.diffusion.training.denoiser import new_unet
    from nodes.diffusion.training.export import save_checkpoint
    from nodes.diffusion.training.text_image import new_text_encoder
    from nodes.model_files import shipped_models

    folder = tmp_path_factory.mktemp("models")
    shipped = shipped_models() / "tiny"
    if not (shipped / "model_index.json").is_file():
        save_checkpoint(
            folder / "checkpoints" / "tiny",
            new_autoencoder((8, 8, 8, 16)),
            new_text_encoder(16, 1),
            new_unet((16, 16, 32), cross=16),
            shipped / "tokenizer",
        )
    return folder


@pytest.fixture(autouse=True)
def folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NODEFLOW_MODELS", str(models))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def told(*words: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == code, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def process(*words: str, threads: int = 1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nodeflow.cli", *words],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_shipped_graph_is_found_by_name_and_valid(name: str) -> None:
    report = told("validate", name)
    assert report["valid"]
    assert report["problems"] == []


@pytest.mark.parametrize("name", RUNNABLE)
def test_every_shipped_graph_is_planned(name: str) -> None:
    report = told("plan", name)
    assert report["steps"]
    assert report["peak_bytes"] > 0


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(RUNNABLE)))
def test_a_graph_of_other_models_is_found_by_name_and_says_which_files_it_lacks(name: str) -> None:
    problems = told("validate", name, code=1)["problems"]
    assert {problem["code"].removeprefix("no-such-") for problem in problems} <= {
        "checkpoint",
        "model",
        "file",
    }


def test_text_to_image_repeats_byte_for_byte_in_a_process_of_other_threads(
    folder: Path, models: Path
) -> None:
    prompt = 'a "red" circle\nwith a 猫'
    report = told("run", "text_to_image", f"prompt={prompt}", "seed=7", *SMALL)
    assert report["outputs"] == {"image": ["output/text_to_image.png"]}
    assert report["nodes"] == {"total": 19, "ran": 19, "cached": 0}
    assert report["problems"] == []
    picture = Path("output/text_to_image.png")
    kept = read_picture_metadata(picture)
    assert kept["graph"]["nodes"]["positive"]["params"] == {"text": prompt}
    assert kept["graph"]["nodes"]["noise"]["params"] == {"seed": 7}
    assert "tiny/unet/diffusion_pytorch_model.safetensors" in kept["files"]
    assert {"nodeflow", "torch", "diffusers", "transformers"} <= set(kept["versions"])
    assert (kept["device"], kept["threads"]) == ("cpu", torch.get_num_threads())
    assert str(models) not in read_texts(picture)["nodeflow"]
    threads = torch.get_num_threads() + 1
    with process("run", str(picture), "--out", "again", "--json", threads=threads) as second:
        report = json.loads(second.communicate()[0])
    assert report["problems"] == []
    assert Path("again/text_to_image.png").read_bytes() == picture.read_bytes()


def test_a_second_run_over_the_same_cache_folder_runs_nothing() -> None:
    first = told("run", "text_to_image", *SMALL, "--cache-dir", "cache")
    second = told("run", "text_to_image", *SMALL, "--cache-dir", "cache", "--out", "other")
    assert first["nodes"]["cached"] == 0
    assert second["nodes"]["ran"] == 0
    paths = [Path(report["outputs"]["image"][0]) for report in (first, second)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_several_pictures_get_a_number_each_and_another_run_the_next() -> None:
    words = ["run", "text_to_image", *SMALL, "batch=2"]
    assert told(*words)["outputs"]["image"] == [
        "output/text_to_image_000.png",
        "output/text_to_image_001.png",
    ]
    assert told(*words, "seed=1")["outputs"]["image"] == [
        "output/text_to_image_2_000.png",
        "output/text_to_image_2_001.png",
    ]


def test_ctrl_c_stops_a_long_denoising_and_tells_what_had_finished() -> None:
    words = ["run", "text_to_image", "width=64", "height=64", "steps=900"]
    with process(*words, "--output", "image", "--output", "start.latent") as one:
        assert one.stderr is not None
        assert any("denoise 90/900" in line for line in one.stderr)
        one.send_signal(signal.SIGINT)
        stdout, stderr = one.communicate(timeout=30)
    assert one.returncode == 130
    assert stdout == "start.latent: Latent[1, 4, 8, 8] float32 cpu\n"
    assert "cancelled in " in stderr
