"""Two tabs on one saved graph, and edits that survive a reload, a crash and a closed tab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from on_page import (
    PACK,
    PATIENCE,
    ask,
    card,
    fill,
    graph,
    graph_on,
    named,
    node,
    open_graph,
)
from serving import Server, serving

TWICE = re.compile("shared was saved from another place too")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), *PACK) as running:
        yield running


def sums(b: int = 1) -> dict[str, Any]:
    nodes = {"one": node("number", value=1), "sum": node("add", {"a": "one.value"}, b=b)}
    return graph(nodes, "Sums", outputs={"sum": "sum.value"})


def field(page: Page, title: str = "Sum", name: str = "b") -> Any:
    return card(page, title).get_by_role("spinbutton", name=name)


def on_server(server: Server, name: str = "shared") -> int:
    found: int = ask(server, f"graphs/{name}")["nodes"]["sum"]["params"]["b"]
    return found


@pytest.fixture
def tabs(context: BrowserContext, server: Server) -> tuple[Page, Page]:
    """Two tabs of one browser on one graph: the first saved 20, the second holds an edit of 30."""
    first, second = context.new_page(), context.new_page()
    open_graph(first, server, "shared", sums())
    # Saved a second time, it would be somebody else's version for the first tab.
    second.goto(f"{server.url}?graph=shared")
    expect(field(second)).to_have_value("1")
    fill(field(second), 30)
    fill(field(first), 20)
    first.keyboard.press("Control+s")
    expect(named(first, "shared", "saved")).to_be_visible()
    expect(second.get_by_role("alert").filter(has_text=TWICE)).to_be_visible()
    assert on_server(server) == 20
    expect(field(second)).to_have_value("30")
    return first, second


def test_of_two_tabs_mine_counts(tabs: tuple[Page, Page], server: Server, watch: Any) -> None:
    watch.expect("412")
    first, second = tabs
    # Saving without a word is refused: the banner stays, nothing is overwritten.
    second.keyboard.press("Control+s")
    banner = second.get_by_role("alert").filter(has_text=TWICE)
    expect(banner).to_contain_text("Yours is not saved yet")
    assert on_server(server) == 20
    banner.get_by_role("button", name="Mine counts").click()
    expect(banner).to_have_count(0)
    expect(named(second, "shared", "saved")).to_be_visible()
    assert on_server(server) == 30
    # Now it is the other tab that is behind.
    other = first.get_by_role("alert").filter(has_text=TWICE)
    expect(other).to_be_visible()
    expect(field(first)).to_have_value("20")
    other.get_by_role("button", name="Take theirs").click()
    expect(field(first)).to_have_value("30")
    expect(other).to_have_count(0)


def test_of_two_tabs_theirs_counts_and_mine_can_be_brought_back(
    tabs: tuple[Page, Page], server: Server
) -> None:
    _, second = tabs
    second.get_by_role("button", name="Take theirs").click()
    expect(field(second)).to_have_value("20")
    expect(second.get_by_role("alert").filter(has_text=TWICE)).to_have_count(0)
    second.get_by_role("button", name="Bring back").click()
    expect(field(second)).to_have_value("30")
    second.get_by_role("button", name="undo").click()
    expect(field(second)).to_have_value("1")
    assert on_server(server) == 20


def test_of_two_tabs_both_are_kept(tabs: tuple[Page, Page], server: Server, tmp_path: Path) -> None:
    _, second = tabs
    second.get_by_role("button", name="Save mine as a copy").click()
    expect(named(second, "shared copy", "")).to_have_count(0)  # the copy has a time in its name
    button = second.get_by_role("button", name=re.compile("^graph shared copy .*, saved"))
    expect(button).to_be_visible()
    names = [one["name"] for one in ask(server, "graphs")["graphs"]]
    copies = [name for name in names if name.startswith("shared copy")]
    assert len(copies) == 1
    assert on_server(server) == 20
    assert graph_on(second, tmp_path)["nodes"]["sum"]["params"] == {"b": 30}


def test_another_browser_learns_of_it_too(
    page: Page, server: Server, browser: Any, watch: Any
) -> None:
    open_graph(page, server, "shared", sums())
    elsewhere = browser.new_context()
    try:
        other = elsewhere.new_page()
        other.goto(f"{server.url}?graph=shared")
        fill(field(other), 40)
        other.keyboard.press("Control+s")
        expect(page.get_by_role("alert").filter(has_text=TWICE)).to_contain_text("Nothing is lost")
        expect(field(page)).to_have_value("1")
    finally:
        elsewhere.close()


# ── what was not saved anywhere ─────────────────────────────────────────────────────────────────


def test_reload_right_after_an_edit_keeps_it(page: Page, server: Server) -> None:
    open_graph(page, server, "mine", sums())
    field(page).fill("77")
    page.reload()
    expect(field(page)).to_have_value("77")
    expect(named(page, "mine", "not saved")).to_be_visible()
    page.get_by_role("button", name="undo").click()
    expect(field(page)).to_have_value("1")
    expect(named(page, "mine", "saved")).to_be_visible()


KEPT = """async (text) => {
  const open = indexedDB.open("nodeflow");
  const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
  const all = base.transaction("versions").objectStore("versions").getAll();
  const found = await new Promise((done) => { all.onsuccess = () => done(all.result); });
  base.close();
  return found.some((version) => JSON.stringify(version.graph).includes(text));
}"""
"""Whether the browser holds a version of a document with this text: half a second after an edit."""


@pytest.mark.parametrize("end", ["crash", "close"])
def test_tab_that_crashed_or_was_closed_gives_its_edits_to_the_next(
    page: Page, context: BrowserContext, server: Server, end: str
) -> None:
    open_graph(page, server, "mine", sums())
    fill(field(page), 123_456)
    page.wait_for_function(KEPT, arg='"b":123456')
    if end == "crash":
        # Ends the process that draws the page, as running out of memory does.
        with page.expect_event("crash"), pytest.raises(Error, match="crash"):
            page.goto("chrome://crash", timeout=PATIENCE)
    page.close(run_before_unload=False)
    after = context.new_page()
    after.goto(server.url)
    expect(field(after)).to_have_value("123456")
    expect(named(after, "mine", "not saved")).to_be_visible()
    after.get_by_role("button", name="undo").click()
    expect(field(after)).to_have_value("1")


def test_second_tab_takes_nothing_from_one_that_lives(
    page: Page, context: BrowserContext, server: Server
) -> None:
    open_graph(page, server, "mine", sums())
    fill(field(page), 55)
    page.wait_for_function(KEPT, arg='"b":55')
    other = context.new_page()
    other.goto(server.url)
    expect(other.get_by_role("dialog", name="Welcome")).to_be_visible()
    expect(field(page)).to_have_value("55")
