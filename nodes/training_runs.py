"""What the training nodes have in common: their inputs, and how a run of theirs reports. No nodes.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isclose
from typing import TYPE_CHECKING, Annotated, TypeVar

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.widgets import NewPath, Number
from nodes.types import Losses, Model

if TYPE_CHECKING:
    from nodes.diffusion.training.loop import History, Loop

Steps = Annotated[int, Number(1, 1_000_000, 1, "steps")]
Rate = Annotated[float, Number(0, 0.1)]
Batch = Annotated[int, Number(1, 4096, 1)]
Folder = Annotated[str, NewPath()]
T = TypeVar("T")


def loop(steps: int, learning_rate: float, seed: int, weight_decay: float = 0.01) -> Loop:
    """How long and how fast to train."""
    from nodes.diffusion.training.loop import Loop

    if learning_rate <= 0:
        raise InputError("learning_rate", f"{learning_rate:g}", "more than 0")
    return Loop(steps, learning_rate, weight_decay=weight_decay, seed=seed)


def going_on(training: Callable[..., T], folder: str, ctx: RunContext) -> Callable[..., T]:
    """`training`, which shows each step, stops when the run is cancelled, and goes on from the
    state in `folder` under the run's output folder; it keeps none without a name.

    Raises, when it is called:
        InputError: the folder's state cannot be read, or is of another training.
    """

    def run(*given: object, **named: object) -> T:
        from nodes.diffusion.training.checkpointing import StateError

        place = ctx.output_dir / folder if folder else None
        try:
            return training(*given, **named, folder=place, on_step=report(ctx))
        except StateError as error:
            raise InputError("folder", error.got, error.expected, error.hint) from error

    return run


def report(ctx: RunContext) -> Callable[[int, int, dict[str, float]], None]:
    """Shows each step; raises when the run is cancelled."""
    return lambda step, steps, values: ctx.progress(step, steps, **values)


def losses(history: History) -> Losses:
    return Losses(tuple(row["loss"] for row in history))


def on_trained_schedule(model: Model) -> bool:
    """Whether a model's noise schedule is the one that these trainings use."""
    from nodes.diffusion.training.denoiser import beta_schedule

    ours, trained = getattr(model.betas, "alphas_cumprod", ()), beta_schedule().alphas_cumprod
    return len(ours) == len(trained) and all(map(partial(isclose, abs_tol=1e-6), ours, trained))
