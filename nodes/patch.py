"""Patches that make a UNet paint better or faster, without any training.

Each gives a model of its own; the one that comes in stays as it is, and the weights are shared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.types import Model

if TYPE_CHECKING:
    from nodes.diffusion.token_merging import Wrap

Factor = Annotated[float, Slider(0.05, 3, step=0.05)]
Level = Annotated[int, Number(0, 4, step=1)]


@node("patch.freeu", title="FreeU")
def freeu(
    model: Model,
    backbone_1: Factor = 1.5,
    backbone_2: Factor = 1.6,
    skip_1: Factor = 0.9,
    skip_2: Factor = 0.2,
) -> Model:
    """Weigh a UNet's two ways anew: more of what it thought through, less of what it copied.

    In the two lowest up blocks, the first half of the backbone's channels is multiplied by
    `backbone_1` and `backbone_2`, and the low frequencies of the skipped features by `skip_1` and
    `skip_2`. All 1 changes nothing. Si et al. 2023, arXiv 2309.11497; the defaults are theirs for
    Stable Diffusion 1.4; for 2.1: 1.4, 1.6, 0.9, 0.2; for XL: 1.3, 1.4, 0.9, 0.2.
    """
    from nodes.diffusion.cloning import clone_modules

    factors = {"s1": skip_1, "s2": skip_2, "b1": backbone_1, "b2": backbone_2}
    if min(factors.values()) <= 0:
        raise InputError("backbone, skip", str(list(factors.values())), "factors above 0")
    if not hasattr(model.network, "enable_freeu"):
        raise InputError("model", type(model.network).__name__, "a UNet")
    network = clone_modules(model.network)
    network.enable_freeu(**factors)
    return replace(model, network=network)


@node("patch.hypertile")
def hypertile(
    model: Model, tile: Annotated[int, Number(1, 512, step=1)] = 32, depth: Level = 0
) -> Model:
    """Let each place attend to its own tile only: much faster for large pictures.

    Self-attention runs in tiles of at least `tile` places a side (latent pixels at the outermost
    layers), in layers no more than 2^`depth` times smaller than the latent. It costs places^2, so
    four tiles cost a quarter. A tile as large as the layer changes nothing. What is far apart no
    longer agrees well. After HyperTile, whose sizes are drawn anew each time; here they are fixed.
    """
    from nodes.diffusion import token_merging

    if tile < 1:
        raise InputError("tile", str(tile), "at least 1")
    return _wrapped(model, depth, token_merging.tiled(tile))


@node("patch.token_merging")
def token_merging(
    model: Model, share: Annotated[float, Slider(0, 0.75, step=0.05)] = 0.5, depth: Level = 0
) -> Model:
    """Let places that look alike attend as one: faster, details suffer a little.

    Of every 2 × 2 places one stays, and `share` of all places, the ones nearest to one that stays,
    are merged into it by their mean before self-attention and get its answer after; in layers no
    more than 2^`depth` times smaller than the latent. 0 changes nothing; 0.75 is the most that can
    be merged. Bolya & Hoffman 2023, arXiv 2303.17604, section 3, with fixed places.
    """
    from nodes.diffusion import token_merging

    if not 0 <= share <= 0.75:
        raise InputError("share", f"{share:g}", "0..0.75")
    return _wrapped(model, depth, token_merging.merged(share))


def _wrapped(model: Model, depth: int, wrap: Wrap) -> Model:
    from nodes.diffusion import token_merging

    try:
        network = token_merging.with_wrapped_attention(model.network, depth, wrap)
    except ValueError as error:
        raise InputError("model", type(model.network).__name__, "a UNet", str(error)) from None
    return replace(model, network=network)
