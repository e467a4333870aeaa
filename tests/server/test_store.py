"""The durable queue: order, numbers without gaps, one end for each run, what survives."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeflow.server.database import APPLICATION, MIGRATIONS, StoreError, open_database
from nodeflow.server.frames import Frame
from nodeflow.server.rows import Ended, Happened, NewRun, Shown
from nodeflow.server.store import NoSuchRun, QueueFull, Store, WrongState

REQUEST = '{"graph": {"nodeflow": 1}, "inputs": {}}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "own" / "runs.sqlite3", kept=3)
    yield made
    made.close()


def add(store: Store, run: str, priority: int = 0, front: bool = False, limit: int = 100) -> int:
    new = NewRun(run, f"title of {run}", "me", "off", priority, front, REQUEST, '{"own": 1}')
    return store.add(new, limit)


def queued(store: Store) -> list[str]:
    """The names of those that wait, in the order of running."""
    found = [(told.summary, told.place) for told in store.live() if told.summary is not None]
    waiting = [(s, place) for s, place in found if s.state == "queued"]
    waiting.sort(key=lambda pair: (-pair[0].priority, pair[1], pair[0].number))
    return [summary.run for summary, _ in waiting]


def run_all(store: Store) -> list[str]:
    """Run the whole queue; the names in the order in which they began."""
    order = []
    while (work := store.begin()) is not None:
        order.append(work.run)
        store.record([Ended(work.number, "done")])
    return order


def check_events(store: Store, run: str) -> list[dict[str, Any]]:
    """The events of a run, numbered from 1 without a gap, with one end at the end."""
    events = store.events(run, 0)
    assert [event["data"]["seq"] for event in events] == list(range(1, len(events) + 1))
    ends = [
        event
        for event in events
        if event["type"] == "nf.run" and event["data"]["state"] in ("done", "failed", "cancelled")
    ]
    assert ends == events[-1:]
    return events


# ── order ───────────────────────────────────────────────────────────────────────────────────────


def test_first_come_first_served(store: Store) -> None:
    assert [add(store, name) for name in "abc"] == [0, 1, 2]
    assert run_all(store) == ["a", "b", "c"]


def test_priority_then_front_then_place(store: Store) -> None:
    add(store, "a")
    assert add(store, "urgent", priority=5) == 0
    assert add(store, "front", front=True) == 1
    assert add(store, "low", priority=-1) == 3
    assert run_all(store) == ["urgent", "front", "a", "low"]


def test_change_moves_a_run(store: Store) -> None:
    for name in "abcd":
        add(store, name)
    store.change("d", "b", None)
    assert queued(store) == ["a", "d", "b", "c"]
    store.change("a", "", None)
    assert queued(store) == ["d", "b", "c", "a"]
    store.change("c", None, 3)
    assert queued(store) == ["c", "d", "b", "a"]
    store.change("a", "c", None)  # takes the priority of what it stands before
    assert queued(store) == ["a", "c", "d", "b"]
    store.change("b", "b", None)
    assert queued(store) == ["a", "c", "d", "b"]


def test_any_number_of_moves_keeps_the_order(store: Store) -> None:
    """Places between places run out of digits; they are numbered anew then."""
    names = [f"r{number}" for number in range(6)]
    for name in names:
        add(store, name)
    draw = random.Random(1)
    expected = list(names)
    for turn in range(300):
        moved, before = draw.sample(names, 2) if turn % 3 else (expected[-1], expected[1])
        if moved == before:
            continue
        expected.remove(moved)
        expected.insert(expected.index(before), moved)
        store.change(moved, before, None)
        assert queued(store) == expected
    assert run_all(store) == expected


def test_only_what_waits_is_moved(store: Store) -> None:
    add(store, "a")
    add(store, "b")
    store.begin()
    with pytest.raises(WrongState, match="it is running"):
        store.change("a", "b", None)
    with pytest.raises(NoSuchRun):
        store.change("b", "none", None)


def test_the_queue_has_an_end(store: Store) -> None:
    add(store, "a", limit=1)
    with pytest.raises(QueueFull, match="1 runs wait"):
        add(store, "b", limit=1)
    assert queued(store) == ["a"]


def test_a_name_is_given_once(store: Store) -> None:
    add(store, "a")
    with pytest.raises(WrongState, match="already"):
        add(store, "a")


# ── events and ends ─────────────────────────────────────────────────────────────────────────────


def test_events_are_numbered_and_told_after_they_are_kept(store: Store) -> None:
    add(store, "a")
    work = store.begin()
    assert work is not None
    store.take()
    frame = Frame(100, {"run": "a"}, b"raw")
    output = {"name": "out", "node": "n", "files": [], "value": 3}
    store.record(
        [
            Happened(work.number, "nf.node", {"node": "n", "state": "running"}),
            Shown(work.number, frame),
            Happened(work.number, "nf.output", {"output": output}),
            Ended(work.number, "done", "", {"total": 2, "ran": 1, "cached": 1}, 99),
        ]
    )
    told = [item.message for item in store.take() if item.message is not None]
    assert told[1] is frame
    events = check_events(store, "a")
    assert [message for message in told if isinstance(message, dict)] == events[2:]
    summary = store.summary("a")
    assert (summary.state, summary.attempts, summary.last_seq) == ("done", 1, 5)
    assert summary.nodes == {"total": 2, "ran": 1, "cached": 1}
    assert summary.peak_bytes == 99
    assert [output.value for output in summary.outputs] == [3]
    assert store.events("a", 3) == events[3:]


def test_nothing_follows_an_end(store: Store) -> None:
    add(store, "a")
    work = store.begin()
    assert work is not None
    store.record([Ended(work.number, "done"), Ended(work.number, "failed", "again")])
    store.record([Happened(work.number, "nf.node", {"node": "late"})])
    store.cut(work.number, "late")
    assert store.summary("a").state == "done"
    check_events(store, "a")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET state = 'running'",
        "UPDATE runs SET state = 'failed'",
        "INSERT INTO events VALUES (1, 4, 0, '{}')",
        "INSERT INTO events VALUES (1, 9, 0, '{}')",
        "INSERT INTO events VALUES (1, 3, 1, '{}')",
    ],
)
def test_the_tables_themselves_refuse_a_second_end(store: Store, statement: str) -> None:
    add(store, "a")
    work = store.begin()
    assert work is not None
    store.record([Ended(work.number, "done")])
    with pytest.raises(sqlite3.IntegrityError):
        store.db.execute(statement)


def test_the_tables_refuse_a_gap(store: Store) -> None:
    add(store, "a")
    with pytest.raises(sqlite3.IntegrityError, match="gaps"):
        store.db.execute("INSERT INTO events VALUES (1, 3, 0, '{}')")


def test_what_fails_leaves_nothing(store: Store) -> None:
    add(store, "a")
    work = store.begin()
    assert work is not None
    store.take()
    good = Happened(work.number, "nf.node", {"node": "n"})
    with pytest.raises(ValueError, match="JSON"):
        store.record([good, Happened(work.number, "nf.node", {"node": float("nan")})])
    assert store.take() == []
    assert store.summary("a").last_seq == 2


def test_half_a_letter_is_no_harm(store: Store) -> None:
    store.add(NewRun("a", "\ud800 title", "\udfff", "off", 0, False, REQUEST), 9)
    assert store.summary("a").title == "? title"
    assert store.cancel_queued("a", "\ud800")
    assert store.summary("a").reason == "?"


# ── cut runs ────────────────────────────────────────────────────────────────────────────────────


def test_a_cut_run_is_queued_again_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite3"
    store = Store(path)
    add(store, "first")
    add(store, "second")
    for attempt in (1, 2):
        work = store.begin()
        assert work is not None
        assert work.run == "first"  # at the front again
        store.close()
        store = Store(path)
        assert store.recover("the server ended while it ran") == ["first"]
        assert store.summary("first").attempts == attempt
    summary = store.summary("first")
    assert summary.state == "failed"
    assert "begun again once" in summary.reason
    events = check_events(store, "first")
    reasons = [event["data"].get("reason", "") for event in events]
    assert "queued again: the server ended while it ran" in reasons
    assert [event["type"] for event in events[-2:]] == ["nf.error", "nf.run"]
    assert run_all(store) == ["second"]
    store.close()


def test_a_server_that_stops_as_asked_does_not_count(store: Store) -> None:
    add(store, "a")
    for _ in range(4):
        work = store.begin()
        assert work is not None
        store.recover("the server stopped", counts=False)
        assert store.summary("a").state == "queued"
    assert run_all(store) == ["a"]
    check_events(store, "a")


def test_of_several_cut_runs_the_order_stays(store: Store) -> None:
    for name in "abc":
        add(store, name)
    store.begin()
    store.begin()
    store.recover("cut")
    assert queued(store) == ["a", "b", "c"]


# ── history ─────────────────────────────────────────────────────────────────────────────────────


def test_pages_newest_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs.sqlite3")
    for number in range(7):
        add(store, f"r{number}")
    assert len(run_all(store)) == 7
    add(store, "waits")
    first = store.page((), 3, None)
    assert ([r.run for r in first.runs], first.total) == (["waits", "r6", "r5"], 8)
    second = store.page((), 3, first.before)
    third = store.page((), 3, second.before)
    assert [r.run for r in (*second.runs, *third.runs)] == ["r4", "r3", "r2", "r1", "r0"]
    assert third.before is None
    assert [r.run for r in store.page(("queued",), 3, None).runs] == ["waits"]
    store.close()


def test_old_runs_are_forgotten(store: Store) -> None:
    for number in range(5):
        add(store, f"r{number}")
    assert len(run_all(store)) == 5
    assert [run.run for run in store.page((), 9, None).runs] == ["r4", "r3", "r2"]
    assert store.retired == ["r0", "r1"]
    assert store.db.execute("SELECT count(DISTINCT number) FROM events").fetchone()[0] == 3
    assert store.db.execute("SELECT count(*) FROM requests").fetchone()[0] == 3
    with pytest.raises(NoSuchRun):
        store.summary("r0")


def test_delete(store: Store) -> None:
    for name in "abc":
        add(store, name)
    work = store.begin()
    assert work is not None
    with pytest.raises(WrongState):
        store.delete("a")
    store.take()
    store.delete("b")
    told = [item.message for item in store.take() if isinstance(item.message, dict)]
    assert [message["data"]["state"] for message in told] == ["cancelled"]
    store.record([Ended(work.number, "done")])
    store.delete("a")
    with pytest.raises(NoSuchRun):
        store.delete("a")
    assert queued(store) == ["c"]


def test_clear(store: Store) -> None:
    for name in "abc":
        add(store, name)
    store.begin()
    store.clear_queue("cleared")
    assert [run.run for run in store.page(("cancelled",), 9, None).runs] == ["c", "b"]
    store.clear_history()
    assert [run.run for run in store.page((), 9, None).runs] == ["a"]


def test_what_was_asked_is_kept(store: Store) -> None:
    add(store, "a")
    assert store.request("a")["graph"] == {"nodeflow": 1}
    assert store.extra("a") == {"own": 1}
    store.set_note("paused", "yes")
    assert (store.note("paused"), store.note("other")) == ("yes", "")


def _output(name: str, *paths: str) -> dict[str, Any]:
    files = [{"kind": "output", "path": path} for path in paths]
    return {"output": {"name": name, "node": "save", "files": files, "value": None}}


def _make(store: Store, run: str, *paths: str) -> None:
    """A run that makes files."""
    add(store, run)
    work = store.begin()
    assert work is not None
    store.record([Happened(work.number, "nf.output", _output("files", *paths))])
    store.record([Ended(work.number, "done")])


def test_files_know_the_run_that_made_them_last(store: Store) -> None:
    _make(store, "a", "one.png", "two.png")
    _make(store, "b", "two.png", "sub/three.png")
    asked = ["one.png", "two.png", "sub/three.png", "none.png"]
    found = store.makers("output", asked)
    assert found == {"one.png": "a", "two.png": "b", "sub/three.png": "b"}
    assert store.makers("input", asked) == {}
    assert store.makers("output", []) == {}
    many = [f"{n}.png" for n in range(1200)]
    assert store.makers("output", [*many, "one.png"]) == {"one.png": "a"}
    store.delete("a")
    assert store.makers("output", asked) == {"two.png": "b", "sub/three.png": "b"}


def test_files_of_older_tables_are_known(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite3"
    store = Store(path)
    _make(store, "a", "one.png", "two.png")
    _make(store, "b", "two.png")
    store.db.execute("DROP TABLE files")  # as the first version of the tables was
    store.db.execute("PRAGMA user_version = 1")
    store.close()
    store = Store(path)
    assert store.makers("output", ["one.png", "two.png"]) == {"one.png": "a", "two.png": "b"}
    store.close()


# ── the file ────────────────────────────────────────────────────────────────────────────────────


def test_all_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite3"
    store = Store(path)
    add(store, "a")
    store.close()
    store = Store(path)
    assert queued(store) == ["a"]
    assert store.db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    store.close()


def test_one_server_per_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodeflow.server.database.BUSY_SECONDS", 0.1)
    path = tmp_path / "runs.sqlite3"
    store = Store(path)
    with pytest.raises(StoreError, match="another server"):
        Store(path)
    add(store, "a")
    store.close()


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def _cut_short(path: Path) -> None:
    store = Store(path)
    for number in range(300):
        add(store, f"r{number}", limit=1000)
    store.close()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 // 4096 * 4096])


def _scratched(path: Path) -> None:
    store = Store(path)
    for number in range(300):
        add(store, f"r{number}", limit=1000)
    store.close()
    data = bytearray(path.read_bytes())
    for start in range(4096 * 2, len(data), 4096):
        data[start : start + 200] = b"\xff" * 200
    path.write_bytes(data)


def _of_another_program(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()


def _of_a_newer_nodeflow(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE runs (title TEXT)")
        other.execute(f"PRAGMA application_id = {APPLICATION}")
        other.execute("PRAGMA user_version = 999")
    other.close()


@pytest.mark.parametrize(
    "damage", [_garbage, _cut_short, _scratched, _of_another_program, _of_a_newer_nodeflow]
)
def test_what_cannot_be_used_is_set_aside(
    tmp_path: Path, damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "runs.sqlite3"
    for number in (1, 2):
        damage(path)
        before = path.read_bytes()
        with caplog.at_level(logging.ERROR):
            store = Store(path)
        add(store, "a")
        assert queued(store) == ["a"]
        store.close()
        path.unlink()
        aside = tmp_path / f"runs.sqlite3.damaged-{number}"
        assert aside.read_bytes() == before
        assert aside.name in caplog.text


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite3"
    (tmp_path / "runs.sqlite3-wal").mkdir()  # SQLite cannot make its log there
    (tmp_path / "file").write_text("x")
    with pytest.raises((StoreError, OSError)):
        open_database(tmp_path / "file" / "runs.sqlite3")
    with pytest.raises(StoreError, match="cannot be opened"):
        open_database(path)
