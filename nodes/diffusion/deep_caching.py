"""Steps that run a UNet's outermost level only, with what an earlier step found beneath it.

Deep features change slowly over the steps: Ma et al. 2023 (DeepCache), arXiv 2312.00858. What is
remembered is a value that goes in and comes out; nothing is kept in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from nodes.diffusion.cloning import with_children
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import Answer, Conditioning, DeepFeatures, Model, Step

Ask = Callable[[Tensor, Step], Answer]


class _StaleError(Exception):
    """The features belong to other calls than these."""


class _Recording(nn.Module):  # type: ignore[misc]
    """A block that also gives what it returns to a list."""

    def __init__(self, real: Any, found: list[Tensor]) -> None:
        super().__init__()
        self.real, self.found, self.resnets = real, found, real.resnets
        self.has_cross_attention = getattr(real, "has_cross_attention", False)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        self.found.append(self.real(*args, **kwargs))
        return self.found[-1]


class _Nothing(nn.Module):  # type: ignore[misc]
    """A block that is left out. What it gives is a zero without a shape, to which everything can be
    added; `count` is how many features the real one would have kept for the way up."""

    has_cross_attention = True

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        self.count = count

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        zero = hidden_states.new_zeros(())
        return (zero, (zero,) * self.count) if self.count else zero


class _Up(_Nothing):
    """A block on the way up that is left out."""

    def __init__(self, real: Any) -> None:
        super().__init__()
        self.resnets = real.resnets


class _Remembered(nn.Module):  # type: ignore[misc]
    """The block beneath the outermost level on the way up: it gives what is remembered."""

    has_cross_attention = True

    def __init__(self, real: Any, features: Iterator[Tensor]) -> None:
        super().__init__()
        self.resnets = real.resnets
        self.features = features

    def forward(self, hidden_states: Tensor, temb: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        found = next(self.features, None)
        if found is None or len(found) != len(temb):
            raise _StaleError
        return found


def supports(network: Any) -> bool:
    """Whether a network has an outermost level and something beneath it."""
    return type(network).__name__ == "UNet2DConditionModel" and len(network.up_blocks) > 1


def predict(
    model: Model,
    x: Tensor,
    step: Step,
    conditionings: Sequence[Conditioning],
    features: DeepFeatures | None,
    every: int,
) -> tuple[list[Tensor], DeepFeatures]:
    """As `predict_epsilons`; whole at every `every`-th step, and where the features do not fit."""
    if features is not None and step.index % every:
        try:
            return _shallow(model, x, step, conditionings, features), features
        except _StaleError:
            pass
    return _whole(model, x, step, conditionings)


def _whole(
    model: Model, x: Tensor, step: Step, conditionings: Sequence[Conditioning]
) -> tuple[list[Tensor], DeepFeatures]:
    found: list[Tensor] = []
    blocks = list(model.network.up_blocks)
    blocks[-2] = _Recording(blocks[-2], found)
    network = with_children(model.network, up_blocks=nn.ModuleList(blocks))
    answers = predict_epsilons(replace(model, network=network), x, step, conditionings)
    return answers, DeepFeatures(tuple(found))


def _shallow(
    model: Model,
    x: Tensor,
    step: Step,
    conditionings: Sequence[Conditioning],
    features: DeepFeatures,
) -> list[Tensor]:
    first, *beneath = model.network.down_blocks
    *rising, last_beneath, outermost = model.network.up_blocks
    left = iter(features.tensors)
    down = [_Nothing(len(block.resnets) + bool(block.downsamplers)) for block in beneath]
    up = [*(_Up(block) for block in rising), _Remembered(last_beneath, left), outermost]
    network = with_children(
        model.network,
        down_blocks=nn.ModuleList([first, *down]),
        mid_block=_Nothing(),
        up_blocks=nn.ModuleList(up),
    )
    answers = predict_epsilons(replace(model, network=network), x, step, conditionings)
    if next(left, None) is not None:
        raise _StaleError
    return answers
