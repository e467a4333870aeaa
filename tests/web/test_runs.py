"""Runs as one sees them: what was kept, why something ran again, what is stopped, what failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from on_page import (
    PACK,
    all_runs,
    ask,
    card,
    close_panel,
    events,
    expect_states,
    fill,
    graph,
    node,
    notice,
    open_graph,
    panel,
    run,
)
from serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), *PACK) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(server: Server) -> Iterator[None]:
    """No test leaves a run to the next."""
    yield
    ask(server, "queue", {"paused": False}, "PATCH")
    ask(server, "queue", method="DELETE")
    for one in ask(server, "queue")["running"]:
        ask(server, f"runs/{one['run']}/cancel", {})


def noises() -> dict[str, Any]:
    """Two noises of one shape, mixed; the picture beside them needs neither."""
    return graph(
        {
            "empty": node("latent.empty", width=64, height=64),
            "warm": node("noise.gaussian", {"latent": "empty.latent"}, seed=1),
            "cold": node("noise.gaussian", {"latent": "empty.latent"}, seed=2),
            "mixed": node("noise.mix", {"first": "warm.noise", "second": "cold.noise"}),
            "plain": node("image.solid", width=64, height=32),
            "file": node("image.save", {"image": "plain.image"}, name="plain"),
        },
        "Two noises",
        outputs={"mixed": "mixed.noise", "file": "file.paths"},
    )


# ── what was kept, and why something ran again ──────────────────────────────────────────────────


def test_second_run_is_cached_and_a_changed_seed_runs_what_depends_on_it(
    page: Page, server: Server
) -> None:
    open_graph(page, server, "noises", noises())
    run(page, server)
    names = ("Empty", "Warm", "Cold", "Mixed", "Plain")
    expect_states(page, dict.fromkeys(names, "done in .*: first run"))
    expect_states(page, {"File": "done in .*: it writes, so it runs each time"})

    run(page, server)
    expect_states(page, dict.fromkeys(names, "cached"))

    seed = card(page, "Warm").get_by_role("spinbutton", name="seed", exact=True)
    fill(seed, 17)
    changed = page.get_by_role("img", name="changed since this run")
    expect(changed).to_have_count(1)
    expect(card(page, "Warm").get_by_role("img", name="changed since this run")).to_be_visible()
    run(page, server)
    expect_states(
        page,
        {
            **dict.fromkeys(names, "cached"),
            "Warm": "done in .*: seed changed: 1 → 17",
            "Mixed": "done in .*: first changed",
        },
    )
    expect(changed).to_have_count(0)

    # Figures of a node: how long, how much, why.
    card(page, "Warm").get_by_text("Warm", exact=True).click()
    facts = panel(page, "Node").get_by_role("region", name="in the last run")
    expect(facts).to_contain_text("seed changed: 1 → 17")
    expect(facts).to_contain_text(re.compile(r"ms · \d[\d.]* kB"))
    # 4 channels of 8 × 8 in float32
    told = {e["node"]: e for e in events(server, all_runs(server)[0]["run"], "nf.node")}
    assert told["warm"]["bytes"] >= 4 * 8 * 8 * 4


def test_history_restores_the_graph_that_ran(page: Page, server: Server) -> None:
    sum_of = graph(
        {"one": node("number", value=1), "sum": node("add", {"a": "one.value"}, b=4)},
        "Sums",
        outputs={"sum": "sum.value"},
    )
    open_graph(page, server, "sums", sum_of)
    first = run(page, server)
    expect_states(page, {"Sum": "(done|cached)"})
    field = card(page, "Sum").get_by_role("spinbutton", name="b")
    fill(field, 40)
    second = run(page, server)
    expect_states(page, {"Sum": "done in .*: b changed: 4 → 40"})
    assert [one["run"] for one in all_runs(server)[:2]] == [second, first]
    fill(field, 7)

    history = panel(page, "History")
    entries = history.get_by_role("listitem").filter(has_text="Sums")
    expect(entries).to_have_count(2)
    entries.nth(1).get_by_role("button", name="Compare to now").click()
    expect(entries.nth(1)).to_contain_text("sum")
    entries.nth(1).get_by_role("button", name="Restore its graph").click()
    expect(field).to_have_value("4")
    expect_states(page, {"Sum": "(done in .*: first run|cached)"})
    # What was open before is not lost.
    page.get_by_role("region", name="notices").get_by_role("button", name="Bring back").click()
    expect(field).to_have_value("7")


# ── stopped, moved, deleted ─────────────────────────────────────────────────────────────────────


def slow_loop(seconds: float) -> dict[str, Any]:
    """A loop of 400 passes; each sleeps without asking whether to stop."""
    body = {
        "more": node("add", {"a": "state.sum"}),
        "nap": node("sleep_deaf", {"value": "more.value"}, seconds=seconds),
    }
    again = {
        "type": "flow.loop",
        "each": {"turn": "list.value"},
        "state": {"sum": {"init": "start.value", "next": "nap.value"}},
        "body": body,
    }
    nodes = {"start": node("number", value=0), "list": node("numbers", count=400), "again": again}
    return graph(nodes, "Slow", outputs={"sum": "again.sum"})


def test_cancel_ends_a_run_within_one_step(page: Page, server: Server) -> None:
    open_graph(page, server, "slow", slow_loop(0.3))
    slow = run(page, server)
    expect_states(page, {"Again": r"running, step [2-9] of 400"})
    with page.expect_response(re.compile(f"/runs/{slow}/cancel$")):
        page.get_by_role("button", name="Cancel", exact=True).click()
    asked = events(server, slow, "nf.step")[-1]["step"]
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    history = panel(page, "History")
    entry = history.get_by_role("listitem").filter(has_text="Slow")
    expect(entry).to_contain_text("cancelled")
    steps = events(server, slow, "nf.step")
    assert steps[-1]["step"] <= asked + 1
    states = [told["state"] for told in events(server, slow, "nf.run")]
    assert states[-1] == "cancelled"
    assert sum(state in ("done", "failed", "cancelled") for state in states) == 1
    # Nothing on the canvas goes on running.
    expect_states(page, {"Again": "stopped: cancelled"})


def naps(title: str) -> dict[str, Any]:
    return graph(
        {"nap": node("sleep", seconds=120.0, parts=2000)}, title, outputs={"out": "nap.value"}
    )


def queue_of(page: Page, server: Server, *titles: str) -> list[str]:
    """Queue one run of each title; their ids."""
    ids = []
    panel(page, "Node")
    for title in titles:
        page.get_by_role("textbox", name="Title of the graph").fill(title)
        ids.append(run(page, server))
    return ids


def test_queue_three_delete_the_second_and_move_the_third(page: Page, server: Server) -> None:
    open_graph(page, server, "naps", naps("Naps"))
    front, *others = queue_of(page, server, "In front", "Red", "Green", "Blue")
    queue = panel(page, "Queue")
    waiting = queue.get_by_role("list", name="waiting runs").get_by_role("listitem")
    expect(waiting).to_have_count(3)
    expect(waiting).to_contain_text(["Red", "Green", "Blue"])

    queue.get_by_role("button", name=re.compile("^remove .*Green")).click()
    expect(waiting).to_have_count(2)
    expect(waiting).to_contain_text(["Red", "Blue"])
    assert others[1] not in [one["run"] for one in all_runs(server)]

    queue.get_by_role("button", name=re.compile("Blue earlier$")).click()
    expect(waiting).to_contain_text(["Blue", "Red"])
    waiting.filter(has_text="Red").press("Alt+ArrowUp")
    expect(waiting).to_contain_text(["Red", "Blue"])
    waiting.filter(has_text="Red").drag_to(waiting.filter(has_text="Blue"))
    expect(waiting).to_contain_text(["Blue", "Red"])
    asked = ask(server, "queue")
    assert [one["run"] for one in asked["running"]] == [front]
    assert [one["run"] for one in asked["queued"]] == [others[2], others[0]]


def test_paused_queue_begins_nothing_until_it_goes_on(page: Page, server: Server) -> None:
    open_graph(page, server, "naps", naps("Naps"))
    front, after = queue_of(page, server, "In front", "After")
    queue = panel(page, "Queue")
    queue.get_by_role("button", name="Pause the queue").click()
    expect(queue.get_by_text("Paused: what waits does not begin.")).to_be_visible()
    running = queue.get_by_role("article")
    running.filter(has_text="In front").get_by_role("button", name="Cancel").click()
    expect(running).to_have_count(0)
    waiting = queue.get_by_role("list", name="waiting runs").get_by_role("listitem")
    expect(waiting).to_contain_text(["After"])
    expect(page.get_by_role("button", name="queue: paused, 1 waiting")).to_be_visible()
    assert ask(server, "queue")["running"] == []
    queue.get_by_role("button", name="Go on").click()
    expect(running.filter(has_text="After")).to_contain_text("running")
    expect(waiting).to_have_count(0)
    running.get_by_role("button", name="Cancel").click()
    expect(queue.get_by_text("Nothing waits.")).to_be_visible()
    ended = {one["run"]: one["state"] for one in all_runs(server)}
    assert ended[front] == ended[after] == "cancelled"


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────


def failing() -> dict[str, Any]:
    return graph(
        {
            "start": node("number", value=3),
            "wrong": node("fail", {"value": "start.value"}),
            "after": node("add", {"a": "wrong.value"}),
        },
        "Failing",
        outputs={"out": "after.value"},
    )


def test_error_of_a_node_from_the_card_to_its_traceback(page: Page, server: Server) -> None:
    open_graph(page, server, "failing", failing())
    run(page, server)
    expect_states(page, {"Start": "done", "Wrong": "error", "After": "not run"})
    told = card(page, "Wrong").get_by_role("alert")
    expect(told).to_contain_text("value: got 3, expected anything else")
    expect(told).to_contain_text("Give another")
    told.get_by_role("button", name="Details").click()

    problems = panel(page, "Problems")
    fault = problems.get_by_role("article", name="error of wrong")
    expect(fault).to_contain_text("wrong.value")
    expect(fault).to_contain_text("Give another")
    trace = fault.get_by_text("Traceback (most recent call last)")
    expect(trace).to_be_hidden()
    fault.get_by_text("Traceback", exact=True).click()
    expect(trace).to_be_visible()
    expect(trace).to_contain_text("acts.py")
    # The server's folders are nobody's business.
    assert str(Path(__file__).parents[2]) not in trace.inner_text()

    # Wherever one looks, the way back to the node is one press.
    pane = page.get_by_role("region", name="Graph")
    box = pane.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 600)
    page.mouse.wheel(0, 4000)
    page.mouse.down()
    page.mouse.move(box["x"] + 900, box["y"] + 100, steps=4)
    page.mouse.up()
    fault.get_by_role("button", name="Go to node").click()
    expect(card(page, "Wrong")).to_be_in_viewport()
    help_of = page.get_by_role("complementary", name="Node")
    expect(help_of).to_contain_text("testpack:acts.fail")
    expect(help_of.get_by_role("article", name="error of wrong")).to_contain_text("Give another")


def test_graph_with_problems_is_marked_before_it_runs(
    page: Page, server: Server, watch: Any
) -> None:
    watch.expect("400")  # the run is refused
    what = graph({"sum": node("add", b=2)}, "Wanting", outputs={"sum": "sum.value"})
    open_graph(page, server, "wanting", what)
    mark = card(page, "Sum").get_by_role("img", name=re.compile("^int is required"))
    expect(mark).to_be_visible()
    expect(page.get_by_role("button", name="Problems, 1")).to_be_visible()
    before = len(all_runs(server))
    page.keyboard.press("Control+Enter")
    expect(notice(page, re.compile("^Not queued — sum"))).to_be_visible()
    assert len(all_runs(server)) == before
    page.get_by_role("button", name="Show").click()
    listed = panel(page, "Problems").get_by_role("list", name="problems").get_by_role("button")
    expect(listed).to_have_count(1)
    listed.click()
    field = page.get_by_role("complementary", name="Node").get_by_role("spinbutton", name="a")
    expect(field).to_be_focused()
    fill(field, 5)
    expect(page.get_by_role("button", name="Problems", exact=True)).to_be_visible()
    expect(mark).to_have_count(0)
    run(page, server)
    expect_states(page, {"Sum": "done"})


@pytest.mark.parametrize(
    ("act", "why"), [("end_process", "ended by itself, with code 7"), ("segfault", "crash|SIGSEGV")]
)
def test_crash_of_a_worker_fails_one_run_and_the_next_one_works(
    page: Page, server: Server, act: str, why: str
) -> None:
    what = graph({"start": node("number", value=8), "crash": node(act, {"value": "start.value"})})
    what["outputs"] = {"out": "crash.value"}
    open_graph(page, server, f"crash_{act}", what)
    crashed = run(page, server)
    problems = panel(page, "Problems")
    fault = problems.get_by_role("article")
    expect(fault).to_be_visible()
    expect(fault).to_contain_text(re.compile(why))
    summary = ask(server, f"runs/{crashed}")["summary"]
    assert summary["state"] == "failed"
    history = panel(page, "History")
    expect(history.get_by_role("listitem").first).to_contain_text(re.compile(why))
    expect_states(page, {"Crash": "error"})
    close_panel(page, "History")

    open_graph(
        page, server, "after", graph({"n": node("number", value=9)}, outputs={"n": "n.value"})
    )
    run(page, server)
    expect_states(page, {"N": "(done|cached)"})
