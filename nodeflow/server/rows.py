"""What goes into the store and comes out of it. Imports `server.protocol`, `server.frames`."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeflow.server.frames import Frame
from nodeflow.server.protocol import RunOutput, RunState, RunSummary


@dataclass(frozen=True)
class NewRun:
    """A run to be accepted. `request` and `extra` are JSON."""

    run: str
    title: str
    client: str
    trace: str
    priority: int
    front: bool
    request: str
    extra: str = "{}"


@dataclass(frozen=True)
class Work:
    """A run that has begun."""

    run: str
    number: int
    request: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a run that a worker tells: `type` and data without number."""

    number: int
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame of a run, told in its place between the events and not kept."""

    number: int
    frame: Frame


@dataclass(frozen=True, slots=True)
class Ended:
    """A run's end. `counts` are total, ran and cached."""

    number: int
    state: str
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """Something that is so by now: the message, and how a run stands where that changed. A run
    without `summary` whose `gone` is its name is there no more."""

    message: dict[str, Any] | Frame | None
    summary: RunSummary | None = None
    place: float = 0.0
    gone: str = ""


def error_data(code: str, message: str, path: str = "", hint: str = "") -> dict[str, Any]:
    """The data of an `nf.error` of ours, without run and number."""
    node = re.sub(r"\[\d+\]", "", path)
    told = {"node": node, "path": path, "port": "", "code": code, "message": message}
    return {**told, "hint": hint, "traceback": ""}


def summary_of(row: sqlite3.Row, outputs: list[RunOutput]) -> RunSummary:
    state: RunState = row["state"]
    return RunSummary(
        run=row["run"],
        number=row["number"],
        title=row["title"],
        state=state,
        reason=row["reason"],
        priority=row["priority"],
        attempts=row["attempts"],
        accepted_at=row["accepted_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        client=row["client"],
        trace=row["trace"],
        last_seq=row["last_seq"],
        nodes={name: row[name] for name in ("total", "ran", "cached")},
        peak_bytes=row["peak_bytes"],
        outputs=outputs,
    )


def json_of(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def text_of(text: str) -> str:
    """A text that UTF-8 can hold: JSON knows halves of letters."""
    return text.encode("utf-8", "replace").decode()
