"""Groups: a whole graph used as one node gives what its nodes would give on their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from nodeflow.executor import run
from nodeflow.flatten import flatten
from nodeflow.graph import Graph, Group, Link, Loop, Node, State
from nodeflow.registry import Registry
from nodeflow.validate import validate

Outputs = Callable[..., dict[str, Any]]
Faults = Callable[[Graph], dict[str, str]]


@pytest.fixture
def results(registry: Registry) -> Outputs:
    """What a graph gives at the ports named."""

    def of(nodes: Mapping[str, Node], *ports: str) -> list[Any]:
        found = run(Graph(nodes=nodes), outputs=ports, registry=registry).outputs
        return [found[port] for port in ports]

    return of


@pytest.fixture
def faults(registry: Registry) -> Faults:
    """place → code of what is wrong with some nodes."""

    def of(nodes: Mapping[str, Node]) -> dict[str, str]:
        problems = validate(Graph(nodes=nodes), registry)
        assert len({p.where for p in problems}) == len(problems), problems
        return {p.where: p.code for p in problems}

    return of


def _wire(text: str) -> Link:
    return Link.parse(text)


def _sum() -> Graph:
    """Inputs `a`, `b`; outputs their sum, and twice that."""
    return Graph(
        nodes={
            "sum": Node("t.add", params={"a": 1, "b": 1}),
            "twice": Node("t.add", links={"a": _wire("sum.value"), "b": _wire("sum.value")}),
        },
        inputs={"a": ("sum.a",), "b": ("sum.b",)},
        outputs={"sum": _wire("sum.value"), "twice": _wire("twice.value")},
    )


def _group(
    graph: Graph, params: Mapping[str, Any] | None = None, **links: str | list[str]
) -> Group:
    wires: dict[str, Any] = {
        port: _wire(text) if isinstance(text, str) else tuple(map(_wire, text))
        for port, text in links.items()
    }
    return Group("flow.graph", params=params or {}, links=wires, graph=graph)


# ── values and wires in, values out ────────────────────────────────────────────────────────────


def test_graph_without_groups_is_left_as_it_is() -> None:
    nodes = {"a": Node("t.number"), "b": Node("t.add", links={"a": _wire("a.value")})}
    assert flatten(nodes, "").nodes == nodes


def test_own_values_stand_where_nothing_is_given(results: Outputs) -> None:
    assert results({"g": _group(_sum())}, "g.sum", "g.twice") == [2, 4]


def test_literals_go_in(results: Outputs) -> None:
    assert results({"g": _group(_sum(), {"a": 5})}, "g.sum", "g.twice") == [6, 12]


def test_wires_go_in_and_take_the_place_of_literals(results: Outputs) -> None:
    nodes = {"n": Node("t.number", params={"value": 7}), "g": _group(_sum(), {"b": 2}, a="n.value")}
    assert results(nodes, "g.twice") == [18]
    flat = flatten(nodes, "")
    assert flat.nodes["g/sum"].params == {"b": 2}
    assert flat.nodes["g/sum"].links == {"a": _wire("n.value")}


def test_nodes_outside_read_the_groups_outputs(results: Outputs) -> None:
    nodes = {
        "g": _group(_sum(), {"a": 2}),
        "after": Node("t.add", links={"a": _wire("g.twice"), "b": _wire("g.sum")}),
    }
    assert results(nodes, "after.value") == [9]


def test_lists_of_wires_go_in(results: Outputs) -> None:
    inner = Graph(
        nodes={"t": Node("t.total")},
        inputs={"values": ("t.values",)},
        outputs={"total": _wire("t.value")},
    )
    nodes = {
        "n": Node("t.number", params={"value": 7}),
        "g": _group(_sum()),
        "all": _group(inner, values=["n.value", "g.sum", "n.value"]),
    }
    assert results(nodes, "all.total") == [16]


def test_one_input_feeds_several_ports(results: Outputs) -> None:
    inner = _sum()
    inner = Graph(
        nodes=inner.nodes, inputs={"both": ("sum.a", "sum.b")}, outputs={"out": _wire("sum.value")}
    )
    nodes = {"n": Node("t.number", params={"value": 7}), "w": _group(inner, both="n.value")}
    nodes["l"] = _group(inner, {"both": 4})
    assert results(nodes, "w.out", "l.out") == [14, 8]


def test_two_uses_of_one_graph_are_independent(results: Outputs) -> None:
    graph = _sum()
    nodes = {
        "one": _group(graph, {"a": 10}),
        "two": _group(graph, {"b": 20}, a="one.sum"),
        "three": _group(graph),
    }
    assert results(nodes, "one.sum", "two.sum", "three.sum") == [11, 31, 2]
    assert graph == _sum()


# ── groups in groups ───────────────────────────────────────────────────────────────────────────


def _outer() -> Graph:
    """Two sums in a row, each a group; the output is a group's output."""
    return Graph(
        nodes={
            "first": _group(_sum(), {"b": 10}),
            "second": _group(_sum(), a="first.sum"),
        },
        inputs={"a": ("first.a",), "b": ("second.b",), "deep": ("first/sum.b",)},
        outputs={"out": _wire("second.twice"), "between": _wire("first.sum")},
    )


