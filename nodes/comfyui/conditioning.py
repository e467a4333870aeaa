"""Conditioning: texts, where and when they hold, what pictures say beside them."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build, Wire
from nodeflow.formats.comfyui.spec import ComfyNode, node, simple
from nodes.comfyui.common import canvas_size, minus

_SIDE = "INT=1024[0..16384]"
_PLACE = "INT=0[0..16384]"
_STRENGTH = "strength: FLOAT=1.0[0..10]/0.01"
_AREA = "width: INT=64[64..16384]/8; height: INT=64[64..16384]/8; x: INT=0[0..16384]/8; "
_BOUNDS = "set_cond_area: {default|mask bounds}"


def _average(build: Build) -> Any:
    to, other = build["conditioning_to"], build["conditioning_from"]
    amount = minus(build, build["conditioning_to_strength"])
    return build.add("text.average", a=to, b=other, amount=amount).conditioning


def _pair_combine(build: Build) -> Any:
    """Each text of a pair with the other pair's."""
    positive, negative = (
        build.add("text.combine", side, a=build[f"{side}_A"], b=build[f"{side}_B"]).conditioning
        for side in ("positive", "negative")
    )
    return positive, negative


def _area(build: Build) -> Any:
    """What stands over the picture's edge is cut off, as far as the numbers are known."""
    place: dict[str, Any] = {}
    for start, side, most in zip(("x", "y"), ("width", "height"), canvas_size(build), strict=True):
        at, long = build[start], build[side]
        place["left" if start == "x" else "top"] = at
        place[side] = (
            min(long, most - at) if isinstance(at, int) and isinstance(long, int) else long
        )
        place[f"picture_{side}"] = most
    text, strength = build["conditioning"], build["strength"]
    made = build.add("conditioning.area", conditioning=text, strength=strength, **place)
    return made.conditioning


def _mask(build: Build) -> Any:
    type = "conditioning.mask"
    if build.literal("set_cond_area") == "mask bounds":
        type = "conditioning.mask_bounds"
    ports = {port: build[port] for port in ("conditioning", "mask", "strength")}
    return build.add(type, **ports).conditioning


def _refiner(build: Build) -> Any:
    text = build.add("prompt.encode_comfyui", clip=build["clip"], text=build["text"]).conditioning
    return build.add(
        "conditioning.refiner_size",
        conditioning=text,
        width=build["width"],
        height=build["height"],
        aesthetic_score=build["ascore"],
    ).conditioning


def _sd3(build: Build) -> Any:
    texts = {"clip_l": build["clip_l"], "clip_g": build["clip_g"], "t5": build["t5xxl"]}
    if build.literal("empty_padding") == "none" and "" in texts.values():
        build.warn("an empty text is encoded like any other (empty_prompt)")
    return build.add("prompt.encode_sd3", clip=build["clip"], **texts).conditioning


def _vision(build: Build) -> Any:
    whole = build.literal("crop") == "none"
    vision, image = build["clip_vision"], build["image"]
    type = "clip_vision.encode_whole" if whole else "clip_vision.encode"
    seen = build.add(type, clip_vision=vision, image=image).image_embedding
    return seen.telling(**vision.about) if isinstance(vision, Wire) else seen


def _unclip(build: Build) -> Any:
    seen = build["clip_vision_output"]
    noise = seen.about.get("unclip")
    if noise is None:
        text = "this needs the picture as an unCLIP checkpoint sees it"
        build.refuse("clip_vision_output", text, "load it by unCLIPCheckpointLoader")
    return build.add(
        "unclip.apply",
        conditioning=build["conditioning"],
        noise=noise,
        embedding=seen,
        strength=build["strength"],
        noise_augmentation=build["noise_augmentation"],
    ).conditioning


def _inpaint(build: Build) -> Any:
    ports = {port: build[port] for port in ("positive", "negative", "vae", "mask")}
    made = build.add("inpaint.conditioning", image=build["pixels"], **ports)
    latent = made.latent
    if not build.literal("noise_mask"):
        latent = build.add("vae.encode", vae=build["vae"], image=build["pixels"]).latent
    return made.positive, made.negative, latent


