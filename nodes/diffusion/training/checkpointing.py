"""Training state on disk: written whole or not at all, so that a run can be stopped anywhere."""

import os
from pathlib import Path
from typing import Any

import torch

STATE_FILE = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> Path:
    """Write `state` beside the old one, then put it in its place."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (STATE_FILE + ".part")
    torch.save(state, part)
    os.replace(part, folder / STATE_FILE)
    return folder / STATE_FILE


def load_state(folder: Path) -> dict[str, Any] | None:
    """What `save_state` wrote last, or None. Reads tensors and plain values, runs no code."""
    path = folder / STATE_FILE
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
