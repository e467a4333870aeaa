"""The model of a graph: setting values without changing it, looking along paths, near names."""

from __future__ import annotations

import pytest

from nodeflow.errors import GraphError
from nodeflow.graph import Graph, Group, Link, Loop, Node, State, children, nearest, walk


def _inner() -> Graph:
    return Graph(
        nodes={
            "a": Node("t.number", params={"value": 1}),
            "b": Node("t.add", params={"b": 2}, links={"a": Link("a", "value")}),
        },
        inputs={"first": ("a.value",), "both": ("a.value", "b.b")},
        outputs={"sum": Link("b", "value")},
    )


def _graph() -> Graph:
    """A group, a loop with a group in its body, and a group in a group."""
    loop = Loop(
        "flow.loop",
        each={"i": Link("list", "value")},
        state={"sum": State(Link("start", "value"), Link("next", "value"))},
        body={
            "next": Node("t.add", links={"a": Link("state", "sum"), "b": Link("each", "i")}),
            "inside": Group("flow.graph", graph=_inner()),
        },
    )
    outer = Graph(
        nodes={"deep": Group("flow.graph", graph=_inner())},
        inputs={"first": ("deep.first",), "both": ("deep.both", "deep/b.a")},
    )
    return Graph(
        nodes={
            "start": Node("t.number"),
            "list": Node("t.count"),
            "sums": loop,
            "group": Group("flow.graph", graph=_inner(), file="inner.json"),
            "outer": Group("flow.graph", graph=outer),
        },
        inputs={
            "start": ("start.value",),
            "of_body": ("sums/inside.both", "sums/next.b"),
            "through": ("outer.both", "group.first"),
        },
    )


def test_link_is_read_and_written() -> None:
    assert Link.parse("decode.image") == Link("decode", "image")
    assert str(Link("decode", "image")) == "decode.image"
    assert Link.parse("each.step.sigma") == Link("each", "step.sigma")
    assert Link.parse("nothing") == Link("nothing", "")


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("start", "t.number"),
        ("sums", "flow.loop"),
        ("sums/next", "t.add"),
        ("sums/inside/a", "t.number"),
        ("outer/deep/b", "t.add"),
    ],
)
def test_node_at_a_path(path: str, type: str) -> None:
    found = _graph().node(path)
    assert found is not None
    assert found.type == type


@pytest.mark.parametrize("path", ["", "none", "start/next", "sums/none", "sums//next", "/start"])
def test_no_node_at_a_path(path: str) -> None:
    assert _graph().node(path) is None


def test_walk_goes_outer_before_inner_in_the_order_of_the_file() -> None:
    assert [path for path, _ in walk(_graph())] == [
        "start",
        "list",
        "sums",
        "sums/next",
        "sums/inside",
        "sums/inside/a",
        "sums/inside/b",
        "group",
        "group/a",
        "group/b",
        "outer",
        "outer/deep",
        "outer/deep/a",
        "outer/deep/b",
    ]


def test_walk_and_node_do_not_recurse() -> None:
    node: Node = Node("t.number")
    for _ in range(3000):
        node = Loop("flow.loop", body={"a": node})
    graph = Graph(nodes={"a": node})
    *_, (path, last) = walk(graph)
    assert graph.node(path) is last
    assert last.type == "t.number"


def test_children_of_what_holds_none() -> None:
    assert not children(Node("t.number"))


def test_with_params_sets_one_literal_and_leaves_the_graph_alone() -> None:
    graph = _graph()
    changed = graph.with_params({"start.value": 5})
    assert changed.nodes["start"].params == {"value": 5}
    assert graph.nodes["start"].params == {}
    assert changed.nodes["sums"] is graph.nodes["sums"]  # what did not change is shared


@pytest.mark.parametrize(
    "path", ["sums/next", "sums/inside/b", "group/b", "outer/deep/b", "start", "sums/inside"]
)
def test_with_params_reaches_into_bodies_and_groups(path: str) -> None:
    graph = _graph()
    before = dict(walk(graph))
    after = dict(walk(graph.with_params({f"{path}.b": 7})))
    assert after[path].params["b"] == 7
    others = [p for p in before if not (path == p or path.startswith(f"{p}/"))]
    assert all(before[p] is after[p] for p in others)
    assert dict(walk(graph)) == before


