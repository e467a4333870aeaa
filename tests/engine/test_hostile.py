"""Graphs that were made to be dear to check: every fault is told, and the cost stays in proportion.

Time is not measured: what costs it is counted.
"""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest

from nodeflow import graph as module
from nodeflow.errors import GraphError, GraphFormatError, Problem
from nodeflow.formats.faults import Repeated, object_of
from nodeflow.formats.graph_json import LONGEST_ID, graph_from_data
from nodeflow.graph import LISTED, listed, nearest
from nodeflow.registry import load_registry
from nodeflow.validate import validate
from nodeflow.widgets import DEEPEST_PATH, LONGEST_PATH, NewPath

MANY = 2_000


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many names were held against each name that hints were sought for."""
    counts: list[int] = []
    search = difflib.get_close_matches

    def counted(word: str, names: Any, **how: Any) -> list[str]:
        counts.append(len(names))
        return search(word, names, **how)

    monkeypatch.setattr(module.difflib, "get_close_matches", counted)
    return counts


def faults(nodes: dict[str, Any], **more: Any) -> list[Problem]:
    return validate(graph_from_data({"nodeflow": 1, "nodes": nodes, **more}), load_registry(()))


def test_unknown_types_get_hints_while_the_effort_lasts(compared: list[int]) -> None:
    found = faults({f"n{k}": {"type": f"math.ad{k}"} for k in range(MANY)})
    assert [p.code for p in found] == ["unknown-type"] * MANY
    assert "did you mean" in found[0].hint
    assert "did you mean" not in found[-1].hint
    assert sum(compared) < 2 * module.COMPARISONS


def test_a_few_unknown_types_all_get_hints(compared: list[int]) -> None:
    found = faults({f"n{k}": {"type": "math.ad"} for k in range(40)})
    assert all("did you mean" in p.hint for p in found)


def test_each_check_has_an_effort_of_its_own(compared: list[int]) -> None:
    for _ in range(2):
        found = faults({f"n{k}": {"type": f"math.ad{k}"} for k in range(MANY)})
        assert "did you mean" in found[0].hint
    assert nearest("prompt", ["promt"] * MANY) == "promt"  # elsewhere nothing bounds it


def test_links_to_nowhere_are_all_told(compared: list[int]) -> None:
    links = {"a": "nowhere.value", "b": "nowhere.value"}
    found = faults({f"n{k}": {"type": "math.add", "links": links} for k in range(MANY)})
    assert [p.code for p in found] == ["unknown-node"] * 2 * MANY
    assert sum(compared) < 2 * module.COMPARISONS


def test_inputs_that_are_not_declared_are_all_told(compared: list[int]) -> None:
    nodes = {"t": {"type": "value.text"}}
    inputs = {f"i{k}": "t.value" for k in range(MANY)}
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes, "inputs": inputs})
    with pytest.raises(GraphError) as caught:
        graph.with_inputs({f"other{k}": "" for k in range(MANY)})
    assert len(caught.value.problems) == MANY
    assert max(len(p.hint) for p in caught.value.problems) < 20 * LISTED
    assert sum(compared) < 2 * module.COMPARISONS


def test_conversions_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from nodeflow.check_node import NodeCheck

    asked = []
    search = NodeCheck._converters

    def counted(self: Any, source: Any, target: Any) -> str:
        asked.append((source, target))
        return search(self, source, target)

    monkeypatch.setattr(NodeCheck, "_converters", counted)
    wrong = {"type": "vae.decode", "links": {"vae": "t.value", "latent": "t.value"}}
    found = faults({"t": {"type": "value.text"}, **{f"n{k}": wrong for k in range(MANY)}})
    assert len(found) == 2 * MANY
    assert len(asked) == 2


def test_a_hint_lists_so_many_names_and_no_more() -> None:
    assert listed([]) == "none"
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(LISTED))).endswith(f", {LISTED - 1}")
    assert listed(map(str, range(10**6))).endswith(f", {LISTED - 1}, …")


def test_a_name_that_nobody_types_is_like_none(compared: list[int]) -> None:
    assert nearest("x" * 10**6, ["x"]) is None
    assert compared == []


@pytest.mark.parametrize("inside", [False, True])
def test_an_id_is_no_novel(inside: bool) -> None:
    nodes: dict[str, Any] = {"x" * (LONGEST_ID + 1): {"type": "math.add"}}
    if inside:
        nodes = {"g": {"type": "flow.graph", "graph": {"nodeflow": 1, "nodes": nodes}}}
    with pytest.raises(GraphFormatError) as caught:
        graph_from_data({"nodeflow": 1, "nodes": nodes})
    (problem,) = caught.value.problems
    assert problem.code == "long-id"
    assert len(str(problem)) < 300
    graph_from_data({"nodeflow": 1, "nodes": {"x" * LONGEST_ID: {"type": "math.add"}}})


def test_names_that_stand_twice_are_counted_once() -> None:
    pairs = [(str(k // 2), 1) for k in range(100_000)]
    found = object_of(pairs)  # a square of these would not end
    assert isinstance(found, Repeated)
    assert len(found.names) == 50_000
    assert json.loads('{"a": 1, "a": 2, "b": 3}', object_pairs_hook=object_of).names == ("a",)


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("x" * LONGEST_PATH, True),
        ("x" * (LONGEST_PATH + 1), False),
        ("x/" * (DEEPEST_PATH - 1) + "x", True),
        ("x/" * DEEPEST_PATH + "x", False),
        ("../" * 10**6, False),
    ],
)
def test_a_path_that_is_written_has_an_end(path: str, good: bool) -> None:
    fault = NewPath().check(path)
    assert (fault is None) == good
    assert len(fault or "") < 300
