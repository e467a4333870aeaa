"""How a weight changes what an encoder says of a word: the two ways in use, and a plainer one."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Weigh = Callable[[Tensor, Tensor, Callable[[], Tensor]], Tensor]
"""(states [tokens, D], weights [tokens, 1], the empty text's states) -> states."""


def from_empty(states: Tensor, weights: Tensor, empty: Callable[[], Tensor]) -> Tensor:
    """ComfyUI's: along the line from the empty text's state at the same place.

    `empty + weight * (state - empty)`, [tokens, D].
    """
    nothing = empty()
    return nothing + weights * (states - nothing)


def keeping_mean(states: Tensor, weights: Tensor, empty: Callable[[], Tensor]) -> Tensor:
    """The web UI's: times the weight, then all of the chunk scaled so that its mean stays."""
    weighted = states * weights
    return weighted * (states.mean() / weighted.mean())


def times(states: Tensor, weights: Tensor, empty: Callable[[], Tensor]) -> Tensor:
    """The web UI's "no norm": times the weight, and nothing else."""
    return states * weights


WEIGHTS: dict[str, Weigh] = {"comfyui": from_empty, "a1111": keeping_mean, "no_norm": times}


def weigh(name: str, states: Tensor, weights: Tensor, empty: Callable[[], Tensor]) -> Tensor:
    """States [tokens, D] with weights [tokens] by the way called `name`.

    A state of weight 1 stays as it is to the bit, unless the others' mean moves it.
    """
    if bool((weights == 1).all()):
        return states
    column = weights[:, None].to(states)
    weighted = WEIGHTS[name](states, column, empty)
    return weighted.where(column != 1, states) if name == "comfyui" else weighted
