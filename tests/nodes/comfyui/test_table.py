"""Every entry of the table, walked: with its defaults, and with each of its choices, it becomes a
graph in which all nodes and ports exist and all types fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image as Pillow

from nodeflow.formats.comfyui.build import Folders
from nodeflow.formats.comfyui.spec import PLAIN, ComfyNode, Input, Table, load_table
from nodeflow.formats.comfyui.translate import Translated, translate
from nodeflow.registry import Registry, default_registry
from nodeflow.validate import validate

NOT_HERE = {"no-such-model", "no-such-file", "unused"}
"""Of a graph's problems, those that the machine has and not the table."""

PRODUCERS: dict[str, tuple[str, int]] = {
    "MODEL": ("loaded", 0),
    "CLIP": ("loaded", 1),
    "VAE": ("loaded", 2),
    "CONDITIONING": ("text", 0),
    "LATENT": ("latent", 0),
    "IMAGE": ("image", 0),
    "MASK": ("mask", 0),
    "CONTROL_NET": ("control", 0),
    "CLIP_VISION": ("unclip", 3),
    "CLIP_VISION_OUTPUT": ("seen", 0),
    "UPSCALE_MODEL": ("upscaler", 0),
    "GLIGEN": ("gligen", 0),
    "SAMPLER": ("sampler", 0),
    "SIGMAS": ("sigmas", 0),
    "NOISE": ("noise", 0),
    "GUIDER": ("guider", 0),
    "*": ("text_value", 0),
}
SOURCES = {
    "loaded": "CheckpointLoaderSimple",
    "text": "CLIPTextEncode",
    "latent": "EmptyLatentImage",
    "image": "EmptyImage",
    "mask": "SolidMask",
    "control": "ControlNetLoader",
    "unclip": "unCLIPCheckpointLoader",
    "seen": "CLIPVisionEncode",
    "upscaler": "UpscaleModelLoader",
    "gligen": "GLIGENLoader",
    "sampler": "KSamplerSelect",
    "sigmas": "KarrasScheduler",
    "noise": "RandomNoise",
    "guider": "CFGGuider",
    "text_value": "PrimitiveString",
}
READERS = {
    "MODEL": ("KSampler", "model"),
    "CLIP": ("CLIPTextEncode", "clip"),
    "VAE": ("VAEDecode", "vae"),
    "CONDITIONING": ("KSampler", "positive"),
    "LATENT": ("KSampler", "latent_image"),
    "IMAGE": ("PreviewImage", "images"),
    "MASK": ("MaskPreview", "mask"),
    "CONTROL_NET": ("ControlNetApply", "control_net"),
    "CLIP_VISION": ("CLIPVisionEncode", "clip_vision"),
    "UPSCALE_MODEL": ("ImageUpscaleWithModel", "upscale_model"),
    "SAMPLER": ("SamplerCustom", "sampler"),
    "SIGMAS": ("SamplerCustom", "sigmas"),
    "NOISE": ("SamplerCustomAdvanced", "noise"),
    "GUIDER": ("SamplerCustomAdvanced", "guider"),
    "STRING": ("CLIPTextEncode", "text"),
    "INT": ("PreviewAny", "source"),
    "FLOAT": ("PreviewAny", "source"),
    "BOOLEAN": ("PreviewAny", "source"),
}


@pytest.fixture(scope="module")
def table() -> Table:
    """The table of the standard nodes, with one model of every kind."""
    found = load_table()
    models = dict.fromkeys(found.folders, lambda: ["tiny", "other.safetensors"])
    return replace(found, sources={**found.sources, **models})


@pytest.fixture(scope="module")
def registry() -> Registry:
    return default_registry()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    base = tmp_path_factory.mktemp("files")
    found = Folders(base / "input", base / "output", base / "temp")
    for folder in (found.input, found.output):
        folder.mkdir()
        Pillow.new("RGB", (8, 8)).save(folder / "picture.png")
    return found


def _value(input: Input, table: Table) -> Any:
    if input.unlisted:
        return "picture.png"
    if input.type == "COMBO":
        return input.default or table.options(input)[0]
    if input.type in PLAIN:
        return input.default
    return list(PRODUCERS[input.type])


def _node(spec: ComfyNode, table: Table) -> dict[str, Any]:
    inputs = {name: _value(input, table) for name, input in spec.inputs.items() if input.required}
    return {"class_type": spec.name, "inputs": inputs}


