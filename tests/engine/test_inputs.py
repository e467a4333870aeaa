"""Texts as typed values: each type, unions, lists, files, and everything wrong told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.formats.graph_json import graph_from_data
from nodeflow.inputs import parse_value, set_texts, split_assignments
from nodeflow.registry import Registry

T = TypeVar("T")


@pytest.mark.parametrize(
    ("text", "tp", "value"),
    [
        ("20", int, 20),
        (" -3 ", int, -3),
        ("9223372036854775807", int, 2**63 - 1),
        ("7.5", float, 7.5),
        ("1e-3", float, 0.001),
        ("7", float, 7.0),
        ("true", bool, True),
        ("Yes", bool, True),
        ("1", bool, True),
        ("NO", bool, False),
        ("0", bool, False),
        ("a cat = a pet", str, "a cat = a pet"),
        ("", str, ""),
        ("12", str, "12"),
        ("none", str | None, None),
        ("nonesuch", str | None, "nonesuch"),
        ("none", str, "none"),
        ("3", int | None, 3),
        ("3", int | str, 3),
        ("three", int | str, "three"),
        ("1", bool | int, 1),
        ("no", bool | int, False),
        ("1, 2,3", list[int], [1, 2, 3]),
        ("[1, 2]", list[int], [1, 2]),
        ("", list[int], []),
        ("5", list[int], [5]),
        ("a, b", list[str], ["a", "b"]),
        ('["a, b", "c"]', list[str], ["a, b", "c"]),
        ("[[1], [2, 3]]", list[list[int]], [[1], [2, 3]]),
        ("a, b", str | list[str], "a, b"),
        ('["a", "b"]', str | list[str], ["a", "b"]),
        ("7", T, 7),
        ("cat", T, "cat"),
        ("@@home", str, "@home"),
    ],
)
def test_a_text_means_what_its_port_takes(text: str, tp: Any, value: Any) -> None:
    got = parse_value(text, tp)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "tp", "expected"),
    [
        ("1.5", int, "expected int"),
        ("", int, "expected int"),
        ("cat", float, "expected float"),
        ("nan", float, "expected float"),
        ("inf", float, "expected float"),
        ("2", bool, "expected true or false"),
        ("1, x", list[int], r"expected list\[int\]"),
        ("[1, 'x']", list[int], r"expected list\[int\]"),
        ("1, 2", list[list[int]], r"expected list\[list\[int\]\]"),
        ("[" * 100_000, list[int], r"expected list\[int\]"),
        ("x", int | None, "expected int | none"),
        ("@nowhere.txt", str, "a text file: No such file"),
        ("@\0", str, "a text file"),
    ],
)
def test_a_text_that_means_nothing_says_what_was_expected(
    text: str, tp: Any, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_value(text, tp)


@given(st.integers(-(2**70), 2**70))
def test_every_integer_comes_back(value: int) -> None:
    assert parse_value(str(value), int) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_comes_back(value: float) -> None:
    assert parse_value(repr(value), float) == value


@given(st.text().filter(lambda text: not text.startswith("@")))
def test_every_text_comes_back(value: str) -> None:
    assert parse_value(value, str) == value


def test_a_file_gives_its_text_without_the_last_line_end(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("a cat,\nasleep\n", encoding="utf-8")
    assert parse_value(f"@{file}", str) == "a cat,\nasleep"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        parse_value(f"@{file}", str)


def test_assignments_are_split_at_the_first_equals_sign() -> None:
    assert split_assignments(["a=1", "b=x=y", "a=2", " c ="]) == {"a": "2", "b": "x=y", "c": ""}
    for text in ("a", "=1", ""):
        with pytest.raises(ValueError, match="no name=value"):
            split_assignments([text])


GRAPH: dict[str, Any] = {
    "nodeflow": 1,
    "inputs": {
        "a": "add.a",
        "both": ["add.b", "scale.by"],
        "inner": "group.x",
        "fruit": "pear.apple",
        "gone": [],
    },
    "nodes": {
        "add": {"type": "t.add"},
        "scale": {"type": "t.scaled", "links": {"value": "add.value"}},
        "pear": {"type": "t.graft"},
        "group": {
            "type": "flow.graph",
            "graph": {
                "nodeflow": 1,
                "inputs": {"x": "n.value"},
                "outputs": {"y": "n.value"},
                "nodes": {"n": {"type": "t.number"}},
            },
        },
    },
}


def set_in_graph(
    registry: Registry, inputs: dict[str, str], params: dict[str, str] | None = None
) -> tuple[Any, list[tuple[str, str, str]]]:
    graph = graph_from_data(GRAPH, registry)
    changed, problems = set_texts(graph, registry, inputs, params or {})
    return changed, [(p.code, p.where, f"{p.message} {p.hint}") for p in problems]


def test_inputs_are_typed_by_the_ports_they_feed(registry: Registry) -> None:
    graph, problems = set_in_graph(registry, {"a": "3", "both": "2", "inner": "4"})
    assert problems == []
    assert graph.nodes["add"].params == {"a": 3, "b": 2}
    assert graph.nodes["scale"].params == {"by": 2}
    assert graph.node("group").params == {"x": 4}


def test_params_are_set_at_any_node_and_take_the_place_of_a_wire(registry: Registry) -> None:
    graph, problems = set_in_graph(registry, {}, {"scale.value": "5", "group/n.value": "7"})
    assert problems == []
    assert graph.nodes["scale"].params == {"value": 5}
    assert graph.nodes["scale"].links == {}
    assert graph.node("group/n").params == {"value": 7}
    assert set_in_graph(registry, {}, {"group.x": "6"})[0].nodes["group"].params == {"x": 6}


def test_everything_wrong_is_told_at_once_and_the_rest_is_set(registry: Registry) -> None:
    graph, problems = set_in_graph(
        registry,
        {"a": "x", "bath": "1", "inner": "9", "fruit": "red", "add.b": "2"},
        {"nobody.x": "1", "a": "2", "what": "1"},
    )
    assert [(code, where) for code, where, _ in problems] == [
        ("wrong-literal", "a"),
        ("unknown-input", "bath"),
        ("wrong-literal", "fruit"),
        ("unknown-input", "add.b"),
        ("unknown-node", "nobody.x"),
        ("unknown-node", "a"),
        ("unknown-node", "what"),
    ]
    texts = [text for *_, text in problems]
    assert "got 'x', expected int" in texts[0]
    assert "did you mean 'both'?" in texts[1]
    assert "takes Apple" in texts[2]
    assert "--set add.b" in texts[3]
    assert "leave --set out" in texts[5]
    assert graph.node("group").params == {"x": 9}
    assert graph.nodes["add"].params == {}


@pytest.mark.parametrize("text", ["x", "1.5"])
def test_a_value_must_fit_every_port_that_its_input_feeds(registry: Registry, text: str) -> None:
    _, problems = set_in_graph(registry, {"both": text})
    assert [code for code, *_ in problems] == ["wrong-literal"]
    assert f"got {text!r}, expected int" in problems[0][2]


def test_an_input_that_feeds_nothing_is_left_to_the_check_of_the_graph(registry: Registry) -> None:
    assert set_in_graph(registry, {"gone": "1"})[1] == []
