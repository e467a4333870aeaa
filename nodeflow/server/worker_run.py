"""One run in a worker: from the request to the saved outputs, as `nodeflow run` does it. Worker
side; imports the layers up to `job`, and the server's worker-side modules.
"""

from __future__ import annotations

import mimetypes
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from nodeflow.cache import Cache
from nodeflow.context import RunContext
from nodeflow.devices import pick_device
from nodeflow.errors import Cancelled, GraphError, InputError, NodeError, Problem
from nodeflow.events import Event
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.job import asks_for_device, file_stem, is_plain_value, thread_count, with_writers
from nodeflow.memory import short
from nodeflow.plan import Targets, targets
from nodeflow.program import Program
from nodeflow.provenance import metadata, provenance
from nodeflow.registry import Registry
from nodeflow.result import RunResult
from nodeflow.saving import is_saved, save_output
from nodeflow.server.breaks import Breaks
from nodeflow.server.previews import Previewer, Watcher, together
from nodeflow.server.reporter import Reporter
from nodeflow.server.retelling import Retelling
from nodeflow.server.tracing import TraceMemory, Tracer
from nodeflow.server.values import node_of
from nodeflow.validate import program

LONGEST_VALUE = 1 << 16
"""Characters of a plain output that are told whole."""
LONGEST_REASON = 500
MOST_PATHS = 50_000
"""Of so many nodes it is remembered what they were made from last time."""
_MEDIA = {".webp": "image/webp", ".avif": "image/avif", ".safetensors": "application/octet-stream"}


@dataclass(frozen=True)
class Place:
    """What a worker was told when it began: where files go, on what it computes."""

    output: Path
    temp: Path
    traces: Path
    device: str = "auto"
    trace_bytes: int = 0


@dataclass
class Job:
    """A run that a worker was given. `cancel` and `breaks` are reached from another thread."""

    run: str
    request: Mapping[str, Any]
    reporter: Reporter
    cancel: threading.Event = field(default_factory=threading.Event)
    breaks: Breaks | None = None

    def __post_init__(self) -> None:
        if self.request["breakpoints"]:
            self.breaks = Breaks(self.request["breakpoints"], self.reporter)

    def stop(self) -> None:
        """From any thread: cancel the run."""
        self.cancel.set()
        if self.breaks is not None:
            self.breaks.cancel()


@dataclass
class End:
    """What came of a run."""

    state: str = "done"
    reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    peak_bytes: int = 0


