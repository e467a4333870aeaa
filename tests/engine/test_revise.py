"""After an edit of literals, the program taken over is the one that a whole check would make."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.cache import Cache
from nodeflow.executor import run
from nodeflow.formats.graph_json import dump_graph, graph_from_data, parse_graph
from nodeflow.graph import Graph
from nodeflow.registry import Registry
from nodeflow.revise import revised
from nodeflow.validate import program, validate

NODES: dict[str, Any] = {
    "c": {"type": "t.count", "params": {"n": 3}},
    "n": {"type": "t.number"},
    "s": {"type": "t.scaled", "params": {"value": 2, "by": 3}},
    "o": {
        "type": "flow.map",
        "each": {"i": "c.value"},
        "const": {"list": "c.value", "start": "n.value"},
        "collect": {"sums": "l.sum"},
        "body": {
            "l": {
                "type": "flow.loop",
                "each": {"j": "const.list"},
                "const": {"i": "each.i"},
                "state": {"sum": {"init": "const.start", "next": "p.value"}},
                "body": {"p": {"type": "t.add", "params": {"b": 1}, "links": {"a": "state.sum"}}},
            }
        },
    },
}


def graph_of(**rest: Any) -> Graph:
    return graph_from_data({"nodeflow": 1, "nodes": NODES, **rest})


def afresh(graph: Graph) -> Graph:
    return parse_graph(dump_graph(graph))


@pytest.mark.parametrize(
    "edit",
    [{"n.value": 5}, {"s.by": 4}, {"c.n": 0}, {"o/l/p.b": 7}, {"n.value": 9, "o/l/p.b": 2}],
)
def test_edited_and_fresh_agree(registry: Registry, edit: dict[str, Any]) -> None:
    base = graph_of()
    cache = Cache()
    run(base, registry=registry, cache=cache)
    edited = base.with_params(edit)
    made = program(edited, registry)
    assert made.scope is not program(base, registry).scope
    kept = [
        a is b for a, b in zip(made.scope.tasks, base.memo["program"][1].scope.tasks, strict=True)
    ]
    assert any(kept), "what the edit did not touch is taken over"
    expected = run(afresh(edited), registry=registry).outputs
    assert run(edited, registry=registry, cache=cache).outputs == expected
    assert (
        run(base, registry=registry, cache=cache).outputs
        == run(graph_of(), registry=registry).outputs
    )


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"s.by": 99}, "out-of-range"),
        ({"s.bye": 1}, "unknown-port"),
        ({"n.value": "x"}, "wrong-literal"),
    ],
)
def test_a_bad_edit_is_told_as_ever(registry: Registry, edit: dict[str, Any], code: str) -> None:
    base = graph_of()
    assert validate(base, registry) == []
    edited = base.with_params(edit)
    assert [p.code for p in validate(edited, registry)] == [code]
    assert validate(edited, registry) == validate(afresh(edited), registry)
    good = edited.with_params({"s.by": 1, "n.value": 1})
    assert [p.code for p in validate(good, registry)] in ([], ["unknown-port"])


def test_a_literal_in_place_of_a_wire_is_checked_in_whole(registry: Registry) -> None:
    base = graph_of()
    made = program(base, registry)
    edited = base.with_params({"o/l/p.a": 4})
    assert revised(made, edited, ["o/l/p"], registry) is None
    assert run(edited, registry=registry).outputs["o.sums"] == [5, 5, 5]


def test_a_new_generic_literal_is_checked_in_whole(registry: Registry) -> None:
    nodes = {"c": {"type": "t.choose", "params": {"which": True, "yes": 1, "no": 2}}}
    base = graph_from_data({"nodeflow": 1, "nodes": nodes})
    assert revised(program(base, registry), base.with_params({"c.yes": 3}), ["c"], registry) is None
