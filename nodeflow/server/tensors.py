"""What runs have traced, over HTTP: the index, elements, pictures, histograms, single values.

Server side; reads what `trace_files` wrote, in threads. Runs and tensors are named by patterns that
no path outside the folder of traces fits. Imports the layers of `server` up to `api.table`.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from zlib import crc32

from aiohttp import web
from pydantic import BaseModel, Field

from nodeflow.server import trace_files
from nodeflow.server.api.table import PREFIX, Call, Route, add_routes
from nodeflow.server.keys import RUNS, SETTINGS, TENSORS
from nodeflow.server.protocol import Histogram, Message, Statistics, TensorIndex, TensorInfo
from nodeflow.server.tensor_facts import DTYPES, numbers, statistics
from nodeflow.server.tensor_pictures import as_picture, coloured, planes, png
from nodeflow.server.trace_files import DATA, RUN_ID, TENSOR_ID, Trace
from nodeflow.server.wire import Refusal, refusal, validated

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_READ = 64 << 20
"""Bytes of a tensor that a picture or a histogram is made of."""
MOST_CHANNELS = 64
KEPT_INDEXES = 8
ENDED = ("done", "failed", "cancelled")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_T = TypeVar("_T")


class IndexQuery(BaseModel):
    after: int = Field(0, ge=0, le=10**9, description="only tensors numbered higher than t{after}")


class PictureQuery(BaseModel):
    channel: int | None = Field(None, ge=0, le=65_535, description="all side by side without")
    map: Literal["", "grey", "viridis", "magma", "diverging"] = Field(
        "", description='"" shows pictures and masks as they are, all else in viridis'
    )
    item: int = Field(0, ge=0, le=65_535, description="which of the batch")
    low: float | None = Field(None, allow_inf_nan=False, description="the least value's place")
    high: float | None = Field(None, allow_inf_nan=False)


class StatsQuery(BaseModel):
    bins: int = Field(64, ge=1, le=1024)


class ValueQuery(BaseModel):
    at: str = Field(max_length=200, pattern=r"^\d{1,9}(,\d{1,9})*$", description="b,c,y,x")


class TensorValue(Message):
    at: list[int]
    value: float | None = Field(description="None where it is no finite number")
    told: str = Field(description="the value as text, `nan` and `-inf` among them")


@dataclass(frozen=True)
class Found:
    """One tensor of a trace, with the file that holds its elements."""

    row: dict[str, Any]
    path: Path
    etag: str

    def read(self, start: int = 0, length: int | None = None) -> bytes:
        """Raw little-endian elements from a byte on.

        Raises:
            Refusal: they are not kept.
        """
        place = self.row.get("offset")
        if place is None:
            raise _not_kept(self.row)
        count = self.row["bytes"] - start if length is None else length
        try:
            with self.path.open("rb") as file:
                file.seek(place + start)
                data = file.read(count)
        except OSError:
            raise _not_kept(self.row) from None
        if len(data) < count:
            raise _not_kept(self.row)
        return data

    def array(self) -> Array:
        """All elements as float64."""
        import numpy as np

        if self.row["bytes"] > MOST_READ:
            raise refusal(413, "too-large", self.row["tid"], "the tensor is too large for that")
        dtype = self.row["dtype"]
        raw = np.frombuffer(self.read(), DTYPES[dtype]).reshape(self.row["shape"])
        return numbers(raw, dtype)


class Traces:
    """The folder of traces; keeps the last few indexes read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, tuple[tuple[int, int], Trace]] = OrderedDict()

    def trace(self, run: str) -> Trace | None:
        """A run's trace, or None. Called in threads: what is kept is replaced as a whole."""
        if not RUN_ID.fullmatch(run):
            return None
        try:
            facts = (self.folder / run / trace_files.INDEX).stat()
        except OSError:
            return None
        now = (facts.st_mtime_ns, facts.st_size)
        kept = self._kept.get(run)
        if kept is not None and kept[0] == now:
            return kept[1]
        trace = trace_files.read(self.folder / run)
        if trace is not None:
            self._kept[run] = (now, trace)
            while len(self._kept) > KEPT_INDEXES:
                self._kept.popitem(last=False)
        return trace

    def index(self, run: str, after: int = 0) -> TensorIndex | None:
        """The index of a run as it is now."""
        trace = self.trace(run)
        if trace is None:
            return None
        there = trace_files.sizes(self.folder / run)
        fields = TensorInfo.model_fields.keys() - {"kept"}
        tensors, evicted = [], 0
        for row in trace.rows:
            kept = trace_files.kept(row, there)
            evicted += bool(row.get("lost")) or (row.get("offset") is not None and not kept)
            if int(row["tid"][1:]) > after:
                tensors.append(TensorInfo(**{name: row[name] for name in fields}, kept=kept))
        return TensorIndex(
            run=run,
            level=trace.level,  # type: ignore[arg-type]
            tensors=tensors,
            guidance=trace.guidance,
            evicted=evicted,
        )

    def find(self, run: str, tid: str) -> Found:
        """One tensor.

        Raises:
            Refusal: there is none of that name.
        """
        trace = self.trace(run) if TENSOR_ID.fullmatch(tid) else None
        row = None if trace is None else trace.row(tid)
        if trace is None or row is None:
            raise refusal(404, "no-tensor", tid[:20], "the run has traced no such tensor")
        path = self.folder / run / str(row.get("file", DATA))
        return Found(row, path, f'"{trace.stamp}-{tid}"')


