"""What `doctor` finds, on this machine and on ones that lack something."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from pathlib import Path

import pytest

from nodeflow import doctor
from nodeflow.doctor import examine, requirements, version_numbers

ROOT = Path(__file__).parents[2]


def states(*places: Path, folders: tuple[Path, ...] = ()) -> dict[str, tuple[str, str, str]]:
    return {f.what: (f.state, f.found, f.todo) for f in examine(folders, places)}


def test_every_requirement_is_looked_at_and_what_is_missing_says_how_to_get_it() -> None:
    found = states()
    for requirement in requirements():
        name = re.split(r"[<>=]", requirement)[0]
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            assert found[name] == ("missing", "not installed", f'pip install "{requirement}"')
        else:
            assert found[name][1].startswith(version)


def test_requirements_of_a_checkout_are_those_of_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def not_installed(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", not_installed)
    found = requirements()
    assert "torch>=2.4" in found
    assert "simpleeval>=1.0" in found
    assert not any("pytest" in requirement for requirement in found)


def test_extras_are_no_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = ["torch>=2.4", 'pytest>=8; extra == "test"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: listed)
    assert requirements() == ["torch>=2.4"]


def test_versions_are_compared_as_numbers() -> None:
    assert version_numbers("2.13.0+cpu") == (2, 13, 0)
    assert version_numbers("2.13") > version_numbers("2.4")
    assert version_numbers("5.0.0.dev3") == (5, 0, 0)
    assert version_numbers("unknown") == ()


def test_a_version_too_old_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda: ["rich>=99", "typer"])
    found = states()
    assert found["rich"][0] == "missing"
    assert found["rich"][2] == 'pip install "rich>=99"'
    assert found["typer"][0] == "ok"


def test_a_torch_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, int]:
        raise OSError("libcudart.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "counts", broken)
    state, text, todo = states()["devices"]
    assert state == "missing"
    assert "libcudart" in text
    assert todo


def test_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "counts", lambda: {"cpu": 1, "cuda": 2, "mps": 0})
    assert states()["devices"] == ("ok", "cpu, cuda (2)", "")
    monkeypatch.setattr(doctor, "counts", lambda: {"cpu": 1, "cuda": 0})
    assert states()["devices"][0] == "warn"


def test_a_python_that_is_too_old_or_untried(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, state in (((3, 9), "missing"), ((3, 12), "ok"), ((3, 99), "warn")):
        monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
        assert next(iter(doctor._machine())).state == state


def test_a_broken_pack_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import no_such_module_here")
    state, text, _ = states(folders=(tmp_path,))["pack"]
    assert state == "warn"
    assert "no_such_module_here" in text


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert states(tmp_path / "new" / "deep")["folder"][0] == "ok"
    state, text, _ = states(tmp_path / "file")["folder"]
    assert state == "missing"
    assert "is a file" in text


def test_the_shipped_model_is_there_or_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = (ROOT / "nodes" / "models" / "tiny" / "model_index.json").is_file()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NODEFLOW_MODELS", raising=False)
    state, text, todo = states()["shipped model"]
    assert (state, bool(todo)) == (("ok", False) if there else ("missing", True))
    assert "tiny" in text


def test_little_memory_and_disk_are_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_memory", lambda: 1 << 30)
    monkeypatch.setattr(doctor, "LOW_DISK", 1 << 62)
    found = states()
    assert found["memory"][:2] == ("warn", "1.0 GiB")
    assert found["disk"][0] == "warn"
    assert os.cpu_count() is None or f"{os.cpu_count()} processors" in found["system"][1]
