"""Load nodes: files become models, pictures and masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, FilePath
from nodes import model_files
from nodes.diffusion.checkpoints.examine import DTYPES
from nodes.types import Clip, Image, Mask, Model, Vae

_CHANNELS = {"red": 0, "green": 1, "blue": 2, "alpha": 3}
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff")


class LoadedCheckpoint(NamedTuple):
    model: Model
    clip: Clip
    vae: Vae


class LoadedImage(NamedTuple):
    image: Image
    mask: Mask


def _picture_file(params: Mapping[str, Any]) -> list[Path]:
    return [_path_of(str(params["path"]))]


def _path_of(text: str) -> Path:
    return Path(text).expanduser()


@node(
    "load.checkpoint",
    reads=model_files.checkpoint_files_of,
    estimate=model_files.checkpoint_bytes,
)
def checkpoint(
    name: Annotated[str, model_files.CheckpointName()] = "tiny",
    dtype: Annotated[str, Choice(*DTYPES)] = "auto",
    *,
    ctx: RunContext,
) -> LoadedCheckpoint:
    """Load the networks of a diffusion model: denoiser, text encoders, autoencoder.

    `name` is a file (.safetensors, .gguf) or a folder in diffusers' layout (`model_index.json`,
    `unet/`, `vae/` …) under `checkpoints/` of a folder in the environment variable NODEFLOW_MODELS,
    under `models/checkpoints/`, or a model that comes with nodeflow; or a path. What model a file
    is shows in the names and shapes of its weights; nothing is fetched. `dtype` is the precision to
    compute in: `auto` is float32 on the CPU and what the file has elsewhere (8 bits become
    bfloat16); the autoencoder is float32 always. Weights that are stored as wanted stay mapped from
    the file: leave it as it is during a run. `tiny` was made for 128 × 128 pictures, Stable
    Diffusion 1.5 for 512 × 512, XL for 1024 × 1024. Rombach et al. 2021, arXiv 2112.10752; Podell
    et al. 2023, arXiv 2307.01952.

    Raises FileNotFoundError with the nearest name where there is no such model, and CheckpointError
    with the file, what was expected and what was found where one is incomplete or damaged.
    """
    from nodes.diffusion import loading

    with model_files.opened("checkpoints", name) as path:
        return LoadedCheckpoint(*loading.load_checkpoint(path, ctx.device, dtype))


@node("load.image", reads=_picture_file)
def image(path: Annotated[str, FilePath(suffixes=_PICTURES)], *, ctx: RunContext) -> LoadedImage:
    """Open a picture file; where it is see-through goes into the mask.

    Pixels float32 [1, H, W, 3] in 0..1, turned upright. Mask [1, H, W] = 1 - alpha: 1 where the
    picture is fully see-through, and 0 everywhere if it has no alpha. That is ComfyUI's meaning: an
    erased area is the one to fill in. Colours under see-through pixels are kept as they are.
    """
    from nodes.image_files import read_pixels

    pixels = read_pixels(_path_of(path)).to(ctx.device)  # [1, H, W, 3 or 4]
    alpha = pixels[..., 3] if pixels.shape[-1] == 4 else pixels.new_ones(pixels.shape[:3])
    return LoadedImage(Image(pixels[..., :3].contiguous()), Mask(1 - alpha))


@node("load.mask", reads=_picture_file)
def mask(
    path: Annotated[str, FilePath(suffixes=_PICTURES)],
    channel: Annotated[str, Choice(*_CHANNELS)] = "alpha",
    *,
    ctx: RunContext,
) -> Mask:
    """Open one channel of a picture file as a mask.

    Values float32 [1, H, W] in 0..1. `alpha` gives 1 - alpha, as `load.image` does: 1 where the
    picture is see-through, 0 everywhere if it has no alpha. A colour gives its brightness as it is.
    """
    import torch

    from nodes.image_files import read_pixels

    if channel not in _CHANNELS:
        raise InputError("channel", repr(channel), f"one of {', '.join(_CHANNELS)}")
    pixels = read_pixels(_path_of(path)).to(ctx.device)  # [1, H, W, 3 or 4]
    alpha = pixels[..., 3:] if pixels.shape[-1] == 4 else torch.ones_like(pixels[..., :1])
    channels = torch.cat([pixels[..., :3], 1 - alpha], dim=-1)  # [1, H, W, 4]
    return Mask(channels[..., _CHANNELS[channel]].contiguous())