def test_with_params_takes_the_place_of_a_wire() -> None:
    changed = _graph().with_params({"sums/next.a": 7})
    node = changed.node("sums/next")
    assert node is not None
    assert node.params == {"a": 7}
    assert node.links == {"b": Link("each", "i")}


def test_with_params_sets_several_at_one_node() -> None:
    node = _graph().with_params({"sums/next.a": 7, "sums/next.b": 8}).node("sums/next")
    assert node is not None
    assert (node.params, node.links) == ({"a": 7, "b": 8}, {})


def test_with_params_puts_a_changed_group_inline() -> None:
    """Its file says something else now, so it may no longer be written as the file's name."""
    group = _graph().with_params({"group/b.b": 7}).nodes["group"]
    assert isinstance(group, Group)
    assert group.file == ""
    untouched = _graph().with_params({"group.first": 7}).nodes["group"]
    assert isinstance(untouched, Group)
    assert untouched.file == "inner.json"


def test_with_params_tells_every_path_that_is_not_there() -> None:
    with pytest.raises(GraphError) as caught:
        _graph().with_params({"strat.value": 1, "sums/nxt.b": 1, "start.value": 2, "value": 3})
    problems = {p.where: p for p in caught.value.problems}
    assert set(problems) == {"strat.value", "sums/nxt.b", "value"}
    assert all(p.code == "unknown-node" for p in problems.values())
    assert "'start'" in problems["strat.value"].hint
    assert "'sums/next'" in problems["sums/nxt.b"].hint


def test_input_targets_go_through_groups_into_what_they_feed() -> None:
    graph = _graph()
    assert graph.input_targets("start") == (("start", "value"),)
    assert graph.input_targets("of_body") == (
        ("sums/inside/a", "value"),
        ("sums/inside/b", "b"),
        ("sums/next", "b"),
    )
    assert graph.input_targets("through") == (
        ("outer/deep/a", "value"),
        ("outer/deep/b", "b"),
        ("outer/deep/b", "a"),
        ("group/a", "value"),
    )


def test_with_inputs_sets_all_that_an_input_names() -> None:
    """At a group, the group's own port is set, so that it wins over what the group had there."""
    graph = _graph().with_inputs({"through": 9, "start": 4, "of_body": 5})
    assert graph.nodes["outer"].params == {"both": 9}
    assert graph.nodes["group"].params == {"first": 9}
    assert graph.nodes["start"].params == {"value": 4}
    inside, following = graph.node("sums/inside"), graph.node("sums/next")
    assert inside is not None
    assert following is not None
    assert inside.params == {"both": 5}
    assert following.params == {"b": 5}


def test_with_params_refuses_a_port_that_the_group_around_it_feeds() -> None:
    graph = _graph().with_params({"group.first": 3, "outer.both": 4})
    where = ["group/a.value", "outer/deep/b.a", "outer/deep/a.value", "group/b.b"]
    with pytest.raises(GraphError) as caught:
        graph.with_params(dict.fromkeys(where, 1))
    problems = {p.where: p for p in caught.value.problems}
    assert set(problems) == set(where[:3])
    assert {p.code for p in problems.values()} == {"two-sources"}
    assert problems["outer/deep/b.a"].hint == "set outer.both instead"


def test_with_inputs_tells_every_unknown_name_with_the_nearest() -> None:
    with pytest.raises(GraphError) as caught:
        _graph().with_inputs({"strat": 1, "xyz": 2, "start": 3})
    problems = {p.where: p for p in caught.value.problems}
    assert set(problems) == {"strat", "xyz"}
    assert "did you mean 'start'?" in problems["strat"].hint
    assert "of_body, start, through" in problems["xyz"].hint


def test_nearest() -> None:
    assert nearest("promt", ["prompt", "seed"]) == "prompt"
    assert nearest("zzz", ["prompt", "seed"]) is None
    assert nearest("prompt", []) is None


def test_graphs_are_told_apart_by_what_they_say_not_by_what_is_known_of_them() -> None:
    one, two = _graph(), _graph()
    one.memo["anything"] = 1
    assert one == two
    assert one.with_params({"start.value": 1}) != two
