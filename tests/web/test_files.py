"""Files that are dropped on the page or chosen: pictures that carry their graph, JSON, and junk."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from on_page import (
    PACK,
    ask,
    card,
    events,
    expect_states,
    fill,
    graph,
    graph_on,
    named,
    node,
    notice,
    open_graph,
    run,
)
from serving import Server, serving

TAKEN = "are taken"
PROMPT = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "some.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 96, "batch_size": 1}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 4321,
            "steps": 7,
            "cfg": 6.5,
            "denoise": 1.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "fox", "images": ["8", 0]}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), *PACK) as running:
        yield running


@pytest.fixture
def opened(page: Page, server: Server) -> Page:
    """A page with a graph of its own, changed since it was saved."""
    nodes = {"one": node("number", value=1), "sum": node("add", {"a": "one.value"}, b=2)}
    open_graph(page, server, "before", graph(nodes, "Before", outputs={"sum": "sum.value"}))
    fill(card(page, "Sum").get_by_role("spinbutton", name="b"), 31)
    return page


def png(**texts: str) -> bytes:
    """A grey picture of one pixel that carries texts."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    told = b"".join(
        chunk(b"tEXt", name.encode() + b"\0" + text.encode("latin-1"))
        for name, text in texts.items()
    )
    body = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return b"\x89PNG\r\n\x1a\n" + head + told + body + chunk(b"IEND", b"")


def drop(page: Page, name: str, data: bytes, kind: str = "") -> None:
    """Drop a file on the canvas, as a file manager does."""
    files = page.evaluate_handle(
        """([name, data, type]) => {
          const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
          const held = new DataTransfer();
          held.items.add(new File([bytes], name, { type }));
          return held;
        }""",
        [name, base64.b64encode(data).decode(), kind],
    )
    target = page.get_by_role("region", name="Graph")
    target.dispatch_event("dragover", {"dataTransfer": files})
    target.dispatch_event("drop", {"dataTransfer": files})


def choose(page: Page, name: str, data: bytes, kind: str = "") -> None:
    """Take a file by the browser's own dialog."""
    page.get_by_role("button", name=re.compile("^graph ")).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name=re.compile("^Open a file or picture")).click()
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": data})


def expect_unharmed(page: Page, folder: Path) -> None:
    """The graph of `opened` is as it was, its edit and the way back included."""
    expect(named(page, "before", "not saved")).to_be_visible()
    found = graph_on(page, folder)
    assert found["nodes"]["sum"]["params"] == {"b": 31}
    assert set(found["nodes"]) == {"one", "sum"}
    page.get_by_role("button", name="undo").click()
    expect(card(page, "Sum").get_by_role("spinbutton", name="b")).to_have_value("2")


# ── what carries a graph ────────────────────────────────────────────────────────────────────────


def test_picture_of_ours_gives_its_graph_and_inputs(
    page: Page, server: Server, tmp_path: Path
) -> None:
    nodes = {
        "plain": node("image.solid", width=48, height=32, colour="#336699"),
        "file": node("image.save", {"image": "plain.image"}, name="blue"),
    }
    wanted = graph(nodes, "Blue", outputs={"file": "file.paths"}, inputs={"colour": "plain.colour"})
    open_graph(page, server, "blue", wanted)
    made = run(page, server)
    expect_states(page, {"File": "done"})
    (told,) = (one for one in events(server, made, "nf.output") if one["output"]["name"] == "file")
    (file,) = told["output"]["files"]
    with urlopen(f"{server.url}api/v1/files/{file['kind']}/{file['path']}") as answer:
        picture = answer.read()

    page.get_by_role("button", name=re.compile("^graph ")).click()
    page.get_by_role("menuitem", name="New graph").click()
    expect(card(page, "Plain")).to_have_count(0)
    drop(page, "blue.png", picture, "image/png")
    expect(card(page, "Plain")).to_be_visible()
    found = graph_on(page, tmp_path)
    assert {name: one["type"] for name, one in found["nodes"].items()} == {
        name: one["type"] for name, one in wanted["nodes"].items()
    }
    assert found["nodes"]["plain"]["params"] == wanted["nodes"]["plain"]["params"]
    assert found["inputs"] == {"colour": "plain.colour"} or found["inputs"] == {
        "colour": ["plain.colour"]
    }
    assert found["view"]["plain"] == wanted["view"]["plain"]
    # It can be run as it came, and gives the same bytes: no second file is written.
    again = run(page, server)
    expect_states(page, {"Plain": "cached", "File": "done"})
    assert events(server, again, "nf.output")[0]["output"]["files"][0]["path"] == file["path"]


