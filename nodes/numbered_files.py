"""Files under the next free number: helpers, no nodes. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nodes.whole_files import stem_inside, write_new


def save_numbered(
    folder: Path, name: str, files: Sequence[bytes], suffixes: Sequence[str]
) -> list[str]:
    """Write files as `name_00001.png` and so on, counted on from those that are there; the paths.

    The first of `suffixes` is written, any of them may end `name`. Nothing is ever overwritten,
    and two processes never get one name. If the newest files already hold exactly these bytes, as
    after the same run twice, no second copy is written.

    Raises:
        InputError: `name` leads out of `folder`, or is no file's name.
    """
    stem, suffix = stem_inside(folder, name, suffixes), suffixes[0]
    numbered = re.compile(rf"_(\d{{5,}}){re.escape(suffix)}")
    taken = {}
    for path in stem.parent.glob(f"*{suffix}") if stem.parent.is_dir() else ():
        found = numbered.fullmatch(path.name[len(stem.name) :])
        if found and path.name.startswith(stem.name):
            taken[int(found[1])] = path
    newest = [taken[k] for k in sorted(taken)[-len(files) :]]
    if len(newest) == len(files) and all(
        path.read_bytes() == data for path, data in zip(newest, files, strict=True)
    ):
        return [str(path) for path in newest]
    number, paths = max(taken, default=0), []
    for data in files:
        number += 1
        while not write_new(path := stem.with_name(f"{stem.name}_{number:05}{suffix}"), data):
            number += 1
        paths.append(str(path))
    return paths
