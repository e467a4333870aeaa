"""What a run shows of its values: statistics of every tensor, elements of those asked for.

Worker side. A `Tracer` is wired to one run:

    tracer = Tracer(run_id, level, every, folder, limit_bytes, emit, memory=memory)
    executor.run(graph, ..., on_event=..., **tracer.hooks())   # on_event calls tracer.event(event)
    # with a Previewer: **previews.together(tracer, previewer), and previewer.event(event) too
    tracer.finished()

`emit` gets frames of kind 100 as elements are kept, `on_step` the data of an `nf.step` (without run
and seq) when guidance is known. `memory`, one per worker, lets a run that finds its values in the
cache show what an earlier run traced of them. A fault here is logged and costs the trace, never the
run. At level `full` what packages offer to watch of a node's work (`watchers`) is kept as well, as
values of a port `attention`. Imports `events`, `fingerprint` and the server's modules of traces.
"""

from __future__ import annotations

import logging
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nodeflow.events import Event, LoopStep, NodeProgress
from nodeflow.fingerprint import Key
from nodeflow.server.frames import TENSOR, Frame
from nodeflow.server.tensor_facts import array_of, guidance, numbers, statistics
from nodeflow.server.trace_files import DATA, TraceWriter
from nodeflow.server.values import (
    NUMBER,
    node_of,
    parts,
    persists,
    role_of,
    series,
    step_of,
    type_of,
)
from nodeflow.server.watchers import Watch, offered

__all__ = ["TraceMemory", "Tracer", "node_of", "plain", "step_of"]

LATENT_ROLES = frozenset({"x_t", "x0", "eps"})
ROLES = LATENT_ROLES | {"attention"}
FULL_BYTES = 16 << 20
"""At level `full`, larger tensors are told by their statistics alone."""
PUSHED_BYTES = 4 << 20
ATTENTION = "attention"
"""Role and port of what was watched."""
WATCHED_SHARE = 0.5
"""Of the room for elements, so that latents keep theirs."""
PARTS = 512
"""Tensors looked at in one value."""
SERIES = 65_536
"""Numbers kept of one schedule."""
REMEMBERED_ROWS = 50_000
LEVELS = ("off", "stats", "latents", "full")
Detail = tuple[int, int]
"""How much a run traces: its level, and minus each how many-th step."""
_log = logging.getLogger("nodeflow.server")


def plain(info: Mapping[str, Any]) -> dict[str, Any]:
    """What of a node's progress can be told as JSON."""
    return {k: v for k, v in info.items() if isinstance(v, (bool, int, float, str))}


class TraceMemory:
    """Which traced rows tell of a cached value, over runs; the oldest run's go first."""

    def __init__(self, limit_rows: int = REMEMBERED_ROWS) -> None:
        self.limit_rows = limit_rows
        self._runs: OrderedDict[str, _Remembered] = OrderedDict()

    def begin(self, run: str, folder: Path, detail: Detail = (0, 0)) -> _Remembered:
        self._runs.pop(run, None)
        kept = self._runs[run] = _Remembered(folder, detail)
        return kept

    def trim(self) -> None:
        while len(self._runs) > 1 and sum(r.count for r in self._runs.values()) > self.limit_rows:
            self._runs.popitem(last=False)

    def find(
        self, key: Key, but: str, detail: Detail | None = None
    ) -> tuple[_Remembered, str, str] | None:
        """Where the newest other run that traced this value keeps it, at which path and port; only
        of runs that tell at least this much."""
        for run, kept in reversed(self._runs.items()):
            enough = detail is None or (kept.detail[0] >= detail[0] and kept.detail[1] >= detail[1])
            if run != but and key in kept.keys and enough:
                return kept, *kept.keys[key]
        return None


class _Remembered:
    """The rows of one run."""

    def __init__(self, folder: Path, detail: Detail) -> None:
        self.folder = folder
        self.detail = detail
        self.keys: dict[Key, tuple[str, str]] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        """By path, and once more under `path[` for each loop or sampler that they lie in."""
        self.count = 0

    def add(self, row: dict[str, Any]) -> None:
        self.count += 1
        path = row["path"]
        for name in (path, *(path[: m.start() + 1] for m in NUMBER.finditer(path))):
            self.rows.setdefault(name, []).append(row)


