"""Kills of server and worker at random moments over a scripted queue, and what must hold after."""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from running import ENDS, act, loop

PATIENCE = 60.0
LINES = 10_000
"""Lines of the files that the runs write."""


class QueueServer:
    """The process that is killed."""

    def __init__(self, base: Path) -> None:
        script = Path(__file__).with_name("queue_server.py")
        self.log = (base / "server.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(base)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            text=True,
        )
        self.accepted: list[str] = []
        self.answers: queue.Queue[list[str]] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "accepted":
                self.accepted.append(words[1])
            else:
                self.answers.put(words)
        self.answers.put([])

    def send(self, **order: Any) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def ask(self, what: str) -> int:
        """What the server answers; -1 when it has ended."""
        self.send(**{what: True})
        while words := self.answers.get(timeout=PATIENCE):
            if words[0] == what:
                return int(words[1])
        self.answers.put([])
        return -1

    def end(self, *, kill: bool) -> list[str]:
        """End the process, by force or as a server that is asked to; what it had accepted."""
        if kill:
            self.process.kill()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        return self.accepted


@dataclass
class Rounds:
    """A scripted queue below `base`, drawn from a seed."""

    base: Path
    seed: int
    accepted: dict[str, str] = field(default_factory=dict)
    """What each accepted run does."""
    asked: dict[str, str] = field(default_factory=dict)
    did: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def go(self, rounds: int, longest: float = 0.4) -> None:
        """As many rounds as asked for: each submits some runs, and something is killed after a
        moment of at most `longest` seconds."""
        server = QueueServer(self.base)
        for _ in range(rounds):
            self._submit(server)
            how = self.draw.choices(["server", "worker", "stop"], [5, 4, 1])[0]
            # Half of the time something runs by then; else it is hit while it begins.
            pid = server.ask("worker") if self.draw.random() < 0.5 or how == "worker" else 0
            time.sleep(self.draw.uniform(0.0, longest))
            self.did[how] += 1
            if how == "worker":
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                continue
            self._keep(server.end(kill=how == "server"))
            server = QueueServer(self.base)
        while server.ask("left") > 0:
            time.sleep(0.1)
        self._keep(server.end(kill=False))

    def _keep(self, accepted: list[str]) -> None:
        self.accepted.update((run, self.asked[run]) for run in accepted)

    def _submit(self, server: QueueServer) -> None:
        for _ in range(self.draw.randint(1, 3)):
            run = f"run-{len(self.asked)}"
            kind, graph = self._graph(len(self.asked))
            self.asked[run] = kind
            server.send(submit=graph, run=run)
        if self.draw.random() < 0.2:
            server.send(cancel=self.draw.choice(list(self.asked)))

    def _graph(self, number: int) -> tuple[str, dict[str, Any]]:
        kinds = ["add", "write_into", "write", "sleep_deaf", "loop", "fail", "segfault", "kill"]
        kind = self.draw.choices(kinds, [6, 8, 0.5, 4, 2, 1, 0.3, 0.3])[0]
        if kind == "loop":
            return kind, loop(20, 0.005)
        params: dict[str, Any] = {"value": number} if kind != "add" else {"a": number}
        if kind == "write":
            params |= {"name": f"file-{number}", "size": LINES}
        if kind == "write_into":
            params |= {"folder": str(self.base / "output"), "size": LINES}
        if kind == "sleep_deaf":
            params["seconds"] = round(self.draw.uniform(0.0, 0.3), 3)
        return kind, act(kind, **params)

    def check(self) -> dict[str, int]:
        """That every accepted run has ended once, with whole events and files; how they ended."""
        database = sqlite3.connect(self.base / ".nodeflow" / "runs.sqlite3")
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = {
            row[1]: row
            for row in database.execute("SELECT number, run, state, last_seq, cuts FROM runs")
        }
        assert set(self.accepted) <= set(rows), "an accepted run is lost"
        assert set(rows) <= set(self.asked)
        for number, run, state, last, cuts in rows.values():
            assert state in ENDS, f"{run} is {state}"
            assert cuts <= 2, f"{run} was cut {cuts} times"
            found = database.execute(
                "SELECT seq, ends, data FROM events WHERE number = ? ORDER BY seq", (number,)
            ).fetchall()
            assert [seq for seq, _, _ in found] == list(range(1, last + 1)), f"gaps in {run}"
            ends = [json.loads(data)["data"] for _, ends, data in found if ends]
            assert [end["state"] for end in ends] == [state], f"ends of {run}: {ends}"
            assert found[-1][1] == 1, f"{run} goes on after its end"
            if state == "done" and self.asked[run].startswith("write"):
                assert (self.base / "output" / f"file-{run[4:]}.txt").is_file()
        self._check_reasons(database)
        database.close()
        self._check_files()
        return dict(Counter(row[2] for row in rows.values()))

    def _check_reasons(self, database: sqlite3.Connection) -> None:
        """What fails did so by itself, or was cut twice."""
        for run, reason, cuts in database.execute(
            "SELECT run, reason, cuts FROM runs WHERE state = 'failed'"
        ):
            own = {"fail": "act: value", "segfault": "crashed (SIGSEGV)"}.get(self.asked[run])
            expected = (own is not None and own in reason) or cuts == 1
            assert expected or "begun again once" in reason, f"{run}: {reason}"

    def _check_files(self) -> None:
        for path in (self.base / "output").glob("file-*.txt"):
            line = f"{path.stem[5:]}\n"
            assert path.read_text() == line * LINES, f"{path.name} is not whole"
