"""Files that are damaged, mislabelled or of another kind, in graphs: each is told once, with its
name, what was expected and what was found, whatever else is wrong.

Every node that loads weights is in LOADERS; each has a good file of a few channels, and a bad one
for every fault.
"""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from nodeflow.cli import app
from nodeflow.errors import Problem
from nodeflow.executor import run
from nodeflow.formats.graph_json import graph_from_data
from nodeflow.graph import Graph
from nodeflow.registry import default_registry
from nodeflow.result import RunResult
from nodeflow.validate import validate

Weights = dict[str, Tensor]

LOADERS = {
    "load.checkpoint": ("checkpoints", "a whole checkpoint"),
    "load_parts.unet": ("diffusion_models", "a denoiser"),
    "load_parts.vae": ("vae", "an autoencoder"),
    "load_parts.clip": ("text_encoders", "a text encoder"),
    "lora.load": ("loras", "a LoRA"),
    "control.load": ("controlnet", "a ControlNet or T2I-Adapter"),
    "upscale.load": ("upscale_models", "an upscaler"),
    "clip_vision.load": ("clip_vision", "a CLIP vision model"),
    "ip_adapter.load": ("ipadapter", "an IP-Adapter"),
    "hypernetwork.load": ("hypernetworks", "a hypernetwork"),
    "gligen.load": ("gligen", "GLIGEN's layers"),
    "unclip.load": ("unclip", "a whole checkpoint"),
}
"""By node type: the folder of its good and bad files, and what it expects of one."""
READS_PICTURES = ("load_preprocess.segmentation", "load_preprocess.depth")
OTHER_LOADERS = {"load_preprocess.pose", "load_preprocess.detection"}  # as the two above
NO_WEIGHTS = {"load.image", "load.mask"}


def as_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps([1, 2, 3]))
    return packed.getvalue()


BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda whole: b"", "is empty (0 bytes)"),
    "cut": (lambda whole: whole[:-100], "is cut short: it has "),
    "stub": (lambda whole: whole[:60], "is no safetensors file, or it is cut short"),
    "page": (lambda whole: b"<!DOCTYPE html><html>please log in</html>", "it is a web page"),
    "pickle": (lambda whole: pickle.dumps({"a": [1] * 50}), "holds its weights as a pickle"),
    "zip": (lambda whole: as_zip(), "holds its weights as a pickle"),
    "jpeg": (lambda whole: b"\xff\xd8\xff\xe0" + bytes(60), "it is a JPEG picture"),
    "pointer": (lambda whole: b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
}
"""By fault: what becomes of a whole file, and what is said of it."""


def networks() -> dict[str, Any]:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.controlnets.controlnet import ControlNetModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
    )

    from nodes.diffusion import upscalers

    upscalers.library()
    from spandrel.architectures.Compact import Compact

    shape: dict[str, Any] = {
        "block_out_channels": (32, 64),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "layers_per_block": 2,
        "cross_attention_dim": 32,
        "attention_head_dim": 8,
    }
    ups = ("UpBlock2D", "CrossAttnUpBlock2D")
    hints: dict[str, Any] = {"conditioning_embedding_out_channels": (4, 4, 8, 8)}
    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return {
            "unet": UNet2DConditionModel(up_block_types=ups, **shape),
            "gated": UNet2DConditionModel(up_block_types=ups, attention_type="gated", **shape),
            "vae": AutoencoderKL(
                block_out_channels=(32, 64),
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
            ),
            "text": CLIPTextModel(CLIPTextConfig(num_attention_heads=1, **small)),
            "control": ControlNetModel(**hints, **shape),
            "wide_control": ControlNetModel(**hints, **{**shape, "cross_attention_dim": 2048}),
            "vision": CLIPVisionModelWithProjection(
                CLIPVisionConfig(
                    num_attention_heads=1,
                    image_size=28,
                    patch_size=14,
                    projection_dim=12,
                    **{**small, "hidden_size": 64},
                )
            ),
            "upscaler": Compact(num_feat=8, num_conv=2, upscale=2),
        }


