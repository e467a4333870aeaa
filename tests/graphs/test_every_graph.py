"""What holds for every example graph: it is valid, says what it is, and is laid out to be read."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from nodeflow.formats.graph_json import read_graph
from nodeflow.graph import Loop, Node, walk
from nodeflow.registry import default_registry
from nodeflow.validate import validate

FOLDER = Path(__file__).parents[2] / "graphs"
NAMES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.json"))
THE_USERS = {"no-such-checkpoint", "no-such-model", "no-such-file"}
"""What is wrong with graphs under models/ until a user has the files that they name: models under
their customary names, and a photograph."""
WIDTH, HEAD, ROW, GAP = 260, 54, 26, 20  # of a box in the editor, px
TALL = ("Prompt", "TextArea")
"""Widgets of four rows, with the name above them."""


def test_there_are_graphs() -> None:
    assert len(NAMES) > 20


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_valid_graph_and_says_what_it_is(name: str) -> None:
    found = read_graph(FOLDER / name)
    missing = THE_USERS if name.startswith("models/") else set()
    assert [problem for problem in validate(found) if problem.code not in missing] == []
    assert found.title
    assert len(found.description) > 80
    assert found.inputs
    assert found.outputs


def box_height(node: Node) -> int:
    if isinstance(node, Loop):
        state = 2 * len(node.state)
        return HEAD + ROW * (len(node.each) + len(node.const) + state + len(node.collect))
    definition = default_registry().get(node.type)
    assert definition is not None
    tall = sum(type(port.widget).__name__ in TALL for port in definition.inputs.values())
    return HEAD + ROW * (len(definition.inputs) + len(definition.outputs) + 3 * tall)


@pytest.mark.parametrize("name", NAMES)
def test_its_boxes_do_not_touch(name: str) -> None:
    found = read_graph(FOLDER / name)
    nodes = dict(walk(found))
    assert {key for key in found.view if not key.startswith("$")} == set(nodes)
    for a, b in combinations(nodes, 2):
        if a.rpartition("/")[0] != b.rpartition("/")[0]:
            continue  # one lies inside a loop, the other outside
        (ax, ay), (bx, by) = found.view[a], found.view[b]
        upper, lower = (a, b) if ay <= by else (b, a)
        under = abs(ay - by) >= box_height(nodes[upper]) + GAP
        assert abs(ax - bx) >= WIDTH + GAP or under, f"{upper} covers {lower}"
