"""A worker by itself: what it says over the pipe, what it thins, how its end is read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nodeflow.events import (
    LoopStep,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    RunStarted,
)
from nodeflow.server.frames import Frame
from nodeflow.server.pipe import LONGEST, Message, Pipe
from nodeflow.server.pool import death_of, devices
from nodeflow.server.protocol import RunRequest
from nodeflow.server.reporter import BURST, Reporter, Thinning
from running import PACK, act, loop, settings


class Worker:
    """A worker process, talked to without the server."""

    def __init__(self, base: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nodeflow.server.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.pipe = Pipe(self.process.stdout, self.process.stdin)
        folders = {name: str(base / name) for name in ("output", "temp", "traces")}
        self.send({**folders, "nodes": [str(PACK)], "read": [], "cache_bytes": None})
        assert self.read().head["kind"] == "ready"

    def send(self, head: Mapping[str, Any], payload: bytes = b"") -> None:
        self.pipe.send({"device": "cpu", "trace_bytes": 0, **head}, payload)
        self.process.stdin.flush()  # type: ignore[union-attr]

    def read(self) -> Message:
        message = self.pipe.read()
        assert message is not None
        return message

    def run(self, graph: dict[str, Any], **request: Any) -> list[Message]:
        """Run a graph; what the worker said until its end."""
        asked = RunRequest(graph=graph, **request).model_dump()
        self.send({"do": "run", "run": "r"}, json.dumps(asked).encode())
        said = [self.read()]
        while said[-1].head["kind"] != "end":
            said.append(self.read())
        return said

    def close(self) -> bytes:
        """Leave it alone; what it wrote to standard error."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stderr is not None
        errors = self.process.stderr.read()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return errors


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    yield made
    if made.process.poll() is None:
        made.close()


def told(said: list[Message], type: str = "") -> list[Any]:
    """The data of the events that were said, of one type or (type, data) of all."""
    events = [event for m in said if m.head["kind"] == "events" for event in m.head["events"]]
    return [data for name, data in events if name == type] if type else events


def test_a_run_from_request_to_end(worker: Worker) -> None:
    said = worker.run(act("add", a=1, b=2))
    end = said[-1].head
    assert (end["state"], end["counts"]) == ("done", {"total": 1, "ran": 1, "cached": 0})
    assert [type for type, _ in told(said)] == ["nf.run", "nf.node", "nf.node", "nf.output"]
    assert told(said, "nf.output")[0]["output"]["value"] == 3
    again = worker.run(act("add", a=1, b=2))
    assert [data["state"] for data in told(again, "nf.node")] == ["cached"]
    worker.send({"do": "free", "models": False, "cache": True})
    assert [d["state"] for d in told(worker.run(act("add", a=1, b=2)), "nf.node")][-1] == "done"


def test_what_a_node_prints_harms_nothing(worker: Worker) -> None:
    said = worker.run(act("say", text="a stray word"))
    assert said[-1].head["state"] == "done"
    assert b"a stray word" in worker.close()


def test_it_ends_with_the_server(worker: Worker) -> None:
    asked = RunRequest(graph=act("sleep_deaf", seconds=60)).model_dump()
    worker.send({"do": "run", "run": "r"}, json.dumps(asked).encode())
    while told([worker.read()], "nf.node") == []:
        pass
    worker.close()
    assert worker.process.returncode == 0


def test_what_ends_the_server_is_left_to_the_server(worker: Worker) -> None:
    for number in () if os.name == "nt" else (signal.SIGINT, signal.SIGTERM):
        worker.process.send_signal(number)
    assert worker.run(act("add", a=1))[-1].head["state"] == "done"


def test_a_node_that_leaves_fails_the_run_alone(worker: Worker) -> None:
    said = worker.run(act("leave"))
    assert said[-1].head["state"] == "failed"
    assert "code 7" in said[-1].head["reason"]
    assert worker.run(act("add", a=1))[-1].head["state"] == "done"


def test_an_error_is_told_with_node_port_and_traceback(worker: Worker) -> None:
    said = worker.run(act("fail", value=3))
    (error,) = told(said, "nf.error")
    assert (error["node"], error["port"], error["code"]) == ("act", "value", "node-failed")
    assert "got 3, expected anything else" in error["message"]
    assert "acts.py" in error["traceback"]
    assert "InputError" in error["traceback"]
    assert str(Path.home()) not in json.dumps(told(said))
    assert str(PACK.parents[2]) not in json.dumps(told(said))


def test_what_json_has_no_word_for(worker: Worker) -> None:
    said = worker.run(act("odd"))
    assert told(said, "nf.output")[0]["output"]["value"] == "nan"


def test_a_long_loop_is_thinned_but_its_end_is_told(worker: Worker) -> None:
    said = worker.run(loop(1000))
    steps = told(said, "nf.step")
    assert BURST <= len(steps) < 500
    assert (steps[0]["step"], steps[-1]["step"], steps[-1]["steps"]) == (0, 999, 1000)
    assert told(said, "nf.output")[0]["output"]["value"] == 1000
    nodes = [data for data in told(said, "nf.node") if data["node"] == "again/more"]
    began = [data["path"] for data in nodes if data["state"] == "running"]
    ended = [data["path"] for data in nodes if data["state"] == "done"]
    assert began == ended


