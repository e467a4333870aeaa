"""Latents: made, encoded, decoded, changed."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build, Later, Wire
from nodeflow.formats.comfyui.spec import ComfyNode, node, simple
from nodes.comfyui.common import LATENT_FILTERS, filter_name, whole_eighths

_TURNS = {"none": 0, "90 degrees": 1, "180 degrees": 2, "270 degrees": 3}
_TILES = (
    "tile_size: INT=512[64..4096]/64; overlap: INT=64[0..4096]/32 "
    "? temporal_size: INT=64[8..4096]/4; temporal_overlap: INT=8[4..4096]/4"
)
_BATCH = "batch_size: INT=1[1..4096]"


def _empty(build: Build) -> Any:
    """An empty latent, with as many channels as the model has whose sampler takes it."""
    sides = {side: whole_eighths(build, side, 16) for side in ("width", "height")}
    batch = build["batch_size"]

    def made(model: Wire | None = None) -> Wire:
        if model is None:
            return build.add("latent.empty", batch=batch, **sides).latent
        return build.add("latent.empty_for_model", model=model, batch=batch, **sides).latent

    if build.node.type == "EmptyLatentImage":
        return Later(made, likes=["model"])
    return Later(made, needs=["model"])


def _upscale(build: Build) -> Any:
    width, height = whole_eighths(build, "width"), whole_eighths(build, "height")
    if 0 in (width, height):
        text = "a side of 0 asks for the latent's own proportions, which nobody knows yet"
        build.refuse("width", text, "give both sides, or use LatentUpscaleBy")
    if build.literal("crop") == "center":
        build.refuse("crop", "latents are not cut while they are scaled", "use LatentCrop first")
    name = filter_name(build, "upscale_method")
    ports = {"width": width, "height": height, "filter": name}
    return build.add("latent_edit.upscale", latent=build["samples"], **ports).latent


def _upscale_by(build: Build) -> Any:
    name, factor = filter_name(build, "upscale_method"), build["scale_by"]
    ports = {"latent": build["samples"], "factor": factor, "filter": name}
    return build.add("latent_edit.upscale_by", **ports).latent


def _composite(build: Build) -> Any:
    return build.add(
        "latent_edit.composite",
        destination=build["samples_to"],
        source=build["samples_from"],
        left=whole_eighths(build, "x"),
        top=whole_eighths(build, "y"),
        feather=whole_eighths(build, "feather"),
    ).latent


def _composite_masked(build: Build) -> Any:
    if build["mask"] is not None:
        text = "latents are laid over each other without a mask here"
        build.refuse("mask", text, "leave the mask out, or composite the pictures")
    if build.literal("resize_source"):
        build.refuse("resize_source", "the source is not resized", "use LatentUpscale")
    return build.add(
        "latent_edit.composite",
        destination=build["destination"],
        source=build["source"],
        left=whole_eighths(build, "x"),
        top=whole_eighths(build, "y"),
    ).latent


def _crop(build: Build) -> Any:
    ports = {"left": "x", "top": "y", "width": "width", "height": "height"}
    sides = {ours: whole_eighths(build, theirs) for ours, theirs in ports.items()}
    return build.add("latent_edit.crop", latent=build["samples"], **sides).latent


def _rotate(build: Build) -> Any:
    turns = _TURNS[build.literal("rotation")]
    return build.add("latent_edit.rotate", latent=build["samples"], quarters=turns).latent


def _flip(build: Build) -> Any:
    way = "vertical" if build.literal("flip_method").startswith("x") else "horizontal"
    return build.add(f"latent_edit.flip_{way}", latent=build["samples"]).latent


def _pick(build: Build) -> Any:
    if build.literal("length") != 1:
        build.refuse("length", "one latent is taken at a time here", "use one node for each")
    build.warn("a latent that is sampled again gets the noise of the first of a batch")
    return build.add("latent.pick", latent=build["samples"], index=build["batch_index"]).latent


def _batch(build: Build) -> Any:
    return build.add("latent.batch", latents=[build["samples1"], build["samples2"]]).latent


NODES: list[ComfyNode] = [
    node(
        "EmptyLatentImage",
        "latent",
        f"width: INT=512[16..16384]/8; height: INT=512[16..16384]/8; {_BATCH}",
        "LATENT",
        _empty,
    ),
    node(
        "EmptySD3LatentImage",
        "latent/sd3",
        f"width: INT=1024[16..16384]/16; height: INT=1024[16..16384]/16; {_BATCH}",
        "LATENT",
        _empty,
    ),
    simple(
        "VAEDecode",
        "latent",
        "samples: LATENT; vae: VAE",
        "IMAGE",
        "vae.decode",
        "latent=samples vae",
        "image",
    ),
    simple(
        "VAEEncode",
        "latent",
        "pixels: IMAGE; vae: VAE",
        "LATENT",
        "vae.encode",
        "image=pixels vae",
        "latent",
    ),
    simple(
        "VAEDecodeTiled",
        "_for_testing",
        f"samples: LATENT; vae: VAE; {_TILES}",
        "IMAGE",
        "vae.decode_tiled",
        "latent=samples vae tile=tile_size overlap",
        "image",
        title="VAE Decode (Tiled)",
    ),
    simple(
        "VAEEncodeTiled",
        "_for_testing",
        f"pixels: IMAGE; vae: VAE; {_TILES}",
        "LATENT",
        "vae.encode_tiled",
        "image=pixels vae tile=tile_size overlap",
        "latent",
        title="VAE Encode (Tiled)",
    ),
    simple(
        "VAEEncodeForInpaint",
        "latent/inpaint",
        "pixels: IMAGE; vae: VAE; mask: MASK; grow_mask_by: INT=6[0..64]",
        "LATENT",
        "inpaint.encode",
        "image=pixels vae mask grow=grow_mask_by",
        "latent",
        title="VAE Encode (for Inpainting)",
    ),
    simple(
        "SetLatentNoiseMask",
        "latent/inpaint",
        "samples: LATENT; mask: MASK",
        "LATENT",
        "latent.set_noise_mask",
        "latent=samples mask",
        "latent",
    ),
    node(
        "LatentUpscale",
        "latent",
        f"samples: LATENT; upscale_method: {LATENT_FILTERS}; width: INT=512[0..16384]/8; "
        "height: INT=512[0..16384]/8; crop: {disabled|center}",
        "LATENT",
        _upscale,
        title="Upscale Latent",
    ),
    node(
        "LatentUpscaleBy",
        "latent",
        f"samples: LATENT; upscale_method: {LATENT_FILTERS}; scale_by: FLOAT=1.5[0.01..8]/0.01",
        "LATENT",
        _upscale_by,
        title="Upscale Latent By",
    ),
    node(
        "LatentComposite",
        "latent",
        "samples_to: LATENT; samples_from: LATENT; x: INT=0[0..16384]/8; y: INT=0[0..16384]/8; "
        "feather: INT=0[0..16384]/8",
        "LATENT",
        _composite,
    ),
    node(
        "LatentCompositeMasked",
        "latent",
        "destination: LATENT; source: LATENT; x: INT=0[0..16384]/8; y: INT=0[0..16384]/8; "
        "resize_source: BOOLEAN=False ? mask: MASK",
        "LATENT",
        _composite_masked,
    ),
    node(
        "LatentCrop",
        "latent/transform",
        "samples: LATENT; width: INT=512[64..16384]/8; height: INT=512[64..16384]/8; "
        "x: INT=0[0..16384]/8; y: INT=0[0..16384]/8",
        "LATENT",
        _crop,
        title="Crop Latent",
    ),
    node(
        "LatentRotate",
        "latent/transform",
        f"samples: LATENT; rotation: {{{'|'.join(_TURNS)}}}",
        "LATENT",
        _rotate,
        title="Rotate Latent",
    ),
    node(
        "LatentFlip",
        "latent/transform",
        "samples: LATENT; flip_method: {x-axis: vertically|y-axis: horizontally}",
        "LATENT",
        _flip,
        title="Flip Latent",
    ),
    node(
        "LatentFromBatch",
        "latent/batch",
        "samples: LATENT; batch_index: INT=0[0..63]; length: INT=1[1..64]",
        "LATENT",
        _pick,
    ),
    simple(
        "RepeatLatentBatch",
        "latent/batch",
        "samples: LATENT; amount: INT=1[1..64]",
        "LATENT",
        "latent.repeat",
        "latent=samples times=amount",
        "latent",
    ),
    node("LatentBatch", "latent/batch", "samples1: LATENT; samples2: LATENT", "LATENT", _batch),
    simple(
        "LatentAdd",
        "latent/advanced",
        "samples1: LATENT; samples2: LATENT",
        "LATENT",
        "latent_math.add",
        "a=samples1 b=samples2",
        "latent",
    ),
    simple(
        "LatentSubtract",
        "latent/advanced",
        "samples1: LATENT; samples2: LATENT",
        "LATENT",
        "latent_math.subtract",
        "a=samples1 b=samples2",
        "latent",
    ),
    simple(
        "LatentMultiply",
        "latent/advanced",
        "samples: LATENT; multiplier: FLOAT=1.0[-10..10]/0.01",
        "LATENT",
        "latent_math.multiply",
        "latent=samples factor=multiplier",
        "latent",
    ),
    simple(
        "LatentInterpolate",
        "latent/advanced",
        "samples1: LATENT; samples2: LATENT; ratio: FLOAT=1.0[0..1]/0.01",
        "LATENT",
        "latent_math.interpolate",
        "a=samples1 b=samples2 share=ratio",
        "latent",
    ),
    simple(
        "LatentBlend",
        "_for_testing",
        "samples1: LATENT; samples2: LATENT; blend_factor: FLOAT=0.5[0..1]/0.01",
        "LATENT",
        "latent_math.blend",
        "a=samples1 b=samples2 share=blend_factor",
        "latent",
    ),
]
