"""Runs: asked for, listed, looked at, stopped, moved, forgotten."""

from __future__ import annotations

from pydantic import BaseModel, Field

from nodeflow.server.api.table import Call, Route
from nodeflow.server.keys import RUNS
from nodeflow.server.protocol import (
    RunAccepted,
    RunChange,
    RunContinue,
    RunDetail,
    RunPage,
    RunRequest,
    RunState,
    RunSummary,
)
from nodeflow.server.wire import refusal

STATES = RunState.__args__  # type: ignore[attr-defined]


class PageQuery(BaseModel):
    state: str = Field("", max_length=100, description="states, separated by commas; all without")
    limit: int = Field(50, ge=1, le=500)
    before: int | None = Field(None, ge=0, le=2**62, description="the `before` of the last page")


class AfterQuery(BaseModel):
    after: int = Field(0, ge=0, le=2**62, description="only events after this `seq`")


async def submit_run(call: Call) -> RunAccepted:
    request: RunRequest = call.body
    accepted: RunAccepted = await call.app[RUNS].submit(request)
    return accepted


async def list_runs(call: Call) -> RunPage:
    query: PageQuery = call.query
    states = [state for state in query.state.split(",") if state]
    unknown = [state for state in states if state not in STATES]
    if unknown:
        offered = ", ".join(STATES)
        raise refusal(400, "schema", "state", f"there is no state {unknown[0]!r}", offered)
    page: RunPage = await call.app[RUNS].page(states, query.limit, query.before)
    return page


async def get_run(call: Call) -> RunDetail:
    detail: RunDetail = await call.app[RUNS].detail(call.path["run"], call.query.after)
    return detail


async def cancel_run(call: Call) -> RunSummary:
    return await _then_tell(call, "cancel")


async def continue_run(call: Call) -> RunSummary:
    return await _then_tell(call, "go_on", call.body)


async def change_run(call: Call) -> RunSummary:
    return await _then_tell(call, "change", call.body)


async def delete_run(call: Call) -> None:
    await call.app[RUNS].delete(call.path["run"])


async def clear_history(call: Call) -> None:
    await call.app[RUNS].clear_history()


async def _then_tell(call: Call, what: str, *given: BaseModel) -> RunSummary:
    """Do something to a run, and tell how it stands then."""
    runs, run = call.app[RUNS], call.path["run"]
    await getattr(runs, what)(run, *given)
    summary: RunSummary = await runs.summary(run)
    return summary


ROUTES = [
    Route(
        *("POST", "/runs", submit_run, "Queue a run; it is on disk when this answers"),
        takes=RunRequest,
        gives=RunAccepted,
        status=202,
        refuses=(429, 503),
    ),
    Route(
        *("GET", "/runs", list_runs, "Runs, newest first"),
        gives=RunPage,
        query=PageQuery,
    ),
    Route("DELETE", "/runs", clear_history, "Forget the finished runs; their pictures stay"),
    Route(
        *("GET", "/runs/{run}", get_run, "A run, its graph, and events: 10,000 of them at most"),
        gives=RunDetail,
        large=True,
        query=AfterQuery,
        refuses=(404,),
    ),
    Route(
        *("PATCH", "/runs/{run}", change_run, "Move a queued run"),
        takes=RunChange,
        gives=RunSummary,
        refuses=(404, 409),
    ),
    Route(
        *("DELETE", "/runs/{run}", delete_run, "Forget a queued or finished run"),
        refuses=(404, 409),
    ),
    Route(
        *("POST", "/runs/{run}/cancel", cancel_run, "Stop a run, or take it out of the queue"),
        gives=RunSummary,
        refuses=(404, 409),
    ),
    Route(
        *("POST", "/runs/{run}/continue", continue_run, "Go on from a breakpoint"),
        takes=RunContinue,
        gives=RunSummary,
        refuses=(404, 409),
    ),
]
