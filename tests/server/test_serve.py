"""`nodeflow serve` as a process: what it prints, what it refuses, how it stops."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from aiohttp import ClientSession
from PIL import Image
from typer.testing import CliRunner

from nodeflow.cli import app
from serving import PACKS, ROOT, chain, serving


def refused(tmp_path: Path, *words: str) -> str:
    """What a `nodeflow serve` says that does not begin; it ends before it listens."""
    done = CliRunner().invoke(app, ["serve", "--dir", str(tmp_path), *words])
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    return done.stderr


def ask(url: str, **headers: str) -> Any:
    request = Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    with urlopen(request, timeout=20) as answer:
        return json.load(answer)


def submit(url: str, graph: Any) -> str:
    body = json.dumps({"graph": graph}).encode()
    request = Request(f"{url}api/v1/runs", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["run"])


def pack_graph(node: str, **params: Any) -> dict[str, Any]:
    return {
        "nodeflow": 1,
        "nodes": {"n": {"type": node, "params": params}},
        "outputs": {"x": "n.value"},
    }


def test_it_says_where_it_is_and_stops_when_asked(tmp_path: Path) -> None:
    with serving(tmp_path, "--headless") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.lines[0] == f"nodeflow is at {server.url}\n"
        assert ask(f"{server.url}api/v1/info")["features"]
        assert server.stop() == 0
        assert "Traceback" not in server.log
    assert (tmp_path / "output").is_dir()


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port} is taken" in refused(tmp_path, "--port", port)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "256.1.1.1"), "cannot listen"),
        (("--host", "192.0.2.1"), "cannot listen"),
        (("--device", "abacus"), "no kind of device"),
        (("--token", "short"), "at least 8 characters"),
        (("--origin", "evil"), "is no origin"),
        (("--port", "70000"), "65535"),
        (("--log-level", "loud"), "loud"),
    ],
)
def test_what_it_refuses(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    assert told in refused(tmp_path, "--port", "0", *words)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "no-folder" in refused(tmp_path / "file", "--port", "0")


def test_a_folder_that_another_server_has(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nodeflow.cli", "serve", "--dir", str(tmp_path)]
    with serving(tmp_path, "--headless"):
        done = subprocess.run(
            [*command, "--port", "0"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "no-queue" in done.stderr


def test_where_others_can_call_it_has_a_token(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--headless") as server:
        assert len(server.token) >= 24
        assert server.log.count(server.token) == 1
        with pytest.raises(HTTPError) as error:
            ask(f"{server.url}api/v1/info")
        assert error.value.code == 401
        error.value.close()
        assert ask(f"{server.url}api/v1/info", Authorization=f"Bearer {server.token}")


def test_a_token_of_ones_own(tmp_path: Path) -> None:
    env = {"NODEFLOW_TOKEN": "from-the-environment"}
    with serving(tmp_path, "--headless", env=env) as server:
        assert server.token == "from-the-environment"
        assert ask(f"{server.url}api/v1/info", Authorization="Bearer from-the-environment")


def test_json_lines(tmp_path: Path) -> None:
    with serving(tmp_path, "--headless", "--log-json", "--log-level", "debug") as server:
        ask(f"{server.url}api/v1/info")
        server.stop()
    lines = [json.loads(line) for line in server.lines[1:]]
    assert all({"at", "level", "message"} <= set(line) for line in lines)
    (asked,) = [line for line in lines if line.get("path") == "/api/v1/info"]
    assert (asked["method"], asked["status"], asked["level"]) == ("GET", 200, "debug")
    assert [line["message"] for line in lines if "grace" in line] == ["stopping"]


def test_a_run_that_is_under_way_finishes_or_waits_again(tmp_path: Path) -> None:
    """The grace lets the short one finish; the long one is queued again, and runs at the next
    start."""
    words = ("--headless", "--nodes", str(PACKS / "testpack"))
    with serving(tmp_path, *words, "--grace", "20") as server:
        short = submit(server.url, pack_graph("testpack:acts.sleep", seconds=1.0))
        wait_for_state(server.url, short, "running")
        assert server.stop() == 0
    with serving(tmp_path, *words, "--grace", "0.2") as server:
        assert state(server.url, short) == "done"
        long = submit(server.url, pack_graph("testpack:acts.sleep", seconds=2.5, value=7))
        wait_for_state(server.url, long, "running")
        assert server.stop() == 0
    with serving(tmp_path, *words) as server:
        wait_for_state(server.url, long, "done")
        assert ask(f"{server.url}api/v1/runs/{long}")["summary"]["outputs"][0]["value"] == 7


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    words = ("--headless", "--nodes", str(PACKS / "testpack"), "--grace", "60")
    with serving(tmp_path, *words) as server:
        run = submit(server.url, pack_graph("testpack:acts.sleep", seconds=30.0))
        wait_for_state(server.url, run, "running")
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(1.0)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(5.0) == 130


def test_sockets_are_told_to_go(tmp_path: Path) -> None:
    async def listen(url: str, stop: Any) -> int | None:
        async with ClientSession() as session, session.ws_connect(f"{url}api/v1/ws") as stream:
            await stream.receive_json()
            await stream.receive_json()
            stop()
            while not stream.closed:
                await stream.receive(timeout=20)
            return stream.close_code

    with serving(tmp_path, "--headless") as server:
        assert asyncio.run(listen(server.url, server.process.terminate)) == 1001
        assert server.wait() == 0


def test_the_page_is_served_unless_headless(tmp_path: Path) -> None:
    with serving(tmp_path) as server, urlopen(server.url, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "nodeflow" in answer.read().decode()


def state(url: str, run: str) -> str:
    return str(ask(f"{url}api/v1/runs/{run}")["summary"]["state"])


def wait_for_state(url: str, run: str, wanted: str) -> None:
    """Wait until a run is there; asks, as there are no sockets without a loop."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        now = state(url, run)
        if now == wanted:
            return
        assert now not in ("failed", "cancelled"), ask(f"{url}api/v1/runs/{run}")["summary"]
        time.sleep(0.1)
    raise AssertionError(f"run {run} is {now}, not {wanted}")


def test_a_trivial_graph(tmp_path: Path) -> None:
    with serving(tmp_path, "--headless") as server:
        wait_for_state(server.url, submit(server.url, chain(2)), "done")


def test_paths_begin_in_the_folder_that_is_served(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = head + picture.getvalue() + b"\r\n--x--\r\n"
    with serving(tmp_path / "base", "--headless") as server:
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        with urlopen(Request(f"{server.url}api/v1/files", body, kind), timeout=30) as answer:
            told = json.load(answer)
    assert told["param"].startswith("input/")
    assert (tmp_path / "base" / told["param"]).is_file()
