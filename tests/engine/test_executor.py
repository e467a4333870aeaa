"""Runs: what runs, what does not run again, what is let go, what happens when a node fails."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from nodeflow.cache import Cache
from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, GraphError, NodeError
from nodeflow.events import Event, NodeProgress, NodeStarted, RunFinished
from nodeflow.executor import run
from nodeflow.fingerprint import slot_keys, static_keys
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import Registry
from nodeflow.result import RunResult
from nodeflow.validate import program

CHAIN: dict[str, Any] = {
    "n": {"type": "t.number", "params": {"value": 2}},
    "a": {"type": "t.add", "params": {"b": 10}, "links": {"a": "n.value"}},
    "b": {"type": "t.add", "params": {"b": 100}, "links": {"a": "a.value"}},
}


def made(nodes: dict[str, Any], **rest: Any) -> Graph:
    return graph_from_data({"nodeflow": 1, "nodes": nodes, **rest})


def chain(**rest: Any) -> Graph:
    return made(CHAIN, outputs={"sum": "b.value"}, **rest)


def test_a_chain_gives_its_output(registry: Registry) -> None:
    result = run(chain(), registry=registry)
    assert result.outputs == {"sum": 112}
    assert result.status == "done"
    assert {path: record.state for path, record in result.nodes.items()} == {
        "n": "ran",
        "a": "ran",
        "b": "ran",
    }


def test_without_declared_outputs_the_ends_are_given(registry: Registry) -> None:
    assert run(made(CHAIN), registry=registry).outputs == {"b.value": 112}


def test_only_what_is_asked_for_runs(registry: Registry, calls: list[str]) -> None:
    nodes = {**CHAIN, "other": {"type": "t.number", "params": {"value": 5}}}
    graph = made(nodes, outputs={"sum": "b.value", "other": "other.value"})
    assert run(graph, outputs=["other"], registry=registry).outputs == {"other": 5}
    assert calls == ["number 5"]
    assert run(graph, outputs=["a.value"], registry=registry).outputs == {"a.value": 12}


def test_an_unknown_output_names_the_nearest(registry: Registry) -> None:
    with pytest.raises(GraphError, match="did you mean 'sum'"):
        run(chain(), outputs=["summ"], registry=registry)


def test_inputs_set_parameters(registry: Registry) -> None:
    graph = chain(inputs={"start": "n.value", "both": ["a.b", "b.b"]})
    assert run(graph, {"start": 1, "both": 3}, registry=registry).outputs == {"sum": 7}
    with pytest.raises(GraphError, match="did you mean 'start'"):
        run(graph, {"strat": 1}, registry=registry)


def test_a_graph_with_errors_does_not_run(registry: Registry, calls: list[str]) -> None:
    nodes = {**CHAIN, "bad": {"type": "t.add"}}
    with pytest.raises(GraphError, match="required"):
        run(made(nodes), registry=registry)
    assert calls == []


def test_a_second_run_is_all_cached(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(chain(), registry=registry, cache=cache)
    calls.clear()
    result = run(chain(), registry=registry, cache=cache)
    assert calls == []
    assert result.outputs == {"sum": 112}
    assert (result.ran, result.cached) == (0, 3)


def test_only_what_depends_on_a_change_runs_again(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(chain(), registry=registry, cache=cache)
    calls.clear()
    changed = chain().with_params({"a.b": 20})
    result = run(changed, registry=registry, cache=cache)
    assert calls == ["add 2 20", "add 22 100"]
    assert result.nodes["n"].state == "cached"
    assert result.nodes["a"].why == "b changed: 10 → 20"
    assert result.nodes["b"].why == "a changed"


def test_ids_do_not_count_but_values_do(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    run(chain(), registry=registry, cache=cache)
    renamed = {
        "x": CHAIN["n"],
        "y": {**CHAIN["a"], "links": {"a": "x.value"}},
        "z": {**CHAIN["b"], "links": {"a": "y.value"}},
    }
    calls.clear()
    result = run(made(renamed, outputs={"s": "z.value"}), registry=registry, cache=cache)
    assert result.outputs == {"s": 112}
    assert calls == []


def test_without_room_in_the_cache_everything_runs_again(registry: Registry) -> None:
    cache = Cache(budget=0)
    result = run(chain(), registry=registry, cache=cache)
    again = run(chain(), registry=registry, cache=cache)
    assert (result.ran, again.ran) == (3, 3)
    assert again.nodes["n"].why == "nothing changed; its result had been let go"


def test_equal_nodes_run_once(registry: Registry, calls: list[str]) -> None:
    nodes = {
        **CHAIN,
        "n2": CHAIN["n"],
        "a2": {**CHAIN["a"], "links": {"a": "n2.value"}},
        "sum": {"type": "t.total", "links": {"values": ["b.value", "a2.value", "a.value"]}},
    }
    result = run(made(nodes), registry=registry)
    assert result.outputs == {"sum.value": 136}
    assert [call for call in calls if call != "total"] == ["number 2", "add 2 10", "add 12 100"]
    assert result.cached == 2
    calls.clear()
    assert run(made(nodes), registry=registry, cache=Cache(budget=0)).outputs["sum.value"] == 136
    assert calls.count("add 2 10") == 2, "without room, equal nodes run each for itself"


def test_several_outputs_each_have_their_own_readers(registry: Registry) -> None:
    nodes = {
        "d": {"type": "t.divide", "params": {"a": 17, "b": 5}},
        "s": {"type": "t.add", "links": {"a": "d.quotient", "b": "d.remainder"}},
    }
    assert run(made(nodes), registry=registry).outputs == {"s.value": 5}


def test_lists_are_gathered_in_order(registry: Registry) -> None:
    nodes = {
        "one": {"type": "t.number", "params": {"value": 1}},
        "two": {"type": "t.number", "params": {"value": 2}},
        "list": {"type": "t.numbers", "links": {"values": ["two.value", "one.value", "two.value"]}},
    }
    assert run(made(nodes), registry=registry).outputs == {"list.value": [2, 1, 2]}


def test_a_node_that_writes_runs_each_time_and_is_an_end(
    registry: Registry, calls: list[str]
) -> None:
    nodes = {**CHAIN, "w": {"type": "t.write", "links": {"value": "b.value"}}}
    cache = Cache()
    for _ in range(2):
        result = run(made(nodes), registry=registry, cache=cache)
        assert result.nodes["w"].state == "ran"
    assert calls.count("write 112") == 2
    assert calls.count("add 2 10") == 1
    run(made(nodes), outputs=["a.value"], registry=registry, cache=cache)
    assert calls.count("write 112") == 2
    run(made(nodes), outputs=["w"], registry=registry, cache=cache)
    assert calls.count("write 112") == 3


def test_what_hangs_on_the_world_is_never_cached(registry: Registry, calls: list[str]) -> None:
    nodes = {"c": {"type": "t.clock"}, "a": {"type": "t.add", "links": {"a": "c.value"}}}
    cache = Cache()
    run(made(nodes), registry=registry, cache=cache)
    result = run(made(nodes), registry=registry, cache=cache)
    assert result.ran == 2
    assert calls.count("clock") == 2


def test_files_count_by_content(registry: Registry, tmp_path: Path, calls: list[str]) -> None:
    file, other = tmp_path / "a.txt", tmp_path / "b.txt"
    file.write_text("hello")
    other.write_text("hello")
    graph = made({"r": {"type": "t.read", "params": {"path": str(file)}}}, outputs={"t": "r.value"})
    cache = Cache()
    for _ in range(2):
        assert run(graph, registry=registry, cache=cache).outputs == {"t": "hello"}
    assert calls == ["read"]
    file.write_text("world!")
    assert run(graph, registry=registry, cache=cache).outputs == {"t": "world!"}
    file.unlink()
    with pytest.raises(GraphError, match=r"a\.txt"):
        run(graph, registry=registry, cache=cache)


def test_a_failure_names_path_ports_and_cause(registry: Registry) -> None:
    nodes = {**CHAIN, "bad": {"type": "t.fail", "links": {"value": "a.value"}}}
    with pytest.raises(NodeError, match="bad") as caught:
        run(made(nodes, outputs={"x": "bad.value"}), registry=registry)
    error = caught.value
    assert (error.path, error.type_id) == ("bad", "t.fail")
    assert "ValueError: this always fails" in error.message
    assert error.inputs == {"value": "12"}
    assert isinstance(error.__cause__, ValueError)


def test_what_finished_before_a_failure_is_kept(registry: Registry, calls: list[str]) -> None:
    nodes = {**CHAIN, "bad": {"type": "t.fail", "links": {"value": "b.value"}}}
    graph = made(nodes, outputs={"sum": "b.value", "x": "bad.value"})
    cache = Cache()
    with pytest.raises(NodeError) as caught:
        run(graph, registry=registry, cache=cache)
    result: RunResult = caught.value.result  # type: ignore[attr-defined]
    assert result.outputs == {"sum": 112}
    assert result.status == "failed"
    calls.clear()
    assert run(chain(), registry=registry, cache=cache).outputs == {"sum": 112}
    assert calls == []


def test_keep_going_finishes_independent_branches(registry: Registry) -> None:
    nodes = {
        "bad": {"type": "t.fail"},
        "after": {"type": "t.add", "links": {"a": "bad.value"}},
        "later": {"type": "t.add", "links": {"a": "after.value"}},
        **CHAIN,
    }
    graph = made(nodes, outputs={"x": "later.value", "sum": "b.value"})
    result = run(graph, registry=registry, keep_going=True)
    assert result.outputs == {"sum": 112}
    assert result.status == "failed"
    assert [error.path for error in result.errors] == ["bad"]
    states = {path: record.state for path, record in result.nodes.items()}
    assert (states["bad"], states["after"], states["later"]) == ("failed", "skipped", "skipped")
    assert result.nodes["later"].why == "bad failed"


def test_cancel_between_two_nodes_keeps_what_finished(registry: Registry) -> None:
    cancel = threading.Event()

    def stop(event: Event) -> None:
        if isinstance(event, NodeStarted) and event.path == "a":
            cancel.set()

    graph = made(CHAIN, outputs={"first": "n.value", "sum": "b.value"})
    with pytest.raises(Cancelled) as caught:
        run(graph, registry=registry, on_event=stop, cancel=cancel)
    result: RunResult = caught.value.result  # type: ignore[attr-defined]
    assert result.status == "cancelled"
    assert result.outputs == {"first": 2}
    assert "b" not in result.nodes


def test_cancel_inside_a_node_that_tells_its_progress(registry: Registry) -> None:
    cancel = threading.Event()
    seen = []

    def stop(event: Event) -> None:
        if isinstance(event, NodeProgress):
            seen.append((event.path, event.value, event.total))
            if event.value == 2:
                cancel.set()

    graph = made({"s": {"type": "t.slow", "params": {"steps": 9}}})
    with pytest.raises(Cancelled):
        run(graph, registry=registry, on_event=stop, cancel=cancel)
    assert seen == [("s", 1, 9), ("s", 2, 9)]


def test_a_keyboard_interrupt_is_a_cancel(registry: Registry) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, NodeStarted) and event.path == "b":
            raise KeyboardInterrupt

    graph = made(CHAIN, outputs={"first": "n.value", "sum": "b.value"})
    with pytest.raises(Cancelled) as caught:
        run(graph, registry=registry, on_event=stop)
    assert caught.value.result.outputs == {"first": 2}  # type: ignore[attr-defined]


def test_events_come_in_order(registry: Registry) -> None:
    seen: list[Event] = []
    run(chain(), registry=registry, on_event=seen.append)
    kinds = [type(event).__name__ for event in seen]
    assert kinds == ["RunStarted", *["NodeStarted", "NodeFinished"] * 3, "RunFinished"]
    assert isinstance(seen[-1], RunFinished)
    assert seen[-1].status == "done"


def test_the_context_reaches_the_node(registry: Registry, tmp_path: Path) -> None:
    nodes = {"s": {"type": "t.slow"}}
    context = RunContext(output_dir=tmp_path)
    assert run(made(nodes), registry=registry, context=context).status == "done"


def test_another_device_is_another_result(registry: Registry, calls: list[str]) -> None:
    cache = Cache()
    graph = made({"s": {"type": "t.slow"}})
    for device in ("cpu", "cpu", "cuda"):
        run(graph, registry=registry, cache=cache, context=RunContext(device=device))
    assert calls == ["slow", "slow"]


def test_values_are_let_go_after_their_last_reader(registry: Registry) -> None:
    nodes: dict[str, Any] = {"n0": {"type": "t.number"}}
    for i in range(1, 50):
        nodes[f"n{i}"] = {"type": "t.add", "links": {"a": f"n{i - 1}.value"}}
    result = run(made(nodes, outputs={"x": "n49.value"}), registry=registry)
    assert result.peak_bytes == 128, "one value and the next are alive at any time"


def test_a_value_from_python_may_be_an_input(registry: Registry, calls: list[str]) -> None:
    nodes = {"p": {"type": "t.graft"}, "w": {"type": "t.weigh", "links": {"pear": "p.pear"}}}
    graph = made(nodes, inputs={"fruit": "p.apple"}, outputs={"weight": "w.value"})
    cache = Cache()
    apple = registry.definitions["t.apple"].function
    for weight in (3, 3, 5):
        result = run(graph, {"fruit": apple(weight)}, registry=registry, cache=cache)
        assert result.outputs == {"weight": weight}
    assert cache.counts.hits == 1, "equal values made apart have one key"
    with pytest.raises(GraphError, match="expected Apple by wire"):
        run(graph, {"fruit": 3}, registry=registry)


def test_a_node_made_again_for_one_output_is_not_held_twice(registry: Registry) -> None:
    nodes = {"d": {"type": "t.divide", "params": {"a": 17, "b": 5}}}
    outputs = {"q": "d.quotient", "r": "d.remainder"}
    cache = Cache()
    graph = made(nodes, outputs=outputs)
    scope = program(graph, registry).scope
    static_keys(scope)
    cache.put(slot_keys(scope, [], "cpu")[0], 3, 1.0, 64, persist=False)
    again = run(graph, registry=registry, cache=cache)
    assert again.outputs == {"q": 3, "r": 2}
    assert again.peak_bytes == 128
