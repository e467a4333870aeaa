"""The order in which the tasks of a scope run: dependencies first, then little memory held.

Among the tasks that are ready, one that lets at least as much go as it makes runs first: what it
lets go are its inputs that nobody else still reads. If there is none, one that makes another task
ready; if there is none, any. In each of the three, the one that adds least. So a graph finishes
with one thing before it begins another, and nothing is loaded before it can be used:

      load clip ──┬─► encode a ──┐
                  └─► encode b ──┤       load clip, encode a, encode b (clip is let go),
      load unet ─────────────────┴─► loop ──► decode       load unet, loop (unet is let go),
      load vae ───────────────────────────────┘            load vae, decode

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


def memory_order(
    scope: Scope,
    sizes: Sequence[int],
    wanted: Iterable[int] = (),
    needed: Sequence[int] | None = None,
) -> list[int]:
    """Task numbers in the order of running. `sizes` are bytes per slot, `wanted` slots are kept.
    `needed` marks the tasks to run, by default all; what a needed task reads is needed too."""
    queue = _Queue(scope, sizes, wanted, needed)
    order = []
    while queue.heap:
        index = queue.pop()
        if index is not None:
            order.append(index)
            queue.finish(index)
    return order


class _Queue:
    """The ready tasks, the best first, while a scope is gone through in thought."""

    def __init__(
        self,
        scope: Scope,
        sizes: Sequence[int],
        wanted: Iterable[int],
        needed: Sequence[int] | None,
    ) -> None:
        tasks, maker = scope.tasks, scope.slot_task
        chosen = [i for i in scope.order if needed is None or needed[i]]
        self.maker, self.sizes = maker, sizes
        self.reads: list[list[int]] = [[] for _ in tasks]
        self.readers: list[list[int]] = [[] for _ in scope.slot_types]
        self.after: list[list[int]] = [[] for _ in tasks]
        self.waiting = [0] * len(tasks)
        self.cost = [0] * len(tasks)
        """Bytes that a task makes, less those it lets go."""
        self.opens = [0] * len(tasks)
        """Readers of a task that wait for nothing else."""
        self.arrival = [0] * len(tasks)
        self.done = bytearray(len(tasks))
        self.heap: list[tuple[int, int, int, int]] = []
        self.ready = 0
        for index in chosen:
            task = tasks[index]
            self.cost[index] = sum(sizes[task.first : task.first + len(task.outputs)])
            self.reads[index] = list(dict.fromkeys(task.reads()))
            for slot in self.reads[index]:
                self.readers[slot].append(index)
            makers = {maker[slot] for slot in self.reads[index] if maker[slot] >= 0}
            self.waiting[index] = len(makers)
            for before in makers:
                self.after[before].append(index)
            if len(makers) == 1:
                self.opens[makers.pop()] += 1
        self.left = [len(readers) for readers in self.readers]
        for slot in wanted:
            self.left[slot] += 1
        for slot, readers in enumerate(self.readers):
            if self.left[slot] == 1 and readers:
                self.cost[readers[0]] -= sizes[slot]
        for index in reversed([i for i in chosen if not self.waiting[i]]):
            self._arrive(index)

    def pop(self) -> int | None:
        """The best task; None where the heap's entry is out of date."""
        entry = heapq.heappop(self.heap)
        index = entry[-1]
        if self.done[index] or entry != self._entry(index):
            return None
        self.done[index] = 1
        return index

    def finish(self, index: int) -> None:
        """What the end of a task means for the others."""
        for slot in self.reads[index]:
            self.left[slot] -= 1
            if self.left[slot] == 1:
                last = next((i for i in self.readers[slot] if not self.done[i]), None)
                if last is not None:
                    self.cost[last] -= self.sizes[slot]
                    self._renew(last)
        for reader in reversed(self.after[index]):
            self.waiting[reader] -= 1
            if self.waiting[reader] == 0:
                self._arrive(reader)
            elif self.waiting[reader] == 1:
                makers = (self.maker[slot] for slot in self.reads[reader])
                only = next(maker for maker in makers if maker >= 0 and not self.done[maker])
                self.opens[only] += 1
                self._renew(only)

    def _arrive(self, index: int) -> None:
        self.ready += 1
        self.arrival[index] = self.ready
        heapq.heappush(self.heap, self._entry(index))

    def _renew(self, index: int) -> None:
        if self.waiting[index] == 0:
            heapq.heappush(self.heap, self._entry(index))

    def _entry(self, index: int) -> tuple[int, int, int, int]:
        cost = self.cost[index]
        rank = 0 if cost <= 0 else 1 if self.opens[index] else 2
        return rank, cost, -self.arrival[index], index


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
