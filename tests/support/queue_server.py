"""A queue with its workers in a process of its own, to be killed: `python queue_server.py FOLDER`.

Takes a JSON object a line: {"submit": graph, "run": id}, {"cancel": id}, {"left": true}; answers
`accepted ID` once the run is on disk, `left N`, and `worker PID` when one is ready. At the end of
its input it stops as a server does that is asked to.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from nodeflow.registry import Registry, add_folder
from nodeflow.server.protocol import RunRequest
from nodeflow.server.runs import NoSuchRun, Runs
from running import PACK, settings


async def serve(base: Path) -> None:
    registry = Registry()
    add_folder(registry, PACK)  # alone: the standard nodes would take half of the time to begin
    runs = Runs(settings(base, limits={"kept_runs": 1_000_000}), registry, cancel_grace=0.5)
    await runs.start()
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        while line := sys.stdin.readline():
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    reading = loop.run_in_executor(None, read)
    print("ready", flush=True)
    while line := await lines.get():
        await act(runs, json.loads(line))
    await runs.stop(0.1)
    await reading


async def act(runs: Runs, order: dict[str, Any]) -> None:
    if "submit" in order:
        told = await runs.submit(RunRequest(graph=order["submit"]), run_id=order["run"])
        print("accepted", told.run, flush=True)
    elif "cancel" in order:
        with suppress(NoSuchRun):
            await runs.cancel(order["cancel"])
    elif "worker" in order:
        while not runs.workers[0].ready:
            await asyncio.sleep(0.01)
        print("worker", runs.workers[0].pid or 0, flush=True)
    else:
        state = runs.state()
        print("left", len(state.queued) + len(state.running), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