def test_steps_carry_sigma(worker: Worker) -> None:
    said = worker.run(act("sleep", seconds=0.01, parts=4))
    steps = told(said, "nf.step")
    assert [(s["step"], s["steps"], s["sigma"]) for s in steps] == [
        *((1, 4, 1.0), (2, 4, 0.75), (3, 4, 0.5), (4, 4, 0.25))
    ]


def test_a_saved_file_is_told_by_its_place(worker: Worker, tmp_path: Path) -> None:
    said = worker.run(act("write", value=7, name="seven"))
    (file,) = told(said, "nf.output")[0]["output"]["files"]
    assert (file["kind"], file["path"], file["media_type"]) == ("output", "seven.txt", "text/plain")
    assert file["bytes"] == len((tmp_path / "output" / "seven.txt").read_bytes())


def test_tools(worker: Worker) -> None:
    worker.send({"do": "call", "id": 1, "tool": "nothing", "arguments": {}})
    answer = worker.read().head
    assert (answer["id"], answer["problem"]["code"]) == (1, "no-such-tool")


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def reporter() -> tuple[Reporter, list[list[tuple[str, dict[str, Any]]]]]:
    sent: list[list[tuple[str, dict[str, Any]]]] = []
    return Reporter("r", lambda head, data: sent.append(head.get("events", head))), sent


def test_a_node_is_told_before_it_runs() -> None:
    made, sent = reporter()
    made.event(RunStarted(2, 0))
    made.event(NodeStarted("a", "t", "first run"))
    assert [[data["state"] for _, data in events] for events in sent] == [["running"], ["running"]]
    made.event(NodeFinished("a", 0.5, 64))
    assert len(sent) == 2  # the end of one goes with the beginning of the next
    made.event(NodeStarted("b", "t", ""))
    assert [data["path"] for _, data in sent[2]] == ["a", "b"]
    assert (sent[2][0][1]["ms"], sent[2][0][1]["bytes"]) == (500.0, 64)


def test_the_last_progress_is_always_told() -> None:
    made, sent = reporter()
    for value in range(1, 500):
        made.event(NodeProgress("a", value, 1000, {}))
    made.event(NodeFinished("a", 1.0, 0))
    made.flush()
    steps = [data["step"] for events in sent for type, data in events if type == "nf.step"]
    assert steps[-1] == 499
    assert BURST <= len(steps) < 200


def test_a_pass_is_told_with_its_sigma() -> None:
    made, sent = reporter()
    made.sigma = lambda path, index: 14.6 if (path, index) == ("a", 2) else None
    made.event(LoopStep("a", 2, 5, 0))
    made.frame(Frame(100, {"tid": "x"}, b"raw"))
    assert sent[0][0][1]["sigma"] == 14.6
    assert sent[1] == {"kind": "frame", "run": "r", "frame": 100, "head": {"tid": "x"}}


def test_thinning_is_a_burst_and_a_rate() -> None:
    now = [0.0]
    thin = Thinning(lambda: now[0])
    assert sum(thin.allows("a") for _ in range(1000)) == BURST
    assert thin.allows("b")
    now[0] = 1.0
    assert sum(thin.allows("a") for _ in range(1000)) == 20
    for now[0] in range(2, 200):
        assert sum(thin.allows("a") for _ in range(30)) in (1, 20)
    assert sum(thin.allows("a") for _ in range(30)) == 0
    now[0] = 201.0
    assert sum(thin.allows("a") for _ in range(30)) == 2


@pytest.mark.parametrize(
    ("code", "words", "by_itself"),
    [
        (-9, "want of memory", False),
        (-15, "SIGTERM", False),
        (-11, "SIGSEGV", True),
        (-6, "SIGABRT", True),
        (7, "code 7", True),
        (0, "code 0", True),
        (0xC0000005, "0xC0000005", True),
    ],
)
def test_how_an_end_is_read(code: int, words: str, by_itself: bool) -> None:
    death = death_of(code)
    assert words in death.reason
    assert death.by_itself is by_itself


def test_one_worker_for_each_device(tmp_path: Path) -> None:
    assert devices(settings(tmp_path)) == ["cpu"]
    assert devices(settings(tmp_path, workers=2)) == ["cpu", "cpu"]
    assert devices(settings(tmp_path, device="cuda:0, cuda:1")) == ["cuda:0", "cuda:1"]
    assert devices(settings(tmp_path, device="cuda", workers=2)) == ["cuda:0", "cuda:1"]


def test_a_pipe_that_is_cut_is_an_end(tmp_path: Path) -> None:
    file = tmp_path / "pipe"
    whole = b"\0\0\0\x02\0\0\0\x03{}abc"
    for end in range(len(whole)):
        file.write_bytes(whole[:end])
        with file.open("rb") as source:
            assert Pipe(source, source).read() is None
    file.write_bytes((LONGEST + 1).to_bytes(4, "big") + b"\0\0\0\0")
    with file.open("rb") as source, pytest.raises(ValueError, match="message of"):
        Pipe(source, source).read()
