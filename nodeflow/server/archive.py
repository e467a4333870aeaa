"""The store in a thread of its own: what is asked of it is done in the order of asking.

Imports `server.settings`, `server.rows`, `server.store`.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nodeflow.server.rows import Told
from nodeflow.server.settings import Settings
from nodeflow.server.store import Store

log = logging.getLogger("nodeflow.server")

ASIDE_SECONDS = 3_600
"""Age at which a folder for half-saved files is taken for one of a worker that was killed."""
_T = TypeVar("_T")


class Archive:
    """Opened, asked and closed on the loop. `publish` is called there with what is so by now."""

    def __init__(self, settings: Settings, publish: Callable[[list[Told]], object]) -> None:
        self.settings = settings
        self.publish = publish

    async def open(self) -> list[Told]:
        """Open the queue and see to what was cut; all that waits.

        Raises:
            StoreError: another server has this folder, or nothing can be written to it.
        """
        settings = self.settings
        for folder in (settings.output, settings.input, settings.temp, settings.traces):
            folder.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            return await self._loop.run_in_executor(self._thread, self._open)
        except BaseException:
            self._thread.shutdown()
            raise

    async def close(self) -> None:
        """Close the queue, once all that was asked is done."""
        await self.do(lambda store: store.close())
        self._thread.shutdown()

    def do(self, act: Callable[[Store], _T]) -> asyncio.Future[_T]:
        """Do something with the store. What it has to tell is told before whoever waits for the
        answer goes on."""

        def work() -> _T:
            try:
                return act(self._store)
            finally:
                told = self._store.take()
                if told:
                    self._loop.call_soon_threadsafe(self.publish, told)
                self._sweep()

        return self._loop.run_in_executor(self._thread, work)

    def _open(self) -> list[Told]:
        store = self._store = Store(self.settings.database, self.settings.limits.kept_runs)
        again = store.recover("the server ended while it ran")
        if again:
            log.warning("%d runs had been cut: %s", len(again), ", ".join(again))
        store.take()
        self._sweep()
        for aside in self.settings.output.glob(".nodeflow-*"):
            if aside.is_dir() and aside.stat().st_mtime < time.time() - ASIDE_SECONDS:
                shutil.rmtree(aside, ignore_errors=True)
        return store.live()

    def _sweep(self) -> None:
        """The traces of runs that were forgotten go too."""
        retired, self._store.retired = self._store.retired, []
        for run in retired:
            shutil.rmtree(self.settings.traces / run, ignore_errors=True)
