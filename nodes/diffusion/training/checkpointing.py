"""Training state on disk: whole or not there, so that a run can be stopped anywhere.

Tensors lie in a safetensors file named by their digest, everything else in one JSON that names it.
The JSON is moved into its place last: until then the state before stands, tensors and all.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

STATE_FILE = "state.json"
OLD_FILE = "state.pt"
PART_FILE = "state.safetensors.part"
VERSION = 1
_TENSORS = re.compile(r"state-\d+-[0-9a-f]{16}\.safetensors")
ANEW = "Begin anew: give another folder, or delete this one"

Recipe = Mapping[str, Any]  # plain values: text, numbers, lists of numbers


class StateError(ValueError):
    """A folder holds a state that is damaged, in another format, or of another training."""

    def __init__(self, got: str, expected: str, hint: str = ANEW) -> None:
        self.got, self.expected, self.hint = got, expected, hint
        super().__init__(f"got {got}, expected {expected}. {hint}")


@dataclass(frozen=True)
class State:
    """How far a training is, and what it is one of."""

    step: int
    recipe: Recipe
    history: list[dict[str, float]]
    tensors: dict[str, Tensor]


def save_state(folder: Path, state: State) -> Path:
    """Write `state` beside the one before, put it in its place, then remove the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / PART_FILE
    digest = _write_tensors(part, state.tensors)
    tensors = folder / f"state-{state.step}-{digest[:16]}.safetensors"
    os.replace(part, tensors)
    _settle_names(folder)
    content = {
        "nodeflow_training": VERSION,
        "step": state.step,
        "recipe": dict(state.recipe),
        "tensors": {"file": tensors.name, "sha256": digest},
        "history": state.history,
    }
    path = folder / STATE_FILE
    aside = folder / (STATE_FILE + ".part")
    aside.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    _settle(aside)
    os.replace(aside, path)
    _settle_names(folder)
    for other in folder.iterdir():
        if _TENSORS.fullmatch(other.name) and other != tensors:
            with suppress(OSError):  # somebody reads it, on Windows: the next save removes it
                other.unlink()
    return path


def load_state(folder: Path) -> State | None:
    """What `save_state` wrote last, or None.

    Raises:
        StateError: it is damaged, of another version, or a pickle.
    """
    path = folder / STATE_FILE
    if not path.exists():
        if (folder / OLD_FILE).exists():
            got = f"{OLD_FILE}, a pickle as nodeflow wrote it before"
            raise StateError(got, f"a state in safetensors and JSON in {folder}")
        return None
    content = _read_content(path)
    name, digest = content["tensors"]["file"], content["tensors"]["sha256"]
    file = folder / name
    if not _TENSORS.fullmatch(name) or not file.is_file() or _digest(file) != digest:
        raise StateError(f"{path} without {name} as it was written", "both")
    try:
        tensors = load_file(file)
    except SafetensorError as error:
        raise StateError(f"{file}: {error}", "a whole safetensors file") from error
    return State(int(content["step"]), content["recipe"], content["history"], tensors)


def _read_content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
        version = content["nodeflow_training"]
        whole = version != VERSION or (
            isinstance(content["step"], int)
            and isinstance(content["recipe"], dict)
            and isinstance(content["history"], list)
            and all(isinstance(content["tensors"][key], str) for key in ("file", "sha256"))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path}: {error}", "a whole training state") from error
    if version != VERSION:
        raise StateError(f"{path} of version {version!r}", f"version {VERSION}")
    if not whole:
        raise StateError(f"{path} with values of other types", "a whole training state")
    return dict(content)


def _write_tensors(part: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write the file; its digest. Python opens it first: a confined process is held there, which
    it would not be inside safetensors. Its mode is kept, which safetensors would narrow."""
    part.write_bytes(b"")
    mode = part.stat().st_mode
    save_file(_apart(tensors), part)
    part.chmod(mode)
    _settle(part)
    return _digest(part)


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU and dense; those that share their memory each with their own."""
    seen: set[int] = set()
    made: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        place = value.untyped_storage().data_ptr()
        made[name] = value.clone() if place in seen else value
        seen.add(place)
    return made


def _settle(path: Path) -> None:
    """Have the disk hold the file before anything names it."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _settle_names(folder: Path) -> None:
    """Have the disk hold what was renamed, in this order; Windows does by itself."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 22):
            found.update(block)
    return found.hexdigest()
