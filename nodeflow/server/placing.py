"""Places in the queue: by priority, then by `place`, a number with room between any two.

Functions over the table `runs` of an open transaction. Imports nothing of nodeflow.
"""

from __future__ import annotations

import sqlite3

SMALLEST_GAP = 1e-6
"""Between two places that are closer, there is none."""


def count_before(db: sqlite3.Connection, number: int) -> int:
    """How many queued runs stand before one."""
    (found,) = db.execute(
        "SELECT count(*) FROM runs a, runs b WHERE b.number = ? AND a.state = 'queued' AND"
        " (a.priority > b.priority OR (a.priority = b.priority AND"
        " (a.place < b.place OR (a.place = b.place AND a.number < b.number))))",
        (number,),
    ).fetchone()
    return int(found)


def end_place(db: sqlite3.Connection, priority: int, *, front: bool) -> float:
    """A place before or behind all queued runs of a priority."""
    first, last = db.execute(
        "SELECT min(place), max(place) FROM runs WHERE state = 'queued' AND priority = ?",
        (priority,),
    ).fetchone()
    if first is None:
        return 0.0
    return float(first - 1 if front else last + 1)


def place_before(db: sqlite3.Connection, number: int, other: int) -> tuple[float, list[int]]:
    """A place for run `number` between the queued run `other` and the one before that. Where no
    number is left between them all are numbered anew; which those were."""
    moved: list[int] = []
    while True:
        priority, behind = db.execute(
            "SELECT priority, place FROM runs WHERE number = ?", (other,)
        ).fetchone()
        (ahead,) = db.execute(
            "SELECT max(place) FROM runs WHERE state = 'queued' AND priority = ?"
            " AND number != ? AND place < ?",
            (priority, number, behind),
        ).fetchone()
        ahead = behind - 2 if ahead is None else ahead
        if behind - ahead > SMALLEST_GAP:
            return float(ahead + behind) / 2, moved
        moved = _number_anew(db, priority)


def _number_anew(db: sqlite3.Connection, priority: int) -> list[int]:
    rows = db.execute(
        "SELECT number FROM runs WHERE state = 'queued' AND priority = ? ORDER BY place, number",
        (priority,),
    ).fetchall()
    numbers = [int(number) for (number,) in rows]
    db.executemany(
        "UPDATE runs SET place = ? WHERE number = ?",
        [(float(place), number) for place, number in enumerate(numbers)],
    )
    return numbers
