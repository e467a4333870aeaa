"""Loaders: files of models by their names."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build
from nodeflow.formats.comfyui.spec import ComfyNode, node, simple

_CHECKPOINT = "ckpt_name: {@checkpoints}"
_PARTS = "MODEL, CLIP, VAE"
_FAMILIES = {
    "stable_diffusion": "auto",
    "sd3": "sd3",
    "pixart": "pixart",
    "sdxl": "sdxl",
    "flux": "flux",
}
_CLIP_TYPES = (
    "{stable_diffusion|stable_cascade|sd3|stable_audio|mochi|ltxv|pixart|cosmos|lumina2|wan|hidream"
    "|chroma|ace|omnigen2|qwen_image|hunyuan_image}"
)
_DUAL_TYPES = "{sdxl|sd3|flux|hunyuan_video|hidream|hunyuan_image}"
_STRENGTH = "FLOAT=1.0[-100..100]/0.01"


def _old_checkpoint(build: Build) -> Any:
    build.warn("config_name is not used: what model a file is shows in its weights")
    made = build.add("load.checkpoint", name=build["ckpt_name"])
    return made.model, made.clip, made.vae


def _unclip(build: Build) -> Any:
    made = build.add("load.checkpoint", name=build["ckpt_name"])
    seen = build.add("unclip.load", name=build["ckpt_name"])
    vision = seen.clip_vision.telling(unclip=seen.noise)
    return made.model, made.clip, made.vae, vision


def _unet(build: Build) -> Any:
    if build["weight_dtype"] != "default":
        build.warn(f"weight_dtype {build['weight_dtype']} is not used: files keep what they hold")
    return build.add("load_parts.unet", name=build["unet_name"]).model


def _family(build: Build) -> str:
    kind = build.literal("type")
    if kind not in _FAMILIES:
        known = ", ".join(_FAMILIES)
        build.refuse("type", f"text encoders for {kind} are not read here", f"known are {known}")
    return _FAMILIES[kind]


def _clip(build: Build) -> Any:
    return build.add("load_parts.clip", name=build["clip_name"], family=_family(build)).clip


def _clips(build: Build) -> Any:
    names = {"name": build["clip_name1"], "second": build["clip_name2"]}
    return build.add("load_parts.clip", family=_family(build), **names).clip


def _three_clips(build: Build) -> Any:
    names = [build[f"clip_name{number}"] for number in (1, 2, 3)]
    ports = dict(zip(("name", "second", "third"), names, strict=True))
    return build.add("load_parts.clip", family="sd3", **ports).clip


def _lora(build: Build) -> Any:
    lora = build.add("lora.load", name=build["lora_name"]).lora
    made = build.add(
        "lora.apply",
        model=build["model"],
        clip=build["clip"],
        lora=lora,
        strength_model=build["strength_model"],
        strength_clip=build["strength_clip"],
    )
    return made.model, made.clip


def _lora_model(build: Build) -> Any:
    lora = build.add("lora.load", name=build["lora_name"]).lora
    model, strength = build["model"], build["strength_model"]
    return build.add("lora.apply_model_only", model=model, lora=lora, strength=strength).model


def _hypernetwork(build: Build) -> Any:
    found = build.add("hypernetwork.load", name=build["hypernetwork_name"]).hypernetwork
    model, strength = build["model"], build["strength"]
    return build.add("hypernetwork.apply", model=model, hypernetwork=found, strength=strength).model


def _one(name: str, category: str, port: str, kind: str, gives: str, type: str, out: str) -> Any:
    line = f"{port}: {{@{kind}}}"
    return simple(name, category, line, gives, type, f"name={port}", out)


NODES: list[ComfyNode] = [
    simple(
        "CheckpointLoaderSimple",
        "loaders",
        _CHECKPOINT,
        _PARTS,
        "load.checkpoint",
        "name=ckpt_name",
        "model clip vae",
        title="Load Checkpoint",
    ),
    node(
        "CheckpointLoader",
        "advanced/loaders",
        f"config_name: STRING; {_CHECKPOINT}",
        _PARTS,
        _old_checkpoint,
        deprecated=True,
    ),
    simple(
        "DiffusersLoader",
        "advanced/loaders/deprecated",
        "model_path: {@checkpoints}",
        _PARTS,
        "load.checkpoint",
        "name=model_path",
        "model clip vae",
        deprecated=True,
    ),
    node("unCLIPCheckpointLoader", "loaders", _CHECKPOINT, f"{_PARTS}, CLIP_VISION", _unclip),
    _one("VAELoader", "loaders", "vae_name", "vae", "VAE", "load_parts.vae", "vae"),
    node(
        "UNETLoader",
        "advanced/loaders",
        "unet_name: {@diffusion_models}; "
        "weight_dtype: {default|fp8_e4m3fn|fp8_e4m3fn_fast|fp8_e5m2}",
        "MODEL",
        _unet,
        title="Load Diffusion Model",
    ),
    node(
        "CLIPLoader",
        "advanced/loaders",
        f"clip_name: {{@text_encoders}}; type: {_CLIP_TYPES} ? device: {{default|cpu}}",
        "CLIP",
        _clip,
        title="Load CLIP",
    ),
    node(
        "DualCLIPLoader",
        "advanced/loaders",
        "clip_name1: {@text_encoders}; clip_name2: {@text_encoders}; "
        f"type: {_DUAL_TYPES} ? device: {{default|cpu}}",
        "CLIP",
        _clips,
    ),
    node(
        "TripleCLIPLoader",
        "advanced/loaders",
        "clip_name1: {@text_encoders}; clip_name2: {@text_encoders}; clip_name3: {@text_encoders}",
        "CLIP",
        _three_clips,
    ),
    node(
        "LoraLoader",
        "loaders",
        "model: MODEL; clip: CLIP; lora_name: {@loras}; "
        f"strength_model: {_STRENGTH}; strength_clip: {_STRENGTH}",
        "MODEL, CLIP",
        _lora,
        title="Load LoRA",
    ),
    node(
        "LoraLoaderModelOnly",
        "loaders",
        f"model: MODEL; lora_name: {{@loras}}; strength_model: {_STRENGTH}",
        "MODEL",
        _lora_model,
    ),
    node(
        "HypernetworkLoader",
        "loaders",
        "model: MODEL; hypernetwork_name: {@hypernetworks}; strength: FLOAT=1.0[-10..10]/0.01",
        "MODEL",
        _hypernetwork,
    ),
    _one(
        "ControlNetLoader",
        "loaders",
        "control_net_name",
        "controlnet",
        "CONTROL_NET",
        "control.load",
        "controlnet",
    ),
    _one(
        "CLIPVisionLoader",
        "loaders",
        "clip_name",
        "clip_vision",
        "CLIP_VISION",
        "clip_vision.load",
        "clip_vision",
    ),
    _one("GLIGENLoader", "loaders", "gligen_name", "gligen", "GLIGEN", "gligen.load", "gligen"),
    _one(
        "UpscaleModelLoader",
        "loaders",
        "model_name",
        "upscale_models",
        "UPSCALE_MODEL",
        "upscale.load",
        "upscaler",
    ),
]
