"""Inspect, edit, go on: a run that waits at a breakpoint is cancelled and begun again with edits;
the cache gives all before the breakpoint that the edits do not reach."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from nodeflow.server.protocol import RunContinue
from running import Queue, running


def chain(*added: int) -> dict[str, Any]:
    """n0 = 1, n1 = n0 + added[0] …"""
    nodes: dict[str, Any] = {"n0": {"type": "testpack:acts.number", "params": {"value": 1}}}
    for k, number in enumerate(added, start=1):
        nodes[f"n{k}"] = {
            "type": "testpack:acts.add",
            "params": {"b": number},
            "links": {"a": f"n{k - 1}.value"},
        }
    return {"nodeflow": 1, "outputs": {"sum": f"n{len(added)}.value"}, "nodes": nodes}


def loop(count: int) -> dict[str, Any]:
    """0 + 1 + 2 …, each pass in two nodes."""
    body = {
        "more": {
            "type": "testpack:acts.add",
            "params": {"b": 1},
            "links": {"a": "state.sum"},
        },
        "again": {"type": "testpack:acts.add", "params": {"b": 10}, "links": {"a": "more.value"}},
    }
    nodes = {
        "start": {"type": "testpack:acts.number", "params": {"value": 0}},
        "list": {"type": "testpack:acts.numbers", "params": {"count": count}},
        "turns": {
            "type": "flow.loop",
            "each": {"turn": "list.value"},
            "state": {"sum": {"init": "start.value", "next": "again.value"}},
            "body": body,
        },
    }
    return {"nodeflow": 1, "outputs": {"sum": "turns.sum"}, "nodes": nodes}


async def waits(queue: Queue, run: str, times: int = 1) -> str:
    """Until it waits at a breakpoint; where."""
    await queue.until(lambda: len(queue.told(run, "nf.paused")) >= times)
    await queue.until(lambda: queue.told(run, "nf.run")[-1]["state"] == "paused")
    path: str = queue.told(run, "nf.paused")[-1]["path"]
    return path


async def restart(queue: Queue, run: str, graph: dict[str, Any], stops: list[str]) -> str:
    """As the editor does it: the new run waits in front while the old one is let go."""
    again = await queue.submit(graph, breakpoints=stops, front=True)
    await queue.runs.cancel(run)
    assert (await queue.end(run)).state == "cancelled"
    return again


def ran(queue: Queue, run: str) -> list[str]:
    return [d["path"] for d in queue.told(run, "nf.node") if d["state"] == "done"]


def cached(queue: Queue, run: str) -> list[str]:
    return [d["path"] for d in queue.told(run, "nf.node") if d["state"] == "cached"]


async def finish(queue: Queue, run: str) -> Any:
    await queue.runs.go_on(run, RunContinue())
    end = await queue.end(run)
    assert end.state == "done"
    return end.outputs[0].value


async def test_an_edit_after_the_breakpoint_runs_nothing_before_it(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        first = await queue.submit(chain(10, 100, 1000), breakpoints=["n2"])
        assert await waits(queue, first) == "n2"
        assert ran(queue, first) == ["n0", "n1"]
        again = await restart(queue, first, chain(10, 100, 5000), ["n2"])
        assert await waits(queue, again) == "n2"
        assert (cached(queue, again), ran(queue, again)) == (["n0", "n1"], [])
        assert await finish(queue, again) == 1 + 10 + 100 + 5000


async def test_an_edit_of_the_node_itself_stops_before_it_again(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        first = await queue.submit(chain(10, 100, 1000), breakpoints=["n2"])
        await waits(queue, first)
        again = await restart(queue, first, chain(10, 200, 1000), ["n2"])
        assert await waits(queue, again) == "n2"
        assert ran(queue, again) == []
        assert await finish(queue, again) == 1 + 10 + 200 + 1000


async def test_an_edit_before_the_breakpoint_runs_what_depends_on_it(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        first = await queue.submit(chain(10, 100, 1000), breakpoints=["n3"])
        await waits(queue, first)
        again = await restart(queue, first, chain(10, 200, 1000), ["n3"])
        assert await waits(queue, again) == "n3"
        assert (cached(queue, again), ran(queue, again)) == (["n0", "n1"], ["n2"])
        assert await finish(queue, again) == 1 + 10 + 200 + 1000


async def test_passes_before_the_breakpoint_are_not_run_again(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        for stop in ("turns[2]", "turns[2]/more"):
            graph = loop(4)
            graph["nodes"]["start"]["params"]["value"] = len(stop)  # nothing of the other's
            first = await queue.submit(graph, breakpoints=[stop])
            assert await waits(queue, first) == stop
            edited = copy.deepcopy(graph)
            edited["outputs"]["also"] = "start.value"  # what the passes do not depend on
            again = await restart(queue, first, edited, [stop])
            assert await waits(queue, again) == stop
            assert ran(queue, again) == []
            assert await finish(queue, again) == len(stop) + 4 * 11
            done = [path for path in ran(queue, again) if "[" in path]
            assert done == [f"turns[{k}]/{name}" for k in (2, 3) for name in ("more", "again")]


async def test_a_node_of_each_pass_stops_where_it_first_runs_again(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        first = await queue.submit(loop(3), breakpoints=["turns/again"])
        assert await waits(queue, first) == "turns[0]/again"
        await queue.runs.go_on(first, RunContinue())
        assert await waits(queue, first, 2) == "turns[1]/again"
        again = await restart(queue, first, loop(3), ["turns/again"])
        assert await waits(queue, again) == "turns[1]/again"
        edited = loop(3)
        edited["nodes"]["turns"]["body"]["more"]["params"]["b"] = 2
        third = await restart(queue, again, edited, ["turns/again"])
        assert await waits(queue, third) == "turns[0]/again"
        await queue.runs.cancel(third)
