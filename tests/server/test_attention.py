"""Where the picture listens to the prompt, as a traced run tells it; `word_map` is the oracle."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from aiohttp import web
from aiohttp.test_utils import TestClient
from PIL import Image as Pillow
from torch.testing import assert_close

from nodeflow.cache import Cache
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.server import app as server_app
from nodeflow.server import attention, tensors, tracing
from nodeflow.server.keys import RUNS, SETTINGS
from nodeflow.server.previews import together
from nodeflow.server.protocol import AttentionIndex, RunSummary
from nodeflow.server.tensor_pictures import coloured
from nodeflow.server.trace_files import Trace, read
from nodeflow.server.tracing import TraceMemory, Tracer
from nodes.attention import word_map
from nodes.diffusion.watching import EAR
from nodes.types import Latent
from serving import settings

Client = TestClient[Any, Any]
STEPS = 3
SIZE = {"height": 6, "width": 8}
"""Of the latent."""
TOP: dict[str, Any] = {
    "checkpoint": {"type": "load.checkpoint", "params": {"name": "tiny"}},
    "positive": {
        "type": "text.encode",
        "params": {"text": "a red circle"},
        "links": {"clip": "checkpoint.clip"},
    },
    "negative": {
        "type": "text.encode",
        "params": {"text": "blue"},
        "links": {"clip": "checkpoint.clip"},
    },
    "betas": {"type": "schedule.of_model", "links": {"model": "checkpoint.model"}},
    "sigmas": {
        "type": "sigmas.normal",
        "params": {"steps": STEPS},
        "links": {"betas": "betas.betas"},
    },
    "empty": {"type": "latent.empty", "params": {"width": 64, "height": 48, "batch": 2}},
}
ASKED = {
    "model": "checkpoint.model",
    "positive": "positive.conditioning",
    "negative": "negative.conditioning",
}


def sampler_graph(sampler: str = "euler") -> Any:
    """All steps in one node."""
    made = {
        "type": "sampler.sample",
        "params": {"sampler": sampler, "guidance_scale": 5.0, "seed": 0},
        "links": {**ASKED, "latent": "empty.latent", "sigmas": "sigmas.sigmas"},
    }
    nodes = {**TOP, "sampler": made}
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"latent": "sampler.latent"}})


def loop_graph() -> Any:
    """The same with every step a node."""

    def ask(text: str) -> dict[str, Any]:
        links = {"model": "const.model", "latent": "state.latent", "step": "each.step"}
        return {"type": "model.predict_noise", "links": {**links, "conditioning": f"const.{text}"}}

    nodes = {
        **TOP,
        "steps": {"type": "schedule.steps", "links": {"sigmas": "sigmas.sigmas"}},
        "noise": {
            "type": "noise.gaussian",
            "params": {"seed": 0},
            "links": {"latent": "empty.latent"},
        },
        "start": {
            "type": "forward.start",
            "links": {
                "latent": "empty.latent",
                "noise": "noise.noise",
                "sigmas": "sigmas.sigmas",
            },
        },
        "denoise": {
            "type": "flow.loop",
            "each": {"step": "steps.steps"},
            "const": ASKED,
            "state": {"latent": {"init": "start.latent", "next": "move.latent"}},
            "body": {
                "cond": ask("positive"),
                "uncond": ask("negative"),
                "guide": {
                    "type": "guidance.cfg_combine",
                    "params": {"scale": 5.0},
                    "links": {"cond": "cond.noise", "uncond": "uncond.noise"},
                },
                "move": {
                    "type": "sample.euler_step",
                    "links": {
                        "latent": "state.latent",
                        "noise": "guide.noise",
                        "step": "each.step",
                    },
                },
            },
        },
    }
    return graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": {"latent": "denoise.latent"}})


class Seen:
    """Values of a run by path and port."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Any] = {}
        self.told: list[dict[str, Any]] = []

    def value(self, path: str, port: str, value: Any, key: Any) -> None:
        self.values[path, port] = value

    def inputs(self, path: str, arguments: Any) -> None:
        self.values[path, "="] = dict(arguments)

    def found(self, path: str, port: str, key: Any) -> None: ...

    def event(self, event: Any) -> None: ...


