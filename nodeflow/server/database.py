"""The file of the queue: its tables, their migrations, and what is done with a damaged one.

WAL with `synchronous=NORMAL`: what is committed is with the system, so that no end of a process
takes it away; only a machine that loses its power may lose the last moments, and never the file.
FULL would wait for the disk at each batch of events. The file is locked for as long as it is open:
two servers on one queue would each take the other's runs for cut ones. Imports `errors`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from itertools import count
from pathlib import Path

from nodeflow.errors import NodeflowError

log = logging.getLogger("nodeflow.server")

APPLICATION = 0x6E666C6F
"""Written into the file's header, so that no other program's database is taken for ours."""
BUSY_SECONDS = 5.0
"""How long to wait for a server that was ended a moment ago."""

_FIRST = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    reason TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL,
    client TEXT NOT NULL,
    trace TEXT NOT NULL,
    priority INTEGER NOT NULL,
    place REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    cuts INTEGER NOT NULL DEFAULT 0,
    accepted_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    ran INTEGER NOT NULL DEFAULT 0,
    cached INTEGER NOT NULL DEFAULT 0,
    peak_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_queue ON runs (priority DESC, place, number) WHERE state = 'queued';
CREATE INDEX runs_by_state ON runs (state, number);
CREATE INDEX runs_ended ON runs (finished_at DESC, number DESC)
WHERE state IN ('done', 'failed', 'cancelled');

-- Apart from `runs`, whose rows are written anew with every batch of events.
CREATE TABLE requests (
    number INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    request TEXT NOT NULL,
    extra TEXT NOT NULL
);
CREATE TABLE events (
    number INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    ends INTEGER NOT NULL DEFAULT 0,
    data TEXT NOT NULL,
    PRIMARY KEY (number, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX events_one_end ON events (number) WHERE ends = 1;
CREATE TABLE outputs (
    number INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (number, name)
);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TRIGGER runs_end_once BEFORE UPDATE OF state ON runs
WHEN OLD.state IN ('done', 'failed', 'cancelled')
BEGIN SELECT RAISE(ABORT, 'the run has ended'); END;

CREATE TRIGGER events_without_gap BEFORE INSERT ON events
WHEN NEW.seq IS NOT (SELECT last_seq + 1 FROM runs WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'the numbers of events have no gaps'); END;

CREATE TRIGGER events_none_after_the_end BEFORE INSERT ON events
WHEN (SELECT state FROM runs WHERE number = NEW.number) IN ('done', 'failed', 'cancelled')
BEGIN SELECT RAISE(ABORT, 'the run has ended'); END;

CREATE TRIGGER events_counted AFTER INSERT ON events
BEGIN UPDATE runs SET last_seq = NEW.seq WHERE number = NEW.number; END;
"""

_FILES = """
-- Which run made a file last. Files of runs that are forgotten are so as well.
CREATE TABLE files (
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    PRIMARY KEY (kind, path)
) WITHOUT ROWID;
CREATE INDEX files_of_run ON files (number);
INSERT OR REPLACE INTO files
SELECT json_extract(made.value, '$.kind'), json_extract(made.value, '$.path'), outputs.number
FROM outputs, json_each(outputs.data, '$.files') AS made ORDER BY outputs.number;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _FILES)
"""From each version of the tables to the next; `PRAGMA user_version` counts those that were made.
"""


class StoreError(NodeflowError):
    """The queue cannot be opened: it is in use, or its folder takes no files."""


class _NotOurs(Exception):
    """A database, but of another program or of a newer nodeflow."""


def open_database(path: Path) -> sqlite3.Connection:
    """The connection, for the thread that calls. What cannot be read is set aside and said.

    Raises:
        StoreError: another server has it open, or nothing can be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path)
    except (sqlite3.DatabaseError, _NotOurs) as error:
        if _is_no_damage(error):
            raise _refusal(path, error) from error
        aside = set_aside(path)
        log.error("%s cannot be used (%s): it is now %s, and a new one begins", path, error, aside)
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        raise _refusal(path, error) from error


def set_aside(path: Path) -> Path:
    """Give a file a name under which it harms nobody, and its log files with it."""
    free = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(name for name in free if not os.path.lexists(name))
    os.replace(path, aside)
    for end in ("-wal", "-shm"):
        if os.path.lexists(f"{path}{end}"):
            os.replace(f"{path}{end}", f"{aside}{end}")
    return aside


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in ("locking_mode = EXCLUSIVE", "trusted_schema = OFF", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        version = _version(connection)  # before anything is written: it may not be ours
        faults = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if faults != "ok":
            raise sqlite3.DatabaseError(faults)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        _migrate(connection, version)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """The version of the tables, of a database that is ours."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION:
        raise _NotOurs("it is another program's")
    if version > len(MIGRATIONS):
        raise _NotOurs(f"its tables have version {version}, we know {len(MIGRATIONS)}")
    return version


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables up to date, all or nothing; takes the lock that is kept from now on."""
    connection.execute("BEGIN EXCLUSIVE")
    try:
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """The statements of a script; `executescript` would commit before them."""
    found, lines = [], []
    for line in script.splitlines():
        lines.append(line)
        text = "\n".join(lines)
        if sqlite3.complete_statement(text):
            found.append(text)
            lines = []
    return found


def _is_no_damage(error: Exception) -> bool:
    words = ("locked", "busy", "unable to open", "readonly", "disk is full", "disk I/O")
    return isinstance(error, sqlite3.OperationalError) and any(w in str(error) for w in words)


def _refusal(path: Path, error: Exception) -> StoreError:
    if "locked" in str(error) or "busy" in str(error):
        return StoreError(f"{path} is in use: another server runs in this folder")
    return StoreError(f"{path} cannot be opened: {error}")
