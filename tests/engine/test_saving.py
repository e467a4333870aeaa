"""Outputs as files: names that are free, nothing replaced, nothing left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from nodeflow.saving import is_saved, save_output
from nodeflow.sockets import socket


@socket("drawing", save=f"{__name__}:write_drawing")
@dataclass(frozen=True)
class Drawing:
    """A file per line of text."""

    lines: tuple[str, ...]


@socket("ghost", save=f"{__name__}:fail_halfway")
@dataclass(frozen=True)
class Ghost:
    pass


def write_drawing(value: Drawing, stem: Path, metadata: Mapping[str, str]) -> list[Path]:
    paths = []
    for number, line in enumerate(value.lines):
        mark = f"_{number}" if len(value.lines) > 1 else ""
        paths.append(stem.with_name(f"{stem.name}{mark}.txt"))
        paths[-1].write_text(line + metadata.get("note", ""))
    return paths


def fail_halfway(value: Ghost, stem: Path, metadata: Mapping[str, str]) -> list[Path]:
    stem.with_name("half.txt").write_text("half")
    raise OSError("disk full")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hooks above, wherever pytest has put this module."""
    import sys

    module = type(sys)(__name__)
    module.__dict__.update(globals())
    monkeypatch.setitem(sys.modules, __name__, module)


def save(folder: Path, *lines: str, note: str = "") -> list[str]:
    paths = save_output(Drawing(lines), folder / "cat", {"note": note})
    assert all(path.is_file() for path in paths)
    return [path.name for path in paths]


def test_what_has_a_hook_is_saved_and_nothing_else() -> None:
    assert is_saved(Drawing(("a",)))
    assert is_saved([Drawing(("a",)), Drawing(("b",))])
    assert not is_saved([])
    assert not is_saved([Drawing(("a",)), 3])
    assert not is_saved("text")
    assert not is_saved(None)


def test_the_same_again_keeps_the_file_and_another_gets_the_next_number(tmp_path: Path) -> None:
    assert save(tmp_path, "a") == ["cat.txt"]
    before = (tmp_path / "cat.txt").stat().st_mtime_ns
    assert save(tmp_path, "a") == ["cat.txt"]
    assert (tmp_path / "cat.txt").stat().st_mtime_ns == before
    assert save(tmp_path, "b") == ["cat_2.txt"]
    assert save(tmp_path, "c") == ["cat_3.txt"]
    assert save(tmp_path, "b") == ["cat_2.txt"]
    assert save(tmp_path, "a", note="!") == ["cat_4.txt"]
    assert (tmp_path / "cat.txt").read_text() == "a"


def test_files_of_one_value_keep_one_number(tmp_path: Path) -> None:
    assert save(tmp_path, "a", "b") == ["cat_0.txt", "cat_1.txt"]
    assert save(tmp_path, "a", "c") == ["cat_2_0.txt", "cat_2_1.txt"]
    (tmp_path / "cat_0.txt").unlink()
    assert save(tmp_path, "a", "b") == ["cat_0.txt", "cat_1.txt"]


def test_each_of_a_list_gets_a_number(tmp_path: Path) -> None:
    paths = save_output([Drawing(("a",)), Drawing(("b",))], tmp_path / "cat", {})
    assert [path.name for path in paths] == ["cat_000.txt", "cat_001.txt"]


def test_a_folder_or_a_dangling_link_of_that_name_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "cat.txt").mkdir()
    (tmp_path / "cat_2.txt").symlink_to(tmp_path / "nowhere")
    assert save(tmp_path, "a") == ["cat_3.txt"]


def test_a_failed_hook_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"):
        save_output(Ghost(), tmp_path / "new" / "ghost", {})
    assert list((tmp_path / "new").iterdir()) == []


def test_nothing_is_left_beside_the_files(tmp_path: Path) -> None:
    save(tmp_path, "a")
    save(tmp_path, "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.txt", "cat_2.txt"]
