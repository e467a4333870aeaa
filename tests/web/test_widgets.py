"""Every kind of field on a node: once by the mouse, once by keys; what the graph file then says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from editing import Editor

NODES: dict[str, tuple[str, tuple[int, int]]] = {
    "text": ("image_draw.text", (0, 0)),
    "noise": ("image_draw.noise", (340, 0)),
    "expression": ("math.expression", (680, 0)),
    "save": ("image.save", (1020, 0)),
    "load": ("load.image", (340, 300)),
    "empty": ("latent.empty", (680, 300)),
    "encode": ("text.encode", (1020, 160)),
    "maximum": ("math.maximum", (0, 480)),
    "template": ("string.template", (340, 480)),
    "slice": ("list.slice", (680, 520)),
    "checkpoint": ("load.checkpoint", (1020, 400)),
}


@pytest.fixture
def fields(editor: Editor) -> Editor:
    """Nodes with all kinds of fields, none of them set."""
    editor.open(
        {
            "nodeflow": 1,
            "title": "Fields",
            "nodes": {name: {"type": kind} for name, (kind, _) in NODES.items()},
            "view": {name: list(at) for name, (_, at) in NODES.items()},
        }
    )
    return editor


def params(editor: Editor) -> dict[str, Any]:
    """What is set, by `node.port`."""
    nodes = editor.json()["nodes"]
    return {f"{n}.{p}": v for n in nodes for p, v in nodes[n].get("params", {}).items()}


def field(editor: Editor, place: str, role: Any, name: str = "") -> Locator:
    node, port = place.split(".")
    return editor.card(node).get_by_role(role, name=name or port, exact=True)


def test_fields_by_the_mouse(fields: Editor, tmp_path: Path) -> None:
    page = fields.page

    # Slider: a press in its middle and a drag to its end; Multiple, Number: their own figures.
    track = field(fields, "text.opacity", "slider", "opacity, drag")
    box = track.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    fields.drag((box["x"] + box["width"] * 0.75, y), (box["x"] + box["width"] * 0.5, y))
    expect(field(fields, "text.opacity", "spinbutton")).to_have_value("0.5")

    # Choice of few: the system's own list. Choice of many: one that is searched.
    field(fields, "checkpoint.dtype", "combobox").select_option("float16")
    field(fields, "text.anchor", "combobox").click()
    anchors = page.get_by_role("listbox", name="anchor")
    anchors.get_by_role("option", name="centre", exact=True).click()

    field(fields, "noise.grey", "switch").click()
    field(fields, "noise.seed", "button", "draw a new seed").click()
    field(fields, "noise.seed", "button", "random seed each run").click()
    field(fields, "text.colour", "textbox", "colour, pick").fill("#336699")

    # A file: sent to the server, then picked from what is there.
    picture = tmp_path / "red.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    with page.expect_file_chooser() as chooser:
        field(fields, "load.path", "button", "upload a file for path").click()
    chooser.value.set_files(picture)
    path = field(fields, "load.path", "textbox")
    expect(path).to_have_value(re.compile(r"^input/.+\.png$"))
    uploaded = path.input_value()
    path.fill("")
    field(fields, "load.path", "button", "pick a file for path").click()
    page.get_by_role("button", name=uploaded.removeprefix("input/")).click()
    expect(path).to_have_value(uploaded)

    # One that is not there: told, without a word on the console.
    path.fill("input/nowhere.png")
    expect(fields.card("load").get_by_role("img", name="not found in input/")).to_be_visible()
    path.fill(uploaded)
    expect(fields.card("load").get_by_role("img", name="not found in input/")).to_be_hidden()

    made = params(fields)
    seed = made.pop("noise.seed")
    assert isinstance(seed, int)
    assert made == {
        "text.opacity": 0.5,
        "text.anchor": "centre",
        "checkpoint.dtype": "float16",
        "noise.grey": True,
        "text.colour": "#336699",
        "load.path": uploaded,
    }
    assert fields.json()["view"]["$random"] == ["noise.seed"]

    # In the panel the same fields have room, and buttons beside them.
    fields.select("noise")
    page.get_by_role("button", name="Node", exact=True).click()
    panel = page.get_by_role("complementary", name="Node")
    panel.get_by_role("button", name="more width").click()
    expect(panel.get_by_role("button", name="less batch")).to_be_disabled()
    panel.get_by_role("button", name="more batch").click()
    panel.get_by_role("button", name="seed after, seed").click()
    made = params(fields)
    assert made["noise.width"] > 512
    assert made["noise.batch"] == 2
    assert made["noise.seed"] == seed + 1
    panel.get_by_role("button", name="reset width").click()
    assert "noise.width" not in params(fields)


def test_fields_by_keys(fields: Editor) -> None:
    page = fields.page
    typing = page.keyboard.type

    def into(place: str, role: Any = "textbox", name: str = "") -> Locator:
        found = field(fields, place, role, name)
        found.focus()
        expect(found).to_be_focused()
        return found

    # Slider: arrows, finer and coarser; its number is typed.
    into("text.size", "slider", "size, drag")
    fields.press("ArrowRight", "ArrowRight", "ArrowLeft")
    expect(field(fields, "text.size", "spinbutton")).to_have_value("25")
    into("text.opacity", "spinbutton")
    fields.press("Control+a")
    typing("0.25")

    # Numbers: worked out, stepped, held within their ends, put on their multiples, left empty.
    into("noise.width", "spinbutton")
    fields.press("Control+a")
    typing("128*3")
    fields.press("Enter")
    into("noise.batch", "spinbutton")
    fields.press("ArrowUp", "ArrowUp", "ArrowDown")
    into("empty.width", "spinbutton")
    fields.press("Control+a")
    typing("197")
    fields.press("Tab")
    into("slice.start", "spinbutton")
    typing("2")
    into("slice.stop", "spinbutton")
    typing("9")
    fields.press("Control+a", "Backspace", "Tab")
    seed = into("noise.seed", "spinbutton")
    fields.press("Control+a")
    typing("1234")
    seed.press("ArrowUp")

    # What is no number is said to be none, and not taken.
    wrong = into("noise.height", "spinbutton")
    fields.press("Control+a")
    typing("two")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    fields.press("Escape")
    expect(wrong).to_have_value("512")

    # Choices.
    into("checkpoint.dtype", "combobox")
    fields.press("ArrowDown", "ArrowDown")
    anchor = into("text.anchor", "combobox")
    fields.press("Control+a")
    typing("lower ri")
    expect(page.get_by_role("listbox", name="anchor").get_by_role("option")).to_have_count(1)
    fields.press("Enter")
    expect(anchor).to_have_value("lower right")

    # On and off, die and lock.
    into("noise.grey", "switch")
    fields.press("Space")
    into("noise.seed", "button", "random seed each run")
    fields.press("Enter")

    # Texts of all kinds.
    into("text.text")
    typing("two\nlines")
    into("encode.text")
    fields.press("Control+a")
    typing("a (red:1.2) circle")
    into("expression.expression")
    fields.press("Control+a")
    typing("a * 2")
    into("save.name")
    fields.press("Control+a")
    typing("../out")
    expect(field(fields, "save.name", "textbox")).to_have_attribute("aria-invalid", "true")
    fields.press("Control+a")
    typing("mine/picture")
    into("text.outline_colour")
    fields.press("Control+a")
    typing("#abc")
    into("load.path")
    typing("pictures/none.png")
    into("maximum.values")
    typing("1, 2.5 4")
    into("template.a")
    typing("7")
    into("template.b")
    typing("seven")

    assert params(fields) == {
        "text.size": 25,
        "text.opacity": 0.25,
        "noise.width": 384,
        "noise.batch": 2,
        "empty.width": 200,
        "slice.start": 2,
        "slice.stop": None,
        "noise.seed": 1235,
        "checkpoint.dtype": "float16",
        "text.anchor": "lower right",
        "noise.grey": True,
        "text.text": "two\nlines",
        "encode.text": "a (red:1.2) circle",
        "expression.expression": "a * 2",
        "save.name": "mine/picture",
        "text.outline_colour": "#aabbcc",
        "load.path": "pictures/none.png",
        "maximum.values": [1, 2.5, 4],
        "template.a": 7,
        "template.b": "seven",
    }
    assert fields.json()["view"]["$random"] == ["noise.seed"]

    # A gesture is one step back, however many keys it had.
    fields.empty_place()
    fields.press("Control+z")
    assert "template.b" not in params(fields)
    fields.press("Control+z", "Control+z")
    assert "maximum.values" not in params(fields)
    assert params(fields)["load.path"] == "pictures/none.png"


def test_weights_in_a_prompt_by_keys(fields: Editor) -> None:
    prompt = field(fields, "encode.text", "textbox")
    prompt.click()
    fields.page.keyboard.type("a red circle")
    fields.press("Control+Home", "Control+ArrowRight", "ArrowRight")
    fields.press("Control+ArrowUp", "Control+ArrowUp")
    expect(prompt).to_have_text("a (red:1.1) circle")
    fields.press("Control+ArrowDown", "Control+ArrowDown")
    expect(prompt).to_have_text("a red circle")
    assert params(fields) == {"encode.text": "a red circle"}
