"""The queue as a whole."""

from __future__ import annotations

from nodeflow.server.api.table import Call, Route
from nodeflow.server.keys import RUNS
from nodeflow.server.protocol import QueueChange, QueueState


async def get_queue(call: Call) -> QueueState:
    state: QueueState = call.app[RUNS].state()
    return state


async def change_queue(call: Call) -> QueueState:
    change: QueueChange = call.body
    await call.app[RUNS].set_paused(change.paused)
    return await get_queue(call)


async def clear_queue(call: Call) -> None:
    await call.app[RUNS].clear_queue()


ROUTES = [
    Route("GET", "/queue", get_queue, "What runs and what waits", gives=QueueState),
    Route(
        *("PATCH", "/queue", change_queue, "Hold the queue, or let it go on"),
        takes=QueueChange,
        gives=QueueState,
    ),
    Route("DELETE", "/queue", clear_queue, "Cancel all that waits"),
]
