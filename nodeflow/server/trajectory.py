"""Where latents go over the steps of runs, on two axes; a sampler as a loop and back.

Server side. Imports `server.tensors` and the layers below it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from nodeflow.server.api.table import Call, Route, add_routes
from nodeflow.server.keys import RUNS, TENSORS
from nodeflow.server.protocol import (
    CollapseAnswer,
    ExplodeAnswer,
    ExplodeRequest,
    Traced,
    Trajectory,
    TrajectoryAnswer,
    TrajectoryPoint,
    TrajectoryRequest,
)
from nodeflow.server.tensors import Traces
from nodeflow.server.wire import refusal

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_NUMBERS = 32_000_000
"""Elements of all latents together; of more steps, each second, third … is taken."""
MOST_POINTS = 1024
Rows = list[dict[str, Any]]


def compute(traces: Traces, asked: TrajectoryRequest) -> TrajectoryAnswer:
    """The latents of some runs on shared axes.

    Raises:
        Refusal: a run has none that are kept, or they differ in size.
    """
    import numpy as np

    found = [(told, *_rows(traces, told)) for told in asked.runs]
    every = _thinning([rows for _, _, rows in found])
    kept = [_thinned(rows, every) for _, _, rows in found]
    stacked = [
        np.stack([_vector(traces, told.run, row, asked.item) for row in rows])
        for (told, _, _), rows in zip(found, kept, strict=True)
    ]
    if len({each.shape[1] for each in stacked}) > 1:
        sizes = ", ".join(str(each.shape[1]) for each in stacked)
        raise refusal(400, "schema", "runs", f"latents of {sizes} numbers", "pick runs of one size")
    places, explained = principal(np.concatenate(stacked))
    goal = None if asked.reference is None else _last(traces, asked.reference, asked.item)
    if goal is not None and goal.size != stacked[0].shape[1]:
        raise refusal(400, "schema", "reference", "its latents are of another size")
    trajectories, at = [], 0
    for (told, node, _), rows, vectors in zip(found, kept, stacked, strict=True):
        points = []
        for row, vector in zip(rows, vectors, strict=True):
            error = None if goal is None else float(np.sqrt(np.mean((vector - goal) ** 2)))
            x, y = places[at].tolist()
            points.append(TrajectoryPoint(step=row["step"], tid=row["tid"], x=x, y=y, error=error))
            at += 1
        trajectories.append(Trajectory(run=told.run, node=node, points=points))
    return TrajectoryAnswer(trajectories=trajectories, explained=explained, every=every)


def principal(vectors: Array) -> tuple[Array, list[float]]:
    """Coordinates [n, 2] of n vectors on their first two principal components, and the shares of
    the variance on those. Which way an axis points is settled by the first vector not at 0 on it:
    it lies on the negative side."""
    import numpy as np

    centred = vectors - vectors.mean(axis=0)
    # n vectors in far more dimensions: the n × n products have the same eigenvectors.
    values, basis = np.linalg.eigh(centred @ centred.T)
    values = values[::-1].clip(min=0)
    count = min(2, len(values))
    places = np.zeros((len(vectors), 2))
    places[:, :count] = basis[:, ::-1][:, :count] * np.sqrt(values[:count])
    size = float(np.abs(places).max()) or 1.0
    for axis in places.T:
        far = axis[np.abs(axis) > 1e-9 * size]
        if far.size and far[0] > 0:
            axis *= -1
    total = float(values.sum())
    shares = [float(value / total) if total > 0 else 0.0 for value in values[:count]]
    return places, shares + [0.0] * (2 - count)


def _rows(traces: Traces, told: Traced) -> tuple[str, Rows]:
    """The kept latents of a node by step, and which node it is."""
    trace = traces.trace(told.run)
    by_node: dict[str, Rows] = {}
    for row in trace.rows if trace is not None else ():
        of_step = row["step"] is not None and row["role"] == "x_t"
        if of_step and row["part"] == "samples" and row.get("offset") is not None:
            by_node.setdefault(row["node"], []).append(row)
    node = told.node or max(by_node, key=lambda name: len(by_node[name]), default="")
    if node not in by_node:
        hint = "run it with trace `latents`"
        raise refusal(404, "no-tensor", told.run[:100], "no latents of steps are kept", hint)
    return node, by_node[node]


def _thinning(all_rows: list[Rows]) -> int:
    """Each how many-th latent there is room for."""
    numbers: int = sum(row["bytes"] // 4 for rows in all_rows for row in rows)
    points = sum(map(len, all_rows))
    return max(1, -(-numbers // MOST_NUMBERS), -(-points // MOST_POINTS))


def _thinned(rows: Rows, every: int) -> Rows:
    """Each n-th, and the last."""
    return [row for k, row in enumerate(rows) if k % every == 0 or k == len(rows) - 1]


def _vector(traces: Traces, run: str, row: dict[str, Any], item: int) -> Array:
    import numpy as np

    values = traces.find(run, row["tid"]).array()
    if not values.ndim or item >= len(values):
        raise refusal(400, "schema", "item", f"there is no item {item} in {row['shape']}")
    flat: Array = values[item].ravel()
    if not np.isfinite(flat).all():
        message = f"step {row['step']} of {run} holds nan or inf"
        raise refusal(400, "not-finite", row["tid"], message)
    return flat


def _last(traces: Traces, told: Traced, item: int) -> Array:
    _, rows = _rows(traces, told)
    return _vector(traces, told.run, rows[-1], item)


# ── routes ──────────────────────────────────────────────────────────────────────────────────────


async def trajectory(call: Call) -> TrajectoryAnswer:
    traces, asked = call.app[TENSORS], call.body
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: compute(traces, asked))


async def explode(call: Call) -> ExplodeAnswer:
    told = await call.app[RUNS].call("explode", call.body.model_dump())
    return ExplodeAnswer.model_validate(told)


async def collapse(call: Call) -> CollapseAnswer:
    told = await call.app[RUNS].call("collapse", call.body.model_dump())
    return CollapseAnswer.model_validate(told)


ROUTES = [
    Route(
        *("POST", "/trajectory", trajectory, "Latents over the steps of runs, on two axes"),
        takes=TrajectoryRequest,
        gives=TrajectoryAnswer,
        refuses=(404, 410, 413),
    ),
    Route(
        *("POST", "/explode", explode, "The graph with a sampler node as its loop of steps"),
        takes=ExplodeRequest,
        gives=ExplodeAnswer,
        refuses=(503,),
        large=True,
    ),
    Route(
        *("POST", "/collapse", collapse, "The graph with a loop of steps as a sampler node"),
        takes=ExplodeRequest,
        gives=CollapseAnswer,
        refuses=(503,),
        large=True,
    ),
]


def setup_routes(app: web.Application) -> None:
    """The table's routes."""
    add_routes(app, ROUTES)
