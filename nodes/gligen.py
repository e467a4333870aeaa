"""GLIGEN nodes: boxes that say where in the picture a thing stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Prompt, Slider
from nodes import model_files
from nodes.estimates import weights_of
from nodes.types import Clip, Conditioning, Gligen, Model

_SHARE = Slider(0, 1, step=0.01)


@node(
    "gligen.load",
    title="Load GLIGEN",
    reads=model_files.files_of("gligen"),
    estimate=weights_of("gligen", "gligen"),
)
def load(name: Annotated[str, model_files.ModelName("gligen")], *, ctx: RunContext) -> Gligen:
    """Load the layers by which a denoiser looks at boxes with words.

    `name` is a safetensors file under `gligen/` of a models folder, or a path: for Stable
    Diffusion 1 or 2 (`gligen_sd14_textbox_pruned` …), under the authors' names or diffusers'. Li et
    al. 2023, arXiv 2301.07093.

    Raises FileNotFoundError with the nearest name, and CheckpointError with the file, what was
    expected and what was found.
    """
    from nodes.diffusion import gligen

    with model_files.opened("gligen", name) as path:
        return gligen.load(path, ctx.device)


@node("gligen.attach", title="Attach GLIGEN")
def attach(model: Model, gligen: Gligen) -> Model:
    """Give a model the layers by which it looks at boxes.

    On a copy that shares all weights: the model itself stays as it is, and texts without boxes are
    answered as before. A checkpoint that has such layers needs none.
    """
    from nodes.diffusion import gligen as layers

    try:
        return replace(model, network=layers.attached(model.network, gligen))
    except ValueError as error:
        wanted = f"those for a model of family {model.family}"
        raise InputError("gligen", str(error), wanted) from None


@node("gligen.box", title="GLIGEN box")
def box(
    conditioning: Conditioning,
    clip: Clip,
    text: Annotated[str, Prompt()] = "",
    left: Annotated[float, _SHARE] = 0.25,
    top: Annotated[float, _SHARE] = 0.25,
    width: Annotated[float, _SHARE] = 0.5,
    height: Annotated[float, _SHARE] = 0.5,
    start: Annotated[float, _SHARE] = 0.0,
    end: Annotated[float, _SHARE] = 1.0,
) -> Conditioning:
    """Say what stands in a box of the picture; the prompt should name it too.

    Sides are shares of the picture. The words' pooled embedding [1, D] and the box's corners go to
    the layers of `gligen.attach`. Several in a row add up, 30 at most. `start` and `end` are shares
    of the noise schedule: an end of 0.3 lays out by boxes and paints without. Put
    `gligen.no_boxes` on the unwanted prompt. Li et al. 2023, arXiv 2301.07093, section 4.
    """
    from nodes.diffusion import gligen, image_prompts, text_encoding

    if start > end:
        raise InputError("start", f"{start:g}", f"at most end, {end:g}")
    corners = (left, top, min(left + width, 1.0), min(top + height, 1.0))
    if corners[2] <= left or corners[3] <= top:
        raise InputError("width", f"a box of {width:g} × {height:g}", "one with some room in it")
    words = text_encoding.encode(clip, clip.tokenizer.tokenize(text).ids).pooled
    assert words is not None

    def boxed(one: Conditioning) -> Conditioning:
        before = gligen.boxes_of(one, words.shape[1])
        try:
            return gligen.with_boxes(one, gligen.one_more(before, corners, words))
        except ValueError as error:
            raise InputError("conditioning", str(error), "one with room for a box") from None

    return image_prompts.between(conditioning, start, end, boxed)


@node("gligen.no_boxes", title="No GLIGEN boxes")
def no_boxes(conditioning: Conditioning, clip: Clip) -> Conditioning:
    """The unwanted prompt's side of `gligen.box`: the layers look at 30 empty places.

    As in training, where boxes were left out; without this node the layers are passed by.
    """
    from nodes.diffusion import gligen

    width = int(clip.encoder.config.hidden_size)
    texts = [gligen.with_boxes(text, gligen.no_boxes(width)) for text in conditioning.more]
    first = gligen.with_boxes(conditioning, gligen.no_boxes(width))
    return replace(first, more=tuple(texts))
