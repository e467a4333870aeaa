"""Selecting, copying, deleting and taking back, on the canvas and within texts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from editing import Editor, chain, middle


@pytest.fixture
def row(editor: Editor) -> Editor:
    """Four additions, each wired to the next."""
    editor.open(chain("Row", 4))
    return editor


def ids(editor: Editor) -> set[str]:
    return set(editor.json()["nodes"])


def box_around(editor: Editor, *nodes: str) -> None:
    """Draw a box around cards, by the mouse with Shift."""
    boxes = [editor.card(node).bounding_box() for node in nodes]
    left = min(box["x"] for box in boxes if box) - 20
    top = min(box["y"] for box in boxes if box) - 20
    right = max(box["x"] + box["width"] for box in boxes if box) + 20
    bottom = max(box["y"] + box["height"] for box in boxes if box) + 20
    editor.page.keyboard.down("Shift")
    editor.drag((left, top), (right, bottom))
    editor.page.keyboard.up("Shift")


def test_boxed_nodes_are_copied_deleted_and_brought_back_exactly(row: Editor) -> None:
    start = row.json()
    box_around(row, "n1", "n2")
    expect(row.selected()).to_have_count(2)

    row.press("Control+c", "Control+v")
    expect(row.cards).to_have_count(6)
    expect(row.selected()).to_have_count(2)
    pasted = row.json()
    new = sorted(set(pasted["nodes"]) - set(start["nodes"]))
    inner = {p: s for n in new for p, s in pasted["nodes"][n].get("links", {}).items()}
    # The wire between the two came along; the pasted ones are the same nodes otherwise.
    assert len(new) == 2
    assert f"{new[0]}.value" in inner.values() or f"{new[1]}.value" in inner.values()

    row.select("n1", "n2")
    row.press("Control+d")
    expect(row.cards).to_have_count(8)
    duplicated = row.json()

    row.select("n0")
    row.press("Delete")
    expect(row.card("n0")).to_be_hidden()
    deleted = row.json()
    assert set(deleted["nodes"]) == set(duplicated["nodes"]) - {"n0"}
    assert "a" not in deleted["nodes"]["n1"].get("links", {})

    states = [start, pasted, duplicated, deleted]
    for before in reversed(states[:-1]):
        row.press("Control+z")
        assert row.json() == before
    expect(row.page.get_by_role("button", name="undo")).to_be_disabled()
    for after, keys in zip(states[1:], ("Control+y", "Control+Shift+z", "Control+y"), strict=True):
        row.press(keys)
        assert row.json() == after
    expect(row.page.get_by_role("button", name="redo")).to_be_disabled()


def test_what_is_cut_is_pasted_into_another_graph(row: Editor) -> None:
    row.select("n0", "n1")
    row.press("Control+x")
    expect(row.cards).to_have_count(2)
    row.open(chain("Other", 1))
    row.press("Control+v")
    expect(row.cards).to_have_count(3)
    nodes = row.json()["nodes"]
    assert {node["type"] for node in nodes.values()} == {"math.add"}
    assert [node["links"] for node in nodes.values() if "links" in node] != []


def test_a_drag_is_one_step_back(row: Editor) -> None:
    start = row.json()
    row.select("n1", "n2")
    x, y = row.head("n1")
    row.drag((x, y), (x + 60, y + 120))
    moved = row.json()["view"]
    assert moved["n0"] == start["view"]["n0"]
    for node in ("n1", "n2"):
        shift = [b - a for a, b in zip(start["view"][node], moved[node], strict=True)]
        assert 40 < shift[0] <= 60
        assert 80 < shift[1] <= 120
    row.press("Control+z")
    assert row.json() == start
    # By keys: Alt with an arrow moves what is selected.
    row.select("n1")
    row.press("Alt+ArrowDown", "Alt+ArrowDown")
    assert row.json()["view"]["n1"] == [340, 20]


def test_keys_in_a_text_act_on_the_text(editor: Editor) -> None:
    """The prompt, a plain text and a number: Ctrl-Z, Backspace, Ctrl-A and Delete stay there."""
    editor.open(
        {
            "nodeflow": 1,
            "title": "Texts",
            "nodes": {
                "encode": {"type": "text.encode", "params": {"text": "a cat"}},
                "lower": {"type": "string.lower", "params": {"text": "ABC"}},
                "add": {"type": "math.add", "params": {"a": 1.0, "b": 2.0}},
            },
            "view": {"encode": [0, 0], "lower": [340, 0], "add": [680, 0]},
        }
    )
    page = editor.page
    # The prompt: a plain text area until it has the keyboard, then the editor with weights.
    prompt = editor.card("encode").get_by_role("textbox", name="text", exact=True)
    prompt.click()
    editor.press("Control+End")
    page.keyboard.type(" in the rain")
    expect(prompt).to_have_text("a cat in the rain")
    for _ in range(4):
        editor.press("Backspace")
    expect(prompt).to_have_text("a cat in the ")
    editor.press("Control+z")
    expect(prompt).not_to_have_text("a cat in the ")
    expect(editor.card("encode")).to_be_visible()
    for _ in range(30):  # how many keys one step back takes along depends on how fast they came
        if prompt.inner_text().strip() == "a cat":
            break
        editor.press("Control+z")
    expect(prompt).to_have_text("a cat")
    editor.press("Control+a", "Delete")
    expect(prompt).to_have_text("")
    expect(editor.cards).to_have_count(3)
    page.keyboard.type("a dog")
    editor.press("Control+a", "Control+c", "Control+End", "Control+v")
    expect(prompt).to_have_text("a doga dog")

    line = editor.card("lower").get_by_role("textbox", name="text", exact=True)
    line.click()
    editor.press("End", "Backspace")
    expect(line).to_have_value("AB")
    editor.press("Control+z")
    expect(line).to_have_value("ABC")
    editor.press("Control+a", "Backspace")
    page.keyboard.type("Tfgmn1?")  # keys of commands, as letters
    expect(line).to_have_value("Tfgmn1?")

    number = editor.card("add").get_by_role("spinbutton", name="a", exact=True)
    number.click()
    editor.press("Control+a", "Backspace")
    page.keyboard.type("7")
    expect(number).to_have_value("7")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("complementary")).to_have_count(0)
    nodes = editor.json()["nodes"]
    assert {name: node["params"] for name, node in nodes.items()} == {
        "encode": {"text": "a doga dog"},
        "lower": {"text": "Tfgmn1?"},
        "add": {"a": 7, "b": 2},
    }

    # On the canvas again the same keys act on the graph; what was typed there is one step.
    editor.empty_place()
    editor.press("Control+z")
    expect(number).to_have_value("1")
    editor.press("Control+z")
    expect(line).to_have_value("ABC")
    editor.select("add")
    editor.press("Backspace")
    expect(editor.card("add")).to_be_hidden()


def test_buttons_and_menus_do_the_same(row: Editor) -> None:
    page = row.page
    start = row.json()
    page.mouse.click(*row.head("n1"), button="right")
    menu = page.get_by_role("menu")
    menu.get_by_role("menuitem", name="Duplicate").click()
    expect(row.cards).to_have_count(5)
    page.get_by_role("button", name="undo").click()
    assert row.json() == start
    page.get_by_role("button", name="redo").click()
    expect(row.cards).to_have_count(5)
    page.get_by_role("button", name="undo").click()
    # A wire by its menu.
    middle_of = middle(row.wire("n0.value", "n1.a").bounding_box())
    page.mouse.click(*middle_of, button="right")
    menu.get_by_role("menuitem", name="Disconnect").click()
    expect(row.wire("n0.value", "n1.a")).to_have_count(0)
    row.press("Control+z")
    assert row.json() == start
    # The canvas's own menu.
    page.mouse.click(*row.empty_place(), button="right")
    menu.get_by_role("menuitem", name="Select all").click()
    expect(row.selected()).to_have_count(4)
    row.press("Delete")
    expect(row.cards).to_have_count(0)
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    row.press("Control+z")
    assert row.json() == start
