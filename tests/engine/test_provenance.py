"""What a picture tells of its run: all of it, the same each time, and nothing of the machine."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest

from nodeflow.formats.graph_json import graph_from_data
from nodeflow.node import definition_of, node
from nodeflow.program import Program
from nodeflow.provenance import differences, file_hashes, metadata, provenance, versions
from nodeflow.registry import Registry
from nodeflow.validate import program
from nodeflow.widgets import FilePath


def _model_files(params: Mapping[str, Any]) -> list[Path]:
    return [Path(params["name"]) / "unet" / "w.bin", Path(params["name"]) / "vae" / "w.bin"]


@node("t.model", reads=_model_files)
def model(name: str) -> str:
    """Name a folder."""
    return name


@node("t.file")
def file(path: Annotated[str, FilePath()]) -> str:
    """Name a file."""
    return path


@node("t.say")
def say(text: str = "") -> str:
    """Say something."""
    return text


@pytest.fixture
def nodes() -> Registry:
    registry = Registry()
    for function in (model, file, say):
        registry.add(definition_of(function))
    return registry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of our own: home/user with home/user/work as the folder we are in."""
    user = tmp_path / "home" / "user"
    (user / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("USERPROFILE", str(user))
    monkeypatch.chdir(user / "work")
    return user


def made_of(nodes: Registry, **params: Any) -> Program:
    data = {
        "nodeflow": 1,
        "nodes": {name: {"type": f"t.{name[:-1]}", "params": p} for name, p in params.items()},
    }
    made = program(graph_from_data(data, nodes), nodes)
    assert made.errors == []
    return made


def write(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_the_same_run_tells_the_same_and_all_of_it_in_ascii(nodes: Registry) -> None:
    made = made_of(nodes, say1={"text": "a cat 猫"})
    told = provenance(made, nodes, None, "cpu")
    assert list(told) == ["graph", "outputs", "files", "versions", "device"]
    assert told["graph"]["nodes"]["say1"]["params"] == {"text": "a cat 猫"}
    texts = metadata(told)
    assert list(texts) == ["nodeflow"]
    assert texts["nodeflow"].isascii()
    assert json.loads(texts["nodeflow"]) == told
    assert metadata(provenance(made, nodes, None, "cpu")) == texts
    assert provenance(made, nodes, ["x"], "cuda", 4)["outputs"] == ["x"]
    assert provenance(made, nodes, ["x"], "cpu", 4)["threads"] == 4


def test_absolute_paths_are_told_from_here_from_home_or_by_name_alone(
    nodes: Registry, home: Path, tmp_path: Path
) -> None:
    made = made_of(
        nodes,
        file1={"path": write(home / "work" / "in" / "a.png", "a")},
        file2={"path": write(home / "pictures" / "b.png", "b")},
        file3={"path": write(tmp_path / "else" / "c.png", "c")},
        file4={"path": os.path.relpath(write(home / "d.png", "d"))},
        say1={"text": str(home)},
    )
    told = provenance(made, nodes, None, "cpu")["graph"]["nodes"]
    assert [told[f"file{n}"]["params"]["path"] for n in (1, 2, 3, 4)] == [
        "in/a.png",
        "~/pictures/b.png",
        "c.png",
        os.path.join("..", "d.png"),
    ]
    assert told["say1"]["params"] == {"text": str(home)}  # a text is the user's own to tell
    assert str(tmp_path) not in metadata(provenance(made, nodes, None, "cpu"))["nodeflow"].replace(
        json.dumps(str(home))[1:-1], ""
    )


def test_paths_in_groups_and_bodies_are_told_so_too_and_groups_stand_inside(
    nodes: Registry, home: Path
) -> None:
    path = write(home / "work" / "a.txt", "a")
    inner = {
        "nodeflow": 1,
        "inputs": {"where": "f.path"},
        "outputs": {"value": "f.value"},
        "nodes": {"f": {"type": "t.file", "params": {"path": path}}},
    }
    write(home / "work" / "inner.json", json.dumps(inner))
    data = {
        "nodeflow": 1,
        "nodes": {"g": {"type": "flow.graph", "graph": "inner.json", "params": {"where": path}}},
    }
    graph = graph_from_data(data, nodes, folder=home / "work")
    told = provenance(program(graph, nodes), nodes, None, "cpu")["graph"]["nodes"]["g"]
    assert told["params"] == {"where": "a.txt"}
    assert told["graph"]["nodes"]["f"]["params"] == {"path": "a.txt"}


def test_files_are_hashed_by_names_that_tell_no_folder_above(nodes: Registry, home: Path) -> None:
    for folder in ("one", "two"):
        write(home / folder / "unet" / "w.bin", "unet")
        write(home / folder / "vae" / "w.bin", "vae")
        write(home / folder / "cat.png", folder)
    made = made_of(
        nodes,
        model1={"name": str(home / "one")},
        file1={"path": str(home / "one" / "cat.png")},
        file2={"path": str(home / "two" / "cat.png")},
    )
    found = file_hashes(made)
    assert list(found) == ["cat.png", "file2:cat.png", "one/unet/w.bin", "one/vae/w.bin"]
    assert len(set(found.values())) == 4
    assert all(len(value) == 32 for value in found.values())


def test_a_file_that_is_gone_is_left_to_the_run(nodes: Registry, home: Path) -> None:
    path = write(home / "a.txt", "a")
    made = made_of(nodes, file1={"path": path})
    os.unlink(path)
    assert file_hashes(made) == {}


def test_versions_are_of_what_is_installed() -> None:
    found = versions()
    assert set(found) >= {"nodeflow", "python", "numpy", "pillow"}
    assert found["python"].count(".") == 1


def test_differences_are_warnings_and_damaged_records_none() -> None:
    now = {"files": {"a": "1", "b": "2"}, "versions": {"torch": "2"}, "device": "cpu", "threads": 1}
    assert differences(now, now) == []
    before = {
        "files": {"a": "0", "gone": "9"},
        "versions": {"torch": "1", "peft": "3"},
        "device": "cuda",
        "threads": 2,
    }
    found = differences(before, now)
    assert [(p.code, p.where) for p in found] == [
        ("changed-file", "a"),
        ("changed-version", "torch"),
        ("changed-version", "peft"),
        ("other-device", "--device"),
        ("other-threads", ""),
    ]
    assert {p.severity for p in found} == {"warning"}
    assert "not installed" in found[2].message
    for damaged in ({"files": 3, "versions": None, "device": "cpu"}, {"device": "cpu"}):
        assert differences(damaged, now) == []