def _edit(build: Build) -> Any:
    ports = {port: build[port] for port in ("positive", "negative", "vae")}
    made = build.add("edit.conditioning", image=build["pixels"], **ports)
    return made.both, made.image_only, made.latent


def _gligen(build: Build) -> Any:
    width, height = canvas_size(build)
    place = {}
    for port, side, most in (
        ("left", "x", width),
        ("top", "y", height),
        ("width", "width", width),
        ("height", "height", height),
    ):
        place[port] = min(1.0, build.literal(side) / most)
    made = build.add(
        "gligen.box",
        conditioning=build["conditioning_to"],
        clip=build["clip"],
        text=build["text"],
        **place,
    )
    about = {"gligen": build["gligen_textbox_model"], "gligen_clip": build["clip"]}
    return made.conditioning.telling(**about)


_TEXT = "text: TEXT; clip: CLIP"
_C = "CONDITIONING"

NODES: list[ComfyNode] = [
    simple(
        "CLIPTextEncode",
        "conditioning",
        _TEXT,
        _C,
        "prompt.encode_comfyui",
        "text clip",
        "conditioning",
        title="CLIP Text Encode (Prompt)",
    ),
    simple(
        "CLIPSetLastLayer",
        "conditioning",
        "clip: CLIP; stop_at_clip_layer: INT=-1[-24..-1]",
        "CLIP",
        "as_comfyui.last_layer",
        "clip layer=stop_at_clip_layer",
        "clip",
        title="CLIP Set Last Layer",
    ),
    node(
        "ConditioningAverage",
        "conditioning",
        "conditioning_to: CONDITIONING; conditioning_from: CONDITIONING; "
        "conditioning_to_strength: FLOAT=1.0[0..1]/0.01",
        _C,
        _average,
    ),
    simple(
        "ConditioningCombine",
        "conditioning",
        "conditioning_1: CONDITIONING; conditioning_2: CONDITIONING",
        _C,
        "text.combine",
        "a=conditioning_1 b=conditioning_2",
        "conditioning",
        title="Conditioning (Combine)",
    ),
    simple(
        "ConditioningConcat",
        "conditioning",
        "conditioning_to: CONDITIONING; conditioning_from: CONDITIONING",
        _C,
        "text.concat",
        "a=conditioning_to b=conditioning_from",
        "conditioning",
        title="Conditioning (Concat)",
    ),
    node(
        "PairConditioningCombine",
        "advanced/hooks/cond pair",
        "positive_A: CONDITIONING; negative_A: CONDITIONING; positive_B: CONDITIONING; "
        "negative_B: CONDITIONING",
        "CONDITIONING positive, CONDITIONING negative",
        _pair_combine,
        experimental=True,
    ),
    node(
        "ConditioningSetArea",
        "conditioning",
        f"conditioning: CONDITIONING; {_AREA}{_STRENGTH}",
        _C,
        _area,
        title="Conditioning (Set Area)",
    ),
    simple(
        "ConditioningSetAreaPercentage",
        "conditioning",
        "conditioning: CONDITIONING; width: FLOAT=1.0[0..1]/0.01; height: FLOAT=1.0[0..1]/0.01; "
        f"x: FLOAT=0.0[0..1]/0.01; y: FLOAT=0.0[0..1]/0.01; {_STRENGTH}",
        _C,
        "conditioning.area_percent",
        "conditioning width height left=x top=y strength",
        "conditioning",
    ),
    simple(
        "ConditioningSetAreaStrength",
        "conditioning",
        f"conditioning: CONDITIONING; {_STRENGTH}",
        _C,
        "conditioning.strength",
        "conditioning strength",
        "conditioning",
    ),
    node(
        "ConditioningSetMask",
        "conditioning",
        f"conditioning: CONDITIONING; mask: MASK; {_STRENGTH}; {_BOUNDS}",
        _C,
        _mask,
        title="Conditioning (Set Mask)",
    ),
    simple(
        "ConditioningZeroOut",
        "advanced/conditioning",
        "conditioning: CONDITIONING",
        _C,
        "text.zero_out",
        "conditioning",
        "conditioning",
    ),
    simple(
        "ConditioningSetTimestepRange",
        "advanced/conditioning",
        "conditioning: CONDITIONING; start: FLOAT=0.0[0..1]/0.001; end: FLOAT=1.0[0..1]/0.001",
        _C,
        "conditioning.timestep_range",
        "conditioning start end",
        "conditioning",
    ),
    simple(
        "CLIPTextEncodeSDXL",
        "advanced/conditioning",
        f"clip: CLIP; width: {_SIDE}; height: {_SIDE}; crop_w: {_PLACE}; crop_h: {_PLACE}; "
        f"target_width: {_SIDE}; target_height: {_SIDE}; text_g: TEXT; text_l: TEXT",
        _C,
        "prompt.encode_sdxl",
        "clip width height crop_left=crop_w crop_top=crop_h target_width target_height "
        "text_g text_l",
        "conditioning",
    ),
    node(
        "CLIPTextEncodeSDXLRefiner",
        "advanced/conditioning",
        f"ascore: FLOAT=6.0[0..1000]/0.01; width: {_SIDE}; height: {_SIDE}; {_TEXT}",
        _C,
        _refiner,
    ),
    node(
        "CLIPTextEncodeSD3",
        "advanced/conditioning",
        "clip: CLIP; clip_l: TEXT; clip_g: TEXT; t5xxl: TEXT; empty_padding: {none|empty_prompt}",
        _C,
        _sd3,
    ),
    simple(
        "CLIPTextEncodeFlux",
        "advanced/conditioning/flux",
        "clip: CLIP; clip_l: TEXT; t5xxl: TEXT; guidance: FLOAT=3.5[0..100]/0.1",
        _C,
        "prompt.encode_flux",
        "clip clip_l t5=t5xxl guidance",
        "conditioning",
    ),
    simple(
        "FluxGuidance",
        "advanced/conditioning/flux",
        "conditioning: CONDITIONING; guidance: FLOAT=3.5[0..100]/0.1",
        _C,
        "distilled.guidance",
        "conditioning guidance",
        "conditioning",
    ),
    node(
        "CLIPVisionEncode",
        "conditioning",
        "clip_vision: CLIP_VISION; image: IMAGE; crop: {center|none}",
        "CLIP_VISION_OUTPUT",
        _vision,
    ),
    node(
        "unCLIPConditioning",
        "conditioning",
        "conditioning: CONDITIONING; clip_vision_output: CLIP_VISION_OUTPUT; "
        "strength: FLOAT=1.0[-10..10]/0.01; noise_augmentation: FLOAT=0.0[0..1]/0.01",
        _C,
        _unclip,
    ),
    node(
        "InpaintModelConditioning",
        "conditioning/inpaint",
        "positive: CONDITIONING; negative: CONDITIONING; vae: VAE; pixels: IMAGE; mask: MASK; "
        "noise_mask: BOOLEAN=True",
        "CONDITIONING positive, CONDITIONING negative, LATENT latent",
        _inpaint,
    ),
    node(
        "InstructPixToPixConditioning",
        "conditioning/instructpix2pix",
        "positive: CONDITIONING; negative: CONDITIONING; vae: VAE; pixels: IMAGE",
        "CONDITIONING positive, CONDITIONING negative, LATENT latent",
        _edit,
    ),
    node(
        "GLIGENTextBoxApply",
        "conditioning/gligen",
        "conditioning_to: CONDITIONING; clip: CLIP; gligen_textbox_model: GLIGEN; text: TEXT; "
        "width: INT=64[8..16384]/8; height: INT=64[8..16384]/8; "
        "x: INT=0[0..16384]/8; y: INT=0[0..16384]/8",
        _C,
        _gligen,
    ),
]
