"""What a run traced, asked for over HTTP."""

from __future__ import annotations

import io
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from aiohttp import web
from aiohttp.test_utils import TestClient
from PIL import Image as Pillow

import traced as support
from nodeflow.errors import NodeflowError
from nodeflow.server import app as server_app
from nodeflow.server import tensors
from nodeflow.server.keys import RUNS, SETTINGS
from nodeflow.server.protocol import Histogram, TensorIndex
from nodeflow.server.store import NoSuchRun
from nodeflow.server.tensor_pictures import BROKEN, MAPS, bounds, coloured, planes, table
from nodeflow.server.trace_files import Trace, TraceWriter, used_bytes
from nodeflow.server.tracing import Tracer
from nodes.types import Image, Latent, Mask
from serving import settings
from traced import loop, traced

Client = TestClient[Any, Any]
BASE = "/api/v1/runs"


class NoRuns:
    """A queue that knows of no run."""

    async def summary(self, run: str) -> Any:
        raise NoSuchRun(run)


@pytest.fixture
async def client(aiohttp_client: Callable[..., Awaitable[Client]], tmp_path: Path) -> Client:
    """The routes of this module with the server's own way to tell faults, without its workers."""
    app = web.Application(middlewares=[server_app._faults_told])
    app[SETTINGS], app[RUNS] = settings(tmp_path), NoRuns()
    tensors.setup_routes(app)
    return await aiohttp_client(app)


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    return tmp_path / ".nodeflow" / "traces"


def keep(traces: Path, value: Any, run: str = "run") -> str:
    """Trace one value; the id of its first tensor."""
    tracer = Tracer(run, "full", 1, traces / run, 1 << 22, lambda frame: None)
    tracer.value("node", "out", value, None)
    tracer.finished()
    return "t1"


def row_at(trace: Trace, path: str) -> dict[str, Any]:
    return next(r for r in trace.rows if r["path"] == path)


async def picture(client: Client, path: str) -> np.ndarray[Any, Any]:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "image/png"
        return np.asarray(Pillow.open(io.BytesIO(await answer.read())))


# ── the index ───────────────────────────────────────────────────────────────────────────────────


async def test_index_tells_every_tensor(client: Client, traces: Path) -> None:
    trace = traced(loop(2), traces)
    async with client.get(f"{BASE}/run/tensors") as answer:
        index = TensorIndex(**await answer.json())
    assert [t.tid for t in index.tensors] == [r["tid"] for r in trace.rows]
    assert {t.tid for t in index.tensors if t.kept} == {
        r["tid"] for r in trace.rows if r["offset"] is not None
    }
    assert index.level == "latents"
    assert index.evicted == 0
    assert [row["path"] for row in index.guidance] == ["denoise[0]/guide", "denoise[1]/guide"]
    told = {t.path: t for t in index.tensors if t.part == "samples"}["denoise[1]/move"]
    assert told.stats.model_dump() == row_at(trace, "denoise[1]/move")["stats"]
    last = index.tensors[-3]
    async with client.get(f"{BASE}/run/tensors?after={last.tid[1:]}") as answer:
        assert len((await answer.json())["tensors"]) == 2


async def test_index_grows_with_the_run(client: Client, traces: Path) -> None:
    tracer = Tracer("run", "full", 1, traces / "run", 1 << 22, lambda frame: None)
    for count in (2, 4):
        tracer.value("node", "out", support.latent(count), None)
        async with client.get(f"{BASE}/run/tensors") as answer:
            assert len((await answer.json())["tensors"]) == count
    tracer.finished()


async def test_what_was_let_go_is_counted(client: Client, traces: Path) -> None:
    trace = traced(loop(2), traces)
    (traces / "run" / "tensors.bin").unlink()
    kept = [r["tid"] for r in trace.rows if r["offset"] is not None]
    async with client.get(f"{BASE}/run/tensors") as answer:
        index = TensorIndex(**await answer.json())
    assert index.evicted == len(kept)
    assert not any(t.kept for t in index.tensors)
    async with client.get(f"{BASE}/run/tensors/{kept[0]}") as answer:
        assert answer.status == 410
        assert (await answer.json())["problems"][0]["code"] == "not-kept"
    async with client.get(f"{BASE}/run/tensors/{kept[0]}/stats") as answer:
        assert answer.status == 410


