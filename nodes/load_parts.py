"""Load nodes for one part of a model: a denoiser, text encoders or an autoencoder alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice
from nodes import model_files
from nodes.diffusion.checkpoints.examine import DTYPES
from nodes.diffusion.checkpoints.recognise import FAMILIES
from nodes.model_files import ModelName
from nodes.types import Clip, Model, Vae

_FAMILIES = ("auto", *FAMILIES)


def _bytes(
    kind: str, output: str
) -> Callable[[Mapping[str, Any], Mapping[str, int]], dict[str, int]]:
    def estimate(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
        from nodes.diffusion.checkpoints import examine

        if "name" not in params:
            return {}  # it arrives by wire
        names = [str(params[port]) for port in ("name", "second", "third") if params.get(port)]
        dtype = str(params.get("dtype", "auto"))
        paths = [model_files.find(kind, name) for name in names]
        return {output: sum(examine.part_bytes(kind, path, dtype) for path in paths)}

    return estimate


def _encoder_files(params: Mapping[str, Any]) -> list[Path]:
    names = [str(params[port]) for port in ("name", "second", "third") if params.get(port)]
    return [file for name in names for file in model_files.model_content("text_encoders", name)]


@node(
    "load_parts.unet",
    title="Load UNet",
    reads=model_files.files_of("diffusion_models"),
    estimate=_bytes("diffusion_models", "model"),
)
def unet(
    name: Annotated[str, ModelName("diffusion_models")],
    dtype: Annotated[str, Choice(*DTYPES)] = "auto",
    *,
    ctx: RunContext,
) -> Model:
    """Load a denoiser alone, a UNet or a transformer, with what it was trained on.

    `name` is a file or folder under `diffusion_models/` or `unet/` of the model folders, a whole
    checkpoint, of which the denoiser is taken, or a path. Original names with any of the usual
    prefixes, diffusers' names, GGUF. `dtype` as in `load.checkpoint`.
    """
    from nodes.diffusion import loading

    with model_files.opened("diffusion_models", name) as path:
        return loading.load_model(path, ctx.device, dtype)


@node(
    "load_parts.vae",
    title="Load VAE",
    reads=model_files.files_of("vae"),
    estimate=_bytes("vae", "vae"),
)
def vae(
    name: Annotated[str, ModelName("vae")],
    family: Annotated[str, Choice(*_FAMILIES)] = "auto",
    *,
    ctx: RunContext,
) -> Vae:
    """Load an autoencoder alone: between pictures and latents.

    `name` is a file or folder under `vae/` of the model folders, a whole checkpoint, of which the
    autoencoder is taken, or a path. float32 always. `family` says how latents are scaled, which no
    shape tells: choose it where the file is an autoencoder alone and not Stable Diffusion 1's or
    2's (0.18215; XL has 0.13025). `auto` takes a folder's or a checkpoint's own, otherwise that of
    the first family with as many channels.
    """
    from nodes.diffusion import loading

    with model_files.opened("vae", name) as path:
        return loading.load_vae(path, ctx.device, family)


@node(
    "load_parts.clip",
    title="Load CLIP",
    reads=_encoder_files,
    estimate=_bytes("text_encoders", "clip"),
)
def clip(
    name: Annotated[str, ModelName("text_encoders")],
    second: Annotated[str, ModelName("text_encoders", optional=True)] = "",
    third: Annotated[str, ModelName("text_encoders", optional=True)] = "",
    family: Annotated[str, Choice(*_FAMILIES)] = "auto",
    dtype: Annotated[str, Choice(*DTYPES)] = "auto",
    *,
    ctx: RunContext,
) -> Clip:
    """Load one to three text encoders alone, with their tokenizers, as one clip.

    Names are files under `text_encoders/` or `clip/` of the model folders, whole checkpoints, of
    which the encoders are taken, or paths, in any order: which is which shows in their shapes.
    `family` says for whose denoiser; `auto` is the first that reads a text by just these (clip_l
    alone is Stable Diffusion 1, clip_l and clip_g XL). `dtype` as in `load.checkpoint`.
    """
    from nodes.diffusion import loading

    if third and not second:
        raise InputError("second", "no name", "a name, where the third has one")
    paths = [model_files.find("text_encoders", each) for each in (name, second, third) if each]
    with model_files.telling("text_encoders", *paths):
        return loading.load_clip(paths, ctx.device, dtype, family)
