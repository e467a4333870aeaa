"""A node that chooses between its inputs: what feeds the others does not run for its sake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.cache import Cache
from nodeflow.errors import RegistrationError
from nodeflow.events import Event, NodeSkipped
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.node import node
from nodeflow.registry import Registry


def number(value: int) -> dict[str, Any]:
    return {"type": "t.number", "params": {"value": value}}


def add(a: str, b: int = 0) -> dict[str, Any]:
    return {"type": "t.add", "params": {"b": b}, "links": {"a": a}}


def choice(condition: int, **more: Any) -> Graph:
    """condition > 0 ? 10 + 1 : 20 + 2, the condition by wire."""
    nodes = {
        "n": number(condition),
        "test": {"type": "t.above", "links": {"value": "n.value"}},
        "ten": number(10),
        "twenty": number(20),
        "left": add("ten.value", 1),
        "right": add("twenty.value", 2),
        "s": {
            "type": "t.switch",
            "links": {"which": "test.value", "yes": "left.value", "no": "right.value"},
        },
        "end": add("s.value", 100),
        **more,
    }
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"x": "end.value"}})


@pytest.mark.parametrize(("condition", "value", "other"), [(1, 111, "right"), (0, 122, "left")])
def test_only_the_chosen_side_runs(
    registry: Registry, calls: list[str], condition: int, value: int, other: str
) -> None:
    seen: list[Event] = []
    result = run(choice(condition), registry=registry, on_event=seen.append)
    assert result.outputs == {"x": value}
    assert len(calls) == 5, "the number, the test, the side's two, the end"
    assert result.nodes[other].state == "skipped"
    assert result.nodes[other].why == "s chose another"
    assert sum(isinstance(event, NodeSkipped) for event in seen) == 2


def test_a_literal_condition(registry: Registry, calls: list[str]) -> None:
    switch = {
        "type": "t.switch",
        "params": {"which": False},
        "links": {"yes": "left.value", "no": "right.value"},
    }
    assert run(choice(1, s=switch), registry=registry).outputs == {"x": 122}
    assert calls == ["number 20", "add 20 2", "add 22 100"]


def test_what_others_need_runs_all_the_same(registry: Registry, calls: list[str]) -> None:
    graph = choice(1, also=add("right.value"))
    result = run(graph, outputs=["x", "also.value"], registry=registry)
    assert result.outputs == {"x": 111, "also.value": 22}
    assert calls.count("add 20 2") == 1


def test_what_both_sides_share_runs_once(registry: Registry, calls: list[str]) -> None:
    graph = choice(1, right=add("ten.value", 2), left=add("ten.value", 1))
    assert run(graph, registry=registry).outputs == {"x": 111}
    assert calls.count("number 10") == 1


def test_choices_of_choices(registry: Registry, calls: list[str]) -> None:
    inner = {
        "type": "t.switch",
        "links": {"which": "test2.value", "yes": "a.value", "no": "b.value"},
    }
    more = {"a": number(1), "b": number(2), "m": number(0), "left": inner}
    more["test2"] = {"type": "t.above", "links": {"value": "m.value"}}
    assert run(choice(1, **more), registry=registry).outputs == {"x": 102}
    assert "number 1" in calls, "the outer condition's own number"
    assert calls.count("number 1") == 1
    assert not any(call.startswith("number 20") for call in calls)


def test_the_result_is_cached_like_any(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(choice(1), registry=registry, cache=cache)
    calls.clear()
    assert run(choice(1), registry=registry, cache=cache).outputs == {"x": 111}
    assert calls == []
    assert run(choice(0), registry=registry, cache=cache).outputs == {"x": 122}
    assert "number 10" not in calls


def test_a_failure_on_the_side_not_chosen_does_not_matter(registry: Registry) -> None:
    graph = choice(1, right={"type": "t.fail", "links": {"value": "twenty.value"}})
    assert run(graph, registry=registry).outputs == {"x": 111}
    result = run(choice(0, right={"type": "t.fail"}), registry=registry, keep_going=True)
    assert (result.outputs, result.nodes["end"].state) == ({}, "skipped")


def test_in_a_loop_each_pass_chooses(registry: Registry, calls: list[str]) -> None:
    body = {
        "test": {"type": "t.above", "params": {"limit": 1}, "links": {"value": "each.i"}},
        "plus": add("state.sum", 1),
        "hundred": add("state.sum", 100),
        "s": {
            "type": "t.switch",
            "links": {"which": "test.value", "yes": "hundred.value", "no": "plus.value"},
        },
    }
    nodes = {
        "c": {"type": "t.count", "params": {"n": 4}},
        "zero": number(0),
        "l": {
            "type": "flow.loop",
            "each": {"i": "c.value"},
            "state": {"sum": {"init": "zero.value", "next": "s.value"}},
            "body": body,
        },
    }
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"sum": "l.sum"}})
    result = run(graph, registry=registry)
    assert result.outputs == {"sum": 202}
    assert [c for c in calls if c.startswith("add")] == ["add 0 1", "add 1 1", "add 2 100", "add 102 100"]  # fmt: skip  # noqa: E501
    assert result.nodes["l[3]/plus"].state == "skipped"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), max_size=7))
def test_any_chain_of_choices_gives_what_computing_all_gives(
    registry: Registry, steps: list[tuple[bool, int, int]]
) -> None:
    values = [1, 0, 2, 3]
    nodes: dict[str, Any] = {f"n{i}": number(value) for i, value in enumerate(values)}
    for which, a, b in steps:
        index = len(values)
        condition = f"c{index}"
        nodes[f"v{index}"] = number(int(which))
        nodes[condition] = {"type": "t.above", "links": {"value": f"v{index}.value"}}
        yes, no = values[-1 - a], values[-1 - b]
        links = {
            "which": f"{condition}.value",
            "yes": f"n{index - 1 - a}.value",
            "no": f"n{index - 1 - b}.value",
        }
        nodes[f"n{index}"] = {"type": "t.switch", "links": links}
        values.append(yes if which else no)
    name = f"n{len(values) - 1}.value"
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes})
    assert run(graph, outputs=[name], registry=registry).outputs == {name: values[-1]}


def test_what_chooses_must_look_at_ports() -> None:
    with pytest.raises(RegistrationError, match="no port"):

        @node("t.odd", chooses=lambda nothing: "a")
        def odd(a: int, b: int) -> int:
            """Add."""
            return a + b
