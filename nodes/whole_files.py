"""Files written whole and only inside their folder: helpers, no nodes. Imports no torch."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

from nodeflow.errors import InputError
from nodeflow.widgets import NewPath

_LONGEST_NAME = 200  # bytes: filesystems end at 255, and a number and a suffix follow


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one move, so that no reader and no crash ever meets half a file."""
    temporary = _write_beside(path, data)
    try:
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_new(path: Path, data: bytes) -> bool:
    """As `write_whole`, but only where nothing stands yet; False, and no change, where it does.

    Two processes that want the same name never both get it: creating the file decides.
    """
    temporary = _write_beside(path, data)
    try:
        path.open("xb").close()
        os.replace(temporary, path)
    except FileExistsError:
        temporary.unlink(missing_ok=True)
        return False
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return True


def _write_beside(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are private (0600), and a saved picture follows the user's umask.
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def stem_inside(folder: Path, name: str, suffixes: Sequence[str] = (".png",)) -> Path:
    """`folder / name` without one of `suffixes` at its end, if that is truly inside `folder`.

    Raises:
        InputError: absolute, with `..`, through a symbolic link that leads out, empty, too long.
    """
    fault = NewPath().check(name)
    if fault:
        raise InputError("name", fault, "a name inside it", NewPath().hint(name))
    ends = "|".join(map(re.escape, suffixes))
    stem = folder / re.sub(f"({ends})$", "", name, flags=re.IGNORECASE)
    last = name.replace("\\", "/").split("/")[-1]
    if last in ("", ".", *suffixes) or not last.isprintable():
        raise InputError("name", repr(name), "a file name", "for example 'picture'")
    if len(last.encode()) > _LONGEST_NAME:
        got = f"{len(last.encode())} bytes: {last[:40]!r} …"
        raise InputError("name", got, f"at most {_LONGEST_NAME} bytes", "shorten it")
    if not stem.parent.resolve().is_relative_to(folder.resolve()):
        got = f"{name!r}, which a symbolic link leads to {stem.parent.resolve()}"
        raise InputError("name", got, f"a place inside {folder}", "choose another folder")
    return stem
