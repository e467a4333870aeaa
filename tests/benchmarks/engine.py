"""How long the engine takes per node: check, plan, first run, cached run, run after a change.

    python tests/benchmarks/engine.py [--sizes 1000,10000,100000] [--repeats 3] [--json]

The nodes do nothing, so that only the engine is measured. The yardstick is a plain Python loop over
the same functions that keys each call with blake2b and keeps the results in a dict, in the same
process: what remains if a graph is written out by hand. Seconds are those of the processor in this
process, so that what else the machine does counts little.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import process_time
from typing import Any

from nodeflow.cache import Cache
from nodeflow.executor import run
from nodeflow.graph import Graph, Link, Node
from nodeflow.node import definition_of, node
from nodeflow.plan import plan
from nodeflow.registry import Registry
from nodeflow.validate import validate

WIDTH = 50


@node("bench.source")
def source(value: int = 1) -> int:
    """Give a number."""
    return value


@node("bench.step")
def step(a: int, b: int = 1) -> int:
    """Pass a number on."""
    return a


@node("bench.mix")
def mix(a: int, b: int, c: int, d: int, seed: int = 0) -> int:
    """Pass one of four numbers on."""
    return a


REGISTRY = Registry({d.id: d for d in map(definition_of, (source, step, mix))})


def chain(count: int) -> tuple[Graph, str]:
    """One node after another; and the port to turn at the last."""
    nodes = {"n0": Node("bench.source")}
    for i in range(1, count):
        nodes[f"n{i}"] = Node("bench.step", links={"a": Link(f"n{i - 1}", "value")})
    return Graph(nodes=nodes, outputs={"end": Link(f"n{count - 1}", "value")}), f"n{count - 1}.b"


def layers(count: int) -> tuple[Graph, str]:
    """Layers of 50 nodes that each read four of the layer before."""
    nodes: dict[str, Node] = {f"n{i}": Node("bench.source") for i in range(WIDTH)}
    for i in range(WIDTH, count):
        row, place = divmod(i, WIDTH)
        wires = {
            port: Link(f"n{(row - 1) * WIDTH + (place * 7 + k * 11) % WIDTH}", "value")
            for k, port in enumerate("abcd")
        }
        nodes[f"n{i}"] = Node("bench.mix", links=wires)
    last = {f"end{i}": Link(f"n{i}", "value") for i in range(count - WIDTH, count)}
    return Graph(nodes=nodes, outputs=last), f"n{count - 1}.seed"


@dataclass(frozen=True)
class Row:
    """Microseconds per node; `handmade` are the yardstick's for a first and a cached run."""

    shape: str
    nodes: int
    check: float
    plan: float
    first: float
    cached: float
    check_changed: float
    plan_changed: float
    changed: float
    handmade_first: float
    handmade_cached: float


class Handmade:
    """The same calls without a graph: keys by blake2b, results in a dict."""

    def __init__(self, graph: Graph) -> None:
        functions = {"bench.source": source, "bench.step": step, "bench.mix": mix}
        self.calls = [
            (id, each.type, functions[each.type], [(p, w.node) for p, w in each.links.items()])  # type: ignore[union-attr]
            for id, each in graph.nodes.items()
        ]
        self.kept: dict[bytes, Any] = {}

    def go(self) -> None:
        keys: dict[str, bytes] = {}
        values: dict[str, Any] = {}
        for id, type, function, reads in self.calls:
            h = hashlib.blake2b(type.encode(), digest_size=16)
            for port, origin in reads:
                h.update(port.encode() + keys[origin])
            key = keys[id] = h.digest()
            if key not in self.kept:
                self.kept[key] = function(**{port: values[origin] for port, origin in reads})
            values[id] = self.kept[key]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = process_time()
    result = call()
    return process_time() - start, result


def measure(shape: str, count: int) -> Row:
    """One measurement of everything, on a graph made anew."""
    graph, knob = (chain if shape == "chain" else layers)(count)
    seconds = {}
    seconds["check"], problems = timed(lambda: validate(graph, REGISTRY))
    assert not problems, problems[:3]
    seconds["plan"], _ = timed(lambda: plan(graph, REGISTRY))
    cache = Cache()
    seconds["first"], first = timed(lambda: run(graph, registry=REGISTRY, cache=cache))
    seconds["cached"], again = timed(lambda: run(graph, registry=REGISTRY, cache=cache))
    assert (again.ran, again.outputs) == (0, first.outputs)
    edited = graph.with_params({knob: 7})
    seconds["check_changed"], _ = timed(lambda: validate(edited, REGISTRY))
    seconds["plan_changed"], _ = timed(lambda: plan(edited, REGISTRY))
    seconds["changed"], third = timed(lambda: run(edited, registry=REGISTRY, cache=cache))
    assert third.ran == 1, third.ran
    handmade = Handmade(graph)
    seconds["handmade_first"], _ = timed(handmade.go)
    seconds["handmade_cached"], _ = timed(handmade.go)
    return Row(shape, count, **{name: each / count * 1e6 for name, each in seconds.items()})


def median(rows: list[Row]) -> Row:
    names = [name for name in asdict(rows[0]) if name not in ("shape", "nodes")]
    middle = {name: statistics.median(getattr(row, name) for row in rows) for name in names}
    return Row(rows[0].shape, rows[0].nodes, **middle)


def show(rows: list[Row]) -> None:
    columns = ["check", "plan", "first", "cached", "check′", "plan′", "run′", "by hand", "ratio"]
    print(f"{'µs per node':>20}" + "".join(f"{column:>9}" for column in columns))
    for row in rows:
        numbers = [row.check, row.plan, row.first, row.cached]
        numbers += [row.check_changed, row.plan_changed, row.changed]
        numbers += [row.handmade_first, row.first / row.handmade_first]
        print(f"{row.shape:>8} {row.nodes:>11,}" + "".join(f"{number:>9.2f}" for number in numbers))
    print("′ after changing the last node; ratio: first run to the same calls by hand")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead")
    options = parser.parse_args()
    rows = [
        median([measure(shape, int(size)) for _ in range(options.repeats)])
        for shape in ("chain", "layers")
        for size in options.sizes.split(",")
    ]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, median of {options.repeats}")
    show(rows)


if __name__ == "__main__":
    main()
