"""Where wires lead: from the names in a graph to task numbers, and from those to slots.

Links that lead nowhere and cycles are reported here. Imports the layers up to `flatten`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from nodeflow.errors import Problem
from nodeflow.flatten import Flat
from nodeflow.graph import Graph, Link, Loop, Node, listed, nearest
from nodeflow.program import Scope, SlotSource, Task

Report = Callable[[str, str, str, str], None]
Origin: TypeAlias = "tuple[int, str]"
"""(task, output); task -1 for what the scope is given."""
Wire: TypeAlias = "tuple[str, list[Origin | None], bool]"
"""(port, where each wire comes from or None where it leads nowhere, whether they are gathered)."""

RESERVED = ("each", "const", "state")
"""What a body reads by these names is what its loop gives it."""


@dataclass(slots=True)
class OpenScope:
    """A scope while it is being checked."""

    scope: Scope
    flat: Flat
    index: dict[str, int]
    given: dict[str, int]
    wires: list[list[Wire]] = field(default_factory=list)
    """Of each task, its wires."""
    _loops: tuple[int, list[Task]] = field(default=(0, []), repr=False)

    def loops(self) -> list[Task]:
        """The tasks that have a body: few, where there may be many."""
        count = len(self.scope.tasks)
        if self._loops[0] != count:
            self._loops = count, [t for t in self.scope.tasks if isinstance(t.node, Loop)]
        return self._loops[1]


class Wires:
    """Follows the wires of a graph; faults go to `report(code, where, message, hint)`."""

    def __init__(self, graph: Graph, report: Report) -> None:
        self.graph = graph
        self.report = report

    def wires(self, opened: OpenScope, id: str, task: Task) -> list[Wire]:
        """Where each wire of a node comes from, as task numbers; what leads nowhere is None."""
        home = opened.flat.prefix.get(id, "")
        rewired = opened.flat.rewired.get(id)
        wires: list[Wire] = []
        if isinstance(task.node, Loop):
            for name, link in task.node.outer_links():
                found = self.origin(opened, home, link, f"{task.path}.{name}")
                wires.append((name, [found], False))
            return wires
        for port, source in task.node.links.items():
            prefix = rewired[port][0] if rewired and port in rewired else home
            where = f"{task.path}.{port}"
            if isinstance(source, Link):
                wires.append((port, [self.origin(opened, prefix, source, where)], False))
            else:
                found_all = [self.origin(opened, prefix, link, where) for link in source]
                wires.append((port, found_all, True))
        return wires

    def origin(self, opened: OpenScope, prefix: str, link: Link, where: str) -> Origin | None:
        """(task, output) that a link names; task -1 for what the scope is given."""
        if not prefix and link.node in RESERVED and opened.scope.path:
            if str(link) in opened.given:
                return -1, str(link)
            names = [n.partition(".")[2] for n in opened.given if n.startswith(f"{link.node}.")]
            hint = f"it gives {link.node}.{listed(names)}" if names else ""
            near = nearest(link.port, names)
            hint = f"did you mean {link.node}.{near}?" if near else hint
            self.report("unknown-port", where, f"the loop gives no {link}", hint)
            return None
        found = opened.flat.resolve(prefix, link)
        if isinstance(found, Problem):
            self.report(found.code, where, found.message, found.hint)
            return None
        path, port = found
        index = opened.index.get(path)
        if index is None:
            self._unknown_node(opened, link, where)
            return None
        return index, port

    def _unknown_node(self, opened: OpenScope, link: Link, where: str) -> None:
        if opened.scope.path and self.graph.node(link.node) is not None:
            hint = f'a body is closed: write "const": {{"{link.port}": "{link}"}} in the loop'
            message = f"{link.node} is outside the body"
            self.report("outside-body", where, f"{message}, which may not read it", hint)
            return
        holder = next((t for t in opened.loops() if link.node in _body(t)), None)
        if holder is not None:
            self._inside(holder, link, where)
            return
        near = nearest(link.node, chain(opened.index, opened.flat.groups))
        hint = f"did you mean {near}.{link.port}?" if near else "links are written node.port"
        if not near and not link.port:
            hint = f"{link} has no port"
        self.report("unknown-node", where, f"there is no node {link.node!r}", hint)

    def _inside(self, holder: Task, link: Link, where: str) -> None:
        """Say how what a body makes comes out of its loop: as a state, or collected."""
        loop, id = holder.node, holder.path.rpartition("/")[2]
        assert isinstance(loop, Loop)
        state = next((name for name, carried in loop.state.items() if carried.next == link), None)
        hint = (
            f'write "collect": {{"{link.port}": "{link}"}} in the loop, and read {id}.{link.port}'
        )
        if state is not None:
            hint = f"read {id}.{state}, which is it after the last pass"
        message = f"{link.node} is inside the body of {id}, which is closed"
        self.report("inside-body", where, message, hint)

    def slots(self, opened: OpenScope, index: int) -> list[tuple[str, SlotSource | None]]:
        """The wires of a task as slots; all its origins have theirs by now."""
        found: list[tuple[str, SlotSource | None]] = []
        for port, origins, gathered in opened.wires[index]:
            where = f"{opened.scope.tasks[index].path}.{port}"
            slots = [self.slot(opened, origin, where) for origin in origins]
            if None in slots:
                found.append((port, None))
            else:
                whole = tuple(slot for slot in slots if slot is not None)
                found.append((port, whole if gathered else whole[0]))
        return found

    def slot(self, opened: OpenScope, origin: Origin | None, where: str) -> int | None:
        if origin is None:
            return None
        index, port = origin
        if index < 0:
            return opened.given[port]
        task = opened.scope.tasks[index]
        if port in task.outputs:
            return task.first + task.outputs.index(port)
        if task.definition is not None or isinstance(task.node, Loop):
            near = nearest(port, task.outputs)
            has = listed(task.outputs) if task.outputs else "no outputs"
            hint = f"did you mean {near!r}? it has {has}" if near else f"it has {has}"
            name = task.path.rpartition("/")[2]
            self.report("unknown-port", where, f"{name} has no output {port!r}", hint)
        return None

    def sort(self, opened: OpenScope) -> list[int]:
        """Task numbers, each after all it reads (Kahn 1962); tasks on a cycle, and all that hang on
        them, are reported and left out."""
        tasks = opened.scope.tasks
        readers: list[list[int]] = [[] for _ in tasks]
        waiting = [0] * len(tasks)
        for index, wires in enumerate(opened.wires):
            for _, origins, _ in wires:
                for origin in origins:
                    if origin is not None and origin[0] >= 0:
                        readers[origin[0]].append(index)
                        waiting[index] += 1
        order = [index for index, count in enumerate(waiting) if count == 0]
        for index in order:  # grows while it is walked
            for reader in readers[index]:
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    order.append(reader)
        if len(order) < len(tasks):
            self._cycles(opened, readers, {i for i, count in enumerate(waiting) if count})
        return order

    def _cycles(self, opened: OpenScope, readers: list[list[int]], left: set[int]) -> None:
        import networkx as nx  # only a faulty graph pays for it

        wires = nx.DiGraph((a, b) for a in sorted(left) for b in readers[a] if b in left)
        components = [sorted(c) for c in nx.strongly_connected_components(wires)]
        for component in sorted(components):
            ring = wires.subgraph(component)
            if ring.number_of_edges() == 0:
                continue
            path = [edge[0] for edge in nx.find_cycle(ring, component[0])]
            names = [opened.scope.tasks[i].path for i in (*path, path[0])]
            hint = "remove one of these wires; to repeat something use flow.loop"
            self.report("cycle", names[0], f"a cycle: {' → '.join(names)}", hint)


def _body(task: Task) -> Mapping[str, Node]:
    return task.node.body if isinstance(task.node, Loop) else {}
