"""The table read backwards: what a prompt becomes here goes back to the prompt that it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from nodeflow.formats.comfyui.build import Folders
from nodeflow.formats.comfyui.export import Exported, export
from nodeflow.formats.comfyui.spec import PLAIN, ComfyNode, Input, Table, load_table
from nodeflow.formats.comfyui.translate import translate
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import Registry, default_registry

ROOT = Path(__file__).parents[3]
PRODUCERS: dict[str, tuple[str, int]] = {
    "MODEL": ("loaded", 0),
    "CLIP": ("loaded", 1),
    "VAE": ("loaded", 2),
    "CONDITIONING": ("text", 0),
    "LATENT": ("encoded", 0),
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
    "*": ("number", 0),
}
SOURCES = {
    "loaded": "CheckpointLoaderSimple",
    "text": "CLIPTextEncode",
    "encoded": "VAEEncode",
    "image": "EmptyImage",
    "mask": "SolidMask",
    "control": "ControlNetLoader",
    "unclip": "unCLIPCheckpointLoader",
    "seen": "CLIPVisionEncode",
    "upscaler": "UpscaleModelLoader",
    "gligen": "GLIGENLoader",
    "sampler": "KSamplerSelect",
    "sigmas": "BasicScheduler",
    "noise": "RandomNoise",
    "guider": "CFGGuider",
    "number": "PrimitiveFloat",
}
READERS = {
    "MODEL": ("KSampler", "model"),
    "CLIP": ("CLIPTextEncode", "clip"),
    "VAE": ("VAEDecode", "vae"),
    "CONDITIONING": ("KSampler", "positive"),
    "LATENT": ("KSampler", "latent_image"),
    "IMAGE": ("SaveImage", "images"),
    "MASK": ("MaskToImage", "mask"),
    "CONTROL_NET": ("ControlNetApplyAdvanced", "control_net"),
    "CLIP_VISION": ("CLIPVisionEncode", "clip_vision"),
    "CLIP_VISION_OUTPUT": ("unCLIPConditioning", "clip_vision_output"),
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
IN_PIXELS = ("ConditioningSetArea", "GLIGENTextBoxApply")
"""Those that have to know the picture's size."""
NAMES = sorted(load_table().nodes)


@pytest.fixture(scope="module")
def table() -> Table:
    found = load_table()
    models = dict.fromkeys(found.folders, lambda: ["tiny", "other.safetensors"])
    return replace(found, sources={**found.sources, **models})


@pytest.fixture(scope="module")
def registry() -> Registry:
    return default_registry()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    base = tmp_path_factory.mktemp("files")
    found = Folders(base / "input", base / "output", base / "temp", param=Path.as_posix)
    for folder in (found.input, found.output):
        folder.mkdir()
        Pillow.new("RGB", (8, 8)).save(folder / "picture.png")
    return found


def _value(input: Input, table: Table) -> Any:
    if input.unlisted:
        return "picture.png"
    if input.type == "COMBO":
        return input.default or table.options(input)[0]
    return input.default if input.type in PLAIN else list(PRODUCERS[input.type])


def _node(spec: ComfyNode, table: Table, every: bool = False) -> dict[str, Any]:
    inputs = {
        name: _value(input, table)
        for name, input in spec.inputs.items()
        if input.required or (every and input.literal)
    }
    return {"class_type": spec.name, "inputs": inputs}


def _prompt(spec: ComfyNode, table: Table, **given: Any) -> dict[str, Any]:
    """The node in the middle, what feeds it, and a reader for each of its outputs."""
    prompt = {id: _node(table.nodes[name], table, True) for id, name in SOURCES.items()}
    prompt["it"] = _node(spec, table, True)
    prompt["it"]["inputs"].update(given)
    if spec.name in IN_PIXELS:
        prompt["encoded"] = _node(table.nodes["EmptyLatentImage"], table, True)
    for index, output in enumerate(spec.outputs):
        type, port = READERS.get(output.type, ("", ""))
        if not type:
            continue
        prompt[f"reader{index}"] = _node(table.nodes[type], table, True)
        prompt[f"reader{index}"]["inputs"][port] = ["it", index]
    wanted, pending = set(), ["it", *(id for id in prompt if id.startswith("reader"))]
    while pending:
        id = pending.pop()
        if id not in wanted:
            wanted.add(id)
            values = prompt[id]["inputs"].values()
            pending += [value[0] for value in values if isinstance(value, list)]
    return {str(n): _renamed(prompt[id], sorted(wanted)) for n, id in enumerate(sorted(wanted))}


