"""CLIP vision nodes: what a picture means, as a prompt."""

from __future__ import annotations

from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Slider
from nodes import checks, model_files
from nodes.diffusion.checkpoints.examine import DTYPES
from nodes.estimates import weights_of
from nodes.types import ClipVision, Image, ImageEmbedding


@node(
    "clip_vision.load",
    title="Load CLIP vision",
    reads=model_files.files_of("clip_vision"),
    estimate=weights_of("clip_vision", "clip_vision"),
)
def load(
    name: Annotated[str, model_files.ModelName("clip_vision")],
    dtype: Annotated[str, Choice(*DTYPES)] = "auto",
    *,
    ctx: RunContext,
) -> ClipVision:
    """Load the half of CLIP that reads pictures.

    `name` is a safetensors file (Hugging Face's names, or OpenCLIP's) or a folder with a
    config.json under `clip_vision/` of a models folder, or a path. `dtype` as in
    `load.checkpoint`. Radford et al. 2021, arXiv 2103.00020.

    Raises FileNotFoundError with the nearest name, and CheckpointError with the file, what was
    expected and what was found.
    """
    from nodes.diffusion import clip_vision

    with model_files.opened("clip_vision", name) as path:
        return clip_vision.load(path, ctx.device, dtype)


@node("clip_vision.encode", title="Encode picture")
def encode(clip_vision: ClipVision, image: Image) -> ImageEmbedding:
    """Turn a picture into what it means to CLIP: the middle of it, as large as it fits.

    [B, H, W, 3] is resized to CLIP's size by its shorter side, cut out in the middle, normalised
    and read: pooled [B, D] beside the vectors of texts, hidden [B, tokens, W] the last layer but
    one.
    """
    from nodes.diffusion import clip_vision as vision

    _check_picture(image)
    return vision.encode(clip_vision, image.pixels)


@node("clip_vision.encode_whole", title="Encode whole picture")
def encode_whole(clip_vision: ClipVision, image: Image) -> ImageEmbedding:
    """As `clip_vision.encode`, but all of a picture, squeezed into a square."""
    from nodes.diffusion import clip_vision as vision

    _check_picture(image)
    return vision.encode(clip_vision, image.pixels, crop=False)


@node("clip_vision.mix", title="Mix image embeddings")
def mix(
    a: ImageEmbedding, b: ImageEmbedding, amount: Annotated[float, Slider(0, 1, step=0.01)] = 0.5
) -> ImageEmbedding:
    """Blend two pictures into a meaning between them: (1 - amount) * a + amount * b."""
    if a.hidden.shape != b.hidden.shape or a.pooled.shape != b.pooled.shape:
        got, wanted = list(b.hidden.shape), list(a.hidden.shape)
        hint = "Encode both with the same CLIP vision, batches of one size"
        raise InputError("b", f"{got} of width {b.pooled.shape[1]}", f"{wanted}, as a has", hint)
    checks.fraction("amount", amount)
    return ImageEmbedding(
        (1 - amount) * a.pooled + amount * b.pooled,
        (1 - amount) * a.hidden + amount * b.hidden,
        a.blank,
    )


def _check_picture(image: Image) -> None:
    checks.some_pictures("image", image.pixels)
    checks.finite("image", image.pixels)
    if image.pixels.shape[-1] != 3:
        got = f"{image.pixels.shape[-1]} channels"
        raise InputError("image", got, "3", "Put image_channels.remove_alpha before it")
