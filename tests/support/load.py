"""Many sockets that listen while many runs go through a server; what is lost, what is out of order.

Used by a test (small) and by `tests/benchmarks/serving.py` (as large as one likes).
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, WSMsgType

from serving import chain

ENDS = ("done", "failed", "cancelled")
SENDERS = 4


@dataclass
class Report:
    """What was seen. `lost` counts state events that a socket missed and runs that never ended,
    `out_of_order` events whose number is not the next of their run."""

    sockets: int
    runs: int
    messages: int = 0
    lost: int = 0
    out_of_order: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    replayed: int = 0
    """Runs whose replay was compared with what was told."""
    seconds: float = 0.0
    accepted_seconds: float = 0.0


class _Listener:
    """One socket and what it heard, by run."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.heard: dict[str, list[int]] = {}
        self.ends: dict[str, str] = {}
        self.messages = 0
        self.all_over = asyncio.Event()

    async def listen(self, stream: Any) -> None:
        async for message in stream:
            if message.type is not WSMsgType.TEXT:
                continue
            self.messages += 1
            event = message.json()
            data = event["data"]
            if "seq" not in data:
                continue
            self.heard.setdefault(data["run"], []).append(data["seq"])
            if event["type"] == "nf.run" and data["state"] in ENDS:
                self.ends[data["run"]] = data["state"]
                if len(self.ends) == self.expected:
                    self.all_over.set()


async def load(
    url: str,
    sockets: int,
    runs: int,
    *,
    token: str = "",
    patience: float = 120.0,
    tell: Callable[[str], None] = lambda text: None,
) -> Report:
    """Open the sockets, queue the runs, wait until each socket has heard the end of each run."""
    report = Report(sockets, runs)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with ClientSession(url, headers=headers) as session:
        listeners = [_Listener(runs) for _ in range(sockets)]
        streams = [await session.ws_connect("/api/v1/ws", max_msg_size=0) for _ in listeners]
        tasks = [
            asyncio.create_task(listener.listen(stream))
            for listener, stream in zip(listeners, streams, strict=True)
        ]
        began = time.perf_counter()
        names = await _submit_all(session, runs)
        report.accepted_seconds = time.perf_counter() - began
        tell(f"{runs} runs accepted in {report.accepted_seconds:.1f} s")
        waiting = [listener.all_over.wait() for listener in listeners]
        try:
            await asyncio.wait_for(asyncio.gather(*waiting), patience)
        except asyncio.TimeoutError:
            tell("not all ends were heard")
        report.seconds = time.perf_counter() - began
        for name in names:
            await _compare(session, name, listeners, report)
        for stream in streams:
            await stream.close()
        await asyncio.gather(*tasks)
    report.messages = sum(listener.messages for listener in listeners)
    return report


async def _submit_all(session: ClientSession, runs: int) -> list[str]:
    """Queue the runs, a few requests at a time; each is a graph of its own, so that none is
    answered from the cache."""
    names: list[str] = [""] * runs
    numbers = iter(range(runs))

    async def submit() -> None:
        for number in numbers:
            body = {"graph": chain(2, start=float(number)), "title": f"run {number}"}
            async with session.post("/api/v1/runs", json=body) as response:
                response.raise_for_status()
                names[number] = (await response.json())["run"]

    await asyncio.gather(*(submit() for _ in range(SENDERS)))
    return names


async def _compare(
    session: ClientSession, name: str, listeners: list[_Listener], report: Report
) -> None:
    """Hold what each socket heard of a run against what the server kept of it."""
    async with session.get(f"/api/v1/runs/{name}") as response:
        detail = await response.json()
    kept = [event["data"]["seq"] for event in detail["events"]]
    state = detail["summary"]["state"]
    report.ended[state] = report.ended.get(state, 0) + 1
    report.replayed += kept == list(range(1, len(kept) + 1))
    for listener in listeners:
        heard = listener.heard.get(name, [])
        report.lost += len(set(kept) - set(heard))
        report.lost += name not in listener.ends
        report.out_of_order += sum(
            after != before + 1 for before, after in itertools.pairwise(heard)
        )
        report.out_of_order += bool(heard) and heard[0] != 1
