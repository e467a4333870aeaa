"""Which colour each channel of a latent stands for, roughly: pictures of latents without a decoder.

A pixel in -1..1 is the sum over the channels of value × factors, plus a constant. That this does
was found by K. Turner, "Decoding latents to RGB without upscaling", discuss.huggingface.co, 2022.
The figures are measurements: those of `sd1`, `sdxl`, `sd3` and `flux` as published with InvokeAI
(invokeai/app/util/step_callback.py, Apache-2.0), those of `tiny` made by
`nodes.diffusion.training.latent_colours`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Row = tuple[float, float, float]

TABLES: dict[str, tuple[tuple[Row, ...], Row]] = {
    "tiny": (
        (
            (-0.5376, 0.3336, 0.3836),
            (-0.1969, -0.0224, -0.1818),
            (0.6287, 0.1532, -0.3137),
            (0.7993, 0.1732, 0.1230),
        ),
        (0.1827, 0.0346, 0.0053),
    ),
    "sd1": (
        (
            (0.3444, 0.1385, 0.0670),
            (0.1247, 0.4027, 0.1494),
            (-0.3192, 0.2513, 0.2103),
            (-0.1307, -0.1874, -0.7445),
        ),
        (0.0, 0.0, 0.0),
    ),
    "sdxl": (
        (
            (0.3816, 0.4930, 0.5320),
            (-0.3753, 0.1631, 0.1739),
            (0.1770, 0.3588, -0.2048),
            (-0.4350, -0.2644, -0.4289),
        ),
        (0.0, 0.0, 0.0),
    ),
    "sd3": (
        (
            (-0.0524, 0.0325, 0.0749),
            (-0.0581, 0.0076, 0.0573),
            (0.1614, 0.0127, -0.0377),
            (0.1442, 0.0846, 0.1594),
            (0.0489, 0.0056, -0.0669),
            (0.0519, 0.1922, 0.0626),
            (0.1539, 0.0482, 0.0710),
            (-0.0860, 0.0901, 0.1089),
            (-0.1240, -0.0677, 0.0034),
            (-0.0440, 0.0783, 0.0226),
            (0.0310, 0.0638, 0.0775),
            (-0.0132, 0.0855, -0.0877),
            (0.0646, 0.0591, 0.1326),
            (-0.0786, -0.0226, -0.1276),
            (-0.0992, -0.0801, -0.0626),
            (-0.0339, -0.0804, -0.0608),
        ),
        (0.0, 0.0, 0.0),
    ),
    "flux": (
        (
            (-0.0412, 0.0149, 0.0521),
            (0.0056, 0.0291, 0.0768),
            (0.0342, -0.0681, -0.0427),
            (-0.0258, 0.0092, 0.0463),
            (0.0863, 0.0784, 0.0547),
            (-0.0017, 0.0402, 0.0158),
            (0.0501, 0.1058, 0.1152),
            (-0.0209, -0.0218, -0.0329),
            (-0.0314, 0.0083, 0.0896),
            (0.0851, 0.0665, -0.0472),
            (-0.0534, 0.0238, -0.0024),
            (0.0452, -0.0026, 0.0048),
            (0.0892, 0.0831, 0.0881),
            (-0.1117, -0.0304, -0.0789),
            (0.0027, -0.0479, -0.0043),
            (-0.1146, -0.0827, -0.0598),
        ),
        (0.0, 0.0, 0.0),
    ),
}
SHARED = {
    "sd2": "sd1",
    "dit": "sd1",
    "sdxl_refiner": "sdxl",
    "pixart": "sdxl",
    "auraflow": "sdxl",
}
"""Families whose autoencoder is another's."""
TINY_TEXT_WIDTH = 128
"""By which the tiny model, of Stable Diffusion 1's making, is told from it."""


def table_of(channels: int, family: str = "", network: Any = None) -> str:
    """Which table a latent of so many channels is drawn by; "" where none fits.

    A latent does not know whose it is: the model that the run last asked tells. Without one it is
    Stable Diffusion 1's at 4 channels, Flux' at 16.
    """
    name = SHARED.get(family, family)
    config = getattr(network, "config", None)
    if name == "sd1" and getattr(config, "cross_attention_dim", None) == TINY_TEXT_WIDTH:
        name = "tiny"
    if name not in TABLES or len(TABLES[name][0]) != channels:
        name = {4: "sd1", 16: "flux"}.get(channels, "")
    return name


def as_colours(samples: Tensor, table: str) -> NDArray[np.uint8]:
    """The first latent of [B, C, H, W] as [H, W, 3]; nan and inf are magenta.

    Without a table the mean over the channels is drawn in grey, from its least to its largest.
    """
    values = samples[0].detach().float().cpu().movedim(0, -1)  # [H, W, C]
    broken = ~torch.isfinite(values).all(dim=-1)
    values = torch.where(broken[..., None], torch.zeros(()), values)
    if table:
        rows, constant = TABLES[table]
        colours = values @ torch.tensor(rows) + torch.tensor(constant)
    else:
        grey = values.mean(dim=-1, keepdim=True)
        low, high = grey.amin(), grey.amax()
        colours = ((grey - low) / (high - low).clamp_min(1e-12) * 2 - 1).expand(-1, -1, 3)
    drawn = ((colours + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
    drawn[broken.numpy()] = (255, 0, 255)
    return drawn
