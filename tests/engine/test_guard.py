"""`check=True` catches nodes that change what they are given or return what they do not promise."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.errors import MutationError, OutputTypeError
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.guard import InputWatch
from nodeflow.registry import Registry
from nodeflow.sockets import value_fits


def graph_of(nodes: dict[str, Any]) -> Any:
    return graph_from_data({"nodeflow": 1, "nodes": nodes})


SPOIL = {"c": {"type": "t.count"}, "s": {"type": "t.spoil", "links": {"values": "c.value"}}}


def test_a_changed_list_is_caught(registry: Registry) -> None:
    with pytest.raises(MutationError, match="values") as caught:
        run(graph_of(SPOIL), registry=registry, check=True)
    assert caught.value.path == "s"


def test_a_wrong_output_is_caught(registry: Registry) -> None:
    with pytest.raises(OutputTypeError, match=r"'text'.*expected int"):
        run(graph_of({"w": {"type": "t.wrong"}}), registry=registry, check=True)


def test_right_nodes_pass(registry: Registry) -> None:
    nodes = {
        "d": {"type": "t.divide", "params": {"a": 9, "b": 2}},
        "c": {"type": "t.count"},
        "f": {"type": "t.first", "links": {"values": "c.value"}},
        "s": {"type": "t.scaled", "links": {"value": "d.quotient"}},
    }
    assert run(graph_of(nodes), registry=registry, check=True).status == "done"


def test_nested_containers_are_watched() -> None:
    inner = [1, 2]
    watch = InputWatch({"a": ({"k": inner},), "b": [1]})
    assert watch.changed() == {}
    inner[0] = 5
    assert list(watch.changed()) == ["a"]


@pytest.mark.parametrize(
    ("value", "tp", "fits"),
    [
        (1, int, True),
        (True, int, False),
        (1, float, True),
        (1.5, int, False),
        ([1, 2], list[int], True),
        ([1, "2"], list[int], False),
        ((1, 2), list[int], False),
        ("x", int | str, True),
        (None, int, False),
    ],
)
def test_value_fits(value: Any, tp: Any, fits: bool) -> None:
    assert value_fits(value, tp) is fits