def lora_of(paths: list[str], unet: Any, prefix: str = "lora_unet_") -> Weights:
    found = {}
    for path in paths:
        wide, reads = unet.get_submodule(path).weight.shape
        name = prefix + path.replace(".", "_")
        found[f"{name}.lora_down.weight"] = torch.ones(2, reads)
        found[f"{name}.lora_up.weight"] = torch.ones(wide, 2)
        found[f"{name}.alpha"] = torch.tensor(1.0)
    return found


def ip_adapter_of(paths: list[str], unet: Any) -> Weights:
    found = {"image_proj.proj.weight": torch.ones(4 * 32, 12)}
    found |= {"image_proj.proj.bias": torch.ones(4 * 32)}
    found |= {"image_proj.norm.weight": torch.ones(32), "image_proj.norm.bias": torch.zeros(32)}
    for number, path in enumerate(paths):
        wide = unet.get_submodule(path).out_features
        for letter in "kv":
            found[f"ip_adapter.{2 * number + 1}.to_{letter}_ip.weight"] = torch.ones(wide, 32)
    return found


def good_weights() -> dict[str, Weights]:
    """By kind: what a file holds that its node loads."""
    made = networks()
    states = {
        name: {n: w.contiguous() for n, w in net.state_dict().items()} for name, net in made.items()
    }
    unet = made["unet"]
    attends = [n.removesuffix(".weight") for n in states["unet"] if n.endswith("attn2.to_k.weight")]
    words = {f"text_model.{n.removeprefix('text_model.')}": w for n, w in states["text"].items()}
    whole = {
        **{f"model.diffusion_model.{n}": w for n, w in states["unet"].items()},
        **{f"first_stage_model.{n}": w for n, w in states["vae"].items()},
        **{f"cond_stage_model.transformer.{n}": w for n, w in words.items()},
    }
    gated = {n: w for n, w in states["gated"].items() if "position_net." in n or ".fuser." in n}
    eyes = {f"embedder.model.visual.{n}": w for n, w in states["vision"].items()}
    spread = {
        "noise_augmentor.data_mean": torch.zeros(12),
        "noise_augmentor.data_std": torch.ones(12),
    }
    return {
        "checkpoints": whole,
        "diffusion_models": states["unet"],
        "vae": states["vae"],
        "text_encoders": words,
        "loras": lora_of(attends, unet),
        "controlnet": states["control"],
        "embeddings": {"emb_params": torch.ones(2, 32)},
        "upscale_models": states["upscaler"],
        "clip_vision": states["vision"],
        "ipadapter": ip_adapter_of(attends, unet),
        "hypernetworks": {
            f"32.{which}.linear.0.{name}": torch.ones(*shape)
            for which in (0, 1)
            for name, shape in (("weight", (32, 32)), ("bias", (32,)))
        },
        "gligen": gated,
        "unclip": {**whole, **spread, **eyes},
        "wide_control": states["wide_control"],
    }


def twice_as_wide(weights: Weights) -> Weights:
    """The same with the last matrix (or kernel) reading twice as many channels."""
    name = [n for n, w in weights.items() if w.ndim >= 2][-1]
    return {**weights, name: torch.cat([weights[name]] * 2, dim=1)}