def test_output_of_a_group_that_is_the_output_of_a_group(results: Outputs) -> None:
    assert results({"g": _group(_outer())}, "g.between", "g.out") == [11, 24]


def test_values_and_wires_go_through_two_groups(results: Outputs) -> None:
    nodes = {
        "n": Node("t.number", params={"value": 7}),
        "literals": _group(_outer(), {"a": 2, "b": 3}),
        "wires": _group(_outer(), a="n.value", b="literals.between"),
    }
    assert results(nodes, "literals.out", "wires.between", "wires.out") == [30, 17, 58]


def test_input_that_names_a_port_inside_an_inner_group(results: Outputs) -> None:
    """It may, where that group does not feed the port itself."""
    outer = Graph(
        nodes={"in": _group(_sum(), {"a": 10})},
        inputs={"deep": ("in/sum.b",)},
        outputs={"out": _wire("in.sum")},
    )
    nodes = {
        "n": Node("t.number", params={"value": 7}),
        "literal": _group(outer, {"deep": 100}),
        "wire": _group(outer, deep="n.value"),
    }
    assert results(nodes, "literal.out", "wire.out") == [110, 17]


def test_port_that_an_inner_group_feeds_itself_takes_nothing_from_outside(faults: Faults) -> None:
    nodes = {
        "n": Node("t.number", params={"value": 7}),
        "literal": _group(_outer(), {"deep": 100}),
        "wire": _group(_outer(), deep="n.value"),
    }
    assert faults(nodes) == {
        "literal/first/sum.b": "two-sources",
        "wire/first/sum.b": "two-sources",
    }


def test_declared_input_takes_the_place_of_a_groups_literal_or_wire(registry: Registry) -> None:
    nodes = {
        "n": Node("t.number", params={"value": 7}),
        "g": _group(_outer(), {"b": 1}, a="n.value"),
    }
    graph = Graph(
        nodes=nodes, inputs={"a": ("g.a",), "b": ("g.b",)}, outputs={"out": _wire("g.out")}
    )
    assert run(graph, registry=registry).outputs == {"out": 36}
    assert run(graph, {"a": 0, "b": 5}, registry=registry).outputs == {"out": 30}


def test_wire_of_outside_wins_over_a_wire_inside(results: Outputs) -> None:
    inner = Graph(
        nodes={
            "own": Node("t.number", params={"value": 1}),
            "sum": Node("t.add", params={"b": 0}, links={"a": _wire("own.value")}),
        },
        inputs={"a": ("sum.a",)},
        outputs={"out": _wire("sum.value")},
    )
    nodes = {
        "n": Node("t.number", params={"value": 7}),
        "w": _group(inner, a="n.value"),
        "l": _group(inner, {"a": 4}),
        "d": _group(inner),
    }
    assert results(nodes, "w.out", "l.out", "d.out") == [7, 4, 1]