def _renamed(node: Mapping[str, Any], ids: list[str]) -> dict[str, Any]:
    inputs = {
        name: [str(ids.index(value[0])), value[1]] if isinstance(value, list) else value
        for name, value in node["inputs"].items()
    }
    return {"class_type": node["class_type"], "inputs": inputs}


def _trees(prompt: Mapping[str, Any]) -> list[str]:
    """The prompt without its ids: each node with all that feeds it."""
    known: dict[str, Any] = {}

    def tree(id: str) -> Any:
        if id not in known:
            node = prompt[id]
            values = {
                name: [tree(value[0]), value[1]] if isinstance(value, list) else value
                for name, value in sorted(node["inputs"].items())
            }
            known[id] = [node["class_type"], values]
        return known[id]

    return sorted(json.dumps(tree(id), sort_keys=True) for id in prompt)


def _there_and_back(
    prompt: Mapping[str, Any], table: Table, registry: Registry, folders: Folders
) -> tuple[Graph, Exported]:
    made = translate(prompt, table, registry, folders, everything=True)
    assert [p for p in made.problems if p.severity == "error"] == []
    return made.graph, export(made.graph, table, registry, partial=True, folder=folders.input)


WORKED_OUT = (
    *("CaseConverter", "StringCompare", "StringConcatenate", "StringContains", "StringLength"),
    *("StringReplace", "StringSubstring", "StringTrim", "PolyexponentialScheduler"),
)
"""What may come back as the value that it gave; a polyexponential of rho 1 is the exponential."""
NOTHING = ("ImageStitch", "SetUnionControlNetType")
"""What does nothing with its defaults, and is no node here."""
TOLD = {"GLIGENTextBoxApply": "gligen.box", "VPScheduler": "sigmas.from_list"}
"""What is told to have no way back: shares of a picture of unknown size, worked-out numbers."""
ODD = {*WORKED_OUT, *NOTHING, *TOLD}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ODD])
def test_every_node_type_comes_back(
    name: str, table: Table, registry: Registry, folders: Folders
) -> None:
    prompt = _prompt(table.nodes[name], table)
    _, back = _there_and_back(prompt, table, registry, folders)
    assert [p for p in back.problems if p.severity == "error"] == []
    assert _trees(back.prompt) == _trees(prompt)


@pytest.mark.parametrize("name", [*WORKED_OUT, *NOTHING])
def test_what_comes_back_otherwise_means_the_same(
    name: str, table: Table, registry: Registry, folders: Folders
) -> None:
    graph, back = _there_and_back(_prompt(table.nodes[name], table), table, registry, folders)
    assert [p for p in back.problems if p.severity == "error"] == []
    again = translate(back.prompt, table, registry, folders, everything=True)
    assert _graph_trees(again.graph) == _graph_trees(graph)


def _graph_trees(graph: Graph) -> list[str]:
    plain = {
        id: {
            "class_type": node.type,
            "inputs": {
                **{port: repr(value) for port, value in node.params.items()},
                **{
                    f"{port}.{n}": [link.node, link.port]
                    for port, source in node.links.items()
                    for n, link in enumerate(source if isinstance(source, tuple) else (source,))
                },
            },
        }
        for id, node in graph.nodes.items()
    }
    return _trees(plain)


@pytest.mark.parametrize("name", list(TOLD))
def test_what_has_no_way_back_is_told_and_stays(
    name: str, table: Table, registry: Registry, folders: Folders
) -> None:
    graph, back = _there_and_back(_prompt(table.nodes[name], table), table, registry, folders)
    (problem,) = [p for p in back.problems if p.message.startswith(TOLD[name])]
    assert (problem.code, problem.severity) == ("no-counterpart", "error")
    assert graph.nodes[problem.where].type == TOLD[name]
    assert problem.hint
    (left,) = [node for node in back.prompt.values() if node["class_type"] == TOLD[name]]
    assert set(graph.nodes[problem.where].params) <= set(left["inputs"])


