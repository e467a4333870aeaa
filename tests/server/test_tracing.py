"""What a traced run tells of its values, and what of it is on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import traced as support
from nodeflow.cache import Cache
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data, graph_to_data
from nodeflow.server import trace_files
from nodeflow.server.frames import Frame
from nodeflow.server.previews import together
from nodeflow.server.protocol import Guidance, TensorHead, TensorInfo
from nodeflow.server.retelling import Retelling
from nodeflow.server.tensor_facts import DTYPES, array_of, guidance, numbers, statistics
from nodeflow.server.trace_files import Trace, make_room, used_bytes
from nodeflow.server.tracing import TraceMemory, Tracer
from nodes.types import Latent, NoisePrediction, Sigmas
from traced import loop, one_node, traced


def elements(traces: Path, run_id: str, row: dict[str, Any]) -> np.ndarray[Any, Any]:
    data = (traces / run_id / row["file"]).read_bytes()
    raw = np.frombuffer(data, DTYPES[row["dtype"]], row["bytes"] // 4, row["offset"])
    return raw.reshape(row["shape"])


def at(trace: Trace, path: str, part: str = "samples") -> dict[str, Any]:
    (row,) = [r for r in trace.rows if r["path"] == path and r["part"] == part]
    return row


def values(trace: Trace) -> dict[tuple[str, str, str], float | None]:
    """What is told of each tensor, whichever run made it."""
    return {(r["path"], r["port"], r["part"]): r["stats"]["norm"] for r in trace.rows}


# ── statistics ──────────────────────────────────────────────────────────────────────────────────


FLOATS = arrays.arrays(
    st.sampled_from([np.float32, np.float64, np.float16]),
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    elements={"allow_nan": True, "allow_infinity": True},
)


@settings(deadline=None)
@given(FLOATS)
def test_statistics_are_numpys_in_float64(values: np.ndarray[Any, Any]) -> None:
    wide = values.astype(np.float64)
    told = statistics(wide)
    finite = wide[np.isfinite(wide)]
    assert told["nan"] == np.isnan(wide).sum()
    assert told["inf"] == np.isinf(wide).sum()
    if not finite.size:
        assert [told[n] for n in ("min", "max", "mean", "std", "norm")] == [None] * 5
        return
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = {
            "min": finite.min(),
            "max": finite.max(),
            "mean": finite.mean(),
            "std": finite.std(),
            "norm": np.linalg.norm(finite),
        }
    for name, value in wanted.items():
        assert told[name] == (value if np.isfinite(value) else None), name
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.int64, torch.uint8, torch.bool]
)
def test_elements_keep_their_dtype(dtype: torch.dtype) -> None:
    tensor = (torch.arange(24).reshape(2, 3, 4) % 5).to(dtype)[:, :, ::2]
    array, name = array_of(tensor)
    assert name == str(dtype).removeprefix("torch.")
    again = np.frombuffer(array.tobytes(), DTYPES[name]).reshape(tensor.shape)
    np.testing.assert_array_equal(numbers(again, name), tensor.double().numpy())


def test_bfloat16_is_read_as_it_is() -> None:
    tensor = torch.tensor([1.0, -2.5, 3.140625, float("inf"), float("nan")], dtype=torch.bfloat16)
    array, name = array_of(tensor)
    assert (name, array.nbytes) == ("bfloat16", 10)
    np.testing.assert_array_equal(numbers(array, name), tensor.double().numpy())


def test_guidance_is_norms_and_the_angle_between() -> None:
    a, b = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 3, 4, 4)
    told = guidance(a, b)
    assert told is not None
    first, second = a.flatten(1), b.double().flatten(1)
    assert told["cond"] == pytest.approx(first.norm(dim=1).mean().item())
    assert told["uncond"] == pytest.approx(second.norm(dim=1).mean().item())
    assert told["delta"] == pytest.approx((first - second).norm(dim=1).mean().item())
    cosine = torch.nn.functional.cosine_similarity(first, second).mean().item()
    assert told["cos"] == pytest.approx(cosine)
    same = guidance(a, a)
    assert same is not None
    assert (same["delta"], same["cos"]) == (0, pytest.approx(1))
    assert guidance(a, torch.full_like(b, float("nan"))) is None
    assert guidance(a, torch.full_like(b, float("inf"))) is None
    assert guidance(a, b[:1]) is None
    assert guidance(torch.zeros(1, 4), torch.zeros(1, 4)) == {
        "cond": 0,
        "uncond": 0,
        "delta": 0,
        "cos": 0,
    }


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def test_each_value_of_each_pass_is_told(tmp_path: Path) -> None:
    trace = traced(loop(3), tmp_path)
    assert (trace.run, trace.level) == ("run", "latents")
    paths = [r["path"] for r in trace.rows if r["part"] == "samples"]
    inner = [
        f"denoise[{k}]/{name}" for k in range(3) for name in ("cond", "uncond", "guide", "move")
    ]
    assert paths == ["start", *inner, "denoise"]
    info = TensorInfo(
        **{k: v for k, v in at(trace, "denoise[1]/move").items() if k in NAMES}, kept=True
    )
    assert (info.node, info.port, info.type) == ("denoise/move", "latent", "Latent")
    assert (info.step, info.role, info.shape) == (1, "x_t", [2, 4, 6, 5])
    assert (info.dtype, info.device, info.bytes) == ("float32", "cpu", 960)
    assert at(trace, "denoise[1]/guide")["role"] == "eps"
    assert at(trace, "denoise[1]/move", "noise_mask")["stats"]["mean"] == 1
    assert len({r["tid"] for r in trace.rows}) == len(trace.rows)


NAMES = TensorInfo.model_fields.keys() - {"kept"}


def test_elements_and_statistics_are_those_of_the_run(tmp_path: Path) -> None:
    seen: dict[str, torch.Tensor] = {}

    def note(path: str, port: str, value: Any, key: Any) -> None:
        if isinstance(value, (Latent, NoisePrediction)):
            seen[path] = value.samples

    trace = traced(loop(2), tmp_path)
    run(loop(2), registry=support.REGISTRY, on_value=note)
    assert len(seen) == 10
    for path, tensor in seen.items():
        row = at(trace, path)
        np.testing.assert_array_equal(elements(tmp_path, "run", row), tensor.numpy())
        wide = tensor.double().numpy()
        assert row["stats"]["mean"] == wide.mean()
        assert row["stats"]["std"] == wide.std()


def test_levels(tmp_path: Path) -> None:
    kept = {}
    for level in ("stats", "latents", "full"):
        trace = traced(loop(2), tmp_path, level, level)
        kept[level] = {r["type"] for r in trace.rows if r["offset"] is not None}
        assert {"Latent", "NoisePrediction", "Image"} == {r["type"] for r in trace.rows}
    assert kept == {
        "stats": set(),
        "latents": {"Latent", "NoisePrediction"},
        "full": {"Latent", "NoisePrediction", "Image"},
    }


def test_off_writes_nothing(tmp_path: Path) -> None:
    frames: list[Frame] = []
    tracer = Tracer("run", "off", 1, tmp_path / "run", 1 << 20, frames.append)
    run(loop(2), registry=support.REGISTRY, on_event=tracer.event, **tracer.hooks())
    tracer.finished()
    assert frames == []
    assert list(tmp_path.iterdir()) == []
    assert tracer.sigma("denoise", 1) == 1.0


def test_models_are_never_traced(tmp_path: Path) -> None:
    trace = traced(loop(1), tmp_path, level="full")
    assert "model" not in {r["node"] for r in trace.rows}


def test_parts_are_named_by_their_fields(tmp_path: Path) -> None:
    tracer = Tracer("run", "full", 1, tmp_path / "run", 1 << 20, lambda frame: None)
    tracer.value("text", "conditioning", support.text(), None)
    tracer.value("list", "latents", [support.latent(0), support.latent(1)], None)
    tracer.finished()
    trace = trace_files.read(tmp_path / "run")
    assert trace is not None
    assert [(r["type"], r["part"], r["role"]) for r in trace.rows] == [
        ("Conditioning", "embeddings", "value"),
        ("Conditioning", "more[0].embeddings", "value"),
        ("list[Latent]", "[0].samples", "x_t"),
        ("list[Latent]", "[0].noise_mask", "x_t"),
        ("list[Latent]", "[1].samples", "x_t"),
        ("list[Latent]", "[1].noise_mask", "x_t"),
    ]


@pytest.mark.parametrize(
    ("every", "wanted"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4, 5]), (9, [0, 5])]
)
def test_each_nth_pass_with_the_first_and_the_last(
    tmp_path: Path, every: int, wanted: list[int]
) -> None:
    for graph, node in ((loop(6), "denoise/move"), (one_node(6), "sampler")):
        trace = traced(graph, tmp_path, every=every)
        steps = [r["step"] for r in trace.rows if r["node"] == node and r["port"] == "latent"]
        assert sorted({s for s in steps if s is not None}) == wanted


def test_not_a_number_is_traced_and_told(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    trace = traced(loop(2, cond=0.0), tmp_path, told=told)
    stats = at(trace, "denoise[1]/cond")["stats"]
    assert stats["nan"] == 240
    assert (stats["min"], stats["mean"], stats["norm"]) == (None, None, None)
    assert at(trace, "denoise[0]/uncond")["stats"]["nan"] == 0
    assert np.isnan(elements(tmp_path, "run", at(trace, "denoise[1]/cond"))).all()
    assert told == []  # a norm of that would be none


def test_what_a_loop_collects_is_not_written_again(tmp_path: Path) -> None:
    trace = traced(loop(3, estimate=True), tmp_path)
    collected = [r for r in trace.rows if r["path"] == "denoise" and r["port"] == "estimates"]
    inner = [at(trace, f"denoise[{k}]/clean") for k in range(3)]
    assert [r["offset"] for r in collected] == [r["offset"] for r in inner]
    assert {r["role"] for r in collected} == {"x0"}


# ── guidance, steps ─────────────────────────────────────────────────────────────────────────────


def test_guidance_is_told_once_it_is_known(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    trace = traced(loop(3), tmp_path, told=told)
    assert [(row["path"], row["step"], row["sigma"]) for row in trace.guidance] == [
        ("denoise[0]/guide", 0, 3.0),
        ("denoise[1]/guide", 1, 2.0),
        ("denoise[2]/guide", 2, 1.0),
    ]
    assert [(d["node"], d["path"], d["step"], d["steps"], d["sigma"]) for d in told] == [
        ("denoise", "denoise", 0, 3, 3.0),
        ("denoise", "denoise", 1, 3, 2.0),
        ("denoise", "denoise", 2, 3, 1.0),
    ]
    cond, uncond = (
        elements(tmp_path, "run", at(trace, f"denoise[1]/{n}")) for n in ("cond", "uncond")
    )
    wanted = guidance(torch.tensor(cond), torch.tensor(uncond))
    assert told[1]["cfg"] == wanted
    assert Guidance(**told[1]["cfg"]).cos <= 1


def test_a_sampler_in_one_node_is_traced_step_by_step(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    trace = traced(one_node(3), tmp_path, told=told)
    ports = [(r["path"], r["port"], r["role"]) for r in trace.rows if r["path"] == "sampler[1]"]
    assert ports == [
        ("sampler[1]", "cond", "eps"),
        ("sampler[1]", "uncond", "eps"),
        ("sampler[1]", "latent", "x_t"),
        ("sampler[1]", "latent", "x_t"),
        ("sampler[1]", "denoised", "x0"),
    ]
    assert [(d["path"], d["step"], d["steps"], d["sigma"]) for d in told] == [
        ("sampler", 0, 3, 3.0),
        ("sampler", 1, 3, 2.0),
        ("sampler", 2, 3, 1.0),
    ]


# ── frames ──────────────────────────────────────────────────────────────────────────────────────


def test_kept_elements_are_pushed_as_they_are_made(tmp_path: Path) -> None:
    frames: list[Frame] = []
    trace = traced(loop(2), tmp_path, frames=frames)
    kept = {r["tid"]: r for r in trace.rows if r["offset"] is not None}
    heads = [TensorHead(**frame.head) for frame in frames]
    assert [h.seq for h in heads] == sorted(h.seq for h in heads)
    new = {h.tid for h in heads}
    assert {tid for tid in kept if tid not in new} == {
        r["tid"] for r in trace.rows if r["path"] == "denoise" or r["part"] == "noise_mask"
    } - {at(trace, "start", "noise_mask")["tid"]}
    for frame in frames:
        assert frame.kind == 100
        row = kept[frame.head["tid"]]
        assert frame.data == elements(tmp_path, "run", row).tobytes()
        assert frame.head["shape"] == row["shape"]


# ── budgets ─────────────────────────────────────────────────────────────────────────────────────


def test_without_room_elements_go_and_are_counted(tmp_path: Path) -> None:
    # 16 latents of 960 bytes and the mask would be 16 × 960 + 240; the last eighth is for the end.
    trace = traced(loop(4), tmp_path, limit_bytes=8 * 960)
    lost = [r for r in trace.rows if r.get("lost")]
    assert lost
    assert all(r["offset"] is None for r in lost)
    assert at(trace, "start")["offset"] == 0
    assert at(trace, "denoise[3]/cond")["offset"] is not None, "the last pass has room of its own"
    assert (tmp_path / "run" / "tensors.bin").stat().st_size <= 8 * 960
    assert at(trace, "denoise[2]/cond")["stats"]["std"] is not None


def test_of_all_runs_the_oldest_lose_their_elements_first(tmp_path: Path) -> None:
    for number in range(4):
        traced(loop(2), tmp_path, f"run{number}")
        for path in (tmp_path / f"run{number}").iterdir():
            os.utime(path, (number + 1, number + 1))
    total = used_bytes(tmp_path)
    one = sum(p.stat().st_size for p in (tmp_path / "run0").iterdir())
    assert total == 4 * one
    elements_of_one = (tmp_path / "run0" / "tensors.bin").stat().st_size
    assert make_room(tmp_path, total - elements_of_one - 1, spare="run1") == ["run0", "run2"]
    assert sorted(p.parent.name for p in tmp_path.rglob("*.bin")) == ["run1", "run3"]
    assert make_room(tmp_path, 0, spare="run3") == ["run1", "run0", "run2"]
    assert [p.name for p in tmp_path.iterdir()] == ["run3"]


# ── cached values ───────────────────────────────────────────────────────────────────────────────


def test_a_cached_loop_is_shown_as_it_was_made(tmp_path: Path) -> None:
    memory, cache = TraceMemory(), Cache()
    first = traced(loop(3), tmp_path, "one", memory=memory, cache=cache)
    frames: list[Frame] = []
    second = traced(loop(3), tmp_path, "two", memory=memory, cache=cache, frames=frames)
    third = traced(loop(3), tmp_path, "three", memory=memory, cache=cache)
    assert frames == []
    for again, name in ((second, "two"), (third, "three")):
        assert values(again) == values(first)
        assert again.guidance == first.guidance
        row, old = at(again, "denoise[1]/move"), at(first, "denoise[1]/move")
        np.testing.assert_array_equal(elements(tmp_path, name, row), elements(tmp_path, "one", old))
        assert (tmp_path / name / "one.bin").samefile(tmp_path / "one" / "tensors.bin")
    assert used_bytes(tmp_path) < 2 * 13 * 960 + 60_000, "elements are there once"


def test_a_cached_sampler_is_shown_under_its_new_name(tmp_path: Path) -> None:
    memory, cache = TraceMemory(), Cache()
    first = traced(one_node(3), tmp_path, "one", memory=memory, cache=cache)
    text = json.dumps(graph_to_data(one_node(3)))
    text = text.replace('"sampler"', '"other"').replace("sampler.latent", "other.latent")
    second = traced(graph_from_data(json.loads(text)), tmp_path, "two", memory=memory, cache=cache)
    renamed = {(p.replace("sampler", "other"), *rest): v for (p, *rest), v in values(first).items()}
    assert values(second) == renamed
    assert [g["path"] for g in second.guidance] == [f"other[{k}]" for k in range(3)]


def test_a_changed_tail_shows_the_passes_that_were_at_hand(tmp_path: Path) -> None:
    memory, cache = TraceMemory(), Cache()
    traced(loop(3), tmp_path, "one", memory=memory, cache=cache)
    longer = traced(loop(3, guide=2.0), tmp_path, "two", memory=memory, cache=cache)
    assert len(longer.guidance) == 3


def test_memory_lets_the_oldest_run_go(tmp_path: Path) -> None:
    memory, cache = TraceMemory(limit_rows=1), Cache()
    traced(loop(2), tmp_path, "one", memory=memory, cache=cache)
    traced(loop(3), tmp_path, "two", memory=memory)
    again = traced(loop(2), tmp_path, "three", memory=memory, cache=cache)
    assert "denoise[0]/move" not in {r["path"] for r in again.rows}


def test_what_was_let_go_is_told_to_be_lost(tmp_path: Path) -> None:
    memory, cache = TraceMemory(), Cache()
    traced(loop(2), tmp_path, "one", memory=memory, cache=cache)
    (tmp_path / "one" / "tensors.bin").unlink()
    again = traced(loop(2), tmp_path, "two", memory=memory, cache=cache)
    row = at(again, "denoise[1]/move")
    assert (row["offset"], row["lost"]) == (None, True)
    assert row["stats"]["std"] > 0


# ── what may go wrong ───────────────────────────────────────────────────────────────────────────


@settings(deadline=None, max_examples=40)
@given(cut=st.integers(0, 4000))
def test_a_trace_cut_anywhere_is_read_as_far_as_it_goes(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    base = tmp_path_factory.mktemp("cut")
    whole = traced(loop(2), base)
    index = base / "run" / "index.jsonl"
    data = index.read_bytes()
    index.write_bytes(data[:cut])
    found = trace_files.read(base / "run")
    lines = data[:cut].count(b"\n")
    if not lines:
        assert found is None
        return
    assert found is not None
    told = len(found.rows) + len(found.guidance)
    assert told == min(lines - 1, len(whole.rows) + len(whole.guidance))
    assert found.rows == whole.rows[: len(found.rows)]


def test_elements_cut_short_are_not_kept(tmp_path: Path) -> None:
    trace = traced(loop(2), tmp_path)
    data = tmp_path / "run" / "tensors.bin"
    data.write_bytes(data.read_bytes()[:2000])
    there = trace_files.sizes(tmp_path / "run")
    assert trace_files.kept(at(trace, "start"), there)
    assert not trace_files.kept(at(trace, "denoise[1]/move"), there)


def test_a_run_begun_again_is_traced_anew(tmp_path: Path) -> None:
    first = traced(loop(3), tmp_path)
    second = traced(loop(2), tmp_path)
    assert first.stamp != second.stamp
    assert {r["step"] for r in second.rows} == {None, 0, 1}


def test_a_fault_of_the_trace_is_none_of_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "run").write_text("a file where a folder should be")
    tracer = Tracer("run", "full", 1, tmp_path / "run" / "deep", 1 << 20, lambda frame: None)
    result = run(loop(2), registry=support.REGISTRY, on_event=tracer.event, **together(tracer))
    tracer.finished()
    assert result.status == "done"
    assert "tracing failed" in caplog.text


# ── schedules ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("level", ["stats", "latents", "full"])
def test_a_schedules_numbers_are_told_as_a_tensor_would_be(tmp_path: Path, level: str) -> None:
    levels = (14.6, 5.25, 0.1, 0.0)
    tracer = Tracer("r" * 32, level, 1, tmp_path / ("r" * 32), 1 << 20, lambda _: None)
    tracer.value("sigmas", "sigmas", Sigmas(levels, (999.0, 500.0, 3.0, 0.0)), None)
    tracer.finished()
    trace = trace_files.read(tmp_path / ("r" * 32))
    assert trace is not None
    row = at(trace, "sigmas", "values")
    assert (row["type"], row["dtype"], row["shape"]) == ("Sigmas", "float64", [4])
    assert row["stats"]["max"] == 14.6
    if level == "stats":
        assert row["offset"] is None
    else:
        data = (tmp_path / ("r" * 32) / row["file"]).read_bytes()
        there = np.frombuffer(data, "<f8", 4, row["offset"])
        assert tuple(there.tolist()) == levels


# ── traced after the cache knew it ──────────────────────────────────────────────────────────────


def retold(folder: Path, run_id: str, level: str, cache: Cache, memory: TraceMemory) -> Trace:
    """A traced run that sees the cache as a worker's runs do."""
    tracer = Tracer(run_id, level, 1, folder / run_id, 1 << 20, lambda _: None, memory=memory)
    view = cast(Cache, Retelling(cache, tracer))
    run(loop(3), registry=support.REGISTRY, cache=view, on_event=tracer.event, **tracer.hooks())
    tracer.finished()
    return trace_files.read(folder / run_id) or Trace(run_id)


