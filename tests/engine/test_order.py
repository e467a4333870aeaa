"""The order of running, on drawn graphs and on random ones.

Sizes are bytes of what a node makes; they stand after the node's name.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeflow.graph import Graph, Link, Loop, Node, State
from nodeflow.node import definition_of, node
from nodeflow.order import memory_order, predicted_sizes
from nodeflow.plan import body_order, targets
from nodeflow.program import Scope
from nodeflow.registry import Registry
from nodeflow.sockets import socket
from nodeflow.validate import program


@socket("blob")
@dataclass(frozen=True)
class Blob:
    pass


@node("o.make", estimate=lambda params, inputs: {"blob": params["size"]})
def make(inputs: list[Blob] = (), size: int = 1) -> Blob:  # type: ignore[assignment]
    """Make so many bytes of whatever is given."""
    return Blob()


@node("o.list")
def blobs() -> list[Blob]:
    """Give something to walk."""
    return []


@node("o.pass")
def same(blob: Blob) -> Blob:
    """Give something of the same size."""
    return blob


REGISTRY = Registry({d.id: d for d in map(definition_of, (make, blobs, same))})


def _graph(drawn: Mapping[str, tuple[int, str]], *outputs: str) -> Graph:
    """A graph from `name: (bytes, "names it reads")`."""
    nodes = {
        name: Node(
            "o.make",
            params={"size": size},
            links={"inputs": tuple(Link(n, "blob") for n in reads.split())} if reads else {},
        )
        for name, (size, reads) in drawn.items()
    }
    return Graph(nodes=nodes, outputs={f"out_{n}": Link(n, "blob") for n in outputs})


def _order(drawn: Mapping[str, tuple[int, str]], *outputs: str) -> list[str]:
    made = program(_graph(drawn, *outputs), REGISTRY)
    assert not made.errors, made.errors
    asked = targets(made, None)
    return [made.scope.tasks[index].path for index in asked.order]


# ── drawn graphs ───────────────────────────────────────────────────────────────────────────────


def test_finishes_with_clip_before_the_unet_is_loaded() -> None:
    """Nothing is loaded before it can be used, however small it is.

    clip 4 ──┬─► positive 1 ──┐
             └─► negative 1 ──┤
    unet 9 ───────────────────┼─► sample 1 ──┐
    empty 1 ──────────────────┘              ├─► decode 3
    vae 2 ───────────────────────────────────┘
    """
    drawn = {
        "vae": (2, ""),
        "unet": (9, ""),
        "clip": (4, ""),
        "empty": (1, ""),
        "positive": (1, "clip"),
        "negative": (1, "clip"),
        "sample": (1, "unet positive negative empty"),
        "decode": (3, "vae sample"),
    }
    order = _order(drawn, "decode")
    assert order[:3] == ["clip", "positive", "negative"]
    assert order[-4:] == ["unet", "sample", "vae", "decode"]


def test_a_small_unet_waits_for_clip_all_the_same() -> None:
    """As above, with the sizes of the two networks exchanged.

    clip 9 ──┬─► positive 1 ──┐
             └─► negative 1 ──┼─► sample 1
    unet 4 ───────────────────┘
    """
    drawn = {
        "unet": (4, ""),
        "clip": (9, ""),
        "positive": (1, "clip"),
        "negative": (1, "clip"),
        "sample": (1, "unet positive negative"),
    }
    assert _order(drawn, "sample") == ["clip", "positive", "negative", "unet", "sample"]


def test_one_checkpoint_is_done_with_before_another_is_loaded() -> None:
    """
    load a 9 ──┬─► encode a 1 ──┐
               └────────────────┴─► sample a 1 ──┐
    load b 9 ──┬─► encode b 1 ──┐                ├─► grid 2
               └────────────────┴─► sample b 1 ──┘
    """
    drawn = {
        "load_a": (9, ""),
        "load_b": (9, ""),
        "encode_a": (1, "load_a"),
        "encode_b": (1, "load_b"),
        "sample_a": (1, "load_a encode_a"),
        "sample_b": (1, "load_b encode_b"),
        "grid": (2, "sample_a sample_b"),
    }
    order = _order(drawn, "grid")
    loads = [order.index("load_a"), order.index("load_b")]
    first = "ab"[loads.index(min(loads))]
    assert order.index(f"sample_{first}") < max(loads)


def test_diamond() -> None:
    """Both sides before the bottom; the side that makes less comes first.

             ┌─► large 5 ──┐
    top 3 ───┤             ├─► bottom 1
             └─► small 1 ──┘
    """
    drawn = {
        "top": (3, ""),
        "large": (5, "top"),
        "small": (1, "top"),
        "bottom": (1, "large small"),
    }
    assert _order(drawn, "bottom") == ["top", "small", "large", "bottom"]


def test_fan_out_is_reduced_as_it_is_made() -> None:
    """One picture is made small before the next is made, so that never two large ones are held.

              ┌─► large 1 9 ─► small 1 1 ──┐
    start 1 ──┼─► large 2 9 ─► small 2 1 ──┼─► grid 1
              └─► large 3 9 ─► small 3 1 ──┘
    """
    drawn: dict[str, tuple[int, str]] = {"start": (1, "")}
    drawn.update({f"large{i}": (9, "start") for i in range(5)})
    drawn.update({f"small{i}": (1, f"large{i}") for i in range(5)})
    drawn["grid"] = (1, " ".join(f"small{i}" for i in range(5)))
    order = _order(drawn, "grid")
    for i in range(5):
        assert order.index(f"small{i}") == order.index(f"large{i}") + 1


def test_long_branch_is_followed_to_its_end() -> None:
    """With nothing to choose between, the freshest goes on.

            ┌─► a1 1 ─► a2 1 ─► a3 1 ──┐
    top 1 ──┤                          ├─► end 1
            └─► b1 1 ─► b2 1 ─► b3 1 ──┘
    """
    drawn = {"top": (1, "")}
    for side in "ab":
        drawn[f"{side}1"] = (1, "top")
        drawn[f"{side}2"] = (1, f"{side}1")
        drawn[f"{side}3"] = (1, f"{side}2")
    drawn["end"] = (1, "a3 b3")
    order = "".join(name[0] for name in _order(drawn, "end"))
    assert order in ("taaabbbe", "tbbbaaae")


def test_chain() -> None:
    """a 1 ─► b 1 ─► c 1, whatever the order of the file."""
    drawn = {"c": (1, "b"), "a": (1, ""), "b": (1, "a")}
    assert _order(drawn, "c") == ["a", "b", "c"]


def test_what_no_output_needs_is_left_out_and_holds_nothing_up() -> None:
    """The unneeded reader of `large` does not count: `large` is let go by `used`.

    large 9 ──┬─► used 1 ─────┐
              └─► unused 1    ├─► end 1
    other 5 ──────────────────┘
    """
    drawn = {
        "other": (5, ""),
        "large": (9, ""),
        "used": (1, "large"),
        "unused": (1, "large"),
        "end": (1, "used other"),
    }
    assert _order(drawn, "end") == ["large", "used", "other", "end"]


def test_order_of_a_body_counts_what_is_made_inside() -> None:
    """In a pass, `left` lets go of nothing by reading the large constant, which stays outside.

    const.k 100 ─► left 8 ────┐
    state.s 1 ───► right 1 ───┴─► next 1
    """
    loop = Loop(
        "flow.loop",
        each={"i": Link("list", "blob")},
        const={"k": Link("k", "blob")},
        state={"s": State(Link("s", "blob"), Link("next", "blob"))},
        body={
            "left": Node("o.make", params={"size": 8}, links={"inputs": (Link("const", "k"),)}),
            "right": Node("o.make", params={"size": 1}, links={"inputs": (Link("state", "s"),)}),
            "next": Node("o.make", links={"inputs": (Link("left", "blob"), Link("right", "blob"))}),
            "unread": Node("o.make"),
        },
    )
    graph = Graph(
        nodes={
            "list": Node("o.list"),
            "k": Node("o.make", params={"size": 100}),
            "s": Node("o.make"),
            "loop": loop,
        },
        outputs={"s": Link("loop", "s")},
    )
    made = program(graph, REGISTRY)
    inner = made.scope.tasks[3].loop
    assert inner is not None
    names = [inner.body.tasks[index].path for index in body_order(inner)]
    assert names == ["loop/right", "loop/left", "loop/next"]


# ── predicted sizes ────────────────────────────────────────────────────────────────────────────


def test_sizes_are_estimated_or_as_large_as_the_largest_input_of_the_type() -> None:
    graph = _graph({"a": (100, ""), "b": (7, "a")})
    nodes = {
        **graph.nodes,
        "c": Node("o.pass", links={"blob": Link("a", "blob")}),
        "d": Node("o.pass", links={"blob": Link("c", "blob")}),
        "list": Node("o.list"),
    }
    made = program(Graph(nodes=nodes), REGISTRY)
    sizes = predicted_sizes(made.scope, {})
    named = {made.scope.slot_name(slot).partition(".")[0]: n for slot, n in enumerate(sizes)}
    assert [named[n] for n in "abcd"] == [100, 7, 100, 100]
    assert named["list"] > 0


# ── random graphs ──────────────────────────────────────────────────────────────────────────────


@st.composite
def _dags(draw: st.DrawFn) -> dict[str, tuple[int, str]]:
    drawn: dict[str, tuple[int, str]] = {}
    for index in range(draw(st.integers(1, 15))):
        reads = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        size = draw(st.sampled_from([0, 1, 2, 10, 100]))
        drawn[f"n{index}"] = (size, " ".join(f"n{i}" for i in sorted(reads)))
    names = list(drawn)
    order = draw(st.permutations(names))
    return {name: drawn[name] for name in order}


@given(_dags())
def test_every_task_runs_once_and_after_what_it_reads(drawn: dict[str, tuple[int, str]]) -> None:
    order = _order(drawn)
    assert sorted(order) == sorted(drawn)
    at = {name: place for place, name in enumerate(order)}
    assert all(at[read] < at[name] for name in drawn for read in drawn[name][1].split())


@given(_dags(), st.data())
def test_with_outputs_just_what_they_need_runs(
    drawn: dict[str, tuple[int, str]], data: st.DataObject
) -> None:
    outputs = data.draw(st.lists(st.sampled_from(sorted(drawn)), min_size=1, unique=True))
    needed = set(outputs)
    pending = list(outputs)
    while pending:
        for read in drawn[pending.pop()][1].split():
            if read not in needed:
                needed.add(read)
                pending.append(read)
    order = _order(drawn, *outputs)
    assert sorted(order) == sorted(needed)
    alone = {name: value for name, value in drawn.items() if name in needed}
    assert order == _order(alone, *outputs), "what is not needed does not count"


@given(_dags())
def test_the_order_is_always_the_same(drawn: dict[str, tuple[int, str]]) -> None:
    assert _order(drawn) == _order(dict(drawn))


def _peak(scope: Scope, order: Sequence[int], sizes: Sequence[int], wanted: Sequence[int]) -> int:
    """Bytes held at most, by going through the order and counting what is still to be read."""
    peak = 0
    for place, index in enumerate(order):
        later = {slot for i in order[place:] for slot in scope.tasks[i].reads()} | set(wanted)
        made = [scope.tasks[i].first for i in order[: place + 1]]
        held = sum(
            sizes[slot] for slot in made if slot in later or slot == scope.tasks[index].first
        )
        peak = max(peak, held)
    return peak


@pytest.mark.parametrize("spread", [6, 40], ids=["near", "far"])
def test_holds_less_than_a_plain_topological_order(spread: int) -> None:
    """On average over random graphs, and clearly: at least a twentieth less."""
    source = random.Random(20)
    ratios = []
    for _ in range(60):
        count = source.randrange(5, 40)
        drawn = {}
        for index in range(count):
            low = max(0, index - spread)
            wires = source.choice([0, 1, 1, 2, 3])
            reads = sorted({source.randrange(low, index) for _ in range(wires) if index})
            size = source.choice([1, 1, 2, 10, 100])
            drawn[f"n{index}"] = (size, " ".join(f"n{i}" for i in reads))
        scope = program(_graph(drawn), REGISTRY).scope
        sizes = predicted_sizes(scope, {})
        read = {slot for task in scope.tasks for slot in task.reads()}
        wanted = [task.first for task in scope.tasks if task.first not in read]
        greedy = _peak(scope, memory_order(scope, sizes, wanted), sizes, wanted)
        ratios.append(greedy / _peak(scope, scope.order, sizes, wanted))
    assert statistics.mean(ratios) < 0.95
