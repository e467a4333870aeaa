"""Names of checkpoints, and what is said of one that is missing. No torch needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest

from nodeflow.node import definition_of, node
from nodes import model_files
from nodes.diffusion.checkpoint_files import CheckpointError


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two model folders in NODEFLOW_MODELS, and a working directory without `models/`."""
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("NODEFLOW_MODELS", os.pathsep.join([str(first), str(second)]))
    monkeypatch.chdir(tmp_path)
    return first, second


def put(folder: Path, name: str) -> Path:
    place = folder / "checkpoints" / name
    place.mkdir(parents=True)
    (place / "model_index.json").write_text("{}", "utf-8")
    return place


def test_the_first_folder_wins(folders: tuple[Path, Path]) -> None:
    wanted = put(folders[0], "house")
    put(folders[1], "house")
    assert model_files.find_checkpoint("house") == wanted


def test_the_working_directory_is_searched_after_the_named_folders(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    here = put(tmp_path / "models", "house")
    assert model_files.find_checkpoint("house").resolve() == here
    there = put(folders[1], "house")
    assert model_files.find_checkpoint("house") == there


def test_a_path_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = put(tmp_path, "house")
    assert model_files.find_checkpoint(str(wanted)) == wanted
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_files.find_checkpoint("~/checkpoints/house") == wanted


def test_all_names_are_listed_once_with_their_sub_folders(folders: tuple[Path, Path]) -> None:
    put(folders[0], "house")
    put(folders[1], "house")
    inside = put(folders[1], "sd/one")
    put(inside.parent / "one", "hidden")  # nothing inside a checkpoint is one
    assert set(model_files.list_checkpoints()) - {"tiny"} == {"house", "sd/one"}


def test_no_such_name_tells_the_nearest_and_where_was_looked(folders: tuple[Path, Path]) -> None:
    put(folders[0], "house")
    with pytest.raises(FileNotFoundError) as caught:
        model_files.find_checkpoint("hause")
    text = str(caught.value)
    assert "Did you mean 'house'?" in text
    assert str(folders[0] / "checkpoints") in text
    assert str(folders[1] / "checkpoints") in text


@pytest.mark.parametrize("name", ["", " ", "..", "."])
def test_an_empty_or_dotted_name_finds_nothing(folders: tuple[Path, Path], name: str) -> None:
    put(folders[0], "house")
    with pytest.raises(FileNotFoundError):
        model_files.find_checkpoint(name)


def test_a_file_of_another_kind_is_told_from_a_missing_one(tmp_path: Path) -> None:
    file = tmp_path / "model.png"
    file.touch()
    with pytest.raises(FileNotFoundError, match=r"That file is none of \.safetensors, \.gguf"):
        model_files.find_checkpoint(str(file))
    with pytest.raises(FileNotFoundError, match=r"no folder with a model_index\.json"):
        model_files.find_checkpoint(str(tmp_path))


def test_files_are_found_and_listed_with_folders_by_name_with_or_without_suffix(
    folders: tuple[Path, Path],
) -> None:
    put(folders[0], "house")
    for name in ("a.safetensors", "b.gguf", "c.ckpt", "notes.txt"):
        (folders[0] / "checkpoints" / name).touch()
    named = model_files.list_models("checkpoints")
    assert set(named) - {"tiny"} == {"a.safetensors", "b.gguf", "house"}
    for name in ("a", "a.safetensors"):
        found = model_files.find("checkpoints", name)
        assert found == folders[0] / "checkpoints" / "a.safetensors"
    assert model_files.find("checkpoints", "c.ckpt").name == "c.ckpt"  # to say why it is not read


def test_a_kind_has_all_folders_that_are_usual_for_it(folders: tuple[Path, Path]) -> None:
    for folder in ("text_encoders", "clip"):
        (folders[1] / folder).mkdir(parents=True)
        (folders[1] / folder / f"{folder}.safetensors").touch()
    assert model_files.list_models("text_encoders") == [
        "clip.safetensors",
        "text_encoders.safetensors",
    ]
    assert model_files.find("text_encoders", "clip").parent.name == "clip"
    with pytest.raises(FileNotFoundError, match="no LoRA 'clipp' in "):
        model_files.find("loras", "clipp")


def test_a_folder_with_a_config_is_a_model_of_the_other_kinds(folders: tuple[Path, Path]) -> None:
    place = folders[0] / "controlnet" / "edges"
    place.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "README.md"):
        (place / name).touch()
    assert model_files.list_models("controlnet") == ["edges", "tiny_edges"]  # the latter ships
    reads = model_files.files_of("controlnet", "control")
    files = reads({"control": "edges"})
    assert [path.name for path in files] == ["config.json", "model.safetensors"]
    assert reads({"control": ""}) == []


