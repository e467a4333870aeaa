"""A person's means on the page of the editor: what tests of flows click, press and read.

Everything is found by role and accessible name, as people with a screen reader find it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, expect

from on_page import close_notices, export, graph_menu, panel

Point = tuple[float, float]


def middle(box: FloatRect | None) -> Point:
    assert box is not None, "it is not on the screen"
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


class Editor:
    """The open page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.canvas = page.get_by_role("application", name="Graph, nodes and wires")
        self.cards = self.canvas.get_by_role("group")
        self.wires = self.canvas.get_by_role("img", name=re.compile("^Wire "))
        self.search = page.get_by_role("dialog", name="Add a node")
        self.panel = page.get_by_role("complementary")
        self.said = page.get_by_role("status").first

    def close_all(self) -> None:
        """Close menus, dialogs and panels, whatever the test before left open."""
        self.press("Escape", "Escape")
        for close in self.panel.get_by_role("button", name=re.compile("^close ")).all():
            close.click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    # ── documents ──

    def menu(self, item: str) -> None:
        """Choose an entry of the graph's menu."""
        graph_menu(self.page, item)

    def open(self, graph: dict[str, Any]) -> None:
        """Open a graph as a file. Its title tells when it is there."""
        with self.page.expect_file_chooser() as chooser:
            self.menu("Open a file or picture")
        text = json.dumps(graph).encode()
        chooser.value.set_files({"name": "graph.json", "mimeType": "", "buffer": text})
        name = re.compile(f"^graph {re.escape(graph['title'])}, as opened")
        self.page.get_by_role("button", name=name).wait_for()
        close_notices(self.page)
        self.empty_place()

    def json(self) -> dict[str, Any]:
        """The graph as its export gives it."""
        return json.loads(Path(export(self.page).path()).read_text("utf-8"))

    # ── the canvas ──

    def card(self, node: str) -> Locator:
        """A node by its id."""
        return self.canvas.get_by_role("group", name=re.compile(rf"(^|\s){node}, ", re.I))

    def head(self, node: str) -> Point:
        """A point of a card's title, where it is taken."""
        box = self.card(node).bounding_box()
        assert box is not None
        return box["x"] + 16, box["y"] + 9

    def socket(self, end: str, side: str) -> Locator:
        """`node.port` on a side: input or output."""
        node, port = end.split(".", 1)
        name = re.compile(rf"^{side} {re.escape(port)},")
        return self.card(node).get_by_role("button", name=name)

    def wire(self, source: str, target: str) -> Locator:
        return self.canvas.get_by_role("img", name=re.compile(f"^Wire {source} to {target},"))

    def link(self, source: str, target: str) -> None:
        """Draw a wire by the mouse."""
        self.drag(
            middle(self.socket(source, "output").bounding_box()),
            middle(self.socket(target, "input").bounding_box()),
        )

    def drag(self, start: Point, end: Point, button: str = "left") -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down(button="middle" if button == "middle" else "left")
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
        mouse.move(*end, steps=4)
        mouse.up(button="middle" if button == "middle" else "left")

    def empty_place(self) -> Point:
        """A point of the canvas where nothing is; the pointer and the keyboard go there."""
        box = self.canvas.bounding_box()
        assert box is not None
        place = box["x"] + box["width"] / 2, box["y"] + 24
        self.page.mouse.click(*place)
        return place

    def wheel(self, at: Point, by: float) -> None:
        self.page.mouse.move(*at)
        self.page.mouse.wheel(0, by)

    def select(self, *nodes: str) -> None:
        """Click cards at their titles, the second and further ones with Shift."""
        for k, node in enumerate(nodes):
            if k == 1:
                self.page.keyboard.down("Shift")
            self.page.mouse.click(*self.head(node))
        self.page.keyboard.up("Shift")

    def selected(self) -> Locator:
        """Cards that are selected."""
        return self.canvas.get_by_role("group", name=re.compile(", selected$"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    # ── runs ──

    def results(self) -> Locator:
        """What the run that is shown gave, in the form panel."""
        return panel(self.page, "Form").get_by_role("region", name="results")

    def run(self) -> None:
        top = self.page.get_by_role("banner").first
        top.get_by_role("button", name="Run", exact=True).click()

    def is_state(self, node: str, state: str) -> None:
        expect(self.card(node)).to_have_accessible_name(re.compile(f", {state}"))


def chain(title: str, length: int, *, wired: bool = True) -> dict[str, Any]:
    """Additions beside one another: n0, n1 …, each adding 1 to the one before."""
    nodes: dict[str, Any] = {}
    for k in range(length):
        nodes[f"n{k}"] = {"type": "math.add", "params": {"b": 1.0}}
        if k and wired:
            nodes[f"n{k}"]["links"] = {"a": f"n{k - 1}.value"}
        else:
            nodes[f"n{k}"]["params"]["a"] = 0.0
    return {
        "nodeflow": 1,
        "title": title,
        "nodes": nodes,
        "outputs": {"sum": f"n{length - 1}.value"},
        "view": {f"n{k}": [340 * k, 0] for k in range(length)},
    }
