"""Merge nodes: the weights of models are mixed, added and subtracted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Slider, TextArea
from nodes.types import Clip, Model, Vae

if TYPE_CHECKING:
    from nodes.diffusion.adapters.merge import Combine

_AMOUNT = Slider(0, 1, step=0.01)
_MULTIPLIER = Slider(-10, 10, step=0.01)


@contextmanager
def _alike(port: str) -> Iterator[None]:
    from nodes.diffusion.adapters.merge import MergeError

    try:
        yield
    except MergeError as error:
        raise InputError(port, str(error), "models that are built alike") from None


def _merged(port: str, models: list[Model], combine: Combine) -> Model:
    from nodes.diffusion.adapters.merge import merged

    first = models[0]
    for other in models[1:]:
        if other.family != first.family or other.prediction != first.prediction:
            got = f"a {other.family} that predicts {other.prediction}"
            expected = f"a {first.family} that predicts {first.prediction}, as the first"
            raise InputError(port, got, expected)
    with _alike(port):
        return replace(first, network=merged([model.network for model in models], combine))


@node("merge.models")
def models(a: Model, b: Model, amount: Annotated[float, _AMOUNT] = 0.5) -> Model:
    """Mix the weights of two denoisers: pictures between the one's and the other's.

    (1 - amount) a + amount b, per weight; 0 is `a`, 1 has the weights of `b`. Schedule and
    prediction are a's. LoRAs that lie over them count. Wortsman et al. 2022, arXiv 2203.05482.

    Raises InputError where they are of different families, or a weight has another shape; only the
    first layer may have more channels, as an inpainting model's has: those stay.
    """
    from nodes.diffusion.adapters.merge import interpolate

    return _merged("b", [a, b], interpolate(lambda name: amount))


@node("merge.blocks")
def blocks(
    a: Model,
    b: Model,
    input: Annotated[float, _AMOUNT] = 0.5,
    middle: Annotated[float, _AMOUNT] = 0.5,
    output: Annotated[float, _AMOUNT] = 0.5,
    rest: Annotated[float, _AMOUNT] = 0.5,
) -> Model:
    """Mix the weights of two UNets, by other amounts on the way in, in the middle, on the way out.

    (1 - amount) a + amount b, as `merge.models`. `rest` is for what is in no block: the embeddings
    of the time, the last layers. The way in decides more of the composition, the way out of the
    look.
    """
    text = f"IN*={input} M00={middle} OUT*={output} BASE={rest}"
    return _by_block("a", a, b, text, rest)


@node("merge.blocks_by_name")
def blocks_by_name(
    a: Model,
    b: Model,
    amounts: Annotated[str, TextArea()] = "*=0.5",
    rest: Annotated[float, _AMOUNT] = 0.0,
) -> Model:
    """Mix the weights of two denoisers by an amount for each block.

    `amounts` is a text as for `lora.apply_blocks`: `IN00-IN04=0.2, M00=1, OUT*=0.7, BASE=0`, or a
    number for BASE and each block. Blocks that it does not name get `rest`. B00 … and S00 … are the
    blocks of a transformer.
    """
    return _by_block("amounts", a, b, amounts, rest)


@node("merge.add_difference")
def add_difference(
    a: Model, b: Model, c: Model, multiplier: Annotated[float, _MULTIPLIER] = 1.0
) -> Model:
    """Add to one denoiser what training made of another: a + multiplier (b - c).

    `b` was trained from `c`. With an inpainting model as `a`, its base as `c` and any other model
    of that base as `b`, this makes b's inpainting model. Ilharco et al. 2022, arXiv 2212.04089.
    """
    from nodes.diffusion.adapters.merge import add_scaled

    return _merged("b", [a, b, c], add_scaled(multiplier))


@node("merge.add")
def add(a: Model, b: Model, multiplier: Annotated[float, _MULTIPLIER] = 1.0) -> Model:
    """Add the weights of two denoisers: a + multiplier b.

    `b` is a difference, as `merge.subtract` makes it, or the sum is no model that draws anything.
    """
    from nodes.diffusion.adapters.merge import add_scaled

    return _merged("b", [a, b], add_scaled(multiplier))


@node("merge.subtract")
def subtract(a: Model, b: Model) -> Model:
    """Take the weights of one denoiser from another's: a - b, a difference to be added to a third.

    It draws nothing by itself.
    """
    from nodes.diffusion.adapters.merge import add_scaled

    return _merged("b", [a, b], add_scaled(-1.0))


@node("merge.clips")
def clips(a: Clip, b: Clip, amount: Annotated[float, _AMOUNT] = 0.5) -> Clip:
    """Mix the weights of two models' text encoders: (1 - amount) a + amount b.

    Tokenizers and CLIP skip are a's. Raises InputError where they are built otherwise.
    """
    from nodes.diffusion.adapters.merge import interpolate, merged

    if a.kind != b.kind or len(a.others) != len(b.others):
        raise InputError("b", _encoders(b), f"{_encoders(a)}, as the first")
    others = tuple(clips(x, y, amount) for x, y in zip(a.others, b.others, strict=True))
    with _alike("b"):
        encoder = merged([a.encoder, b.encoder], interpolate(lambda name: amount))
    return replace(a, encoder=encoder, others=others)


@node("merge.vaes")
def vaes(a: Vae, b: Vae, amount: Annotated[float, _AMOUNT] = 0.5) -> Vae:
    """Mix the weights of two autoencoders of one latent space: (1 - amount) a + amount b.

    Raises InputError where their latents are scaled otherwise, or they are built otherwise.
    """
    from nodes.diffusion.adapters.merge import interpolate, merged

    if (a.scaling, a.shift) != (b.scaling, b.shift):
        got = f"latents of scaling {b.scaling:g} and shift {b.shift:g}"
        raise InputError("b", got, f"{a.scaling:g} and {a.shift:g}, as the first")
    with _alike("b"):
        network = merged([a.autoencoder, b.autoencoder], interpolate(lambda name: amount))
    return replace(a, autoencoder=network)


def _by_block(port: str, a: Model, b: Model, text: str, rest: float) -> Model:
    from nodes.diffusion.adapters.blocks import BlocksError, block_teller, strengths_of
    from nodes.diffusion.adapters.merge import interpolate

    try:
        amounts = strengths_of(text, a.network, rest)
    except BlocksError as error:
        raise InputError(port, str(error), "an amount per block") from None
    block_of = block_teller(a.network)
    return _merged("b", [a, b], interpolate(lambda name: amounts[block_of(name)]))


def _encoders(clip: Any) -> str:
    return " and ".join(each.kind for each in (clip, *clip.others))