def traced(
    graph: Any,
    traces: Path,
    level: str = "full",
    run_id: str = "run",
    limit_bytes: int = 64 << 20,
    **more: Any,
) -> tuple[Trace, Seen, Any]:
    tracing = {name: more.pop(name) for name in ("memory",) if name in more}
    every = more.pop("every", 1)
    folder = traces / run_id
    tracer = Tracer(run_id, level, every, folder, limit_bytes, lambda frame: None, **tracing)
    seen = Seen()
    result = run(graph, on_event=tracer.event, **together(tracer, seen), **more)
    tracer.finished()
    assert EAR.get() is None
    found = read(folder)
    assert found is not None
    return found, seen, result.outputs["latent"]


def maps(trace: Trace) -> list[dict[str, Any]]:
    return [row for row in trace.rows if row["role"] == "attention"]


def mean_of(traces: Path, **asked: Any) -> torch.Tensor:
    """At the latent's size, as `word_map` gives it."""
    query = attention.MapQuery(**{**SIZE, **asked})
    return torch.from_numpy(attention.mean_map(tensors.Traces(traces), "run", query))


@pytest.fixture(scope="module")
def looped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trace, Seen, Any]:
    traces = tmp_path_factory.mktemp("loop")
    return (traces, *traced(loop_graph(), traces))


def test_a_loops_maps_are_those_of_the_node(looped: tuple[Path, Trace, Seen, Any]) -> None:
    traces, _, seen, _ = looped
    for step in range(STEPS):
        for name in ("cond", "uncond"):
            asked = seen.values[f"denoise[{step}]/{name}", "="]
            for slot in (1, 3):
                wanted = word_map(**{**asked, "slot": slot}).values
                for item in range(2):
                    found = mean_of(traces, node=f"denoise/{name}", step=step, slot=slot, item=item)
                    alone = one(asked, item, slot) if item else wanted[0]
                    assert_close(found.float(), alone, rtol=0, atol=2e-3)


def one(asked: dict[str, Any], item: int, slot: int) -> torch.Tensor:
    latent = Latent(asked["latent"].samples[item : item + 1])
    return word_map(**{**asked, "latent": latent, "slot": slot}).values[0]


def test_each_layer_of_each_ask_is_told(looped: tuple[Path, Trace, Seen, Any]) -> None:
    traces, trace, seen, _ = looped
    from nodes.diffusion.attention import attentions, listening, side_lengths

    asked = seen.values["denoise[1]/cond", "="]
    layers = attentions(asked["model"].network, cross=True)
    rows = [row for row in maps(trace) if row["path"] == "denoise[1]/cond"]
    assert {row["part"] for row in rows} == {f"conditioning:{layer}" for layer in layers}
    assert len(rows) == len(layers)
    assert {(row["port"], row["step"], row["dtype"]) for row in rows} == {
        ("attention", 1, "float16")
    }
    heard: list[torch.Tensor] = []
    network = listening(asked["model"].network, True, "all", heard.append)
    from nodes.model import predict_noise

    predict_noise(**{**asked, "model": replace(asked["model"], network=network)})
    height, width = asked["latent"].samples.shape[-2:]
    for layer, row in enumerate(rows):
        found = tensors.Traces(traces).find("run", row["tid"]).array()
        # A CPU asks for the two pictures one after the other.
        pair = torch.cat([heard[layer], heard[layer + len(layers)]]).mean(dim=1)
        grid = side_lengths(pair.shape[1], height, width)
        wanted = pair.transpose(1, 2).unflatten(2, grid)
        assert_close(torch.from_numpy(found).float(), wanted, rtol=1e-3, atol=1e-4)
        assert_close(found.sum(axis=1), np.ones((2, *grid)), rtol=0, atol=5e-3)


