"""The plan: what would run, what is let go when, and how much is held at most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.errors import GraphError
from nodeflow.executor import run
from nodeflow.graph import Graph, Link, Loop, Node, State
from nodeflow.memory import BASE_BYTES
from nodeflow.node import definition_of, node
from nodeflow.plan import Plan, PlanStep, plan
from nodeflow.registry import Registry
from nodeflow.sockets import socket


@socket("blob")
@dataclass(frozen=True)
class Blob:
    content: str = ""


@node("p.make", estimate=lambda params, inputs: {"blob": params["size"]})
def make(inputs: list[Blob] = (), size: int = 1) -> Blob:  # type: ignore[assignment]
    """Make so many bytes of whatever is given."""
    return Blob()


@node("p.spell")
def spell(texts: list[str] = (), more: str = "") -> str:  # type: ignore[assignment]
    """Put texts together."""
    return "".join(texts) + more


@node("p.items")
def items() -> list[str]:
    """Give two texts."""
    return ["a", "b"]


@node("p.write", writes=True)
def write(value: str) -> None:
    """Write a text nowhere."""


MINE = {d.id: d for d in map(definition_of, (make, spell, items, write))}


@pytest.fixture(scope="module")
def known(registry: Registry) -> Registry:
    return Registry({**registry.definitions, **MINE})


@st.composite
def _dags(draw: st.DrawFn) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for index in range(draw(st.integers(1, 12))):
        count = draw(st.integers(0, min(3, index)))
        reads = [draw(st.integers(0, index - 1)) for _ in range(count)]  # one may stand twice
        links = {"inputs": tuple(Link(f"n{i}", "blob") for i in reads)} if reads else {}
        size = draw(st.sampled_from([0, 1, 2, 10, 100]))
        nodes[f"n{index}"] = Node("p.make", params={"size": size}, links=links)
    return nodes


def _reads(each: Node) -> set[str]:
    wires = each.links.get("inputs", ())
    return {wire.node for wire in wires if isinstance(wire, Link)} if wires else set()


def _simulated(nodes: dict[str, Node], order: Sequence[str], kept: set[str]) -> list[int]:
    """Bytes held while each node runs, by keeping a set of what is there and looking ahead."""
    held: set[str] = set()
    sizes = []
    for place, name in enumerate(order):
        held.add(name)
        sizes.append(sum(nodes[each].params["size"] for each in held))
        later = {read for other in order[place + 1 :] for read in _reads(nodes[other])} | kept
        held &= later
    return sizes


@given(_dags(), st.data())
def test_peak_is_what_a_simulation_finds(nodes: dict[str, Node], data: st.DataObject) -> None:
    outputs = data.draw(st.none() | st.sets(st.sampled_from(sorted(nodes)), min_size=1))
    registry = Registry(MINE)
    found = plan(Graph(nodes=nodes), registry, outputs=sorted(outputs) if outputs else None)
    order = [step.path for step in found.steps]
    unread = set(nodes).difference(*map(_reads, nodes.values()))
    held = _simulated(nodes, order, outputs or unread)
    assert [step.held for step in found.steps] == held
    assert found.peak == max(held)
    if found.peak:
        assert held[order.index(found.peak_at)] == found.peak


@given(_dags())
def test_each_value_is_let_go_once_after_its_last_reader(nodes: dict[str, Node]) -> None:
    found = plan(Graph(nodes=nodes), Registry(MINE))
    freed = [name for step in found.steps for name in step.frees]
    assert len(freed) == len(set(freed))
    assert set(freed) | set(found.kept) == {f"{name}.blob" for name in nodes}
    assert not set(freed) & set(found.kept)
    order = [step.path for step in found.steps]
    for place, step in enumerate(found.steps):
        for name in step.frees:
            readers = [n for n in nodes if name.partition(".")[0] in _reads(nodes[n])]
            assert place == max(order.index(reader) for reader in readers)


@given(_dags())
def test_the_run_holds_what_the_plan_says(nodes: dict[str, Node]) -> None:
    """Numbers hold BASE_BYTES each in plan and run alike, so the two peaks are one number."""
    texts = {
        name: Node(
            "t.total", links={"values": tuple(Link(n, "value") for n in sorted(_reads(each)))}
        )
        if _reads(each)
        else Node("t.number")
        for name, each in nodes.items()
    }
    registry = _numbers()
    graph = Graph(nodes=texts)
    assert run(graph, registry=registry).peak_bytes == plan(graph, registry).peak
    assert plan(graph, registry).peak % BASE_BYTES == 0


@node("t.number")
def number(value: int = 1) -> int:
    """Give a number."""
    return value


@node("t.total")
def total(values: list[int]) -> int:
    """Add up."""
    return sum(values)


def _numbers() -> Registry:
    return Registry({d.id: d for d in map(definition_of, (number, total))})


# ── what is asked for ──────────────────────────────────────────────────────────────────────────


def _make(size: int, *reads: str) -> Node:
    wires = tuple(Link.parse(name if "." in name else f"{name}.blob") for name in reads)
    return Node("p.make", params={"size": size}, links={"inputs": wires} if reads else {})


def _two_ends() -> dict[str, Node]:
    return {"a": _make(5), "b": _make(1, "a"), "c": _make(2, "a"), "d": _make(1, "c")}


def _paths(found: Plan) -> list[str]:
    return [step.path for step in found.steps]


def test_declared_outputs_are_the_ends(known: Registry) -> None:
    graph = Graph(nodes=_two_ends(), outputs={"end": Link("b", "blob")})
    found = plan(graph, known)
    assert _paths(found) == ["a", "b"]
    assert found.kept == ("end",)
    assert found.steps[1] == PlanStep("b", "p.make", (("blob", "Blob", 1),), 6, ("a.blob",))


def test_outputs_asked_for_by_port_by_node_or_by_name(known: Registry) -> None:
    graph = Graph(nodes=_two_ends(), outputs={"end": Link("b", "blob"), "other": Link("d", "blob")})
    for outputs in (["c.blob"], ["c"]):
        assert _paths(plan(graph, known, outputs=outputs)) == ["a", "c"]
    assert set(_paths(plan(graph, known, outputs=["end", "c"]))) == {"a", "b", "c"}
    assert _paths(plan(graph, known, outputs=["other"])) == ["a", "c", "d"]


def test_without_declared_outputs_what_nobody_reads_is_kept(known: Registry) -> None:
    found = plan(Graph(nodes=_two_ends()), known)
    assert set(found.kept) == {"b.blob", "d.blob"}


def test_what_writes_is_an_end(known: Registry) -> None:
    nodes = {
        "text": Node("p.spell"),
        "write": Node("p.write", links={"value": Link("text", "value")}),
        "unread": Node("p.spell"),
    }
    found = plan(Graph(nodes=nodes), known)
    assert _paths(found) == ["text", "write"]
    assert found.steps[1].frees == ("text.value",)
    assert _paths(plan(Graph(nodes=nodes), known, outputs=["write"])) == ["text", "write"]


def test_one_value_under_two_names_is_held_once(known: Registry) -> None:
    graph = Graph(nodes={"a": _make(5)}, outputs={"x": Link("a", "blob"), "y": Link("a", "blob")})
    found = plan(graph, known)
    assert (found.peak, found.kept, found.steps[0].frees) == (5, ("x", "y"), ())


def test_unknown_outputs_are_told_at_once(known: Registry) -> None:
    graph = Graph(nodes=_two_ends(), outputs={"end": Link("b", "blob")})
    with pytest.raises(GraphError) as caught:
        plan(graph, known, outputs=["ent", "b.blop", "zzz"])
    problems = {p.where: p for p in caught.value.problems}
    assert set(problems) == {"ent", "b.blop", "zzz"}
    assert problems["ent"].hint == "did you mean 'end'?"
    assert problems["b.blop"].hint == "did you mean 'b.blob'?"


def test_a_graph_with_errors_has_no_plan(known: Registry) -> None:
    with pytest.raises(GraphError, match="no node type"):
        plan(Graph(nodes={"a": Node("p.none")}), known)


def test_empty_graph(known: Registry) -> None:
    assert plan(Graph(), known) == Plan((), 0, "")


# ── loops ──────────────────────────────────────────────────────────────────────────────────────


def _loop() -> Graph:
    """A pass makes 50, lets it go, and carries on 3; 7 come in as a constant."""
    body = {
        "large": _make(50, "state.x", "const.k"),
        "small": _make(3, "large"),
        "seen": _make(2, "small"),
        "unread": _make(1000),
    }
    loop = Loop(
        "flow.loop",
        each={"i": Link("list", "value")},
        const={"k": Link("k", "blob")},
        state={"x": State(Link("start", "blob"), Link("small", "blob"))},
        collect={"trace": Link("seen", "blob")},
        body=body,
    )
    nodes = {
        "list": Node("p.items"),
        "k": _make(7),
        "start": _make(3),
        "loop": loop,
        "end": _make(1, "loop.x"),
    }
    return Graph(nodes=nodes, outputs={"end": Link("end", "blob")})


def test_a_loop_holds_the_plan_of_one_pass(known: Registry) -> None:
    found = plan(_loop(), known)
    step = next(step for step in found.steps if step.path == "loop")
    assert step.body is not None
    assert _paths(step.body) == ["loop/large", "loop/small", "loop/seen"]
    assert step.body.peak == 53
    assert step.body.peak_at == "loop/small"
    assert step.body.steps[1].frees == ("loop/large.blob",)
    assert step.body.kept == ("state.x", "collect.trace")
    assert found.peak == step.held > step.body.peak
    assert found.peak_at == "loop"


def test_what_is_given_to_a_body_is_not_counted_again(known: Registry) -> None:
    found = plan(_loop(), known)
    step = next(step for step in found.steps if step.path == "loop")
    assert step.body is not None
    outside = sum(size for other in found.steps[:4] for _, _, size in other.makes)
    assert step.held == outside + step.body.peak
    assert {"k.blob", "start.blob", "list.value"} < set(step.frees)


def test_plan_as_json(known: Registry) -> None:
    data: dict[str, Any] = json.loads(json.dumps(plan(_loop(), known).as_json()))
    assert set(data) == {"steps", "peak_bytes", "peak_at"}
    loop = next(step for step in data["steps"] if step["node"] == "loop")
    assert loop["type"] == "flow.loop"
    assert [step["node"] for step in loop["body"]["steps"]] == [
        "loop/large",
        "loop/small",
        "loop/seen",
    ]
    assert loop["body"]["steps"][0]["makes"] == [{"output": "blob", "type": "Blob", "bytes": 50}]
    assert loop["held_bytes"] == data["peak_bytes"]