@dataclass
class Runner:
    """Runs one job after another with what is kept between them."""

    place: Place
    registry: Registry
    cache: Cache
    traced: TraceMemory = field(default_factory=TraceMemory)

    def run(self, job: Job) -> End:
        """Run a job and tell of it; whatever happens, there is an end to tell."""
        end = End()
        try:
            self._run(job, end)
        except GraphError as error:
            for problem in error.problems:
                self._tell_problem(job, problem)
            _fail(end, str(error.problems[0]) if error.problems else str(error))
        except SystemExit as error:
            _fail(end, f"a node ended the process with code {error.code}")
            self._tell_problem(job, Problem("left", "", end.reason))
        except Exception as error:  # a fault of ours or of a pack, outside of any node's body
            traceback.print_exception(error)
            _fail(end, self.secret(f"{type(error).__name__}: {error}"))
            hint = "this is a fault of nodeflow or of a node pack; the server's log tells more"
            self._tell_problem(job, Problem("internal-error", "", end.reason, hint))
        job.reporter.flush()
        if len(self.cache.made) > MOST_PATHS:  # of all graphs that ever ran here
            self.cache.made.clear()
        return end

    def secret(self, text: str) -> str:
        """A text without the folders of this machine."""
        for folder, short_name in _folders(self.place):
            text = text.replace(folder, short_name)
        return text

    def _run(self, job: Job, end: End) -> None:
        request = job.request
        graph = graph_from_data(request["graph"], self.registry)
        if request["inputs"]:
            graph = graph.with_inputs(request["inputs"])
        made = program(graph, self.registry)
        if made.errors:
            raise GraphError(made.errors)
        told = None if request["outputs"] is None else tuple(request["outputs"])
        names = with_writers(made, told)
        asked = targets(made, names)
        context = self._context(made, told, request.get("texts", {}))
        result = self._result(job, graph, names, context, end)
        end.counts = {"total": len(result.nodes), "ran": result.ran, "cached": result.cached}
        end.peak_bytes = result.peak_bytes
        job.reporter.flush()
        self._save(job, made, asked, result, context, end)

    def _context(
        self, made: Program, told: tuple[str, ...] | None, texts: Mapping[str, str]
    ) -> RunContext:
        """Where and with what the nodes run, and what their pictures will say of it, `texts` beside
        it. Torch is not imported to find a device that no node asks for."""
        place, wanted = self.place, asks_for_device(made)
        device = pick_device(place.device) if wanted or place.device != "auto" else "cpu"
        threads = thread_count(device, {}) if wanted else None
        recorded = provenance(made, self.registry, told, device, threads)
        told_of_it = {**texts, **metadata(recorded)}
        return RunContext(device=device, output_dir=place.output, metadata=told_of_it)

    def _result(
        self,
        job: Job,
        graph: Graph,
        names: Sequence[str] | None,
        context: RunContext,
        end: End,
    ) -> RunResult:
        request, reporter = job.request, job.reporter
        tracer = self._tracer(job)
        watchers: list[Watcher] = [tracer]
        if request["previews"]:
            watchers.append(Previewer(reporter.frame, job.run))

        def on_event(event: Event) -> None:
            for watcher in watchers:
                watcher.event(event)
            reporter.event(event)

        try:
            result = run(
                graph,
                outputs=names,
                cache=cast(Cache, Retelling(self.cache, tracer)),
                on_event=on_event,
                registry=self.registry,
                context=context,
                cancel=job.cancel,
                keep_going=request["keep_going"],
                before=job.breaks.before if job.breaks is not None else None,
                **together(*watchers),
            )
        except Cancelled as error:
            end.state, end.reason = "cancelled", "cancelled"
            result = error.result  # type: ignore[attr-defined]
        except NodeError as error:
            result = error.result  # type: ignore[attr-defined]
        finally:
            tracer.finished()
        for fault in result.errors:
            self._tell_fault(job, fault)
        if result.errors and end.state == "done":
            first = result.errors[0]
            _fail(end, self.secret(f"{first.path}: {first.message}"))
        return result

    def _tracer(self, job: Job) -> Tracer:
        """What keeps the run's values to look at, as much as was asked for."""
        tracer = Tracer(
            job.run,
            job.request["trace"],
            job.request["every"],
            self.place.traces / job.run,
            self.place.trace_bytes,
            job.reporter.frame,
            memory=self.traced,
            on_step=job.reporter.step,
        )
        job.reporter.sigma = tracer.sigma
        return tracer

    # ── what came out ──────────────────────────────────────────────────────────────────────────

    def _save(
        self,
        job: Job,
        made: Program,
        asked: Targets,
        result: RunResult,
        context: RunContext,
        end: End,
    ) -> None:
        """Save and tell the outputs; one that cannot be saved does not keep the others from it."""
        title = job.request["title"] or made.graph.title
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", title).strip("_")[:60] or "output"
        for name, value in result.outputs.items():
            owner = made.scope.slot_task[asked.wanted[name]]
            task = made.scope.tasks[owner] if owner >= 0 else None
            told: dict[str, Any] = {"name": name, "node": task.path if task else ""}
            told |= {"files": [], "value": None}
            try:
                if is_saved(value):
                    passing = name in job.request.get("temporary", ())
                    home = self.place.temp if passing else self.place.output
                    target = home / file_stem(stem, name, made, asked)
                    paths = save_output(value, target, context.metadata)
                    told["files"] = [self._file(path) for path in paths]
                else:
                    told["files"] = self._written(value) if task and task.writes else []
                    told["value"] = None if told["files"] else self._plain(value)
            except Exception as error:  # a hook of any pack may fail, and a disk may be full
                text = self.secret(f"{name} could not be saved: {type(error).__name__}: {error}")
                hint = "the other outputs are saved"
                self._tell_problem(job, Problem("not-saved", told["node"], text, hint))
                _fail(end, text)
                continue
            job.reporter.tell("nf.output", {"output": told})

    def _written(self, value: Any) -> list[dict[str, Any]]:
        """The files that a node says it has written, where all of them are ours to show."""
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            return []
        files = [Path(os.path.abspath(path)) for path in paths]
        homes = (self.place.output, self.place.temp)
        shown = all(any(_below(f, home) for home in homes) and f.is_file() for f in files)
        return [self._file(file) for file in files] if shown else []

    def _file(self, path: Path) -> dict[str, Any]:
        kind, home = "output", self.place.output
        if _below(path, self.place.temp):
            kind, home = "temp", self.place.temp
        media = _MEDIA.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or ""
        width, height = _picture_size(path) if media.startswith("image/") else (None, None)
        return {
            "kind": kind,
            "path": path.relative_to(home).as_posix(),
            "bytes": path.stat().st_size,
            "media_type": media,
            "width": width,
            "height": height,
        }

    def _plain(self, value: Any) -> Any:
        """A value as it is told: short enough, and without folders of this machine."""
        if not is_plain_value(value) or len(repr(value)) > LONGEST_VALUE:
            return self.secret(short(value))
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        return self.secret(value) if isinstance(value, str) else value

    # ── what went wrong ────────────────────────────────────────────────────────────────────────

    def _tell_fault(self, job: Job, fault: NodeError) -> None:
        cause = fault.__cause__
        trace = self.secret(_told_traceback(cause)) if cause is not None else ""
        port = cause.port if isinstance(cause, InputError) else ""
        problem = fault.problem()
        data = {"node": node_of(fault.path), "path": fault.path, "port": port}
        data |= {"code": problem.code, "message": self.secret(fault.message)}
        hint = self.secret(problem.hint)
        job.reporter.tell("nf.error", {**data, "hint": hint, "traceback": trace})

    def _tell_problem(self, job: Job, problem: Problem) -> None:
        place, _, port = problem.where.rpartition(".")
        node = node_of(place or problem.where)
        data = {"node": node, "path": node, "port": port if place else ""}
        message, hint = self.secret(problem.message), self.secret(problem.hint)
        data |= {"code": problem.code, "message": message, "hint": hint, "traceback": ""}
        job.reporter.tell("nf.error", data)


