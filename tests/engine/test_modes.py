"""Muted and bypassed nodes, by what runs and what comes out."""

from __future__ import annotations

from typing import Any

import pytest

import nodeflow
from nodeflow.errors import GraphError
from nodeflow.formats.graph_json import graph_from_data, graph_to_data
from nodeflow.modes import has_modes, without_modes
from nodeflow.registry import Registry, default_registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return default_registry()


def _graph(nodes: dict[str, Any], outputs: dict[str, str], **more: Any) -> nodeflow.Graph:
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": outputs, **more})


def _number(value: float) -> dict[str, Any]:
    return {"type": "math.add", "params": {"a": value, "b": 0.0}}


def _add(a: str, b: str, **more: Any) -> dict[str, Any]:
    return {"type": "math.add", "links": {"a": a, "b": b}, **more}


def test_a_bypassed_node_hands_on_its_first_fitting_input() -> None:
    nodes = {
        "two": _number(2),
        "three": _number(3),
        "sum": _add("two.value", "three.value", mode="bypass"),
        "end": _add("sum.value", "three.value"),
    }
    assert nodeflow.run(_graph(nodes, {"x": "end.value"})).outputs["x"] == 5
    del nodes["sum"]["mode"]
    assert nodeflow.run(_graph(nodes, {"x": "end.value"})).outputs["x"] == 8


def test_bypassed_nodes_in_a_row_hand_on_the_first_one_s_input() -> None:
    nodes = {
        "two": _number(2),
        "a": {
            "type": "math.add",
            "params": {"b": 10.0},
            "links": {"a": "two.value"},
            "mode": "bypass",
        },
        "b": {
            "type": "math.add",
            "params": {"b": 10.0},
            "links": {"a": "a.value"},
            "mode": "bypass",
        },
    }
    result = nodeflow.run(_graph(nodes, {"x": "b.value"}))
    assert result.outputs["x"] == 2
    assert set(result.nodes) == {"two"}


def test_a_bypassed_node_hands_on_a_literal_where_nothing_is_wired() -> None:
    nodes = {
        "a": {"type": "math.add", "params": {"a": 4.0, "b": 10.0}, "mode": "bypass"},
        "b": {"type": "math.add", "params": {"b": 1.0}, "links": {"a": "a.value"}},
    }
    assert nodeflow.run(_graph(nodes, {"x": "b.value"})).outputs["x"] == 5


def test_a_muted_node_takes_with_it_what_cannot_do_without() -> None:
    nodes = {
        "checkpoint": {"type": "load.checkpoint", "mode": "mute"},
        "encode": {"type": "text.encode", "links": {"clip": "checkpoint.clip"}},
        "two": _number(2),
    }
    graph = _graph(nodes, {"x": "two.value", "y": "encode.conditioning"})
    warnings = nodeflow.validate(graph)
    assert [(p.code, p.where, p.severity) for p in warnings] == [("muted", "outputs.y", "warning")]
    result = nodeflow.run(graph)
    assert result.outputs == {"x": 2}
    assert set(result.nodes) == {"two"}


def test_a_port_with_a_default_falls_back_on_it() -> None:
    nodes = {
        "two": {**_number(2), "mode": "mute"},
        "end": {"type": "math.add", "params": {"a": 1.0}, "links": {"b": "two.value"}},
    }
    left, problems = without_modes(_graph(nodes, {"x": "end.value"}), default_registry())
    definition = default_registry().get("math.add")
    assert definition is not None
    if definition.inputs["b"].required:
        assert [p.code for p in problems] == ["muted", "all-muted"]
    else:
        assert left.nodes["end"].links == {}


def test_of_a_gathered_list_the_others_are_left(registry: Registry) -> None:
    nodes = {
        "a": {"type": "image.fill", "mode": "mute"},
        "b": {"type": "image.fill"},
        "c": {"type": "image.fill"},
        "all": {"type": "image.batch", "links": {"images": ["a.image", "b.image", "c.image"]}},
    }
    left, problems = without_modes(_graph(nodes, {"x": "all.image"}), registry)
    assert problems == []
    assert [str(link) for link in left.nodes["all"].links["images"]] == ["b.image", "c.image"]  # type: ignore[union-attr]


def test_everything_muted_is_told_as_a_fault() -> None:
    graph = _graph({"two": {**_number(2), "mode": "mute"}}, {"x": "two.value"})
    with pytest.raises(GraphError) as caught:
        nodeflow.run(graph)
    assert "all-muted" in {p.code for p in caught.value.problems}


