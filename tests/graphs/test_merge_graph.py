"""The example of merging, on the shipped model and LoRA, does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph

GRAPH = Path(__file__).parents[2] / "graphs" / "merge.json"


def test_merge_goes_from_one_model_to_the_other_and_so_does_the_extracted_lora() -> None:
    """The whole rank of the difference is 8: a LoRA of it is the second model, 1 is on the way."""
    inputs: dict[str, Any] = {"steps": 4, "amounts": [0.0, 1.0], "ranks": [1, 8]}
    ports = ("mixed.image", "extracted.image")
    made = run(read_graph(GRAPH), inputs, ports, check=True).outputs
    (first, second), (near, whole) = ([i.pixels for i in made[port]] for port in ports)
    torch.testing.assert_close(whole, second, rtol=0, atol=0.01)
    assert (first - second).abs().mean() > 0.02
    assert (near - second).abs().mean() > 5 * (whole - second).abs().mean()
