"""Traces on disk: a folder per run with `index.jsonl` and raw little-endian elements in *.bin.

Both files only grow, elements before the line that tells of them, so that a process killed at any
moment leaves at worst a last line cut short, which readers pass over. Imports nothing of nodeflow.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

INDEX = "index.jsonl"
DATA = "tensors.bin"
RUN_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")
TENSOR_ID = re.compile(r"t[0-9]{1,9}")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class TraceWriter:
    """Writes one run's trace. What stood in the folder, of a run that was cut, goes.

    `limit_bytes` bounds the elements; the last eighth of it is for those that are `vital`.
    """

    def __init__(self, folder: Path, run: str, level: str, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.used = 0
        self._files: dict[str, int] = {}
        self._linked: dict[str, bool] = {}
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.line({"kind": "head", "run": run, "level": level, "stamp": secrets.token_hex(4)})

    def line(self, data: Mapping[str, Any]) -> None:
        """Add a line to the index."""
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        _write(self._file(INDEX), text.encode() + b"\n")

    def elements(self, data: bytes, vital: bool) -> int | None:
        """Where the elements stand in the file now, or None where there is no room for them."""
        limit = self.limit_bytes if vital else self.limit_bytes - self.limit_bytes // 8
        if self.used + len(data) > limit:
            return None
        place = self.used
        try:
            _write(self._file(DATA), data)
        except OSError:  # the disk is full: what was written of it stays, and is never read
            self.used = os.fstat(self._file(DATA)).st_size
            self.limit_bytes = 0
            return None
        self.used += len(data)
        return place

    def link(self, source: Path, name: str) -> bool:
        """Let another run's elements stand here under `name` too, without a copy."""
        if name not in self._linked:
            try:
                os.link(source, self.folder / name)
                self._linked[name] = True
            except OSError:  # gone for want of room, or a file system without links
                self._linked[name] = False
        return self._linked[name]

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def _file(self, name: str) -> int:
        if name not in self._files:
            self._files[name] = os.open(self.folder / name, _FLAGS, 0o644)
        return self._files[name]


def _write(file: int, data: bytes) -> None:
    """All of it: one write where the system takes it so."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


@dataclass
class Trace:
    """A run's trace as it is on disk now."""

    run: str
    level: str = "off"
    stamp: str = ""
    """Differs between two attempts of a run."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    guidance: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[dict[str, Any]] = field(default_factory=list)
    """What there was to say where nothing could be watched: `node`, `text`."""
    _by_tid: dict[str, dict[str, Any]] = field(default_factory=dict)

    def row(self, tid: str) -> dict[str, Any] | None:
        """The row of one tensor."""
        if len(self._by_tid) != len(self.rows):
            self._by_tid = {row["tid"]: row for row in self.rows}
        return self._by_tid.get(tid)


def read(folder: Path) -> Trace | None:
    """A trace, or None where there is none."""
    trace: Trace | None = None
    with contextlib.suppress(OSError):
        for data in _lines(folder / INDEX):
            kind = data.pop("kind", "")
            if kind == "head":
                trace = Trace(str(data["run"]), str(data["level"]), str(data["stamp"]))
            elif trace is not None and kind == "tensor":
                trace.rows.append(data)
            elif trace is not None and kind == "guidance":
                trace.guidance.append(data)
            elif trace is not None and kind == "remark":
                trace.remarks.append(data)
    return trace


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return  # cut short
            with contextlib.suppress(ValueError):
                data = json.loads(line)
                if isinstance(data, dict):
                    yield data


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of the files with elements, by name."""
    found = {}
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(".bin") and entry.is_file(follow_symlinks=False):
                found[entry.name] = entry.stat().st_size
    return found


def kept(row: Mapping[str, Any], found: Mapping[str, int]) -> bool:
    """Whether a tensor's elements can be had, of the files as `sizes` told them."""
    place = row.get("offset")
    return place is not None and place + row["bytes"] <= found.get(str(row.get("file", DATA)), -1)


def forget(traces: Path, run: str) -> None:
    """Let go of a run's trace."""
    if RUN_ID.fullmatch(run):
        shutil.rmtree(traces / run, ignore_errors=True)


def make_room(traces: Path, limit_bytes: int, spare: str = "") -> list[str]:
    """Let go of elements, then of indexes, oldest run first, until all fit into `limit_bytes`;
    `spare` names a run that is being written. Elements that several runs share count once, and go
    with the last of them. Returns the runs that lost something."""
    files = _files(traces)
    holders: dict[tuple[int, int], int] = {}
    sizes: dict[tuple[int, int], int] = {}
    for item in files:
        holders[item.itself] = holders.get(item.itself, 0) + 1
        sizes[item.itself] = item.bytes
    total = sum(sizes.values())
    touched: dict[str, None] = {}
    for item in sorted(files, key=lambda item: (not item.path.name.endswith(".bin"), item.age)):
        if total <= limit_bytes:
            break
        folder = item.path.parent
        if folder.name == spare:
            continue
        with contextlib.suppress(OSError):  # somebody reads it, where that holds it
            item.path.unlink()
            touched[folder.name] = None
            holders[item.itself] -= 1
            if not holders[item.itself]:
                total -= item.bytes
        with contextlib.suppress(OSError):
            folder.rmdir()
    return list(touched)


def used_bytes(traces: Path) -> int:
    """Bytes of all traces, each file once however many runs link to it."""
    return sum({item.itself: item.bytes for item in _files(traces)}.values())


@dataclass(frozen=True)
class _File:
    path: Path
    age: int
    """When the run was last written to: the oldest first."""
    itself: tuple[int, int]
    bytes: int


def _files(traces: Path) -> list[_File]:
    found = []
    with contextlib.suppress(OSError):
        for folder in traces.iterdir():
            with contextlib.suppress(OSError):
                facts = {path: path.stat() for path in folder.iterdir()}
                age = max((fact.st_mtime_ns for fact in facts.values()), default=0)
                found += [
                    _File(path, age, (fact.st_dev, fact.st_ino), fact.st_size)
                    for path, fact in facts.items()
                ]
    return found
