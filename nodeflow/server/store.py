"""The durable queue: runs, their events and outputs, in SQLite. Used from one thread.

Each method is one transaction. What it has to tell (`taken`) is to be told only once the method has
returned, when it is committed. A run's events are numbered here; that a run ends once, that no
number is left out and that nothing follows the end is seen to by triggers in the tables. Imports
`errors`, `server.protocol`, `server.database`, `server.rows`, `server.placing`.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nodeflow.errors import NodeflowError
from nodeflow.server.database import open_database
from nodeflow.server.placing import count_before, end_place, place_before
from nodeflow.server.protocol import RunOutput, RunPage, RunSummary
from nodeflow.server.rows import (
    Ended,
    Happened,
    NewRun,
    Shown,
    Told,
    Work,
    error_data,
    json_of,
    summary_of,
    text_of,
)

ENDS = ("done", "failed", "cancelled")
CUTS = 2
"""A run that was cut this often is not begun again."""
EVENTS_AT_ONCE = 10_000
"""Of one run; who has that many asks again after the last of them."""


FILES_AT_ONCE = 500
"""SQLite takes only so many values in one question."""


class NoSuchRun(NodeflowError):
    """There is no run of this name (any more)."""


class QueueFull(NodeflowError):
    """As many runs wait as the operator allows."""


class WrongState(NodeflowError):
    """What was asked for does not go with what the run does now."""


class Store:
    """The queue of one server."""

    def __init__(
        self, path: Path, kept: int = 1_000, clock: Callable[[], float] = time.time
    ) -> None:
        self.kept = kept
        self.clock = clock
        self.db = open_database(path)
        self.taken: list[Told] = []
        """What the last transactions have to tell; who calls takes it."""
        self.retired: list[str] = []
        """Runs that were deleted, whose files may go as well."""
        self._telling: list[Told] = []

    def close(self) -> None:
        self.db.close()

    def take(self) -> list[Told]:
        """What is to be told, in order."""
        taken, self.taken = self.taken, []
        return taken

    # ── into the queue ─────────────────────────────────────────────────────────────────────────

    def add(self, new: NewRun, limit: int) -> int:
        """Accept a run; how many stand before it.

        Raises:
            QueueFull: there are `limit` already.
            WrongState: there is a run of this name.
        """
        with self._change():
            (waiting,) = self._one("SELECT count(*) FROM runs WHERE state = 'queued'")
            if waiting >= limit:
                raise QueueFull(f"{waiting} runs wait already, which is as many as may")
            if self._find(new.run) is not None:
                raise WrongState(f"there is a run {new.run!r} already")
            place = end_place(self.db, new.priority, front=new.front)
            cursor = self.db.execute(
                "INSERT INTO runs (run, title, client, trace, priority, place, accepted_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    new.run,
                    text_of(new.title),
                    text_of(new.client),
                    new.trace,
                    new.priority,
                    place,
                    self.clock(),
                ),
            )
            number = cursor.lastrowid
            assert number is not None
            self.db.execute(
                "INSERT INTO requests VALUES (?, ?, ?)", (number, new.request, new.extra)
            )
            self._tell_state(number, "queued")
            return count_before(self.db, number)

    def begin(self) -> Work | None:
        """Begin the first run of the queue, if there is one."""
        with self._change():
            row = self._one(
                "SELECT number, run FROM runs WHERE state = 'queued'"
                " ORDER BY priority DESC, place, number LIMIT 1"
            )
            if row is None:
                return None
            number = row["number"]
            self.db.execute(
                "UPDATE runs SET state = 'running', attempts = attempts + 1, reason = '',"
                " started_at = ?, total = 0, ran = 0, cached = 0, peak_bytes = 0"
                " WHERE number = ?",
                (self.clock(), number),
            )
            self._tell_state(number, "running")
            (request,) = self._one("SELECT request FROM requests WHERE number = ?", number)
            return Work(row["run"], number, request)

    def change(self, run: str, before: str | None, priority: int | None) -> None:
        """Move a queued run before another ("" is the end of its priority), or give it another
        priority. Before a run of another priority it takes that one.

        Raises:
            NoSuchRun: either is not there.
            WrongState: either does not wait.
        """
        with self._change():
            row = self._queued(run)
            other = self._queued(before) if before else None
            if other is not None and other["number"] == row["number"]:
                return
            if priority is None:
                priority = row["priority"] if other is None else other["priority"]
            if other is not None and other["priority"] == priority:
                place, moved = place_before(self.db, row["number"], other["number"])
                for number in moved:
                    self._tell_row(number)
            elif before is None and priority == row["priority"]:
                place = row["place"]
            else:
                place = end_place(self.db, priority, front=other is not None)
            self.db.execute(
                "UPDATE runs SET priority = ?, place = ? WHERE number = ?",
                (priority, place, row["number"]),
            )
            self._tell_row(row["number"])

    # ── what runs ──────────────────────────────────────────────────────────────────────────────

    def record(self, items: Sequence[Happened | Shown | Ended]) -> None:
        """Keep what workers tell, in order. What comes of a run that has ended is let go."""
        with self._change():
            for item in items:
                row = self._one(
                    "SELECT run, state, last_seq FROM runs WHERE number = ?", item.number
                )
                if row is None or row["state"] not in ("running", "paused"):
                    continue
                if isinstance(item, Shown):
                    self._telling.append(Told(item.frame))
                elif isinstance(item, Ended):
                    self._end(item)
                else:
                    self._happened(item)

    def cut(self, number: int, reason: str, *, counts: bool = True, path: str = "") -> None:
        """A run was cut, in the node at `path`: it is queued again at the front, once; the second
        time it has failed. A server that stops as it was asked to does not count."""
        with self._change():
            self._cut(number, reason, counts, path)

    def recover(self, reason: str, *, counts: bool = True) -> list[str]:
        """See to all runs that are running and whose worker is no more; their names."""
        with self._change():
            rows = self.db.execute(
                "SELECT number, run FROM runs WHERE state IN ('running', 'paused')"
                " ORDER BY number DESC"
            ).fetchall()
            for row in rows:
                self._cut(row["number"], reason, counts, "")
            self._retire()
            return [row["run"] for row in rows]

    # ── out of the queue ───────────────────────────────────────────────────────────────────────

    def cancel_queued(self, run: str, reason: str) -> bool:
        """Cancel a run that waits; whether it did.

        Raises:
            NoSuchRun: it is not there.
        """
        with self._change():
            row = self._named(run)
            if row["state"] == "queued":
                self._end(Ended(row["number"], "cancelled", reason))
            return bool(row["state"] == "queued")

    def clear_queue(self, reason: str) -> None:
        """Cancel every run that waits."""
        with self._change():
            rows = self.db.execute("SELECT number FROM runs WHERE state = 'queued'").fetchall()
            for row in rows:
                self._end(Ended(row["number"], "cancelled", reason))

    def delete(self, run: str) -> None:
        """Forget a run that has ended; one that waits is cancelled first.

        Raises:
            NoSuchRun: it is not there.
            WrongState: it runs.
        """
        with self._change():
            row = self._named(run)
            if row["state"] in ("running", "paused"):
                raise WrongState("the run is running: cancel it first")
            if row["state"] == "queued":
                self._end(Ended(row["number"], "cancelled", "deleted"))
            self._forget([row["run"]])

    def clear_history(self) -> None:
        """Forget every run that has ended."""
        with self._change():
            rows = self.db.execute(
                "SELECT run FROM runs WHERE state IN ('done', 'failed', 'cancelled')"
            ).fetchall()
            self._forget([row["run"] for row in rows])

    # ── what is asked ──────────────────────────────────────────────────────────────────────────

    def live(self) -> list[Told]:
        """Every run that waits or runs."""
        rows = self.db.execute(
            "SELECT * FROM runs WHERE state IN ('queued', 'running', 'paused')"
        ).fetchall()
        found = self._summaries(rows)
        return [Told(None, s, row["place"]) for s, row in zip(found, rows, strict=True)]

    def summary(self, run: str) -> RunSummary:
        """Raises NoSuchRun."""
        return self._summaries([self._named(run)])[0]

    def page(self, states: Sequence[str], limit: int, before: int | None) -> RunPage:
        """The newest runs in these states (none: in any), older than number `before`."""
        marks = ", ".join("?" * len(states))
        where = f"state IN ({marks})" if states else "1"
        (total,) = self._one(f"SELECT count(*) FROM runs WHERE {where}", *states)
        rows = self.db.execute(
            f"SELECT * FROM runs WHERE {where} AND number < ? ORDER BY number DESC LIMIT ?",
            (*states, before if before is not None else 1 << 62, limit + 1),
        ).fetchall()
        more, rows = len(rows) > limit, rows[:limit]
        last = rows[-1]["number"] if more else None
        return RunPage(runs=self._summaries(rows), before=last, total=total)

    def request(self, run: str) -> dict[str, Any]:
        """What was asked for when the run was accepted. Raises NoSuchRun."""
        (text,) = self._one(
            "SELECT request FROM requests WHERE number = ?", self._named(run)["number"]
        )
        found: dict[str, Any] = json.loads(text)
        return found

    def extra(self, run: str) -> dict[str, Any]:
        """What else was kept with the run. Raises NoSuchRun."""
        (text,) = self._one(
            "SELECT extra FROM requests WHERE number = ?", self._named(run)["number"]
        )
        found: dict[str, Any] = json.loads(text)
        return found

    def events(self, run: str, after: int) -> list[dict[str, Any]]:
        """The run's events after number `after`, at most EVENTS_AT_ONCE. Raises NoSuchRun."""
        rows = self.db.execute(
            "SELECT data FROM events WHERE number = ? AND seq > ? ORDER BY seq LIMIT ?",
            (self._named(run)["number"], after, EVENTS_AT_ONCE),
        )
        return [json.loads(row["data"]) for row in rows]

    def makers(self, kind: str, paths: Sequence[str]) -> dict[str, str]:
        """The run that made each of these files last, of those that are known."""
        found: dict[str, str] = {}
        for start in range(0, len(paths), FILES_AT_ONCE):
            some = [text_of(path) for path in paths[start : start + FILES_AT_ONCE]]
            marks = ", ".join("?" * len(some))
            rows = self.db.execute(
                "SELECT path, run FROM files JOIN runs USING (number)"
                f" WHERE kind = ? AND path IN ({marks})",
                (kind, *some),
            )
            found.update((row["path"], row["run"]) for row in rows)
        return found

    def note(self, name: str) -> str:
        """A word kept under a name, or ""."""
        row = self._one("SELECT value FROM notes WHERE name = ?", name)
        return row["value"] if row is not None else ""

    def set_note(self, name: str, value: str) -> None:
        with self._change():
            self.db.execute("REPLACE INTO notes VALUES (?, ?)", (name, value))

    # ── inside ─────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._telling = []
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        self.taken += self._telling

    def _one(self, query: str, *values: Any) -> Any:
        return self.db.execute(query, values).fetchone()

    def _find(self, run: str) -> Any:
        return self._one("SELECT * FROM runs WHERE run = ?", text_of(run))

    def _named(self, run: str) -> sqlite3.Row:
        row: sqlite3.Row | None = self._find(run)
        if row is None:
            raise NoSuchRun(f"there is no run {run!r}")
        return row

    def _queued(self, run: str) -> sqlite3.Row:
        row = self._named(run)
        if row["state"] != "queued":
            raise WrongState(f"run {run!r} does not wait: it is {row['state']}")
        return row

    def _happened(self, item: Happened) -> None:
        data = item.data
        if item.type == "nf.output":
            output = RunOutput.model_validate(data["output"])
            self.db.execute(
                "REPLACE INTO outputs VALUES (?, ?, ?)",
                (item.number, text_of(output.name), json_of(output.model_dump())),
            )
            self.db.executemany(
                "REPLACE INTO files VALUES (?, ?, ?)",
                [(file.kind, text_of(file.path), item.number) for file in output.files],
            )
        if item.type == "nf.run":
            self._tell_state(item.number, data["state"], **_known(data))
            self.db.execute(
                "UPDATE runs SET state = ?, total = coalesce(?, total),"
                " cached = coalesce(?, cached) WHERE number = ?",
                (data["state"], data.get("total"), data.get("cached"), item.number),
            )
            self._tell_row(item.number)
        else:
            self._tell(item.number, item.type, data)

    def _end(self, item: Ended) -> None:
        counts = {name: int(item.counts.get(name, 0)) for name in ("total", "ran", "cached")}
        now, reason = self.clock(), text_of(item.reason)
        told = {"peak_bytes": item.peak_bytes, "reason": reason, "at": now}
        if item.counts:
            told.update(total=counts["total"], cached=counts["cached"])
        self._tell_state(item.number, item.state, **told)
        self.db.execute(
            "UPDATE runs SET state = ?, reason = ?, finished_at = ?, total = ?, ran = ?,"
            " cached = ?, peak_bytes = ? WHERE number = ?",
            (item.state, reason, now, *counts.values(), item.peak_bytes, item.number),
        )
        self._tell_row(item.number)
        self._retire()

    def _cut(self, number: int, reason: str, counts: bool, path: str) -> None:
        state, cuts, priority = self._one(
            "SELECT state, cuts, priority FROM runs WHERE number = ?", number
        )
        if state not in ("running", "paused"):
            return
        cuts += counts
        if cuts >= CUTS:
            reason = f"{reason}; it had been begun again once already"
            self._tell(number, "nf.error", error_data("cut", reason, path))
            self._end(Ended(number, "failed", reason))
            return
        place = end_place(self.db, priority, front=True)
        self.db.execute(
            "UPDATE runs SET state = 'queued', cuts = ?, place = ?, reason = ?, started_at = NULL"
            " WHERE number = ?",
            (cuts, place, text_of(reason), number),
        )
        self._tell_state(number, "queued", reason=text_of(f"queued again: {reason}"))

    def _retire(self) -> None:
        """Forget the oldest of the ended runs that are too many."""
        rows = self.db.execute(
            "SELECT run FROM runs WHERE state IN ('done', 'failed', 'cancelled')"
            " ORDER BY finished_at DESC, number DESC LIMIT -1 OFFSET ?",
            (self.kept,),
        ).fetchall()
        self._forget([row["run"] for row in rows])

    def _forget(self, runs: Sequence[str]) -> None:
        self.db.executemany("DELETE FROM runs WHERE run = ?", [(run,) for run in runs])
        self._telling += [Told(None, gone=run) for run in runs]
        self.retired += runs

    def _tell_state(self, number: int, state: str, **more: Any) -> None:
        data = {"state": state, "reason": "", "at": self.clock()}
        data |= {"total": None, "cached": None, "peak_bytes": None, **more}
        self._tell(number, "nf.run", data, ends=state in ENDS)
        if state not in ENDS:
            self._tell_row(number)

    def _tell_row(self, number: int) -> None:
        row = self._one("SELECT * FROM runs WHERE number = ?", number)
        (summary,) = self._summaries([row])
        self._telling.append(Told(None, summary, row["place"]))

    def _tell(self, number: int, type: str, data: Mapping[str, Any], ends: bool = False) -> None:
        run, last = self._one("SELECT run, last_seq FROM runs WHERE number = ?", number)
        message = {"type": type, "data": {**data, "run": run, "seq": last + 1}}
        self.db.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?)",
            (number, last + 1, int(ends), json_of(message)),
        )
        self._telling.append(Told(message))

    def _summaries(self, rows: Sequence[sqlite3.Row]) -> list[RunSummary]:
        outputs: dict[int, list[RunOutput]] = {row["number"]: [] for row in rows}
        marks = ", ".join("?" * len(outputs))
        for number, data in self.db.execute(
            f"SELECT number, data FROM outputs WHERE number IN ({marks}) ORDER BY rowid",
            tuple(outputs),
        ):
            outputs[number].append(RunOutput.model_validate_json(data))
        return [summary_of(row, outputs[row["number"]]) for row in rows]


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in ("reason", "total", "cached") if name in data}
