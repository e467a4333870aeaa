"""Listening to the cross-attention of a network while it is asked anyway.

Whoever wants to hear sets `EAR` for the time; the network's weights, its answer and the random
numbers stay what they are, to the bit: the probabilities are worked out a second time from what the
layers are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.attention import as_grid, attentions, probabilities
from nodes.types import Conditioning

EAR: ContextVar[Ear | None] = ContextVar("ear", default=None)
"""What listens now, in this thread."""


def key_of(text: Conditioning) -> int:
    """What a text keeps while it is cut into pictures and windows: where its embeddings lie."""
    return int(text.embeddings.untyped_storage().data_ptr())


class Ear:
    """Collects maps. `names` tell the texts apart, by `key_of`; others are numbered.

    Of several asks under one text, before what was heard is taken, the first counts: that is the
    one at the latent where a step begins.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.open = True
        self.without = ""
        """The class of a network that was asked and has no cross-attention to a text."""
        self._maps: dict[tuple[str, str], dict[int, Tensor]] = {}
        """By text and layer, then by the number of the first picture."""

    def name(self, text: Conditioning, number: int) -> str:
        return self.names.get(key_of(text), f"text {number}")

    def hear(self, name: str, layer: str, first: int, maps: Tensor) -> None:
        """Maps [B, tokens, h, w] of the pictures from `first` on."""
        self._maps.setdefault((name, layer), {}).setdefault(first, maps)

    def take(self) -> list[tuple[str, str, Tensor]]:
        """Text, layer and maps [B, tokens, h, w] of all pictures heard since this was last asked,
        in the order of the layers."""
        heard, self._maps = self._maps, {}
        return [
            (name, layer, torch.cat([rows[first] for first in sorted(rows)]))
            for (name, layer), rows in heard.items()
        ]


@contextmanager
def heard(
    network: nn.Module, texts: Sequence[Conditioning], x: Tensor, first: int
) -> Iterator[None]:
    """While the network is asked for pictures x under these texts, rows in that order, let the ear
    that listens now hear."""
    ear = EAR.get()
    if ear is None or not ear.open:
        yield
        return
    layers = attentions(network, cross=True)
    if not layers:
        ear.without = type(network).__name__
    size = (int(x.shape[-2]), int(x.shape[-1]))
    hooks = [
        module.register_forward_pre_hook(
            partial(_before, _sink(ear, layer, texts, len(x), size, first)), with_kwargs=True
        )
        for layer, module in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _before(
    sink: Callable[[Tensor], None], module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    hidden = args[0] if args else kwargs["hidden_states"]
    context = args[1] if len(args) > 1 else kwargs.get("encoder_hidden_states")
    mask = args[2] if len(args) > 2 else kwargs.get("attention_mask")
    if isinstance(context, Tensor) and hidden.ndim == 3:
        with torch.no_grad():
            sink(probabilities(module, hidden, context, mask).mean(dim=1))


def _sink(
    ear: Ear,
    layer: str,
    texts: Sequence[Conditioning],
    batch: int,
    size: tuple[int, int],
    first: int,
) -> Callable[[Tensor], None]:
    def sink(weights: Tensor) -> None:  # [texts B, places, tokens]
        for number, text in enumerate(texts):
            own = weights[number * batch : (number + 1) * batch, :, : text.embeddings.shape[1]]
            tokens = own.shape[2]
            try:
                grid = as_grid(own.transpose(1, 2).flatten(0, 1), *size)  # [B tokens, h, w]
            except ValueError:  # the layer's places are no grid
                continue
            maps = grid.unflatten(0, (len(own), tokens)).to("cpu", torch.float16)
            ear.hear(ear.name(text, number), layer, first, maps)

    return sink