def test_a_sampler_in_one_node_tells_the_same(
    looped: tuple[Path, Trace, Seen, Any], tmp_path: Path
) -> None:
    traces, _, _, latent = looped
    trace, _, sampled = traced(sampler_graph(), tmp_path)
    # The pair in one batch rounds otherwise than one after the other.
    assert_close(sampled.samples, latent.samples, rtol=1e-3, atol=1e-3)
    rows = maps(trace)
    assert {row["path"] for row in rows} == {f"sampler[{k}]" for k in range(STEPS)}
    assert {attention.split(row["part"])[0] for row in rows} == {"positive", "negative"}
    for step in range(STEPS):
        for port, node in (("positive", "denoise/cond"), ("negative", "denoise/uncond")):
            found = mean_of(tmp_path, step=step, slot=2, prompt=port)
            wanted = mean_of(traces, node=node, step=step, slot=2)
            assert_close(found, wanted, rtol=0, atol=5e-3)


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_sde"])
def test_of_two_asks_in_a_step_the_first_counts(tmp_path: Path, sampler: str) -> None:
    trace, _, _ = traced(sampler_graph(sampler), tmp_path)
    parts = [(row["path"], row["part"]) for row in maps(trace)]
    assert len(set(parts)) == len(parts)
    assert {path for path, _ in parts} == {f"sampler[{k}]" for k in range(STEPS)}


@pytest.mark.parametrize("graph", [loop_graph, sampler_graph])
def test_the_picture_is_the_same_to_the_bit(tmp_path: Path, graph: Callable[[], Any]) -> None:
    _, _, watched = traced(graph(), tmp_path)
    plain, _, alone = traced(graph(), tmp_path, "latents", "other")
    assert torch.equal(watched.samples, alone.samples)
    assert not maps(plain)


def test_only_traced_steps_are_listened_to(tmp_path: Path) -> None:
    trace, _, _ = traced(sampler_graph(), tmp_path, every=2)
    assert sorted({row["step"] for row in maps(trace)}) == [0, 2]
    trace, _, _ = traced(loop_graph(), tmp_path, every=5)
    assert sorted({row["step"] for row in maps(trace)}) == [0, STEPS - 1]


@pytest.mark.parametrize("graph", [loop_graph, sampler_graph])
def test_a_run_from_the_cache_tells_what_was_heard(
    tmp_path: Path, graph: Callable[[], Any]
) -> None:
    kept: dict[str, Any] = {"cache": Cache(), "memory": TraceMemory()}
    first, _, _ = traced(graph(), tmp_path, **kept)
    again, _, _ = traced(graph(), tmp_path, run_id="again", **kept)
    names = ("path", "port", "part", "stats")
    wanted = [[row[name] for name in names] for row in maps(first)]
    assert wanted
    assert [[row[name] for name in names] for row in maps(again)] == wanted
    there, query = tensors.Traces(tmp_path), attention.MapQuery(slot=1)
    found = attention.mean_map(there, "again", query)
    np.testing.assert_array_equal(found, attention.mean_map(there, "run", query))


def test_maps_take_at_most_their_share_of_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 30_000
    monkeypatch.setattr(tracing, "WATCHED_SHARE", room / (64 << 20))
    trace, _, _ = traced(loop_graph(), tmp_path)
    rows = maps(trace)
    held = sum(row["bytes"] for row in rows if row["offset"] is not None)
    assert room / 2 < held <= room
    assert any(row["lost"] for row in rows)
    others = [row for row in trace.rows if row["role"] != "attention"]
    assert not any(row.get("lost") for row in others)
    index = attention.index(
        tensors.Traces(tmp_path), "run", attention.AttentionQuery(slot=1), "full"
    )
    assert {one.kept for one in index.maps} == {True, False}


