"""nodeflow: a node-graph engine for diffusion.

`load`, `validate`, `plan` and `run` work on graph files; `node` makes a function a node;
`GraphBuilder` writes graphs in Python. Names are looked up on first use, so that importing nodeflow
costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodeflow.api import load, save
    from nodeflow.builder import GraphBuilder
    from nodeflow.cache import Cache
    from nodeflow.context import RunContext
    from nodeflow.errors import Cancelled, GraphError, NodeError, NodeflowError, Problem
    from nodeflow.executor import run
    from nodeflow.graph import Graph
    from nodeflow.node import node
    from nodeflow.plan import Plan, plan
    from nodeflow.result import RunResult
    from nodeflow.validate import validate

__version__ = "0.1.0"

_HOMES = {
    "load": "api",
    "save": "api",
    "GraphBuilder": "builder",
    "Cache": "cache",
    "RunContext": "context",
    "Cancelled": "errors",
    "GraphError": "errors",
    "NodeError": "errors",
    "NodeflowError": "errors",
    "Problem": "errors",
    "RunResult": "result",
    "run": "executor",
    "Graph": "graph",
    "node": "node",
    "Plan": "plan",
    "plan": "plan",
    "validate": "validate",
}

__all__ = [
    "Cache",
    "Cancelled",
    "Graph",
    "GraphBuilder",
    "GraphError",
    "NodeError",
    "NodeflowError",
    "Plan",
    "Problem",
    "RunContext",
    "RunResult",
    "load",
    "node",
    "plan",
    "run",
    "save",
    "validate",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'nodeflow' has no attribute {name!r}")
    return getattr(import_module(f"nodeflow.{home}"), name)


class _Package(ModuleType):
    """Some functions have the name of their module. Importing `nodeflow.plan` anywhere would put
    the module in the place of the function `plan`; here the function keeps its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _HOMES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
