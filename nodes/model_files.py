"""Where models lie, by name: the folders that are searched, and what to say when one is missing.

Imports no torch, so that a graph is checked, keyed and planned without it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from nodeflow.widgets import Widget
from nodes.diffusion import checkpoint_files

ENVIRONMENT = "NODEFLOW_MODELS"


def model_folders(kind: str) -> list[Path]:
    """The folders searched for models of a kind (`checkpoints`), the first one first.

    Each folder of the environment variable NODEFLOW_MODELS, then `./models`.
    """
    named = [part for part in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if part]
    return [Path(part).expanduser() / kind for part in (*named, "models")]


def shipped_models() -> Path:
    """The folder of the models that come with nodeflow; the tiny checkpoint is one."""
    return Path(__file__).parent / "models"


def _checkpoint_folders() -> list[Path]:
    return [*model_folders("checkpoints"), shipped_models()]


def list_checkpoints() -> list[str]:
    """The names of all checkpoints that are found, sorted; sub-folders with `/`."""
    found: set[str] = set()
    for folder in _checkpoint_folders():
        found.update(path.relative_to(folder).as_posix() for path in _checkpoints_under(folder))
    return sorted(found)


def _checkpoints_under(folder: Path, depth: int = 3) -> Iterator[Path]:
    """Checkpoints in `folder` and its sub-folders; nothing inside a checkpoint is one."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if checkpoint_files.is_checkpoint(path):
            yield path
        elif depth > 1 and path.is_dir():
            yield from _checkpoints_under(path, depth - 1)


def _candidates(name: str) -> list[Path]:
    return [*(folder / name for folder in _checkpoint_folders()), Path(name).expanduser()]


def find_checkpoint(name: str) -> Path:
    """The folder of the checkpoint called `name`, or at the path `name`.

    Raises:
        FileNotFoundError: with where it looked, the nearest name, and what to do.
    """
    for path in _candidates(name) if name.strip() else []:
        if checkpoint_files.is_checkpoint(path):
            return path
    raise FileNotFoundError(f"no checkpoint {name!r} in {_looked()}. {_what_to_do(name)}")


def _looked() -> str:
    return ", ".join(str(folder) for folder in _checkpoint_folders())


def _what_to_do(name: str) -> str:
    known = list_checkpoints()
    near = difflib.get_close_matches(name, known, n=1)
    folder = Path(name).expanduser()
    if name.strip() and (folder.is_file() or folder.is_dir()):
        advice = "That path is no folder with a model_index.json, which diffusers' layout has"
    elif near:
        advice = f"Did you mean {near[0]!r}?"
    else:
        advice = f"Found: {', '.join(known) or 'none'}"
    return f"{advice}. Put a folder in diffusers' layout there, or name its path"


def checkpoint_files_of(params: Mapping[str, Any]) -> list[Path]:
    """The files whose content makes `load.checkpoint` what it is: weights, configs, tokenizer."""
    return checkpoint_files.all_files(find_checkpoint(str(params["name"])))


def checkpoint_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    """Bytes in memory of model, clip and vae as float32, from the files' headers."""
    if "name" not in params:
        return {}  # it arrives by wire
    folder = find_checkpoint(str(params["name"]))
    parts = {"model": "unet", "clip": "text_encoder", "vae": "vae"}
    return {port: checkpoint_files.float32_bytes(folder, part) for port, part in parts.items()}


@dataclass(frozen=True)
class CheckpointName(Widget):
    """A checkpoint by name or path; offers those that are found, refuses one that is not."""

    code: ClassVar[str] = "no-such-checkpoint"
    looks_outside: ClassVar[bool] = True

    def check(self, value: Any) -> str | None:
        try:
            checkpoint_files.check(find_checkpoint(str(value)))
        except FileNotFoundError:
            return f"there is no checkpoint {str(value)!r}"
        except checkpoint_files.CheckpointError as error:
            return str(error)
        return None

    def hint(self, value: Any) -> str:
        try:
            find_checkpoint(str(value))
        except FileNotFoundError:
            return f"looked in {_looked()}. {_what_to_do(str(value))}"
        return "fetch the checkpoint again, or choose another"

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "options": list_checkpoints()}