def _prompt(spec: ComfyNode, table: Table, **given: Any) -> dict[str, Any]:
    """The node alone in the middle, all that feeds it, and a reader for each of its outputs."""
    prompt = {id: _node(table.nodes[name], table) for id, name in SOURCES.items()}
    prompt["it"] = _node(spec, table)
    prompt["it"]["inputs"].update(given)
    for index, output in enumerate(spec.outputs):
        reader = READERS.get(output.type)
        if reader is not None:
            node = _node(table.nodes[reader[0]], table)
            node["inputs"][reader[1]] = ["it", index]
            prompt[f"reader{index}"] = node
    return prompt


def _translated(
    spec: ComfyNode, table: Table, registry: Registry, folders: Folders, **given: Any
) -> Translated:
    return translate(_prompt(spec, table, **given), table, registry, folders, everything=True)


def _errors(made: Translated, registry: Registry) -> list[str]:
    told = [str(p) for p in made.problems if p.severity == "error"]
    graph = [p for p in validate(made.graph, registry) if p.severity == "error"]
    return told + [str(p) for p in graph if p.code not in NOT_HERE]


NAMES = sorted(load_table().nodes)


@pytest.mark.parametrize("name", NAMES)
def test_defaults(name: str, table: Table, registry: Registry, folders: Folders) -> None:
    made = _translated(table.nodes[name], table, registry, folders)
    assert _errors(made, registry) == []
    stand = made.mapping["it"]
    assert stand.type == name
    assert all(node in made.graph.nodes for node in stand.nodes)
    assert bool(stand.shown) == table.nodes[name].output_node


def _choices(name: str) -> Iterator[tuple[str, Any]]:
    for input in load_table().nodes[name].inputs.values():
        if input.type == "COMBO" and not input.source:
            yield from ((input.name, option) for option in input.options)
        if input.type == "BOOLEAN":
            yield from ((input.name, option) for option in (True, False))


@pytest.mark.parametrize("name", [name for name in NAMES if any(_choices(name))])
def test_choices(name: str, table: Table, registry: Registry, folders: Folders) -> None:
    """Each choice is translated, or told to have no equivalent."""
    for input, option in _choices(name):
        made = _translated(table.nodes[name], table, registry, folders, **{input: option})
        refused = [p for p in made.problems if p.code == "custom_validation_failed"]
        if refused:
            assert refused[0].where == f"it.{input}"
            assert refused[0].message
        else:
            assert _errors(made, registry) == [], option


@pytest.mark.parametrize(
    "name", [n for n in NAMES if any(not i.required for i in load_table().nodes[n].inputs.values())]
)
def test_optional_inputs(name: str, table: Table, registry: Registry, folders: Folders) -> None:
    spec = table.nodes[name]
    given = {n: _value(i, table) for n, i in spec.inputs.items() if not i.required}
    made = _translated(spec, table, registry, folders, **given)
    if not any(p.code == "custom_validation_failed" for p in made.problems):
        assert _errors(made, registry) == []


@pytest.mark.parametrize("name", NAMES)
def test_ends_of_numbers(name: str, table: Table, registry: Registry, folders: Folders) -> None:
    """What ComfyUI takes as a number comes through to the node, whatever our own slider says."""
    for input in table.nodes[name].inputs.values():
        for end in (input.low, input.high):
            if end is None:
                continue
            made = _translated(table.nodes[name], table, registry, folders, **{input.name: end})
            if not any(p.code == "custom_validation_failed" for p in made.problems):
                assert _errors(made, registry) == [], f"{input.name}={end}"


def test_what_is_known_is_told_once(table: Table) -> None:
    """A node type is translated, or it is said why not; each reason is a sentence."""
    assert not set(table.nodes) & set(table.refused)
    assert all(why and not why.endswith(".") for why in table.refused.values())


def test_every_model_of_a_folder_is_offered(table: Table) -> None:
    spec = table.nodes["CheckpointLoaderSimple"]
    assert "tiny" in load_table().options(spec.inputs["ckpt_name"])


def test_an_empty_latent_has_the_channels_of_its_model(table: Table, registry: Registry) -> None:
    """A sampler that is given an empty latent has it made for its model, as ComfyUI mends it."""
    prompt = _prompt(table.nodes["KSampler"], table)
    made = translate(prompt, table, registry, targets=["reader0"], everything=True)
    types = [node.type for id, node in made.graph.nodes.items() if "latent" in id]
    assert "latent.empty_for_model" in types
    alone = translate({"1": prompt["latent"]}, table, registry, everything=True)
    assert [node.type for node in alone.graph.nodes.values()] == ["latent.empty"]