# ── whole prompts ──────────────────────────────────────────────────────────────────────────────


def _txt2img(**more: Any) -> dict[str, Any]:
    """As ComfyUI's default graph is saved, ids, titles and all."""
    sampler = {
        "seed": 18446744073709551615,
        "steps": 20,
        "cfg": 8.0,
        "sampler_name": "dpmpp_2m",
        "scheduler": "karras",
        "denoise": 1.0,
        "model": ["4", 0],
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
    }
    size = {"width": 512, "height": 512, "batch_size": 1}
    prompt = {
        "3": ("KSampler", sampler),
        "4": ("CheckpointLoaderSimple", {"ckpt_name": "tiny"}),
        "5": ("EmptyLatentImage", size),
        "6": ("CLIPTextEncode", {"text": "a (red:1.2) circle", "clip": ["4", 1]}),
        "7": ("CLIPTextEncode", {"text": "text, watermark", "clip": ["4", 1]}),
        "8": ("VAEDecode", {"samples": ["3", 0], "vae": ["4", 2]}),
        "9": ("SaveImage", {"filename_prefix": "ComfyUI", "images": ["8", 0]}),
    }
    table = load_table()
    return {
        id: {"class_type": t, "inputs": inputs, "_meta": {"title": table.nodes[t].title}}
        for id, (t, inputs) in {**prompt, **more}.items()
    }


def _changed(prompt: dict[str, Any], id: str, **inputs: Any) -> dict[str, Any]:
    return {**prompt, id: {**prompt[id], "inputs": {**prompt[id]["inputs"], **inputs}}}


def _whole_prompts() -> dict[str, dict[str, Any]]:
    load = {"10": ("LoadImage", {"image": "picture.png"})}
    encode = {"11": ("VAEEncode", {"pixels": ["10", 0], "vae": ["4", 2]})}
    image = _changed(_txt2img(**load, **encode), "3", latent_image=["11", 0], denoise=0.6)
    grow = {"pixels": ["10", 0], "vae": ["4", 2], "mask": ["10", 1], "grow_mask_by": 6}
    inpaint = _txt2img(**load, **{"11": ("VAEEncodeForInpaint", grow)})
    lora = {
        "model": ["4", 0],
        "clip": ["4", 1],
        "lora_name": "other.safetensors",
        "strength_model": 0.7,
        "strength_clip": 1.0,
    }
    with_lora = _changed(_txt2img(**{"10": ("LoraLoader", lora)}), "3", model=["10", 0])
    with_lora = _changed(with_lora, "6", clip=["10", 1])
    control = {
        "positive": ["6", 0],
        "negative": ["7", 0],
        "control_net": ["12", 0],
        "image": ["10", 0],
        "strength": 0.9,
        "start_percent": 0.0,
        "end_percent": 0.8,
    }
    nets = {"12": ("ControlNetLoader", {"control_net_name": "tiny"})}
    nets["13"] = ("ControlNetApplyAdvanced", control)
    with_net = _changed(_txt2img(**load, **nets), "3", positive=["13", 0], negative=["13", 1])
    bigger = {"upscale_method": "bicubic", "samples": ["3", 0], "scale_by": 1.5}
    second = {**_txt2img()["3"]["inputs"], "latent_image": ["10", 0], "denoise": 0.5, "seed": 1}
    again = {"10": ("LatentUpscaleBy", bigger), "11": ("KSampler", second)}
    upscale = _changed(_txt2img(**again), "8", samples=["11", 0])
    custom = {
        "10": ("RandomNoise", {"noise_seed": 2**63}),
        "11": ("KSamplerSelect", {"sampler_name": "euler_ancestral"}),
        "12": (
            "BasicScheduler",
            {"model": ["4", 0], "scheduler": "normal", "steps": 9, "denoise": 1.0},
        ),
        "14": (
            "CFGGuider",
            {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "cfg": 4.0},
        ),
        "3": (
            "SamplerCustomAdvanced",
            {
                "noise": ["10", 0],
                "guider": ["14", 0],
                "sampler": ["11", 0],
                "sigmas": ["12", 0],
                "latent_image": ["5", 0],
            },
        ),
    }
    return {
        "txt2img": _txt2img(),
        "img2img": image,
        "inpaint": _changed(inpaint, "3", latent_image=["11", 0]),
        "lora": _changed(with_lora, "7", clip=["10", 1]),
        "controlnet": with_net,
        "upscale": upscale,
        "custom": _txt2img(**custom),
    }


