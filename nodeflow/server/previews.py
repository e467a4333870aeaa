"""Small pictures of a run while it goes on, as frames of kind 101.

Worker side, wired like a `Tracer` (see `together`). Drawn are values whose socket type has a
`preview`; of a loop or sampler one kind alone: its estimates of the clean latent where it has any,
which look like the picture, else its latents. A loop that has no estimates of its own but a node
that steps along a prediction is drawn by x - sigma * prediction. The model that the run last asked
is handed to the drawer, since a latent does not know whose it is.

Pillow and NumPy are imported where a picture is drawn. Imports `events`, `fingerprint` and
`server.frames`, `server.values`.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any, Protocol

from nodeflow.events import Event, LoopStep, NodeProgress
from nodeflow.fingerprint import Key
from nodeflow.server.frames import PREVIEW, Frame
from nodeflow.server.values import info_of, node_of, role_of, step_of

PER_SECOND = 8
SHARE = 0.01
"""Of the run's time; the first picture is free."""
QUALITY = 80
SIDE = 256
"""Of what is sent; latents are enlarged to it."""
_log = logging.getLogger("nodeflow.server")


class Watcher(Protocol):
    """What looks at a run: `Tracer`, `Previewer`."""

    def value(self, path: str, port: str, value: Any, key: Key) -> None: ...
    def inputs(self, path: str, arguments: Mapping[str, Any]) -> None: ...
    def found(self, path: str, port: str, key: Key) -> None: ...
    def event(self, event: Event) -> None: ...


def together(*watchers: Watcher) -> dict[str, Any]:
    """Keyword arguments for `executor.run` by which all of these watch. `event` is left out: events
    are told to others too, so who runs the graph calls it."""

    def each(name: str) -> Callable[..., None]:
        calls = [getattr(watcher, name) for watcher in watchers]
        if len(calls) == 1:
            return calls[0]  # type: ignore[no-any-return]

        def call(*arguments: Any) -> None:
            for one in calls:
                one(*arguments)

        return call

    if not watchers:
        return {}
    return {f"on_{name}": each(name) for name in ("value", "inputs", "found")}


class Previewer:
    """Draws one run's values as they come, at most `PER_SECOND` and for `SHARE` of its time."""

    def __init__(
        self,
        emit: Callable[[Frame], object],
        run_id: str = "",
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.emit = emit
        self.run_id = run_id
        self.clock = clock
        self.counts: dict[str, int] = {}
        self.spent = 0.0
        self._start = clock()
        self._last: float | None = None
        self._model: Any = None
        self._estimates: set[str] = set()
        """Loops and samplers that are drawn by estimates of the clean latent."""
        self._drawers: dict[str, Callable[[Any, Any], Any] | None] = {}

    def event(self, event: Event) -> None:
        """How many passes a loop has; the step that a sampler tells of."""
        if isinstance(event, LoopStep):
            self.counts[event.path] = event.count
        elif isinstance(event, NodeProgress):
            self._progress(event)

    def inputs(self, path: str, arguments: Mapping[str, Any]) -> None:
        """A node is about to run: which model it asks; whether it steps along a prediction."""
        values = arguments.values()
        self._model = next((v for v in values if role_of(v) == "model"), self._model)
        roles = {role_of(value): value for value in values}
        if "[" in path and {"x_t", "eps", "step"} <= roles.keys():
            self._estimates.add(node_of(path).rpartition("/")[0])
            if self._is_due(path):
                self._estimate(path, roles["x_t"], roles["eps"], roles["step"])

    def value(self, path: str, port: str, value: Any, key: Key) -> None:
        """A value was made."""
        info = info_of(value)
        if info is None or not info.preview or isinstance(value, list):
            return
        if "[" in path and not port.startswith("each."):
            loop = path[: path.rindex("[")]
            if info.role == "x0":
                self._estimates.add(node_of(loop))
            elif info.role == "x_t" and (node_of(loop) in self._estimates or not step_of(path)):
                return  # the first pass shows whether there are estimates
        elif info.role:
            return  # latents at rest: the picture follows
        if self._is_due(path):
            self._draw(path, value)

    def found(self, path: str, port: str, key: Key) -> None:
        """What need not be made is not drawn."""

    # ── drawing ────────────────────────────────────────────────────────────────────────────────

    def _progress(self, event: NodeProgress) -> None:
        values = {role_of(v): v for v in event.info.values() if role_of(v) in ("x_t", "x0")}
        path = f"{event.path}[{event.value - 1}]"
        self.counts[event.path] = event.total
        if values and self._is_due(path):
            self._draw(path, values.get("x0") or values.get("x_t"))

    def _estimate(self, path: str, latent: Any, noise: Any, step: Any) -> None:
        try:
            clean = replace(latent, samples=latent.samples - step.sigma * noise.samples)
        except Exception:
            return  # the node itself will say what does not fit
        self._draw(path, clean)

    def _is_due(self, path: str) -> bool:
        """Whether there is time for a picture. The last step is what stays on the screen: it need
        not wait its turn, and may take as much again."""
        now, step = self.clock(), step_of(path)
        if self._last is None:
            return True
        last = step is not None and step + 1 == self.counts.get(path[: path.rindex("[")])
        share = 2 * SHARE if last else SHARE
        in_turn = last or now - self._last >= 1 / PER_SECOND
        return in_turn and self.spent <= share * (now - self._start)

    def _draw(self, path: str, value: Any) -> None:
        begin = self.clock()
        try:
            drawer = self._drawer(value)
            frame = None if drawer is None else self._frame(path, drawer(value, self._model))
        except Exception:
            _log.exception("run %s: no preview of %s", self.run_id, path)
            frame = None
        first = self._last is None
        self._last = self.clock()
        if not first:
            self.spent += self._last - begin
        if frame is not None:
            self.emit(frame)

    def _drawer(self, value: Any) -> Callable[[Any, Any], Any] | None:
        info = info_of(value)
        reference = info.preview if info is not None else ""
        if reference not in self._drawers:
            module, _, name = reference.partition(":")
            found = getattr(importlib.import_module(module), name) if reference else None
            self._drawers[reference] = found
        return self._drawers[reference]

    def _frame(self, path: str, pixels: Any) -> Frame:
        data, width, height = jpeg(pixels)
        step = step_of(path)
        loop = path[: path.rindex("[")] if step is not None else path
        head = {
            "run": self.run_id,
            "node": node_of(loop),
            "path": path,
            "step": step or 0,
            "steps": self.counts.get(loop, 0),
            "width": width,
            "height": height,
        }
        return Frame(PREVIEW, head, data)


def jpeg(pixels: Any, side: int = SIDE) -> tuple[bytes, int, int]:
    """A uint8 array [H, W, 3], or a Pillow picture, as JPEG with its longer side `side`."""
    from PIL import Image

    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    file = BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue(), *size