def _fail(end: End, reason: str) -> None:
    cut = reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"
    end.state, end.reason = "failed", cut


def _below(path: Path, home: Path) -> bool:
    return path.is_relative_to(home)


def _folders(place: Place) -> Iterator[tuple[str, str]]:
    """Folders that texts may name, longest first, and what stands there instead."""
    found = {str(place.output): "output", str(place.temp): "temp"}
    found[str(place.output.parent)] = "."
    for entry in {*sys.path, sys.prefix, str(Path(__file__).parents[2])}:
        if os.path.isabs(entry):
            found.setdefault(entry.rstrip(os.sep) + os.sep, "")
    home = os.path.expanduser("~").rstrip(os.sep)
    if home:
        found.setdefault(home + os.sep, "~/")
    yield from sorted(found.items(), key=lambda item: -len(item[0]))


def _told_traceback(error: BaseException) -> str:
    """The traceback from where the node's own code begins."""
    frames = traceback.extract_tb(error.__traceback__)
    engine = str(Path(__file__).parents[1])
    while frames and frames[0].filename.startswith(engine):
        del frames[0]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(frames)]
    return "".join([*lines, *traceback.format_exception_only(type(error), error)])


def _picture_size(path: Path) -> tuple[int | None, int | None]:
    try:
        from PIL import Image

        with Image.open(path) as picture:
            return picture.width, picture.height
    except Exception:  # it is told without its size
        return None, None
