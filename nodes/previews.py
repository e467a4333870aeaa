"""Small pictures of values, for those who watch a run. Socket types name these; no node lives here.

Each takes the value and the model that the run last asked, if any, and gives uint8 [H, W, 3].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nodes.types import Denoised, Image, Latent, Mask

SIDE = 512
"""Larger pictures are thinned out before anything else is done to them."""


def of_latent(value: Latent | Denoised, model: Any = None) -> NDArray[np.uint8]:
    """A latent as its decoder would draw it, roughly, at the latent's own size."""
    from nodes.diffusion.latent_colours import as_colours, table_of

    model = getattr(model, "model", model)  # a guider's
    family, network = getattr(model, "family", ""), getattr(model, "network", None)
    return as_colours(value.samples, table_of(value.samples.shape[1], family, network))


def of_image(value: Image, model: Any = None) -> NDArray[np.uint8]:
    """The first picture; what is transparent lies on white."""
    pixels = _thinned(value.pixels[0])
    if pixels.shape[-1] == 4:
        pixels = pixels[..., :3] * pixels[..., 3:] + (1 - pixels[..., 3:])
    return _bytes(pixels[..., :3])


def of_mask(value: Mask, model: Any = None) -> NDArray[np.uint8]:
    """The first mask, white where something happens."""
    return _bytes(_thinned(value.values[0])[..., None].expand(-1, -1, 3))


def _thinned(picture: torch.Tensor) -> torch.Tensor:
    step = max(1, max(picture.shape[:2]) // SIDE)
    return picture[::step, ::step]


def _bytes(pixels: torch.Tensor) -> NDArray[np.uint8]:
    import torch

    shown = torch.nan_to_num(pixels.detach().float().cpu())
    drawn: NDArray[np.uint8] = (shown * 255).round().clamp(0, 255).to(torch.uint8).numpy()
    return drawn
