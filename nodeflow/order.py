"""The order in which the tasks of a scope run: dependencies first, then little memory held.

Among the tasks that are ready, the one that lets the most memory go runs first: what it releases
(its inputs that nobody else still reads) minus what it makes. So a graph finishes with one thing
before it begins another:

      load A ──► clip ──► encode a ──┐
        │         └─────► encode b ──┤       load A, encode a, encode b (clip is let go), loop,
        └─► model ────────────────► loop     and only then load B, although it was ready first.
      load B ──► …

Ties go to the task that became ready last (its inputs are the freshest), then to the order of the
file. A heap whose entries are re-entered when a priority rises keeps it O((tasks + wires) log
tasks). Imports `program`, `sockets`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from nodeflow.program import Scope, Task
from nodeflow.sockets import PLAIN, socket_info

PLAIN_BYTES = 64
UNKNOWN_BYTES = 4096
"""What a value counts for whose type says nothing of its size."""


def memory_order(scope: Scope, sizes: Sequence[int], wanted: Iterable[int] = ()) -> list[int]:
    """Task numbers in the order of running. `sizes` are bytes per slot, `wanted` slots are kept."""
    readers = _readers(scope)
    left = [len(set(tasks)) for tasks in readers]
    for slot in wanted:
        left[slot] += 1
    waiting = [len(set(task.reads())) for task in scope.tasks]
    given = len(scope.given)
    for task in scope.tasks:
        waiting[task.index] -= sum(1 for slot in set(task.reads()) if slot < given)
    made = [sum(sizes[t.first : t.first + len(t.outputs)]) for t in scope.tasks]
    released = [0] * len(scope.tasks)
    for slot, tasks in enumerate(readers):
        if left[slot] == 1 and tasks:
            released[tasks[0]] += sizes[slot]
    heap: list[tuple[int, int, int]] = []
    arrival = [0] * len(scope.tasks)
    done = [False] * len(scope.tasks)
    ready = 0

    def enter(index: int) -> None:
        heapq.heappush(heap, (made[index] - released[index], -arrival[index], index))

    for task in reversed(scope.tasks):
        if waiting[task.index] == 0:
            ready += 1
            arrival[task.index] = ready
            enter(task.index)
    order = []
    while heap:
        cost, _, index = heapq.heappop(heap)
        if done[index] or cost != made[index] - released[index]:
            continue
        done[index] = True
        order.append(index)
        task = scope.tasks[index]
        for slot in dict.fromkeys(task.reads()):
            left[slot] -= 1
            if left[slot] == 1:
                last = next((i for i in readers[slot] if not done[i]), None)
                if last is not None:
                    released[last] += sizes[slot]
                    if waiting[last] == 0:
                        enter(last)
        for slot in range(task.first, task.first + len(task.outputs)):
            for reader in dict.fromkeys(readers[slot]):
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    ready += 1
                    arrival[reader] = ready
                    enter(reader)
    return order


def predicted_sizes(scope: Scope, given: Mapping[int, int]) -> list[int]:
    """Bytes of each slot's value as far as the graph tells, in one pass along the wires.

    A node that can say so says so (`estimate`); else a value is as large as the largest input of
    its own type. `given` holds the bytes of what the scope is given.
    """
    sizes = [_typical(tp) for tp in scope.slot_types]
    for slot, size in given.items():
        sizes[slot] = size
    for index in scope.order:
        task = scope.tasks[index]
        for slot, size in _predict(scope, task, sizes).items():
            sizes[slot] = size
    return sizes


def _predict(scope: Scope, task: Task, sizes: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    inputs = {
        port: sizes[source] if isinstance(source, int) else sum(sizes[s] for s in source)
        for port, source in task.sources
    }
    told: Mapping[str, int] = {}
    if task.definition is not None and task.definition.estimate is not None:
        told = task.definition.estimate(task.params, inputs)
    for offset, name in enumerate(task.outputs):
        slot = task.first + offset
        tp = scope.slot_types[slot]
        alike = [sizes[s] for s in task.reads() if scope.slot_types[s] is tp]
        if name in told:
            found[slot] = told[name]
        elif alike:
            found[slot] = max(alike)
    return found


def _typical(tp: object) -> int:
    if tp in PLAIN or socket_info(tp).port == "value":
        return PLAIN_BYTES
    return UNKNOWN_BYTES


def _readers(scope: Scope) -> list[list[int]]:
    readers: list[list[int]] = [[] for _ in scope.slot_types]
    for index in scope.order:
        for slot in scope.tasks[index].reads():
            readers[slot].append(index)
    return readers