def test_inner_names_do_not_meet_outer_ones(results: Outputs) -> None:
    """The nodes of a group have their paths; a wire inside means the node inside."""
    nodes = {
        "sum": Node("t.number", params={"value": 1000}),
        "g": _group(_sum()),
        "twice": _group(_sum(), a="sum.value"),
    }
    assert results(nodes, "sum.value", "g.twice", "twice.twice") == [1000, 4, 2002]


def test_deep_nesting_does_not_recurse(results: Outputs) -> None:
    graph = _sum()
    for _ in range(400):
        graph = Graph(
            nodes={"in": _group(graph)}, inputs={"a": ("in.a",)}, outputs={"sum": _wire("in.sum")}
        )
    nodes = {"n": Node("t.number", params={"value": 7}), "g": _group(graph, a="n.value")}
    flat = flatten(nodes, "")
    path = "g" + "/in" * 400 + "/sum"
    assert flat.nodes[path].links == {"a": _wire("n.value")}
    assert results(nodes, "g.sum") == [8]


# ── groups and loops ───────────────────────────────────────────────────────────────────────────


def _loop(body: Mapping[str, Node], last: str = "g.sum") -> dict[str, Node]:
    loop = Loop(
        "flow.loop",
        each={"i": _wire("list.value")},
        state={"sum": State(_wire("start.value"), _wire(last))},
        body=body,
    )
    return {"start": Node("t.number"), "list": Node("t.count"), "loop": loop}


def test_group_in_a_body(results: Outputs) -> None:
    nodes = _loop({"g": _group(_sum(), a="state.sum", b="each.i")})
    assert results(nodes, "loop.sum") == [1 + 0 + 1 + 2]


def test_group_in_a_group_in_a_body(results: Outputs) -> None:
    nodes = _loop({"g": _group(_outer(), a="state.sum", b="each.i")}, last="g.between")
    assert results(nodes, "loop.sum") == [31]


def test_body_in_a_group(results: Outputs) -> None:
    inner = _loop(
        {"next": Node("t.add", params={"b": 2}, links={"a": _wire("state.sum")})}, "next.value"
    )
    graph = Graph(
        nodes=inner,
        inputs={"start": ("start.value",), "step": ("loop/next.b",)},
        outputs={"sum": _wire("loop.sum")},
    )
    nodes = {"g": _group(graph), "l": _group(graph, {"start": 10, "step": 5})}
    assert results(nodes, "g.sum", "l.sum") == [7, 25]


def test_group_inside_a_body_may_not_read_what_the_loop_gives(faults: Faults) -> None:
    """A group is closed: what it reads, it declares."""
    leaky = Graph(
        nodes={"n": Node("t.add", links={"a": _wire("state.sum")})},
        outputs={"sum": _wire("n.value")},
    )
    assert faults(_loop({"g": _group(leaky)})) == {"loop/g/n.a": "unknown-node"}


def test_node_called_each_is_allowed_in_a_group(results: Outputs) -> None:
    graph = Graph(
        nodes={"each": Node("t.number", params={"value": 5})}, outputs={"sum": _wire("each.value")}
    )
    assert results(_loop({"g": _group(graph)}), "loop.sum") == [5]


# ── faults ─────────────────────────────────────────────────────────────────────────────────────


def test_unknown_inputs_are_told_with_the_nearest(registry: Registry) -> None:
    nodes = {"n": Node("t.number"), "g": _group(_sum(), {"c": 1}, aa="n.value")}
    problems = {p.where: p for p in validate(Graph(nodes=nodes), registry)}
    assert {where: p.code for where, p in problems.items()} == {
        "g.c": "unknown-input",
        "g.aa": "unknown-input",
    }
    assert "did you mean 'a'?" in problems["g.aa"].hint


