"""Large graphs stay quick by what is not done: cards nobody sees are not there, an edit draws one
card, and from afar wires are one picture. Seconds are measured by `tests/benchmarks/editor.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from large_graphs import graph_of
from on_page import PATIENCE, ask, named, save
from serving import Server, serving

DRAWN = """(pane) => {
  window.drawn = new Set();
  window.watching?.disconnect();
  window.watching = new MutationObserver((changes) => {
    for (const change of changes) {
      const at = change.target instanceof Element ? change.target : change.target.parentElement;
      const card = at?.closest("[role=group]");
      if (card) window.drawn.add(card.getAttribute("aria-labelledby"));
    }
  });
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  window.watching.observe(pane, all);
}"""
"""From now on, names of the cards in which anything is drawn anew."""
UNSEEN = """(cards) => {
  const { width, height } = document.documentElement.getBoundingClientRect();
  const seen = ({ left, right, top, bottom }) =>
    right >= 0 && left <= width && bottom >= 0 && top <= height;
  return cards.filter((card) => !seen(card.getBoundingClientRect())).length;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        for nodes in (500, 2000):
            save(running, f"large_{nodes}", graph_of(nodes))
        yield running


@pytest.fixture(params=[500, 2000])
def large(request: pytest.FixtureRequest, page: Page, server: Server) -> Page:
    name = f"large_{request.param}"
    page.goto(f"{server.url}?graph={name}")
    expect(named(page, name)).to_be_visible()
    expect(cards(page).first).to_be_visible()
    return page


def cards(page: Page) -> Locator:
    return page.get_by_role("region", name="Graph").get_by_role("group")


def test_only_what_is_seen_is_there(large: Page) -> None:
    # The first look: so many that 500 and 2,000 do not differ.
    assert 0 < cards(large).count() <= 300
    assert cards(large).evaluate_all(UNSEEN) == 0
    large.get_by_role("button", name=re.compile("back to 100$")).click()
    expect(large.get_by_role("button", name="Zoom 100 percent: back to 100")).to_be_visible()
    large.wait_for_function(
        "count => document.querySelectorAll('[role=group]').length <= count", arg=40
    )
    assert cards(large).evaluate_all(UNSEEN) == 0
    # Their wires are there, each by itself.
    wires = large.get_by_role("img", name=re.compile("^Wire "))
    expect(wires.first).to_be_attached()
    assert wires.count() <= 1000  # each whose box touches what is seen


def test_one_edit_draws_one_card(large: Page) -> None:
    large.get_by_role("button", name=re.compile("back to 100$")).click()
    expect(large.get_by_role("button", name="Zoom 100 percent: back to 100")).to_be_visible()
    field = cards(large).get_by_role("spinbutton", name="width", exact=True).first
    expect(field).to_be_in_viewport()
    with large.expect_response(re.compile("/api/v1/validate$"), timeout=PATIENCE):
        field.fill("640")  # the first edit has the focus to draw as well
    # The answer of the check is told to the page before the next edit.
    large.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    large.get_by_role("region", name="Graph").evaluate(DRAWN)
    with large.expect_response(re.compile("/api/v1/validate$"), timeout=PATIENCE):
        field.fill("768")
    large.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    drawn = large.evaluate("() => [...window.drawn]")
    assert len(drawn) == 1, drawn


def test_from_afar_wires_are_one_picture(large: Page, server: Server) -> None:
    large.get_by_role("button", name="Fit to view").click()
    wires = large.get_by_role("img", name=re.compile("^Wire "))
    expect(wires).to_have_count(0)
    painted = """(pane) => [...pane.querySelectorAll("canvas")].some((canvas) => {
      const { width, height } = canvas;
      if (!width || !height) return false;
      const seen = canvas.getContext("2d").getImageData(0, 0, width, height).data;
      return seen.some((value, k) => k % 4 === 3 && value > 0);
    })"""
    assert large.get_by_role("region", name="Graph").evaluate(painted)
    assert ask(server, "queue")["running"] == []
