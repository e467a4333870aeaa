"""ComfyUI's prompts read and translated by a table of the test's own: the engine knows the format,
not the nodes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodeflow.formats.comfyui.build import Build, Folders, Later, Wire
from nodeflow.formats.comfyui.faults import PromptProblem
from nodeflow.formats.comfyui.prompt import Slot, is_prompt, read_prompt
from nodeflow.formats.comfyui.spec import Table, node, read_inputs, simple, spaced
from nodeflow.formats.comfyui.translate import Translated, translate
from nodeflow.formats.comfyui.values import fits
from nodeflow.node import definition_of
from nodeflow.node import node as ours
from nodeflow.registry import Registry
from nodeflow.validate import validate
from nodeflow.widgets import Slider


@ours("sums.add")
def add(a: float, b: Annotated[float, Slider(0, 10)] = 0.0) -> float:
    """Add."""
    return a + b


@ours("sums.text")
def text(value: str) -> str:
    """A text."""
    return value


@ours("sums.number")
def number(value: float) -> float:
    """A number."""
    return value


@ours("sums.show", writes=True)
def show(value: float) -> str:
    """Show."""
    return str(value)


@ours("sums.load")
def load(name: str) -> float:
    """A number from a file."""
    return float(len(name))


def registry() -> Registry:
    found = Registry()
    for function in (add, text, number, show):
        found.add(definition_of(function))
    return found


def _twice(build: Build) -> Any:
    first = build.add("sums.add", a=build["x"], b=build["x"])["value"]
    return build.add("sums.add", "again", a=first, b=first)["value"]


def _later(build: Build) -> Any:
    return Later(lambda by: build.add("sums.add", a=by, b=build["x"])["value"], needs=["by"])


def _use(build: Build) -> Any:
    made = build["made"]
    return made(by=build["by"]) if isinstance(made, Later) else made


def _show(build: Build) -> Any:
    build.show(build.add("sums.show", value=build["value"])["value"], key="text")
    return ()


def _file(build: Build) -> Any:
    return build.add("sums.text", value=build.file("name"))["value"]


TABLE = Table(
    nodes={
        spec.name: spec
        for spec in [
            simple(
                "Add",
                "sums",
                "x: FLOAT; y: FLOAT=1.0[0..100]",
                "FLOAT",
                "sums.add",
                "a=x b=y",
                "value",
            ),
            simple("Text", "sums", "value: STRING", "STRING", "sums.text", "value", "value"),
            simple("Choose", "sums", "value: {red|green}", "STRING", "sums.text", "value", "value"),
            node("Twice", "sums", "x: FLOAT", "FLOAT", _twice),
            node("Waits", "sums", "x: FLOAT", "LATER", _later),
            node("Use", "sums", "made: LATER; by: FLOAT", "FLOAT", _use),
            node("File", "sums", "name: {@input}", "STRING", _file),
            node("Show", "sums", "value: FLOAT", "", _show, output_node=True),
        ]
    },
    types={"float": "FLOAT", "str": "STRING"},
    carriers={float: "sums.number"},
    refused={"Impossible": "nobody can"},
)


def made(prompt: Any, **more: Any) -> Translated:
    return translate(prompt, TABLE, registry(), **more)


def entry(type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": type, "inputs": inputs}


def faults(found: Translated) -> list[tuple[str, str]]:
    return [(p.code, p.where) for p in found.problems if p.severity == "error"]


# ── the line that describes inputs ─────────────────────────────────────────────────────────────


def test_inputs_of_a_line() -> None:
    line = (
        "model: MODEL; steps: INT=20[1..10000]; cfg: FLOAT=8.0[0..100]/0.1; mode: {a|b: c}; "
        "name: STRING='x; y'; on: BOOLEAN=True; text: TEXT; file: {@loras}=one ? mask: MASK; "
        "n: INT=-1[-24..-1]"
    )
    found = {i.name: i for i in read_inputs(line)}
    assert found["model"].type == "MODEL"
    assert (found["steps"].default, found["steps"].low, found["steps"].high) == (20, 1, 10000)
    assert found["cfg"].step == 0.1
    assert found["mode"].options == ("a", "b: c")
    assert found["mode"].default == "a"
    assert found["name"].default == "x; y"
    assert found["on"].default is True
    assert found["text"].multiline
    assert (found["file"].source, found["file"].default) == ("loras", "one")
    assert [n for n, i in found.items() if not i.required] == ["mask", "n"]
    assert (found["n"].default, found["n"].high) == (-1, -1)


@pytest.mark.parametrize("line", ["x", "x: int", "x: INT=[", "x: {a"])
def test_a_line_that_is_none(line: str) -> None:
    with pytest.raises(ValueError, match="no input"):
        list(read_inputs(line))


def test_names_spaced() -> None:
    assert spaced("VAEDecodeTiled") == "VAE Decode Tiled"
    assert spaced("LoraLoaderModelOnly") == "Lora Loader Model Only"


@pytest.mark.parametrize(
    ("source", "target", "good"),
    [
        ("INT", "INT", True),
        ("*", "MODEL", True),
        ("MODEL", "*", True),
        ("INT", "FLOAT", True),
        ("FLOAT", "INT", False),
        ("IMAGE,MASK", "MASK", True),
        ("STRING", "COMBO", True),
        ("MODEL", "CLIP", False),
    ],
)
def test_types_that_fit(source: str, target: str, good: bool) -> None:
    assert fits(source, target) is good


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def test_links_literals_and_lists() -> None:
    prompt = {
        "1": {
            "class_type": "Add",
            "inputs": {"x": ["2", 0], "y": {"__value__": ["2", 0]}, "z": 3},
            "_meta": {"title": "Sum"},
        },
        "2": entry("Text", value="a"),
    }
    nodes, problems = read_prompt(prompt)
    assert problems == []
    assert nodes["1"].inputs == {"x": Slot("2", 0), "y": ["2", 0], "z": 3}
    assert nodes["1"].title == "Sum"
    assert is_prompt(prompt)
    assert not is_prompt({"nodeflow": 1, "nodes": {}})


def test_all_faults_of_the_form_at_once() -> None:
    prompt = {
        "1": {"inputs": {}},
        "2": [],
        "3": entry("Add", x=["9", 0], y=[1, 2, 3]),
        "4": {"class_type": "Add", "inputs": []},
    }
    _, problems = read_prompt(prompt)
    assert [(p.code, p.where) for p in problems] == [
        ("invalid_prompt", "1"),
        ("invalid_prompt", "2"),
        ("bad_linked_input", "3.y"),
        ("exception_during_validation", "4"),
        ("bad_linked_input", "3.x"),
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["class_type", "inputs", "1", "x", "_meta", "Add"]), inner
            )
        ),
        max_leaves=20,
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_is_sent_is_told_and_never_raises(data: Any) -> None:
    found = made(data)
    if found.problems == []:
        assert validate(found.graph, registry()) == []
    assert made({"1": data, "2": entry("Show", value=["1", 0])}) is not None


# ── translating ────────────────────────────────────────────────────────────────────────────────


def test_ids_tell_title_or_type_and_id() -> None:
    prompt = {
        "3": {**entry("Twice", x=1.5), "_meta": {"title": "Two Times!"}},
        "5:2": entry("Show", value=["3", 0]),
    }
    found = made(prompt)
    assert found.problems == []
    assert list(found.graph.nodes) == ["two_times_3", "two_times_3_again", "show_5_2"]
    assert found.mapping["3"].nodes == ["two_times_3", "two_times_3_again"]
    assert found.mapping["5:2"].shown[0].key == "text"
    assert str(found.graph.outputs["show_5_2"]) == "show_5_2.value"
    assert validate(found.graph, registry()) == []


def test_same_names_get_numbers() -> None:
    prompt = {"a": entry("Twice", x=1.0), "A": entry("Twice", x=2.0)}
    assert list(made(prompt, everything=True).graph.nodes)[::2] == ["twice_a", "twice_a_2"]


def test_all_faults_at_once() -> None:
    prompt = {
        "1": entry("Nothing"),
        "2": entry("Impossible"),
        "3": entry("Add", x=["4", 0], y=-1),
        "4": entry("Text", value=3),
        "5": entry("Choose", value="blue"),
        "6": entry("Add", y=["5", 0]),
        "7": entry("Show", value=["6", 0]),
        "8": entry("Show", value=["3", 5]),
        "9": entry("Show", value=["4", 9]),
    }
    found = made(prompt)
    assert set(faults(found)) == {
        ("missing_node_type", "1"),
        ("missing_node_type", "2"),
        ("return_type_mismatch", "3.x"),
        ("value_smaller_than_min", "3.y"),
        ("value_not_in_list", "5.value"),
        ("required_input_missing", "6.x"),
        ("bad_linked_input", "9.value"),
    }
    told = next(p for p in found.problems if p.where == "2")
    assert "nobody can" in told.message
    mismatch = next(p for p in found.problems if p.where == "3.x")
    assert isinstance(mismatch, PromptProblem)
    assert mismatch.extra["linked_node"] == ["4", 0]
    assert mismatch.extra["received_type"] == "STRING"


def test_a_circle_is_told_with_its_nodes() -> None:
    prompt = {
        "1": entry("Twice", x=["2", 0]),
        "2": entry("Twice", x=["1", 0]),
        "3": entry("Show", value=["2", 0]),
    }
    (problem,) = made(prompt).problems
    assert problem.code == "dependency_cycle"
    assert "1, 2" in problem.message


def test_what_no_output_needs_is_left_out() -> None:
    prompt = {"1": entry("Twice", x=1.0), "2": entry("Show", value=1.0), "3": entry("Add")}
    found = made(prompt)
    assert faults(found) == []
    assert list(found.mapping) == ["2"]


def test_targets_choose_outputs() -> None:
    prompt = {"1": entry("Show", value=1.0), "2": entry("Show", value=2.0)}
    assert list(made(prompt, targets=["2"]).graph.nodes) == ["show_2"]


def test_no_output_is_an_error() -> None:
    assert faults(made({"1": entry("Twice", x=1.0)})) == [("prompt_no_outputs", "")]
    assert faults(made({})) == [("prompt_no_outputs", "")]


def test_a_value_beyond_our_slider_comes_by_a_wire() -> None:
    found = made({"1": entry("Add", x=1.0, y=50.0), "2": entry("Show", value=["1", 0])})
    assert found.graph.nodes["add_1_b"].type == "sums.number"
    assert validate(found.graph, registry()) == []


def test_what_waits_is_made_where_it_is_used() -> None:
    prompt = {
        "1": entry("Waits", x=1.0),
        "2": entry("Use", made=["1", 0], by=["3", 0]),
        "3": entry("Twice", x=2.0),
        "4": entry("Use", made=["1", 0], by=["3", 0]),
        "5": entry("Show", value=["2", 0]),
        "6": entry("Show", value=["4", 0]),
    }
    found = made(prompt)
    assert found.problems == []
    assert found.mapping["1"].nodes == ["waits_1"]  # the same for both, who ask alike
    assert validate(found.graph, registry()) == []


def test_our_node_types_by_their_ids() -> None:
    prompt = {
        "1": entry("sums.add", a=1.0, b=2.0),
        "2": entry("Twice", x=["1", 0]),
        "3": entry("sums.show", value=["2", 0]),
    }
    found = made(prompt)
    assert found.problems == []
    assert found.graph.outputs
    assert validate(found.graph, registry()) == []
    wrong = made({"1": entry("sums.add", a=1.0, c=2.0), "2": entry("sums.show", value=["1", 0])})
    assert faults(wrong) == [("invalid_input_type", "1.c")]


def test_a_prompt_whose_model_is_missing_is_looked_at_whole() -> None:
    """Who only looks keeps every node, with the name that was written; who runs is refused."""
    prompt = {
        "4": entry("Load", name="mine.safetensors"),
        "5": entry("Add", x=["4", 0], y=2.0),
        "6": entry("Show", value=["5", 0]),
        "7": entry("Twice", x=3.0),  # needed by nothing
    }
    registered = registry()
    registered.add(definition_of(load))
    table = replace(
        TABLE,
        nodes={
            **TABLE.nodes,
            "Load": simple(
                "Load", "sums", "name: {@models}", "FLOAT", "sums.load", "name", "value"
            ),
        },
        sources={"models": lambda: ["other.safetensors"]},
        folders={"models": lambda: ["other.safetensors"]},
    )
    found = translate(prompt, table, registered, everything=True)
    assert faults(found) == [("value_not_in_list", "4.name")]
    assert "mine.safetensors" in found.problems[0].message
    nodes = found.graph.nodes
    assert nodes["load_4"].params == {"name": "mine.safetensors"}
    assert {node.type for node in nodes.values()} == {"sums.load", "sums.add", "sums.show"}
    assert set(found.mapping) == set(prompt)
    assert found.graph.outputs
    refused = translate(prompt, table, registered)
    assert faults(refused) == [("value_not_in_list", "4.name")]
    assert "load_4" not in refused.graph.nodes


def test_an_unknown_input_is_a_warning() -> None:
    found = made({"1": entry("Show", value=1.0, valeu=2.0)})
    assert faults(found) == []
    assert [(p.code, p.severity) for p in found.problems] == [("unknown_input", "warning")]
    assert "did you mean 'value'" in found.problems[0].hint


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x", "C:\\x", "no.png", "", "a\0b"])
def test_files_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "x.png").touch()
    folders = Folders(tmp_path / "in", now=datetime(2024, 1, 2))
    found = made({"1": entry("File", name=name)}, folders=folders, everything=True)
    assert faults(found) == [("custom_validation_failed", "1.name")]
    assert str(tmp_path) not in found.problems[0].message


def test_files_of_other_folders_are_named_so(tmp_path: Path) -> None:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    (tmp_path / "out" / "sub" / "x.png").touch()
    folders = Folders(tmp_path / "in", tmp_path / "out", param=lambda path: path.name)
    found = made({"1": entry("File", name="sub\\x.png [output]")}, folders=folders, everything=True)
    assert found.problems == []
    assert found.graph.nodes["file_1"].params == {"value": "x.png"}


def test_a_deep_chain_is_no_recursion() -> None:
    prompt: dict[str, Any] = {"0": entry("Twice", x=1.0)}
    for k in range(1, 5000):
        prompt[str(k)] = entry("Twice", x=[str(k - 1), 0])
    prompt["end"] = entry("Show", value=["4999", 0])
    found = made(prompt)
    assert found.problems == []
    assert len(found.graph.nodes) == 10_001


def test_wires_know_what_their_input_told() -> None:
    wire = Wire(object(), {"a": 1})  # type: ignore[arg-type]
    assert wire.telling(b=2).about == {"a": 1, "b": 2}
