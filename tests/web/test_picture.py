"""From nothing to a picture with the shipped model: at a first visit, from a template, by keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from editing import Editor

Visit = Callable[..., Page]
LOADED = "image => image.complete && image.naturalWidth"
SLOW = 120_000
"""Milliseconds that the first run may take: torch and the model are loaded."""


def picture_of(editor: Editor, node: str) -> Locator:
    return editor.card(node).get_by_role("img", name=re.compile("^Picture from"))


def gallery(editor: Editor) -> Locator:
    panel = editor.page.get_by_role("complementary", name="Gallery")
    if not panel.is_visible():
        editor.page.get_by_role("button", name="Gallery", exact=True).click()
    return panel.get_by_role("list", name="pictures").get_by_role("img")


def test_one_key_makes_a_picture_at_the_first_visit(visit: Visit, tmp_path: Path) -> None:
    page = visit(welcome=True)
    editor = Editor(page)
    welcome = page.get_by_role("dialog", name="Welcome to nodeflow")
    expect(welcome.get_by_role("button", name="Make the first picture")).to_be_focused()
    editor.press("Control+Enter")
    expect(welcome).to_be_hidden()
    made = picture_of(editor, "decode")
    expect(made).to_be_visible(timeout=SLOW)
    expect(editor.card("denoise")).to_have_accessible_name(re.compile(", done in .*first run"))
    assert made.evaluate(LOADED) == 128
    # It is a picture of the prompt: a red circle on a blue background.
    shots = gallery(editor)
    expect(shots).to_have_count(1)
    shots.click()
    box = page.get_by_role("dialog", name="Picture")
    expect(box).to_contain_text("128 × 128")
    with page.expect_download() as download:
        box.get_by_role("link", name="download").click()
    with Image.open(download.value.path()) as picture:
        red, _, blue = picture.convert("RGB").getpixel((64, 64))  # type: ignore[misc]
        assert red > blue + 60
        red, _, blue = picture.convert("RGB").getpixel((6, 6))  # type: ignore[misc]
        assert blue > red + 60
    editor.press("Escape")
    expect(box).to_be_hidden()


def test_a_template_is_opened_changed_and_run(visit: Visit) -> None:
    page = visit(welcome=True)
    editor = Editor(page)
    page.get_by_role("dialog", name="Welcome").get_by_role("button", name="All templates").click()
    templates = page.get_by_role("dialog", name="Templates and lessons")
    templates.get_by_role("searchbox", name="search templates").fill("one sampler node")
    templates.get_by_role("button", name=re.compile("^Text to image with one sampler node")).click()
    expect(templates).to_be_hidden()
    name = page.get_by_role("button", name=re.compile("^graph Text to image with one sampler"))
    expect(name).to_be_visible()
    steps = editor.card("sigmas").get_by_role("spinbutton", name="steps")
    steps.fill("3")
    prompt = editor.card("positive").get_by_role("textbox", name="text", exact=True)
    prompt.click()
    editor.press("Control+a")
    page.keyboard.type("a green square on a white background")
    editor.run()
    made = picture_of(editor, "decode")
    expect(made).to_be_visible(timeout=SLOW)
    expect(editor.card("sampler")).to_have_accessible_name(re.compile(", done"))
    shots = gallery(editor)
    expect(shots).to_have_count(2)
    # The picture carries its graph: opened from the gallery, it says what was typed.
    editor.menu("New graph")
    expect(editor.cards).to_have_count(0)
    shots.first.click()
    page.get_by_role("dialog", name="Picture").get_by_role("button", name="Open its graph").click()
    expect(prompt).to_have_text("a green square on a white background")
    expect(steps).to_have_value("3")


def test_a_picture_by_keys_alone(visit: Visit) -> None:
    """No mouse from the open page to the picture: a node is added, wired and its value set."""
    page = visit(welcome=True)
    editor = Editor(page)
    expect(page.get_by_role("dialog", name="Welcome")).to_be_visible()
    editor.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    # The palette opens the template.
    editor.press("Control+k")
    palette = page.get_by_role("dialog")
    expect(palette).to_be_visible()
    page.keyboard.type("templates")
    editor.press("Enter")
    templates = page.get_by_role("dialog", name="Templates and lessons")
    expect(templates.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("one sampler node")
    only = templates.get_by_role("button", name=re.compile("^Text to image with one sampler node"))
    expect(only).to_be_visible()
    editor.press("Enter")
    expect(editor.card("sampler")).to_be_visible()

    # A value: from node to node by arrows, into the node by Enter, to the field.
    expect(page.get_by_role("dialog")).to_have_count(0)
    go_to(editor, "sigmas")
    editor.press("Enter")
    while not is_focused(editor.card("sigmas").get_by_role("spinbutton", name="steps")):
        editor.press("Tab")
    editor.press("Control+a")
    page.keyboard.type("2")
    editor.press("Enter", "Escape")
    expect(editor.card("sigmas")).to_be_focused()

    # A node: it takes the picture from the decoder.
    editor.press("Shift+A")
    page.keyboard.type("image invert")
    option = editor.search.get_by_role("option").first
    expect(option).to_have_accessible_name(re.compile("Invert"))
    editor.press("Enter")
    invert = editor.card("invert")
    expect(invert).to_be_focused()
    socket = invert.get_by_role("button", name=re.compile("^input image"))
    while not is_focused(socket):
        editor.press("Tab")
    editor.press("Enter")
    item = page.get_by_role("menuitem", name=re.compile(r"decode\.image"))
    expect(item).to_be_visible()
    while not is_focused(item):
        editor.press("ArrowDown")
    editor.press("Enter")
    expect(editor.wire("decode.image", "invert.image")).to_be_attached()

    # What it gives is asked for: from the menu of its socket.
    go_to(editor, "invert")
    output = invert.get_by_role("button", name=re.compile("^output image"))
    while not is_focused(output):
        editor.press("Tab")
    editor.press("Shift+F10")
    entry = page.get_by_role("menuitem", name="Make it an output of the graph")
    while not is_focused(entry):
        editor.press("ArrowDown")
    editor.press("Enter")

    editor.press("Control+Enter")
    made = picture_of(editor, "invert")
    expect(made).to_be_visible(timeout=SLOW)
    assert made.evaluate(LOADED) == 128
    expect(picture_of(editor, "decode")).to_be_visible()
    # And looked at.
    editor.press("g")
    expect(gallery(editor).first).to_be_visible()


def go_to(editor: Editor, node: str) -> None:
    """From the palette to a node."""
    editor.press("Control+k")
    palette = editor.page.get_by_role("dialog", name="Commands")
    expect(palette.get_by_role("combobox")).to_be_focused()
    editor.page.keyboard.type(node)
    entry = palette.get_by_role("option", name=re.compile(f"^Go to {node}"))
    expect(entry).to_be_visible()
    while entry.get_attribute("aria-selected") != "true":
        editor.press("ArrowDown")
    editor.press("Enter")
    expect(editor.card(node)).to_be_focused()


def is_focused(found: Locator) -> bool:
    return bool(found.evaluate("element => element === document.activeElement"))
