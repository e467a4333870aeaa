"""Prompt nodes: weights, changes on the way, textual inversions, a text for each encoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.prompt_encoding import encode, encode_parts
from nodes.prompt_source import CheckedPrompt, check_syntax, embeddings_read
from nodes.types import Clip, Conditioning, PictureSize

_SYNTAXES = Choice("comfyui", "a1111")
_WEIGHTS = Choice("comfyui", "a1111", "no_norm")
_Side = Annotated[int, Number(1, 16384, 8, "px")]
_Place = Annotated[int, Number(0, 16384, 8, "px")]


class PromptParts(NamedTuple):
    conditionings: list[Conditioning]
    weights: list[float]


@node(
    "prompt.encode_comfyui",
    title="Encode (ComfyUI syntax)",
    reads=embeddings_read("text", syntax="comfyui"),
)
def encode_comfyui(
    clip: Clip,
    text: Annotated[str, CheckedPrompt(syntax="comfyui")] = "",
    weights: Annotated[str, _WEIGHTS] = "comfyui",
) -> Conditioning:
    """Turn a prompt with weights into embeddings, read as ComfyUI reads it.

    `(a)` weighs 1.1, `((a))` 1.21, `(a:1.3)` 1.3 whatever is around it; `\\(` and `\\)` are
    brackets, `embedding:name` puts in a textual inversion, `//` and `/* */` are comments. More than
    75 pieces make further chunks of 77, and words of less than 8 pieces stay whole:
    [1, 77 * chunks, D].

    `weights` says what a weight w does to a state z, [77, D]: `comfyui` gives z0 + w (z - z0), z0
    being the empty text's; `a1111` w z, all of the chunk scaled so that its mean stays; `no_norm`
    w z. Faults are told with their columns. With all weights 1 it is what `text.encode` gives.
    """
    return encode(clip, {"text": text}, "comfyui", weights)


@node(
    "prompt.encode_a1111",
    title="Encode (A1111 syntax)",
    reads=embeddings_read("text", syntax="a1111"),
)
def encode_a1111(
    clip: Clip,
    text: Annotated[str, CheckedPrompt(syntax="a1111")] = "",
    weights: Annotated[str, _WEIGHTS] = "a1111",
) -> Conditioning:
    """Turn a prompt with weights and changes into embeddings, read as AUTOMATIC1111's web UI does.

    `(a)` weighs 1.1, `[a]` 1/1.1, `(a:1.3)` 1.3, and what is inside multiplies. `[a:b:0.5]` is a
    for half of the steps, then b; `[a:b:5]` a for five steps; `[a:0.5]` begins, `[a::0.5]` ends;
    `[a|b]` takes turns. BREAK begins a chunk; chunks are cut at a comma among their last 20 pieces.
    A backslash takes a sign as it is, `#` begins a comment. A textual inversion is put in by
    `embedding:name`, or by its file's name as a word.

    Texts joined by AND are predicted for apart and averaged by their weights, `a AND b :0.5`, which
    must be above 0; `prompt.parts` gives them one by one, to be added up. `weights` as in
    `prompt.encode_comfyui`. The result holds a text for each change, with the steps it is for.
    """
    return encode(clip, {"text": text}, "a1111", weights)


@node("prompt.parts", reads=embeddings_read("text", syntax="a1111"))
def parts(
    clip: Clip,
    text: Annotated[str, CheckedPrompt(syntax="a1111")] = "",
    weights: Annotated[str, _WEIGHTS] = "a1111",
) -> PromptParts:
    """Give the texts that AND joins one by one, each with its weight, for guidance that adds them.

    `a red circle AND a star :0.6` are two conditionings with weights 1 and 0.6, written as in
    `prompt.encode_a1111`; a weight below 0 leads away from a text. Composable diffusion adds the
    guidance of each, uncond + scale * sum of w_i (cond_i - uncond): `guider.composed` and, in a
    loop, `guidance_mix.compose`. Liu et al. 2022, arXiv 2206.01714, eq. 11.
    """
    found = encode_parts(clip, {"text": text}, "a1111", weights)
    return PromptParts([text for text, _ in found], [weight for _, weight in found])


@node("prompt.encode_sdxl", title="Encode for SDXL", reads=embeddings_read("text_g", "text_l"))
def encode_sdxl(
    clip: Clip,
    text_g: Annotated[str, CheckedPrompt(syntax="")] = "",
    text_l: Annotated[str, CheckedPrompt(syntax="")] = "",
    width: _Side = 1024,
    height: _Side = 1024,
    crop_left: _Place = 0,
    crop_top: _Place = 0,
    target_width: _Side = 1024,
    target_height: _Side = 1024,
    syntax: Annotated[str, _SYNTAXES] = "comfyui",
) -> Conditioning:
    """Encode a text for each of Stable Diffusion XL's two encoders, and what picture it describes.

    `text_g` goes to the larger encoder (OpenCLIP's bigG), whose pooled text counts, `text_l` to
    CLIP's L: [1, 77 * chunks, 768 + 1280]. Width and height are the picture's before training
    scaled it, the crop is where it was cut; large and uncut makes it look like a good picture.
    Podell et al. 2023, arXiv 2307.01952, section 2.2.
    """
    texts = {"text_l": text_l, "text_g": text_g}
    kinds = {"clip_l": "text_l", "clip_g": "text_g"}
    found = encode(clip, texts, syntax, syntax, kinds)
    size = PictureSize((height, width), (crop_top, crop_left), (target_height, target_width))
    return replace(found, size=size, more=tuple(replace(t, size=size) for t in found.more))


@node("prompt.encode_sd3", title="Encode for SD 3", reads=embeddings_read("clip_l", "clip_g", "t5"))
def encode_sd3(
    clip: Clip,
    clip_l: Annotated[str, CheckedPrompt(syntax="")] = "",
    clip_g: Annotated[str, CheckedPrompt(syntax="")] = "",
    t5: Annotated[str, CheckedPrompt(syntax="")] = "",
    syntax: Annotated[str, _SYNTAXES] = "comfyui",
) -> Conditioning:
    """Encode a text for each of Stable Diffusion 3's three encoders.

    Both CLIPs side by side, then T5's tokens: [1, 77 * chunks + 256, 4096]; without T5 its tokens
    are zeros. Esser et al. 2024, arXiv 2403.03206, section 4.
    """
    kinds = {"clip_l": "clip_l", "clip_g": "clip_g", "t5": "t5"}
    return encode(clip, {"clip_l": clip_l, "clip_g": clip_g, "t5": t5}, syntax, syntax, kinds)


@node("prompt.encode_flux", title="Encode for Flux", reads=embeddings_read("clip_l", "t5"))
def encode_flux(
    clip: Clip,
    clip_l: Annotated[str, CheckedPrompt(syntax="")] = "",
    t5: Annotated[str, CheckedPrompt(syntax="")] = "",
    guidance: Annotated[float, Slider(0, 30, step=0.1)] = 3.5,
    syntax: Annotated[str, _SYNTAXES] = "comfyui",
) -> Conditioning:
    """Encode a text for each of Flux's two encoders, and the guidance scale that it is told.

    T5's tokens [1, 512, 4096], and CLIP's pooled text [1, 768]. The distilled models (dev) answer
    as if guided by `guidance`; schnell is not told.
    """
    kinds = {"clip_l": "clip_l", "t5": "t5"}
    found = encode(clip, {"clip_l": clip_l, "t5": t5}, syntax, syntax, kinds)
    more = tuple(replace(text, guidance=guidance) for text in found.more)
    return replace(found, guidance=guidance, more=more)


@node("prompt.escape", output="text")
def escape(text: str = "", syntax: Annotated[str, _SYNTAXES] = "comfyui") -> str:
    """Put backslashes before all signs that have a meaning in a prompt, so that they are letters.

    What `prompt.encode_comfyui` or `prompt.encode_a1111` reads from the result are the words of
    `text`, brackets included, each with weight 1.
    """
    from nodes.diffusion.prompts import syntax as prompt_syntax

    check_syntax(syntax)
    return prompt_syntax.escape(text, syntax)
