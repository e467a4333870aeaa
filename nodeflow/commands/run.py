"""`nodeflow run`: check a graph, run it, save what came out, and tell what became of it."""

from __future__ import annotations

import gc
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
from nodeflow.devices import pick_device
from nodeflow.display import Display, display_for
from nodeflow.errors import Cancelled, GraphError, NodeError, Problem
from nodeflow.executor import RunResult, run
from nodeflow.fingerprint import digest
from nodeflow.graph import walk
from nodeflow.memory import short
from nodeflow.plan import Targets, targets
from nodeflow.program import Program
from nodeflow.provenance import differences, every_task, metadata, provenance
from nodeflow.saving import is_saved, save_output
from nodeflow.sockets import PLAIN, socket_info

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
    if not order.json:
        tell_problems(report.problems)
        _tell(report)
    else:
        print_json(report.as_json())
    return code


class _Command:
    def __init__(
        self, order: RunOrder, report: Report, cancel: threading.Event, started: float
    ) -> None:
        self.order = order
        self.report = report
        self.cancel = cancel
        self.clock = started

    def go(self) -> int:
        order = self.order
        registry = registry_with(order.nodes)
        self._lap("import")
        prepared = prepare(order.graph, registry, order.inputs, order.params)
        self.report.problems += prepared.problems
        self.report.problems += unwritable(order.out)
        if order.cache_dir is not None:
            self.report.problems += unwritable(order.cache_dir)
        if any(p.severity == "error" for p in self.report.problems):
            return WRONG
        self._lap("validate")
        names = self._asked(prepared)
        asked = targets(prepared.made, names)
        self._lap("plan")
        device = self._device(prepared)
        told = provenance(prepared.made, registry, names, device)
        if prepared.recorded:
            self.report.problems += differences(prepared.recorded, told)
        # What is imported by now lives as long as the process: no use in looking through it again.
        gc.freeze()
        self._lap("import")
        texts = metadata(told)
        result, code = self._run(prepared, names, device, texts)
        code = max(code, self._save(prepared, asked, result, texts))
        self._lap("run")
        return code

    def _lap(self, name: str) -> None:
        now = perf_counter()
        self.report.seconds[name] += now - self.clock
        self.clock = now

    def _asked(self, prepared: Prepared) -> tuple[str, ...] | None:
        """The outputs asked for; of a picture that is repeated, those that it was made with."""
        if self.order.outputs:
            return self.order.outputs
        recorded = prepared.recorded.get("outputs")
        if isinstance(recorded, list) and all(isinstance(name, str) for name in recorded):
            return tuple(recorded)
        return None

    def _device(self, prepared: Prepared) -> str:
        """The device; torch is not imported to find one for nodes that none of them asks for."""
        name = self.order.device
        recorded = prepared.recorded.get("device")
        if not name and isinstance(recorded, str):
            try:
                return pick_device(recorded)
            except GraphError:  # `differences` will tell
                name = "auto"
        if not name and not _wants_context(prepared.made):
            return "cpu"
        return pick_device(name or "auto")

    def _run(
        self, prepared: Prepared, names: tuple[str, ...] | None, device: str, texts: dict[str, str]
    ) -> tuple[RunResult, int]:
        """Run the graph with a display; what came of it, failed or not, and the exit code."""
        order = self.order
        context = RunContext(device=device, output_dir=order.out, metadata=texts)
        display = Display() if order.json else display_for()
        with display, _cache(order, prepared.made) as cache:
            result, code = self._result(
                prepared, names, cache=cache, context=context, display=display
            )
        self.report.status = result.status
        self.report.peak_bytes = result.peak_bytes
        self.report.nodes.update(total=len(result.nodes), ran=result.ran, cached=result.cached)
        if order.why and not order.json:
            _tell_why(result)
        return result, code

    def _result(
        self,
        prepared: Prepared,
        names: tuple[str, ...] | None,
        *,
        cache: Cache,
        context: RunContext,
        display: Display,
    ) -> tuple[RunResult, int]:
        order = self.order
        try:
            result = run(
                prepared.graph,
                outputs=names,
                cache=cache,
                on_event=display,
                registry=prepared.registry,
                context=context,
                cancel=self.cancel,
                keep_going=order.keep_going,
                check=order.check,
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

    def _save(
        self, prepared: Prepared, asked: Targets, result: RunResult, texts: dict[str, str]
    ) -> int:
        """Save and tell the outputs; one that cannot be saved does not keep the others from it."""
        code = DONE
        for name, value in result.outputs.items():
            if not is_saved(value):
                self.report.outputs[name] = value if _is_plain(value) else short(value)
                continue
            stem = self.order.out / _stem(prepared, asked, name)
            try:
                paths = save_output(value, stem, texts)
                self.report.outputs[name] = [path.as_posix() for path in paths]
            except Exception as error:  # a hook of any pack may fail, and a disk may be full
                text = f"{type(error).__name__}: {error}"
                hint = "the other outputs are saved"
                self.report.problems.append(Problem("not-saved", name, text, hint))
                self.report.status = "failed"
                code = FAILED
        return code


def _stem(prepared: Prepared, asked: Targets, name: str) -> str:
    """The name of an output's file: the graph's, with the output's where several are saved."""
    types = prepared.made.scope.slot_types
    saved = [other for other, slot in asked.wanted.items() if socket_info(types[slot]).save]
    stem = prepared.path.stem
    if len(saved) <= 1:
        return stem
    return f"{stem}_{re.sub(r'[^A-Za-z0-9_-]+', '_', name)}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return value is None or type(value) in PLAIN


def _wants_context(made: Program) -> bool:
    return any(
        task.definition is not None and task.definition.wants_context
        for task in every_task(made.scope)
    )


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
    """An event that the first Ctrl-C sets; the second ends the process as it would any other."""
    cancel = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return

    def stop(number: int, frame: object) -> None:
        cancel.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        print("stopping; Ctrl-C again to stop at once", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


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
