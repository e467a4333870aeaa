"""A sampler as a loop and back: the same picture to the bit, the same graph, clear refusals."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nodeflow.cache import Cache
from nodeflow.errors import InputError
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.validate import validate
from nodes.tools.explode import collapse, explode
from nodes.tools.steps import LOOPS

Data = dict[str, Any]
GRAPHS = Path(__file__).parents[3] / "graphs"
CACHE = Cache()
"""One for all: the model is loaded once."""


def graph(sampler: str = "euler", type_: str = "sampler.sample", **params: Any) -> Data:
    found: Data = json.loads((GRAPHS / "text_to_image_simple.json").read_text())
    nodes = found["nodes"]
    nodes["empty"]["params"] |= {"width": 32, "height": 32}
    nodes["sigmas"]["params"]["steps"] = 3
    nodes["sampler"]["version"] = 2
    nodes["sampler"]["type"] = type_
    nodes["sampler"]["params"] |= {"sampler": sampler, "seed": 5, **params}
    found["outputs"] = {"latent": "sampler.latent"}
    return found


def latent(data: Data, **inputs: Any) -> torch.Tensor:
    made = graph_from_data(copy.deepcopy(data))
    result = run(made, inputs, cache=CACHE)
    samples: torch.Tensor = result.outputs["latent"].samples
    return samples


def exploded(data: Data, node: str = "sampler") -> Data:
    before = copy.deepcopy(data)
    answer = explode({"graph": data, "node": node})
    assert data == before, "what is given stays as it is"
    found: Data = answer["graph"]
    assert not [p for p in validate(graph_from_data(found)) if p.severity == "error"]
    return found


# ── explode ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sampler", LOOPS)
def test_the_picture_is_the_same_to_the_bit(sampler: str) -> None:
    whole = graph(sampler)
    loop = exploded(whole)
    assert loop["nodes"]["sampler"]["type"] == "flow.loop"
    assert torch.equal(latent(loop), latent(whole))
    back = collapse({"graph": loop, "node": "sampler"})
    assert back["identical"]
    assert torch.equal(latent(back["graph"]), latent(whole))


@pytest.mark.parametrize("sampler", ["euler", "heun", "dpmpp_2m", "dpm_2", "ddpm"])
@pytest.mark.parametrize("given", [{"guidance_scale": 1.0}, {"guidance_scale": 1}])
def test_without_guidance_one_prompt_is_asked(sampler: str, given: Data) -> None:
    whole = graph(sampler, **given)
    loop = exploded(whole)
    assert "negative" not in loop["nodes"]["sampler"]["const"]
    assert torch.equal(latent(loop), latent(whole))


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde"])
def test_a_sampler_that_goes_on_has_no_noise_before(sampler: str) -> None:
    whole = graph(sampler, "sampler.resume")
    answer = explode({"graph": whole, "node": "sampler"})
    assert not [name for name in answer["added"] if "noise" in name]
    assert torch.equal(latent(answer["graph"]), latent(whole))


def test_what_the_inputs_set_is_set_in_the_loop() -> None:
    whole = graph("euler_ancestral")
    loop = exploded(whole)
    assert loop["inputs"]["seed"] == ["sampler_noise.seed", "sampler/move.seed"]
    assert loop["inputs"]["guidance_scale"] == "sampler/guide.scale"
    assert "sampler" not in loop["inputs"]
    given = {"seed": 9, "guidance_scale": 3.0, "steps": 2}
    assert torch.equal(latent(loop, **given), latent(whole, **given))
    assert not torch.equal(latent(loop, **given), latent(loop))


def test_wires_lead_into_the_loop() -> None:
    whole = graph("euler_ancestral")
    nodes = whole["nodes"]
    nodes["n"] = {"type": "value.seed", "params": {"value": 11}}
    nodes["s"] = {"type": "value.number", "params": {"value": 2.0}}
    nodes["sampler"]["links"] |= {"seed": "n.value", "guidance_scale": "s.value"}
    nodes["sampler"]["params"] = {"sampler": "euler_ancestral"}
    whole["inputs"] = {}
    loop = exploded(whole)
    assert torch.equal(latent(loop), latent(whole))
    back = collapse({"graph": loop, "node": "sampler"})["graph"]
    assert back["nodes"]["sampler"]["links"] == nodes["sampler"]["links"]


def test_new_nodes_have_names_and_places_of_their_own() -> None:
    whole = graph()
    whole["nodes"]["sampler_noise"] = {"type": "value.seed"}
    answer = explode({"graph": whole, "node": "sampler"})
    assert answer["added"] == ["sampler_steps", "sampler_noise_2", "sampler_start"]
    view = answer["graph"]["view"]
    places = [tuple(place) for key, place in view.items() if "/" not in key]
    assert len(set(places)) == len(places)
    assert view["decode"][0] > view["sampler"][0] > view["sampler_start"][0]
    assert {"sampler/ask", "sampler/guide", "sampler/move"} <= view.keys()


def test_a_sampler_inside_a_loop() -> None:
    whole = graph("euler")
    nodes = whole["nodes"]
    inner = nodes.pop("sampler")
    given = {"model", "positive", "negative", "sigmas"}
    const = {port: inner["links"][port] for port in given}
    inner["links"] |= {port: f"const.{port}" for port in given} | {"latent": "each.empty"}
    nodes["list"] = {"type": "list.repeat", "links": {"items": ["empty.latent"]}}
    nodes["outer"] = {
        "type": "flow.map",
        "each": {"empty": "list.value"},
        "const": const,
        "collect": {"made": "sampler.latent"},
        "body": {"sampler": inner},
    }
    nodes.pop("decode")
    whole["outputs"], whole["inputs"], whole["view"] = {"made": "outer.made"}, {}, {}
    assert not validate(graph_from_data(copy.deepcopy(whole)))
    answer = explode({"graph": whole, "node": "outer/sampler"})
    assert answer["added"] == ["outer/sampler_steps", "outer/sampler_noise", "outer/sampler_start"]
    assert answer["graph"]["nodes"]["outer"]["body"]["sampler"]["type"] == "flow.loop"
    back = collapse({"graph": answer["graph"], "node": "outer/sampler"})
    assert back["removed"] == ["outer/sampler_steps", "outer/sampler_start", "outer/sampler_noise"]
    assert back["graph"]["nodes"]["outer"]["body"] == {"sampler": inner}


@pytest.mark.parametrize("sampler", ["uni_pc", "dpm_adaptive", "sa_solver", "euler_cfg_pp", "no"])
def test_other_samplers_are_refused(sampler: str) -> None:
    with pytest.raises(InputError, match="euler, euler_ancestral, heun") as caught:
        explode({"graph": graph(sampler), "node": "sampler"})
    assert caught.value.port == "sampler"


def _masked(data: Data) -> None:
    data["nodes"]["mask"] = {"type": "mask.solid"}
    wires = {"latent": "empty.latent", "mask": "mask.mask"}
    data["nodes"]["masked"] = {"type": "latent.set_noise_mask", "links": wires}
    data["nodes"]["sampler"]["links"]["latent"] = "masked.latent"


def _muted(data: Data) -> None:
    data["nodes"]["sampler"]["mode"] = "mute"


def _wired(data: Data) -> None:
    data["nodes"]["name"] = {"type": "value.text"}
    data["nodes"]["sampler"]["links"]["sampler"] = "name.value"


def _bare(data: Data) -> None:
    del data["nodes"]["sampler"]["links"]["sigmas"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_masked, "noise mask from 'masked'"),
        (_muted, "set to mute"),
        (_wired, "chosen by a wire"),
        (_bare, "nothing on sigmas"),
    ],
)
def test_what_cannot_be_exploded_is_told(change: Any, words: str) -> None:
    data = graph()
    change(data)
    with pytest.raises(InputError, match=words):
        explode({"graph": data, "node": "sampler"})


@pytest.mark.parametrize("node", ["decode", "none", "sampler/x", "", "decode/x"])
@pytest.mark.parametrize("act", [explode, collapse])
def test_other_nodes_are_refused(act: Any, node: str) -> None:
    with pytest.raises(InputError):
        act({"graph": json.loads((GRAPHS / "text_to_image_simple.json").read_text()), "node": node})


# ── collapse ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sampler", LOOPS)
def test_back_and_forth_is_the_same_graph(sampler: str) -> None:
    whole = graph(sampler)
    back = collapse({"graph": exploded(whole), "node": "sampler"})["graph"]
    del whole["inputs"]["sampler"]  # a loop has no port for it
    assert back["nodes"] == whole["nodes"]
    assert back["inputs"] == whole["inputs"]
    assert back["outputs"] == whole["outputs"]
    assert back["view"].keys() == whole["view"].keys()


def hand_made() -> Data:
    found: Data = json.loads((GRAPHS / "text_to_image.json").read_text())
    del found["nodes"]["denoise"]["collect"]
    found["nodes"]["empty"]["params"] |= {"width": 32, "height": 32}
    found["nodes"]["sigmas"]["params"]["steps"] = 3
    found["outputs"] = {"latent": "denoise.latent"}
    return found


def test_a_loop_by_hand_becomes_a_sampler() -> None:
    loop = hand_made()
    answer = collapse({"graph": loop, "node": "denoise"})
    assert not answer["identical"], "its prompts are asked one by one"
    assert answer["removed"] == ["schedule", "start", "noise"]
    found = answer["graph"]
    assert found["nodes"]["denoise"]["params"] == {
        "sampler": "euler",
        "seed": 0,
        "guidance_scale": 5.0,
    }
    assert found["inputs"]["seed"] == "denoise.seed"
    assert found["inputs"]["guidance_scale"] == "denoise.guidance_scale"
    torch.testing.assert_close(latent(found), latent(loop), atol=2e-4, rtol=1e-4)


def _edit(path: str, value: Any) -> Any:
    def change(data: Data) -> None:
        *keys, last = path.split("/")
        for key in keys:
            data = data.setdefault(key, {})
        if value is None:
            del data[last]
        else:
            data[last] = value

    return change


MOVE = "nodes/denoise/body/move"


@pytest.mark.parametrize(
    "change",
    [
        _edit("outputs/trace", "denoise.trace"),
        _edit("nodes/denoise/body/extra", {"type": "value.number"}),
        _edit(f"{MOVE}/type", "sample.cfg_pp_step"),
        _edit(f"{MOVE}/links/noise", "cond.noise_"),
        _edit(f"{MOVE}/links/latent", "const.model"),
        _edit("nodes/denoise/body/cond/links/latent", "const.positive"),
        _edit("nodes/denoise/body/cond/links/model", "state.latent"),
        _edit("nodes/denoise/body/guide/mode", "mute"),
        _edit("nodes/denoise/mode", "bypass"),
        _edit("nodes/denoise/each", {"step": "sigmas.sigmas"}),
        _edit("nodes/denoise/state/other", {"init": "start.latent", "next": "move.latent"}),
        _edit("nodes/denoise/type", "flow.map"),
    ],
)
def test_a_loop_that_does_something_else_is_refused(change: Any) -> None:
    data = hand_made()
    change(data)
    with pytest.raises(InputError):
        collapse({"graph": data, "node": "denoise"})


@pytest.mark.parametrize(
    ("sampler", "change"),
    [
        ("ddim", {"eta": 0.5}),
        ("lms", {"order": 2}),
        ("euler_ancestral", {"eta": 0.5}),
    ],
)
def test_settings_that_the_sampler_has_not_are_refused(sampler: str, change: Data) -> None:
    loop = exploded(graph(sampler))
    loop["nodes"]["sampler"]["body"]["move"].setdefault("params", {}).update(change)
    with pytest.raises(InputError, match="which the sampler has at"):
        collapse({"graph": loop, "node": "sampler"})


def test_what_others_read_stays() -> None:
    loop = exploded(graph("euler"))
    loop["outputs"]["noise"] = "sampler_noise.noise"
    answer = collapse({"graph": loop, "node": "sampler"})
    assert answer["removed"] == ["sampler_steps", "sampler_start"]
    assert "sampler_noise" in answer["graph"]["nodes"]


def test_two_seeds_are_kept_apart() -> None:
    loop = exploded(graph("euler_ancestral"))
    loop["nodes"]["sampler_noise"]["params"]["seed"] = 77
    loop["inputs"] = {}
    answer = collapse({"graph": loop, "node": "sampler"})
    assert answer["graph"]["nodes"]["sampler"]["type"] == "sampler.resume"
    assert torch.equal(latent(answer["graph"]), latent(loop))
