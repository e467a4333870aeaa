"""Those who watch a run: each value made or found, each node's inputs, a say before each node."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.cache import Cache
from nodeflow.errors import Cancelled
from nodeflow.executor import run
from nodeflow.fingerprint import Key
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import Registry

Seen = list[tuple[str, str, Any]]


def sums(k: int = 10) -> Graph:
    """sum ← sum + value, over [3, 4] from 1; then + k."""
    nodes = {
        "values": {"type": "t.numbers", "params": {"values": [3, 4]}},
        "start": {"type": "t.number"},
        "scan": {
            "type": "flow.loop",
            "each": {"v": "values.value"},
            "state": {"sum": {"init": "start.value", "next": "plus.value"}},
            "body": {"plus": {"type": "t.add", "links": {"a": "state.sum", "b": "each.v"}}},
        },
        "end": {"type": "t.add", "params": {"b": k}, "links": {"a": "scan.sum"}},
    }
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"end": "end.value"}})


def test_every_value_made_is_shown_with_a_key_of_its_own(registry: Registry) -> None:
    seen: Seen = []
    keys: list[Key] = []

    def on_value(path: str, port: str, value: Any, key: Key) -> None:
        seen.append((path, port, value))
        keys.append(key)

    run(sums(), registry=registry, on_value=on_value)
    assert len(seen) == 8
    assert [s for s in seen if s[0] not in ("values", "start")] == [
        ("scan[0]", "each.v", 3),
        ("scan[0]/plus", "value", 4),
        ("scan[1]", "each.v", 4),
        ("scan[1]/plus", "value", 8),
        ("scan", "sum", 8),
        ("end", "value", 18),
    ]
    assert ("values", "value", [3, 4]) in seen
    assert ("start", "value", 1) in seen
    assert len({key for key in keys if key}) == len(keys)


def test_what_is_found_is_told_by_the_keys_it_was_made_under(registry: Registry) -> None:
    cache = Cache()
    made: dict[tuple[str, str], Key] = {}
    found: dict[tuple[str, str], Key] = {}

    def note(path: str, port: str, value: Any, key: Key) -> None:
        made[path, port] = key

    run(sums(), registry=registry, cache=cache, on_value=note)
    before = dict(made)
    made.clear()
    run(
        sums(k=20),
        registry=registry,
        cache=cache,
        on_value=note,
        on_found=lambda path, port, key: found.update({(path, port): key}),
    )
    assert list(made) == [("end", "value")]
    assert found == {at: key for at, key in before.items() if "[" not in at[0] and at[0] != "end"}


def test_a_node_is_shown_with_what_it_is_given(registry: Registry) -> None:
    given: dict[str, dict[str, Any]] = {}
    run(
        sums(),
        registry=registry,
        on_inputs=lambda path, arguments: given.update({path: dict(arguments)}),
    )
    assert given["scan[1]/plus"] == {"a": 4, "b": 4}
    assert given["end"] == {"a": 8, "b": 10}
    assert "scan" not in given


def test_a_say_comes_before_nodes_loops_and_passes(registry: Registry) -> None:
    order: list[str] = []
    run(
        sums(),
        registry=registry,
        before=order.append,
        on_value=lambda path, port, value, key: order.append(f"{path}.{port}"),
    )
    loop = order.index("scan")
    assert order[loop:] == [
        *("scan", "scan[0].each.v", "scan[0]", "scan[0]/plus", "scan[0]/plus.value"),
        *("scan[1].each.v", "scan[1]", "scan[1]/plus", "scan[1]/plus.value", "scan.sum"),
        *("end", "end.value"),
    ]


@pytest.mark.parametrize("stop_at", ["scan", "scan[1]", "scan[1]/plus", "end"])
def test_who_has_a_say_may_end_the_run(registry: Registry, stop_at: str) -> None:
    made: list[str] = []

    def before(path: str) -> None:
        if path == stop_at:
            raise Cancelled("enough")

    with pytest.raises(Cancelled) as caught:
        run(
            sums(),
            registry=registry,
            before=before,
            on_value=lambda path, port, value, key: made.append(path),
        )
    assert caught.value.result.status == "cancelled"  # type: ignore[attr-defined]
    assert "end" not in made
    assert ("scan[0]/plus" in made) == (stop_at != "scan")
    assert "scan[1]/plus" not in made or stop_at == "end"


def test_nothing_changes_for_being_watched(registry: Registry) -> None:
    alone = run(sums(), registry=registry)
    watched = run(
        sums(),
        registry=registry,
        on_value=lambda *_: None,
        on_inputs=lambda *_: None,
        on_found=lambda *_: None,
        before=lambda *_: None,
    )
    assert watched.outputs == alone.outputs
    assert {p: r.state for p, r in watched.nodes.items()} == {
        p: r.state for p, r in alone.nodes.items()
    }
