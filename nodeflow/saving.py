"""Outputs as files for people: saved as the value's type says, under names that are free.

A different file is never replaced: the next number is taken. The same bytes again keep the file
that is there. Imports `confinement`, `sockets`.
"""

from __future__ import annotations

import filecmp
import importlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from nodeflow.confinement import ConfinedError, why_not
from nodeflow.sockets import SocketInfo

SaveHook = Callable[[Any, Path, Mapping[str, str]], "list[Path]"]


def is_saved(value: Any) -> bool:
    """Whether a value, or each one of a list, is of a type that is saved as files."""
    if isinstance(value, list):
        return bool(value) and all(is_saved(item) for item in value)
    return bool(_hook_name(value))


def save_output(value: Any, stem: Path, metadata: Mapping[str, str]) -> list[Path]:
    """Save a value as `stem.png` and the like, or as `stem_2.png` … where that name is taken.

    The values of a list get a number each: `stem_000`, `stem_001`. The files are written aside and
    then moved, so that none ever stands there in part.

    Raises:
        ConfinedError: a server runs the graph, and `stem` is outside of its output folder.
    """
    fault = why_not(stem, writing=True)
    if fault:
        raise ConfinedError(f"{stem.name!r} {fault}")
    stem.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".nodeflow-", dir=stem.parent) as aside:
        made = _save(value, Path(aside) / stem.name, metadata)
        for number in count(1):
            name = stem.name if number == 1 else f"{stem.name}_{number}"
            targets = [stem.with_name(name + path.name[len(stem.name) :]) for path in made]
            if _take(made, targets):
                return targets
    raise AssertionError("unreachable: counting does not end")


def _hook_name(value: Any) -> str:
    info = getattr(type(value), "__socket__", None)
    return info.save if isinstance(info, SocketInfo) else ""


def _save(value: Any, stem: Path, metadata: Mapping[str, str]) -> list[Path]:
    if isinstance(value, list):
        return [
            path
            for index, item in enumerate(value)
            for path in _save(item, stem.with_name(f"{stem.name}_{index:03}"), metadata)
        ]
    module, _, function = _hook_name(value).partition(":")
    hook: SaveHook = getattr(importlib.import_module(module), function)
    return hook(value, stem, metadata)


def _take(made: Sequence[Path], targets: Sequence[Path]) -> bool:
    """Move files to their names, unless one of the names holds something else. Creating a file
    decides between two processes that want the same name."""
    free = []
    for path, target in zip(made, targets, strict=True):
        if not os.path.lexists(target):
            free.append((path, target))
        elif not (target.is_file() and filecmp.cmp(path, target, shallow=False)):
            return False
    claimed: list[Path] = []
    try:
        for _, target in free:
            target.open("xb").close()
            claimed.append(target)
    except FileExistsError:
        for target in claimed:
            target.unlink()
        return False
    for path, target in free:
        os.replace(path, target)
    return True
