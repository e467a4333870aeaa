"""Keys: the same for the same content, another for any other, told before anything runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import GraphError
from nodeflow.fingerprint import digest, element_key, file_digest, slot_keys, static_keys
from nodeflow.graph import Graph, Group, Link, Loop, Node, State
from nodeflow.node import definition_of, node
from nodeflow.registry import Registry
from nodeflow.validate import program
from nodeflow.widgets import FilePath

Keys = Mapping[str, "bytes | None"]
KeysOf = Callable[..., Keys]


@node("k.two_files")
def two_files(
    a: Annotated[str | None, FilePath()] = None, b: Annotated[str | None, FilePath()] = None
) -> int:
    """Read two files, or one of them."""
    return 0


@node("k.by_name", reads=lambda params: [Path(params["name"])])
def by_name(name: str) -> int:
    """Read a file that it finds by a name of its own kind."""
    return 0


@node("k.versioned", version=2, migrations={1: dict})
def versioned(value: int = 1) -> int:
    """Exist in a second version."""
    return value


@pytest.fixture(scope="session")
def keys_of(registry: Registry) -> KeysOf:
    known = Registry(dict(registry.definitions))
    for function in (two_files, by_name, versioned):
        known.add(definition_of(function))

    def work_out(nodes: Mapping[str, Node] | Graph, device: str = "cpu") -> Keys:
        graph = nodes if isinstance(nodes, Graph) else Graph(nodes=nodes)
        made = program(graph, known)
        assert not made.errors, made.errors
        static_keys(made.scope)
        keys = slot_keys(made.scope, [], device)
        return {made.scope.slot_name(slot): key for slot, key in enumerate(keys)}

    return work_out


def _number(value: Any = 1) -> Node:
    return Node("t.number", params={"value": value})


def _add(a: str, b: str | int = 1) -> Node:
    if isinstance(b, int):
        return Node("t.add", params={"b": b}, links={"a": Link(a, "value")})
    return Node("t.add", links={"a": Link(a, "value"), "b": Link(b, "value")})


def _diamond() -> dict[str, Node]:
    return {
        "x": _number(),
        "l": _add("x", 2),
        "r": _add("x", 3),
        "y": _add("l", "r"),
        "z": _add("y", 4),
    }


# ── what makes no difference ───────────────────────────────────────────────────────────────────


def test_ids_make_no_difference(keys_of: KeysOf) -> None:
    names = dict(zip("xlryz", "abcde", strict=True))
    renamed = {
        names[id]: replace(
            each, links={p: Link(names[w.node], w.port) for p, w in each.links.items()}
        )
        for id, each in _diamond().items()
    }
    before, after = keys_of(_diamond()), keys_of(renamed)
    assert {f"{names[k[0]]}{k[1:]}": v for k, v in before.items()} == after
    assert len(set(before.values())) == 5


def test_order_of_nodes_params_and_links_makes_no_difference(keys_of: KeysOf) -> None:
    turned = {
        id: replace(
            each,
            params=dict(reversed(each.params.items())),
            links=dict(reversed(each.links.items())),
        )
        for id, each in reversed(_diamond().items())
    }
    turned["y"] = Node("t.add", links={"b": Link("r", "value"), "a": Link("l", "value")})
    assert keys_of(turned) == keys_of(_diamond())
    one = Node("t.divide", params={"a": 7, "b": 2})
    other = Node("t.divide", params={"b": 2, "a": 7})
    assert keys_of({"n": one}) == keys_of({"n": other})


def test_default_written_or_left_out_makes_no_difference(keys_of: KeysOf) -> None:
    assert keys_of({"n": Node("t.number")}) == keys_of({"n": _number(1)})
    written = {
        "x": _number(),
        "n": Node("t.scaled", params={"by": 1}, links={"value": Link("x", "value")}),
    }
    left_out = {"x": _number(), "n": Node("t.scaled", links={"value": Link("x", "value")})}
    assert keys_of(written) == keys_of(left_out)


def test_title_view_and_declarations_make_no_difference(keys_of: KeysOf) -> None:
    graph = Graph(
        nodes=_diamond(),
        title="t",
        view={"x": [1, 2]},
        inputs={"v": ("x.value",)},
        outputs={"o": Link("z", "value")},
    )
    assert keys_of(graph) == keys_of(_diamond())


def test_a_group_makes_no_difference(keys_of: KeysOf) -> None:
    """A graph used as one node gives what its nodes would give outside."""
    inner = Graph(
        nodes={
            "l": Node("t.add", params={"a": 0, "b": 2}),
            "r": Node("t.add", params={"a": 0, "b": 3}),
            "y": _add("l", "r"),
        },
        inputs={"in": ("l.a", "r.a")},
        outputs={"out": Link("y", "value")},
    )
    nodes = {
        "x": _number(),
        "g": Group("flow.graph", links={"in": Link("x", "value")}, graph=inner),
        "z": Node("t.add", params={"b": 4}, links={"a": Link("g", "out")}),
    }
    keys = keys_of(nodes)
    assert keys["z.value"] == keys_of(_diamond())["z.value"]
    assert keys["g/y.value"] == keys_of(_diamond())["y.value"]


# ── what makes one ─────────────────────────────────────────────────────────────────────────────


def test_one_true_and_one_point_nought_differ_where_a_port_takes_any(keys_of: KeysOf) -> None:
    def choose(value: Any) -> bytes | None:
        params = {"which": True, "yes": value, "no": value}
        return keys_of({"n": Node("t.choose", params=params)})["n.value"]

    values = [1, True, 1.0, "1", "true", 0, False, 0.0, -0.0, "", [1], ["1"], [], [[]], 2**64]
    assert len({choose(value) for value in values}) == len(values)


def test_equal_numbers_at_a_float_port_are_one_value(keys_of: KeysOf) -> None:
    def scaled(by: float) -> bytes | None:
        return keys_of({"n": Node("t.scaled", params={"value": 1, "by": by})})["n.value"]

    assert scaled(2) == scaled(2.0) != scaled(2.5)


@pytest.mark.parametrize(
    ("changed", "by", "downstream"),
    [
        ("x", _number(2), "xlryz"),
        ("l", _add("x", 9), "lyz"),
        ("r", _add("l", 3), "ryz"),
        ("y", _add("r", "l"), "yz"),
        ("y", Node("t.divide", links={"a": Link("l", "value"), "b": Link("r", "value")}), "yz"),
        ("z", _add("y", 5), "z"),
        ("z", _add("l", 4), "z"),
    ],
    ids=["first", "param", "wire", "swapped", "type", "last", "last-wire"],
)
def test_a_change_changes_the_keys_downstream_and_no_others(
    keys_of: KeysOf, changed: str, by: Node, downstream: str
) -> None:
    nodes = {**_diamond(), changed: by}
    if by.type == "t.divide":
        nodes["z"] = Node("t.add", params={"b": 4}, links={"a": Link("y", "quotient")})
    before, after = keys_of(_diamond()), keys_of(nodes)
    differ = {name[0] for name in after if before.get(name) != after[name]}
    assert differ == set(downstream)


def test_outputs_of_one_node_differ(keys_of: KeysOf) -> None:
    keys = keys_of({"n": Node("t.divide", params={"a": 7, "b": 2})})
    assert keys["n.quotient"] != keys["n.remainder"]


def test_version_of_a_type_counts(keys_of: KeysOf) -> None:
    known = definition_of(versioned)
    keys = set()
    for version in (2, 3):
        found = Registry()
        found.add(replace(known, version=version))
        made = program(Graph(nodes={"n": Node(known.id, version)}), found)
        static_keys(made.scope)
        keys.update(slot_keys(made.scope, [], "cpu"))
    assert len(keys) == 2


def test_a_list_of_wires_is_told_by_their_order(keys_of: KeysOf) -> None:
    def total(*wires: str) -> bytes | None:
        links = {"values": tuple(Link(wire, "value") for wire in wires)}
        nodes = {"a": _number(1), "b": _number(2), "c": _number(1)}
        return keys_of({**nodes, "n": Node("t.total", links=links)})["n.value"]

    assert total("a", "b") == total("c", "b")
    assert len({total("a", "b"), total("b", "a"), total("a"), total("a", "a")}) == 4


def test_device_counts_for_nodes_that_ask_for_it_and_what_hangs_on_them(keys_of: KeysOf) -> None:
    nodes = {
        "a": _number(),
        "s": Node("t.slow", links={"value": Link("a", "value")}),
        "b": _add("s"),
        "c": _add("a"),
    }
    cpu, cuda = keys_of(nodes, "cpu"), keys_of(nodes, "cuda")
    assert {name for name in cpu if cpu[name] != cuda[name]} == {"s.value", "b.value"}


# ── drawn at random ────────────────────────────────────────────────────────────────────────────


@st.composite
def _dags(draw: st.DrawFn) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for index in range(draw(st.integers(1, 12))):
        ports: dict[str, Link] = {}
        params: dict[str, int] = {}
        for port in ("a", "b"):
            if index and draw(st.booleans()):
                ports[port] = Link(f"n{draw(st.integers(0, index - 1))}", "value")
            else:
                params[port] = draw(st.integers(0, 2))
        nodes[f"n{index}"] = Node("t.add", params=params, links=ports)
    return nodes


def _downstream(nodes: Mapping[str, Node], id: str) -> set[str]:
    found = {id}
    for name, each in nodes.items():
        if any(isinstance(w, Link) and w.node in found for w in each.links.values()):
            found.add(name)
    return found


@given(data=st.data(), nodes=_dags())
def test_a_literal_changes_exactly_what_hangs_on_it(
    data: st.DataObject, nodes: dict[str, Node], keys_of: KeysOf
) -> None:
    choices = [(id, port) for id, each in nodes.items() for port in each.params]
    id, port = data.draw(st.sampled_from(choices))
    graph = Graph(nodes=nodes)
    before = keys_of(graph)
    edited = graph.with_params({f"{id}.{port}": 99})
    after = keys_of(edited)
    differ = {name.partition(".")[0] for name in before if before[name] != after[name]}
    assert differ == _downstream(nodes, id)
    fresh = keys_of(Graph(nodes=edited.nodes))
    assert after == fresh, "a program taken over gives the keys of one made anew"


@given(_dags())
def test_equal_keys_mean_equal_nodes(keys_of: KeysOf, nodes: dict[str, Node]) -> None:
    """Two nodes have one key where, by values put in for wires, they say the same."""
    said: dict[str, Any] = {}
    for id, each in nodes.items():
        said[id] = tuple(
            said[each.links[port].node] if port in each.links else each.params[port]  # type: ignore[union-attr]
            for port in ("a", "b")
        )
    keys = keys_of(nodes)
    for one in nodes:
        for other in nodes:
            same_key = keys[f"{one}.value"] == keys[f"{other}.value"]
            assert same_key == (said[one] == said[other])


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def _reader(path: Path) -> dict[str, Node]:
    return {"n": Node("t.read", params={"path": str(path)})}


def test_a_file_counts_by_content_not_by_name(keys_of: KeysOf, tmp_path: Path) -> None:
    for name, text in [("a", "one"), ("b", "one"), ("c", "two")]:
        (tmp_path / name).write_text(text)
    a, b, c = (keys_of(_reader(tmp_path / name)) for name in "abc")
    assert a == b != c


def test_a_changed_file_changes_the_key_of_a_known_graph(keys_of: KeysOf, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    graph = Graph(nodes=_reader(path))
    before = keys_of(graph)
    path.write_text("two")
    assert keys_of(graph) != before
    path.write_text("one")
    os.utime(path, ns=(1, 1))
    assert keys_of(graph) == before


def test_which_port_a_file_is_given_to_counts(keys_of: KeysOf, tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    Path(path).write_text("text")
    given = [{"a": path}, {"b": path}, {"a": path, "b": path}, {}, {"a": None}]
    keys = [keys_of({"n": Node("k.two_files", params=params)})["n.value"] for params in given]
    assert len(set(keys)) == 4
    assert keys[3] == keys[4]  # None is the default


def test_a_file_found_by_a_name_counts_by_both(keys_of: KeysOf, tmp_path: Path) -> None:
    def key(name: str, text: str) -> bytes | None:
        (tmp_path / name).write_text(text)
        params = {"name": str(tmp_path / name)}
        return keys_of({"n": Node("k.by_name", params=params)})["n.value"]

    assert len({key("a", "one"), key("a", "other"), key("b", "one")}) == 3
    assert key("a", "one") == key("a", "one")


def test_every_file_that_cannot_be_read_is_told(keys_of: KeysOf, tmp_path: Path) -> None:
    nodes = {
        id: Node("k.by_name", params={"name": str(tmp_path / id)})
        for id in ("gone", "too", "there")
    }
    (tmp_path / "there").write_text("text")
    with pytest.raises(GraphError) as caught:
        keys_of(nodes)
    assert [p.where for p in caught.value.problems] == ["gone", "too"]


def test_file_digest_is_of_the_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * (3 << 20))
    two.write_bytes(b"x" * (3 << 20))
    assert file_digest(one) == file_digest(two)
    two.write_bytes(b"x" * (3 << 20) + b"y")
    assert file_digest(one) != file_digest(two)


# ── what cannot be told in advance ─────────────────────────────────────────────────────────────


def test_what_hangs_on_a_volatile_node_has_no_key(keys_of: KeysOf) -> None:
    nodes = {
        "clock": Node("t.clock"),
        "a": _number(),
        "b": _add("clock"),
        "c": _add("a"),
        "d": _add("c", "b"),
        "list": Node("t.total", links={"values": (Link("a", "value"), Link("b", "value"))}),
    }
    keys = keys_of(nodes)
    assert {name[:-6] for name, key in keys.items() if key is None} == {"clock", "b", "d", "list"}


def test_a_file_named_by_a_wire_has_no_key(keys_of: KeysOf) -> None:
    nodes = {
        "name": Node("t.flavour", params={"name": "sweet"}),
        "read": Node("t.read", links={"path": Link("name", "value")}),
        "found": Node("k.by_name", links={"name": Link("name", "value")}),
    }
    keys = keys_of(nodes)
    assert keys["name.value"] is not None
    assert keys["read.value"] is keys["found.value"] is None


def test_a_loop_with_a_volatile_state_has_no_keys(keys_of: KeysOf) -> None:
    nodes = _summing()
    loop = nodes["loop"]
    assert isinstance(loop, Loop)
    body = {"clock": Node("t.clock"), "next": _add("clock")}
    nodes["loop"] = replace(loop, body=body)
    keys = keys_of(nodes)
    assert keys["loop.sum"] is None
    assert keys["after.value"] is None
    assert keys["list.value"] is not None


def test_a_volatile_collection_leaves_the_states_their_keys(keys_of: KeysOf) -> None:
    nodes = _summing(collect={"when": "clock"})
    loop = nodes["loop"]
    nodes["loop"] = replace(loop, body={**loop.body, "clock": Node("t.clock")})  # type: ignore[attr-defined]
    keys = keys_of(nodes)
    assert keys["loop.when"] is None
    assert keys["loop.sum"] == keys_of(_summing())["loop.sum"] is not None


# ── loops ──────────────────────────────────────────────────────────────────────────────────────


def _summing(
    *,
    step: str = "next",
    start: int = 1,
    count: int = 3,
    const: Mapping[str, int] | None = None,
    collect: Mapping[str, str] | None = None,
    twice: bool = False,
) -> dict[str, Node]:
    """A loop that adds up; `const` are numbers made outside and passed in."""
    outside = {f"c_{name}": _number(value) for name, value in (const or {}).items()}
    body: dict[str, Node] = {
        step: Node("t.add", links={"a": Link("state", "sum"), "b": Link("each", "i")})
    }
    last = step
    if const and "k" in const:
        body["more"] = Node("t.add", links={"a": Link(step, "value"), "b": Link("const", "k")})
        last = "more"
    loop = Loop(
        "flow.loop",
        each={"i": Link("list", "value")},
        const={name: Link(f"c_{name}", "value") for name in const or {}},
        state={"sum": State(Link("start", "value"), Link(last, "value"))},
        collect={name: Link(id, "value") for name, id in (collect or {}).items()},
        body=body,
    )
    nodes: dict[str, Node] = {
        **outside,
        "start": _number(start),
        "list": Node("t.count", params={"n": count}),
        "loop": loop,
        "after": Node("t.add", links={"a": Link("loop", "sum")}),
    }
    return {**nodes, "again": loop} if twice else nodes


def test_names_in_a_body_make_no_difference(keys_of: KeysOf) -> None:
    one, other = keys_of(_summing()), keys_of(_summing(step="plus"))
    assert one == other
    assert None not in one.values()


def test_two_equal_loops_have_one_key(keys_of: KeysOf) -> None:
    keys = keys_of(_summing(twice=True))
    assert keys["loop.sum"] == keys["again.sum"]


def test_one_more_collection_changes_no_other_output(keys_of: KeysOf) -> None:
    plain = keys_of(_summing())
    one = keys_of(_summing(collect={"trace": "next"}))
    two = keys_of(_summing(collect={"other": "next", "trace": "next"}))
    assert plain["loop.sum"] == one["loop.sum"] == two["loop.sum"]
    assert (
        one["loop.trace"] == two["loop.trace"] == two["loop.other"]
    )  # the same values, by content
    assert one["loop.trace"] != one["loop.sum"]


@pytest.mark.parametrize(
    "change", [{"start": 2}, {"count": 4}, {"const": {"k": 2}}, {"const": {}}], ids=str
)
def test_what_goes_into_a_loop_counts(keys_of: KeysOf, change: dict[str, Any]) -> None:
    before = keys_of(_summing(const={"k": 1}))
    after = keys_of(_summing(**{"const": {"k": 1}, **change}))
    assert before["loop.sum"] != after["loop.sum"]
    assert before["after.value"] != after["after.value"]


def test_a_literal_in_a_body_counts(keys_of: KeysOf) -> None:
    nodes = _summing()
    graph = Graph(nodes=nodes)
    before = keys_of(graph)
    after = keys_of(graph.with_params({"loop/next.b": 7}))
    assert before["loop.sum"] != after["loop.sum"]
    assert before["list.value"] == after["list.value"]


def test_which_list_is_walked_under_which_name_counts(keys_of: KeysOf) -> None:
    def keys(a: str, b: str) -> bytes | None:
        loop = Loop(
            "flow.map",
            each={"a": Link(a, "value"), "b": Link(b, "value")},
            collect={"q": Link("d", "quotient")},
            body={"d": Node("t.divide", links={"a": Link("each", "a"), "b": Link("each", "b")})},
        )
        lists = {
            "one": Node("t.count", params={"n": 2}),
            "two": Node("t.numbers", params={"values": [1, 2]}),
        }
        return keys_of({**lists, "loop": loop})["loop.q"]

    assert keys("one", "two") != keys("two", "one")


def test_two_states_that_swap_differ(keys_of: KeysOf) -> None:
    def loop(first: str, second: str) -> Keys:
        body = {
            "p": Node("t.add", links={"a": Link("state", "x"), "b": Link("each", "i")}),
            "q": Node("t.add", params={"b": 2}, links={"a": Link("state", "y")}),
        }
        state = {
            "x": State(Link("start", "value"), Link(first, "value")),
            "y": State(Link("start", "value"), Link(second, "value")),
        }
        each = {"i": Link("list", "value")}
        nodes = _summing()
        nodes["loop"] = Loop("flow.loop", each=each, state=state, body=body)
        nodes["after"] = Node("t.add", links={"a": Link("loop", "x")})
        return keys_of(nodes)

    straight, crossed = loop("p", "q"), loop("q", "p")
    found = {straight["loop.x"], straight["loop.y"], crossed["loop.x"], crossed["loop.y"]}
    assert len(found) == 4


def test_loops_in_loops(keys_of: KeysOf) -> None:
    def outer(inner_count: int) -> bytes | None:
        inner = Loop(
            "flow.loop",
            each={"j": Link("js", "value")},
            const={"k": Link("each", "i")},
            state={"s": State(Link("state", "sum"), Link("n", "value"))},
            body={"n": Node("t.add", links={"a": Link("state", "s"), "b": Link("const", "k")})},
        )
        nodes = _summing()
        nodes["loop"] = Loop(
            "flow.loop",
            each={"i": Link("list", "value")},
            state={"sum": State(Link("start", "value"), Link("inner", "s"))},
            body={"js": Node("t.count", params={"n": inner_count}), "inner": inner},
        )
        return keys_of(nodes)["after.value"]

    assert outer(2) == outer(2) != outer(3)
    assert outer(2) is not None


# ── the digest itself ──────────────────────────────────────────────────────────────────────────


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_no_two_lists_of_parts_run_together(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


def test_element_keys() -> None:
    assert element_key(None, 0) is None
    assert element_key(b"a", 0) != element_key(b"a", 1) != element_key(b"b", 1)