def nan(weights: Weights) -> Weights:
    return {
        n: torch.full_like(w, float("nan")) if w.is_floating_point() else w
        for n, w in weights.items()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: for each kind `good.safetensors` and one file for every fault."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation
    from transformers.utils import logging

    root = tmp_path_factory.mktemp("models")
    for kind, weights in good_weights().items():
        folder = root / kind
        folder.mkdir()
        save_file(weights, folder / "good.safetensors")
        save_file(twice_as_wide(weights), folder / "shape.safetensors")
        save_file(nan(weights), folder / "nan.safetensors")
        whole = (folder / "good.safetensors").read_bytes()
        for fault, (spoil, _) in BYTES.items():
            (folder / f"{fault}.safetensors").write_bytes(spoil(whole))
    config = SegformerConfig(
        hidden_sizes=[4, 4, 8, 8],
        depths=[1] * 4,
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=8,
    )
    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        SegformerForSemanticSegmentation(config).save_pretrained(root / "preprocessors" / "good")
    logging.enable_progress_bar()
    good = root / "preprocessors" / "good"
    processor = {"image_processor_type": "SegformerImageProcessor"}
    (good / "preprocessor_config.json").write_text(json.dumps(processor), "utf-8")
    whole = (good / "model.safetensors").read_bytes()
    for fault in (*BYTES, "shape", "nan"):
        folder = good.with_name(fault)
        folder.mkdir()
        for name in ("config.json", "preprocessor_config.json"):
            (folder / name).write_bytes((good / name).read_bytes())
        if fault in BYTES:
            (folder / "model.safetensors").write_bytes(BYTES[fault][0](whole))
        else:
            weights = load_file(good / "model.safetensors")
            changed = (nan if fault == "nan" else twice_as_wide)(weights)
            save_file(changed, folder / "model.safetensors", {"format": "pt"})
    return root


@pytest.fixture(autouse=True)
def searched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEFLOW_MODELS", str(root))


def graph(nodes: Mapping[str, Mapping[str, Any]], **rest: Any) -> Graph:
    return graph_from_data({"nodeflow": 1, "nodes": nodes, **rest})


def id_of(type_id: str) -> str:
    return type_id.replace(".", "-")


def loading(files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """A node for each type, which loads the file."""
    return {id_of(t): {"type": t, "params": {"name": str(f)}} for t, f in files.items()}


def by_wire(files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """The same with names that arrive by wire, which nobody can check before the run."""
    found: dict[str, dict[str, Any]] = {}
    for type_id, file in files.items():
        word = f"name-{id_of(type_id)}"
        found[word] = {"type": "value.text", "params": {"value": str(file)}}
        found[id_of(type_id)] = {"type": type_id, "links": {"name": f"{word}.value"}}
    return found


def every_file(root: Path, fault: str) -> dict[str, Path]:
    files = {t: root / kind / f"{fault}.safetensors" for t, (kind, _) in LOADERS.items()}
    return {**files, "load_preprocess.segmentation": root / "preprocessors" / fault}


def expected_of(type_id: str) -> str:
    known = LOADERS.get(type_id)
    return known[1] if known else "a network that reads pictures"


def told(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, Problem]:
    """What is wrong by node; there is no second problem of any."""
    problems = validate(graph(nodes))
    found = {problem.where.partition(".")[0]: problem for problem in problems}
    assert len(found) == len(problems)
    return found


def failed(nodes: Mapping[str, Mapping[str, Any]]) -> tuple[RunResult, dict[str, str]]:
    """A run that keeps going, and the message of every node that failed."""
    result = run(graph(nodes), keep_going=True)
    return result, {error.path: error.message for error in result.errors}


def test_every_node_that_loads_weights_is_tested_here() -> None:
    loaders = {
        definition.id
        for definition in default_registry()
        if definition.id.endswith(".load") or definition.id.startswith(("load.", "load_p"))
    }
    assert loaders == {*LOADERS, *READS_PICTURES, *OTHER_LOADERS, *NO_WEIGHTS}


def test_good_files_have_no_problem_and_load(root: Path) -> None:
    files = every_file(root, "good")
    assert told(loading(files)) == {}
    result, errors = failed(by_wire(files))
    assert errors == {}
    assert result.status == "done"


@pytest.mark.parametrize("fault", BYTES)
def test_validation_tells_of_every_bad_file_at_once(root: Path, fault: str) -> None:
    files = every_file(root, fault)
    encode = {
        "type": "prompt.encode_comfyui",
        "params": {"text": f"a cat by embedding:{root / 'embeddings' / fault}.safetensors"},
        "links": {"clip": "load_parts-clip.clip"},
    }
    other = {"type": "load_parts.vae", "params": {"name": str(root / "vae" / "good")}}
    found = told({**loading(files), "words": encode, "fine": other})
    assert found.keys() == {*map(id_of, files), "words"}
    for type_id, file in files.items():
        message = found[id_of(type_id)].message
        assert str(file) in message
        assert BYTES[fault][1] in message
        assert f"expected {expected_of(type_id)}" in message
        assert "Traceback" not in message
    assert f"{fault}.safetensors" in str(found["words"])
    assert BYTES[fault][1] in str(found["words"])
    assert "expected a textual inversion" in str(found["words"])


FOUND = {
    "checkpoints": "the denoiser of Stable Diffusion 1 and an autoencoder and a text encoder",
    "diffusion_models": "the denoiser of Stable Diffusion 1",
    "vae": "an autoencoder",
    "text_encoders": "a text encoder (clip_l)",
    "loras": "a LoRA",
    "controlnet": "a ControlNet or T2I-Adapter",
    "embeddings": "a textual inversion embedding",
    "upscale_models": "11 tensors of no kind that is known",
    "clip_vision": "a CLIP vision model",
    "ipadapter": "an IP-Adapter",
    "hypernetworks": "a hypernetwork",
    "gligen": "GLIGEN's layers",
    "unclip": "the denoiser of Stable Diffusion 1 and an autoencoder and a text encoder",
}
ALSO = {  # what else a file is good for
    "checkpoints": {"load.checkpoint", "load_parts.unet", "load_parts.vae", "load_parts.clip"},
    "unclip": {
        *("load.checkpoint", "load_parts.unet", "load_parts.vae", "load_parts.clip"),
        "clip_vision.load",
    },
}


@pytest.mark.parametrize("kind", FOUND)
def test_validation_tells_what_a_file_of_another_kind_is(root: Path, kind: str) -> None:
    file = root / kind / "good.safetensors"
    found = told(loading(dict.fromkeys(LOADERS, file)))
    takes = {t for t, (own, _) in LOADERS.items() if own == kind} | ALSO.get(kind, set())
    assert found.keys() == {id_of(t) for t in LOADERS if t not in takes}
    for problem in found.values():
        assert f"{file}: expected " in problem.message
        # What lacks a part of a checkpoint is told by the part that it has.
        lacks = "found its denoiser without clip_l and autoencoder"
        assert f"found {FOUND[kind]}" in problem.message or lacks in problem.message


def test_validation_tells_an_embedding_that_is_none(root: Path) -> None:
    text = f"embedding:{root / 'loras' / 'good.safetensors'}"
    for type_id, port in (
        ("prompt.encode_comfyui", "text"),
        ("prompt.encode_a1111", "text"),
        ("prompt.parts", "text"),
        ("prompt.encode_sdxl", "text_l"),
        ("prompt.encode_sd3", "clip_g"),
        ("prompt.encode_flux", "t5"),
    ):
        clip = {"type": "load.checkpoint", "params": {"name": "tiny"}}
        node = {"type": type_id, "params": {port: text}, "links": {"clip": "clip.clip"}}
        problem = told({"clip": clip, "words": node})["words"]
        assert problem.where == f"words.{port}"
        assert "good.safetensors: expected a textual inversion embedding, found a LoRA" in str(
            problem
        )


def test_validation_tells_a_network_of_another_task(root: Path) -> None:
    folder = root / "preprocessors" / "good"
    (problem,) = told(loading({"load_preprocess.depth": folder})).values()
    expected = "expected a network ForDepthEstimation, found SegformerForSemanticSegmentation"
    assert problem.message == f"{folder}: {expected}"


def test_validation_imports_no_torch_and_reads_no_weights(root: Path, tmp_path: Path) -> None:
    """Weights that no reader gets past: the files end in holes of a terabyte."""
    files = {}
    for fault in ("good", "cut", "page"):
        for type_id, file in every_file(root, fault).items():
            files[f"{id_of(type_id)}-{fault}"] = {"type": type_id, "params": {"name": str(file)}}
    huge = tmp_path / "huge.safetensors"
    terabyte = 1 << 40
    entry = {"dtype": "F32", "shape": [terabyte // 4], "data_offsets": [0, terabyte]}
    head = json.dumps({"x.lora_up.weight": entry}).encode()
    huge.write_bytes(len(head).to_bytes(8, "little") + head)
    with huge.open("r+b") as stream:
        stream.truncate(8 + len(head) + terabyte)
    files["huge"] = {"type": "lora.load", "params": {"name": str(huge)}}
    file = tmp_path / "graph.json"
    file.write_text(json.dumps({"nodeflow": 1, "nodes": files}), "utf-8")
    code = (
        "import sys; from pathlib import Path; from nodeflow.formats.graph_json import read_graph; "
        "from nodeflow.validate import validate; "
        "found = validate(read_graph(Path(sys.argv[1]))); "
        "heavy = {'torch', 'diffusers', 'transformers', 'safetensors'} & set(sys.modules); "
        "print(len(found), sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=1) == [str(2 * (len(LOADERS) + 1)), "[]\n"]


@pytest.mark.parametrize("fault", ["empty", "page", "cut", "nan", "shape"])
def test_a_run_tells_of_every_bad_file_and_goes_on(root: Path, fault: str) -> None:
    files = every_file(root, fault)
    fine = {"type": "load_parts.vae", "params": {"name": str(root / "vae" / "good")}}
    facts = {"type": "lora.info", "links": {"lora": "lora-load.lora"}}
    result, errors = failed({**by_wire(files), "fine": fine, "facts": facts})
    assert errors.keys() == set(map(id_of, files))
    assert result.status == "failed"
    assert result.nodes["fine"].state == "ran"
    assert result.nodes["facts"].state == "skipped"
    for type_id, file in files.items():
        message = errors[id_of(type_id)]
        assert str(file) in message
        assert "expected" in message
        assert "Traceback" not in message
        assert "\n" not in message
        if fault in BYTES:
            assert BYTES[fault][1] in message
        elif fault == "nan":
            assert "NaN" in message


SHAPES = {
    "load.checkpoint": "encoder.layers.0.mlp.fc2.weight [32, 64] and not [32, 32]",
    "load_parts.unet": "conv_out.weight [4, 64, 3, 3] and not [4, 32, 3, 3]",
    "lora.load": "expected factors of one rank, found [64, 4] and [2, 32]",
    "ip_adapter.load": ".to_v_ip.weight of shape [64, 64]",
    "hypernetwork.load": "the network for 32 takes 64, gives 32",
    "gligen.load": "found linears.4.weight [32, 1024] and not [32, 512]",
}


@pytest.mark.parametrize("type_id", SHAPES)
def test_a_run_tells_which_shape_is_wrong(root: Path, type_id: str) -> None:
    files = every_file(root, "shape")
    _, errors = failed(by_wire({type_id: files[type_id]}))
    assert SHAPES[type_id] in errors[id_of(type_id)]


def test_the_command_line_goes_on_and_tells_all(root: Path, tmp_path: Path) -> None:
    nodes = {
        **loading({"lora.load": root / "loras" / "nan.safetensors"}),
        **loading({"control.load": root / "controlnet" / "shape.safetensors"}),
        "grey": {"type": "image.solid", "params": {"width": 16, "height": 16}},
        "facts": {"type": "lora.info", "links": {"lora": "lora-load.lora"}},
        "net": {
            "type": "control.set_union_mode",
            "links": {"controlnet": "control-load.controlnet"},
        },
    }
    outputs = {"image": "grey.image", "words": "facts.text", "net": "net.controlnet"}
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"nodeflow": 1, "nodes": nodes, "outputs": outputs}), "utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["run", str(file), "--keep-going", "--out", str(out)])
    assert done.exit_code == 3  # a node failed
    said = " ".join(done.output.split())
    # Each once while the graph runs, and once among the problems at the end.
    errors = said.split("error node-failed ")[1:]
    assert [error.split(":")[0] for error in errors] == ["lora-load", "control-load"]
    assert "loras/nan.safetensors: " in errors[0]
    assert "controlnet/shape.safetensors: " in errors[1]
    assert "NaN" in said
    assert "have another shape" in said
    assert "Traceback" not in said
    assert [path.suffix for path in out.iterdir()] == [".png"]


def drawing(root: Path, **changed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A picture's latent in one step; nodes may be added or replaced."""
    checkpoint = {"name": str(root / "checkpoints" / "good.safetensors")}
    prompt = {"type": "text.encode", "links": {"clip": "checkpoint.clip"}}
    nodes: dict[str, Any] = {
        "checkpoint": {"type": "load.checkpoint", "params": checkpoint},
        "positive": prompt,
        "negative": prompt,
        "betas": {"type": "schedule.of_model", "links": {"model": "checkpoint.model"}},
        "sigmas": {
            "type": "sigmas.normal",
            "params": {"steps": 1},
            "links": {"betas": "betas.betas"},
        },
        "empty": {"type": "latent.empty", "params": {"width": 64, "height": 64}},
        "draw": {
            "type": "sampler.sample",
            "links": {
                "model": "checkpoint.model",
                "positive": "positive.conditioning",
                "negative": "negative.conditioning",
                "latent": "empty.latent",
                "sigmas": "sigmas.sigmas",
            },
        },
    }
    return {**nodes, **{name: dict(node) for name, node in changed.items()}}


def lora_for_another(weights: Mapping[str, Tensor], path: Path) -> dict[str, dict[str, Any]]:
    save_file(dict(weights), path)
    return {
        "adapter": {"type": "lora.load", "params": {"name": str(path)}},
        "apply": {
            "type": "lora.apply",
            "links": {
                "model": "checkpoint.model",
                "clip": "checkpoint.clip",
                "lora": "adapter.lora",
            },
        },
    }


def test_a_lora_of_another_family_is_told_with_both(root: Path, tmp_path: Path) -> None:
    places = ("attn.to_q", "attn.to_k")
    flux = {
        f"transformer.single_transformer_blocks.{k}.{place}.lora_{which}.weight": torch.ones(*shape)
        for k in (0, 1)
        for place in places
        for which, shape in (("A", (2, 3072)), ("B", (3072, 2)))
    }
    _, errors = failed(drawing(root, **lora_for_another(flux, tmp_path / "flux.safetensors")))
    assert errors.keys() == {"apply"}
    assert (
        f"{tmp_path / 'flux.safetensors'} is for another model: 4 of its 4 layers"
        in (errors["apply"])
    )
    assert "a sd1 (UNet2DConditionModel)" in errors["apply"]
    assert "It looks like a LoRA for Flux" in errors["apply"]


def test_a_lora_of_another_width_is_told_with_both(root: Path, tmp_path: Path) -> None:
    good = load_file(root / "loras" / "good.safetensors")
    wide = {n: torch.ones(2, 768) if ".lora_down." in n else w for n, w in good.items()}
    _, errors = failed(drawing(root, **lora_for_another(wide, tmp_path / "wide.safetensors")))
    assert errors.keys() == {"apply"}
    assert f"{tmp_path / 'wide.safetensors'} is for another model" in errors["apply"]
    assert "768]" in errors["apply"]
    assert "32]" in errors["apply"]


def test_a_controlnet_of_another_family_is_told_with_both(root: Path) -> None:
    nodes = drawing(
        root,
        net={
            "type": "control.load",
            "params": {"name": str(root / "wide_control" / "good.safetensors")},
        },
        hint={"type": "image.solid", "params": {"width": 64, "height": 64}},
        steered={
            "type": "control.apply",
            "links": {
                "conditioning": "positive.conditioning",
                "controlnet": "net.controlnet",
                "image": "hint.image",
            },
        },
    )
    nodes["draw"]["links"]["positive"] = "steered.conditioning"
    _, errors = failed(nodes)
    assert errors.keys() == {"draw"}
    assert "ControlNet is for models of family sdxl (text width 2048)" in errors["draw"]
    assert "this model is of family sd1 (32)" in errors["draw"]


def test_an_embedding_of_another_width_is_told_with_both(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "wide.safetensors"
    save_file({"emb_params": torch.ones(2, 768)}, file)
    words = {
        "type": "prompt.encode_comfyui",
        "params": {"text": f"embedding:{file}"},
        "links": {"clip": "checkpoint.clip"},
    }
    result, errors = failed(drawing(root, words=words))
    assert errors.keys() == {"words"}
    assert (
        f"{file} is a textual inversion of width 768; this text encoder takes 32"
        in (errors["words"])
    )
    assert result.nodes["draw"].state == "ran"


def test_an_embedding_of_nan_is_told(root: Path) -> None:
    words = {
        "type": "prompt.encode_comfyui",
        "params": {"text": f"embedding:{root / 'embeddings' / 'nan.safetensors'}"},
        "links": {"clip": "checkpoint.clip"},
    }
    _, errors = failed(drawing(root, words=words))
    assert "nan.safetensors: expected a textual inversion embedding, found NaN" in errors["words"]


def test_a_folder_of_nan_is_told(checkpoint: str, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(checkpoint, folder)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file(nan(load_file(file)), file, {"format": "pt"})
    _, errors = failed(by_wire({"load.checkpoint": folder}))
    expected = f"{file}: expected a UNet2DConditionModel, found NaN or infinity in "
    assert expected in errors["load-checkpoint"]
