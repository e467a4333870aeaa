"""Finding nodes and wiring them: by the mouse, by keys, with a reason where it is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from editing import Editor, chain, middle

BELOW = (720.0, 760.0)
"""A point of the canvas with nothing on it, below the cards of `three`."""


@pytest.fixture
def three(editor: Editor) -> Editor:
    """Three additions without a wire, and a list beside them."""
    graph = chain("Three", 3, wired=False)
    graph["nodes"]["list"] = {"type": "list.linspace", "params": {}}
    graph["view"]["list"] = [0, 260]
    editor.open(graph)
    return editor


def links(editor: Editor) -> dict[str, Any]:
    """All wires of the graph, from its export."""
    nodes = editor.json()["nodes"]
    return {f"{n}.{p}": source for n in nodes for p, source in nodes[n].get("links", {}).items()}


def test_nodes_are_found_by_name_category_and_description(editor: Editor) -> None:
    editor.open(chain("One", 1))
    editor.page.mouse.dblclick(*editor.empty_place())
    field = editor.search.get_by_role("combobox", name="Search nodes")
    expect(field).to_be_focused()
    options = editor.search.get_by_role("option")
    for text, found in (
        ("multiply", "Multiply math"),
        ("mltply", "Multiply math"),  # letters left out
        ("math interp", "Interpolate math"),  # category and name
    ):
        field.fill(text)
        expect(editor.search.get_by_role("option", name=found, exact=True)).to_be_visible()
    # Words of the description alone, and what the chosen node does beside the list.
    field.fill("finite comparison")
    expect(options.first).to_have_accessible_name("Expression math")
    about = editor.search.get_by_role("complementary")
    expect(about).to_contain_text("Compute a number from an expression")
    field.fill("no such node at all")
    expect(options).to_have_count(0)
    expect(editor.search).to_contain_text("No node fits that.")
    editor.press("Escape")
    expect(editor.search).to_be_hidden()


def test_a_node_is_added_by_keys_alone(editor: Editor) -> None:
    editor.open(chain("One", 1))
    # The canvas has the keyboard: Tab asks for a node.
    editor.press("Tab")
    expect(editor.search).to_be_visible()
    editor.page.keyboard.type("math mul")
    expect(editor.search.get_by_role("option").first).to_have_accessible_name("Multiply math")
    editor.press("ArrowDown", "ArrowUp", "Enter")
    expect(editor.search).to_be_hidden()
    card = editor.card("multiply")
    expect(card).to_be_visible()
    expect(editor.selected()).to_have_count(1)
    expect(card).to_have_accessible_name(re.compile(", selected$"))
    editor.press("Control+z")
    expect(card).to_be_hidden()
    # Tab where a node has the keyboard goes on to what is in it, as on any page.
    editor.press("ArrowRight")
    expect(editor.card("n0")).to_be_focused()
    editor.press("Tab")
    expect(editor.search).to_be_hidden()


def test_a_wire_is_drawn_from_either_end(three: Editor) -> None:
    three.link("n0.value", "n1.a")
    expect(three.wire("n0.value", "n1.a")).to_be_attached()
    expect(three.socket("n1.a", "input")).to_have_accessible_name(
        "input a, float, connected to n0.value"
    )
    start = middle(three.socket("n2.a", "input").bounding_box())
    three.drag(start, middle(three.socket("n1.value", "output").bounding_box()))
    expect(three.wire("n1.value", "n2.a")).to_be_attached()
    assert links(three) == {"n1.a": "n0.value", "n2.a": "n1.value"}
    sockets = three.socket("n1.value", "output")
    expect(sockets).to_have_accessible_name("output value, float, connected to n2.a")


def test_a_refused_wire_says_why(three: Editor) -> None:
    alert = three.page.get_by_role("alert")
    # A list does not fit a number; what converts is offered, and is put between.
    three.link("list.value", "n1.a")
    expect(alert).to_contain_text("list[float] does not fit a")
    assert links(three) == {}
    alert.get_by_role("button", name="Put math.maximum between").click()
    expect(alert).to_be_hidden()
    assert links(three) == {"maximum.values": "list.value", "n1.a": "maximum.value"}
    three.press("Control+z")
    assert links(three) == {}
    # A ring.
    three.link("n0.value", "n1.a")
    three.link("n1.value", "n2.a")
    three.link("n2.value", "n0.a")
    expect(alert).to_contain_text("this would be a cycle: n0 → n1 → n2 → n0")
    expect(three.said).to_contain_text("this would be a cycle")
    alert.get_by_role("button", name="Close").click()
    expect(alert).to_be_hidden()
    # Two outputs.
    three.drag(
        middle(three.socket("n0.value", "output").bounding_box()),
        middle(three.socket("n2.value", "output").bounding_box()),
    )
    expect(alert).to_contain_text("Both are outputs")
    assert links(three) == {"n1.a": "n0.value", "n2.a": "n1.value"}


@pytest.mark.parametrize(
    ("end", "side", "typed", "made"),
    [
        ("n0.value", "output", "math mul", {"multiply.a": "n0.value"}),
        ("n2.a", "input", "math mul", {"n2.a": "multiply.value"}),
    ],
)
def test_a_link_dropped_on_the_canvas_asks_what_fits(
    three: Editor, end: str, side: str, typed: str, made: dict[str, str]
) -> None:
    three.drag(middle(three.socket(end, side).bounding_box()), BELOW)
    expect(three.search).to_be_visible()
    options = three.search.get_by_role("option")
    field = three.search.get_by_role("combobox")
    verb = "takes" if side == "output" else "gives"
    expect(field).to_have_attribute("placeholder", f"What {verb} float?")
    # What has no number is not offered.
    field.fill("vae decode")
    expect(options).to_have_count(0)
    field.fill(typed)
    expect(options.first).to_have_accessible_name(re.compile("^Multiply"))
    three.press("Enter")
    expect(three.search).to_be_hidden()
    assert links(three) == made
    # Node and wire are one step.
    three.press("Control+z")
    assert links(three) == {}
    expect(three.card("multiply")).to_be_hidden()


def test_a_wires_end_is_taken_elsewhere_or_off(three: Editor) -> None:
    three.link("n0.value", "n1.a")
    assert links(three) == {"n1.a": "n0.value"}
    end = middle(three.socket("n1.a", "input").bounding_box())
    before = (end[0] - 20, end[1])
    three.drag(before, middle(three.socket("n2.b", "input").bounding_box()))
    assert links(three) == {"n2.b": "n0.value"}
    end = middle(three.socket("n2.b", "input").bounding_box())
    three.drag((end[0] - 20, end[1]), BELOW)
    assert links(three) == {}
    expect(three.search).to_be_hidden()
    three.press("Control+z")
    assert links(three) == {"n2.b": "n0.value"}
    # The value that stood there is there again once the wire is gone.
    three.press("Control+z", "Control+z")
    assert three.json()["nodes"]["n1"]["params"] == {"a": 0, "b": 1}


def test_an_input_that_has_a_wire_gives_it_to_the_hand(three: Editor) -> None:
    def place(end: str) -> tuple[float, float]:
        return middle(three.socket(end, "input").bounding_box())

    three.link("n0.value", "n1.a")
    three.drag(place("n1.a"), place("n2.b"))
    assert links(three) == {"n2.b": "n0.value"}
    # Laid down where it was taken up, or given up by Escape, it is as if nothing had been.
    mouse = three.page.mouse
    for end in (place("n2.b"), BELOW, place("n2.a")):
        mouse.move(*place("n2.b"))
        mouse.down()
        mouse.move(*BELOW, steps=4)
        mouse.move(*end, steps=4)
        if end != place("n2.b"):
            three.press("Escape")
        mouse.up()
        assert links(three) == {"n2.b": "n0.value"}
        expect(three.search).to_be_hidden()
        # No link hangs on the pointer.
        expect(three.socket("n0.value", "output")).not_to_have_attribute("data-fit", "origin")
    three.drag(place("n2.b"), BELOW)
    assert links(three) == {}
    expect(three.search).to_be_hidden()
    three.press("Control+z", "Control+z")
    assert links(three) == {"n1.a": "n0.value"}
    # A new link that is given up asks for no node.
    mouse.move(*place("n2.a"))
    mouse.down()
    mouse.move(*BELOW, steps=4)
    three.press("Escape")
    mouse.up()
    expect(three.search).to_be_hidden()
    assert links(three) == {"n1.a": "n0.value"}


def test_of_several_wires_the_last_is_taken(three: Editor) -> None:
    graph = chain("Several", 3, wired=False)
    graph["nodes"]["most"] = {"type": "math.maximum", "links": {"values": ["n0.value", "n1.value"]}}
    graph["view"]["most"] = [340, 260]
    three.open(graph)
    three.drag(middle(three.socket("most.values", "input").bounding_box()), BELOW)
    assert links(three) == {"most.values": ["n0.value"]}
    three.press("Control+z")
    assert links(three) == {"most.values": ["n0.value", "n1.value"]}


def test_wires_are_made_and_taken_off_by_keys(three: Editor) -> None:
    three.press("ArrowRight")
    expect(three.card("n0")).to_be_focused()
    output = three.socket("n0.value", "output")
    output.focus()
    three.press("Enter")
    menu = three.page.get_by_role("menu")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    menu.get_by_role("menuitem", name=re.compile("n1.*a|a.*n1")).first.press("Enter")
    expect(three.wire("n0.value", "n1.a")).to_be_attached()
    three.socket("n1.a", "input").press("Shift+F10")
    menu.get_by_role("menuitem", name="Disconnect").press("Enter")
    assert links(three) == {}
