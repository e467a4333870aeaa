"""Outputs kept by key: a RAM tier with a byte budget, and whatever tiers are put behind it.

What leaves first is what is cheap to make again for the room it takes (GreedyDual-Size: Cao and
Irani 1997): each value's worth is the clock + seconds to make it / its bytes; the least worthy
goes, and the clock rises to its worth, so that what is not asked for ages. Of equals, the least
recently used goes. What came from the tier behind costs what it takes to read it again. Values may
share tensors (a model, and the same with a LoRA over it): they count once, and a value's bytes are
those that letting it go would free.

The cache also remembers, per node path, what a node was made from last time, which is how a run can
say *why* a node ran again. Imports `memory`, `fingerprint`, `graph` (for the names of loops).
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

from nodeflow import memory
from nodeflow.fingerprint import Key
from nodeflow.graph import STRUCTURAL
from nodeflow.memory import Account, Bytes

GIB = 1 << 30


class _Missing:
    def __repr__(self) -> str:
        return "MISS"


MISS: Any = _Missing()
"""What `get` answers where there is nothing; None is a value."""


class Tier(Protocol):
    """A store of values by key, such as the one on disk."""

    def get(self, key: bytes) -> Any:
        """The value, or MISS."""

    def put(self, key: bytes, value: Any, seconds: float, nbytes: int) -> None:
        """Keep a value that took `seconds` to make; a tier may decline."""

    def load_journal(self, name: str) -> dict[str, MadeFrom]:
        """What `save_journal` kept under this name, or nothing."""

    def save_journal(self, name: str, made: Mapping[str, MadeFrom]) -> None:
        """Keep what the nodes of a graph were made from."""


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What a node's result came from, for telling what changed since."""

    type: str
    version: int
    params: Mapping[str, Any]
    inputs: Mapping[str, Key]
    static_key: bytes


@dataclass(slots=True)
class _Entry:
    value: Any
    nbytes: int
    seconds: float
    density: float
    rank: tuple[float, int]
    """Its worth, and when it was last used: the lowest leaves first."""
    queued: tuple[float, int]
    """Its place in the queue, which it may have risen above."""


@dataclass
class CacheCounts:
    hits: int = 0
    misses: int = 0
    evicted: int = 0


def default_budget() -> int:
    """A quarter of the machine's memory, at most 4 GiB."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # Windows has no sysconf
        total = 4 * GIB
    return min(4 * GIB, total // 4)


@dataclass
class Cache:
    """Values by key in RAM, at most `budget` bytes, with an optional tier behind.

    Values are shared, not copied: nodes never change what they are given.
    """

    budget: int = field(default_factory=default_budget)
    behind: Tier | None = None
    counts: CacheCounts = field(default_factory=CacheCounts)
    made: dict[str, MadeFrom] = field(default_factory=dict)
    withheld: Set[Key] = frozenset()
    """Keys of values that are here and were not given: none, but where one looks through a view."""
    _entries: dict[bytes, _Entry] = field(default_factory=dict, repr=False)
    _heap: list[tuple[tuple[float, int], bytes]] = field(default_factory=list, repr=False)
    _account: Account = field(default_factory=Account, repr=False)
    _clock: float = 0.0
    _uses: int = 0

    @property
    def nbytes(self) -> int:
        """What is kept here, each tensor's memory once."""
        return self._account.held

    def get(self, key: Key) -> Any:
        """The value made under this key, or MISS."""
        if key is None:
            return MISS
        entry = self._entries.get(key)
        if entry is not None:
            entry.rank = self._rank(entry.density)
            self.counts.hits += 1
            return entry.value
        if self.behind is not None:
            started = time.perf_counter()
            value = self.behind.get(key)
            if value is not MISS:
                self.counts.hits += 1
                self._keep(key, value, time.perf_counter() - started, memory.nbytes(value))
                return value
        self.counts.misses += 1
        return MISS

    def put(self, key: Key, value: Any, seconds: float, nbytes: int, *, persist: bool) -> None:
        """Keep a value that took `seconds` to make; `persist` allows the tier behind to keep it."""
        if key is None:
            return
        if persist and self.behind is not None:
            self.behind.put(key, value, seconds, nbytes)
        self._keep(key, value, seconds, nbytes)

    def clear(self) -> None:
        """Let every value go; what the tier behind holds stays."""
        self._entries.clear()
        self._heap.clear()
        self._account = Account()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def _keep(self, key: bytes, value: Any, seconds: float, nbytes: int) -> None:
        growth = self._account.growth(nbytes)
        if growth > self.budget or key in self._entries:
            return
        density = seconds / growth
        rank = self._rank(density)
        self._entries[key] = _Entry(value, nbytes, seconds, density, rank, rank)
        heapq.heappush(self._heap, (rank, key))
        self._account.add(nbytes)
        if self._account.held > self.budget:
            self._shrink(self.budget)

    def _rank(self, density: float) -> tuple[float, int]:
        self._uses += 1
        return self._clock + density, self._uses

    def _shrink(self, target: int) -> None:
        while self._account.held > target and self._heap:
            rank, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is None or entry.queued != rank:  # gone, or it stands elsewhere by now
                continue
            if entry.rank == rank:
                self._weigh(entry)  # others may hold by now what it holds: less would be freed
            if entry.rank > rank:  # or it was asked for since; it stands further back in the queue
                self._queue(key, entry)
                continue
            self._clock = max(self._clock, rank[0])
            del self._entries[key]
            self._account.remove(entry.nbytes)
            self.counts.evicted += 1
            self._weigh_last_holders(entry.nbytes)

    def _queue(self, key: bytes, entry: _Entry) -> None:
        entry.queued = entry.rank
        heapq.heappush(self._heap, (entry.rank, key))

    def _weigh(self, entry: _Entry) -> None:
        """Rank an entry by what letting it go would free now."""
        density = entry.seconds / self._account.relief(entry.nbytes)
        if density != entry.density:
            worth, use = entry.rank
            entry.rank = worth - entry.density + density, use
            entry.density = density

    def _weigh_last_holders(self, gone: int) -> None:
        """Rank anew what holds alone what it shared with a value that has gone."""
        places = self._account.with_one_holder(gone)
        if not places:
            return
        for key, entry in self._entries.items():
            held = entry.nbytes
            if isinstance(held, Bytes) and not held.storages.keys().isdisjoint(places):
                self._weigh(entry)
                self._queue(key, entry)


def why_run(before: MadeFrom | None, now: MadeFrom, withheld: bool = False) -> str:
    """Why a node runs although it ran before, in words. `withheld`: its result is here, and is not
    taken."""
    if before is None:
        return "first run"
    if before.type != now.type:
        return f"type changed: {before.type} → {now.type}"
    if before.version != now.version:
        return f"{now.type} changed: version {before.version} → {now.version}"
    changed = [
        f"{name} changed: {_word(before.params.get(name))} → {_word(now.params.get(name))}"
        for name in {**before.params, **now.params}
        if before.params.get(name) != now.params.get(name)
    ]
    for name in {**before.inputs, **now.inputs}:
        old, new = before.inputs.get(name), now.inputs.get(name)
        if new is None and name in now.inputs:
            changed.append(f"{name} cannot be told in advance")
        elif old != new:
            changed.append(f"{name} changed")
    if changed:
        return "; ".join(changed)
    if before.static_key != now.static_key:
        what = "its body" if now.type in STRUCTURAL else "a file it reads"
        return f"{what}, or the device, changed"
    if withheld:
        return "nothing changed; made again to be looked at"
    return "nothing changed; its result had been let go"


def _word(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
