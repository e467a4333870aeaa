"""Moving about in a graph, going into loops, and nodes that do not take part or are not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from editing import Editor, Point, chain, middle

Shared = tuple[Page, Any]
LOOP: dict[str, Any] = {
    "nodeflow": 1,
    "title": "Sum in a loop",
    "outputs": {"total": "loop.total"},
    "nodes": {
        "numbers": {"type": "list.linspace", "params": {"start": 1.0, "stop": 3.0, "count": 3}},
        "zero": {"type": "math.add", "params": {"a": 0.0, "b": 0.0}},
        "loop": {
            "type": "flow.loop",
            "each": {"number": "numbers.value"},
            "state": {"total": {"init": "zero.value", "next": "scale.value"}},
            "body": {
                "sum": {"type": "math.add", "links": {"a": "state.total", "b": "each.number"}},
                "scale": {
                    "type": "math.multiply",
                    "params": {"b": 1.0},
                    "links": {"a": "sum.value"},
                },
            },
        },
    },
    "view": {
        "numbers": [0, 0],
        "zero": [0, 240],
        "loop": [340, 0],
        "loop/sum": [0, 0],
        "loop/scale": [340, 0],
    },
}


def zoom_of(editor: Editor) -> Locator:
    tools = editor.page.get_by_role("toolbar", name="View")
    return tools.get_by_role("button", name=re.compile("^Zoom [0-9]+ percent"))


def until(editor: Editor, holds: Callable[[], bool], what: str) -> None:
    """Wait for what no locator tells: a place on the screen."""
    for _ in range(400):
        if holds():
            return
        editor.page.evaluate("() => new Promise(requestAnimationFrame)")
    pytest.fail(f"it never came about: {what}")


def near(a: Point, b: Point, within: float) -> bool:
    return all(abs(one - other) < within for one, other in zip(a, b, strict=True))


def place_of(editor: Editor, node: str) -> Point:
    box = editor.card(node).bounding_box()
    assert box is not None
    return box["x"], box["y"]


def test_panning_zooming_and_fitting_by_hand_and_keys(editor: Editor) -> None:
    editor.open(chain("Wide", 5))
    before = editor.json()
    fitted = place_of(editor, "n0")
    percent = zoom_of(editor).inner_text()
    # The wheel zooms about the pointer.
    at = middle(editor.card("n2").bounding_box())
    editor.wheel(at, -400)
    expect(zoom_of(editor)).not_to_have_text(percent)
    until(editor, lambda: near(middle(editor.card("n2").bounding_box()), at, 4), "zoom there")
    # A drag of the empty canvas pans.
    x, y = place_of(editor, "n2")
    start = editor.empty_place()
    editor.drag(start, (start[0] + 90, start[1] + 60))
    until(editor, lambda: near(place_of(editor, "n2"), (x + 90, y + 60), 16), "panned")
    editor.press("1")
    expect(zoom_of(editor)).to_have_text("100%")
    editor.press("-", "-")
    expect(zoom_of(editor)).to_have_text("64%")
    editor.press("+")
    expect(zoom_of(editor)).to_have_text("80%")
    editor.press("f")
    expect(zoom_of(editor)).to_have_text(percent)
    until(editor, lambda: near(place_of(editor, "n0"), fitted, 2), "fitted again")
    # The same by buttons; none of it changes the graph.
    tools = editor.page.get_by_role("toolbar", name="View")
    tools.get_by_role("button", name="Zoom in").click()
    expect(zoom_of(editor)).not_to_have_text(percent)
    tools.get_by_role("button", name="Fit to view").click()
    expect(zoom_of(editor)).to_have_text(percent)
    expect(editor.page.get_by_role("button", name="undo")).to_be_disabled()
    assert editor.json() == before


def test_the_minimap_goes_where_it_is_pressed(editor: Editor) -> None:
    editor.open(chain("Long", 8))
    minimap = editor.page.get_by_role("img", name=re.compile("^Minimap: 8 items"))
    editor.press("1")
    box = minimap.bounding_box()
    assert box is not None
    editor.page.mouse.click(box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
    expect(editor.card("n7")).to_be_in_viewport()
    # What is out of sight is not drawn at all.
    expect(editor.card("n0")).to_have_count(0)
    editor.page.mouse.click(box["x"] + 12, box["y"] + box["height"] / 2)
    expect(editor.card("n0")).to_be_in_viewport()
    editor.press("m")
    expect(minimap).to_be_hidden()
    editor.press("m")
    expect(minimap).to_be_visible()


def test_a_loop_is_entered_edited_left_and_taken_back(editor: Editor) -> None:
    editor.open(LOOP)
    start = editor.json()
    editor.card("loop").get_by_role("button", name="Enter").click()
    where = editor.page.get_by_role("navigation", name="Where you are")
    expect(where.get_by_role("button", name="loop", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    expect(editor.card("numbers")).to_have_count(0)
    # The pads say what each pass is given and what it gives.
    given = editor.canvas.get_by_role("group", name=re.compile("^Each pass is given"))
    expect(given.get_by_role("button", name=re.compile("^output each.number"))).to_be_visible()
    gives = editor.canvas.get_by_role("group", name=re.compile("^Each pass gives"))
    expect(gives.get_by_role("button", name=re.compile("^input next.total"))).to_be_visible()
    # An edit inside.
    factor = editor.card("scale").get_by_role("spinbutton", name="b")
    factor.fill("2")
    inside = editor.json()
    assert inside["nodes"]["loop"]["body"]["scale"]["params"] == {"b": 2}
    # Out by a key, in by double click, out by its name.
    editor.empty_place()
    editor.press("Escape")
    expect(where).to_have_count(0)
    expect(editor.card("numbers")).to_be_visible()
    editor.page.mouse.dblclick(*middle(editor.card("loop").bounding_box()))
    expect(where).to_be_visible()
    where.get_by_role("button", name="Sum in a loop").click()
    expect(where).to_have_count(0)
    # ((0 + 1)·2 + 2)·2 + 3)·2 = 22, and what happens inside is told outside.
    editor.run()
    expect(editor.results()).to_contain_text("22")
    expect(editor.card("loop")).to_contain_text("2 nodes · 3 steps")
    # Undo from outside goes back to what was edited inside.
    editor.empty_place()
    editor.press("Control+z")
    assert editor.json() == start
    editor.press("Control+y")
    assert editor.json() == inside


def test_a_value_inside_a_loop_becomes_an_input_of_the_graph(editor: Editor) -> None:
    editor.open(LOOP)
    editor.card("loop").get_by_role("button", name="Enter").click()
    editor.socket("scale.b", "input").click(button="right")
    editor.page.get_by_role("menuitem", name="Make it an input of the graph").click()
    expect(editor.card("scale").get_by_role("img", name="Input “b” of the graph")).to_be_visible()
    assert editor.json()["inputs"] == {"b": "loop/scale.b"}
    # The form asks for it; what is written there stands inside the loop.
    editor.results()
    form = editor.page.get_by_role("complementary", name="Form")
    form.get_by_role("spinbutton", name="B", exact=True).fill("3")
    assert editor.json()["nodes"]["loop"]["body"]["scale"]["params"] == {"b": 3}
    editor.empty_place()
    editor.press("Control+z", "Control+z")
    assert editor.json().get("inputs", {}) == {}
    expect(form.get_by_role("spinbutton")).to_have_count(0)


def test_nodes_are_grouped_entered_and_ungrouped(editor: Editor) -> None:
    editor.open(chain("Group", 4))
    start = editor.json()
    editor.select("n1", "n2")
    editor.press("Control+g")
    expect(editor.cards).to_have_count(3)
    group = editor.canvas.get_by_role("group", name=re.compile("flow.graph"))
    expect(group).to_contain_text("2 nodes inside")
    editor.run()
    expect(editor.results()).to_contain_text("4")
    group.get_by_role("button", name="Enter").click()
    expect(editor.card("n1")).to_be_visible()
    expect(editor.card("n0")).to_have_count(0)
    editor.empty_place()
    editor.press("Escape")
    editor.press("Control+z")
    assert editor.json() == start


def test_bypassed_and_muted_nodes_differ_in_name_and_outcome(editor: Editor) -> None:
    editor.open(
        {
            "nodeflow": 1,
            "title": "Modes",
            "outputs": {"head": "choose.value", "count": "length.value"},
            "nodes": {
                "numbers": {"type": "list.linspace", "params": {"start": 3.0, "stop": 8.0}},
                "reverse": {"type": "list.reverse", "links": {"items": "numbers.value"}},
                "choose": {"type": "list.choose", "links": {"items": "reverse.value"}},
                "length": {"type": "list.length", "links": {"items": "numbers.value"}},
            },
            "view": {
                "numbers": [0, 0],
                "reverse": [340, 0],
                "choose": [680, 0],
                "length": [340, 240],
            },
        }
    )
    editor.run()
    expect(editor.results()).to_contain_text(re.compile(r"Head\s*8"))
    # Bypassed, it hands its input on.
    editor.select("reverse")
    editor.press("Control+b")
    expect(editor.card("reverse")).to_have_accessible_name(re.compile("bypassed"))
    assert editor.json()["nodes"]["reverse"]["mode"] == "bypass"
    editor.run()
    expect(editor.results()).to_contain_text(re.compile(r"Head\s*3"))
    # Muted, it does not run, nor does what needs it; the rest does.
    editor.select("reverse")
    editor.press("Control+m")
    expect(editor.card("reverse")).to_have_accessible_name(re.compile("muted"))
    assert editor.json()["nodes"]["reverse"]["mode"] == "mute"
    editor.run()
    editor.is_state("length", "cached")
    expect(editor.results()).to_contain_text(re.compile(r"Count\s*5"))
    expect(editor.results()).not_to_contain_text("Head")
    editor.is_state("choose", "not run")
    editor.press("Control+m")
    assert "mode" not in editor.json()["nodes"]["reverse"]


@pytest.fixture
def unknown() -> dict[str, Any]:
    graph = chain("Unknown", 3)
    graph["nodes"]["n1"] = {
        "type": "gone:pack.thing",
        "version": 3,
        "params": {"colour": "blue", "deep": {"x": [1, 2.5, None]}},
        "links": {"a": "n0.value"},
    }
    return graph


def test_unknown_nodes_keep_all_they_had(
    editor: Editor, shared: Shared, unknown: dict[str, Any]
) -> None:
    editor.open(unknown)
    card = editor.card("n1")
    expect(card).to_have_accessible_name(re.compile("gone:pack.thing, unknown type"))
    for text in ("blue", '{"x":[1,2.5,null]}'):
        expect(card).to_contain_text(text)
    expect(editor.wire("n0.value", "n1.a")).to_be_attached()
    expect(editor.wire("n1.value", "n2.a")).to_be_attached()
    # It is moved, saved on the server and opened again: nothing is lost.
    editor.select("n1")
    editor.press("Alt+ArrowDown", "Control+s")
    page = editor.page
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill("with unknown nodes")
    editor.press("Enter")
    expect(
        page.get_by_role("button", name=re.compile("^graph with unknown nodes, saved"))
    ).to_be_visible()
    assert editor.json()["nodes"] == unknown["nodes"]
    editor.menu("New graph")
    expect(editor.cards).to_have_count(0)
    editor.press("Control+o")
    dialog.get_by_role("button", name=re.compile("with unknown nodes")).first.click()
    expect(editor.card("n1")).to_contain_text("blue")
    assert editor.json()["nodes"] == unknown["nodes"]
    # A run is refused with the reason.
    shared[1].expect("status of 400 .*/api/v1/runs$")
    editor.run()
    alert = page.get_by_role("region", name="notices").get_by_role("alert")
    expect(alert).to_contain_text("gone:pack.thing")
    alert.get_by_role("button", name="close").click()
