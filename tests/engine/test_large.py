"""A chain of 100,000 nodes and a loop of 20,000 passes: nothing recurses, nothing is quadratic."""

from __future__ import annotations

import gc

from nodeflow.cache import Cache
from nodeflow.executor import run
from nodeflow.formats.graph_json import dump_graph, parse_graph
from nodeflow.graph import Graph, Link, Loop, Node, State
from nodeflow.memory import BASE_BYTES
from nodeflow.plan import plan
from nodeflow.registry import Registry
from nodeflow.validate import validate

COUNT = 100_000


def _chain(count: int) -> Graph:
    nodes = {"n0": Node("t.number", params={"value": 0})}
    for i in range(1, count):
        nodes[f"n{i}"] = Node("t.add", links={"a": Link(f"n{i - 1}", "value")})
    return Graph(nodes=nodes, outputs={"end": Link(f"n{count - 1}", "value")})


def test_a_chain_of_100_000_nodes(registry: Registry, calls: list[str]) -> None:
    graph, cache = _chain(COUNT), Cache()
    assert validate(graph, registry) == []
    found = plan(graph, registry)
    assert len(found.steps) == COUNT
    assert found.peak == 2 * BASE_BYTES  # one number read, one made
    first = run(graph, registry=registry, cache=cache)
    assert first.outputs == {"end": COUNT - 1}
    assert first.peak_bytes == found.peak
    assert len(calls) == COUNT
    again = run(graph, registry=registry, cache=cache)
    assert (again.ran, again.cached) == (0, COUNT)
    edited = graph.with_params({f"n{COUNT - 1}.b": 5})
    third = run(edited, registry=registry, cache=cache)
    assert (third.outputs, third.ran) == ({"end": COUNT + 3}, 1)
    del graph, edited, found, first, again, third, cache
    gc.collect()


def test_a_chain_is_written_and_read_again() -> None:
    graph = _chain(10_000)
    assert parse_graph(dump_graph(graph)) == graph


def test_many_passes(registry: Registry) -> None:
    loop = Loop(
        "flow.loop",
        each={"i": Link("list", "value")},
        state={"s": State(Link("start", "value"), Link("n", "value"))},
        body={"n": Node("t.add", links={"a": Link("state", "s"), "b": Link("each", "i")})},
    )
    nodes = {
        "start": Node("t.number", params={"value": 0}),
        "list": Node("t.count", params={"n": 20_000}),
        "loop": loop,
    }
    graph = Graph(nodes=nodes, outputs={"s": Link("loop", "s")})
    assert run(graph, registry=registry).outputs == {"s": sum(range(20_000))}


def test_one_value_read_by_many_and_many_read_by_one(registry: Registry) -> None:
    nodes = {"n": Node("t.number")}
    nodes.update({f"a{i}": Node("t.add", links={"a": Link("n", "value")}) for i in range(20_000)})
    wires = tuple(Link(f"a{i}", "value") for i in range(20_000))
    nodes["total"] = Node("t.total", links={"values": wires})
    graph = Graph(nodes=nodes, outputs={"total": Link("total", "value")})
    assert run(graph, registry=registry).outputs == {"total": 40_000}
