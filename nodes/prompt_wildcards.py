"""Wildcards: text files with an option on each line, found by name. Helpers, no nodes; no torch."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodeflow.confinement import ConfinedError, why_not
from nodes.model_files import model_folders

_MOST_BYTES = 16 << 20  # of one file


class Wildcards:
    """The wildcards of a folder, or of `wildcards/` in the models' folders where it is "".

    A file `animals/cats.txt` is `__animals/cats__`; `__animals/*__` are the lines of several files.

    Raises:
        ConfinedError: a server runs the graph, and the folder is none of those it may read.
    """

    def __init__(self, folder: str = "") -> None:
        fault = why_not(folder) if folder else None
        if fault:
            raise ConfinedError(f"{folder!r} {fault}")
        self.folders = [Path(folder).expanduser()] if folder else model_folders("wildcards")
        self.files = _text_files(self.folders)

    def lines(self, name: str) -> list[str]:
        """The lines of the wildcard called `name`, without comments (`#`) and empty ones.

        Raises:
            LookupError: there is none, with where it looked and the nearest name.
        """
        names = [known for known in self.files if fnmatch.fnmatchcase(known, name)]
        if not names:
            near = difflib.get_close_matches(name, self.files, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"put {name}.txt there"
            places = ", ".join(str(folder) for folder in self.folders)
            raise LookupError(f"no wildcard {name!r} in {places}: {advice}")
        return [line for known in names for line in _lines_of(self.files[known])]


def wildcard_files(params: Mapping[str, Any]) -> list[Path]:
    """A node's `reads`: all wildcards, where its text may name one."""
    text = params.get("text", "__")  # by wire: any text
    return list(Wildcards(str(params["folder"])).files.values()) if "__" in str(text) else []


def _text_files(folders: list[Path]) -> dict[str, Path]:
    """Files by name, sorted; of two of the same name the one in the first folder."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*.txt"):
            if path.is_file() and not why_not(path):
                found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return dict(sorted(found.items()))


def _lines_of(path: Path) -> list[str]:
    if path.stat().st_size > _MOST_BYTES:
        raise LookupError(f"{path} has more than {_MOST_BYTES >> 20} MiB")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LookupError(f"{path} is no UTF-8 text: {error}") from None
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
