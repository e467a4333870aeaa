"""How commands tell what they found: problems and tables for people, one JSON object for programs.

Results go to standard output, all else to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nodeflow.errors import Problem

DONE, WRONG, USAGE, FAILED, CANCELLED = 0, 1, 2, 3, 130
"""Exit codes: done; the graph or its inputs are wrong; usage; a node failed; cancelled."""


def tell_problems(problems: Iterable[Problem]) -> None:
    """Each problem with code, place, message and hint, on standard error."""
    for problem in problems:
        print(f"{problem.severity} {problem.code}  {problem}", file=sys.stderr)


def print_json(data: Mapping[str, Any]) -> None:
    """One object on standard output, in ASCII, which every terminal and pipe takes. What JSON has
    no word for (nan, inf) becomes text."""
    print(json.dumps(_without_nan(data), indent=2, allow_nan=False))


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return value


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows as aligned lines; the columns numbered in `right` are set to the right."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def size(nbytes: float) -> str:
    """Bytes for people: `59.0 KiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(nbytes) < 1024:
            return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.1f} TiB"