def test_why_there_is_none(tmp_path: Path) -> None:
    traced(loop_graph(), tmp_path, "latents")
    traces, all_ = tensors.Traces(tmp_path), attention.AttentionQuery()
    assert "`full`" in attention.index(traces, "run", all_, "latents").note
    tracer = Tracer("without", "full", 1, tmp_path / "without", 1 << 20, lambda frame: None)
    tracer.value("denoise[0]/cond", "noise", Latent(torch.zeros(1, 4, 2, 2)), None)
    tracer.finished()
    assert "asked a network" in attention.index(traces, "without", all_, "full").note


# ── over HTTP ───────────────────────────────────────────────────────────────────────────────────


class OneRun:
    """A queue that knows one run, which traced nothing."""

    async def summary(self, run: str) -> Any:
        state: Any = {"state": "done", "accepted_at": 0.0, "trace": "stats"}
        return RunSummary(run=run, number=1, title="", **state)


@pytest.fixture
async def client(
    aiohttp_client: Callable[..., Awaitable[Client]],
    tmp_path: Path,
    looped: tuple[Path, Trace, Seen, Any],
) -> Client:
    app = web.Application(middlewares=[server_app._faults_told])
    folders = settings(tmp_path)
    app[SETTINGS], app[RUNS] = folders, OneRun()
    tensors.setup_routes(app)
    attention.setup_routes(app)
    folders.traces.mkdir(parents=True, exist_ok=True)
    (folders.traces / "run").symlink_to(looped[0] / "run")
    return await aiohttp_client(app)


async def test_the_index_tells_steps_layers_and_prompts(
    client: Client, looped: tuple[Path, Trace, Seen, Any]
) -> None:
    async with client.get("/api/v1/runs/run/attention") as answer:
        assert answer.status == 200, await answer.text()
        index = AttentionIndex(**await answer.json())
    assert index.nodes == ["denoise/cond", "denoise/uncond"]
    assert (index.prompts, index.steps) == (["conditioning"], list(range(STEPS)))
    assert (index.tokens, index.items, index.note) == (77, 2, "")
    assert len(index.maps) == 2 * STEPS * len(index.layers)
    assert {(layer.height, layer.width) for layer in index.layers} == {(3, 4), (2, 2)}
    async with client.get("/api/v1/runs/run/attention?node=denoise/cond&slot=76") as answer:
        assert len((await answer.json())["maps"]) == STEPS * len(index.layers)
    async with client.get("/api/v1/runs/run/attention?node=den&slot=3") as answer:
        told = await answer.json()
    assert (told["maps"], bool(told["note"])) == ([], True)
    async with client.get("/api/v1/runs/none/attention") as answer:
        assert "`full`" in (await answer.json())["note"]


async def test_a_map_is_a_picture(client: Client, looped: tuple[Path, Trace, Seen, Any]) -> None:
    url = "/api/v1/runs/run/attention.png"
    layer = attention.split(maps(looped[1])[0]["part"])[1]
    for asked in ({"slot": 2, "step": 1}, {"slot": 1, "item": 1, "layer": layer}):
        async with client.get(url, params={"node": "denoise/cond", **SIZE, **asked}) as answer:
            assert answer.status == 200, await answer.text()
            shown = np.asarray(Pillow.open(io.BytesIO(await answer.read())))
        wanted = mean_of(looped[0], node="denoise/cond", **asked).numpy()
        np.testing.assert_array_equal(shown, coloured(wanted[None], "magma", 0.0, 1.0))
    for wrong, status in (
        ({"slot": 77}, 400),
        ({"slot": -1}, 400),
        ({"slot": 1, "item": 2}, 400),
        ({"slot": 1, "step": 99}, 404),
        ({"slot": 1, "layer": "../x"}, 404),
        ({"slot": 1, "node": "nobody"}, 404),
        ({"slot": 1, "map": "jet"}, 400),
    ):
        async with client.get(url, params=wrong) as answer:
            assert answer.status == status, (wrong, await answer.text())
            assert (await answer.json())["problems"]
    async with client.get("/api/v1/runs/none/attention.png?slot=1") as answer:
        assert answer.status == 404
