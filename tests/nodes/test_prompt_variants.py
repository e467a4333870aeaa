"""Many prompts from one, with wildcards in folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodeflow.errors import InputError
from nodeflow.node import definition_of
from nodes import prompt_variants


@pytest.fixture
def folder(tmp_path: Path) -> str:
    wildcards = tmp_path / "wildcards"
    (wildcards / "shapes").mkdir(parents=True)
    (wildcards / "colour.txt").write_text("red\n# none\n\nblue  # as the sea\n", "utf-8")
    (wildcards / "shapes" / "round.txt").write_text("\ufeffcircle\nring", "utf-8")
    (wildcards / "shapes" / "sharp.txt").write_text(
        "star\n{big|small} __colour__ square\n", "utf-8"
    )
    (wildcards / "binary.txt").write_bytes(b"\xff\xfe\x00")
    return str(wildcards)


def reads(function: Any, **params: str) -> list[str]:
    return [path.name for path in function.__node__.reads(params)]


def test_random_gives_the_same_for_a_seed(folder: str) -> None:
    found = {prompt_variants.random("a __colour__ {circle|star}", k, folder) for k in range(40)}
    assert found == {"a red circle", "a red star", "a blue circle", "a blue star"}
    assert prompt_variants.random("{a|b|c}", 7) == prompt_variants.random("{a|b|c}", 7)
    assert prompt_variants.random("(plain:1.2) [a|b]") == "(plain:1.2) [a|b]"


def test_random_finds_wildcards_in_the_models_folders(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(Path(folder).parent))
    assert prompt_variants.random("__shapes/round__", 0) in ("circle", "ring")


def test_random_finds_wildcards_where_the_settings_say(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "nodeflow.yaml"
    monkeypatch.setenv("NODEFLOW_SETTINGS", str(file))
    file.write_text(f"wildcards: [{Path(folder).as_posix()}]\n", "utf-8")
    assert prompt_variants.random("__shapes/round__", 0) in ("circle", "ring")
    file.write_text("extra_model_paths: paths.yaml\n", "utf-8")
    (tmp_path / "paths.yaml").write_text("a111:\n  wildcards: wildcards\n", "utf-8")
    assert prompt_variants.random("__shapes/round__", 0) in ("circle", "ring")


def test_random_tells_every_fault_with_its_column(folder: str) -> None:
    with pytest.raises(
        InputError, match=r"text: got '}' at column 3, .* Also at column 5: got '{'"
    ):
        prompt_variants.random("a } {b")
    with pytest.raises(InputError, match=r"__color__ at column 3, .* did you mean 'colour'\?"):
        prompt_variants.random("a __color__", 0, folder)
    with pytest.raises(InputError, match=r"binary\.txt is no UTF-8 text"):
        prompt_variants.random("__binary__", 0, folder)


def test_random_reads_the_wildcards_where_a_text_may_name_one(folder: str) -> None:
    everything = ["binary.txt", "colour.txt", "round.txt", "sharp.txt"]
    assert reads(prompt_variants.random, text="a __colour__", folder=folder) == everything
    assert reads(prompt_variants.random, folder=folder) == everything
    assert reads(prompt_variants.random, text="{a|b}", folder=folder) == []


def test_several_are_those_of_seeds_in_a_row(folder: str) -> None:
    wild = "{a|b|c|d} __colour__"
    got = prompt_variants.several(wild, 5, 6, folder)
    assert got == [prompt_variants.random(wild, 5 + k, folder) for k in range(6)]
    with pytest.raises(InputError, match=r"count: got 0, expected 1\.\.10000"):
        prompt_variants.several("a", 0, 0)


def test_all_lists_each_once(folder: str) -> None:
    got = prompt_variants.all("__shapes/*__", 10, folder)
    assert got == [
        "circle", "ring", "star",
        "big red square", "big blue square", "small red square", "small blue square",
    ]  # fmt: skip
    with pytest.raises(InputError, match="text: got 27 texts, expected at most 20"):
        prompt_variants.all("{a|b|c}{a|b|c}{a|b|c}", 20)


def test_matrix_is_every_selection() -> None:
    assert prompt_variants.matrix("a cat | in oil, | at night") == [
        "a cat",
        "a cat, in oil",
        "a cat, at night",
        "a cat, in oil, at night",
    ]
    with pytest.raises(InputError, match="text: got 11 further parts, expected at most 10"):
        prompt_variants.matrix("|".join("abcdefghijkl"))


def test_lines_are_a_files(folder: str) -> None:
    assert prompt_variants.lines("colour", folder) == ["red", "blue"]
    assert prompt_variants.lines("__shapes/sharp__", folder)[1] == "{big|small} __colour__ square"
    with pytest.raises(InputError, match=r"name: got 'shape', .* no wildcard 'shape' in"):
        prompt_variants.lines("shape", folder)


def test_wildcards_are_listed_by_name(folder: str) -> None:
    assert prompt_variants.wildcards(folder) == ["binary", "colour", "shapes/round", "shapes/sharp"]
    assert prompt_variants.wildcards(folder + "/none") == []


def test_all_tells_faults_before_anything_runs() -> None:
    widget = definition_of(prompt_variants.all).inputs["text"].widget
    assert widget is not None
    assert widget.check("{a|b} __c__") is None
    assert widget.check("{a|b") == (
        "column 1: got '{', expected '}' for it before the end (write \\{ for the sign itself)"
    )
