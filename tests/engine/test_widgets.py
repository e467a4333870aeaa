"""Which values a widget refuses, and what it says to do about them."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.widgets import (
    MAX_SEED,
    Choice,
    Colour,
    Expression,
    FilePath,
    Multiple,
    NewPath,
    Number,
    Prompt,
    Seed,
    Slider,
    Text,
    TextArea,
    Widget,
)

ALL = (
    Widget(),
    Number(0, None, 1, "px"),
    Multiple(8, 64, 8, "px"),
    Slider(0, 30, step=0.5),
    Seed(),
    Choice("a", "b"),
    Text("…"),
    TextArea(),
    Prompt(),
    Colour(),
    Expression(),
    FilePath((".png",)),
    NewPath(),
)


@pytest.mark.parametrize("widget", ALL, ids=lambda widget: type(widget).__name__)
def test_a_widget_is_told_as_json_and_is_a_value(widget: Widget) -> None:
    told = json.loads(json.dumps(widget.as_json()))
    assert told["widget"] == type(widget).__name__
    assert {"widget", *(field.name for field in dataclasses.fields(widget))} == set(told)
    assert hash(widget) == hash(
        dataclasses.replace(widget) if told["widget"] != "Choice" else widget
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        widget.anything = 1  # type: ignore[attr-defined]


def test_the_json_holds_what_an_editor_draws() -> None:
    assert Slider(0, 30, step=0.5).as_json() == {
        "widget": "Slider",
        "minimum": 0,
        "maximum": 30,
        "step": 0.5,
        "unit": "",
    }
    assert Choice("a", "b").as_json() == {"widget": "Choice", "options": ("a", "b")}


# ── numbers ────────────────────────────────────────────────────────────────────────────────────


@given(
    low=st.none() | st.integers(-10, 10), high=st.none() | st.integers(-10, 10), value=st.floats()
)
def test_a_number_is_taken_exactly_between_its_ends(
    low: int | None, high: int | None, value: float
) -> None:
    inside = not math.isnan(value)
    inside = inside and (low is None or value >= low) and (high is None or value <= high)
    assert (Number(low, high).check(value) is None) == inside
    assert (Number(low, high).check([value]) is None) == inside


def test_ends_belong_to_the_range_and_faults_name_the_value() -> None:
    slider = Slider(0, 1)
    assert slider.check(0) is None
    assert slider.check(1.0) is None
    assert slider.check(-0.5) == "-0.5 is below 0"
    assert slider.check(2) == "2 is above 1"
    assert slider.check(math.nan) == "nan is no number"
    assert slider.check([0.5, 1, 3, -3]) == "3 is above 1"
    assert slider.check([]) is None
    assert slider.check(None) is None
    assert slider.hint(2) == "give a value in 0..1"
    assert Number(minimum=1).hint(0) == "give a value in 1.."


def test_only_multiples_of_the_step_are_taken_where_it_is_said() -> None:
    side = Multiple(8, 64, 8, "px")
    assert side.check(16) is None
    assert side.check(None) is None
    assert side.check([8, 64]) is None
    assert side.check(20) == "20 is no multiple of 8"
    assert side.hint(20) == "the nearest are 16 and 24"
    assert side.check([8, 12]) == "12 is no multiple of 8"
    assert side.check(4) == "4 is below 8"
    assert side.hint(4) == "give a value in 8..64"
    assert Multiple(0, 1).check(0.3) is None
    assert Number(8, 64, 8).check(20) is None


def test_seeds_are_what_fits_63_bits() -> None:
    for seed in (0, 1, MAX_SEED):
        assert Seed().check(seed) is None
    assert Seed().check(-1) is not None
    assert Seed().check(MAX_SEED + 1) is not None  # although no float tells the two apart


def test_large_ends_are_told_in_full() -> None:
    assert Seed().check(MAX_SEED + 1) == "9223372036854775808 is above 9223372036854775807"
    assert Seed().hint(-1) == "give a value in 0..9223372036854775807"
    assert Slider(64, 1048576).hint(1) == "give a value in 64..1048576"
    assert Slider(0.05, 1e-7).hint(1) == "give a value in 0.05..1e-07"


# ── names, text, colours ───────────────────────────────────────────────────────────────────────


def test_a_choice_takes_its_options_and_offers_the_nearest() -> None:
    choice = Choice("nearest", "bilinear", "bicubic")
    assert choice.check("bicubic") is None
    assert choice.check(None) is None
    assert choice.check("bicubik") == "'bicubik' is not offered"
    assert choice.hint("bicubik") == "did you mean 'bicubic'? offered: nearest, bilinear, bicubic"
    assert choice.hint("zzz") == "offered: nearest, bilinear, bicubic"
    for value in (1, True, ["bicubic"], ""):
        assert choice.check(value) is not None


@pytest.mark.parametrize("widget", [Widget(), Text(), TextArea(), Prompt(), Expression()])
@given(value=st.text() | st.none() | st.integers())
def test_text_is_not_judged(widget: Widget, value: Any) -> None:
    assert widget.check(value) is None
    assert widget.hint(value) == ""


def test_a_colour_is_a_hash_and_six_hex_digits() -> None:
    for value in ("#000000", "#ff8800", "#FF88aa"):
        assert Colour().check(value) is None
    for value in ("", "#fff", "ff8800", "#ff880", "#ff88000", "#gg0000", "red", "# 12345", None, 1):
        assert Colour().check(value) == f"{value!r} is no colour"
    assert "#ff8800" in Colour().hint("red")


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def test_a_file_must_be_there_and_a_near_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    assert FilePath().check(str(tmp_path / "picture.png")) is None
    assert FilePath().check(str(tmp_path)) is not None
    missing = str(tmp_path / "pictur.png")
    assert FilePath().check(missing) == f"{missing!r} does not exist"
    assert FilePath().hint(missing) == f"did you mean {str(tmp_path / 'picture.png')!r}?"
    assert FilePath().hint(str(tmp_path / "quite another")) == "check the path"
    assert "does not exist either" in FilePath().hint(str(tmp_path / "none" / "picture.png"))


def test_a_folder_must_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert FilePath(folder=True).check(str(tmp_path)) is None
    assert FilePath(folder=True).check(str(tmp_path / "file")) is not None


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert FilePath().check("~/picture.png") is None
    assert FilePath().check("~/other.png") is not None


@pytest.mark.parametrize("value", ["", "\0", "a\0b", "x" * 5000, "a/" * 3000, "\ud800", 1, None])
def test_any_path_is_judged_and_none_is_an_error(value: Any) -> None:
    assert FilePath().check(value) is not None
    assert isinstance(FilePath().hint(value), str)


def test_only_files_look_at_the_machine() -> None:
    assert [widget for widget in ALL if widget.looks_outside] == [FilePath((".png",))]


@pytest.mark.parametrize(
    "value", ["a.png", "a/b/c.png", "sub\\a.png", "..a", "a..", "a b", "é", "..."]
)
def test_a_new_path_below_the_output_folder_is_taken(value: str) -> None:
    assert NewPath().check(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "\\windows",
        "\\\\server\\share",
        "//server/share",
        "C:\\a",
        "C:a",
        "..",
        "../a",
        "a/../../b",
        "a\\..\\b",
        "a/..",
        "a\0b",
    ],
)
def test_a_new_path_that_leaves_the_output_folder_is_refused_on_every_machine(value: str) -> None:
    assert NewPath().check(value) == f"{value!r} leaves the output folder"
    assert "relative path" in NewPath().hint(value)


@given(value=st.text(st.sampled_from("a./\\:\0 ~"), max_size=12))
def test_a_taken_path_stays_below_the_folder_as_posix_and_as_windows_read_it(value: str) -> None:
    from ntpath import isabs, join, normpath, splitdrive
    from posixpath import normpath as posix_normpath

    if NewPath().check(value) is None:
        assert not splitdrive(value)[0]
        assert not isabs(value)
        assert (normpath(join("C:\\out", value)) + "\\").startswith("C:\\out\\")
        assert (posix_normpath("/out/" + value) + "/").startswith("/out/")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.TXT").write_text("x")
    widget = FilePath(suffixes=(".txt", ".md"))
    assert widget.check(str(tmp_path / "notes.TXT")) is None
    assert "none of .png" in (FilePath(suffixes=(".png",)).check(str(tmp_path / "notes.TXT")) or "")
