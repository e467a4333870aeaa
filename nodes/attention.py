"""Looking at attention: what in the picture listens to what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number
from nodes import checks
from nodes.types import Conditioning, Latent, Mask, Model, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@node("attention.word_map")
def word_map(
    model: Model,
    latent: Latent,
    step: Step,
    conditioning: Conditioning,
    slot: Annotated[int, Number(0, 1000, step=1)] = 1,
    places: str = "all",
) -> Mask:
    """Show where in the picture one piece of the prompt is listened to.

    The probability that each place gives to the token in `slot` (0 is the start mark, the first
    piece is 1; `text.tokens` numbers them), the mean over heads and over the cross-attention layers
    in `places` (`all`, `mid`, `down`, `up`, `up.1` …), brought to the latent's size and divided by
    its largest value: [B, H, W] in 0..1. Of a prompt that changes on the way it is the text that
    holds at the step. Tang et al. 2022 (DAAM), arXiv 2210.04885, section 2.
    """
    from nodes.diffusion import attention

    conditioning = _one_text(model, step, conditioning)
    tokens = conditioning.embeddings.shape[1]
    if not 0 <= slot < tokens:
        raise InputError("slot", str(slot), f"0..{tokens - 1}", f"The text has {tokens} slots")
    height, width = latent.samples.shape[-2:]

    def read(weights: Tensor) -> Tensor:  # [n, heads, places, tokens]
        grid = attention.as_grid(weights[..., slot].mean(dim=1), height, width)
        return attention.resized(grid, height, width)

    total = sum(_heard(model, latent, step, conditioning, True, places, read))
    return Mask(total / total.amax(dim=(1, 2), keepdim=True).clamp_min(1e-20))


@node("attention.listened_to")
def listened_to(
    model: Model,
    latent: Latent,
    step: Step,
    conditioning: Conditioning,
    places: str = "mid",
) -> Mask:
    """Show which places of the picture the others listen to more than to the average place.

    The mean over heads of the self-attention in `places`, summed over who listens: 1 where it is
    above 1, what every place would have if attention were even. Of the last such layer, at its own
    size: [B, h, w]. It marks what the model holds important: Hong et al. 2022, arXiv 2210.00939,
    eq. 9 with threshold 1.
    """
    from nodes.diffusion import attention

    height, width = latent.samples.shape[-2:]

    def read(weights: Tensor) -> Tensor:  # [n, heads, places, places]
        received = weights.mean(dim=1).sum(dim=1)
        return attention.as_grid((received > 1).to(weights.dtype), height, width)

    return Mask(_heard(model, latent, step, conditioning, False, places, read)[-1])


def _one_text(model: Model, step: Step, conditioning: Conditioning) -> Conditioning:
    """The text that holds at a step, of several that take turns."""
    from nodes.diffusion import prediction, regions

    every = prediction.texts_of(conditioning)
    held = [text for text in every if regions.holds(text, step, model.betas)]
    if len(held) != 1:
        hint = "Look at one before it is combined with others"
        raise InputError("conditioning", f"{len(held)} texts at this step", "one text", hint)
    return replace(held[0], more=(), spans=())


def _heard(
    model: Model,
    latent: Latent,
    step: Step,
    conditioning: Conditioning,
    cross: bool,
    places: str,
    read: Callable[[Tensor], Tensor],
) -> list[Tensor]:
    """What `read` makes of each layer's probabilities, in the order of the layers."""
    from nodes.diffusion import attention
    from nodes.diffusion.prediction import in_one_batch

    checks.fits_model(model, latent, "conditioning", conditioning)
    checks.can_predict(model, step)
    heard: list[Tensor] = []
    try:
        network = attention.listening(
            model.network,
            cross,
            places,
            lambda weights: heard.append(read(weights)),
        )
    except ValueError as error:
        wanted = "names of blocks with attention"
        raise InputError("places", repr(places), wanted, str(error)) from None
    in_one_batch(replace(model, network=network), latent.samples, step, [conditioning])
    return heard
