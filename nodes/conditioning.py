"""Where, when and how much a text holds, and what Stable Diffusion XL is told beside it.

Each node changes the conditioning and all texts combined with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Slider
from nodes.conditioning_texts import inside, ordered, strengthened, with_all, within
from nodes.types import Area, Conditioning, Mask, PictureSize, Span

_Side = Annotated[int, Number(1, 16384, 8, "px")]
_Place = Annotated[int, Number(0, 16384, 8, "px")]
_Share = Annotated[float, Slider(0, 1, step=0.01)]
_Strength = Annotated[float, Slider(0, 10, step=0.05)]


@node("conditioning.area")
def area(
    conditioning: Conditioning,
    left: _Place = 0,
    top: _Place = 0,
    width: _Side = 256,
    height: _Side = 256,
    picture_width: _Side = 512,
    picture_height: _Side = 512,
    strength: _Strength = 1.0,
) -> Conditioning:
    """Let a text hold in a rectangle of the picture only, given in pixels.

    The denoiser sees that part alone, and its prediction counts there; towards edges inside the
    picture it fades over 8 latent pixels. All sides and places are multiples of 8, a latent pixel.
    Combine it with a text for the rest: every place needs one.
    """
    sides = {"left": left, "top": top, "width": width, "height": height}
    sides |= {"picture_width": picture_width, "picture_height": picture_height}
    for port, pixels in sides.items():
        if pixels % 8:
            hint = f"{pixels - pixels % 8} or {pixels - pixels % 8 + 8}"
            raise InputError(port, f"{pixels} px", "a multiple of 8 px", hint)
    inside("left", left, "width", width, picture_width, " px")
    inside("top", top, "height", height, picture_height, " px")
    place = Area(
        top / picture_height, left / picture_width, height / picture_height, width / picture_width
    )
    return strengthened(with_all(conditioning, area=place), strength)


@node("conditioning.area_percent", title="Area (shares)")
def area_percent(
    conditioning: Conditioning,
    left: _Share = 0.0,
    top: _Share = 0.0,
    width: _Share = 0.5,
    height: _Share = 1.0,
    strength: _Strength = 1.0,
) -> Conditioning:
    """Let a text hold in a rectangle of the picture only, each side a share of the whole in 0..1.

    As `conditioning.area`, for pictures of any size: left 0.5 and width 0.5 are the right half.
    """
    for port, side in (("width", width), ("height", height)):
        if not side > 0:
            raise InputError(port, f"{side:g}", "more than 0")
    inside("left", left, "width", width, 1)
    inside("top", top, "height", height, 1)
    place = Area(top, left, height, width)
    return strengthened(with_all(conditioning, area=place), strength)


@node("conditioning.mask")
def mask(conditioning: Conditioning, mask: Mask, strength: _Strength = 1.0) -> Conditioning:
    """Let a text hold where a mask is white: the denoiser sees the whole picture all the same.

    Mask [1 or B, H, W] of any size. At each latent pixel the texts' predictions are averaged,
    weighted by strength * mask; every place needs a text. An earlier mask is replaced.
    """
    return strengthened(with_all(conditioning, mask=mask.values), strength)


@node("conditioning.mask_bounds")
def mask_bounds(conditioning: Conditioning, mask: Mask, strength: _Strength = 1.0) -> Conditioning:
    """Let a text hold where a mask is white, and show the denoiser only the box around that.

    As `conditioning.mask` with the smallest `conditioning.area` that holds all that is not black.
    """
    import torch

    whites = mask.values.amax(dim=0) > 0  # [H, W]
    rows, columns = (torch.nonzero(whites.any(dim=side)).flatten() for side in (1, 0))
    if not len(rows):
        raise InputError("mask", "black everywhere", "some white")
    height, width = whites.shape
    top, bottom, left, right = (int(n) for n in (rows[0], rows[-1], columns[0], columns[-1]))
    place = Area(
        top / height, left / width, (bottom - top + 1) / height, (right - left + 1) / width
    )
    return strengthened(with_all(conditioning, mask=mask.values, area=place), strength)


@node("conditioning.strength")
def strength(conditioning: Conditioning, strength: _Strength = 1.0) -> Conditioning:
    """Set how much a text counts beside others: predictions are averaged with these weights.

    Strength s of a text among texts of strength 1 gives it s parts. A text alone is not changed by
    it: guidance scale and weights in the prompt are. Texts combined already are all multiplied.
    """
    return strengthened(conditioning, strength)


@node("conditioning.timestep_range")
def timestep_range(
    conditioning: Conditioning, start: _Share = 0.0, end: _Share = 1.0
) -> Conditioning:
    """Let a text hold in a part of the noise schedule: 0 is pure noise, 1 the finished picture.

    Counted in shares of the trained timesteps, whatever the sampler's steps, as in ComfyUI:
    start <= share < end. A range that it had before holds as well. Each step needs a text.
    """
    ordered(start, end)
    return within(conditioning, Span(start, end))


@node("conditioning.steps_range")
def steps_range(
    conditioning: Conditioning,
    start: Annotated[int, Number(0, 10000, 1, "steps")] = 0,
    end: Annotated[int, Number(1, 10000, 1, "steps")] = 10,
) -> Conditioning:
    """Let a text hold from one step of the sampler up to another, which is no longer in it.

    Steps count from 0: start 0 and end 5 are the first five. A range that it had before holds as
    well. Each step needs a text.
    """
    ordered(start, end)
    return within(conditioning, Span(start, end, "index"))


@node("conditioning.size")
def size(
    conditioning: Conditioning,
    width: _Side = 1024,
    height: _Side = 1024,
    crop_left: _Place = 0,
    crop_top: _Place = 0,
    target_width: _Side = 1024,
    target_height: _Side = 1024,
) -> Conditioning:
    """Tell Stable Diffusion XL what picture a text describes: its size, crop, and the size wanted.

    Width and height are the picture's before training scaled it: small ones look scaled up. The
    crop is how much was cut off at the left and the top: a subject leaves the middle. Podell et al.
    2023, arXiv 2307.01952, section 2.2. Other models ignore it.
    """
    told = PictureSize((height, width), (crop_top, crop_left), (target_height, target_width))
    return with_all(conditioning, size=told)


@node("conditioning.refiner_size")
def refiner_size(
    conditioning: Conditioning,
    width: _Side = 1024,
    height: _Side = 1024,
    crop_left: _Place = 0,
    crop_top: _Place = 0,
    aesthetic_score: Annotated[float, Slider(0, 10, step=0.1)] = 6.0,
) -> Conditioning:
    """Tell Stable Diffusion XL's refiner how good a picture is to be, beside its size and crop.

    The score is of LAION's aesthetic predictor, in about 2..7: 6 for the prompt and 2.5 for the
    negative one are usual. Podell et al. 2023, arXiv 2307.01952, section 2.5.
    """
    told = PictureSize((height, width), (crop_top, crop_left), score=aesthetic_score)
    return with_all(conditioning, size=told)


@node("conditioning.combine")
def combine(conditionings: list[Conditioning]) -> Conditioning:
    """Steer by many texts at once: `text.combine` for a list; predictions are averaged.

    Each text counts by its strength, where and when it holds. Nothing is computed here.
    """
    if not conditionings:
        raise InputError("conditionings", "an empty list", "at least one")
    texts = [text for first in conditionings for text in (first, *first.more)]
    first = texts[0].embeddings.shape
    for number, text in enumerate(texts, start=1):
        shape = text.embeddings.shape
        if (shape[0], shape[2]) != (first[0], first[2]):
            got = f"text {number} of {shape[0]} × width {shape[2]}"
            wanted = f"{first[0]} × width {first[2]}, as the first"
            raise InputError("conditionings", got, wanted, "Encode all with the same clip")
    single = [replace(text, more=()) for text in texts]
    return replace(single[0], more=tuple(single[1:]))