def test_lists_take_what_is_made_late(table: Table, registry: Registry) -> None:
    empty = {"width": 64, "height": 64, "batch_size": 1}
    prompt = {
        "1": {"class_type": "EmptyLatentImage", "inputs": empty},
        "2": {
            "class_type": "LatentBatch",
            "inputs": {"samples1": ["1", 0], "samples2": ["1", 0]},
        },
        "3": {"class_type": "latent.repeat", "inputs": {"latent": ["1", 0], "times": 2}},
    }
    made = translate(prompt, table, registry, everything=True)
    assert made.problems == []
    assert [p for p in validate(made.graph, registry) if p.severity == "error"] == []
    assert [n.type for n in made.graph.nodes.values()].count("latent.empty") == 1


def test_names_of_files_hold_dates_and_values(registry: Registry, table: Table) -> None:
    from datetime import datetime

    save = _node(table.nodes["SaveImage"], table)
    save["inputs"]["filename_prefix"] = (
        "%year%-%month%/%date:yyyyMMdd-hhmmss%_%KSampler.seed%_%width%_%no.such%"
    )
    prompt = {**_prompt(table.nodes["KSampler"], table), "save": save}
    prompt["it"]["inputs"]["seed"] = 77
    folders = Folders(now=datetime(2024, 3, 5, 7, 8, 9))
    made = translate(prompt, table, registry, folders, everything=True)
    node = made.graph.nodes[made.mapping["save"].nodes[0]]
    assert node.params["prefix"] == "2024-03/20240305-070809_77_%width%_%no.such%"


def test_what_differs_is_told(table: Table, registry: Registry, folders: Folders) -> None:
    made = _translated(table.nodes["ImageBlur"], table, registry, folders)
    (told,) = [p for p in made.problems if p.where == "it"]
    assert (told.code, told.severity) == ("differs", "warning")


def test_the_old_controlnet_steers_the_negative_text_too(
    table: Table, registry: Registry, folders: Folders
) -> None:
    made = _translated(table.nodes["ControlNetApply"], table, registry, folders)
    applied = [n for n in made.graph.nodes.values() if n.type == "control.apply"]
    assert len(applied) == 2


def test_patches_of_guidance_change_the_sampler(
    table: Table, registry: Registry, folders: Folders
) -> None:
    for name, type in (
        ("RescaleCFG", "guider.cfg_rescaled"),
        ("PerturbedAttentionGuidance", "guider_mix.push_away"),
        ("SkipLayerGuidanceSD3", "guider_mix.push_away"),
    ):
        made = _translated(table.nodes[name], table, registry, folders)
        stand = made.mapping["reader0"]
        assert type in [made.graph.nodes[id].type for id in stand.nodes], name


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("StringConcatenate", {"string_a": "a", "string_b": "b", "delimiter": "-"}, "a-b"),
        ("StringSubstring", {"string": "abcdef", "start": 1, "end": 3}, "bc"),
        ("StringLength", {"string": "abc"}, 3),
        ("CaseConverter", {"string": "a b", "mode": "Title Case"}, "A B"),
        ("StringTrim", {"string": "  a ", "mode": "Left"}, "a "),
        ("StringReplace", {"string": "aba", "find": "a", "replace": "c"}, "cbc"),
        (
            "StringContains",
            {"string": "ABC", "substring": "b", "case_sensitive": False},
            True,
        ),
        (
            "StringCompare",
            {"string_a": "ab", "string_b": "a", "mode": "Starts With", "case_sensitive": True},
            True,
        ),
    ],
)
def test_texts_are_worked_out(
    name: str, given: dict[str, Any], value: Any, table: Table, registry: Registry
) -> None:
    made = translate({"1": {"class_type": name, "inputs": given}}, table, registry, everything=True)
    assert [node.params for node in made.graph.nodes.values()] == [{"value": value}]


def test_karras_numbers(table: Table, registry: Registry, folders: Folders) -> None:
    """As the formula of Karras et al. 2022, eq. 5, between the ends that the node names."""
    given = {"steps": 3, "sigma_max": 16.0, "sigma_min": 1.0, "rho": 2.0}
    made = _translated(table.nodes["KarrasScheduler"], table, registry, folders, **given)
    (values,) = [
        node.params["values"]
        for id, node in made.graph.nodes.items()
        if node.type == "sigmas.from_list" and id in made.mapping["it"].nodes
    ]
    assert values == pytest.approx([16.0, 6.25, 1.0, 0.0])