class Tracer:
    """Traces one run. `every` is each n-th pass of a loop; the first and the last always are."""

    def __init__(
        self,
        run_id: str,
        level: str,
        every: int,
        folder: Path,
        limit_bytes: int,
        emit: Callable[[Frame], object],
        *,
        memory: TraceMemory | None = None,
        on_step: Callable[[dict[str, Any]], object] | None = None,
    ) -> None:
        self.run_id = run_id
        self.level = level
        self.every = max(1, every)
        self.emit = emit
        self.on_step = on_step
        self.memory = memory or TraceMemory()
        self.sigmas: dict[tuple[str, int], float] = {}
        self.counts: dict[str, int] = {}
        """Passes of each loop, steps of each sampler, by its path."""
        self._seq = 0
        self._seen: dict[int, tuple[weakref.ref[Any], dict[str, Any]]] = {}
        self._files: TraceWriter | None = None
        self._watches: list[Watch] = []
        self._watched_bytes = int(limit_bytes * WATCHED_SHARE)
        self._remarks: set[tuple[str, str]] = set()
        if level != "off":
            self._guard(lambda: self._open(folder, limit_bytes))

    def _open(self, folder: Path, limit_bytes: int) -> None:
        self._files = TraceWriter(folder, self.run_id, self.level, limit_bytes)
        self._mine = self.memory.begin(self.run_id, folder, self._detail)
        if self.level == "full":
            self._watches = offered()

    @property
    def _detail(self) -> Detail:
        return LEVELS.index(self.level), -self.every

    def can_tell(self, key: Key) -> bool:
        """Whether a value that need not be made can be told of: nothing is asked for, or an earlier
        run has traced it as closely, and its trace is still there."""
        if self._files is None:
            return True
        found = self.memory.find(key, but=self.run_id, detail=self._detail)
        return found is not None and found[0].folder.is_dir()

    def hooks(self) -> dict[str, Any]:
        """What `executor.run` is to call."""
        if self._files is None:
            return {"on_value": self.value}
        return {"on_value": self.value, "on_inputs": self.inputs, "on_found": self.found}

    # ── what the run tells ─────────────────────────────────────────────────────────────────────

    def event(self, event: Event) -> None:
        """An event of the run, before it is told on: how many passes there are, a node's steps."""
        if isinstance(event, LoopStep):
            self.step(event.path, event.index, event.count)
        elif isinstance(event, NodeProgress):
            self.progress(event.path, event.value, event.total, event.info)

    def step(self, path: str, index: int, count: int, sigma: float | None = None) -> None:
        """Pass `index` of `count` of the loop at `path` begins."""
        self.counts[path] = count
        if sigma is not None:
            self.sigmas[path, index] = sigma

    def sigma(self, path: str, index: int) -> float | None:
        """The noise level at which a pass or a sampler's step begins, once that is known."""
        return self.sigmas.get((path, index))

    def value(self, path: str, port: str, value: Any, key: Key) -> None:
        """A value was made, or given to a pass."""
        if port.startswith("each."):
            self._given(path, value)
        elif self._files is not None and self._is_due(path):
            self._guard(lambda: self._value(path, port, value, key))
            self._guard(lambda: self._watched(path))

    def inputs(self, path: str, arguments: Mapping[str, Any]) -> None:
        """A node is about to run: if it weighs two predictions, tell how they lie to each other."""
        for watch in self._watches:
            due = self._is_due(path)
            self._guard(partial(watch.begin, arguments, due))
        cond, uncond = arguments.get("cond"), arguments.get("uncond")
        if role_of(cond) == role_of(uncond) == "eps" and self._files is not None:
            self._guard(lambda: self._guidance(path, cond, uncond))

    def found(self, path: str, port: str, key: Key) -> None:
        """A value need not be made: what an earlier run traced of it is this run's too."""
        if self._files is not None and key:
            self._guard(lambda: self._found(path, port, key))

    def progress(self, path: str, done: int, total: int, info: Mapping[str, Any]) -> None:
        """A node of many steps tells of one: its latent, estimate and predictions, if any."""
        if not any(role_of(value) in ROLES for value in info.values()):
            return
        index = done - 1
        self.counts[path] = total
        inner = f"{path}[{index}]"
        for value in info.values():
            self._given(inner, value)
        next_due = self._is_due(f"{path}[{done}]")
        for watch in self._watches:
            self._guard(partial(watch.listen, next_due))
        if self._files is None or not self._is_due(inner):
            return
        cond, uncond = info.get("cond"), info.get("uncond")
        if cond is not None and uncond is not None:
            self._guard(lambda: self._guidance(inner, cond, uncond))
        for port, value in info.items():
            if role_of(value) in ROLES:
                self.value(inner, port, value, None)

    def finished(self) -> None:
        """The run has ended, however it did."""
        for watch in self._watches:
            self._guard(watch.close)
        self._watches = []
        if self._files is not None:
            self._guard(self._files.close)
            self._files = None
            self.memory.trim()

    # ── what is written ────────────────────────────────────────────────────────────────────────

    def _guard(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception:
            _log.exception("run %s: tracing failed", self.run_id)

    def _given(self, path: str, value: Any) -> None:
        sigma = getattr(value, "sigma", None) if role_of(value) == "step" else None
        index = step_of(path)
        if isinstance(sigma, float) and index is not None:
            self.sigmas[path[: path.rindex("[")], index] = sigma

    def _is_due(self, path: str) -> bool:
        """Whether each pass that the path lies in is among those traced."""
        if self.every == 1:
            return True
        for found in NUMBER.finditer(path):
            index, count = int(found[0][1:-1]), self.counts.get(path[: found.start()], 0)
            if index % self.every and index != count - 1:
                return False
        return True

    def _is_vital(self, path: str) -> bool:
        """Whether it is of no pass, or of the last one: what there is room for to the end."""
        step = step_of(path)
        return step is None or step == self.counts.get(path[: path.rindex("[")], 0) - 1

    def _value(self, path: str, port: str, value: Any, key: Key) -> None:
        if not persists(value):
            return
        if key:
            self._mine.keys[key] = (path, port)
        for number, (part, owner, tensor) in enumerate(parts(value)):
            if number == PARTS:
                break
            self._tensor(path, port, value, part, owner, tensor)
        for part, told in series(value):
            self._series(path, port, value, part, told)

    def _series(self, path: str, port: str, value: Any, part: str, told: list[float]) -> None:
        """Numbers of a schedule, as a tensor of float64 would be told."""
        import numpy as np

        assert self._files is not None
        array = np.array(told[:SERIES], "<f8")
        facts = {
            "dtype": "float64",
            "device": "cpu",
            "shape": list(array.shape),
            "bytes": array.nbytes,
            "stats": statistics(array),
            "file": DATA,
            "offset": None,
        }
        if self.level != "stats":
            facts["offset"] = self._files.elements(array.tobytes(), self._is_vital(path))
            facts["lost"] = facts["offset"] is None
        self._row(path, port, type_of(value), part, "", facts)

    def _tensor(self, path: str, port: str, value: Any, part: str, owner: Any, tensor: Any) -> None:
        known = self._seen.get(id(tensor))
        role = role_of(owner)
        facts = known[1] if known is not None and known[0]() is tensor else None
        data = b""
        if facts is None:
            facts, data = self._facts(path, role, tensor)
            self._seen[id(tensor)] = (weakref.ref(tensor), facts)
        row = self._row(path, port, type_of(value), part, role, facts)
        if data and len(data) <= PUSHED_BYTES and not facts.get("lost"):
            self._push(row, data)

    def _facts(self, path: str, role: str, tensor: Any) -> tuple[dict[str, Any], bytes]:
        """What is told of a tensor, with its elements on disk if they are kept, and those."""
        array, dtype = array_of(tensor)
        facts = {
            "dtype": dtype,
            "device": str(tensor.device),
            "shape": list(array.shape),
            "bytes": array.nbytes,
            "stats": statistics(numbers(array, dtype)),
            "file": DATA,
            "offset": None,
        }
        if not self._is_kept(role, array.nbytes):
            return facts, b""
        assert self._files is not None
        data = array.tobytes()
        if role != ATTENTION:
            facts["offset"] = self._files.elements(data, self._is_vital(path))
        elif len(data) <= self._watched_bytes:
            facts["offset"] = self._files.elements(data, False)
            self._watched_bytes -= len(data)
        facts["lost"] = facts["offset"] is None
        return facts, data

    def _watched(self, path: str) -> None:
        """What was watched while the value at this path was made. It is for those who ask for it:
        not pushed."""
        for watch in self._watches:
            parts, remark = watch.take()
            for part, tensor in parts:
                facts, _ = self._facts(path, ATTENTION, tensor)
                self._row(path, ATTENTION, "Attention", part, ATTENTION, facts)
            if remark and (node_of(path), remark) not in self._remarks:
                self._remarks.add((node_of(path), remark))
                assert self._files is not None
                self._files.line({"kind": "remark", "node": node_of(path), "text": remark})

    def _is_kept(self, role: str, count: int) -> bool:
        if self.level == "latents":
            return role in LATENT_ROLES
        return self.level == "full" and count <= FULL_BYTES

    def _row(
        self, path: str, port: str, type_: str, part: str, role: str, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        row = {
            "tid": f"t{self._next()}",
            "node": node_of(path),
            "path": path,
            "port": port,
            "type": type_,
            "part": part,
            "step": step_of(path),
            "role": role if role in ROLES else "value",
            **facts,
        }
        assert self._files is not None
        self._files.line({"kind": "tensor", **row})
        self._mine.add(row)
        return row

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _push(self, row: Mapping[str, Any], data: bytes) -> None:
        names = ("node", "path", "port", "step", "dtype", "shape", "role", "tid")
        head = {"run": self.run_id, **{n: row[n] for n in names}, "seq": self._seq}
        self.emit(Frame(TENSOR, head, data))

    def _guidance(self, path: str, cond: Any, uncond: Any) -> None:
        if not self._is_due(path):
            return
        told = guidance(cond.samples, uncond.samples)
        if told is None:
            return
        loop, _, _ = path.rpartition("[")
        step = step_of(path)
        around = (loop, step) if step is not None else ("", -1)
        row = {
            "kind": "guidance",
            "node": node_of(path),
            "path": path,
            "step": step,
            "sigma": self.sigmas.get(around),
            **told,
        }
        self._write_guidance(row)
        if self.on_step is not None and step is not None:
            data = {"node": node_of(loop), "path": loop, "step": step, "cfg": told}
            steps = self.counts.get(loop, step + 1)
            self.on_step({**data, "steps": steps, "sigma": row["sigma"]})

    def _write_guidance(self, row: dict[str, Any]) -> None:
        assert self._files is not None
        self._files.line(row)
        self._mine.add(row)

    def _found(self, path: str, port: str, key: Key) -> None:
        found = self.memory.find(key, self.run_id, self._detail)
        found = found or self.memory.find(key, self.run_id)
        if found is None:
            return
        there, old, old_port = found
        self._mine.keys[key] = (path, port)
        rows = [row for row in there.rows.get(old, ()) if row.get("port") == old_port]
        if not any(row.get("role") == ATTENTION for row in self._mine.rows.get(path, ())):  # once
            rows += [row for row in there.rows.get(old, ()) if row.get("port") == ATTENTION]
        if f"{path}[" not in self._mine.rows:  # what lies inside a loop or a sampler, once
            rows += there.rows.get(f"{old}[", ())
        for row in rows:
            self._copy(row, path + row["path"][len(old) :], port, there.folder)

    def _copy(self, row: Mapping[str, Any], path: str, port: str, folder: Path) -> None:
        """A row of an earlier run as one of this, its elements by a link to the same file."""
        assert self._files is not None
        if row.get("kind") == "guidance":
            self._write_guidance({**row, "path": path, "node": node_of(path)})
            return
        names = ("dtype", "device", "shape", "bytes", "stats", "offset", "lost")
        facts = {name: row[name] for name in names if name in row}
        name = row["file"] if row["file"] != DATA else f"{folder.name}.bin"
        if row["offset"] is not None and not self._files.link(folder / row["file"], name):
            facts.update(offset=None, lost=True)
        inside = path.endswith("]") or row["port"] != port
        own_port = row["port"] if inside else port
        self._row(path, own_port, row["type"], row["part"], row["role"], {**facts, "file": name})
