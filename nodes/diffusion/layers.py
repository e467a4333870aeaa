"""Leaving out blocks of a transformer, on a clone of its modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from nodes.diffusion.cloning import clone_modules

# Lists of blocks in the order in which a picture goes through them, and whether a block takes and
# gives the text beside the picture: (text, picture), as blocks of joint attention do.
_BLOCKS: dict[str, tuple[tuple[str, bool], ...]] = {
    "SD3Transformer2DModel": (("transformer_blocks", True),),
    "FluxTransformer2DModel": (
        ("transformer_blocks", True),
        ("single_transformer_blocks", True),
    ),
    "PixArtTransformer2DModel": (("transformer_blocks", False),),
    "DiTTransformer2DModel": (("transformer_blocks", False),),
}


class Straight(nn.Module):  # type: ignore[misc]
    """A block that changes nothing. `joint`: it gives (text, picture) back."""

    def __init__(self, joint: bool) -> None:
        super().__init__()
        self.joint = joint

    def forward(
        self, hidden_states: Any, encoder_hidden_states: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        return (encoder_hidden_states, hidden_states) if self.joint else hidden_states


def without(network: nn.Module, layers: Sequence[int]) -> nn.Module:
    """A clone without some of its blocks; they are numbered through all lists of blocks.

    Raises:
        ValueError: a network without such blocks, or a number that is none of theirs.
    """
    kinds = _BLOCKS.get(type(network).__name__)
    if kinds is None:
        raise ValueError(
            f"{type(network).__name__} has no such blocks; perturb.identity_attention is for it"
        )
    clone = clone_modules(network)
    places = [
        (getattr(clone, name), k, joint)
        for name, joint in kinds
        for k in range(len(getattr(clone, name)))
    ]
    for layer in layers:
        if not 0 <= layer < len(places):
            raise ValueError(f"there are {len(places)} blocks, 0..{len(places) - 1}")
        blocks, k, joint = places[layer]
        blocks[k] = Straight(joint)
    return clone