@pytest.mark.parametrize("name", list(_whole_prompts()))
def test_whole_prompts_come_back(
    name: str, table: Table, registry: Registry, folders: Folders
) -> None:
    """Ids, titles and values."""
    prompt = _whole_prompts()[name]
    _, back = _there_and_back(prompt, table, registry, folders)
    assert back.problems == []
    assert back.prompt == prompt


def test_titles_and_previews_come_back(table: Table, registry: Registry, folders: Folders) -> None:
    prompt = _txt2img(**{"12": ("PreviewImage", {"images": ["8", 0]})})
    graph, _ = _there_and_back(prompt, table, registry, folders)
    view = {"ksampler_3": {"at": [0, 0], "title": "First pass"}}
    back = export(replace(graph, view=view), table, registry)
    assert back.prompt["12"]["class_type"] == "PreviewImage"
    assert back.prompt["3"]["_meta"]["title"] == "First pass"


# ── graphs of our own ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["text_to_image", "text_to_image_simple"])
def test_shipped_graphs(name: str, table: Table, registry: Registry) -> None:
    """One sampler node or a loop of steps: both are a KSampler there."""
    data = json.loads((ROOT / "graphs" / f"{name}.json").read_text(encoding="utf-8"))
    back = export(graph_from_data(data, registry), table, registry)
    assert {p.code for p in back.problems} == {"differs"}
    types = sorted(node["class_type"] for node in back.prompt.values())
    wanted = ["CLIPTextEncode"] * 2 + ["CheckpointLoaderSimple", "EmptyLatentImage", "KSampler"]
    assert types == sorted([*wanted, "SaveImage", "VAEDecode"])
    again = translate(back.prompt, table, registry)
    assert [p for p in again.problems if p.severity == "error"] == []


def test_all_shipped_graphs_tell_what_cannot_go(table: Table, registry: Registry) -> None:
    for path in sorted((ROOT / "graphs").glob("*.json")):
        graph = graph_from_data(json.loads(path.read_text(encoding="utf-8")), registry)
        back = export(graph, table, registry, partial=True)
        told = {p.where for p in back.problems if p.code == "no-counterpart"}
        covered = {node for nodes in back.mapping.values() for node in nodes}
        left = {n["class_type"] for n in back.prompt.values()} - set(table.nodes)
        assert bool(told) == bool(left), path.name
        assert told <= covered
        if told:
            assert export(graph, table, registry).prompt == {}


def test_brackets_are_letters_in_our_own_texts(table: Table, registry: Registry) -> None:
    data = json.loads((ROOT / "graphs" / "text_to_image_simple.json").read_text(encoding="utf-8"))
    data["nodes"]["positive"]["params"]["text"] = "a (very) red circle"
    back = export(graph_from_data(data, registry), table, registry)
    texts = {n["inputs"].get("text") for n in back.prompt.values()}
    assert "a \\(very\\) red circle" in texts


def test_a_deep_graph_is_no_burden(table: Table, registry: Registry) -> None:
    nodes: dict[str, Any] = {"n0": {"type": "image.solid"}}
    for n in range(1, 3000):
        nodes[f"n{n}"] = {"type": "image_adjust.invert", "links": {"image": f"n{n - 1}.image"}}
    data = {"nodeflow": 1, "nodes": nodes, "outputs": {"image": "n2999.image"}}
    back = export(graph_from_data(data, registry), table, registry, partial=True)
    assert len(back.prompt) == 3001
