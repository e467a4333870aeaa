"""What a traced run takes from the cache: only values that it can tell of.

Worker side. Imports `cache`, `fingerprint`, `server.values` and `server.tracing`.
"""

from __future__ import annotations

from typing import Any

from nodeflow.cache import MISS, Cache, MadeFrom
from nodeflow.fingerprint import Key
from nodeflow.server.tracing import Tracer
from nodeflow.server.values import persists


class Retelling:
    """A cache as a traced run sees it: data of which no earlier run has traced as much as this one
    is to show is not there. It is made again, and traced on the way; models stay."""

    def __init__(self, cache: Cache, tracer: Tracer) -> None:
        self._cache = cache
        self._tracer = tracer
        self._own: set[bytes] = set()
        self.withheld: set[Key] = set()
        """See `Cache`."""

    @property
    def made(self) -> dict[str, MadeFrom]:
        return self._cache.made

    def get(self, key: Key) -> Any:
        """The value made under this key, or MISS."""
        value = self._cache.get(key)
        if value is MISS or key is None or key in self._own or not persists(value):
            return value
        if self._tracer.can_tell(key):
            return value
        self.withheld.add(key)
        return MISS

    def put(self, key: Key, value: Any, seconds: float, nbytes: int, *, persist: bool) -> None:
        """Keep a value that this run has made."""
        if key is not None:
            self._own.add(key)
        self._cache.put(key, value, seconds, nbytes, persist=persist)
