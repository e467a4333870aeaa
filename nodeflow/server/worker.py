"""A worker: `python -m nodeflow.server.worker`. Runs what the server gives it, one run at a time.

It keeps one cache over all runs. The thread that runs is the main one; another reads what the
server says, so that a cancel is heard in the middle of a node, and tools run in a third. When the
server has gone, whatever happened to it, the worker ends at once: what it saves is written aside
and moved, so nothing is left in part. Imports the layers up to `server.worker_run`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib.metadata
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nodeflow.cache import Cache, default_budget
from nodeflow.confinement import confine, install_audit_hook, readable
from nodeflow.devices import pick_device
from nodeflow.errors import InputError
from nodeflow.registry import load_registry
from nodeflow.server.pipe import Message, Pipe
from nodeflow.server.reporter import Reporter, finite
from nodeflow.server.worker_run import Job, Place, Runner

TOOLS = "nodeflow.tools"
"""Entry points of packages: name → `function(arguments: dict) -> dict`."""
Tool = Callable[[dict[str, Any]], Mapping[str, Any]]


class Worker:
    """One process, from its first message to the end of the server."""

    def __init__(self, pipe: Pipe, settings: Mapping[str, Any]) -> None:
        self.pipe = pipe
        self.place = Place(
            output=Path(settings["output"]),
            temp=Path(settings["temp"]),
            traces=Path(settings["traces"]),
            device=settings["device"],
            trace_bytes=settings["trace_bytes"],
        )
        registry = load_registry([Path(folder) for folder in settings["nodes"]])
        budget = settings["cache_bytes"]
        cache = Cache(default_budget() if budget is None else budget)
        self.runner = Runner(self.place, registry, cache)
        self._confine(settings)
        self.orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.jobs: dict[str, Job] = {}
        self.tools = ThreadPoolExecutor(1, thread_name_prefix="tool")

    def serve(self) -> None:
        """Do as told until the process ends."""
        gc.collect()
        # What is imported by now lives as long as the process: no use in looking through it again.
        gc.freeze()
        threading.Thread(target=self._listen, daemon=True, name="orders").start()
        self.pipe.send({"kind": "ready", "pid": os.getpid()})
        while True:
            self.orders.get()()

    def _confine(self, settings: Mapping[str, Any]) -> None:
        read = [Path(folder) for folder in settings["read"]]
        write = [self.place.output, self.place.temp, self.place.traces]
        confine(read, write, follow=readable())
        install_audit_hook()

    # ── what the server says ───────────────────────────────────────────────────────────────────

    def _listen(self) -> None:
        while True:
            try:
                message = self.pipe.read()
            except Exception:  # half a message: the server ended while it wrote
                message = None
            if message is None:
                os._exit(0)
            try:
                self._take(message)
            except Exception as error:
                traceback.print_exception(error)

    def _take(self, message: Message) -> None:
        head = message.head
        what = head["do"]
        if what == "run":
            reporter = Reporter(head["run"], self.pipe.send, self.runner.secret)
            job = self.jobs[head["run"]] = Job(head["run"], json.loads(message.payload), reporter)
            self.orders.put(lambda: self._run(job))
        elif what == "free":
            self.orders.put(lambda: self._free(models=head["models"], cache=head["cache"]))
        elif what == "call":
            self.tools.submit(self._call, head["id"], head["tool"], head["arguments"])
        elif what in ("cancel", "continue") and head["run"] in self.jobs:
            job = self.jobs[head["run"]]
            if what == "cancel":
                job.stop()
            elif job.breaks is not None:
                job.breaks.go_on(step=head["step"])

    # ── what it does ───────────────────────────────────────────────────────────────────────────

    def _run(self, job: Job) -> None:
        end = self.runner.run(job)
        del self.jobs[job.run]
        self.pipe.send({"kind": "end", "run": job.run, **asdict(end)})

    def _free(self, *, models: bool, cache: bool) -> None:
        """Let go of what is kept. Models are values of the cache like all others."""
        if models or cache:
            self.runner.cache.clear()
            gc.collect()
            torch = sys.modules.get("torch")
            if torch is not None and torch.cuda.is_available():
                torch.cuda.empty_cache()

    def _call(self, number: int, name: str, arguments: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"kind": "answer", "id": number}
        try:
            answer["result"] = finite(dict(self._tool(name)(arguments)))
            self.pipe.send(answer)
            return
        except InputError as error:
            problem = {"code": "bad-argument", "where": error.port, "message": str(error)}
        except LookupError as error:
            problem = {"code": "no-such-tool", "where": name, "message": str(error)}
        except Exception as error:
            traceback.print_exception(error)
            text = self.runner.secret(f"{type(error).__name__}: {error}")
            problem = {"code": "tool-failed", "where": name, "message": text}
        self.pipe.send({"kind": "answer", "id": number, "problem": problem})

    def _tool(self, name: str) -> Tool:
        if name == "system":
            return self._system
        for entry in importlib.metadata.entry_points(group=TOOLS):
            if entry.name == name:
                found: Tool = entry.load()
                return found
        raise LookupError(f"no package has a tool {name!r}")

    def _system(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Built in: the device, torch's version, how many threads it adds with."""
        device = pick_device(self.place.device)
        torch = sys.modules.get("torch")
        if torch is None:
            with contextlib.suppress(ImportError):
                import torch  # type: ignore[no-redef]
        threads = int(torch.get_num_threads()) if torch is not None else None
        version = str(torch.__version__) if torch is not None else ""
        found: dict[str, Any] = {"device": device, "torch": version, "threads": threads}
        if torch is not None and device.startswith("cuda"):
            free, total = torch.cuda.mem_get_info(device)
            found.update(name=torch.cuda.get_device_name(device), free=free, total=total)
        return found


def main() -> None:
    """Begin: the first message says where files go."""
    pipe = Pipe.take_over()
    faulthandler.enable()
    # Whoever ends the server from a terminal, or by its unit, means the server: it tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    first = pipe.read()
    if first is not None:
        Worker(pipe, first.head).serve()


if __name__ == "__main__":
    main()
