"""Breakpoints on the page: stop before a node or a step, look, edit, go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from on_page import (
    PACK,
    all_runs,
    ask,
    card,
    events,
    expect_states,
    fill,
    graph,
    graph_on,
    node,
    open_graph,
    run,
    until,
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
    for one in ask(server, "queue")["running"]:
        ask(server, f"runs/{one['run']}/cancel", {})
    until(lambda: not ask(server, "queue")["running"])


def sums(start: int) -> dict[str, Any]:
    """`start` + 10 + 100 + 1000; no two tests begin at the same number, for the cache."""
    return graph(
        {
            "first": node("add", a=start, b=10),
            "second": node("add", {"a": "first.value"}, b=100),
            "third": node("add", {"a": "second.value"}, b=1000),
        },
        "Sums",
        outputs={"sum": "third.value"},
    )


def turns(start: int) -> dict[str, Any]:
    """Three turns of a loop that adds 1."""
    loop = {
        "type": "flow.loop",
        "each": {"turn": "list.value"},
        "state": {"sum": {"init": "start.value", "next": "more.value"}},
        "body": {"more": node("add", {"a": "state.sum"}, b=1)},
    }
    nodes = {
        "start": node("number", value=start),
        "list": node("numbers", count=3),
        "again": loop,
    }
    return graph(nodes, "Turns", outputs={"sum": "again.sum"})


def banner(page: Page) -> Locator:
    return page.get_by_role("region", name="run at a breakpoint")


def waits_before(page: Page, place: str) -> None:
    expect(banner(page).get_by_role("status")).to_contain_text(f"waits before {place}")


def choose(page: Page, title: str) -> None:
    """Select a node by its title."""
    card(page, title).click(position={"x": 20, "y": 12})


def result(server: Server, run_id: str) -> Any:
    until(lambda: ask(server, f"runs/{run_id}")["summary"]["state"] == "done")
    (output,) = ask(server, f"runs/{run_id}")["summary"]["outputs"]
    return output["value"]


def mark(page: Page, title: str) -> Locator:
    return card(page, title).get_by_role("img", name=re.compile("^The run stops before"))


def test_stop_before_a_node_step_and_go_on_by_keys(page: Page, server: Server) -> None:
    open_graph(page, server, "sums", sums(1))
    choose(page, "Second")
    page.keyboard.press("F9")
    expect(mark(page, "Second")).to_be_visible()
    run_id = run(page, server)
    waits_before(page, "second")
    expect_states(page, {"First": "done", "Second": "waits at a breakpoint", "Third": "not run"})
    page.keyboard.press("F10")
    waits_before(page, "third")
    expect_states(page, {"Second": "done", "Third": "waits at a breakpoint"})
    page.keyboard.press("F8")
    expect(banner(page)).to_have_count(0)
    expect_states(page, {"Third": "done"})
    assert result(server, run_id) == 1111
    assert [told["path"] for told in events(server, run_id, "nf.paused")] == ["second", "third"]
    choose(page, "Second")
    page.keyboard.press("F9")
    expect(mark(page, "Second")).to_have_count(0)


def test_edit_and_go_on_from_the_same_place(page: Page, server: Server) -> None:
    open_graph(page, server, "sums", sums(2))
    card(page, "Second").click(button="right", position={"x": 20, "y": 12})
    page.get_by_role("menuitem", name="Stop before it, or no more").click()
    first = run(page, server)
    waits_before(page, "second")
    restart = banner(page).get_by_role("button", name=re.compile("^Restart"))
    expect(restart).to_have_accessible_name("Restart")

    fill(card(page, "Third").get_by_role("spinbutton", name="b", exact=True), 5000)
    expect(restart).to_have_accessible_name("Restart with my edits")
    with page.expect_response(re.compile(r"/api/v1/runs$")) as answer:
        restart.click()
    again = answer.value.json()["run"]
    until(lambda: ask(server, f"runs/{first}")["summary"]["state"] == "cancelled")
    waits_before(page, "second")
    expect_states(page, {"First": "cached", "Second": "waits at a breakpoint"})
    banner(page).get_by_role("button", name="Continue").click()
    expect_states(page, {"Third": "done"})
    assert result(server, again) == 2 + 10 + 100 + 5000
    ran = [told["path"] for told in events(server, again, "nf.node") if told["state"] == "done"]
    assert ran == ["second", "third"]


def test_stop_before_a_step_of_a_loop(page: Page, server: Server) -> None:
    open_graph(page, server, "turns", turns(100))
    card(page, "Again").click(button="right", position={"x": 20, "y": 12})
    page.get_by_role("menuitem", name="Stop before step…").click()
    dialog = page.get_by_role("dialog", name="Stop in again")
    stop = dialog.get_by_role("button", name="Stop there")
    field = dialog.get_by_role("spinbutton", name="before step")
    expect(field).to_be_focused()
    field.fill("0")
    expect(stop).to_be_disabled()
    field.fill("2")
    field.press("Enter")
    expect(dialog).to_have_count(0)
    expect(mark(page, "Again")).to_have_accessible_name("The run stops before step 2")

    run_id = run(page, server)
    waits_before(page, "again, step 2")
    expect(card(page, "Again", "waits at a breakpoint")).to_be_visible()
    # What it made so far is traced, for who wants to look.
    index = ask(server, f"runs/{run_id}/tensors")
    assert index["level"] == "full"
    banner(page).get_by_role("button", name="Cancel run").click()
    expect(banner(page)).to_have_count(0)
    assert [one["state"] for one in all_runs(server) if one["run"] == run_id] == ["cancelled"]


def test_breakpoints_are_of_the_session_not_of_the_graph(
    page: Page, server: Server, tmp_path: Path
) -> None:
    written = sums(3)
    open_graph(page, server, "sums", written)
    choose(page, "Third")
    page.keyboard.press("F9")
    assert "break" not in str(graph_on(page, tmp_path)).lower()
    page.reload()
    expect(mark(page, "Third")).to_be_visible()
    run_id = run(page, server)
    waits_before(page, "third")
    page.reload()
    waits_before(page, "third")
    page.keyboard.press("F8")
    assert result(server, run_id) == 3 + 10 + 100 + 1000
