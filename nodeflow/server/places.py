"""Where files of the server are, by names that come from clients: never outside of their folder.

Imports `confinement`, `server.settings`, `server.wire`.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Literal

from nodeflow.confinement import confine, odd_name, readable
from nodeflow.server.settings import Settings
from nodeflow.server.wire import Refusal, refusal

Kind = Literal["output", "temp", "input"]
KINDS = ("output", "temp", "input")
LONGEST, LONGEST_PART = 1024, 255
"""Bytes of a name, and of each of its parts."""
KEPT_TRASH = 1000
Refused = Refusal
"""What `confined` raises."""


def confine_process(settings: Settings) -> None:
    """Confine this process, which checks graphs that a worker will run."""
    package = Path(__file__).resolve().parent.parent
    shipped = [package / "data", package.parent / "graphs"]
    confine(
        [settings.input, settings.graphs, *settings.read, *shipped],
        [settings.output, settings.temp],
        follow=readable(),
    )


def folder_of(settings: Settings, kind: str) -> Path:
    """The folder of a kind of files.

    Raises:
        Refusal: there is no such kind.
    """
    if kind not in KINDS:
        offered = ", ".join(KINDS)
        raise refusal(404, "no-such-kind", kind[:40], "there is no such kind of files", offered)
    folder: Path = getattr(settings, kind)
    return folder


def confined(folder: Path, name: str) -> Path:
    """The path of a client's `name` below a folder, whether something is there or not.

    Raises:
        Refusal: absolute, with `..`, through a symbolic link that leads out, hidden, of a form that
            some system takes for something else.
    """
    fault = _why_no_name(name)
    if fault:
        raise refusal(400, "bad-name", _short(name), f"this {fault}", "a relative path, with /")
    path = folder.joinpath(*name.split("/"))
    root = os.path.realpath(folder)
    if not os.path.realpath(path).startswith(root + os.sep):
        raise absent(name)
    return path


def existing(folder: Path, name: str) -> Path:
    """As `confined`, of a file that is there. Asks the disk: for a thread.

    Raises:
        Refusal: see `confined`; there is none.
    """
    path = confined(folder, name)
    if not path.is_file():
        raise absent(name)
    return path


def absent(name: str) -> Refusal:
    return refusal(404, "no-such-file", _short(name), "there is no such file")


def param_of(path: Path) -> str:
    """What to write into a node's path parameter for a file, so that the worker finds it: relative
    paths count from the folder in which the server was started."""
    with suppress(ValueError):
        return path.absolute().relative_to(Path.cwd()).as_posix()
    return str(path.absolute())


def into_trash(settings: Settings, path: Path) -> None:
    """Move a file away, so that a mistake can be mended by hand; the oldest go for good."""
    trash = settings.own / "trash"
    trash.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns()}-{uuid.uuid4().hex[:8]}-{path.name[-120:]}"
    try:
        shutil.move(path, trash / name)
    except FileNotFoundError:
        raise absent(path.name) from None
    for old in sorted(trash.iterdir())[:-KEPT_TRASH]:
        with suppress(OSError):
            old.unlink()


def _why_no_name(name: str) -> str | None:
    parts = name.split("/")
    if not name or "" in parts or ".." in parts or "." in parts:
        return "is no relative path"
    if "\\" in name or ":" in parts[0] or not name.isprintable():
        return "has signs that a name cannot have"
    if len(name.encode()) > LONGEST or max(len(part.encode()) for part in parts) > LONGEST_PART:
        return "is too long"
    if any(part.startswith(".") for part in parts):
        return "is hidden"
    return odd_name(parts)


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:99]}…"
