"""Upscaling by networks trained for it: ESRGAN and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number
from nodes import checks, model_files
from nodes.types import Image, UpscaleModel


@node("upscale.load", reads=model_files.files_of("upscale_models"))
def load(
    name: Annotated[str, model_files.ModelName("upscale_models")], *, ctx: RunContext
) -> UpscaleModel:
    """Load a network that enlarges pictures: ESRGAN, Real-ESRGAN, SwinIR, HAT, DAT and others.

    `name` is a safetensors file under `upscale_models/` of a models folder, or a path. Which
    architecture it is shows in its keys; the spandrel library knows some forty, and comes with
    `pip install nodeflow[upscale]`. Wang et al. 2018 (ESRGAN), arXiv 1809.00219; Wang et al. 2021
    (Real-ESRGAN), arXiv 2107.10833.

    Raises CheckpointError with the file, what was expected and what was found.
    """
    from nodes.diffusion import upscalers
    from nodes.optional import MissingExtraError

    try:
        with model_files.opened("upscale_models", name) as file:
            return upscalers.load(file, ctx.device)
    except ImportError as error:
        message = f"upscaling by a network needs spandrel, which cannot be imported ({error})"
        raise MissingExtraError(f"{message}: pip install 'nodeflow[upscale]'") from error


def _grown_bytes(params: Mapping[str, Any], inputs: Mapping[str, int]) -> dict[str, int]:
    """Four times a side is what most such networks do; the wire does not tell."""
    return {"image": 16 * inputs.get("image", 0)}


@node("upscale.image", estimate=_grown_bytes)
def image(
    upscaler: UpscaleModel,
    image: Image,
    tile: Annotated[int, Number(16, 4096, 1, "px")] = 256,
    overlap: Annotated[int, Number(0, 512, 1, "px")] = 16,
    *,
    ctx: RunContext,
) -> Image:
    """Enlarge pictures by a network, with details that it makes up.

    [B, H, W, 3] → [B, scale H, scale W, 3], in tiles of `tile` pixels that overlap by at least
    `overlap` and fade into each other there: the memory is that of one tile. Where one tile holds
    the picture it is one call of the network.
    """
    from nodes.diffusion import upscalers
    from nodes.diffusion.tiling import Tiling

    checks.some_pictures("image", image.pixels)
    checks.finite("image", image.pixels)
    if image.pixels.shape[-1] != 3:
        hint = "Put image_channels.remove_alpha before it"
        raise InputError("image", f"{image.pixels.shape[-1]} channels", "3", hint)
    if not 0 <= overlap < tile:
        raise InputError("overlap", f"{overlap} px", f"less than the tile's {tile} px")
    tiling = Tiling(tile, overlap)
    return Image(upscalers.upscale(upscaler, image.pixels, tiling, ctx.progress))
