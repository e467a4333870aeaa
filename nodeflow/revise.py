"""A program after an edit of literals: what the edit did not touch is taken over, not checked
again.

Turning one knob of a large graph then costs what one node costs. Whatever is not plainly a new
value for an old literal (wires, generic ports, groups, a graph with problems) is checked in whole
instead. Imports the layers up to `check_node`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nodeflow.check_node import NodeCheck
from nodeflow.errors import Problem
from nodeflow.graph import Graph, Node
from nodeflow.program import Program, Scope, Task
from nodeflow.registry import Registry


def revised(
    base: Program, graph: Graph, paths: Iterable[str], registry: Registry
) -> Program | None:
    """The program of `graph`, which is `base.graph` with literals set at the nodes `paths`; None
    where it must be worked out anew."""
    if base.errors or base.scope.has_groups:
        return None
    reviser = _Reviser(registry)
    scope: Scope | None = base.scope
    for path in dict.fromkeys(paths):
        node = graph.node(path)
        scope = reviser.scope(scope, path, node) if scope and node else None
    if scope is None or reviser.problems:
        return None
    return Program(graph, scope, base.outputs, base.problems)


class _Reviser:
    def __init__(self, registry: Registry) -> None:
        self.problems: list[Problem] = []
        self.check = NodeCheck(registry, self._report)

    def _report(self, code: str, where: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(code, where, message, hint))

    def scope(self, scope: Scope, path: str, node: Node) -> Scope | None:
        """The top scope with the task at `path` renewed, and every loop around it."""
        parts = path.split("/")
        chain: list[tuple[Scope, Task]] = []
        current = scope
        for depth, part in enumerate(parts):
            index = current.index.get(part)
            if index is None:
                return None
            chain.append((current, current.tasks[index]))
            loop = current.tasks[index].loop
            if depth < len(parts) - 1:
                if loop is None or loop.body.has_groups:
                    return None
                current = loop.body
        task = self._task(chain[-1][1], node)
        for (body, _), (_, outer) in zip(reversed(chain[1:]), reversed(chain[:-1]), strict=True):
            if task is None or outer.loop is None:
                return None
            task = replace(outer, loop=replace(outer.loop, body=_with_task(body, task)))
        return _with_task(scope, task) if task else None

    def _task(self, task: Task, node: Node) -> Task | None:
        definition = task.definition
        if definition is None or node.links != task.node.links:
            return None
        if self.check.facts(definition).generic:
            return None
        new = replace(task, node=node, static_key=None)
        new.params = self.check.params(new)
        return new


def _with_task(scope: Scope, task: Task) -> Scope:
    tasks = list(scope.tasks)
    tasks[task.index] = task
    return replace(scope, tasks=tasks)
