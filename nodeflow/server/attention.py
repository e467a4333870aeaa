"""Where in the picture a token of the prompt is listened to: what a run traced of that at level
`full`, and its maps as pictures. What the numbers are is said by who watches, a package's entry
point of `nodeflow.watchers`; here they are tensors [B, tokens, h, w] of the role `attention`.

Server side. Imports `server.tensors` and the layers below it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

from aiohttp import web
from pydantic import BaseModel, Field

from nodeflow.server import trace_files
from nodeflow.server.api.table import PREFIX, Call, Route, add_routes
from nodeflow.server.keys import RUNS, TENSORS
from nodeflow.server.protocol import AttentionIndex, AttentionLayer, AttentionMap
from nodeflow.server.tensor_pictures import coloured, png
from nodeflow.server.tensors import Traces
from nodeflow.server.trace_files import Trace
from nodeflow.server.wire import refusal, validated

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ROLE = "attention"
MOST_MAPS = 20_000
Rows = list[dict[str, Any]]


class AttentionQuery(BaseModel):
    node: str = Field(
        "", max_length=1000, description="who asked, or the loop or group that it is in; all by ''"
    )
    slot: int | None = Field(None, ge=0, le=65_535, description="texts that have this slot alone")


class MapQuery(BaseModel):
    slot: int = Field(ge=0, le=65_535, description="of the token: 0 is the start mark")
    node: str = Field("", max_length=1000, description="as in the index")
    step: int | None = Field(None, ge=0, le=10**9, description="the last traced without")
    prompt: str = Field("", max_length=200, description="the first without")
    layer: str = Field("", max_length=300, description="the mean of all without")
    item: int = Field(0, ge=0, le=65_535, description="which of the batch")
    height: int | None = Field(None, ge=1, le=2048, description="the finest layer's without")
    width: int | None = Field(None, ge=1, le=2048)
    map: Literal["grey", "viridis", "magma"] = "magma"


def split(part: str) -> tuple[str, str]:
    """The prompt and the layer that a part names."""
    prompt, _, layer = part.partition(":")
    return prompt, layer


def is_in(node: str, asked: str) -> bool:
    """Whether a node is the one asked for, or in it."""
    return not asked or node == asked or node.startswith(f"{asked}/")


def rows_of(trace: Trace | None, node: str) -> Rows:
    """The rows of attention, of one node or of what is in it."""
    rows = trace.rows if trace is not None else []
    return [row for row in rows if row["role"] == ROLE and is_in(row["node"], node)]


def index(traces: Traces, run: str, asked: AttentionQuery, level: str) -> AttentionIndex:
    """What there is, by nodes, prompts, layers and steps. `level` is what the run was traced at."""
    trace = traces.trace(run)
    there = trace_files.sizes(traces.folder / run) if trace is not None else {}
    slot = asked.slot or 0
    rows = [row for row in rows_of(trace, asked.node) if row["shape"][1] > slot][:MOST_MAPS]
    layers: dict[str, AttentionLayer] = {}
    maps = []
    for row in rows:
        prompt, layer = split(row["part"])
        tokens, height, width = row["shape"][1:]
        layers.setdefault(layer, AttentionLayer(name=layer, height=height, width=width))
        told = {name: row[name] for name in ("tid", "node", "path", "step")}
        kept = trace_files.kept(row, there)
        maps.append(AttentionMap(**told, prompt=prompt, layer=layer, tokens=tokens, kept=kept))
    return AttentionIndex(
        run=run,
        nodes=list(dict.fromkeys(one.node for one in maps)),
        prompts=list(dict.fromkeys(one.prompt for one in maps)),
        layers=list(layers.values()),
        steps=sorted({one.step for one in maps if one.step is not None}),
        tokens=max((one.tokens for one in maps), default=0),
        items=max((row["shape"][0] for row in rows), default=0),
        maps=maps,
        note="" if maps else _why_none(trace, asked.node, level),
    )


def _why_none(trace: Trace | None, node: str, level: str) -> str:
    if level != "full":
        return "attention is kept at trace level `full`: run again with that"
    said = [one["text"] for one in (trace.remarks if trace else []) if is_in(one["node"], node)]
    if said:
        return str(said[0])
    return "nothing here asked a network under a prompt in this run"


def mean_map(traces: Traces, run: str, asked: MapQuery) -> Array:
    """One token's map [h, w], the mean over the layers at the size asked for, by default that of
    the finest, divided by its largest value. Tang et al. 2022 (DAAM), arXiv 2210.04885, section 2,
    of one step.

    Raises:
        Refusal: nothing of that was traced, or it is not kept.
    """
    import numpy as np

    rows = _chosen(rows_of(traces.trace(run), asked.node), asked)
    height = asked.height or max(row["shape"][2] for row in rows)
    width = asked.width or max(row["shape"][3] for row in rows)
    found = [_plane(traces, run, row, asked.item, asked.slot) for row in rows]
    total: Array = np.sum([resized(plane, height, width) for plane in found], axis=0)
    drawn: Array = total / max(float(total.max()), 1e-20)
    return drawn


def _chosen(rows: Rows, asked: MapQuery) -> Rows:
    """The rows of one ask: of the layer, or of all layers."""
    steps = [row["step"] for row in rows if row["step"] is not None]
    step = asked.step if asked.step is not None else max(steps, default=None)
    rows = [row for row in rows if row["step"] == step]
    if asked.prompt:
        rows = [row for row in rows if split(row["part"])[0] == asked.prompt]
    elif rows:
        rows = [row for row in rows if split(row["part"])[0] == split(rows[0]["part"])[0]]
    if asked.layer:
        rows = [row for row in rows if split(row["part"])[1] == asked.layer]
    if not rows:
        hint = "the index of attention lists what there is"
        raise refusal(404, "no-tensor", ROLE, "the run has traced no such map", hint)
    rows = [row for row in rows if row["path"] == rows[0]["path"]]  # of several nodes the first
    if asked.slot >= rows[0]["shape"][1]:
        limit = f"0..{rows[0]['shape'][1] - 1}"
        raise refusal(400, "schema", "slot", f"the text has slots {limit}")
    if asked.item >= rows[0]["shape"][0]:
        raise refusal(400, "schema", "item", f"there are {rows[0]['shape'][0]} items")
    return rows


def _plane(traces: Traces, run: str, row: dict[str, Any], item: int, slot: int) -> Array:
    """One token's map of one layer, read alone."""
    import numpy as np

    _, tokens, height, width = row["shape"]
    size = height * width * 2
    raw = traces.find(run, row["tid"]).read((item * tokens + slot) * size, size)
    found: Array = np.frombuffer(raw, "<f2").reshape(height, width).astype(np.float64)
    return found