def test_what_was_never_traced_is_made_again_to_be_traced(tmp_path: Path) -> None:
    cache, memory = Cache(), TraceMemory()
    retold(tmp_path, "first", "off", cache, memory)
    fresh = retold(tmp_path / "other", "alone", "latents", Cache(), TraceMemory())
    told = retold(tmp_path, "second", "latents", cache, memory)
    assert values(told) == values(fresh)
    assert len(told.guidance) == 3


def test_what_was_traced_as_closely_is_not_made_again(tmp_path: Path) -> None:
    cache, memory = Cache(), TraceMemory()
    full = retold(tmp_path, "first", "full", cache, memory)
    size = len(cache)
    tracer = Tracer("second", "latents", 1, tmp_path / "s", 1, lambda _: None, memory=memory)
    view = cast(Cache, Retelling(cache, tracer))
    again = run(loop(3), registry=support.REGISTRY, cache=view, **tracer.hooks())
    tracer.finished()
    assert again.ran == 0
    assert len(cache) == size
    closer = Tracer("third", "full", 1, tmp_path / "t", 1, lambda _: None, memory=TraceMemory())
    view = cast(Cache, Retelling(cache, closer))
    made = run(loop(3), registry=support.REGISTRY, cache=view, **closer.hooks())
    assert made.ran > 0
    told = {record.why for record in made.nodes.values() if record.state == "ran"}
    assert "nothing changed; made again to be looked at" in told
    assert not any("let go" in why for why in told)
    closer.finished()
    assert full.rows