@pytest.mark.parametrize("carrier", ["json", "png"])
def test_comfyui_prompt_becomes_a_graph(opened: Page, tmp_path: Path, carrier: str) -> None:
    text = json.dumps(PROMPT)
    if carrier == "json":
        choose(opened, "prompt.json", text.encode(), "application/json")
    else:
        drop(opened, "fox.png", png(prompt=text, workflow='{"nodes": [], "links": []}'))
    expect(notice(opened, re.compile("ComfyUI prompt"))).to_be_visible()
    found = json.dumps(graph_on(opened, tmp_path))
    for value in ("a red fox", "blurry", "4321", "6.5", "some.safetensors", '"fox"'):
        assert value in found
    expect(opened.get_by_role("application").get_by_role("group").first).to_be_visible()
    opened.get_by_role("button", name="Bring back").click()
    expect_unharmed(opened, tmp_path)


def test_graph_file_of_ours_keeps_unknown_nodes_and_their_values(
    opened: Page, server: Server, tmp_path: Path
) -> None:
    nodes = {
        "one": node("number", value=4),
        "strange": node("other:pack.mystery", {"in": "one.value"}, depth=7, words=["a", "b"]),
        "sum": node("add", {"a": "strange.out"}, b=1),
    }
    wanted = graph(nodes, "Strange", outputs={"sum": "sum.value"})
    drop(opened, "strange.json", json.dumps(wanted).encode(), "application/json")
    placeholder = card(opened, "Strange", "unknown type")
    expect(placeholder).to_be_visible()
    expect(placeholder).to_contain_text("7")
    fill(card(opened, "Sum").get_by_role("spinbutton", name="b"), 9)
    found = graph_on(opened, tmp_path)
    assert found["nodes"]["strange"] == wanted["nodes"]["strange"]
    assert found["nodes"]["sum"]["params"] == {"b": 9}
    # Saving keeps them as well.
    opened.keyboard.press("Control+Shift+s")
    dialog = opened.get_by_role("dialog", name="Save as")
    dialog.get_by_role("textbox", name="Name").fill("strange")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(named(opened, "strange", "saved")).to_be_visible()
    assert ask(server, "graphs/strange")["nodes"] == found["nodes"]


# ── what carries none ───────────────────────────────────────────────────────────────────────────

PICTURE = png(prompt=json.dumps(PROMPT))
JUNK = {
    "noise.bin": (bytes(range(256)) * 40, "application/octet-stream", TAKEN),
    "page.html": (b"<!doctype html><script>alert(1)</script>", "text/html", TAKEN),
    "half.json": (b'{"nodeflow": 1, "nodes": {"a": {"ty', "application/json", TAKEN),
    "other.json": (b'{"name": "shopping", "items": [1, 2]}', "application/json", TAKEN),
    "list.json": (b"[1, 2, 3]", "application/json", TAKEN),
    "wrong.json": (b'{"nodeflow": 1, "nodes": {"a": 3}}', "application/json", "wrong.json"),
    "cut.png": (PICTURE[:60], "image/png", "cut.png"),
    "bare.png": (png(), "image/png", "picture without a graph"),
    "lying.png": (b"<svg onload=alert(1)>", "image/png", "lying.png"),
    "empty.json": (b"", "application/json", "empty.json"),
}


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_told_and_harms_nothing(
    opened: Page, tmp_path: Path, watch: Any, name: str
) -> None:
    data, kind, says = JUNK[name]
    watch.expect(r"status of 4\d\d")
    drop(opened, name, data, kind)
    told = notice(opened, re.compile(re.escape(name)))
    expect(told).to_be_visible()
    expect(told).to_contain_text(says)
    expect_unharmed(opened, tmp_path)
