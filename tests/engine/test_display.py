"""What a run shows: the same plain lines each time; on a terminal, bars that come and go."""

from __future__ import annotations

import io

import pytest

from nodeflow.display import LiveDisplay, PlainDisplay, display_for
from nodeflow.events import (
    Event,
    LoopStep,
    NodeCached,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunFinished,
    RunStarted,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def events(passes: int = 40) -> list[Event]:
    told: list[Event] = [
        RunStarted(4, 1),
        NodeCached("model"),
        NodeStarted("loop", "flow.loop", "first run"),
    ]
    for index in range(passes):
        path = f"loop[{index}]/move"
        told += [LoopStep("loop", index, passes, 0), NodeStarted(path, "t.add", "")]
        told += [NodeFinished(path, 0.0, 0)]
    told += [
        NodeFinished("loop", 1.5, 10),
        NodeStarted("train", "t.slow", ""),
        NodeProgress("train", 1, 2, {"loss": 0.03125, "note": "ok", "picture": object()}),
        NodeFailed("train", "no luck"),
        NodeSkipped("save", "train failed"),
        RunFinished("failed", 2.0),
    ]
    return told


def plain(passes: int = 40) -> list[str]:
    stream = io.StringIO()
    with display_for(stream) as display:
        for event in events(passes):
            display(event)
    return stream.getvalue().splitlines()


def test_plain_lines_are_one_per_node_and_few_per_loop() -> None:
    assert plain() == [
        "4 nodes, 1 of them at hand",
        *(f"  loop {number}/40" for number in range(4, 40, 4)),
        "[2/4] loop (flow.loop) 1.50 s",
        "  train 1/2  loss 0.03125, note ok",
        "train failed: no luck",
        "[3/4] save skipped: train failed",
    ]


@pytest.mark.parametrize("passes", [1, 3, 10, 1000])
def test_a_loop_writes_at_most_ten_lines(passes: int) -> None:
    assert sum(line.startswith("  loop") for line in plain(passes)) == min(passes - 1, 9)


def test_a_stream_decides_the_display() -> None:
    assert isinstance(display_for(io.StringIO()), PlainDisplay)
    assert isinstance(display_for(Terminal()), LiveDisplay)


def test_the_live_display_shows_and_leaves_only_the_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    with display_for(terminal) as display:
        assert isinstance(display, LiveDisplay)
        for event in events():
            display(event)
            if isinstance(event, LoopStep) and event.index == 20:
                display.progress.refresh()
                assert "20/40" in terminal.getvalue()
                assert "1/4" in terminal.getvalue()
                assert set(display.bars) == {"loop"}
        assert display.bars == {}
        assert display.nodes.done == 3
    assert "train failed: no luck" in terminal.getvalue()


def test_a_loop_that_resumes_begins_at_its_first_pass_not_at_hand() -> None:
    with LiveDisplay(Terminal()) as display:
        display(RunStarted(1, 0))
        display(LoopStep("loop", 0, 10, 8))
        (task,) = (t for t in display.progress.tasks if t.id == display.bars["loop"])
        assert (task.completed, task.total) == (8, 10)
        display(LoopStep("loop", 9, 10, 8))
        assert task.completed == 9
