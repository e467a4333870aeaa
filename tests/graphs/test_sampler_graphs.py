"""The graphs of samplers and noise run, on a checkpoint of random weights, and do what they say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nodeflow.executor import run
from nodeflow.formats.graph_json import read_graph

FOLDER = Path(__file__).parents[2] / "graphs"
SMALL = {"empty.width": 64, "empty.height": 64}


def made(name: str, checkpoint: str, given: Mapping[str, Any], **params: Any) -> torch.Tensor:
    known = {"checkpoint.name": checkpoint, **params}
    found = read_graph(FOLDER / f"{name}.json").with_params(known)
    pixels: torch.Tensor = run(found, given, check=True).outputs["image"].pixels
    return pixels


def test_samplers_all_draws_what_it_is_asked_for(checkpoint: str) -> None:
    given = {"samplers": ["euler", "dpm_adaptive", "uni_pc"], "steps": 3}
    found = made("samplers_all", checkpoint, given, **SMALL)
    assert found.shape[2] == 7 * 64 + 6 * 8
    assert bool(found.isfinite().all())


def test_variation_seeds_begins_with_one_picture_four_times(checkpoint: str) -> None:
    given = {"strengths": [0.0, 1.0], "steps": 2}
    found = made("variation_seeds", checkpoint, given, **SMALL)
    cells = [
        [found[0, r * 72 : r * 72 + 64, c * 72 : c * 72 + 64] for c in range(4)] for r in (0, 1)
    ]
    assert all(torch.equal(cell, cells[0][0]) for cell in cells[0])
    assert not any(torch.equal(cell, cells[0][0]) for cell in cells[1])
    other = made("variation_seeds", checkpoint, {**given, "seed": 5}, **SMALL)
    assert torch.equal(found[:, 72:], other[:, 72:]), "at strength 1 the first seed does not count"


def test_noisy_composition_takes_each_part_from_its_prompt(checkpoint: str) -> None:
    given = {"steps": 2, "end_step": 2}  # so that nothing smooths the parts' edges afterwards
    found = made("noisy_composition", checkpoint, given)
    prompts = ["a star", *(f"a small {c} circle on white" for c in ("red", "blue", "pink"))]
    other = made("noisy_composition", checkpoint, {**given, "prompts": prompts})
    assert found.shape == (1, 128, 128, 3)
    assert not torch.equal(found, other)


def test_restart_ends_elsewhere_than_the_plain_run(checkpoint: str) -> None:
    found = made("restart", checkpoint, {"steps": 3, "low": 5.0, "high": 10.0}, **SMALL)
    assert not torch.equal(found[:, :64, :64], found[:, :64, 72:136])


def test_two_stage_start_end_goes_on_where_the_first_stops(checkpoint: str) -> None:
    given = {"steps": 4, "switch_at": 2}
    found = made("two_stage_start_end", checkpoint, given, **SMALL)
    assert found.shape[2] == 3 * 64 + 2 * 8
    later = made("two_stage_start_end", checkpoint, {**given, "switch_at": 3}, **SMALL)
    assert not torch.equal(found, later)