def resized(plane: Array, height: int, width: int) -> Array:
    """[h, w] → [height, width] on lines between the middles of the places."""
    for axis, side in ((0, height), (1, width)):
        plane = _stretched(plane, axis, side)
    return plane


def _stretched(plane: Array, axis: int, side: int) -> Array:
    import numpy as np

    old = plane.shape[axis]
    at = ((np.arange(side) + 0.5) * old / side - 0.5).clip(0, old - 1)
    low = at.astype(int)
    share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
    high = np.minimum(low + 1, old - 1)
    found: Array = plane.take(low, axis) * (1 - share) + plane.take(high, axis) * share
    return found


async def list_attention(call: Call) -> AttentionIndex:
    run, traces = call.path["run"], call.app[TENSORS]
    trace = await asyncio.to_thread(traces.trace, run)
    level = trace.level if trace else (await call.app[RUNS].summary(run)).trace
    return await asyncio.to_thread(index, traces, run, call.query, level)


async def _picture(request: web.Request) -> web.StreamResponse:
    query = validated(MapQuery, dict(request.query))
    traces, run = request.app[TENSORS], request.match_info["run"]
    values = await asyncio.to_thread(mean_map, traces, run, query)
    data = await asyncio.to_thread(lambda: png(coloured(values[None], query.map, 0.0, 1.0)))
    etag = f'"{crc32(data):x}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type="image/png", headers=headers)


ROUTES = [
    Route(
        *("GET", "/runs/{run}/attention", list_attention, "Where a run's networks listened"),
        gives=AttentionIndex,
        query=AttentionQuery,
        refuses=(404,),
        large=True,
    ),
]


def setup_routes(app: web.Application) -> None:
    """The table's routes, and the one that answers with a picture."""
    add_routes(app, ROUTES)
    app.router.add_get(f"{PREFIX}/runs/{{run}}/attention.png", _picture)
