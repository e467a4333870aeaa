"""`nodeflow run`: check a graph, run it, save what came out, and tell what became of it."""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from nodeflow.cache import Cache, default_budget
from nodeflow.commands.prepare import Prepared, prepare, registry_with, unwritable
from nodeflow.commands.report import (
    CANCELLED,
    DONE,
    FAILED,
    WRONG,
    print_json,
    size,
    table,
    tell_problems,
)
from nodeflow.context import RunContext
from nodeflow.devices import pick_device, wrong_name
from nodeflow.display import Display, display_for
from nodeflow.errors import Cancelled, GraphError, NodeError, Problem
from nodeflow.executor import run
from nodeflow.fingerprint import digest
from nodeflow.graph import walk
from nodeflow.job import asks_for_device, file_stem, is_plain_value, thread_count, with_writers
from nodeflow.memory import short
from nodeflow.plan import Targets, targets
from nodeflow.program import Program
from nodeflow.provenance import differences, metadata, provenance
from nodeflow.registry import Registry
from nodeflow.result import RunResult
from nodeflow.saving import is_saved, save_output

PASS = re.compile(r"\[\d+\]")
"""The number of a loop's pass in a node's path."""


@dataclass(frozen=True)
class RunOrder:
    """What the command line asked for."""

    graph: str
    inputs: Mapping[str, str]
    params: Mapping[str, str]
    out: Path = Path("output")
    device: str = ""
    """As `pick_device` takes it; "" is the picture's own when one is repeated, else `auto`."""
    outputs: tuple[str, ...] = ()
    nodes: tuple[Path, ...] = ()
    cache_dir: Path | None = None
    cache_bytes: int | None = None
    keep_going: bool = False
    check: bool = False
    why: bool = False
    trace: bool = False
    json: bool = False


@dataclass
class Report:
    """What `--json` prints; filled as the command goes on, so that it can be printed at any end."""

    status: str = "invalid"
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("import", "validate", "plan", "run"), 0.0)
    )
    nodes: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("total", "ran", "cached"), 0)
    )
    peak_bytes: int = 0
    problems: list[Problem] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "outputs": self.outputs,
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "nodes": self.nodes,
            "peak_bytes": self.peak_bytes,
            "problems": [problem.as_json() for problem in self.problems],
        }


def run_command(order: RunOrder, started: float) -> int:
    """Do what was ordered; `started` is when the process began. Returns the exit code."""
    report = Report()
    with _cancelled_by_signal() as cancel:
        try:
            code = _Command(order, report, cancel, started).go()
        except GraphError as error:
            report.problems += error.problems
            code = WRONG
        except Exception as error:  # a fault of ours or of a pack, outside of any node's body
            traceback.print_exception(error)
            text = f"{type(error).__name__}: {error}"
            hint = "this is a fault of nodeflow or of a node pack; the traceback tells where"
            report.problems.append(Problem("internal-error", "", text, hint))
            code = FAILED
    if not order.json:
        tell_problems(report.problems)
        _tell(report)
    else:
        print_json(report.as_json())
    return code


@dataclass(frozen=True)
class _Job:
    """A checked graph with all that a run of it takes. `names` is what the engine is asked for."""

    prepared: Prepared
    names: tuple[str, ...] | None
    asked: Targets
    context: RunContext