def _not_kept(row: dict[str, Any]) -> Refusal:
    hint = "run again with trace `latents` or `full`, or with fewer steps traced"
    message = "its statistics were kept, its elements were not"
    return refusal(410, "not-kept", row["tid"], message, hint)


async def _in_thread(act: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(None, act)


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────


async def list_tensors(call: Call) -> TensorIndex:
    run, traces = call.path["run"], call.app[TENSORS]
    index: TensorIndex | None = await _in_thread(lambda: traces.index(run, call.query.after))
    if index is None:
        summary = await call.app[RUNS].summary(run)
        index = TensorIndex(run=run, level=summary.trace, tensors=[], evicted=0)
    return index


async def tensor_stats(call: Call) -> Histogram:
    traces, path = call.app[TENSORS], call.path

    def make() -> Histogram:
        return histogram(traces.find(path["run"], path["tid"]), call.query.bins)

    return await _in_thread(make)


def histogram(found: Found, bins: int) -> Histogram:
    """Where the values lie, in all and by channel."""
    import numpy as np

    values = found.array()
    finite = values[np.isfinite(values)]
    try:
        counts, edges = np.histogram(finite, bins)
    except ValueError:  # the values are too near each other for so many
        ends = finite.min(), np.nextafter(finite.max(), np.inf)
        counts, edges = np.array([finite.size]), np.array(ends)
    channels = []
    if values.ndim == 4:
        axis = 3 if _is_pixels(found.row) else 1
        split = np.moveaxis(values, axis, 0)
        channels = [_told(np.ascontiguousarray(c)) for c in split[:MOST_CHANNELS]]
    return Histogram(
        counts=counts.tolist(),
        edges=edges.tolist(),
        stats=_told(values),
        channels=channels,
    )


def _told(values: Array) -> Statistics:
    return Statistics(**statistics(values))  # type: ignore[arg-type]


async def tensor_value(call: Call) -> TensorValue:
    traces, path = call.app[TENSORS], call.path
    at = [int(part) for part in call.query.at.split(",")]
    return await _in_thread(lambda: value_at(traces.find(path["run"], path["tid"]), at))


def value_at(found: Found, at: list[int]) -> TensorValue:
    """One element, read alone."""
    import numpy as np

    shape, dtype = found.row["shape"], found.row["dtype"]
    if len(at) != len(shape) or any(i >= side for i, side in zip(at, shape, strict=False)):
        raise refusal(400, "schema", "at", f"{at} is no place in {shape}", "b,c,y,x from 0")
    size = np.dtype(DTYPES[dtype]).itemsize
    place = int(np.ravel_multi_index(at, shape)) * size if at else 0
    element = float(numbers(np.frombuffer(found.read(place, size), DTYPES[dtype]), dtype)[0])
    return TensorValue(at=at, value=element if np.isfinite(element) else None, told=repr(element))


# ── bytes ───────────────────────────────────────────────────────────────────────────────────────


def _is_pixels(row: dict[str, Any]) -> bool:
    shape = row["shape"]
    return str(row["part"]).endswith("pixels") and len(shape) == 4 and shape[3] in (3, 4)


def _is_mask(row: dict[str, Any]) -> bool:
    return bool(row["type"] in ("Mask", "list[Mask]") and len(row["shape"]) == 3)


def picture(found: Found, query: PictureQuery) -> bytes:
    """The PNG of one item of a tensor: a channel, or all side by side."""
    row = found.row
    values = found.array()
    if not values.size:
        raise refusal(400, "schema", row["tid"], "it has no elements")
    items = values.shape[0] if values.ndim >= 3 else 1
    if query.item >= items:
        raise refusal(400, "schema", "item", f"there are {items} items", "count from 0")
    as_it_is = not query.map and query.channel is None
    if as_it_is and (_is_pixels(row) or _is_mask(row)):
        return png(as_picture(values, query.item))
    import numpy as np

    if _is_pixels(row):
        values = np.moveaxis(values, 3, 1)
    shown = planes(values, query.item)
    if query.channel is not None:
        if query.channel >= len(shown):
            raise refusal(400, "schema", "channel", f"there are {len(shown)}", "count from 0")
        shown = shown[query.channel : query.channel + 1]
    return png(coloured(shown[:1024], query.map or "viridis", query.low, query.high))


async def _picture(request: web.Request) -> web.StreamResponse:
    query = validated(PictureQuery, dict(request.query))
    found = await _asked(request)
    etag = f'{found.etag[:-1]}-{crc32(request.query_string.encode()):x}"'
    if _has(request, etag):
        return web.Response(status=304, headers={"ETag": etag})
    data = await _in_thread(lambda: picture(found, query))
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    return web.Response(body=data, content_type="image/png", headers=headers)


async def _raw(request: web.Request) -> web.StreamResponse:
    found = await _asked(request)
    row, total = found.row, found.row["bytes"]
    headers = {
        "ETag": found.etag,
        "Cache-Control": "private, no-cache",
        "Accept-Ranges": "bytes",
        "X-Nodeflow-Dtype": row["dtype"],
        "X-Nodeflow-Shape": ",".join(map(str, row["shape"])),
    }
    if _has(request, found.etag):
        return web.Response(status=304, headers=headers)
    part = _range(request, found.etag, total)
    if part is None:
        data, status = await _in_thread(found.read), 200
    else:
        start, end = part
        if start >= end:
            headers["Content-Range"] = f"bytes */{total}"
            return web.Response(status=416, headers=headers)
        data, status = await _in_thread(lambda: found.read(start, end - start)), 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
    kind = "application/octet-stream"
    return web.Response(body=data, status=status, content_type=kind, headers=headers)


async def _asked(request: web.Request) -> Found:
    traces = request.app[TENSORS]
    run, tid = request.match_info["run"], request.match_info["tid"]
    found: Found = await _in_thread(lambda: traces.find(run, tid))
    return found


def _has(request: web.Request, etag: str) -> bool:
    told = request.headers.get("If-None-Match", "")
    return told == "*" or etag in (part.strip().removeprefix("W/") for part in told.split(","))


def _range(request: web.Request, etag: str, total: int) -> tuple[int, int] | None:
    """The bytes asked for, from the first to the one after the last; None is all of them, also
    where the header asks for what this does not do (several ranges)."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    if not match[1]:  # the last so many
        return max(0, total - int(match[2])), total
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    return start, min(total, int(match[2]) + 1) if match[2] else total


# ── room ────────────────────────────────────────────────────────────────────────────────────────


async def in_bounds(app: web.Application) -> AsyncIterator[None]:
    """As long as the application runs: after each traced run, let the oldest traces go that there
    is no room for."""
    settings, loop = app[SETTINGS], asyncio.get_running_loop()
    limit = settings.limits.trace_bytes
    tasks: set[asyncio.Future[Any]] = set()

    def heard(message: Any) -> None:
        if not isinstance(message, dict) or message.get("type") != "nf.run":
            return
        told = message["data"]
        if told["state"] in ENDED and (settings.traces / told["run"]).is_dir():
            task = loop.run_in_executor(None, trace_files.make_room, settings.traces, limit)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    stop = app[RUNS].listen(heard)
    yield
    stop()
    await asyncio.gather(*tasks, return_exceptions=True)


# ── routes ──────────────────────────────────────────────────────────────────────────────────────

_BASE = "/runs/{run}/tensors"
ROUTES = [
    Route(
        *("GET", _BASE, list_tensors, "What a run traced: each tensor with its statistics"),
        gives=TensorIndex,
        query=IndexQuery,
        refuses=(404,),
    ),
    Route(
        *("GET", f"{_BASE}/{{tid}}/stats", tensor_stats, "A tensor's histogram and statistics"),
        gives=Histogram,
        query=StatsQuery,
        refuses=(404, 410, 413),
    ),
    Route(
        *("GET", f"{_BASE}/{{tid}}/value", tensor_value, "One element of a tensor"),
        gives=TensorValue,
        query=ValueQuery,
        refuses=(404, 410),
    ),
]


def setup_routes(app: web.Application) -> None:
    """The table's routes, and those that answer with elements and pictures."""
    app[TENSORS] = Traces(app[SETTINGS].traces)
    add_routes(app, ROUTES)
    handlers: list[tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
        ("{tid}.png", _picture),
        ("{tid}", _raw),
    ]
    for name, handler in handlers:
        app.router.add_get(f"{PREFIX}{_BASE}/{name}", handler)
