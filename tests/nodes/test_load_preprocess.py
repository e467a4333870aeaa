"""Networks that read pictures: found by name and path, refused when something is missing."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nodeflow.context import RunContext
from nodeflow.node import definition_of
from nodes import load_preprocess as nodes
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.perception import PredictorError

EVERY = pytest.mark.parametrize("name", ["depth", "segmentation", "detection", "pose"])


@pytest.fixture(autouse=True)
def models(networks_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(networks_folder))


def check_network(found: Any) -> None:
    assert not found.network.training
    assert all(p.dtype == torch.float32 for p in found.network.parameters())
    assert not any(p.requires_grad for p in found.network.parameters())


def test_depth_by_name(ctx: RunContext) -> None:
    found = nodes.depth("depth", ctx=ctx)
    check_network(found)
    assert not found.metric


def test_depth_knows_metres(tmp_path: Path, networks_folder: Path, ctx: RunContext) -> None:
    folder = tmp_path / "metric"
    shutil.copytree(networks_folder / "preprocessors" / "depth", folder)
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace('"depth_estimation_type": "relative"', '"depth_estimation_type": "metric"')
    )
    assert nodes.depth(str(folder), ctx=ctx).metric


def test_segmentation_by_name(ctx: RunContext) -> None:
    found = nodes.segmentation("segmentation", ctx=ctx)
    check_network(found)
    assert found.labels == ("sky", "Person", "tree")


def test_detection_by_name(ctx: RunContext) -> None:
    found = nodes.detection("detection", ctx=ctx)
    check_network(found)
    assert found.labels == ("person", "dog")


def test_pose_by_path(networks_folder: Path, ctx: RunContext) -> None:
    check_network(nodes.pose(str(networks_folder / "preprocessors" / "pose"), ctx=ctx))


@EVERY
def test_a_missing_network_says_where_it_was_looked_for(name: str, ctx: RunContext) -> None:
    node = getattr(nodes, name)
    with pytest.raises(FileNotFoundError, match=r"no preprocessor 'dept' .*Did you mean 'depth'"):
        node("dept", ctx=ctx)
    widget = definition_of(node).inputs["name"].widget
    assert widget is not None
    assert widget.check(name) is None
    assert widget.check("dept") == "there is no preprocessor 'dept'"
    assert widget.as_json()["options"] == ["depth", "detection", "pose", "segmentation"]


@EVERY
@pytest.mark.parametrize("file", ["preprocessor_config.json", "model.safetensors"])
def test_half_a_folder_names_what_is_missing(
    name: str, file: str, tmp_path: Path, networks_folder: Path, ctx: RunContext
) -> None:
    folder = tmp_path / "half"
    shutil.copytree(networks_folder / "preprocessors" / name, folder)
    (folder / file).unlink()
    with pytest.raises(PredictorError, match=f"{file} is missing"):
        getattr(nodes, name)(str(folder), ctx=ctx)
    widget = definition_of(getattr(nodes, name)).inputs["name"].widget
    assert widget is not None
    assert f"{file} is missing" in str(widget.check(str(folder)))


@EVERY
def test_a_network_of_another_kind_is_refused(name: str, ctx: RunContext) -> None:
    other = "segmentation" if name == "depth" else "depth"
    with pytest.raises(PredictorError, match="cannot be read as"):
        getattr(nodes, name)(other, ctx=ctx)


def test_weights_that_are_not_there_are_told_and_not_made_up(
    tmp_path: Path, networks_folder: Path, ctx: RunContext
) -> None:
    folder = tmp_path / "headless"
    shutil.copytree(networks_folder / "preprocessors" / "segmentation", folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: w for name, w in weights.items() if "classifier" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(PredictorError, match=r"lacks 2 weights .*classifier\.bias among them"):
        nodes.segmentation(str(folder), ctx=ctx)


def test_damaged_weights_are_told(tmp_path: Path, networks_folder: Path, ctx: RunContext) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(networks_folder / "preprocessors" / "depth", folder)
    (folder / "model.safetensors").write_bytes(b"\0" * 40)
    said = r"model\.safetensors is no safetensors file.* expected a network that reads pictures"
    with pytest.raises(CheckpointError, match=said):
        nodes.depth(str(folder), ctx=ctx)


@EVERY
def test_weights_of_nan_are_told(
    name: str, tmp_path: Path, networks_folder: Path, ctx: RunContext
) -> None:
    folder = tmp_path / "nan"
    shutil.copytree(networks_folder / "preprocessors" / name, folder)
    weights = load_file(folder / "model.safetensors")
    broken = {n: w * float("nan") if w.is_floating_point() else w for n, w in weights.items()}
    save_file(broken, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"nan/model\.safetensors: expected .*found NaN"):
        getattr(nodes, name)(str(folder), ctx=ctx)


def test_content_counts(networks_folder: Path) -> None:
    reads = definition_of(nodes.depth).reads
    assert reads is not None
    assert {path.name for path in map(Path, reads({"name": "depth"}))} == {
        *("config.json", "model.safetensors", "preprocessor_config.json")
    }
