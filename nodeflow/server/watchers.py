"""What packages offer to look at while a node runs, at trace level `full`: entry points of the
group `nodeflow.watchers`, each a class that makes one `Watch` for a run. Worker side.

Imports nothing of nodeflow.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

GROUP = "nodeflow.watchers"


class Watch(Protocol):
    """Looks on from inside a node's work. Everything is called from the thread that runs."""

    def begin(self, arguments: Mapping[str, Any], listen: bool) -> None:
        """A node is about to run with these; `listen` as in the method of that name."""

    def listen(self, on: bool) -> None:
        """Whether what the node does next is to be kept: the pass or step that begins is traced."""

    def take(self) -> tuple[Sequence[tuple[str, Any]], str]:
        """What was kept since this was last asked: tensors by part, and a remark, or ""."""

    def close(self) -> None:
        """The run is over."""


def offered() -> list[Watch]:
    """One watch of each kind that is installed."""
    found = importlib.metadata.entry_points(group=GROUP)
    return [entry.load()() for entry in sorted(found, key=lambda entry: entry.name)]
