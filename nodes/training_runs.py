"""What the training nodes have in common: their inputs, and how a run of theirs reports. No nodes.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nodeflow.confinement import confined
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


def loop(steps: int, learning_rate: float, seed: int, weight_decay: float = 0.01) -> Loop:
    """How long and how fast to train."""
    from nodes.diffusion.training.loop import Loop

    if learning_rate <= 0:
        raise InputError("learning_rate", f"{learning_rate:g}", "more than 0")
    return Loop(steps, learning_rate, weight_decay=weight_decay, seed=seed)


def state_folder(folder: str, ctx: RunContext) -> Path | None:
    """Where the training's state is kept; nowhere without a name.

    Raises:
        InputError: a server runs the graph. The state is a pickle, and it opens none.
    """
    if folder and confined():
        hint = "leave it empty: the training begins anew each time"
        raise InputError("folder", repr(folder), "no folder, as this runs on a server", hint)
    return ctx.output_dir / folder if folder else None


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
