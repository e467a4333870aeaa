"""What the tests of the editor do on the page again and again; found by role and name alone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Download, Locator, Page, expect

from serving import PACKS, Server

PATIENCE = 30_000
"""Milliseconds that anything may take: the machine may be busy."""
expect.set_options(timeout=PATIENCE)

PACK = ("--nodes", str(PACKS / "testpack"))
"""What `nodeflow serve` is told so that it has the nodes that sleep, fail and crash."""
ENDS = ("done", "failed", "cancelled")


def graph(nodes: Mapping[str, Any], title: str = "", **more: Any) -> dict[str, Any]:
    """A graph whose nodes stand in a row, each called by its id: `first_noise` is First noise."""
    view = {
        name: {"at": [320 * k, 40 * (k % 2)], "title": name.replace("_", " ").capitalize()}
        for k, name in enumerate(nodes)
    }
    return {"nodeflow": 1, "title": title, "nodes": dict(nodes), "view": view, **more}


def node(type: str, /, links: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": type if "." in type else f"testpack:acts.{type}"}
    return {**made, **({"params": params} if params else {}), **({"links": links} if links else {})}


# ── the server, asked beside the page ───────────────────────────────────────────────────────────


def ask(server: Server, path: str, data: Any = None, method: str = "") -> Any:
    """The answer of the API, parsed."""
    body = None if data is None else json.dumps(data).encode()
    headers = {"Content-Type": "application/json"} if body else {}
    request = Request(f"{server.url}api/v1/{path}", body, headers, method=method or None)
    with urlopen(request, timeout=60) as response:
        text = response.read()
    return json.loads(text) if text else None


def save(server: Server, name: str, what: Mapping[str, Any]) -> None:
    ask(server, f"graphs/{name}", what, "PUT")


def all_runs(server: Server) -> list[dict[str, Any]]:
    """Summaries of all runs, the newest first."""
    found: list[dict[str, Any]] = ask(server, "runs?limit=500")["runs"]
    return found


def events(server: Server, run: str, type: str = "") -> list[dict[str, Any]]:
    """The data of a run's events, of one type or of all."""
    told = ask(server, f"runs/{run}")["events"]
    return [event["data"] for event in told if type in ("", event["type"])]


def until(holds: Callable[[], object]) -> None:
    """Ask until it holds: for what no page shows."""
    last = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < last, "it did not come to hold"
        time.sleep(0.05)


# ── the page ────────────────────────────────────────────────────────────────────────────────────


def open_graph(page: Page, server: Server, name: str, what: Mapping[str, Any]) -> None:
    """Save a graph on the server and open it, as a link to it does."""
    save(server, name, what)
    page.goto(f"{server.url}?graph={name}")
    expect(named(page, name)).to_be_visible()
    close_notices(page)


def named(page: Page, name: str, state: str = "") -> Locator:
    """The button that says what the graph is called, and whether it is saved."""
    return page.get_by_role("button", name=re.compile(rf"^graph {re.escape(name)}, {state}"))


def card(page: Page, title: str, state: str = "") -> Locator:
    """A node on the canvas; with a state (a pattern) only where its name tells that."""
    cards = page.get_by_role("region", name="Graph").get_by_role("group")
    return cards.and_(
        page.get_by_role("group", name=re.compile(rf"^{re.escape(title)}, [^,]+, {state}"))
    )


def expect_states(page: Page, states: Mapping[str, str]) -> None:
    """Wait until the nodes of these titles tell these states (patterns)."""
    for title, state in states.items():
        expect(card(page, title, state)).to_be_visible()


def run(page: Page, server: Server) -> str:
    """Run by the key that is told everywhere; the run's id."""
    with page.expect_response(re.compile(r"/api/v1/runs$")) as answer:
        page.keyboard.press("Control+Enter")
    found: str = answer.value.json()["run"]
    return found


def panel(page: Page, name: str) -> Locator:
    """A panel beside the canvas, opened if it is not."""
    found = page.get_by_role("complementary", name=name)
    if not found.is_visible():
        toggles = page.get_by_role("navigation", name="panels")
        toggles.get_by_role("button", name=re.compile(rf"^{name}")).click()
    return found


def close_panel(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"close {name.lower()}").click()


def notice(page: Page, text: str | re.Pattern[str]) -> Locator:
    """A line that tells something at the page's edge."""
    return page.get_by_role("region", name="notices").get_by_text(text)


def close_notices(page: Page) -> None:
    """Close all that is told at the page's edge."""
    notices = page.get_by_role("region", name="notices")
    closes = notices.get_by_role("button", name="close", exact=True)
    for _ in range(closes.count()):
        closes.first.click()


def graph_menu(page: Page, item: str) -> None:
    """Choose an entry of the graph's menu."""
    page.get_by_role("button", name=re.compile("^graph ")).click()
    page.get_by_role("menuitem", name=item).click()


def export(page: Page) -> Download:
    """The document as the page gives it for a file."""
    with page.expect_download() as download:
        graph_menu(page, "Export as JSON")
    return download.value


def fill(field: Locator, value: object) -> None:
    """Type into a field and leave it, as who is done with it."""
    field.fill(str(value))
    field.press("Enter")


def graph_on(page: Page, folder: Path) -> Any:
    """The document as the page would save it to a file."""
    path = folder / "exported.json"
    export(page).save_as(path)
    return json.loads(path.read_text(encoding="utf-8"))
