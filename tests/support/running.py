"""Queue and workers for tests: graphs of the test pack, and a `Runs` that is listened to.

async with running(tmp_path) as queue:
    run = await queue.submit(act("add", a=1))
    assert (await queue.end(run)).state == "done"
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from nodeflow.registry import Registry, load_registry
from nodeflow.server.frames import Frame
from nodeflow.server.protocol import RunRequest, RunSummary
from nodeflow.server.runs import Runs
from nodeflow.server.settings import Limits, Settings

PACK = Path(__file__).parent / "packs" / "testpack"
ENDS = ("done", "failed", "cancelled")
PATIENCE = 60.0


@cache
def pack_registry() -> Registry:
    return load_registry([PACK])


def act(name: str, /, **params: Any) -> dict[str, Any]:
    """A graph of one node of the test pack."""
    port = {"write": "paths", "write_into": "path"}.get(name, "value")
    node = {"type": f"testpack:acts.{name}", "params": params}
    return {"nodeflow": 1, "outputs": {"out": f"act.{port}"}, "nodes": {"act": node}}


def loop(count: int, seconds: float = 0.0) -> dict[str, Any]:
    """A graph that adds 1 `count` times, in a loop, and sleeps each time."""
    body = {
        "more": {"type": "testpack:acts.add", "links": {"a": "state.sum"}},
        "nap": {
            "type": "testpack:acts.sleep_deaf",
            "params": {"seconds": seconds},
            "links": {"value": "more.value"},
        },
    }
    nodes = {
        "start": {"type": "testpack:acts.number", "params": {"value": 0}},
        "list": {"type": "testpack:acts.numbers", "params": {"count": count}},
        "again": {
            "type": "flow.loop",
            "each": {"turn": "list.value"},
            "state": {"sum": {"init": "start.value", "next": "nap.value"}},
            "body": body,
        },
    }
    return {"nodeflow": 1, "outputs": {"sum": "again.sum"}, "nodes": nodes}


def settings(base: Path, **given: Any) -> Settings:
    limits = replace(Limits(), **given.pop("limits", {}))
    return Settings(base=base, **{"nodes": (PACK,), "device": "cpu", "limits": limits, **given})


@dataclass
class Queue:
    """A running queue, and all that it told."""

    runs: Runs
    messages: list[Any] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, message: Any) -> None:
        self.messages.append(message)
        told = {} if isinstance(message, Frame) else message["data"]
        if told.get("state") in ENDS and message["type"] == "nf.run":
            self.ended.add(told["run"])
        self._changed.set()

    async def submit(self, graph: dict[str, Any], **request: Any) -> str:
        return (await self.runs.submit(RunRequest(graph=graph, **request))).run

    def told(self, run: str, type: str = "") -> list[dict[str, Any]]:
        """The data of the run's events, of one type or of all."""
        found = (m for m in self.messages if not isinstance(m, Frame) and m["type"] != "nf.queue")
        return [m["data"] for m in found if m["data"]["run"] == run and type in ("", m["type"])]

    def states(self, run: str) -> list[str]:
        """The run's states as they were told, each change once."""
        told = [data["state"] for data in self.told(run, "nf.run")]
        return [state for i, state in enumerate(told) if i == 0 or told[i - 1] != state]

    async def until(self, holds: Any, seconds: float = PATIENCE) -> None:
        """Wait until something holds of what was told."""

        async def wait() -> None:
            while not holds():
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(wait(), seconds)

    async def end(self, run: str) -> RunSummary:
        """Wait until a run has ended; how it did."""
        await self.until(lambda: run in self.ended)
        return await self.runs.summary(run)

    async def node_runs(self, run: str) -> None:
        """Wait until a node of a run runs."""
        await self.until(lambda: any(d["state"] == "running" for d in self.told(run, "nf.node")))


@asynccontextmanager
async def running(base: Path, *, cancel_grace: float = 5.0, **given: Any) -> AsyncIterator[Queue]:
    """A queue below `base` with its workers, for as long as the block lasts."""
    runs = Runs(settings(base, **given), pack_registry(), cancel_grace=cancel_grace)
    queue = Queue(runs)
    runs.listen(queue.heard)
    await runs.start()
    try:
        yield queue
    finally:
        await runs.stop()
