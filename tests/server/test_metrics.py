"""Figures for Prometheus: what happened is what is counted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import REGISTRY

from nodeflow.server.app import METRICS
from nodeflow.server.keys import HUB, RUNS
from nodeflow.server.metrics import type_at
from nodeflow.server.protocol import RunRequest
from serving import PACKS, application, chain, is_over


async def figures(client: Any) -> dict[str, float]:
    """Every sample by its name and labels."""
    response = await client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(await response.text()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def run_all(app: Any, graphs: list[Any]) -> None:
    """Queue runs and wait until all have ended and are counted."""
    ends = asyncio.Queue[str]()

    def heard(event: Any) -> None:
        if isinstance(event, dict) and is_over([event], event["data"].get("run", "")):
            ends.put_nowait(event["data"]["run"])

    stop = app[RUNS].listen(heard)
    for graph in graphs:
        await app[RUNS].submit(RunRequest(graph=graph))
    for _ in graphs:
        await asyncio.wait_for(ends.get(), 30)
    stop()
    await asyncio.gather(*app[METRICS].tasks)


def failing() -> dict[str, Any]:
    return {
        "nodeflow": 1,
        "nodes": {"n": {"type": "testpack:acts.fail"}},
        "outputs": {"x": "n.value"},
    }


@pytest.fixture
async def client(aiohttp_client: Any, tmp_path: Path) -> Any:
    return await aiohttp_client(application(tmp_path, nodes=(PACKS / "testpack",)))


async def test_runs_and_nodes_are_counted(client: Any) -> None:
    before = await figures(client)
    assert before["nodeflow_runs_total{state=done}"] == 0
    assert before["nodeflow_queued_runs"] == 0
    await run_all(client.app, [chain(3, start=5.0), failing(), chain(2, start=9.0)])
    after = await figures(client)
    assert after["nodeflow_runs_total{state=done}"] == 2
    assert after["nodeflow_runs_total{state=failed}"] == 1
    assert after["nodeflow_run_seconds_count"] == 3
    assert after["nodeflow_nodes_total{type=math.add}"] == 5
    assert after["nodeflow_node_seconds_total{type=math.add}"] > 0
    assert after["nodeflow_worker_restarts_total"] == 0


async def test_what_is_so_now(client: Any) -> None:
    await client.app[RUNS].set_paused(True)
    for _ in range(3):
        await client.app[RUNS].submit(RunRequest(graph=chain(1)))
    socket = await client.ws_connect("/api/v1/ws")
    client.app[HUB].dropped = 7
    told = await figures(client)
    assert told["nodeflow_queued_runs"] == 3
    assert told["nodeflow_running_runs"] == 0
    assert told["nodeflow_sockets"] == 1
    assert told["nodeflow_dropped_frames_total"] == 7
    await socket.close()


async def test_nothing_global_is_kept(client: Any, aiohttp_client: Any, tmp_path: Path) -> None:
    """Two servers in one process count apart."""
    assert not [f for f in REGISTRY.collect() if f.name.startswith("nodeflow")]
    other = await aiohttp_client(application(tmp_path / "other"))
    await run_all(other.app, [chain(1)])
    assert (await figures(other))["nodeflow_runs_total{state=done}"] == 1
    assert (await figures(client))["nodeflow_runs_total{state=done}"] == 0


def test_types_are_found_in_bodies_and_inner_graphs() -> None:
    graph = {
        "nodes": {
            "loop": {"type": "flow.loop", "body": {"n": {"type": "math.add"}}},
            "group": {"type": "flow.graph", "graph": {"nodes": {"m": {"type": "math.mean"}}}},
            "file": {"type": "flow.graph", "graph": "other.json"},
        }
    }
    assert type_at(graph, "loop/n") == "math.add"
    assert type_at(graph, "group/m") == "math.mean"
    assert type_at(graph, "loop") == "flow.loop"
    for none in ("file/x", "loop/none", "none", "loop/n/deeper", ""):
        assert type_at(graph, none) == ""
