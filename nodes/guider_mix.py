"""Guiders of three prompts or of two models."""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Multiple, Slider
from nodes.checks import fraction
from nodes.types import Conditioning, Guider, Model

Scale = Annotated[float, Slider(0, 30, step=0.5)]
Share = Annotated[float, Slider(0, 1, step=0.05)]


@node("guider_mix.dual")
def dual(
    model: Model,
    both: Conditioning,
    image_only: Conditioning,
    neither: Conditioning,
    text_scale: Scale = 7.5,
    image_scale: Scale = 1.5,
) -> Guider:
    """Follow an instruction and the picture it is about, each as much as wanted.

    As `guidance_mix.dual`: `both` has the text and the picture, `image_only` the picture with an
    empty text, `neither` an empty text and no picture. Brooks et al. 2022, arXiv 2211.09800, eq. 3.
    """
    from nodes.diffusion import guiders

    ask = guiders.dual(model, (both, image_only, neither), text_scale, image_scale)
    texts = (("both", both), ("image_only", image_only), ("neither", neither))
    return Guider(model, ask, texts)


@node("guider_mix.nested")
def nested(
    model: Model,
    first: Conditioning,
    second: Conditioning,
    negative: Conditioning,
    scale: Scale = 1.5,
    negative_scale: Scale = 7.5,
) -> Guider:
    """Guide from a second prompt towards the first, and the outcome away from the negative one.

    negative + negative_scale * (m - negative) with m = second + scale * (first - second): twice
    Ho & Salimans 2022, arXiv 2207.12598, eq. 6. ComfyUI's dual guidance in its nested style.
    """
    from nodes.diffusion import guiders

    ask = guiders.nested(model, (first, second, negative), scale, negative_scale)
    return Guider(model, ask, (("first", first), ("second", second), ("negative", negative)))


@node("guider_mix.perpendicular")
def perpendicular(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    empty: Conditioning,
    negative_scale: Annotated[float, Slider(0, 10, step=0.1)] = 1.0,
    scale: Scale = 7.5,
) -> Guider:
    """Lead away from a negative prompt, but never from the wanted one.

    As `guidance_mix.perpendicular`. Armandpour et al. 2023, arXiv 2304.04968, eq. 8.
    """
    from nodes.diffusion import guiders

    prompts = (positive, negative, empty)
    ask = guiders.perpendicular(model, prompts, negative_scale, scale)
    return Guider(model, ask, (("positive", positive), ("negative", negative), ("empty", empty)))


@node("guider_mix.push_away")
def push_away(
    guider: Guider,
    worse: Model,
    text: Conditioning,
    scale: Annotated[float, Slider(0, 10, step=0.1)] = 3.0,
    start: Share = 0.0,
    end: Share = 1.0,
) -> Guider:
    """Push what a guider answers away from what a worse model answers to the wanted prompt.

    As `guidance_mix.push_away`, where `start` <= index / count < `end`. `worse` comes from
    `perturb.identity_attention` (perturbed-attention guidance), `perturb.skip_layers` (skip-layer
    guidance), or is a smaller or less trained model (autoguidance). Several may follow each other.
    """
    from nodes.diffusion import guiders

    fraction("start", start)
    fraction("end", end)
    if worse.betas.flow != guider.model.betas.flow:
        got = "a flow" if worse.betas.flow else "a diffusion"
        raise InputError("worse", got, "a model of the guider's kind")
    when = guiders.in_interval(scale, 0.0, start, end)
    ask = guiders.pushed(guider.ask, guider.model, worse, text, when)
    return Guider(guider.model, ask, (*guider.texts, ("text", text)))


@node("guider_mix.tiled", title="CFG, tiled")
def tiled(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    scale: Scale = 7.5,
    tile: Annotated[int, Multiple(8, 8192, 8, "px")] = 512,
    overlap: Annotated[int, Multiple(0, 4096, 8, "px")] = 128,
) -> Guider:
    """Guide a picture larger than the model knows, window by window, at every step.

    The latent is asked about in squares of `tile` pixels (a latent pixel is 8) that overlap by at
    least `overlap`; there the answers fade into each other. Areas, masks and the hints of
    ControlNets are cut to the window. One window for all is `guider.cfg`. Bar-Tal et al. 2023
    (MultiDiffusion), arXiv 2302.08113, eq. 5.
    """
    from nodes.diffusion import guiders
    from nodes.diffusion.tiling import Tiling

    for port, size in (("tile", tile), ("overlap", overlap)):
        if size % 8 or size < 0:
            raise InputError(port, f"{size} px", "a multiple of 8")
    if not overlap < tile:
        raise InputError("overlap", f"{overlap} px", f"less than the tile's {tile} px")
    ask = guiders.tiled_cfg(model, positive, negative, scale, Tiling(tile // 8, overlap // 8))
    return Guider(model, ask, (("positive", positive), ("negative", negative)))
