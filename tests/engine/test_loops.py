"""Loops and maps: what they compute, and that a changed tail resumes from the last equal pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.cache import Cache
from nodeflow.errors import NodeError
from nodeflow.events import Event, LoopStep
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import Registry


def scan(values: list[int], start: int = 1, k: int = 10, **rest: Any) -> Graph:
    """sum ← (sum + value) + k, over values."""
    nodes = {
        "values": {"type": "t.numbers", "params": {"values": values}},
        "start": {"type": "t.number", "params": {"value": start}},
        "k": {"type": "t.number", "params": {"value": k}},
        "scan": {
            "type": "flow.loop",
            "each": {"v": "values.value"},
            "const": {"k": "k.value"},
            "state": {"sum": {"init": "start.value", "next": "more.value"}},
            "collect": {"sums": "more.value", "before": "plus.value"},
            "body": {
                "plus": {"type": "t.add", "links": {"a": "state.sum", "b": "each.v"}},
                "more": {"type": "t.add", "links": {"a": "plus.value", "b": "const.k"}},
            },
        },
    }
    rest.setdefault("outputs", {"sum": "scan.sum", "sums": "scan.sums"})
    return graph_from_data({"nodeflow": 1, "nodes": nodes, **rest})


def oracle(values: list[int], start: int = 1, k: int = 10) -> list[int]:
    sums, total = [], start
    for value in values:
        total += value + k
        sums.append(total)
    return sums


def test_a_loop_is_a_scan(registry: Registry) -> None:
    result = run(scan([3, 1, 4]), registry=registry)
    assert result.outputs == {"sum": 39, "sums": oracle([3, 1, 4])}


def test_a_changed_body_is_why_a_loop_runs_again(registry: Registry) -> None:
    cache, graph = Cache(), scan([3, 1])
    run(graph, registry=registry, cache=cache)
    graph = graph.with_params({"scan/more.b": 5})
    assert run(graph, registry=registry, cache=cache).nodes["scan"].why == (
        "its body, or the device, changed"
    )


def test_no_passes_give_the_initial_state(registry: Registry) -> None:
    assert run(scan([]), registry=registry).outputs == {"sum": 1, "sums": []}


def test_a_second_run_does_nothing(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(scan([3, 1, 4]), registry=registry, cache=cache)
    calls.clear()
    result = run(scan([3, 1, 4]), registry=registry, cache=cache)
    assert calls == []
    assert result.outputs["sum"] == 39


def test_a_changed_tail_resumes_from_the_last_equal_pass(
    registry: Registry, calls: list[str]
) -> None:
    cache = Cache()
    run(scan([3, 1, 4, 1, 5]), registry=registry, cache=cache)
    calls.clear()
    seen: list[Event] = []
    graph = scan([3, 1, 4, 9, 9], outputs={"sum": "scan.sum"})
    result = run(graph, registry=registry, cache=cache, on_event=seen.append)
    assert result.outputs["sum"] == oracle([3, 1, 4, 9, 9])[-1]
    added = [call for call in calls if call.startswith("add")]
    assert added == ["add 39 9", "add 48 10", "add 58 9", "add 67 10"]
    steps = [event for event in seen if isinstance(event, LoopStep)]
    assert (steps[0].first, steps[0].count) == (3, 5)
    assert result.nodes["scan[2]/more"].state == "cached"
    assert result.nodes["scan[3]/plus"].why == "b changed"
    assert result.nodes["scan[4]/plus"].why == "a changed; b changed"


def test_a_longer_list_goes_on_where_the_shorter_ended(
    registry: Registry, calls: list[str]
) -> None:
    cache = Cache()
    run(scan([1, 2, 3]), registry=registry, cache=cache)
    calls.clear()
    run(scan([1, 2, 3, 4]), registry=registry, cache=cache)
    assert len([c for c in calls if c.startswith("add")]) == 2


def test_a_changed_constant_runs_every_pass(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(scan([1, 2, 3]), registry=registry, cache=cache)
    calls.clear()
    run(scan([1, 2, 3], k=11), registry=registry, cache=cache)
    assert len([c for c in calls if c.startswith("add")]) == 5, "1 + 1 of the first pass is at hand"


def test_collections_are_made_only_when_read(registry: Registry) -> None:
    result = run(scan([1, 2]), outputs=["sum"], registry=registry)
    assert result.outputs == {"sum": oracle([1, 2])[-1]}


def test_a_collection_added_later_costs_no_pass(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(scan([1, 2, 3]), outputs=["sum"], registry=registry, cache=cache)
    calls.clear()
    result = run(scan([1, 2, 3]), outputs=["scan.before"], registry=registry, cache=cache)
    assert result.outputs["scan.before"] == [2, 14, 27]
    assert calls == [], "the passes' own results were at hand"


def test_two_lists_are_walked_in_step(registry: Registry) -> None:
    graph = two_lists([1, 2, 3], [10, 20, 30])
    assert run(graph, registry=registry).outputs == {"sums": [11, 22, 33]}


def test_lists_of_different_length_are_refused(registry: Registry) -> None:
    with pytest.raises(NodeError, match=r"each\.a has 2.*each\.b has 3"):
        run(two_lists([1, 2], [1, 2, 3]), registry=registry)


def two_lists(a: list[int], b: list[int]) -> Graph:
    nodes = {
        "a": {"type": "t.numbers", "params": {"values": a}},
        "b": {"type": "t.numbers", "params": {"values": b}},
        "m": {
            "type": "flow.map",
            "each": {"a": "a.value", "b": "b.value"},
            "collect": {"sums": "s.value"},
            "body": {"s": {"type": "t.add", "links": {"a": "each.a", "b": "each.b"}}},
        },
    }
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"sums": "m.sums"}})


NESTED = {
    "rows": {"type": "t.count", "params": {"n": 3}},
    "zero": {"type": "t.number", "params": {"value": 0}},
    "outer": {
        "type": "flow.map",
        "each": {"row": "rows.value"},
        "const": {"zero": "zero.value"},
        "collect": {"sums": "inner.sum"},
        "body": {
            "up": {"type": "t.add", "links": {"a": "each.row"}},
            "columns": {"type": "t.count", "links": {"n": "up.value"}},
            "inner": {
                "type": "flow.loop",
                "each": {"i": "columns.value"},
                "const": {"row": "each.row"},
                "state": {"sum": {"init": "const.zero", "next": "s.value"}},
                "body": {
                    "p": {"type": "t.add", "links": {"a": "each.i", "b": "const.row"}},
                    "s": {"type": "t.add", "links": {"a": "state.sum", "b": "p.value"}},
                },
            },
        },
    },
}


def test_loops_in_loops(registry: Registry) -> None:
    graph = graph_from_data({"nodeflow": 1, "nodes": NESTED, "outputs": {"sums": "outer.sums"}})
    expected = [sum(i + row for i in range(row + 1)) for row in range(3)]
    result = run(graph, registry=registry)
    assert result.outputs == {"sums": expected}
    assert result.nodes["outer[2]/inner[1]/s"].state == "ran"


def test_a_state_that_is_passed_on_unchanged(registry: Registry) -> None:
    nodes = {
        "c": {"type": "t.count"},
        "n": {"type": "t.number", "params": {"value": 7}},
        "l": {
            "type": "flow.loop",
            "each": {"i": "c.value"},
            "state": {
                "same": {"init": "n.value", "next": "state.same"},
                "last": {"init": "n.value", "next": "each.i"},
            },
            "body": {},
        },
    }
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes})
    assert run(graph, registry=registry).outputs == {"l.same": 7, "l.last": 2}


def test_two_states_may_change_places(registry: Registry) -> None:
    nodes = {
        "c": {"type": "t.count", "params": {"n": 7}},
        "zero": {"type": "t.number", "params": {"value": 0}},
        "one": {"type": "t.number"},
        "l": {
            "type": "flow.loop",
            "each": {"i": "c.value"},
            "state": {
                "a": {"init": "zero.value", "next": "state.b"},
                "b": {"init": "one.value", "next": "s.value"},
            },
            "body": {"s": {"type": "t.add", "links": {"a": "state.a", "b": "state.b"}}},
        },
    }
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"fib": "l.a"}})
    assert run(graph, registry=registry).outputs == {"fib": 13}


def test_a_failing_pass_names_itself(registry: Registry, calls: list[str]) -> None:
    nodes = {
        "c": {"type": "t.count", "params": {"n": 5}},
        "m": {
            "type": "flow.map",
            "each": {"i": "c.value"},
            "collect": {"v": "f.value"},
            "body": {
                "f": {"type": "t.fail_at", "params": {"bad": 3}, "links": {"value": "each.i"}}
            },
        },
        "other": {"type": "t.number"},
    }
    graph = graph_from_data(
        {"nodeflow": 1, "nodes": nodes, "outputs": {"v": "m.v", "other": "other.value"}}
    )
    cache = Cache()
    with pytest.raises(NodeError) as caught:
        run(graph, registry=registry, cache=cache)
    assert caught.value.path == "m[3]/f"
    calls.clear()
    result = run(graph, registry=registry, cache=cache, keep_going=True)
    assert result.outputs == {"other": 1}
    assert result.nodes["m"].state == "failed"
    assert [error.path for error in result.errors] == ["m[3]/f"]
    told = [c for c in calls if c.startswith("fail_at")]
    assert told == ["fail_at 4"], "passes 0 to 2 were at hand; pass 4 needs nothing of pass 3"


def test_keep_going_runs_all_other_passes_of_maps_and_tells_every_fault(
    registry: Registry, calls: list[str]
) -> None:
    """A map in a map: of each inner map the pass that fails is left out, and all are told."""
    inner = {
        "type": "flow.map",
        "each": {"i": "const.list"},
        "collect": {"v": "f.value"},
        "body": {"f": {"type": "t.fail_at", "params": {"bad": 1}, "links": {"value": "each.i"}}},
    }
    nodes = {
        "c": {"type": "t.count", "params": {"n": 3}},
        "m": {
            "type": "flow.map",
            "each": {"j": "c.value"},
            "const": {"list": "c.value"},
            "collect": {"w": "w.value"},
            "body": {
                "scaled": {"type": "t.add", "links": {"a": "each.j"}},
                "in": inner,
                "w": {"type": "t.total", "links": {"values": "in.v"}},
            },
        },
        "t": {"type": "t.total", "links": {"values": "m.w"}},
    }
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"t": "t.value"}})
    result = run(graph, registry=registry, keep_going=True)
    assert result.outputs == {}
    assert [error.path for error in result.errors] == [f"m[{k}]/in[1]/f" for k in range(3)]
    assert result.nodes["m"].state == "failed"
    assert result.nodes["t"].state == "skipped"


def test_what_writes_in_a_body_runs_in_every_pass(registry: Registry, calls: list[str]) -> None:
    nodes = {
        "c": {"type": "t.count"},
        "m": {
            "type": "flow.map",
            "each": {"i": "c.value"},
            "collect": {"v": "a.value"},
            "body": {
                "a": {"type": "t.add", "links": {"a": "each.i"}},
                "w": {"type": "t.write", "links": {"value": "a.value"}},
            },
        },
    }
    graph = graph_from_data({"nodeflow": 1, "nodes": nodes})
    cache = Cache()
    for _ in range(2):
        run(graph, registry=registry, cache=cache)
    assert [c for c in calls if c.startswith("write")] == ["write 1", "write 2", "write 3"] * 2
    assert len([c for c in calls if c.startswith("add")]) == 3


def test_a_long_loop_holds_little(registry: Registry) -> None:
    short = run(scan(list(range(10))), outputs=["sum"], registry=registry)
    long = run(scan(list(range(1000))), outputs=["sum"], registry=registry)
    lists = 8 * (1000 - 10)
    assert long.peak_bytes - short.peak_bytes == lists


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), max_size=6),
    st.lists(st.integers(0, 3), max_size=6),
    st.integers(0, 4000),
)
def test_with_any_cache_the_result_is_that_of_none(
    registry: Registry, first: list[int], second: list[int], budget: int
) -> None:
    cache = Cache(budget=budget)
    for values in (first, second, first):
        result = run(scan(values), registry=registry, cache=cache)
        sums = oracle(values)
        assert result.outputs == {"sum": sums[-1] if sums else 1, "sums": sums}
        assert cache.nbytes <= budget
