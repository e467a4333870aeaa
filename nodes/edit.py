"""Editing by instruction: InstructPix2Pix."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from nodeflow.node import node
from nodes import checks
from nodes.types import Conditioning, Image, Latent, Vae


class EditInputs(NamedTuple):
    """Instruction and picture, the picture alone, neither; and a canvas of the picture's size."""

    both: Conditioning
    image_only: Conditioning
    neither: Conditioning
    latent: Latent


@node("edit.conditioning")
def conditioning(
    positive: Conditioning, negative: Conditioning, vae: Vae, image: Image
) -> EditInputs:
    """Show a model that edits by instruction the picture it is to edit.

    The picture's latent without its scaling, [B, 4, H / 8, W / 8], is laid beside the noisy latent
    at each step. `both` is the instruction with it, `image_only` the negative text with it,
    `neither` the negative text with zeros, for `guider_mix.dual`. The latent is empty: sampling
    starts from noise. Brooks et al. 2022, arXiv 2211.09800, section 3.2.
    """
    import torch

    from nodes.diffusion import autoencode

    checks.some_pictures("image", image.pixels)
    scaled = autoencode.encode(vae, image.pixels).mean
    beside = scaled / vae.scaling + vae.shift
    return EditInputs(
        replace(positive, concat=beside),
        replace(negative, concat=beside),
        replace(negative, concat=torch.zeros_like(beside)),
        Latent(torch.zeros_like(scaled)),
    )
