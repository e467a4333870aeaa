"""What a run reports while it goes on. Plain frozen values, each with the path of its node.

Imports nothing of nodeflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`total` nodes of the top of the graph are needed; `cached` of them need not run."""

    total: int
    cached: int


@dataclass(frozen=True, slots=True)
class NodeCached:
    """A node's result was at hand, or nobody needs it because what reads it was at hand."""

    path: str


@dataclass(frozen=True, slots=True)
class NodeStarted:
    path: str
    type: str
    why: str


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """A node says that `value` of `total` parts are done, with whatever else it tells."""

    path: str
    value: int
    total: int
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeFinished:
    path: str
    seconds: float
    nbytes: int


@dataclass(frozen=True, slots=True)
class NodeFailed:
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class NodeSkipped:
    """A node did not run: what it hangs on failed, or a node chose another input."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class LoopStep:
    """A loop begins pass `index` of `count`; passes before `first` were at hand."""

    path: str
    index: int
    count: int
    first: int


@dataclass(frozen=True, slots=True)
class RunFinished:
    status: str
    seconds: float


Event: TypeAlias = (
    "RunStarted | NodeCached | NodeStarted | NodeProgress | NodeFinished | NodeFailed | "
    "NodeSkipped | LoopStep | RunFinished"
)
