"""Servers for tests: an application in the loop of the test, and a `nodeflow serve` of its own.

async def test_x(aiohttp_client, tmp_path):
    client = await aiohttp_client(application(tmp_path))

def test_y(tmp_path):
    with serving(tmp_path) as server:
        urlopen(server.url + "api/v1/info")
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web

ROOT = Path(__file__).parents[2]
PACKS = Path(__file__).parent / "packs"
"""Folders of node packs for tests."""
READY = "nodeflow is at "
PATIENCE = 60.0


def settings(base: Path, **given: Any) -> Any:
    """Settings of a server for tests: everything below `base`, no page, on the CPU."""
    from nodeflow.server.settings import Limits, Settings

    limits = given.pop("limits", {})
    made = Settings(base=base, port=0, headless=True, device="cpu")
    return replace(made, limits=replace(Limits(), **limits), **given)


def application(base: Path, registry: Any = None, **given: Any) -> web.Application:
    """The whole server as an application; its workers start and stop with it."""
    from nodeflow.server.app import make_app

    return make_app(settings(base, **given), registry)


@dataclass
class Server:
    """A running `nodeflow serve`."""

    process: subprocess.Popen[str]
    url: str
    """With / at the end."""
    token: str = ""
    """What it printed with its address."""
    lines: list[str] = field(default_factory=list)
    """What it wrote so far, both streams."""
    reader: threading.Thread | None = None

    def stop(self) -> int:
        """Ask it to stop, as `kill` does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """Its exit code, once it has ended and all that it wrote is read."""
        code = self.process.wait(PATIENCE)
        if self.reader is not None:
            self.reader.join(PATIENCE)
        return code

    @property
    def log(self) -> str:
        return "".join(self.lines)


def start_server(base: Path, *words: str, env: dict[str, str] | None = None) -> Server:
    """Start `nodeflow serve --dir base --port 0 …` and wait until it answers."""
    command = [sys.executable, "-m", "nodeflow.cli", "serve", "--dir", str(base), "--port", "0"]
    process = subprocess.Popen(
        [*command, *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
    )
    server = Server(process, "")
    found: queue.Queue[str] = queue.Queue()
    server.reader = threading.Thread(target=_read, args=(server, found), daemon=True)
    server.reader.start()
    try:
        server.url, _, server.token = found.get(timeout=PATIENCE).partition("?token=")
    except queue.Empty:
        server.url = ""
    if not server.url:
        server.kill()
        raise RuntimeError(f"nodeflow serve did not start:\n{server.log}")
    return server


@contextmanager
def serving(base: Path, *words: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    """A `nodeflow serve` for as long as the block lasts."""
    server = start_server(base, *words, env=env)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def _read(server: Server, found: queue.Queue[str]) -> None:
    """Keep what it writes, so that it never waits for a reader; tell the URL, or "" at its end."""
    assert server.process.stdout is not None
    with server.process.stdout as stream:
        for line in stream:
            server.lines.append(line)
            if line.startswith(READY):
                found.put(line.removeprefix(READY).split()[0])
    found.put("")


def chain(length: int, start: float = 1.0) -> dict[str, Any]:
    """A graph of `length` additions, one after the other; its output is `start + length`."""
    nodes: dict[str, Any] = {}
    for index in range(length):
        node: dict[str, Any] = {"type": "math.add", "params": {"b": 1.0}}
        if index:
            node["links"] = {"a": f"n{index - 1}.value"}
        else:
            node["params"]["a"] = start
        nodes[f"n{index}"] = node
    return {"nodeflow": 1, "nodes": nodes, "outputs": {"sum": f"n{length - 1}.value"}}


def events_of(messages: Sequence[dict[str, Any]], run: str) -> list[dict[str, Any]]:
    """Of messages on a socket, those that tell of a run."""
    return [m for m in messages if m.get("data", {}).get("run") == run]


def is_over(messages: Sequence[dict[str, Any]], run: str) -> bool:
    """Whether the run's end is among them."""
    ends = ("done", "failed", "cancelled")
    told = (m["data"] for m in messages if m.get("type") == "nf.run")
    return any(data["run"] == run and data["state"] in ends for data in told)
