"""`GraphBuilder` writes the graph that a JSON file holds, and says at once what cannot be meant."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import pytest

from nodeflow.builder import GraphBuilder, Handle
from nodeflow.errors import GraphError, Problem, RegistrationError
from nodeflow.executor import run
from nodeflow.formats.graph_json import dump_graph, graph_from_data
from nodeflow.graph import Graph, Link
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry
from nodeflow.widgets import Slider


@node("b.number")
def number(value: int = 1) -> int:
    """Give a number."""
    return value


@node("b.add", version=2, migrations={1: dict})
def add(a: int, b: Annotated[int, Slider(0, 100)] = 1) -> int:
    """Add two numbers."""
    return a + b


class Parts(NamedTuple):
    quotient: int
    id: int


@node("b.divide")
def divide(a: int, b: int) -> Parts:
    """Divide; the remainder is called `id`, which a handle has already."""
    return Parts(*divmod(a, b))


@node("b.count")
def count(n: int = 3) -> list[int]:
    """Give 0..n-1."""
    return list(range(n))


@node("b.total")
def total(values: list[int]) -> int:
    """Add up."""
    return sum(values)


@node("b.write", writes=True)
def write(value: int) -> None:
    """Write nothing anywhere."""


@pytest.fixture(scope="module")
def known() -> Registry:
    found = Registry()
    for function in (number, add, divide, count, total, write):
        found.add(definition_of(function))
    return found


def _inner() -> Graph:
    g = GraphBuilder()
    both = g.add(add, "sum", a=1)
    g.input("a", "sum.a")
    g.output("sum", both)
    return g.build()


def _built() -> Graph:
    g = GraphBuilder(title="All that a graph can hold", description="At once.")
    start = g.add(number, "start", value=4)
    items = g.add(count, "items")
    parts = g.add(divide, a=start, b=2)
    group = g.graph(_inner(), "group", a=parts.quotient)
    loop = g.loop("sums")
    i = loop.each("i", items)
    k = loop.const("k", start)
    carried = loop.state("sum", group)
    following = loop.add(add, "next", a=carried, b=i)
    more = loop.add(add, "more", a=following, b=k)
    done = loop.close(next={"sum": more}, collect={"trace": following})
    squares = g.loop("squares")
    square = squares.add(add, a=squares.each("i", done["trace"]))
    mapped = squares.close(collect={"all": square})
    everything = g.add(total, "total", values=[done["sum"], parts["id"], start])
    g.add(write, value=everything)
    g.input("start", "start.value")
    g.input("both", "divide.b", "group.a")
    g.output("total", everything)
    g.output("all", mapped)
    return g.build()


DATA: dict[str, Any] = {
    "nodeflow": 1,
    "title": "All that a graph can hold",
    "description": "At once.",
    "inputs": {"start": "start.value", "both": ["divide.b", "group.a"]},
    "outputs": {"total": "total.value", "all": "squares.all"},
    "nodes": {
        "start": {"type": "b.number", "params": {"value": 4}},
        "items": {"type": "b.count"},
        "divide": {"type": "b.divide", "params": {"b": 2}, "links": {"a": "start.value"}},
        "group": {
            "type": "flow.graph",
            "links": {"a": "divide.quotient"},
            "graph": {
                "nodeflow": 1,
                "inputs": {"a": "sum.a"},
                "outputs": {"sum": "sum.value"},
                "nodes": {"sum": {"type": "b.add", "version": 2, "params": {"a": 1}}},
            },
        },
        "sums": {
            "type": "flow.loop",
            "each": {"i": "items.value"},
            "const": {"k": "start.value"},
            "state": {"sum": {"init": "group.sum", "next": "more.value"}},
            "collect": {"trace": "next.value"},
            "body": {
                "next": {
                    "type": "b.add",
                    "version": 2,
                    "links": {"a": "state.sum", "b": "each.i"},
                },
                "more": {
                    "type": "b.add",
                    "version": 2,
                    "links": {"a": "next.value", "b": "const.k"},
                },
            },
        },
        "squares": {
            "type": "flow.map",
            "each": {"i": "sums.trace"},
            "collect": {"all": "add.value"},
            "body": {"add": {"type": "b.add", "version": 2, "links": {"a": "each.i"}}},
        },
        "total": {
            "type": "b.total",
            "links": {"values": ["sums.sum", "divide.id", "start.value"]},
        },
        "write": {"type": "b.write", "links": {"value": "total.value"}},
    },
}


def test_a_built_graph_is_the_one_in_the_file() -> None:
    read = graph_from_data(DATA)
    assert _built() == read
    assert dump_graph(_built()) == dump_graph(read)


def test_a_built_graph_runs(known: Registry) -> None:
    # sums: start 3, +0+4, +1+4, +2+4 = 18; the trace is 3, 8, 14
    assert run(_built(), registry=known).outputs == {"total": 22, "all": [4, 9, 15]}


def test_ids_are_the_functions_names_with_numbers_where_taken() -> None:
    g = GraphBuilder()
    handles = [g.add(number), g.add(number), g.add(add, a=1), g.add(number), g.add(number, "my")]
    assert [h.id for h in handles] == ["number", "number_2", "add", "number_3", "my"]
    loop = g.loop()
    loop.close(collect={"x": loop.add(number)})
    assert list(g.build().nodes) == ["number", "number_2", "add", "number_3", "my", "map"]


def test_what_is_added_later_does_not_change_what_was_built() -> None:
    g = GraphBuilder()
    loop = g.loop("loop")
    loop.close(collect={"x": loop.add(number)})
    graph = g.build()
    before = dump_graph(graph)
    g.add(number)
    g.input("x", "number.value")
    loop.add(number)
    assert dump_graph(graph) == before
    assert "number_2" not in dump_graph(g.build())


def test_a_list_of_literals_is_a_literal() -> None:
    g = GraphBuilder()
    g.add(total, "a", values=[1, 2])
    g.add(total, "b", values=[])
    nodes = g.build().nodes
    assert nodes["a"].params == {"values": [1, 2]}
    assert nodes["b"].params == {"values": []}


def test_outputs_by_attribute_and_by_name() -> None:
    g = GraphBuilder()
    parts = g.add(divide, a=7, b=2)
    assert parts.quotient.link == parts["quotient"].link == Link("divide", "quotient")
    assert parts["id"].link == Link("divide", "id")
    assert parts.id == "divide"


# ── what cannot be meant ───────────────────────────────────────────────────────────────────────


def _problems(caught: pytest.ExceptionInfo[GraphError]) -> dict[str, Problem]:
    return {problem.where: problem for problem in caught.value.problems}


def test_unknown_ports_are_told_at_once_with_the_nearest() -> None:
    g = GraphBuilder()
    with pytest.raises(GraphError) as caught:
        g.add(add, aa=1, zz=2, b=3)
    found = _problems(caught)
    assert {where: p.code for where, p in found.items()} == {
        "b.add.aa": "unknown-port",
        "b.add.zz": "unknown-port",
    }
    assert found["b.add.aa"].hint == "did you mean 'a'?"
    assert found["b.add.zz"].hint == "inputs: a, b"
    assert not g.build().nodes


def test_unknown_outputs() -> None:
    g = GraphBuilder()
    parts = g.add(divide, a=7, b=2)
    with pytest.raises(GraphError, match="did you mean 'quotient'"):
        _ = parts.quotent
    with pytest.raises(GraphError, match="it has quotient, id"):
        _ = parts["xyz"]
    assert not hasattr(parts, "__array__")  # other libraries ask for such names


@pytest.mark.parametrize(("function", "word"), [(divide, "2 outputs"), (write, "0 outputs")])
def test_a_handle_stands_for_its_only_output(function: Any, word: str) -> None:
    g = GraphBuilder()
    ports = {"a": 1, "b": 1} if function is divide else {"value": 1}
    handle = g.add(function, "n", **ports)
    with pytest.raises(GraphError, match=word) as caught:
        g.add(add, a=handle)
    assert caught.value.problems[0].code == "which-output"


def test_an_id_twice() -> None:
    g = GraphBuilder()
    g.add(number, "n")
    with pytest.raises(GraphError) as caught:
        g.add(add, "n", a=1)
    assert _problems(caught)["n"].code == "double-id"


def test_a_list_of_wires_and_literals() -> None:
    g = GraphBuilder()
    one = g.add(number)
    with pytest.raises(GraphError) as caught:
        g.add(total, values=[one, 2])
    assert _problems(caught)["values"].code == "mixed-list"


def _from_outside(g: GraphBuilder, outside: Handle) -> None:
    g.loop().add(add, a=outside)


def _from_inside(g: GraphBuilder, outside: Handle) -> None:
    g.add(add, a=g.loop().add(number))


def _from_another_builder(g: GraphBuilder, outside: Handle) -> None:
    GraphBuilder().output("x", outside)


def _carried_from_inside(g: GraphBuilder, outside: Handle) -> None:
    loop = g.loop()
    loop.state("s", loop.add(number))


def _collected_from_outside(g: GraphBuilder, outside: Handle) -> None:
    g.loop().close(collect={"x": outside})


@pytest.mark.parametrize(
    "act",
    [
        _from_outside,
        _from_inside,
        _from_another_builder,
        _carried_from_inside,
        _collected_from_outside,
    ],
)
def test_wires_do_not_leave_their_scope(act: Any) -> None:
    g = GraphBuilder()
    outside = g.add(number)
    with pytest.raises(GraphError) as caught:
        act(g, outside)
    assert [p.code for p in caught.value.problems] == ["outside-body"]


def test_each_state_needs_its_next_and_each_next_its_state() -> None:
    g = GraphBuilder()
    loop = g.loop()
    loop.state("a", g.add(number))
    with pytest.raises(GraphError) as caught:
        loop.close(next={"b": loop.add(number)})
    assert {p.where: p.code for p in caught.value.problems} == {
        "a": "state-next",
        "b": "state-next",
    }


def test_a_function_that_is_no_node() -> None:
    with pytest.raises(RegistrationError, match="decorate it with @node"):
        GraphBuilder().add(len)


def test_ports_of_a_group_are_checked_when_the_graph_is(known: Registry) -> None:
    g = GraphBuilder()
    group = g.graph(_inner(), b=3)
    g.output("sum", group)
    with pytest.raises(GraphError) as caught:
        run(g.build(), registry=known)
    assert _problems(caught)["graph.b"].code == "unknown-input"
