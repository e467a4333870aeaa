"""From a node's start on the server to its card's state on the screen, in real Chromium.

    python tests/benchmarks/editor_latency.py --nodes 200

Runs a chain of so many short naps. The clock of both is the machine's: the worker writes the moment
each nap begins, the page the moment at which the card's name says that it runs (seen by a
MutationObserver, so after React has drawn it). Prints median, 95 % and worst in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from on_page import card, graph, node, open_graph, run
from serving import serving

CHROMIUM = "/usr/bin/chromium"
PACK = '''
import time
from nodeflow.node import node

@node("latency:naps.nap", volatile=True)
def nap(path: str, name: str, after: int = 0) -> int:
    """Write down the moment, and nap."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"{name} {time.time() * 1000:.3f}\\n")
    time.sleep(0.05)
    return after
'''
WATCH = """(pane) => {
  window.seen = {};
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const card of pane.querySelectorAll("[role=group]")) {
      const name = document.getElementById(card.getAttribute("aria-labelledby"))?.textContent ?? "";
      if (/, (running|done)/.test(name)) window.seen[name.split(",")[0]] ??= now;
    }
  }).observe(pane, { subtree: true, childList: true, characterData: true });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--nodes", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pack, log = Path(folder) / "latency", Path(folder) / "log.txt"
        pack.mkdir()
        (pack / "naps.py").write_text(PACK, encoding="utf-8")
        nodes = {
            f"n{k}": node(
                "latency:naps.nap",
                {"after": f"n{k - 1}.value"} if k else None,
                path=str(log),
                name=f"N{k}",
            )
            for k in range(asked.nodes)
        }
        what = graph(nodes, outputs={"out": f"n{asked.nodes - 1}.value"})
        for k, name in enumerate(nodes):  # in rows, so that all are on the screen
            what["view"][name]["at"] = [k % 10 * 300, k // 10 * 160]
        base = Path(folder) / "base"
        with serving(base, "--nodes", str(pack)) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            open_graph(page, server, "latency", what)
            page.get_by_role("button", name="Fit to view").click()
            page.get_by_role("region", name="Graph").evaluate(WATCH)
            run(page, server)
            card(page, f"N{asked.nodes - 1}", "done").wait_for(timeout=120_000)
            seen = page.evaluate("() => window.seen")
            browser.close()
            server.stop()
        begun = dict(line.split() for line in log.read_text(encoding="utf-8").splitlines())
    late = sorted(seen[name] - float(at) for name, at in begun.items() if name in seen)
    worst, p95 = late[-1], late[int(0.95 * (len(late) - 1))]
    print(f"{len(late)} of {asked.nodes} nodes: median {statistics.median(late):.1f} ms, "
          f"95 % {p95:.1f} ms, worst {worst:.1f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
