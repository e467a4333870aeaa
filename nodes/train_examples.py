"""Train nodes: pictures with captions, as latents, for adapters. Drawn ones, or one's own."""

from __future__ import annotations

from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Seed, Text
from nodes.types import Examples, Image, Latent, SceneSet, Vae

_SHAPES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond")
_COLOURS = (
    *("red", "orange", "yellow", "green", "cyan"),
    *("blue", "purple", "pink", "white", "black"),
)


@node("train_examples.outlined")
def outlined(scenes: SceneSet, vae: Vae, *, ctx: RunContext) -> Examples:
    """Draw every shape as a hollow outline: a style to teach by a LoRA.

    Captions are those of the filled shapes, so the style belongs to no word. Latents
    [N, C, 16, 16], eight captions each.
    """
    from nodes.diffusion.training.examples import drawn_examples
    from nodes.diffusion.training.styles import draw_outlined

    return drawn_examples(scenes.scenes, vae, draw_outlined, progress=ctx.progress)


@node("train_examples.named")
def named(
    vae: Vae,
    word: Annotated[str, Text()] = "<house>",
    upper_shape: Annotated[str, Choice(*_SHAPES)] = "triangle",
    upper_colour: Annotated[str, Choice(*_COLOURS)] = "red",
    lower_shape: Annotated[str, Choice(*_SHAPES)] = "square",
    lower_colour: Annotated[str, Choice(*_COLOURS)] = "white",
    count: Annotated[int, Number(1, 10_000, 1)] = 64,
    seed: Annotated[int, Seed()] = 0,
    *,
    ctx: RunContext,
) -> Examples:
    """Draw one thing above another and call both together by one new word.

    A concept to teach by textual inversion, on many backgrounds. Captions name the word and the
    background alone, as "a <house> on a blue background".
    """
    from nodes.diffusion.training.examples import drawn_examples
    from nodes.diffusion.training.scenes import draw
    from nodes.diffusion.training.styles import named_caption, named_scenes

    if not word.strip():
        raise InputError("word", "nothing", "a word for what is drawn")
    scenes = named_scenes((upper_shape, upper_colour), (lower_shape, lower_colour), count, seed)
    return drawn_examples(
        scenes,
        vae,
        draw,
        lambda scene, rng: named_caption(scene, word, rng),
        progress=ctx.progress,
    )


@node("train_examples.edges")
def edges(scenes: SceneSet, vae: Vae, *, ctx: RunContext) -> Examples:
    """Turn, stretch and move every shape, and give the edges as a hint: what a ControlNet learns.

    No caption tells how a shape lies, only the hint does: lines one pixel thin, white on black, as
    Canny's detector draws them. Hints uint8 [N, 128, 128, 1].
    """
    from nodes.diffusion.training.examples import drawn_examples
    from nodes.diffusion.training.styles import draw_freed, edge_map, freed

    return drawn_examples(
        [freed(scene) for scene in scenes.scenes],
        vae,
        draw_freed,
        hint=lambda scene: edge_map(draw_freed(scene)),
        progress=ctx.progress,
    )


@node("train_examples.pictures")
def pictures(image: Image, captions: list[str], vae: Vae, *, ctx: RunContext) -> Examples:
    """Make examples of one's own pictures: picture k goes with caption k.

    [N, H, W, 3] to latents [N, C, H / 8, W / 8]; both sides must be multiples of the autoencoder's
    factor.
    """
    from nodes.diffusion import autoencode

    height, width = image.pixels.shape[1:3]
    if height % vae.factor or width % vae.factor:
        raise InputError(
            "image", f"{width} x {height}", f"sides that are multiples of {vae.factor}"
        )
    if len(captions) != len(image.pixels) or not captions:
        expected = f"one for each of {len(image.pixels)} pictures, at least one"
        raise InputError("captions", f"{len(captions)}", expected)
    encoded = autoencode.encode(vae, image.pixels[..., :3], None, ctx.progress)
    return Examples(encoded.mean.cpu(), tuple((text,) for text in captions))


@node("train_examples.hinted", output="examples")
def hinted(examples: Examples, hint: Image) -> Examples:
    """Lay one's own hints (edges, depth, poses …) beside the examples: hint k is picture k's.

    [N, H, W, 3] in 0..1, as large as the pictures.
    """
    import torch

    wanted = (len(examples.captions), *(8 * side for side in examples.latents.shape[2:]))
    if tuple(hint.pixels.shape[:3]) != wanted:
        got = " x ".join(map(str, hint.pixels.shape[:3]))
        raise InputError("hint", got, " x ".join(map(str, wanted)), "resize and batch the hints")
    levels = (hint.pixels[..., :3] * 255).round().to(torch.uint8).cpu()
    return Examples(examples.latents, examples.captions, levels)


@node("train_examples.latents")
def latents(examples: Examples, count: Annotated[int, Number(1, 256, 1)] = 16) -> Latent:
    """Take latents from all over the examples, to decode and look at what is trained on."""
    return Latent(examples.latents[_spread(examples, count)])


@node("train_examples.hints")
def hints(examples: Examples, count: Annotated[int, Number(1, 256, 1)] = 16) -> Image:
    """Take the hints of the same examples as `train_examples.latents`, [count, H, W, 3]."""
    if examples.hints is None:
        raise InputError("examples", "no hints", "a hint for each picture")
    pixels = examples.hints[_spread(examples, count)].float() / 255
    return Image(pixels.expand(-1, -1, -1, 3).contiguous())


def _spread(examples: Examples, count: int) -> list[int]:
    """`count` places, evenly over all, or all if there are no more."""
    total = len(examples.captions)
    return [k * total // min(count, total) for k in range(min(count, total))]
