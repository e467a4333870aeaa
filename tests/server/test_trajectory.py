"""Latents of several runs on the axes along which they spread most."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

import traced as support
from nodeflow.server import app as server_app
from nodeflow.server import tensors, trajectory
from nodeflow.server.keys import SETTINGS
from nodeflow.server.protocol import TrajectoryAnswer
from nodeflow.server.tensors import Traces
from nodeflow.server.trajectory import principal
from serving import settings
from traced import loop, one_node, traced

Client = TestClient[Any, Any]


@pytest.fixture
async def client(aiohttp_client: Callable[..., Awaitable[Client]], tmp_path: Path) -> Client:
    app = web.Application(middlewares=[server_app._faults_told])
    app[SETTINGS] = settings(tmp_path)
    tensors.setup_routes(app)
    trajectory.setup_routes(app)
    return await aiohttp_client(app)


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    return tmp_path / ".nodeflow" / "traces"


async def ask(client: Client, **body: Any) -> TrajectoryAnswer:
    async with client.post("/api/v1/trajectory", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return TrajectoryAnswer(**await answer.json())


async def refused(client: Client, **body: Any) -> tuple[int, str]:
    async with client.post("/api/v1/trajectory", json=body) as answer:
        return answer.status, (await answer.json())["problems"][0]["code"]


def test_two_axes_keep_what_lies_in_a_plane() -> None:
    generator = np.random.default_rng(0)
    plane = np.linalg.qr(generator.normal(size=(50, 2)))[0].T
    flat = generator.normal(size=(12, 2)) @ np.diag([5.0, 1.0])
    vectors = flat @ plane + generator.normal(size=50)
    places, explained = principal(vectors)
    assert sum(explained) == pytest.approx(1)
    assert explained[0] > explained[1]
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(places[:, None] - places[None], axis=-1), distances, atol=1e-6
    )
    np.testing.assert_allclose(places.mean(axis=0), 0, atol=1e-9)


def test_axes_are_those_of_the_singular_values() -> None:
    vectors = np.random.default_rng(1).normal(size=(7, 30))
    places, explained = principal(vectors)
    centred = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(places), np.abs(u[:, :2] * s[:2]), atol=1e-9)
    np.testing.assert_allclose(explained, s[:2] ** 2 / (s**2).sum())
    assert (places[0] <= 0).all()
    np.testing.assert_array_equal(principal(vectors)[0], places)


@pytest.mark.parametrize("vectors", [np.ones((1, 3)), np.ones((4, 3)), np.zeros((2, 1))])
def test_points_that_are_all_alike(vectors: np.ndarray[Any, Any]) -> None:
    places, explained = principal(vectors)
    np.testing.assert_array_equal(places, np.zeros((len(vectors), 2)))
    assert explained == [0.0, 0.0]


async def test_runs_share_their_axes(client: Client, traces: Path) -> None:
    traced(loop(4), traces, "loop")
    traced(one_node(6), traces, "whole")
    runs = [{"run": "loop"}, {"run": "whole", "node": "sampler"}]
    found = await ask(client, runs=runs, reference={"run": "whole"})
    assert [(t.run, t.node) for t in found.trajectories] == [
        ("loop", "denoise/move"),
        ("whole", "sampler"),
    ]
    assert [[p.step for p in t.points] for t in found.trajectories] == [[0, 1, 2, 3], [*range(6)]]
    assert 0 < sum(found.explained) <= 1 + 1e-9
    assert found.every == 1
    whole = found.trajectories[1].points
    errors = [p.error for p in whole]
    assert errors[-1] == 0
    assert all(e is not None and e > 0 for e in errors[:-1])


async def test_errors_are_root_mean_squares(client: Client, traces: Path) -> None:
    first, second = traced(loop(3), traces, "a"), traced(loop(3, cond=0.8), traces, "b")
    found = await ask(client, runs=[{"run": "a"}], reference={"run": "b"}, item=1)

    def last(run: str, trace: Any) -> Any:
        tid = [r for r in trace.rows if r["node"] == "denoise/move" and r["part"] == "samples"][-1]
        return Traces(traces).find(run, tid["tid"]).array()[1]

    wanted = np.sqrt(np.mean((last("a", first) - last("b", second)) ** 2))
    assert found.trajectories[0].points[-1].error == pytest.approx(wanted)


async def test_of_too_many_steps_some_are_taken(
    client: Client, traces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced(loop(9), traces, "run")
    monkeypatch.setattr(trajectory, "MOST_POINTS", 4)
    found = await ask(client, runs=[{"run": "run"}])
    assert found.every == 3
    assert [p.step for p in found.trajectories[0].points] == [0, 3, 6, 8]


async def test_what_cannot_be_drawn_is_refused(client: Client, traces: Path) -> None:
    traced(loop(2), traces, "stats", "stats")
    traced(loop(2, cond=0.0), traces, "nan")
    traced(loop(2), traces, "good")
    assert await refused(client, runs=[{"run": "none"}]) == (404, "no-tensor")
    assert await refused(client, runs=[{"run": "../x"}]) == (404, "no-tensor")
    assert await refused(client, runs=[{"run": "stats"}]) == (404, "no-tensor")
    assert await refused(client, runs=[{"run": "good", "node": "x"}]) == (404, "no-tensor")
    assert await refused(client, runs=[{"run": "nan"}]) == (400, "not-finite")
    assert await refused(client, runs=[{"run": "good"}], item=2) == (400, "schema")
    assert await refused(client, runs=[]) == (400, "schema")
    other = support.Latent(support.torch.ones(2, 4, 3, 3))
    tracer = support.Tracer("small", "full", 1, traces / "small", 1 << 20, lambda frame: None)
    tracer.value("l[0]/n", "latent", other, None)
    tracer.finished()
    runs = [{"run": "good"}, {"run": "small"}]
    assert await refused(client, runs=runs) == (400, "schema")
    assert await refused(client, runs=runs[:1], reference=runs[1]) == (400, "schema")
    (traces / "good" / "tensors.bin").unlink()
    assert await refused(client, runs=[{"run": "good"}]) == (410, "not-kept")
