"""Figures for Prometheus at /metrics: a registry of the application's own, nothing global.

Imports `errors`, `registry`, `server.frames`, `server.hub`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from nodeflow.errors import NodeflowError
from nodeflow.registry import Registry
from nodeflow.server.frames import Frame
from nodeflow.server.hub import Hub

ENDS = ("done", "failed", "cancelled")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
LAST = 2**62
"""After this event there is none."""
WATCHED_RUNS = 64
"""Runs whose nodes are added up at once; workers are few."""


@dataclass
class _Run:
    began: float = 0.0
    nodes: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How often each node ran and for how many seconds, by node."""


class Metrics:
    """Listens to what happens and counts it."""

    def __init__(self, runs: Any, hub: Hub, nodes: Registry) -> None:
        self.runs = runs
        self.nodes = nodes
        self.watched: dict[str, _Run] = {}
        self.registry = CollectorRegistry(auto_describe=False)
        told = {"registry": self.registry}
        self.ended = Counter("nodeflow_runs", "Runs that ended", ["state"], **told)
        self.seconds = Histogram(
            "nodeflow_run_seconds", "How long runs ran", buckets=SECONDS, **told
        )
        by_type = ["type"]
        self.node_runs = Counter("nodeflow_nodes", "How often nodes ran", by_type, **told)
        self.node_seconds = Counter("nodeflow_node_seconds", "How long nodes ran", by_type, **told)
        self.tasks: set[asyncio.Task[None]] = set()
        for state in ENDS:
            self.ended.labels(state)
        self.registry.register(_Now(runs, hub))
        ProcessCollector(registry=self.registry)  # memory and processor time, where there is /proc

    def heard(self, event: Mapping[str, Any] | Frame) -> None:
        """Count one event."""
        if isinstance(event, Frame):
            return
        data: Mapping[str, Any] = event.get("data") or {}
        if event.get("type") == "nf.node":
            self._node(data)
        elif event.get("type") == "nf.run":
            self._run(data)

    async def answer(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        body = generate_latest(self.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _node(self, data: Mapping[str, Any]) -> None:
        run, milliseconds = self.watched.get(str(data.get("run"))), data.get("ms")
        if run is None or data.get("state") != "done" or milliseconds is None:
            return
        count, seconds = run.nodes.get(data["node"], (0, 0.0))
        run.nodes[data["node"]] = count + 1, seconds + milliseconds / 1000

    def _run(self, data: Mapping[str, Any]) -> None:
        run, state = str(data.get("run")), data.get("state")
        if state == "running" and run not in self.watched:
            if len(self.watched) >= WATCHED_RUNS:  # of those, some ended without a word
                self.watched.pop(next(iter(self.watched)))
            self.watched[run] = _Run(data.get("at") or 0.0)
        elif state in ENDS:
            self.ended.labels(state).inc()
            watched = self.watched.pop(run, None)
            if watched is not None:
                self.seconds.observe(max(0.0, (data.get("at") or 0.0) - watched.began))
                task = asyncio.ensure_future(self._add_types(run, watched.nodes))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def _add_types(self, run: str, nodes: Mapping[str, tuple[int, float]]) -> None:
        """Add what the nodes of a finished run took to their types, which its graph tells."""
        if not nodes:
            return
        try:
            detail = await self.runs.detail(run, LAST)
        except NodeflowError:  # it was deleted meanwhile
            return
        for node, (count, seconds) in nodes.items():
            name = type_at(detail.graph, node)
            known = name if name in self.nodes else "other"  # packs may have any number of names
            self.node_runs.labels(known).inc(count)
            self.node_seconds.labels(known).inc(seconds)


class _Now(Collector):  # type: ignore[misc]
    """What is so at the moment of asking."""

    def __init__(self, runs: Any, hub: Hub) -> None:
        self.runs = runs
        self.hub = hub

    def collect(self) -> Iterable[Any]:
        state = self.runs.state()
        yield GaugeMetricFamily("nodeflow_queued_runs", "Runs that wait", len(state.queued))
        yield GaugeMetricFamily("nodeflow_running_runs", "Runs that run", len(state.running))
        yield GaugeMetricFamily("nodeflow_sockets", "Open websockets", len(self.hub.sockets))
        yield CounterMetricFamily("nodeflow_messages", "Sent to websockets", self.hub.sent)
        told = "Frames that slow readers were not sent"
        yield CounterMetricFamily("nodeflow_dropped_frames", told, self.hub.dropped)
        told = "Readers that were cut off"
        yield CounterMetricFamily("nodeflow_slow_readers", told, self.hub.cut_off)
        told = "Workers that were started again"
        yield CounterMetricFamily("nodeflow_worker_restarts", told, self.runs.restarts)


def type_at(graph: Mapping[str, Any], node: str) -> str:
    """The type of the node at a path in a graph file."""
    nodes: Any = graph.get("nodes")
    found: Any = None
    for part in node.split("/"):
        found = nodes.get(part) if isinstance(nodes, dict) else None
        if not isinstance(found, dict):
            return ""
        inner = found.get("graph")
        nodes = found.get("body") or (inner.get("nodes") if isinstance(inner, dict) else None)
    return str(found.get("type", "")) if found else ""