def test_a_node_without_a_fitting_input_cannot_be_bypassed() -> None:
    nodes = {
        "checkpoint": {"type": "load.checkpoint", "mode": "bypass"},
        "encode": {"type": "text.encode", "links": {"clip": "checkpoint.clip"}},
    }
    faults = nodeflow.validate(_graph(nodes, {"y": "encode.conditioning"}))
    assert ("no-bypass", "encode.clip") in {(p.code, p.where) for p in faults}


def test_in_a_loop_a_bypassed_node_is_passed_and_a_muted_one_ends_its_state() -> None:
    def loop(mode: str) -> nodeflow.Graph:
        body = {
            "more": {
                "type": "math.add",
                "links": {"a": "state.x", "b": "each.n"},
            },
            "twice": {"type": "math.add", "links": {"a": "more.value", "b": "more.value"}},
        }
        if mode:
            body["twice"]["mode"] = mode  # type: ignore[assignment]
        nodes = {
            "list": {"type": "list.range", "params": {"start": 1, "stop": 4}},
            "start": _number(0),
            "loop": {
                "type": "flow.loop",
                "each": {"n": "list.value"},
                "state": {"x": {"init": "start.value", "next": "twice.value"}},
                "collect": {"all": "more.value"},
                "body": body,
            },
        }
        return _graph(nodes, {"x": "loop.x", "all": "loop.all"})

    registry = default_registry()
    port = registry.get("list.range").outputs[0].name  # type: ignore[union-attr]

    def run(mode: str) -> Any:
        data = graph_to_data(loop(mode))
        data["nodes"]["loop"]["each"]["n"] = f"list.{port}"
        return nodeflow.run(graph_from_data(data)).outputs

    plain, passed = run(""), run("bypass")
    assert plain["x"] != passed["x"]
    assert passed["x"] == passed["all"][-1]
    with pytest.raises(GraphError, match="muted"):
        run("mute")


def test_a_bypassed_loop_hands_on_where_its_state_began() -> None:
    graph = nodeflow.load("graphs/text_to_image.json")
    data = graph_to_data(graph)
    data["nodes"]["denoise"]["mode"] = "bypass"
    left, problems = without_modes(graph_from_data(data), default_registry())
    assert problems == []
    assert str(left.nodes["decode"].links["latent"]) == "start.latent"
    assert "guidance_scale" not in left.inputs
    assert "seed" in left.inputs


def test_a_group_may_be_muted_bypassed_or_hold_such_nodes() -> None:
    def graph(outer: str, inner: str) -> nodeflow.Graph:
        inside = {
            "nodeflow": 1,
            "inputs": {"x": "add.a"},
            "outputs": {"x": "add.value"},
            "nodes": {"add": {"type": "math.add", "params": {"a": 0.0, "b": 5.0}}},
        }
        if inner:
            inside["nodes"]["add"]["mode"] = inner  # type: ignore[index]
        group: dict[str, Any] = {"type": "flow.graph", "graph": inside, "links": {"x": "two.value"}}
        if outer:
            group["mode"] = outer
        return _graph({"two": _number(2), "group": group}, {"x": "group.x", "two": "two.value"})

    assert nodeflow.run(graph("", "")).outputs["x"] == 7
    assert nodeflow.run(graph("bypass", "")).outputs["x"] == 2
    assert nodeflow.run(graph("", "bypass")).outputs["x"] == 2
    assert nodeflow.run(graph("mute", "")).outputs == {"two": 2}
    assert nodeflow.run(graph("", "mute")).outputs == {"two": 2}


def test_a_mode_is_kept_in_the_file_and_counts_in_no_key() -> None:
    nodes = {"a": _number(1), "b": {**_number(2), "mode": "mute"}}
    graph = _graph(nodes, {"x": "a.value"})
    assert has_modes(graph)
    assert graph_to_data(graph)["nodes"]["b"]["mode"] == "mute"
    cache = nodeflow.Cache()
    nodeflow.run(graph, cache=cache)
    del nodes["b"]["mode"]
    again = nodeflow.run(_graph(nodes, {"x": "a.value"}), cache=cache)
    assert again.nodes["a"].state == "cached"


def test_an_unknown_mode_is_told() -> None:
    with pytest.raises(GraphError, match="mode"):
        _graph({"a": {**_number(1), "mode": "sleep"}}, {"x": "a.value"})
