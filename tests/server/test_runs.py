"""Queue, store and workers together: what is told, what is kept, what becomes of each end."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from nodeflow.commands.run import RunOrder, run_command
from nodeflow.errors import GraphError
from nodeflow.server.accept import count_nodes
from nodeflow.server.protocol import (
    ErrorEvent,
    NodeEvent,
    OutputEvent,
    PausedEvent,
    QueueEvent,
    RunChange,
    RunContinue,
    RunEvent,
    RunRequest,
    StepEvent,
)
from nodeflow.server.runs import (
    NoSuchRun,
    QueueFull,
    Runs,
    StoreError,
    ToolError,
    WrongState,
)
from running import Queue, act, loop, pack_registry, running, settings

MODELS = {
    "nf.run": RunEvent,
    "nf.node": NodeEvent,
    "nf.step": StepEvent,
    "nf.output": OutputEvent,
    "nf.error": ErrorEvent,
    "nf.paused": PausedEvent,
}


async def check_whole(queue: Queue, run: str) -> None:
    """Of a run that has ended: what was told is what is kept, numbered without a gap, and as the
    protocol says."""
    kept: list[dict[str, Any]] = []
    while more := (await queue.runs.detail(run, len(kept))).events:
        kept += more
    assert [event["data"] for event in kept] == queue.told(run)
    assert [event["data"]["seq"] for event in kept] == list(range(1, len(kept) + 1))
    for event in kept:
        MODELS[event["type"]].model_validate(event["data"])


# ── what runs ───────────────────────────────────────────────────────────────────────────────────


async def test_a_run_is_told_from_queue_to_end(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("add", a=1, b=2), title="a sum", client="me")
        end = await queue.end(run)
        assert (end.state, end.title, end.client, end.attempts) == ("done", "a sum", "me", 1)
        assert end.nodes == {"total": 1, "ran": 1, "cached": 0}
        assert [output.value for output in end.outputs] == [3]
        assert queue.states(run) == ["queued", "running", "done"]
        await check_whole(queue, run)
        again = await queue.submit(act("add", a=1, b=2))
        assert (await queue.end(again)).nodes == {"total": 1, "ran": 0, "cached": 1}
        state = queue.runs.state()
        assert (state.running, state.queued) == ([], [])
        assert len(queue.runs._board) == 0
        (last,) = [m for m in queue.messages if m["type"] == "nf.queue"][-1:]
        QueueEvent.model_validate(last["data"])


async def test_runs_go_in_order(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        await queue.runs.set_paused(True)
        a, b, c = [await queue.submit(act("add", a=n)) for n in range(3)]
        low = await queue.submit(act("add", a=3), priority=-1)
        high = await queue.submit(act("add", a=4), priority=1)
        front = await queue.submit(act("add", a=5), front=True)
        await queue.runs.change(c, RunChange(before=b))
        expected = [high, front, a, c, b, low]
        assert [summary.run for summary in queue.runs.state().queued] == expected
        told = [m["data"] for m in queue.messages if m["type"] == "nf.queue"]
        await queue.until(lambda: queue.messages[-1]["data"].get("queued") == expected)
        assert told[-1]["paused"] is True
        await queue.runs.set_paused(False)
        await queue.end(low)
        began = [
            m["data"]["run"]
            for m in queue.messages
            if m["type"] == "nf.run" and m["data"]["state"] == "running" and m["data"]["total"]
        ]
        assert began == expected


async def test_two_workers_run_beside_each_other(tmp_path: Path) -> None:
    async with running(tmp_path, workers=2) as queue:
        first = await queue.submit(act("sleep_deaf", seconds=30))
        second = await queue.submit(act("add", a=1))
        assert (await queue.end(second)).state == "done"
        assert [summary.run for summary in queue.runs.state().running] == [first]


async def test_a_failure_is_told_with_its_node(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("fail", value=3))
        end = await queue.end(run)
        assert end.state == "failed"
        assert end.reason.startswith("act: value: got 3")
        (error,) = queue.told(run, "nf.error")
        assert (error["node"], error["port"]) == ("act", "value")
        await check_whole(queue, run)


async def test_a_picture_is_the_one_that_the_command_line_makes(tmp_path: Path) -> None:
    """Byte for byte, with what it says of how it was made."""
    node = {"type": "image.solid", "params": {"width": 16, "height": 8}}
    graph = {
        "nodeflow": 1,
        "title": "Plain",
        "outputs": {"image": "it.image"},
        "nodes": {"it": node},
    }
    file = tmp_path / "plain.json"
    file.write_text(json.dumps(graph))
    run_command(RunOrder(str(file), {}, {}, out=tmp_path / "out", device="cpu", json=True), 0.0)
    async with running(tmp_path / "server") as queue:
        end = await queue.end(await queue.submit(graph))
        (saved,) = end.outputs[0].files
        assert (saved.path, saved.media_type) == ("Plain.png", "image/png")
        assert (saved.width, saved.height) == (16, 8)
        made = (queue.runs.settings.output / saved.path).read_bytes()
        assert made == (tmp_path / "out" / "plain.png").read_bytes()
        assert len(made) == saved.bytes


# ── what is refused ─────────────────────────────────────────────────────────────────────────────


async def test_what_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    wrong = act("add", a="text")
    wrong["nodes"]["more"] = {"type": "testpack:acts.ad"}
    async with running(tmp_path) as queue:
        with pytest.raises(GraphError) as refused:
            await queue.submit(wrong)
        codes = [problem.code for problem in refused.value.problems]
        assert sorted(codes) == ["unknown-type", "wrong-literal"]
        with pytest.raises(GraphError, match="no output"):
            await queue.submit(act("add", a=1), outputs=["picture"])
        with pytest.raises(GraphError, match="no input"):
            await queue.submit(act("add", a=1), inputs={"prompt": "a cat"})
        for name in ("", "../x", "a/b", "x" * 65, "-x", "a\0"):
            with pytest.raises(GraphError, match="names no run"):
                await queue.runs.submit(RunRequest(graph=act("add", a=1)), run_id=name)
        assert queue.messages == []


async def test_limits(tmp_path: Path) -> None:
    limits = {"queued_runs": 2, "graph_nodes": 3}
    async with running(tmp_path, limits=limits) as queue:
        await queue.runs.set_paused(True)
        for _ in range(2):
            await queue.submit(act("add", a=1))
        with pytest.raises(QueueFull):
            await queue.submit(act("add", a=1))
        with pytest.raises(GraphError, match="more than 3 nodes"):
            await queue.submit(loop(1))


async def test_ids_and_extra_of_others(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        request = RunRequest(graph=act("add", a=1))
        told = await queue.runs.submit(request, run_id="mine-1", extra={"prompt": {"1": {}}})
        assert told.run == "mine-1"
        assert await queue.runs.extra("mine-1") == {"prompt": {"1": {}}}
        with pytest.raises(GraphError, match="already"):
            await queue.runs.submit(request, run_id="mine-1")
        await queue.end("mine-1")


def test_nodes_are_counted_wherever_they_stand() -> None:
    inner = {"nodes": {"x": {}, "y": {"body": {"z": {}}}}}
    graph = {"nodes": {"a": {"graph": inner}, "b": {"body": {"c": {}}}, "d": 3}}
    assert count_nodes(graph, 100) == 7
    assert count_nodes({"nodes": []}, 100) == 0
    assert count_nodes({"nodes": {str(n): {} for n in range(10)}}, 5) == 10


# ── cancel, delete, clear ───────────────────────────────────────────────────────────────────────


async def test_cancel(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("sleep", seconds=60, parts=1000))
        waits = await queue.submit(act("add", a=1))
        await queue.node_runs(run)
        await queue.runs.cancel(waits, "not needed")
        await queue.runs.cancel(run)
        ends = [await queue.end(run), await queue.end(waits)]
        assert [(e.state, e.reason) for e in ends] == [
            ("cancelled", "cancelled"),
            ("cancelled", "not needed"),
        ]
        await queue.runs.cancel(run)  # has ended: nothing happens
        with pytest.raises(NoSuchRun):
            await queue.runs.cancel("none")
        assert queue.runs.restarts == 0
        for each in (run, waits):
            await check_whole(queue, each)


async def test_who_does_not_hear_is_ended(tmp_path: Path) -> None:
    async with running(tmp_path, cancel_grace=0.2) as queue:
        run = await queue.submit(act("sleep_deaf", seconds=60))
        after = await queue.submit(act("add", a=1))
        await queue.node_runs(run)
        await queue.runs.cancel(run, "enough")
        end = await queue.end(run)
        assert (end.state, end.reason) == ("cancelled", "enough")
        assert (await queue.end(after)).state == "done"
        assert queue.runs.restarts == 1
        await check_whole(queue, run)


async def test_delete_and_clear(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        traces = queue.runs.settings.traces
        done = await queue.submit(act("add", a=1))
        await queue.end(done)
        (traces / done).mkdir(exist_ok=True)
        runs = await queue.submit(act("sleep", seconds=60, parts=1000))
        await queue.node_runs(runs)
        one, two, three = [await queue.submit(act("add", a=n)) for n in range(3)]
        with pytest.raises(WrongState):
            await queue.runs.delete(runs)
        await queue.runs.delete(two)
        assert queue.states(two) == ["queued", "cancelled"]
        with pytest.raises(NoSuchRun):
            await queue.runs.summary(two)
        await queue.runs.clear_queue()
        page = await queue.runs.page(["cancelled"], 10)
        assert [summary.run for summary in page.runs] == [three, one]
        await queue.runs.clear_history()
        page = await queue.runs.page()
        assert [summary.run for summary in page.runs] == [runs]
        assert not (traces / done).exists()
        await queue.runs.cancel(runs)
        await queue.end(runs)


async def test_the_history_has_an_end(tmp_path: Path) -> None:
    async with running(tmp_path, limits={"kept_runs": 2}) as queue:
        names = [await queue.submit(act("add", a=n)) for n in range(4)]
        await queue.until(lambda: queue.states(names[-1])[-1:] == ["done"])
        page = await queue.runs.page()
        assert [summary.run for summary in page.runs] == [names[3], names[2]]


# ── workers that end ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("segfault", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("end_process", "with code 7"),
        ("leave", "with code 7"),
    ],
)
async def test_a_crash_fails_the_run_and_the_queue_goes_on(
    tmp_path: Path, name: str, words: str
) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act(name))
        after = await queue.submit(act("add", a=1))
        end = await queue.end(run)
        assert (end.state, end.attempts) == ("failed", 1)
        assert words in end.reason
        (error,) = queue.told(run, "nf.error")
        assert words in error["message"]
        assert error["node"] == ("act" if name != "leave" else "")
        assert (await queue.end(after)).state == "done"
        await check_whole(queue, run)


async def test_a_killed_worker_begins_the_run_again_once(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("kill"))
        after = await queue.submit(act("add", a=1))
        end = await queue.end(run)
        assert (end.state, end.attempts) == ("failed", 2)
        assert "want of memory while act ran; it had been begun again once" in end.reason
        assert queue.states(run) == ["queued", "running", "queued", "running", "failed"]
        (error,) = queue.told(run, "nf.error")
        assert (error["node"], error["code"]) == ("act", "cut")
        assert (await queue.end(after)).state == "done"
        await check_whole(queue, run)


async def test_a_worker_killed_from_outside(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("sleep_deaf", seconds=0.5))
        await queue.node_runs(run)
        pid = queue.runs.workers[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        end = await queue.end(run)
        assert (end.state, end.attempts) == ("done", 2)
        await check_whole(queue, run)


async def test_a_worker_killed_with_nothing_to_do(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        await queue.end(await queue.submit(act("add", a=1)))
        queue.runs.workers[0].kill()
        assert (await queue.end(await queue.submit(act("add", a=2)))).state == "done"


# ── beginning and end ───────────────────────────────────────────────────────────────────────────


async def test_a_stop_lets_a_run_finish_or_lays_it_back(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        short = await queue.submit(act("sleep_deaf", seconds=0.2))
        long = await queue.submit(act("sleep_deaf", value=5, seconds=1))
        await queue.node_runs(short)
        await queue.runs.stop(10)
        assert queue.states(short)[-1] == "done"
        assert queue.states(long) == ["queued"]
    for _ in range(3):  # more often than a cut run would be begun again
        async with running(tmp_path) as queue:
            await queue.node_runs(long)
            await queue.runs.stop(0)
            assert queue.states(long)[-1] == "queued"
    async with running(tmp_path) as queue:
        end = await queue.end(long)
        assert (end.state, end.attempts) == ("done", 4)
        events = (await queue.runs.detail(long, 0)).events
        assert [e["data"]["seq"] for e in events] == list(range(1, len(events) + 1))


async def test_a_pause_is_remembered(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        await queue.runs.set_paused(True)
        run = await queue.submit(act("add", a=1))
    async with running(tmp_path) as queue:
        state = queue.runs.state()
        assert (state.paused, [summary.run for summary in state.queued]) == (True, [run])
        await queue.runs.set_paused(False)
        assert (await queue.end(run)).state == "done"


async def test_two_servers_on_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodeflow.server.database.BUSY_SECONDS", 0.1)
    async with running(tmp_path) as queue:
        other = Runs(settings(tmp_path), pack_registry())
        with pytest.raises(StoreError, match="another server"):
            await other.start()
        await other.stop()
        assert (await queue.end(await queue.submit(act("add", a=1)))).state == "done"


async def test_a_full_disk_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as queue:
        record, calls = queue.runs._archive._store.record, itertools.count()

        def full(items: Any) -> None:
            if next(calls) == 1:
                raise sqlite3.OperationalError("database or disk is full")
            record(items)

        monkeypatch.setattr(queue.runs._archive._store, "record", full)
        with caplog.at_level(logging.ERROR):
            run = await queue.submit(act("add", a=1))
            assert (await queue.end(run)).state == "done"
        assert "disk is full" in caplog.text
        await check_whole(queue, run)


# ── tools, listeners, breakpoints ───────────────────────────────────────────────────────────────


async def test_tools_answer_beside_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "packages" / "toolbox-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toolbox\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[nodeflow.tools]\ndouble = toolbox:double\nbad = toolbox:bad\n"
    )
    (tmp_path / "packages" / "toolbox.py").write_text(
        "def double(arguments):\n    return {'value': 2 * arguments['value']}\n"
        "def bad(arguments):\n    raise RuntimeError('no good')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    async with running(tmp_path) as queue:
        run = await queue.submit(act("sleep", seconds=60, parts=1000))
        await queue.node_runs(run)
        assert await queue.runs.call("double", {"value": 21}) == {"value": 42}
        with pytest.raises(ToolError, match="no good"):
            await queue.runs.call("bad", {})
        with pytest.raises(ToolError, match="no package has a tool 'none'"):
            await queue.runs.call("none", {})
        assert (await queue.runs.call("system", {}))["device"] == "cpu"
        await queue.runs.free()
        await queue.runs.cancel(run)
        await queue.end(run)


async def test_a_tool_whose_worker_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as queue:
        await queue.end(await queue.submit(act("add", a=1)))
        queue.runs.workers[0].kill()
        with pytest.raises(ToolError):
            await queue.runs.workers[0].call("system", {})


async def test_one_who_listens_badly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path) as queue:

        def bad(message: Any) -> None:
            raise RuntimeError("cannot listen")

        stop = queue.runs.listen(bad)
        queue.runs._board._listeners.reverse()
        assert (await queue.end(await queue.submit(act("add", a=1)))).state == "done"
        assert "cannot listen" in caplog.text
        stop()
        stop()


async def test_breakpoints(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        stops = ["again[1]", "again/nap"]
        run = await queue.submit(loop(2), breakpoints=stops)
        seen = []
        for step in (False, True, False, False):
            await queue.until(lambda: len(queue.told(run, "nf.paused")) > len(seen))
            await queue.until(lambda: queue.told(run, "nf.run")[-1]["state"] == "paused")
            seen.append(queue.told(run, "nf.paused")[-1]["path"])
            with pytest.raises(GraphError, match="no other literals"):
                await queue.runs.go_on(run, RunContinue(params={"a.b": 1}))
            await queue.runs.go_on(run, RunContinue(step=step))
        assert (await queue.end(run)).state == "done"
        assert seen == ["again[0]/nap", "again[1]", "again[1]/more", "again[1]/nap"]
        with pytest.raises(WrongState):
            await queue.runs.go_on(run, RunContinue())
        await check_whole(queue, run)


async def test_cancel_at_a_breakpoint(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("add", a=1), breakpoints=["act"])
        await queue.until(lambda: queue.states(run)[-1:] == ["paused"])
        assert [summary.state for summary in queue.runs.state().running] == ["paused"]
        await queue.runs.cancel(run)
        assert (await queue.end(run)).state == "cancelled"
        assert queue.runs.restarts == 0


async def test_a_stop_does_not_wait_for_a_breakpoint(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        run = await queue.submit(act("add", a=1), breakpoints=["act"])
        await queue.until(lambda: queue.states(run)[-1:] == ["paused"])
        await asyncio.wait_for(queue.runs.stop(600), 60)
        assert queue.states(run)[-1] == "queued"


async def test_a_large_graph_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    """While 10,000 nodes are checked, the loop goes on turning."""
    nodes: dict[str, Any] = {"n0": {"type": "testpack:acts.number"}}
    for index in range(1, 10_000):
        links = {"a": f"n{index - 1}.value"}
        nodes[f"n{index}"] = {"type": "testpack:acts.add", "links": links}
    graph = {"nodeflow": 1, "outputs": {"out": "n9999.value"}, "nodes": nodes}
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.002)
            beats += 1

    async with running(tmp_path) as queue:
        heart = asyncio.create_task(beat())
        run = await queue.submit(graph)
        assert beats >= 10
        end = await queue.end(run)
        heart.cancel()
        assert (end.state, [output.value for output in end.outputs]) == ("done", [10_000])
        assert end.nodes["ran"] == 10_000
        await check_whole(queue, run)


async def test_many_runs_keep_their_order(tmp_path: Path) -> None:
    async with running(tmp_path) as queue:
        names = [await queue.submit(act("add", a=n)) for n in range(60)]
        await queue.end(names[-1])
        assert [s.number for s in (await queue.runs.page(None, 100)).runs] == list(range(60, 0, -1))
        ended = [
            m["data"]["run"]
            for m in queue.messages
            if m["type"] == "nf.run" and m["data"]["state"] == "done"
        ]
        assert ended == names
