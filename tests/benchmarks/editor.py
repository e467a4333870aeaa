"""From opening the page to a canvas one can work on, in real Chromium on a real server.

    python tests/benchmarks/editor.py --nodes 50,500,2000

Per size the best of `--repeats`: milliseconds until the cards stand and the page is idle; of these
the processor time of the page's main thread (V8, style, layout, paint; a busy machine does not
count); the same for one edit, for one movement of the hand while the canvas is dragged, and for
seeing all of the graph at once. `--page` takes another build than `web/dist`.
"""

from __future__ import annotations

import argparse
import json
import mimetypes
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from large_graphs import graph_of
from serving import Server, serving

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-features=LocalNetworkAccessChecks"]
MOVES = 20
REST = "() => new Promise((done) => requestIdleCallback(done, {timeout: 1000}))"
"""A page that draws nothing may wait for an idle moment for ever."""


def save(server: Server, name: str, graph: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{server.url}api/v1/graphs/{name}",
        json.dumps(graph).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


class Clock:
    """Seconds of processor time that the page's main thread has spent, after it came to rest."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page, self.session = page, session
        session.send("Performance.enable")

    def spent(self) -> float:
        self.page.evaluate(REST)
        told = self.session.send("Performance.getMetrics")["metrics"]
        metrics = {metric["name"]: metric["value"] for metric in told}
        return float(metrics.get("ThreadTime", metrics["TaskDuration"]))


def measure(browser: Browser, server: Server, name: str, folder: Path | None) -> list[float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    if folder is not None:
        _serve(page, server, folder)
    clock = Clock(page, context.new_cdp_session(page))
    page.goto(f"{server.url}?graph={name}")
    page.wait_for_selector(".react-flow__node")
    page.evaluate(REST)
    wall = page.evaluate("() => performance.now()")
    loaded = clock.spent()

    page.mouse.click(700, 60)
    page.locator(".react-flow__node").first.focus()
    page.keyboard.press("Space")
    before = clock.spent()
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_timeout(300)
    edit = clock.spent() - before

    before = clock.spent()
    page.mouse.move(900, 120)
    page.mouse.down()
    for k in range(MOVES):
        page.mouse.move(900 - 6 * k, 120 + 3 * k)
    page.mouse.up()
    page.wait_for_timeout(100)
    move = (clock.spent() - before) / MOVES

    before = clock.spent()
    page.get_by_role("button", name="Fit to view").click()
    page.wait_for_timeout(500)
    everything = clock.spent() - before
    context.close()
    return [wall, *(1000 * seconds for seconds in (loaded, edit, move, everything))]


def _serve(page: Page, server: Server, folder: Path) -> None:
    """Answer for the page's own files out of another folder; the API stays the server's."""

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(server.url).split("?")[0] or "index.html"
        file = folder / path
        if not file.is_file():
            route.continue_()
            return
        route.fulfill(path=file, content_type=mimetypes.guess_type(file.name)[0])

    page.route(lambda url: url.startswith(server.url) and "/api/" not in url, answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--nodes", default="50,500,2000")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--page", type=Path, help="a build to serve instead of web/dist")
    asked = parser.parse_args()
    print("nodes  ms to interactive  ms of CPU  an edit  a movement  see all")
    with tempfile.TemporaryDirectory() as base, serving(Path(base)) as server:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for count in map(int, asked.nodes.split(",")):
                save(server, f"bench_{count}", graph_of(count))
                rounds = [
                    measure(browser, server, f"bench_{count}", asked.page)
                    for _ in range(asked.repeats)
                ]
                wall, cpu, edit, move, everything = (
                    min(column) for column in zip(*rounds, strict=True)
                )
                print(
                    f"{count:5d}  {wall:17.0f}  {cpu:9.0f}  {edit:7.1f}  {move:10.1f}"
                    f"  {everything:7.0f}",
                    flush=True,
                )
            browser.close()
        server.stop()


if __name__ == "__main__":
    main()
