"""What it costs to look inside a run: the time per step at each level, next to not looking.

    python tests/benchmarks/tracing.py [--graph graphs/text_to_image.json] [--rounds 5] [--steps 20]

The levels take turns, so that what else the machine does falls on all alike. Told are medians of
this process's own processor time per step, in all and inside of what watches; `share` is the second
over what the run takes without.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from nodeflow.cache import Cache
from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph
from nodeflow.server.frames import Frame
from nodeflow.server.previews import Previewer, Watcher, together
from nodeflow.server.trace_files import read, sizes
from nodeflow.server.tracing import Tracer

ROOT = Path(__file__).parents[2]
LEVELS = ("off", "previews", "stats", "latents", "full")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", type=Path, default=ROOT / "graphs" / "text_to_image.json")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=128)
    told = parser.parse_args()
    graph = read_graph(told.graph).with_inputs(
        {"steps": told.steps, "width": told.side, "height": told.side}
    )
    cache = Cache()
    run(graph, cache=cache)  # the model is loaded, and what is lazy is imported
    times: dict[str, list[tuple[float, float]]] = {level: [] for level in LEVELS}
    kept: dict[str, tuple[int, int, int]] = {}
    with tempfile.TemporaryDirectory() as base:
        for number in range(told.rounds + 1):
            for level in LEVELS:
                seeded = graph.with_inputs({"seed": 1 + number * len(LEVELS) + LEVELS.index(level)})
                seconds, inside, facts = _timed(
                    seeded, level, Path(base) / f"{number}{level}", cache
                )
                if number:  # the first round warms up
                    times[level].append((seconds / told.steps, inside / told.steps))
                kept[level] = facts
    _print(times, kept)


class Timed:
    """A watcher, and how long it has taken."""

    def __init__(self, watcher: Watcher) -> None:
        self.seconds = 0.0
        for name in ("value", "inputs", "found", "event"):
            setattr(self, name, self._timed(getattr(watcher, name)))

    def _timed(self, act: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            begin = process_time()
            act(*arguments)
            self.seconds += process_time() - begin

        return call


def _timed(
    graph: Any, level: str, folder: Path, cache: Cache
) -> tuple[float, float, tuple[int, int, int]]:
    frames: list[Frame] = []
    watchers: list[Any] = []
    finish: Callable[[], None] = lambda: None  # noqa: E731
    if level == "previews":
        watchers = [Timed(Previewer(frames.append, "run"))]
    elif level != "off":
        tracer = Tracer("run", level, 1, folder, 1 << 30, frames.append)
        watchers, finish = [Timed(tracer)], tracer.finished

    def on_event(event: Any) -> None:
        for watcher in watchers:
            watcher.event(event)

    begin = process_time()
    run(graph, cache=cache, on_event=on_event, **together(*watchers))
    finish()
    seconds = process_time() - begin
    trace = read(folder)
    rows = len(trace.rows) if trace is not None else 0
    inside = sum(watcher.seconds for watcher in watchers)
    return seconds, inside, (rows, sum(sizes(folder).values()), len(frames))


def _print(times: dict[str, list[tuple[float, float]]], kept: dict[str, Any]) -> None:
    base = statistics.median(seconds for seconds, _ in times["off"])
    print(
        f"{'level':>9} {'ms/step':>8} {'inside':>7} {'share':>7} {'tensors':>8} {'KiB':>5}  frames"
    )
    for level, found in times.items():
        middle = statistics.median(seconds for seconds, _ in found)
        inside = statistics.median(seconds for _, seconds in found)
        rows, count, frames = kept[level]
        print(
            f"{level:>9} {1000 * middle:>8.2f} {1000 * inside:>7.3f} {inside / base:>7.2%} "
            f"{rows:>8} {count / 1024:>5.0f}  {frames}"
        )


if __name__ == "__main__":
    main()