@pytest.mark.parametrize(
    "path",
    [
        "none/tensors",
        "none/tensors/t1",
        "run/tensors/t99",
        "run/tensors/x",
        "run/tensors/t1x/stats",
        "run/tensors/index.jsonl",
        "run/tensors/..%2F..%2Frun%2Findex.jsonl",
        "..%2Frun/tensors/t1",
        "%2E%2E/tensors/t1.png",
        "run%00/tensors/t1",
        "%2Fetc/tensors/t1",
    ],
)
async def test_names_lead_nowhere_else(client: Client, traces: Path, path: str) -> None:
    keep(traces, support.latent())
    from yarl import URL

    async with client.get(URL(f"{BASE}/{path}", encoded=True)) as answer:
        assert answer.status == 404, await answer.text()
        assert "problems" in await answer.json()


# ── elements ────────────────────────────────────────────────────────────────────────────────────


async def test_elements_come_raw(client: Client, traces: Path) -> None:
    value = support.latent(3)
    tid = keep(traces, value)
    async with client.get(f"{BASE}/run/tensors/{tid}") as answer:
        data = await answer.read()
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["X-Nodeflow-Dtype"] == "float32"
        assert answer.headers["X-Nodeflow-Shape"] == "2,4,6,5"
        etag = answer.headers["ETag"]
    assert data == value.samples.numpy().tobytes()
    async with client.get(f"{BASE}/run/tensors/{tid}", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""
    keep(traces, value)  # a run begun again: the same name may be another tensor
    async with client.get(f"{BASE}/run/tensors/{tid}", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("header", "status", "wanted"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=8-", 206, slice(8, None)),
        ("bytes=-16", 206, slice(944, None)),
        ("bytes=950-5000", 206, slice(950, None)),
        ("bytes=-5000", 206, slice(0, None)),
        ("bytes=960-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
        ("bytes=5-2", 200, slice(0, None)),
        ("bytes=0-1,4-5", 200, slice(0, None)),
        ("items=0-1", 200, slice(0, None)),
        ("bytes=-", 200, slice(0, None)),
        ("bytes=99999999999999999999-", 200, slice(0, None)),
    ],
)
async def test_ranges(
    client: Client, traces: Path, header: str, status: int, wanted: slice
) -> None:
    value = support.latent(3)
    tid, whole = keep(traces, value), value.samples.numpy().tobytes()
    async with client.get(f"{BASE}/run/tensors/{tid}", headers={"Range": header}) as answer:
        assert answer.status == status
        assert await answer.read() == whole[wanted]
        if status == 206:
            first, last, _ = wanted.indices(960)
            assert answer.headers["Content-Range"] == f"bytes {first}-{last - 1}/960"
        if status == 416:
            assert answer.headers["Content-Range"] == "bytes */960"


async def test_a_range_of_what_has_changed_is_all_of_it(client: Client, traces: Path) -> None:
    tid = keep(traces, support.latent())
    headers = {"Range": "bytes=0-3", "If-Range": '"another"'}
    async with client.get(f"{BASE}/run/tensors/{tid}", headers=headers) as answer:
        assert (answer.status, len(await answer.read())) == (200, 960)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


async def test_histogram_is_numpys(client: Client, traces: Path) -> None:
    value = support.latent(1)
    tid, wide = keep(traces, value), value.samples.double().numpy()
    async with client.get(f"{BASE}/run/tensors/{tid}/stats?bins=10") as answer:
        told = Histogram(**await answer.json())
    counts, edges = np.histogram(wide, 10)
    assert told.counts == counts.tolist()
    assert told.edges == edges.tolist()
    assert (told.stats.mean, told.stats.std) == (wide.mean(), wide.std())
    assert told.stats.norm == np.linalg.norm(wide)
    for channel, stats in enumerate(told.channels):
        part = np.ascontiguousarray(wide[:, channel])
        assert (stats.min, stats.max, stats.std) == (part.min(), part.max(), part.std())
    assert len(told.channels) == 4


@pytest.mark.parametrize(
    "numbers",
    [
        [float("nan")] * 4,
        [float("inf"), 1.0, 2.0, float("nan")],
        [1.0] * 4,
        [1e16, 1e16 + 2, 1e16, 1e16],
        [3.4e38, -3.4e38, 0.0, 1.0],
    ],
)
async def test_histogram_of_awkward_numbers(
    client: Client, traces: Path, numbers: list[float]
) -> None:
    tid = keep(traces, Latent(torch.tensor(numbers).reshape(1, 1, 2, 2)))
    async with client.get(f"{BASE}/run/tensors/{tid}/stats") as answer:
        assert answer.status == 200, await answer.text()
        told = Histogram(**await answer.json())
    assert sum(told.counts) == np.isfinite(np.array(numbers, np.float32)).sum()
    assert len(told.edges) == len(told.counts) + 1
    assert told.stats.nan == sum(np.isnan(numbers))


@pytest.mark.parametrize("bins", ["0", "-1", "1025", "x", "1e3"])
async def test_bins_are_within_reason(client: Client, traces: Path, bins: str) -> None:
    tid = keep(traces, support.latent())
    async with client.get(f"{BASE}/run/tensors/{tid}/stats?bins={bins}") as answer:
        assert answer.status == 400


async def test_one_value(client: Client, traces: Path) -> None:
    value = support.latent(5)
    value.samples[1, 2, 3, 4] = float("-inf")
    tid = keep(traces, value)
    for at in ((0, 0, 0, 0), (1, 3, 5, 4), (1, 2, 3, 4)):
        place = ",".join(map(str, at))
        async with client.get(f"{BASE}/run/tensors/{tid}/value?at={place}") as answer:
            told = await answer.json()
        number = float(value.samples[at])
        assert told["at"] == list(at)
        assert told["value"] == (number if np.isfinite(number) else None)
        assert told["told"] == repr(number)
    for wrong in ("0,0,0", "0,0,0,5", "2,0,0,0", "0,0,0,0,0", "-1,0,0,0", "", "a"):
        async with client.get(f"{BASE}/run/tensors/{tid}/value?at={wrong}") as answer:
            assert answer.status == 400, wrong


# ── pictures ────────────────────────────────────────────────────────────────────────────────────


async def test_a_channel_in_a_map(client: Client, traces: Path) -> None:
    value = support.latent(1)
    tid = keep(traces, value)
    shown = await picture(client, f"{BASE}/run/tensors/{tid}.png?channel=2&item=1&map=grey")
    plane = value.samples[1, 2].double().numpy()
    share = (plane - plane.min()) / (plane.max() - plane.min())
    np.testing.assert_allclose(shown[..., 0], share * 255, atol=1)
    assert shown.shape == (6, 5, 3)


async def test_all_channels_side_by_side(client: Client, traces: Path) -> None:
    tid = keep(traces, support.latent(1))
    for name in ("", *MAPS):
        shown = await picture(client, f"{BASE}/run/tensors/{tid}.png?map={name}")
        assert shown.shape == (6 * 2 + 1, 5 * 2 + 1, 3)


async def test_one_scale_for_two_tensors(client: Client, traces: Path) -> None:
    tid = keep(traces, support.latent(1))
    url = f"{BASE}/run/tensors/{tid}.png?channel=0&map=grey&low=-10&high=10"
    assert 100 < (await picture(client, url)).mean() < 155


async def test_pictures_and_masks_are_shown_as_they_are(client: Client, traces: Path) -> None:
    pixels = torch.rand(2, 5, 7, 3, generator=torch.Generator().manual_seed(1))
    tid = keep(traces, Image(pixels))
    shown = await picture(client, f"{BASE}/run/tensors/{tid}.png?item=1")
    np.testing.assert_array_equal(shown, (pixels[1] * 255).round().byte().numpy())
    red = await picture(client, f"{BASE}/run/tensors/{tid}.png?item=1&channel=0&map=grey")
    assert red.shape == (5, 7, 3)
    mask = torch.linspace(0, 1, 12).reshape(1, 3, 4)
    tid = keep(traces, Mask(mask))
    shown = await picture(client, f"{BASE}/run/tensors/{tid}.png")
    np.testing.assert_array_equal(shown[..., 1], (mask[0] * 255).round().byte().numpy())
    tid = keep(traces, Image(torch.ones(1, 2, 2, 4)))
    assert (await picture(client, f"{BASE}/run/tensors/{tid}.png")).shape == (2, 2, 4)


async def test_what_is_no_number_stands_out(client: Client, traces: Path) -> None:
    samples = torch.zeros(1, 1, 2, 3)
    samples[0, 0, 1, 2] = float("nan")
    for value in (Latent(samples), Image(torch.full((1, 2, 3, 3), float("nan")))):
        tid = keep(traces, value)
        shown = await picture(client, f"{BASE}/run/tensors/{tid}.png")
        assert tuple(shown[1, 2]) == BROKEN
    tid = keep(traces, Latent(samples))
    assert tuple((await picture(client, f"{BASE}/run/tensors/{tid}.png"))[0, 0]) != BROKEN


@pytest.mark.parametrize(
    "query", ["channel=4", "item=2", "channel=-1", "map=none", "channel=x", "low=nan", "high=inf"]
)
async def test_pictures_of_what_is_not_there(client: Client, traces: Path, query: str) -> None:
    tid = keep(traces, support.latent())
    async with client.get(f"{BASE}/run/tensors/{tid}.png?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["problems"]


async def test_a_picture_is_not_sent_twice(client: Client, traces: Path) -> None:
    tid = keep(traces, support.latent())
    url = f"{BASE}/run/tensors/{tid}.png?channel=1"
    async with client.get(url) as answer:
        etag = answer.headers["ETag"]
    async with client.get(url, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
    other = f"{BASE}/run/tensors/{tid}.png?channel=2"
    async with client.get(other, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 200


def test_of_a_diverging_map_the_middle_is_zero() -> None:
    values = np.array([[[-1.0, 0.0, 3.0]]])
    shown = coloured(values, "diverging")
    colours = table("diverging")
    np.testing.assert_array_equal(shown[0, 1], colours[128])
    np.testing.assert_array_equal(shown[0, 2], colours[255])
    assert bounds(values, "diverging") == (-3, 3)
    assert colours[128].min() > 240


def test_maps_go_from_dark_to_light() -> None:
    for name in ("grey", "viridis", "magma"):
        light = table(name).astype(float) @ [0.2126, 0.7152, 0.0722]
        assert (np.diff(light) > -0.5).all(), name


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((), (1, 1, 1)),
        ((5,), (1, 1, 5)),
        ((3, 5), (1, 3, 5)),
        ((2, 3, 5), (1, 3, 5)),
        ((2, 4, 3, 5), (4, 3, 5)),
        ((2, 4, 6, 3, 5), (24, 3, 5)),
    ],
)
def test_planes(shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    assert planes(np.zeros(shape), 0).shape == wanted


def test_a_large_tensor_is_refused(tmp_path: Path) -> None:
    writer = TraceWriter(tmp_path / "run", "run", "full", 1)
    writer.line({"kind": "tensor", "tid": "t1", "bytes": 1 << 40, "offset": 0, "dtype": "float32"})
    writer.close()
    found = tensors.Traces(tmp_path).find("run", "t1")
    with pytest.raises(NodeflowError, match="too large"):
        found.array()


def test_the_table_tells_of_the_routes() -> None:
    assert [r.plain_path for r in tensors.ROUTES] == [
        "/api/v1/runs/{run}/tensors",
        "/api/v1/runs/{run}/tensors/{tid}/stats",
        "/api/v1/runs/{run}/tensors/{tid}/value",
    ]


async def test_after_a_run_the_oldest_trace_makes_room(tmp_path: Path, traces: Path) -> None:
    class Runs(NoRuns):
        told: Any = None

        def listen(self, told: Callable[[Any], None]) -> Callable[[], None]:
            self.told = told
            return lambda: None

    for run in ("old", "new"):
        keep(traces, support.latent(), run)
    for path in (traces / "old").iterdir():
        os.utime(path, (1, 1))
    limit = used_bytes(traces) - 1
    runs, app = Runs(), web.Application()
    app[SETTINGS], app[RUNS] = settings(tmp_path, limits={"trace_bytes": limit}), runs
    room = tensors.in_bounds(app)
    await anext(room)
    runs.told({"type": "nf.run", "data": {"run": "new", "state": "running"}})
    runs.told({"type": "nf.run", "data": {"run": "untraced", "state": "done"}})
    runs.told(b"a frame")
    assert len(list(traces.rglob("*.bin"))) == 2
    runs.told({"type": "nf.run", "data": {"run": "new", "state": "done"}})
    with pytest.raises(StopAsyncIteration):
        await anext(room)
    assert [path.parent.name for path in traces.rglob("*.bin")] == ["new"]
