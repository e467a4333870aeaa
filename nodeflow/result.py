"""What a run gives back, and how it is asked to go about its work.

Imports `errors`, `events`, `fingerprint`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nodeflow.errors import NodeError
from nodeflow.events import Event
from nodeflow.fingerprint import Key

OnEvent = Callable[[Event], None]
OnValue = Callable[[str, str, Any, Key], None]
OnInputs = Callable[[str, Mapping[str, Any]], None]
OnFound = Callable[[str, str, Key], None]
Before = Callable[[str], None]


@dataclass(slots=True)
class NodeRecord:
    """What became of one node: `ran`, `cached`, `failed` or `skipped`; a node in a loop has one
    record per pass, at `denoise[7]/cond`."""

    state: str
    why: str = ""
    seconds: float = 0.0
    nbytes: int = 0


@dataclass(slots=True)
class RunResult:
    """What came of a run. `outputs` holds what finished, also of a run that failed or was
    cancelled.

    `status` is `done`, `failed` or `cancelled`. `peak_bytes` is the most that the run's values held
    at once, models included, the cache's own not counted; tensors that several share count once.
    """

    outputs: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, NodeRecord] = field(default_factory=dict)
    errors: list[NodeError] = field(default_factory=list)
    status: str = "done"
    seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def ran(self) -> int:
        return sum(record.state == "ran" for record in self.nodes.values())

    @property
    def cached(self) -> int:
        return sum(record.state == "cached" for record in self.nodes.values())


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run goes about its work; the result does not depend on it."""

    on_event: OnEvent | None = None
    keep_going: bool = False
    check: bool = False
    on_value: OnValue | None = None
    on_inputs: OnInputs | None = None
    on_found: OnFound | None = None
    before: Before | None = None
