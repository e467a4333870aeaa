"""Where the picture listens to a word, on the page: the maps of a run that keeps every value."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from on_page import ask, open_graph, until
from serving import ROOT, Server

STEPS = 2
LOADING = 180.0
"""Seconds in which a worker has begun, and has the model in memory: the machine may be busy."""


def template(name: str) -> dict[str, Any]:
    """A template in few steps of a small picture."""
    graph: dict[str, Any] = json.loads((ROOT / "graphs" / f"{name}.json").read_text("utf-8"))
    graph["nodes"]["sigmas"]["params"]["steps"] = STEPS
    graph["nodes"]["empty"]["params"].update(width=64, height=64)
    return graph


def run_whole(page: Page, server: Server, name: str) -> str:
    """Run a template and keep every value; the run's id."""
    open_graph(page, server, name, template(name))
    with page.expect_response(re.compile(r"/api/v1/runs$")) as answer:
        page.get_by_role("button", name="more ways to run").click()
        page.get_by_role("menuitem", name="Run and keep every value").click()
    found: str = answer.value.json()["run"]
    last = time.monotonic() + LOADING
    while (state := ask(server, f"runs/{found}")["summary"]["state"]) in ("queued", "running"):
        assert time.monotonic() < last, state
        time.sleep(0.2)
    assert state == "done"
    return found


def asked(source: str | None) -> dict[str, str]:
    assert source is not None
    return {name: value for name, (value,) in parse_qs(urlsplit(source).query).items()}


@pytest.mark.parametrize(
    ("name", "node", "prompt"),
    [
        ("text_to_image_simple", "sampler", "positive"),
        ("text_to_image", "denoise/cond", "conditioning"),
    ],
)
def test_a_word_shows_its_maps_by_step_and_layer(
    page: Page, server: Server, name: str, node: str, prompt: str
) -> None:
    run_id = run_whole(page, server, name)
    page.get_by_role("button", name="Look inside").click()
    page.get_by_role("tab", name="Tokens").click()
    page.get_by_role("button", name=re.compile("^circle, id")).click()
    maps = page.get_by_role("region", name="attention to circle")
    whole = maps.get_by_role("img", name=re.compile("mean of all layers"))
    expect(whole).to_be_visible()
    assert asked(whole.get_attribute("src")) == {
        "node": node,
        "prompt": prompt,
        "slot": "3",
        "step": str(STEPS - 1),
        "item": "0",
    }
    index = ask(server, f"runs/{run_id}/attention?node={node}")
    layers = maps.get_by_role("radio")
    expect(layers).to_have_count(len(index["layers"]) + 1)
    layers.first.focus()
    page.keyboard.press("ArrowDown")
    chosen = index["layers"][0]["name"]
    one = maps.get_by_role("img", name=re.compile(re.escape(chosen)))
    expect(one).to_be_visible()
    assert asked(one.get_attribute("src"))["layer"] == chosen
    assert one.evaluate("map => map.decode().then(() => map.naturalWidth)") > 1
    page.get_by_role("slider", name=re.compile("^step of")).focus()
    page.keyboard.press("Home")
    until(lambda: asked(one.get_attribute("src"))["step"] == "0")