def test_unknown_outputs_are_told_with_the_nearest(registry: Registry) -> None:
    nodes = {"g": _group(_sum()), "n": Node("t.add", links={"a": _wire("g.twise")})}
    (problem,) = validate(Graph(nodes=nodes), registry)
    assert (problem.code, problem.where) == ("unknown-port", "n.a")
    assert problem.hint == "did you mean g.twice?"


def test_literal_and_wire_at_one_port_are_two_sources(faults: Faults) -> None:
    nodes = {"n": Node("t.number"), "g": _group(_sum(), {"a": 1}, a="n.value")}
    assert faults(nodes) == {"g.a": "two-sources"}


def test_wrong_literal_is_told_where_it_ends_up(faults: Faults) -> None:
    assert faults({"g": _group(_outer(), {"a": "text"})}) == {"g/first/sum.a": "wrong-literal"}


def test_input_that_feeds_nothing_that_is_there(faults: Faults) -> None:
    graph = Graph(nodes=_sum().nodes, inputs={"a": ("som.a",), "b": ("sum.c",)})
    nodes = {"n": Node("t.number"), "l": _group(graph, {"a": 1})}
    assert faults(nodes) == {"l/som.a": "unknown-node"}
    wired = faults({"n": Node("t.number"), "w": _group(graph, a="n.value", b="n.value")})
    assert wired == {"w": "unknown-node", "w/sum.c": "unknown-port"}


def test_wire_into_a_body_is_refused(registry: Registry) -> None:
    inner = _loop({"next": Node("t.add", links={"a": _wire("state.sum")})}, "next.value")
    graph = Graph(nodes=inner, inputs={"step": ("loop/next.b",)}, outputs={"s": _wire("loop.sum")})
    nodes = {"n": Node("t.number"), "g": _group(graph, step="n.value")}
    (problem,) = validate(Graph(nodes=nodes), registry)
    assert (problem.code, problem.where) == ("wire-into-body", "g")
    assert "const" in problem.hint
    assert "loop/next.b" in problem.message


def test_faults_inside_a_group_have_its_path(faults: Faults) -> None:
    graph = Graph(
        nodes={"n": Node("t.none"), "m": Node("t.add", links={"a": _wire("gone.value")})},
        outputs={"out": _wire("m.value")},
    )
    assert faults({"g": _group(graph)}) == {"g/n": "unknown-type", "g/m.a": "unknown-node"}


def test_cycle_through_groups(faults: Faults) -> None:
    nodes = {"g": _group(_sum(), a="h.sum"), "h": _group(_sum(), a="g.sum")}
    assert list(faults(nodes).values()) == ["cycle"]


def test_output_that_names_nothing(faults: Faults) -> None:
    graph = Graph(nodes=_sum().nodes, outputs={"out": _wire("gone.value"), "odd": _wire("sum.val")})
    nodes = {
        "g": _group(graph),
        "n": Node("t.add", links={"a": _wire("g.out"), "b": _wire("g.odd")}),
    }
    assert faults(nodes) == {"n.a": "unknown-node", "n.b": "unknown-port"}


def test_declared_inputs_must_name_what_takes_a_value(registry: Registry) -> None:
    nodes = _loop({"g": _group(_sum(), {"b": 1}, a="state.sum")})
    inputs = {
        "of_loop": ("loop.sum",),
        "of_group": ("loop/g.c",),
        "fed": ("loop/g/sum.b",),
        "good": ("loop/g.b", "loop/g/twice.b"),
    }
    problems = validate(Graph(nodes=nodes, inputs=inputs), registry)
    assert {p.where: p.code for p in problems} == {
        "inputs.of_loop": "unknown-port",
        "inputs.of_group": "unknown-port",
        "inputs.fed": "two-sources",
    }


def test_loop_takes_no_literals_and_no_links_of_its_own(faults: Faults) -> None:
    nodes = _loop({"g": _group(_sum(), a="state.sum")})
    nodes["loop"] = replace(nodes["loop"], params={"sum": 1}, links={"i": _wire("list.value")})
    assert faults(nodes) == {"loop": "loop-links"}
