"""The page for those who hear it, see little of it, have a phone, or want nothing to move."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from editing import Editor, chain
from programs import node_with
from serving import Server

WEB = Path(__file__).parents[2] / "web"
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core, as a development dependency of the editor brings it."""
    node_with(WEB)
    return (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def faults(page: Page, axe: str, *rules: str) -> list[str]:
    """What axe holds for serious, contrast of at least 4.5 included; with where it is."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {axe} }} }}")
    how = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = page.evaluate("how => axe.run(document, how)", how)
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def theme(editor: Editor, name: str) -> None:
    editor.press("Control+k")
    editor.page.keyboard.type(f"theme {name}")
    editor.press("Enter")
    expect(editor.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_axe_finds_nothing_serious(editor: Editor, axe: str, name: str) -> None:
    graph = chain("Axe", 3)
    graph["nodes"]["noise"] = {"type": "image_draw.noise"}
    graph["nodes"]["text"] = {"type": "image_draw.text", "links": {"image": "noise.image"}}
    graph["view"] |= {"noise": [0, 240], "text": [340, 240]}
    graph["inputs"] = {"amount": "n0.b", "seed": "noise.seed"}
    editor.open(graph)
    page = editor.page
    theme(editor, name)
    # Names and roles are the same in both themes.
    rules = ["color-contrast"] if name == "dark" else []
    editor.run()
    editor.is_state("n2", "(done|cached)")
    found = {}
    for panel in ("Node", "Form", "Gallery", "Queue", "History", "Problems"):
        if panel == "Node":
            editor.select("text")
        page.get_by_role("navigation", name="panels").get_by_role(
            "button", name=re.compile(f"^{panel}")
        ).click()
        expect(page.get_by_role("complementary", name=panel)).to_be_visible()
        found[panel] = faults(page, axe, *rules)
    editor.close_all()
    for key, dialog in (
        ("t", "Templates and lessons"),
        ("Shift+?", "Keys"),
        ("Control+k", "Commands"),
        ("Control+,", "Settings"),
        ("Shift+A", "Add a node"),
        ("Control+o", ""),
    ):
        editor.press(key)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        found[dialog or "graphs"] = faults(page, axe, *rules)
        editor.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    editor.select("n1")
    page.mouse.click(*editor.head("n1"), button="right")
    expect(page.get_by_role("menu")).to_be_visible()
    found["menu"] = faults(page, axe, *rules)
    editor.press("Escape")
    theme(editor, "system")
    assert {where: what for where, what in found.items() if what} == {}


OUTLINE = (
    "page-has-heading-one",
    "landmark-unique",
    "landmark-no-duplicate-banner",
    "landmark-no-duplicate-main",
    "landmark-one-main",
)


def outline_faults(page: Page, axe: str) -> list[str]:
    """What axe finds at headings and landmarks, however serious."""
    page.evaluate(f"() => {{ if (!window.axe) {{ {axe} }} }}")
    found = page.evaluate("how => axe.run(document, how)", {"runOnly": list(OUTLINE)})
    return [f"{one['id']}: {n['html'][:120]}" for one in found["violations"] for n in one["nodes"]]


def test_the_page_has_one_heading_and_landmarks_told_apart(editor: Editor, axe: str) -> None:
    editor.open(chain("Outline", 2))
    page = editor.page
    expect(page.get_by_role("heading", level=1)).to_have_text("nodeflow")
    expect(page.get_by_role("banner")).to_have_count(1)
    expect(page.get_by_label("Graph", exact=True)).to_have_count(1)
    assert outline_faults(page, axe) == []
    for key, dialog in (("Control+,", "Settings"), ("Shift+A", "Add a node")):
        editor.press(key)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        assert outline_faults(page, axe) == []
        expect(page.get_by_role("banner")).to_have_count(1)
        editor.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    for panel in ("Form", "Node", "Queue"):
        page.get_by_role("navigation", name="panels").get_by_role(
            "button", name=re.compile(f"^{panel}")
        ).click()
        expect(page.get_by_role("complementary", name=panel)).to_be_visible()
        assert outline_faults(page, axe) == []
    editor.close_all()


def test_regions_are_named_for_those_who_hear_them(editor: Editor) -> None:
    editor.open(chain("Heard", 2))
    page = editor.page
    expect(page.get_by_role("banner")).to_match_aria_snapshot(
        """
        - banner:
          - button "graph Heard, as opened"
          - button "undo" [disabled]
          - button "redo" [disabled]
          - button "Run"
          - button "more ways to run"
          - navigation "panels":
            - button "Node"
            - button "Form"
            - button "Gallery"
            - button "Queue"
            - button "History"
            - button /Problems/
            - button "Look inside"
          - button "Commands"
          - button "Keys"
          - button "Settings"
        """
    )
    expect(editor.canvas).to_match_aria_snapshot(
        """
        - application "Graph, nodes and wires":
          - img:
            - img "Wire n0.value to n1.a, float"
          - group "Add n0, math.add, not run":
            - button "output value, float, connected to n1.a"
            - button "input a, float, not connected"
            - spinbutton "a": "0"
            - button "input b, float, not connected"
            - spinbutton "b": "1"
          - group "Add n1, math.add, not run":
            - button "output value, float, not connected"
            - button "input a, float, connected to n0.value"
            - button "input b, float, not connected"
            - spinbutton "b": "1"
        """
    )
    expect(page.get_by_role("toolbar", name="View")).to_match_aria_snapshot(
        """
        - toolbar "View":
          - button "Add a node (Tab)"
          - button "Zoom out"
          - button /Zoom \\d+ percent. back to 100/
          - button "Zoom in"
          - button "Fit to view"
          - button "Drag selects"
          - button "Snap to grid"
          - button "Minimap" [pressed]
        """
    )
    # What happens is told.
    editor.link("n1.value", "n0.a")
    expect(editor.said).to_contain_text("this would be a cycle")
    editor.press("Escape")
    editor.select("n1")
    editor.press("Delete")
    expect(editor.said).to_contain_text("Deleted 1 item")


def test_focus_is_seen_and_stays_in_dialogs(editor: Editor) -> None:
    editor.open(chain("Focus", 1))
    page = editor.page
    page.get_by_role("button", name="Settings").focus()
    editor.press("Enter")
    dialog = page.get_by_role("dialog", name="Settings")
    expect(dialog).to_be_visible()
    for _ in range(25):
        editor.press("Tab")
        assert page.evaluate("() => document.activeElement.closest('[role=dialog]') !== null")
    editor.press("Escape")
    expect(page.get_by_role("button", name="Settings")).to_be_focused()
    # Every stop of the top bar shows that it has the keyboard.
    seen = page.evaluate(
        """() => {
          const shows = style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
            || style.boxShadow !== 'none';
          const missed = [];
          for (const stop of document.querySelectorAll('header button:not(:disabled)')) {
            if (!stop.offsetParent) continue;
            stop.focus({focusVisible: true});
            if (!shows(getComputedStyle(stop))) missed.push(stop.getAttribute('aria-label'));
          }
          return missed;
        }"""
    )
    assert seen == []


def sideways(page: Page) -> int:
    """Pixels by which the page is wider than the screen."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))


@pytest.fixture
def of_size(
    browser: Browser, server: Server, watch: Any
) -> Iterator[Callable[..., tuple[Editor, BrowserContext]]]:
    made: list[BrowserContext] = []

    def go(**how: Any) -> tuple[Editor, BrowserContext]:
        context = browser.new_context(accept_downloads=True, **how)
        context.set_default_timeout(30_000)
        context.on("page", watch.see)
        made.append(context)
        page = context.new_page()
        page.goto(server.url)
        page.get_by_role("dialog", name="Welcome").wait_for()
        page.keyboard.press("Escape")
        return Editor(page), context

    yield go
    for context in made:
        context.close()


def test_at_200_percent_nothing_is_out_of_reach(of_size: Callable[..., Any]) -> None:
    # 1280 × 800 at 200 % is half of that, with two device pixels to each.
    editor, _ = of_size(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    page = editor.page
    assert sideways(page) == 0
    for name in ("Run", "more ways to run"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    editor.press("Control+,")
    dialog = page.get_by_role("dialog", name="Settings")
    for button in (dialog.get_by_role("button").first, dialog.get_by_role("button").last):
        button.scroll_into_view_if_needed()
        expect(button).to_be_in_viewport(ratio=0.9)
    editor.press("Escape")
    editor.press("g")
    panel = page.get_by_role("complementary", name="Gallery")
    expect(panel.get_by_role("button", name="close gallery")).to_be_in_viewport(ratio=1)
    assert sideways(page) == 0


def test_a_phone_links_by_taps_and_opens_menus_by_a_long_press(
    of_size: Callable[..., Any],
) -> None:
    editor, context = of_size(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    page = editor.page
    graph = chain("Phone", 2, wired=False)
    graph["view"] = {"n0": [0, 0], "n1": [0, 220]}
    editor.open(graph)
    assert sideways(page) == 0
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_in_viewport(ratio=1)
    # A tap takes the link up, a second one lays it down.
    editor.socket("n0.value", "output").tap()
    expect(page.get_by_text("tap a socket that lights up")).to_be_visible()
    editor.socket("n1.a", "input").tap()
    expect(editor.wire("n0.value", "n1.a")).to_be_attached()
    # Fingers, as the browser gets them.
    fingers = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    x, y = editor.head("n1")
    touch("touchStart", (x + 40, y))
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Duplicate")).to_be_visible()
    touch("touchEnd")
    menu.get_by_role("menuitem", name="Duplicate").tap()
    expect(editor.cards).to_have_count(3)
    # Two fingers apart zoom in.
    tools = page.get_by_role("toolbar", name="View")
    zoom = tools.get_by_role("button", name=re.compile("^Zoom [0-9]+ percent"))
    before = zoom.inner_text()
    cx, cy = 195.0, 640.0
    touch("touchStart", (cx - 30, cy), (cx + 30, cy))
    for by in (40, 60, 80, 100):
        touch("touchMove", (cx - by, cy), (cx + by, cy))
    touch("touchEnd")
    expect(zoom).not_to_have_text(before)
    assert int(zoom.inner_text().rstrip("%")) > int(before.rstrip("%"))
    # A panel lies over the canvas and closes again.
    page.get_by_role("button", name="more", exact=True).tap()
    page.get_by_role("menuitem", name="History").tap()
    panel = page.get_by_role("complementary", name="History")
    expect(panel).to_be_in_viewport()
    panel.get_by_role("button", name="close history").tap()
    expect(panel).to_be_hidden()
    assert sideways(page) == 0


def test_nothing_moves_where_that_is_not_wanted(editor: Editor) -> None:
    """Every page here asks for reduced motion; see what is animated while something happens."""
    editor.open(chain("Still", 3))
    page = editor.page
    assert page.evaluate("() => matchMedia('(prefers-reduced-motion: reduce)').matches")
    page.evaluate(
        """() => {
          window.moved = [];
          const look = () => {
            for (const one of document.getAnimations()) {
              const {duration} = one.effect.getComputedTiming();
              const what = one.transitionProperty ?? one.animationName ?? '';
              const still = ['opacity', 'color', 'background-color', 'border-color'];
              if (duration > 20 && !still.includes(what)) moved.push(what);
            }
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    editor.run()
    editor.is_state("n2", "(done|cached)")
    editor.press("g")
    editor.press("f", "+", "-")
    editor.press("t")
    editor.press("Escape")
    editor.link("n0.value", "n2.a")
    assert page.evaluate("() => [...new Set(window.moved)]") == []


def test_the_watch_catches_errors_and_requests_that_leave(
    context: BrowserContext, watch: Any, visit: Visit
) -> None:
    """What every test here relies on: the fixture would fail on either."""
    page = visit()
    assert watch.unexpected() == []
    page.evaluate("() => console.error('a fault of the page')")
    page.evaluate("() => setTimeout(() => { throw new Error('thrown aside') })")
    page.evaluate("() => fetch('http://127.0.0.2:9/elsewhere').catch(() => undefined)")
    page.wait_for_function("() => true")
    found = json.dumps(watch.unexpected())
    assert "a fault of the page" in found
    assert "exception: thrown aside" in found
    # The policy stops it before it leaves; that is told on the console.
    assert "127.0.0.2:9/elsewhere" in found
    # And the watch itself sees a request that does leave.
    watch._request("http://example.org/picture.png")
    assert "left the origin: http://example.org/picture.png" in watch.unexpected()
    watch.faults.clear()
