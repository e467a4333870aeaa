"""Values that arrive by wire at standard nodes are held against the ports' widgets in a run."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.errors import NodeError
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data


def ran(source: dict[str, Any], type: str, port: str, **params: Any) -> Any:
    """What a graph gives in which `source` makes the value of one port."""
    canvas = {"type": "image.solid", "params": {"width": 8, "height": 8}}
    links = {"image": "canvas.image", port: "source.value"}
    nodes = {"canvas": canvas, "source": source}
    nodes["end"] = {"type": type, "params": params, "links": links}
    outputs = {"image": "end.image"}
    return run(graph_from_data({"nodeflow": 1, "nodes": nodes, "outputs": outputs}))


def number(value: int) -> dict[str, Any]:
    return {"type": "value.integer", "params": {"value": value}}


def text(value: str) -> dict[str, Any]:
    return {"type": "value.text", "params": {"value": value}}


def test_a_number_beyond_its_range_is_told_with_the_range() -> None:
    expected = r"end \(image_edit.resize\): width: 0 is below 1. give a value in 1..16384"
    with pytest.raises(NodeError, match=expected):
        ran(number(0), "image_edit.resize", "width", height=4)
    result = ran(number(5), "image_edit.resize", "width", height=4)
    assert result.outputs["image"].pixels.shape == (1, 4, 5, 3)


def test_a_choice_that_is_not_offered_is_told_with_what_is() -> None:
    expected = r"filter: 'bicubik' is not offered. did you mean 'bicubic'\? offered: nearest"
    with pytest.raises(NodeError, match=expected):
        ran(text("bicubik"), "image_edit.resize", "filter", width=4, height=4)


def test_a_division_by_nothing_is_refused_before() -> None:
    with pytest.raises(NodeError, match=r"multiple: 0 is below 1"):
        ran(number(0), "image_edit.crop_to_multiple", "multiple")
