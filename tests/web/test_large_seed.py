"""Seeds beyond 2^53, which a browser's own numbers cannot hold, stay what they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from playwright.sync_api import Page, expect

from nodeflow.formats.picture import read_picture_metadata
from on_page import ask, card, expect_states, fill, graph, graph_on, node, panel, run
from serving import ROOT, Server

SEED = 9007199254740993
"""2^53 + 1: the first whole number that a browser rounds."""


def _grain(seed: int) -> dict[str, Any]:
    nodes = {
        "plain": node("image.solid", width=48, height=32),
        "grain": node("image_filter.add_noise", {"image": "plain.image"}, seed=seed),
    }
    return graph(nodes, "Grain", outputs={"image": "grain.image"}, inputs={"seed": "grain.seed"})


def _by_command_line(folder: Path) -> Path:
    """A picture of that seed, as `nodeflow run` makes it."""
    file = folder / "grain.json"
    file.write_text(json.dumps(_grain(1)), encoding="utf-8")
    command = [sys.executable, "-m", "nodeflow.cli", "run", str(file), f"seed={SEED}"]
    subprocess.run(
        [*command, "--out", str(folder / "out")],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    (found,) = (folder / "out").rglob("*.png")
    return found


def _data(png: bytes) -> bytes:
    """The compressed picture of a PNG; what else it tells holds dates and places."""
    at, found = 8, b""
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            found += png[at + 8 : at + 8 + size]
        at += size + 12
    return found


def test_a_picture_of_a_large_seed_is_made_again(
    page: Page, server: Server, visit: Any, tmp_path: Path
) -> None:
    made = _by_command_line(tmp_path)
    visit()
    _open(page, made)
    seed = card(page, "Grain").get_by_role("spinbutton", name="seed")
    expect(seed).to_have_value(str(SEED))

    id = run(page, server)
    expect_states(page, {"Grain": "done"})
    (output,) = ask(server, f"runs/{id}")["summary"]["outputs"]
    (file,) = output["files"]
    with urlopen(f"{server.url}api/v1/files/output/{file['path']}", timeout=60) as answer:
        again = answer.read()
    assert _data(again) == _data(made.read_bytes())
    assert ask(server, f"runs/{id}")["graph"]["nodes"]["grain"]["params"]["seed"] == SEED
    saved = tmp_path / "again.png"
    saved.write_bytes(again)
    told = read_picture_metadata(saved)
    assert told is not None
    assert f'"seed": {SEED}' in json.dumps(told)

    # Stepped by one, reloaded, and brought back by the gallery, which knows the run.
    seed.press("ArrowUp")
    expect(seed).to_have_value(str(SEED + 1))
    fill(seed, 2**63 - 1)
    assert graph_on(page, tmp_path)["nodes"]["grain"]["params"]["seed"] == 2**63 - 1
    page.wait_for_timeout(700)  # the document is kept half a second after an edit
    page.reload()
    expect(seed).to_have_value(str(2**63 - 1))
    panel(page, "Gallery").get_by_role("button", name=f"open {file['path']}").click()
    page.get_by_role("button", name="Restore its run").click()
    expect(seed).to_have_value(str(SEED))


def _open(page: Page, path: Path) -> None:
    page.get_by_role("button", name=re.compile("^graph ")).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name=re.compile("^Open a file or picture")).click()
    chooser.value.set_files(path)


def _exported(page: Page, folder: Path) -> dict[str, Any]:
    """The inputs of each node type in the file that the menu gives."""
    page.get_by_role("button", name=re.compile("^graph ")).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export for ComfyUI").click()
    assert download.value.suggested_filename.endswith(".comfyui.json")
    path = folder / "prompt.json"
    download.value.save_as(path)
    prompt = json.loads(path.read_text(encoding="utf-8"))
    return {one["class_type"]: one["inputs"] for one in prompt.values()}


def test_export_for_comfyui(page: Page, visit: Any, tmp_path: Path) -> None:
    """The file, and what could not go over."""
    path = tmp_path / "grain.json"
    data = _grain(SEED)
    data["nodes"]["calm"] = node("image_filter.median", {"image": "grain.image"}, radius=1)
    data["outputs"] = {"image": "calm.image"}
    path.write_text(json.dumps(data), encoding="utf-8")
    visit()
    dialog = page.get_by_role("dialog", name="Exported for ComfyUI")
    _open(page, path)
    expect(card(page, "Grain")).to_be_visible()
    types = _exported(page, tmp_path)
    assert types["ImageAddNoise"]["seed"] == SEED
    assert types["image_filter.median"]["radius"] == 1
    missing = dialog.get_by_role("list", name="1 node without a counterpart")
    expect(missing.get_by_role("button")).to_contain_text("calm")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    _open(page, ROOT / "graphs" / "text_to_image_simple.json")
    expect(card(page, "Grain")).to_be_hidden()
    assert _exported(page, tmp_path)["KSampler"]["sampler_name"] == "dpmpp_2m"
    shown = dialog.get_by_role("list", name="Not quite the same")
    shown.get_by_role("button", name=re.compile("^sampler KSampler")).click()
    expect(dialog).to_be_hidden()
