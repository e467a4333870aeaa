"""`RunContext`: the only thing a node may ask of the run it is part of.

A node names it as the keyword `ctx: RunContext`, which is no port. The defaults make a context that
stands alone, so that a test or a notebook calls a node with `RunContext()`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodeflow.errors import Cancelled


def _ignore(value: int, total: int, info: Mapping[str, Any]) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class RunContext:
    """Progress, cancel, device, and where files go.

    `device` is a torch device string. `output_dir` is the folder that nodes which write may write
    to. `metadata` is what a saved picture carries (the graph as JSON, versions, weights' hashes).
    """

    device: str = "cpu"
    output_dir: Path = Path("output")
    metadata: Mapping[str, str] = field(default_factory=dict)
    on_progress: Callable[[int, int, Mapping[str, Any]], None] = _ignore
    cancel_event: threading.Event = field(default_factory=threading.Event)

    def progress(self, value: int, total: int, **info: Any) -> None:
        """Say that `value` of `total` parts of this node are done; raises `Cancelled` if so."""
        self.check_cancelled()
        self.on_progress(value, total, info)

    def check_cancelled(self) -> None:
        """Raise `Cancelled` if the run was cancelled. Call it between the steps of long work."""
        if self.cancel_event.is_set():
            raise Cancelled("the run was cancelled")
