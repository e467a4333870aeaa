"""The engine's events of one run as messages of the protocol. Worker side.

What comes too fast for any eye is thinned per node: the first hundred steps and passes are told
each, then twenty a second, and the last always. Messages are gathered until a node begins, so that
most nodes cost one write to the pipe; before a node runs the server knows of it, and can say which
one it was if the process ends there. Imports `events`, `server.frames`, `server.values`,
`server.tracing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from nodeflow.events import (
    Event,
    LoopStep,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunStarted,
)
from nodeflow.server.frames import Frame
from nodeflow.server.tracing import plain
from nodeflow.server.values import node_of

Send = Callable[[Mapping[str, Any], bytes], None]
BURST = 100
RATE = 20.0
"""Messages of one node: at once, and then a second."""
MANY, LATER_RATE = 2_000, 1.0
"""After so many, as in a training of hours, so few a second: each is kept."""
GATHERED = 200


class Thinning:
    """Of each name, a burst and then a rate, which falls in the end."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._room: dict[str, tuple[float, float, int]] = {}
        """By name: how many may pass now, when that was so, how many have."""

    def allows(self, name: str) -> bool:
        now = self.clock()
        room, then, told = self._room.get(name, (float(BURST), now, 0))
        rate = RATE if told < MANY else LATER_RATE
        room = min(float(BURST), room + (now - then) * rate)
        allowed = room >= 1
        self._room[name] = (room - allowed, now, told + allowed)
        return allowed


class Reporter:
    """Tells of one run. Called from the thread that runs it."""

    def __init__(self, run: str, send: Send, secret: Callable[[str], str] = str) -> None:
        """`secret` takes out of a text what is nobody's business."""
        self.run = run
        self._send = send
        self.secret = secret
        self.sigma: Callable[[str, int], float | None] = lambda path, index: None
        """The noise level at which a pass begins, where somebody knows."""
        self._gathered: list[tuple[str, dict[str, Any]]] = []
        self._thin = Thinning()
        self._held: dict[str, dict[str, Any]] = {}
        """Of each node, the progress that was not told yet."""
        self._silent: set[str] = set()
        """Passes of nodes whose beginning was not told, so that their end is not either."""

    # ── from the engine ────────────────────────────────────────────────────────────────────────

    def event(self, event: Event) -> None:
        """Tell of an event."""
        if isinstance(event, NodeStarted):
            self._started(event)
        elif isinstance(event, NodeFinished):
            self._finished(event)
        elif isinstance(event, NodeCached):
            if "[" not in event.path or self._thin.allows(node_of(event.path)):
                self._node(event.path, "cached")
        elif isinstance(event, NodeProgress):
            self._progress(event)
        elif isinstance(event, LoopStep):
            self._pass(event)
        elif isinstance(event, NodeFailed):
            self._tell_held(event.path)
            self._node(event.path, "error", why=self.secret(event.message))
        elif isinstance(event, NodeSkipped):
            self._node(event.path, "skipped", why=event.why)
        elif isinstance(event, RunStarted):
            self.state("running", total=event.total, cached=event.cached)

    def frame(self, frame: Frame) -> None:
        """Tell a frame, after the events that came before it."""
        self.flush()
        head = {"kind": "frame", "run": self.run, "frame": frame.kind, "head": frame.head}
        self._send(head, frame.data)

    # ── from the worker ────────────────────────────────────────────────────────────────────────

    def state(self, state: str, **more: Any) -> None:
        """Tell what the run does now."""
        self.tell("nf.run", {"state": state, **more})
        self.flush()

    def step(self, data: Mapping[str, Any]) -> None:
        """Tell a step with what a trace knows of it."""
        sigma, cfg = data.get("sigma"), data.get("cfg")
        told = {"sigma": sigma, "cfg": cfg, "info": data.get("info", {})}
        names = ("node", "path", "step", "steps")
        self.tell("nf.step", {**{name: data[name] for name in names}, **told})
        self.flush()

    def tell(self, type: str, data: Mapping[str, Any]) -> None:
        """Gather a message; `flush` sends it."""
        self._gathered.append((type, finite(dict(data))))
        if len(self._gathered) >= GATHERED:
            self.flush()

    def flush(self) -> None:
        """Send what is gathered."""
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._send({"kind": "events", "run": self.run, "events": gathered}, b"")

    # ── inside ─────────────────────────────────────────────────────────────────────────────────

    def _started(self, event: NodeStarted) -> None:
        if "[" in event.path and not self._thin.allows(node_of(event.path)):
            self._silent.add(event.path)
            return
        self._node(event.path, "running", why=event.why)
        self.flush()

    def _finished(self, event: NodeFinished) -> None:
        self._tell_held(event.path)
        if event.path in self._silent:
            self._silent.remove(event.path)
            return
        ms = round(event.seconds * 1000, 3)
        self._node(event.path, "done", ms=ms, bytes=int(event.nbytes))

    def _progress(self, event: NodeProgress) -> None:
        sigma = event.info.get("sigma")
        if sigma is None:
            sigma = self.sigma(event.path, event.value - 1)
        info = {name: value for name, value in plain(event.info).items() if name != "sigma"}
        data = self._step(event.path, event.value, event.total, sigma, info)
        if event.value >= event.total or self._thin.allows(f"{node_of(event.path)} steps"):
            self._held.pop(event.path, None)
            self.tell("nf.step", data)
            self.flush()
        else:
            self._held[event.path] = data

    def _pass(self, event: LoopStep) -> None:
        name = f"{node_of(event.path)} steps"
        if event.index >= event.count - 1 or self._thin.allows(name):
            sigma = self.sigma(event.path, event.index)
            self.tell("nf.step", self._step(event.path, event.index, event.count, sigma, {}))

    def _step(
        self, path: str, step: int, steps: int, sigma: object, info: Mapping[str, Any]
    ) -> dict[str, Any]:
        level = float(sigma) if isinstance(sigma, (int, float)) else None
        place = {"node": node_of(path), "path": path}
        return {**place, "step": step, "steps": steps, "sigma": level, "cfg": None, "info": info}

    def _tell_held(self, path: str) -> None:
        held = self._held.pop(path, None)
        if held is not None:
            self.tell("nf.step", held)

    def _node(self, path: str, state: str, **more: Any) -> None:
        data = {"node": node_of(path), "path": path, "state": state}
        self.tell("nf.node", {**data, "why": "", "ms": None, "bytes": None, **more})


def finite(value: Any) -> Any:
    """A value with nan and inf as texts, for which JSON has no word."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