class _Command:
    def __init__(
        self, order: RunOrder, report: Report, cancel: threading.Event, started: float
    ) -> None:
        self.order = order
        self.report = report
        self.cancel = cancel
        self.clock = started

    def go(self) -> int:
        registry = registry_with(self.order.nodes)
        self._lap("import")
        try:
            prepared = self._prepare(registry)
        finally:
            self._lap("validate")
        if prepared is None:
            return WRONG
        job = self._job(prepared)
        # What is imported by now lives as long as the process: no use in looking through it again.
        gc.freeze()
        self._lap("import")
        result, code = self._run(job)
        code = max(code, self._save(job, result))
        self._lap("run")
        return code

    def _lap(self, name: str) -> None:
        now = perf_counter()
        self.report.seconds[name] += now - self.clock
        self.clock = now

    def _prepare(self, registry: Registry) -> Prepared | None:
        """The checked graph; None if anything is wrong with it or with where it should go."""
        order, report = self.order, self.report
        device = wrong_name(order.device or "auto")
        report.problems += [device] if device is not None else []
        for folder in (order.out, order.cache_dir):
            report.problems += unwritable(folder) if folder is not None else []
        prepared = prepare(order.graph, registry, order.inputs, order.params)
        report.problems += prepared.problems
        wrong = any(problem.severity == "error" for problem in report.problems)
        return None if wrong else prepared

    def _job(self, prepared: Prepared) -> _Job:
        """Plan the run and work out what its pictures will say of it."""
        made = prepared.made
        told_names = self._asked(prepared)
        names = with_writers(made, told_names)
        asked = targets(made, names)
        self._lap("plan")
        wanted = asks_for_device(made)
        device = self._device(prepared, wanted=wanted)
        threads = thread_count(device, prepared.recorded) if wanted else None
        told = provenance(made, prepared.registry, told_names, device, threads)
        if prepared.recorded:
            self.report.problems += differences(prepared.recorded, told)
        context = RunContext(device=device, output_dir=self.order.out, metadata=metadata(told))
        return _Job(prepared, names, asked, context)

    def _asked(self, prepared: Prepared) -> tuple[str, ...] | None:
        """The outputs asked for; of a picture that is repeated, those that it was made with."""
        if self.order.outputs:
            return self.order.outputs
        recorded = prepared.recorded.get("outputs")
        if isinstance(recorded, list) and all(isinstance(name, str) for name in recorded):
            return tuple(recorded)
        return None

    def _device(self, prepared: Prepared, *, wanted: bool) -> str:
        """The device; torch is not imported to find one that no node asks for."""
        name = self.order.device
        recorded = prepared.recorded.get("device")
        if not name and isinstance(recorded, str):
            try:
                return pick_device(recorded)
            except GraphError:  # it is not here; `differences` will tell
                name = "auto"
        return pick_device(name or "auto") if name or wanted else "cpu"

    def _run(self, job: _Job) -> tuple[RunResult, int]:
        """Run the graph with a display; what came of it, failed or not, and the exit code."""
        order = self.order
        display = Display() if order.json else display_for()
        with display, _cache(order, job.prepared.made) as cache:
            result, code = self._result(job, cache, display)
        self.report.status = result.status
        self.report.peak_bytes = result.peak_bytes
        self.report.nodes.update(total=len(result.nodes), ran=result.ran, cached=result.cached)
        if order.why and not order.json:
            _tell_why(result)
        return result, code

    def _result(self, job: _Job, cache: Cache, display: Display) -> tuple[RunResult, int]:
        try:
            result = run(
                job.prepared.graph,
                outputs=job.names,
                cache=cache,
                on_event=display,
                registry=job.prepared.registry,
                context=job.context,
                cancel=self.cancel,
                keep_going=self.order.keep_going,
                check=self.order.check,
            )
        except Cancelled as error:
            message = "the run was cancelled; what had finished is kept"
            self.report.problems.append(Problem("cancelled", "", message))
            return error.result, CANCELLED  # type: ignore[attr-defined]
        except NodeError as error:
            self._tell_failures([error])
            return error.result, FAILED  # type: ignore[attr-defined]
        self._tell_failures(result.errors)
        return result, FAILED if result.errors else DONE

    def _tell_failures(self, errors: Sequence[NodeError]) -> None:
        for error in errors:
            self.report.problems.append(error.problem())
            if self.order.trace:
                traceback.print_exception(error.__cause__ or error, file=sys.stderr)

    def _save(self, job: _Job, result: RunResult) -> int:
        """Save and tell the outputs; one that cannot be saved does not keep the others from it."""
        code = DONE
        for name, value in result.outputs.items():
            if not is_saved(value):
                self.report.outputs[name] = value if is_plain_value(value) else short(value)
                continue
            graph = job.prepared
            stem = self.order.out / file_stem(graph.path.stem, name, graph.made, job.asked)
            try:
                paths = save_output(value, stem, job.context.metadata)
                self.report.outputs[name] = [path.as_posix() for path in paths]
            except Exception as error:  # a hook of any pack may fail, and a disk may be full
                text = f"{type(error).__name__}: {error}"
                hint = "the other outputs are saved"
                self.report.problems.append(Problem("not-saved", name, text, hint))
                self.report.status = "failed"
                code = FAILED
        return code


@contextmanager
def _cache(order: RunOrder, made: Program) -> Iterator[Cache]:
    """The cache of the run, with the folder behind it that was asked for, and what it remembers of
    the nodes of this graph."""
    cache = Cache(default_budget() if order.cache_bytes is None else order.cache_bytes)
    if order.cache_dir is None:
        yield cache
        return
    from nodeflow.disk import DiskTier

    tier = cache.behind = DiskTier(order.cache_dir)
    parts = [f"{path}={node.type}".encode() for path, node in walk(made.graph)]
    journal = digest(*parts).hex()
    cache.made.update(tier.load_journal(journal))
    try:
        yield cache
    finally:
        tier.save_journal(journal, cache.made)


@contextmanager
def _cancelled_by_signal() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, or a polite word to end (SIGTERM, of a batch system);
    the second ends the process as it would any other."""
    cancel = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return

    def stop(number: int, frame: object) -> None:
        cancel.set()
        signal.signal(number, signal.SIG_DFL)
        # Not print: the signal may have come in the middle of one.
        os.write(2, b"\nstopping; once more to stop at once\n")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(report: Report) -> None:
    """Results on standard output, the summary on standard error."""
    for name, value in report.outputs.items():
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            for item in value:
                print(f"{name}: {item}")
        else:
            print(f"{name}: {value}")
    if report.status == "invalid":
        return
    nodes, seconds = report.nodes, sum(report.seconds.values())
    print(
        f"{report.status} in {seconds:.1f} s: {nodes['ran']} ran, {nodes['cached']} at hand, "
        f"peak {size(report.peak_bytes)}",
        file=sys.stderr,
    )


def _tell_why(result: RunResult) -> None:
    """Each node's state and why, on standard error; like passes of a loop on one line."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for path, record in result.nodes.items():
        pattern, _ = PASS.subn("[*]", path)
        alike.setdefault((pattern, record.state, record.why), []).append(
            "".join(PASS.findall(path))
        )
    rows = []
    for (pattern, state, why), passes in alike.items():
        which = passes[0] if len(passes) == 1 else f"{passes[0]}…{passes[-1]}"
        rows.append((pattern.replace("[*]", which, 1).replace("[*]", ""), state, why))
    print("\n".join(table(rows)), file=sys.stderr)