def test_the_widget_of_a_kind_looks_into_the_header(tmp_path: Path) -> None:
    file = tmp_path / "style.safetensors"
    file.touch()
    widget = model_files.ModelName("loras")
    assert "is empty (0 bytes)" in str(widget.check(str(file)))
    assert widget.check("nothing") == "there is no LoRA 'nothing'"
    assert model_files.ModelName("loras", optional=True).check("") is None
    assert widget.as_json()["kind"] == "loras"


def test_the_widget_offers_what_is_there_and_refuses_the_rest(checkpoint_folder: Path) -> None:
    widget = model_files.CheckpointName()
    assert widget.check(str(checkpoint_folder)) is None
    assert widget.check("nowhere") == "there is no checkpoint 'nowhere'"
    assert "looked in models" in widget.hint("nowhere").replace("\\", "/")


def test_the_widget_lists_names_for_the_editor(
    checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(checkpoint_folder.parents[1]))
    described = model_files.CheckpointName().as_json()
    assert described["widget"] == "CheckpointName"
    assert "few-channels" in described["options"]


def test_the_widget_names_the_file_that_a_checkpoint_lacks(
    checkpoint_folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))
    (copy / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    fault = model_files.CheckpointName().check(str(copy))
    assert fault is not None
    assert f"{copy / 'vae'}: no diffusion_pytorch_model.safetensors" in fault
    with pytest.raises(CheckpointError, match="no diffusion_pytorch_model"):
        model_files.checkpoint_files_of({"name": str(copy)})


@pytest.mark.parametrize(
    "name", ["scheduler/scheduler_config.json", "unet/config.json", "tokenizer/merges.txt"]
)
def test_the_widget_names_any_file_that_is_missing(
    checkpoint_folder: Path, tmp_path: Path, name: str
) -> None:
    copy = Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))
    (copy / name).unlink()
    fault = model_files.CheckpointName().check(str(copy))
    assert fault is not None
    assert f"{copy / name} is missing" in fault


def test_the_widget_sees_a_download_that_broke_off(checkpoint_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint_folder, tmp_path / "copy"))
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    fault = model_files.CheckpointName().check(str(copy))
    assert fault is not None
    assert "but its header tells of" in fault


def test_a_default_that_is_not_there_keeps_no_node_from_registering() -> None:
    """Whether the standard nodes exist must not depend on which files a machine has."""

    @node("t.named")
    def named(name: Annotated[str, model_files.CheckpointName()] = "nowhere") -> str:
        """Give a name."""
        return name

    assert definition_of(named).inputs["name"].default == "nowhere"


def test_nodes_are_listed_keyed_and_estimated_without_torch(checkpoint_folder: Path) -> None:
    code = f"""
import sys
from nodes import latent, latent_edit, load, model_files, text, vae
params = {{"name": {str(checkpoint_folder)!r}}}
assert model_files.CheckpointName().check(params["name"]) is None
assert list(load.checkpoint.__node__.reads(params))
assert load.checkpoint.__node__.estimate(params, {{}})["model"] > 0
heavy = {{"torch", "diffusers", "transformers", "numpy", "PIL", "tokenizers"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
