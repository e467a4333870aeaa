"""Looking inside a run: what the page shows of steps, wires, schedules, guidance, tokens and paths
is what the server tells and what NumPy works out from the raw elements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from on_page import ask, card, close_panel, graph_on, named, notice, open_graph, until
from serving import ROOT, Server

STEPS = 3
LOADING = 180_000
"""Milliseconds in which a worker has begun and has the model: the machine may be busy."""
SIDE = 8
"""Of the latents: pictures are 64 pixels wide and high."""
PROMPT = "a (red:1.4) circle on a blue background, " * 12
"""More than one chunk of 77 slots, some pieces with a weight."""
CLOSE = 1e-9
"""Relative: sums of float64 in another order."""


def template(name: str) -> dict[str, Any]:
    """A template in few steps of a small picture."""
    graph: dict[str, Any] = json.loads((ROOT / "graphs" / f"{name}.json").read_text("utf-8"))
    graph["nodes"]["sigmas"]["params"]["steps"] = STEPS
    graph["nodes"]["empty"]["params"].update(width=8 * SIDE, height=8 * SIDE)
    return graph


def looked_into() -> dict[str, Any]:
    """Every step a node; beside it a latent of which some elements are no numbers."""
    graph = template("text_to_image")
    graph["nodes"]["positive"]["params"]["text"] = PROMPT
    source = "start.latent"
    for k in range(20):  # out of what float32 holds: about 14.6 · 20 · 100^18
        factor = 20.0 if k == 0 else 1.0 if k == 19 else 100.0
        graph["nodes"][f"far{k}"] = {
            "type": "latent_math.multiply",
            "params": {"factor": factor},
            "links": {"latent": source},
        }
        graph["view"][f"far{k}"] = [1360, 646]
        source = f"far{k}.latent"
    graph["nodes"]["broken"] = {"type": "latent_math.subtract", "links": {"a": source, "b": source}}
    graph["outputs"]["broken"] = "broken.latent"
    graph["view"]["broken"] = [1700, 646]
    return graph


@dataclass
class Inside:
    """A traced run on the page, and what the server tells of it."""

    page: Page
    server: Server
    run: str
    index: dict[str, Any]

    @property
    def drawer(self) -> Locator:
        return self.page.get_by_role("region", name="Look inside")

    @property
    def slider(self) -> Locator:
        return self.drawer.get_by_role("slider", name="step of denoise")

    def tab(self, name: str) -> Locator:
        """The drawer at a tab, opened if it is not."""
        if not self.drawer.is_visible():
            self.page.get_by_role("button", name="Look inside").click()
        self.drawer.get_by_role("tab", name=name).click()
        return self.drawer.get_by_role("tabpanel", name=name)

    def tensor(self, path: str, port: str, part: str = "") -> dict[str, Any]:
        """What the index tells of a value."""
        (found,) = (
            one
            for one in self.index["tensors"]
            if (one["path"], one["port"]) == (path, port) and part in ("", one["part"])
        )
        return dict(found)

    def raw(self, tensor: dict[str, Any]) -> np.ndarray:
        """The elements as the server keeps them."""
        url = f"{self.server.url}api/v1/runs/{self.run}/tensors/{tensor['tid']}"
        with urlopen(url, timeout=60) as response:
            return np.frombuffer(response.read(), tensor["dtype"]).reshape(tensor["shape"])

    def sigma(self, step: int) -> float:
        return float(self.raw(self.tensor("sigmas", "sigmas", "values"))[step])


@pytest.fixture(scope="module")
def traced(shared: tuple[Page, Any], server: Server) -> Inside:
    """One run for the tests of this module, started from the page."""
    page, _ = shared
    open_graph(page, server, "inside", looked_into())
    with page.expect_response(re.compile(r"/api/v1/runs$")) as answer:
        page.get_by_role("button", name="more ways to run").click()
        page.get_by_role("menuitem", name="Run and keep every value").click()
    run: str = answer.value.json()["run"]
    for title in ("Decode", "Subtract broken"):
        expect(card(page, title, "done")).to_be_visible(timeout=LOADING)
    until(lambda: ask(server, f"runs/{run}")["summary"]["state"] == "done")
    return Inside(page, server, run, ask(server, f"runs/{run}/tensors"))


@pytest.fixture
def inside(traced: Inside, shared: tuple[Page, Any]) -> Iterator[Inside]:
    yield traced
    assert shared[1].unexpected() == []


@pytest.fixture
def page(inside: Inside) -> Page:
    """The page of the run."""
    return inside.page


# ── figures as the page tells them ──────────────────────────────────────────────────────────────


def told(value: float | None) -> str:
    """Four significant digits."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.3e}".split("e")
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{float(f'{value:.3e}'):.12f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def figures(values: np.ndarray) -> dict[str, Any]:
    """What the server tells of a tensor, by NumPy."""
    sound = values[np.isfinite(values)].astype(np.float64)
    return {
        "min": sound.min(),
        "max": sound.max(),
        "mean": sound.mean(),
        "std": sound.std(),
        "nan": int(np.isnan(values).sum()),
        "inf": int(np.isinf(values).sum()),
    }


NAMES = ("min", "max", "mean", "std")


def expect_figures(where: Locator, stats: dict[str, Any], before: int = 0) -> None:
    """The figures stand there, rounded; each with its full value. `before` others come first."""
    shown = where.get_by_role("definition")
    broken = [f"{stats['nan']}, {stats['inf']}"] if stats["nan"] or stats["inf"] else []
    rounded = [told(stats[name]) for name in NAMES]
    expect(shown).to_have_text([re.compile(".")] * before + [*rounded, *broken])
    for k, name in enumerate(NAMES):
        full = shown.nth(before + k).get_attribute("title")
        assert float(full or "") == pytest.approx(stats[name], rel=CLOSE, abs=1e-12), name


def spoken(stats: dict[str, Any]) -> str:
    least, largest, mean, spread = (told(stats[name]) for name in NAMES)
    return f"least {least}, largest {largest}, mean {mean}, spread {spread}"


def expect_output(where: Locator, name: str, value: float) -> None:
    """A line of a legend tells the value at the step that is shown."""
    line = where.get_by_role("listitem").filter(
        has_text=re.compile(rf"^\s*{re.escape(name)}\s+−?\d")
    )
    output = line.get_by_role("status")
    expect(output).to_have_text(told(value))
    assert float(output.get_attribute("title") or "") == pytest.approx(value, rel=CLOSE)


# ── steps ───────────────────────────────────────────────────────────────────────────────────────


def test_every_step_shows_the_numbers_of_the_server(inside: Inside) -> None:
    steps = inside.tab("Steps")
    inside.slider.focus()
    inside.page.keyboard.press("Home")
    for k in range(STEPS):
        sigma = inside.sigma(k)
        text = f"step {k + 1} of {STEPS}, sigma {told(sigma)}"
        expect(inside.slider).to_have_attribute("aria-valuetext", text)
        shown = inside.drawer.get_by_text(f"σ {told(sigma)}", exact=True).get_attribute("title")
        assert shown == f"sigma {sigma!r}"

        after = inside.tensor(f"denoise[{k}]/move", "latent")
        guided = inside.tensor(f"denoise[{k}]/guide", "noise")
        latent = steps.get_by_role("figure", name=re.compile("^x after the step"))
        expect_figures(latent, after["stats"])
        expect(latent.get_by_role("img")).to_have_accessible_name(
            f"x after the step: {spoken(after['stats'])}"
        )
        noise = steps.get_by_role("figure", name=re.compile("^ε predicted"))
        expect_figures(noise, guided["stats"])
        expect(
            inside.drawer.get_by_role("button", name=f"step {k + 1}", exact=True)
        ).to_have_attribute("aria-current", "true")
        on_card = card(inside.page, "Loop denoise").get_by_role("img", name=re.compile("^latent "))
        expect(on_card).to_have_accessible_name(f"latent step {k + 1}: {spoken(after['stats'])}")

        begun = (
            inside.tensor(f"denoise[{k - 1}]/move", "latent")
            if k
            else inside.tensor("start", "latent")
        )
        clean = inside.raw(begun).astype(np.float64) - sigma * inside.raw(guided).astype(np.float64)
        estimate = steps.get_by_role("figure", name=re.compile("^x₀ as estimated"))
        expect_figures(estimate, figures(clean.astype(np.float32)))
        inside.page.keyboard.press("ArrowRight")


def test_keys_and_play_walk_the_steps(inside: Inside) -> None:
    page = inside.page
    inside.tab("Steps")

    def at(step: int) -> None:
        expect(inside.slider).to_have_attribute("aria-valuetext", re.compile(f"^step {step} of"))

    inside.slider.focus()
    for key, step in [
        *[("End", STEPS), ("ArrowRight", STEPS), ("ArrowLeft", STEPS - 1)],
        *[("Home", 1), ("ArrowLeft", 1), ("ArrowRight", 2), ("Home", 1)],
    ]:
        page.keyboard.press(key)
        at(step)
    drawn = "() => performance.getEntriesByName('nf.scrub').length"
    before = page.evaluate(drawn)
    inside.drawer.get_by_role("button", name="play the steps").click()
    at(STEPS)
    expect(inside.drawer.get_by_role("button", name="play the steps")).to_be_visible()
    assert page.evaluate(drawn) - before == STEPS - 1  # it left none out


# ── wires ───────────────────────────────────────────────────────────────────────────────────────


def at_socket(inside: Inside, title: str, output: str) -> Locator:
    """Come to an output by the keyboard."""
    if inside.drawer.is_visible():  # the canvas needs its room
        inside.drawer.get_by_role("button", name="close what looks inside").click()
    inside.page.keyboard.press("Shift")  # what has the focus by a key shows it
    found = card(inside.page, title).get_by_role("button", name=re.compile(f"^output {output},"))
    found.focus()
    return found


def hover_card(inside: Inside, wire: str) -> Locator:
    return inside.page.get_by_role("status").filter(has_text=wire)


@pytest.mark.parametrize(
    ("title", "wire", "path", "part"),
    [
        ("Start", "start.latent", "start", "samples"),
        ("Normal sigmas", "sigmas.sigmas", "sigmas", "values"),
        ("Encode positive", "positive.conditioning", "positive", "embeddings"),
        ("Subtract broken", "broken.latent", "broken", "samples"),
    ],
)
def test_a_wire_tells_what_numpy_does(
    inside: Inside, title: str, wire: str, path: str, part: str
) -> None:
    port = wire.split(".")[1]
    tensor = inside.tensor(path, port, part)
    values = inside.raw(tensor)
    stats = figures(values)
    assert stats["inf"] == 0
    assert (stats["nan"] > 0) == (path == "broken")
    shape = " × ".join(map(str, values.shape))
    at_socket(inside, title, port)
    beside = hover_card(inside, wire)
    expect(beside.get_by_text(f"{shape} · {values.dtype} · cpu")).to_be_visible()
    expect_figures(beside, stats)
    inside.page.keyboard.press("l")
    look = inside.page.get_by_role("complementary", name="Look")
    facts = look.get_by_role("definition")
    expect(facts.nth(0)).to_have_text(shape)
    expect(facts.nth(1)).to_have_text(str(values.dtype))
    expect(facts.nth(2)).to_have_text("cpu")
    expect(facts.nth(3)).to_have_text(path)
    expect_figures(look, stats, before=4)
    close_panel(inside.page, "Look")


def test_a_pointer_on_a_wire_shows_the_step(inside: Inside) -> None:
    page = inside.page
    inside.tab("Steps")
    wire = page.get_by_role("img", name=re.compile("^Wire denoise.latent to decode.latent,"))
    wire.hover(force=True)
    for key, step in [("End", STEPS), ("Home", 1)]:
        inside.slider.press(key)
        tensor = inside.tensor(f"denoise[{step - 1}]/move", "latent")
        beside = hover_card(inside, "denoise.latent")
        expect(beside.get_by_text(f"float32 · cpu · step {step}")).to_be_visible()
        expect_figures(beside, figures(inside.raw(tensor)))


def test_the_value_under_the_cursor_is_the_element(inside: Inside) -> None:
    page = inside.page
    values = inside.raw(inside.tensor("start", "latent"))
    at_socket(inside, "Start", "latent")
    expect(hover_card(inside, "start.latent")).to_be_visible()
    page.keyboard.press("l")
    look = page.get_by_role("complementary", name="Look")
    grid = look.get_by_role("application", name=re.compile("^Values of start.latent"))

    def shows(channels: list[int], y: int, x: int) -> None:
        expect(look.get_by_text(f"[0, {channels[0]}, {y}, {x}]", exact=True)).to_be_visible()
        found = look.get_by_role("paragraph").get_by_role("status")
        expect(found).to_have_text([told(float(values[0, c, y, x])) for c in channels])
        full = [float(one.get_attribute("title") or "") for one in found.all()]
        assert full == [float(values[0, c, y, x]) for c in channels]

    grid.focus()
    shows([0, 1, 2, 3], 0, 0)
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    shows([0, 1, 2, 3], 0, 1)
    look.get_by_role("combobox", name="channel").select_option("2")
    shows([2], 0, 1)
    drawn = grid.evaluate("grid => grid.firstElementChild.getBoundingClientRect().toJSON()")
    for y, x in ((0, 0), (3, 5), (SIDE - 1, SIDE - 1)):
        across, down = drawn["width"] / SIDE, drawn["height"] / SIDE
        page.mouse.move(drawn["x"] + (x + 0.5) * across, drawn["y"] + (y + 0.5) * down)
        shows([2], y, x)
    close_panel(page, "Look")


# ── plots ───────────────────────────────────────────────────────────────────────────────────────


def test_a_moved_point_makes_a_list_of_levels(inside: Inside, tmp_path: Path) -> None:
    page = inside.page
    levels = [float(one) for one in inside.raw(inside.tensor("sigmas", "sigmas", "values"))]
    before = graph_on(page, tmp_path)
    plot = inside.tab("Schedule")
    points = plot.get_by_role("slider", name=re.compile(r"^sigmas, level \d+$"))
    expect(points).to_have_count(STEPS + 1)
    assert [float(one.get_attribute("aria-valuenow") or "") for one in points.all()] == levels
    points.nth(1).focus()
    page.keyboard.press("ArrowUp")
    once = float(f"{levels[1] * 1.02:.5e}")
    expect(points.nth(1)).to_have_attribute("aria-valuenow", re.compile(re.escape(str(once))))
    page.keyboard.press("ArrowUp")
    twice = float(f"{once * 1.02:.5e}")
    expect(points.nth(1)).to_have_attribute("aria-valuetext", told(twice))
    made = graph_on(page, tmp_path)
    assert made["nodes"]["sigmas"] == {
        "type": "sigmas.from_list",
        "params": {"values": [levels[0], twice, *levels[2:]]},
        "links": {"betas": "betas.betas"},
    }
    page.get_by_role("button", name="undo").click()
    assert graph_on(page, tmp_path) == before


def test_guidance_is_as_the_server_weighed_it(inside: Inside) -> None:
    view = inside.tab("Guidance")
    rows = inside.index["guidance"]
    assert [row["path"] for row in rows] == [f"denoise[{k}]/guide" for k in range(STEPS)]
    inside.slider.press("Home")
    norms = view.get_by_role("figure", name=re.compile("^Norms"))
    cosine = view.get_by_role("figure", name=re.compile("^Cosine"))
    for k, row in enumerate(rows):
        expect(inside.slider).to_have_attribute("aria-valuetext", re.compile(f"^step {k + 1} of"))
        cond, uncond = (
            inside.raw(inside.tensor(f"denoise[{k}]/{node}", "noise")).astype(np.float64)
            for node in ("cond", "uncond")
        )
        assert row["cond"] == pytest.approx(np.linalg.norm(cond), rel=1e-5)
        assert row["delta"] == pytest.approx(np.linalg.norm(cond - uncond), rel=1e-5)
        expect_output(norms, "cond", row["cond"])
        expect_output(norms, "uncond", row["uncond"])
        expect_output(norms, "cond − uncond", row["delta"])
        expect_output(cosine, "cosine", row["cos"])
        heat = np.sqrt(((cond - uncond)[0] ** 2).sum(axis=0))
        told_heat = f"mean {told(float(heat.mean()))}, largest {told(float(heat.max()))}"
        name = f"Norm of cond − uncond per place, {told_heat}"
        expect(view.get_by_role("img", name=name)).to_be_visible()
        inside.slider.press("ArrowRight")


def test_tokens_are_those_of_the_tokenizer(inside: Inside) -> None:
    view = inside.tab("Tokens")
    view.get_by_role("combobox", name="prompt").select_option("positive")
    text = ask(inside.server, "tokenize", {"text": PROMPT})["texts"][0]
    chunks = 1 + max(piece["chunk"] for piece in text["pieces"])
    assert chunks > 1
    lists = view.get_by_role("list")
    expect(lists).to_have_count(chunks)
    own = sum(not piece["special"] for piece in text["pieces"])
    head = f"{text['encoder']}: {own} pieces in {chunks} × {text['length']} slots"
    expect(view.get_by_role("heading", level=3)).to_have_text(head)
    for chunk in range(chunks):
        pieces = [piece for piece in text["pieces"] if piece["chunk"] == chunk]
        shown = [piece for piece in pieces if piece["special"] != "pad"]
        buttons = lists.nth(chunk).get_by_role("button")
        expect(buttons).to_have_count(len(shown))
        names = buttons.evaluate_all("all => all.map(one => one.ariaLabel)")
        assert names == [token_name(piece) for piece in shown]
        padding = lists.nth(chunk).get_by_text(re.compile(r"^\+ \d+ padding$"))
        left = len(pieces) - len(shown)
        expect(padding).to_have_text([f"+ {left} padding"] if left else [])
    assert any(piece["weight"] == 1.4 for piece in text["pieces"])


def token_name(piece: dict[str, Any]) -> str:
    name = piece["special"] or piece["text"].replace("</w>", "")
    weight = "" if piece["weight"] == 1 else f", weight {piece['weight']}"
    return f"{name}, id {piece['id']}, slot {piece['slot']}{weight}"


def test_the_path_has_a_point_for_each_step(inside: Inside) -> None:
    view = inside.tab("Trajectory")
    answer = ask(
        inside.server, "trajectory", {"runs": [{"run": inside.run, "node": "denoise/move"}]}
    )
    (path,) = answer["trajectories"]
    points = path["points"]
    assert [point["step"] for point in points] == list(range(STEPS))
    first, second = (f"{100 * share:.1f} %" for share in answer["explained"])
    expect(view.get_by_text(f"axes explain {first} and {second} of the variance")).to_be_visible()
    a, b = points[0], points[-1]
    ends = f"from ({told(a['x'])}, {told(a['y'])}) to ({told(b['x'])}, {told(b['y'])})"
    expect(
        view.get_by_role("img", name=re.compile(re.escape(f"{ends} in {STEPS} steps")))
    ).to_be_visible()
    view.get_by_text("Figures").click()
    rows = view.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(1 + STEPS)
    for k, point in enumerate(points):
        cells = rows.nth(1 + k).get_by_role("cell")
        expect(cells).to_have_text([str(k + 1), told(point["x"]), told(point["y"]), "–"])
        full = [float(cells.nth(c).get_attribute("title") or "") for c in (1, 2)]
        assert full == [point["x"], point["y"]]


# ── a sampler as the loop of its steps ──────────────────────────────────────────────────────────


def test_an_exploded_sampler_makes_the_same_picture(inside: Inside, tmp_path: Path) -> None:
    page = inside.page
    open_graph(page, inside.server, "simple", template("text_to_image_simple"))
    before = graph_on(page, tmp_path)

    def choose(title: str, item: str) -> None:
        card(page, title).click(button="right", position={"x": 20, "y": 10})
        page.get_by_role("menuitem", name=item, exact=True).click()

    choose("Sample sampler", "Show every step, and check")
    same = notice(page, re.compile(r"^Identical to the bit: image \(\d+ bytes compared\)$"))
    expect(same).to_be_visible()
    size = (8 * SIDE) ** 2 * 3 * 4
    expect(same).to_contain_text(f"({size} bytes compared)")
    loop = graph_on(page, tmp_path)["nodes"]["sampler"]
    assert loop["type"] == "flow.loop"
    choose("Loop sampler", "Collapse into one node")
    expect(card(page, "Sample sampler")).to_be_visible()
    after = graph_on(page, tmp_path)
    first, again = before["nodes"]["sampler"], after["nodes"]["sampler"]
    assert (again["type"], again["links"]) == (first["type"], first["links"])
    assert {name: again["params"].get(name) for name in first["params"]} == first["params"]
    assert set(after["nodes"]) == set(before["nodes"])
    expect(named(page, "simple")).to_be_visible()
