"""The server is killed while the page is open, and comes back at the same address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from on_page import (
    ENDS,
    PACK,
    all_runs,
    ask,
    card,
    events,
    expect_states,
    fill,
    graph,
    graph_on,
    named,
    node,
    open_graph,
    panel,
    run,
    until,
)
from serving import Server, start_server

AWAY = re.compile("The server is away")
BROKEN = "ERR_CONNECTION|WebSocket connection to|ERR_EMPTY_RESPONSE|ERR_SOCKET"
"""What Chromium writes on its console while nobody answers."""


class Mortal(Server):
    """A server that can be killed, and started again where it was."""

    base: Path

    def again(self) -> None:
        port = str(urlsplit(self.url).port)
        other = start_server(self.base, *PACK, "--port", port)
        assert other.url == self.url
        self.process, self.lines, self.reader = other.process, other.lines, other.reader


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    base = tmp_path_factory.mktemp("server")
    first = start_server(base, *PACK)
    made = Mortal(first.process, first.url, first.token, first.lines, first.reader)
    made.base = base
    yield made
    if made.process.poll() is None:
        made.kill()


def steps(seconds: float) -> dict[str, Any]:
    """A number, and a nap that tells of twenty parts."""
    nodes = {
        "number": node("number", value=5),
        "nap": node("sleep", {"value": "number.value"}, seconds=seconds),
        "sum": node("add", {"a": "nap.value"}, b=1),
    }
    return graph(nodes, "Steps", outputs={"sum": "sum.value"})


def test_server_killed_in_mid_run_comes_back_and_nothing_is_lost(
    page: Page, server: Mortal, watch: Any, tmp_path: Path
) -> None:
    watch.expect(BROKEN)
    open_graph(page, server, "steps", steps(3.0))
    cut = run(page, server)
    expect_states(page, {"Number": "done", "Nap": "running, step [1-9] of 20"})
    server.kill()
    banner = page.get_by_role("alert").filter(has_text=AWAY)
    expect(banner).to_be_visible()

    # One goes on editing meanwhile; what needs the server says so, and is no worse for it.
    field = card(page, "Sum").get_by_role("spinbutton", name="b")
    fill(field, 11)
    fill(card(page, "Number").get_by_role("spinbutton", name="value"), 6)
    page.keyboard.press("Control+s")
    expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
    expect(named(page, "steps", "not saved")).to_be_visible()

    server.again()
    expect(banner).to_have_count(0)
    expect_states(page, {"Nap": "running, step .* of 20"})
    expect_states(page, {"Number": "done", "Nap": "done in", "Sum": "done in"})
    told = [data["state"] for data in events(server, cut, "nf.run")]
    assert [state for state in told if state in ENDS] == ["done"]
    seqs = [data["seq"] for data in events(server, cut)]
    assert seqs == sorted(set(seqs))
    assert ask(server, f"runs/{cut}")["summary"]["attempts"] == 2
    assert len(all_runs(server)) == 1

    # The edits are still there, and now they can be saved and run.
    expect(field).to_have_value("11")
    page.keyboard.press("Control+s")
    expect(named(page, "steps", "saved")).to_be_visible()
    kept = ask(server, "graphs/steps")["nodes"]
    assert kept["sum"]["params"] == {"b": 11}
    assert kept["number"]["params"] == {"value": 6}
    assert graph_on(page, tmp_path)["nodes"] == kept
    page.get_by_role("button", name="undo").click()
    expect(card(page, "Number").get_by_role("spinbutton", name="value")).to_have_value("5")


def _naps(server: Server, run: str, attempt: int) -> bool:
    """Whether the run's nap was begun so many times."""
    naps = [data for data in events(server, run, "nf.node") if data["node"] == "nap"]
    return [data["state"] for data in naps].count("running") == attempt


def test_run_that_is_cut_twice_is_told_as_failed(page: Page, server: Mortal, watch: Any) -> None:
    watch.expect(BROKEN)
    open_graph(page, server, "long", {**steps(600.0), "title": "Long"})
    cut = run(page, server)
    banner = page.get_by_role("alert").filter(has_text=AWAY)
    for attempt in (1, 2):
        until(lambda count=attempt: _naps(server, cut, count))
        expect_states(page, {"Nap": "running"})
        server.kill()
        expect(banner).to_be_visible()
        server.again()
        expect(banner).to_have_count(0)
    expect(card(page, "Nap", "running")).to_have_count(0)
    entry = panel(page, "History").get_by_role("listitem").filter(has_text="Long")
    expect(entry).to_contain_text("the server ended while it ran")
    told = [data["state"] for data in events(server, cut, "nf.run")]
    assert [state for state in told if state in ENDS] == ["failed"]


def test_page_opened_anew_while_a_run_goes_on_shows_it(page: Page, server: Mortal) -> None:
    open_graph(page, server, "watched", {**steps(20.0), "title": "Watched"})
    run(page, server)
    expect_states(page, {"Nap": "running, step"})
    page.reload()
    expect_states(page, {"Number": "(done|cached)", "Nap": "running, step [1-9]"})
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect_states(page, {"Nap": "stopped: cancelled"})
