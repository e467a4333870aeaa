"""The one training loop: AdamW, warm-up, one long cosine, clipping, checkpoints.

Whatever is random in a step is drawn from (seed, step), so a resumed run repeats the run that was
never stopped, bit for bit, and a state holds no random generator.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic

import torch
from torch import Tensor, nn

from nodes.diffusion.training.checkpointing import Recipe, State, load_state, save_state
from nodes.diffusion.training.resuming import collect, restore

Values = dict[str, float]
History = list[Values]
OnStep = Callable[[int, int, Values], None]  # step, steps in all, what was measured; raises to stop
Progress = Callable[[int], float]  # step to 0..1: how much of the schedule is done
ShareGradients = Callable[[list[Tensor]], None]  # replaces them by the mean over all processes
LossOf = Callable[[int, float], tuple[Tensor, Values]]


@dataclass(frozen=True)
class Loop:
    """How long and how fast to train."""

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 100
    final_rate: float = 0.03  # of the learning rate, at the end of the cosine
    weight_decay: float = 0.01
    clip: float = 1.0
    save_every: int = 500
    seed: int = 0


FREE = ("steps", "save_every")  # what may change when a training goes on: it may be longer
SAVE_SECONDS = 300.0  # of slow steps: a process that is killed has lost no more than so much


def rate_at(step: int, progress: float, loop: Loop) -> float:
    """Linear warm-up, then a cosine over the whole progress from 1 down to `final_rate`."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    share = loop.final_rate + (1 - loop.final_rate) * cosine
    return loop.learning_rate * share * min(1.0, (step + 1) / max(loop.warmup, 1))


@dataclass(frozen=True)
class Training:
    """What is trained, and where its state is kept."""

    modules: Mapping[str, nn.Module]
    weights: Mapping[str, nn.Parameter]
    optimizer: torch.optim.AdamW
    recipe: Recipe
    history: History
    folder: Path | None

    def save(self, step: int) -> None:
        """Keep the state, where there is a folder for it."""
        if self.folder:
            tensors = collect(self.modules, self.weights, self.optimizer)
            save_state(self.folder, State(step, self.recipe, self.history, tensors))

    def resume(self) -> int:
        """Fill everything from the folder's state; the step to go on from.

        Raises:
            StateError: the state there cannot be read, or is of another training.
        """
        state = load_state(self.folder) if self.folder else None
        if state is None:
            return 0
        restore(state, self.recipe, self.modules, self.weights, self.optimizer)
        self.history.extend(state.history)
        return state.step


def train(
    parts: Mapping[str, nn.Module],
    loss_of: LossOf,
    loop: Loop,
    *,
    kept: Mapping[str, nn.Module] | None = None,
    after_step: Callable[[int], None] | None = None,
    recipe: Recipe | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
    share_gradients: ShareGradients | None = None,
) -> History:
    """Train `parts` in place. `kept` (such as an EMA) is saved and resumed, but not optimised.

    With a `folder` the run goes on from the state there, which has to have the same `recipe`: plain
    values that tell this training from others. `progress` other than step / steps lets a run be
    measured in time; `share_gradients` lets processes train one model together.
    """
    training = _training(parts, kept or {}, loop, recipe or {}, folder)
    optimizer, weights = training.optimizer, list(training.weights.values())
    step = saved = training.resume()
    saved_at = monotonic()
    while (done := progress(step) if progress else step / loop.steps) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, done, loop)
        loss, values = loss_of(step, done)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if share_gradients:
            share_gradients([weight.grad for weight in weights if weight.grad is not None])
        nn.utils.clip_grad_norm_(weights, loop.clip)
        optimizer.step()
        if after_step:
            after_step(step)
        step += 1
        training.history.append({"step": step, "loss": loss.item(), **values})
        if step % loop.save_every == 0 or monotonic() - saved_at > SAVE_SECONDS:
            training.save(step)
            saved, saved_at = step, monotonic()
        _report(on_step, step, loop.steps, training)
    if step > saved:
        training.save(step)
    return training.history


def _training(
    parts: Mapping[str, nn.Module],
    kept: Mapping[str, nn.Module],
    loop: Loop,
    recipe: Recipe,
    folder: Path | None,
) -> Training:
    weights = {
        f"{name}.{key}": weight
        for name, part in parts.items()
        for key, weight in part.named_parameters()
        if weight.requires_grad
    }
    optimizer = torch.optim.AdamW(
        weights.values(),
        lr=loop.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=loop.weight_decay,
        fused=True,
    )
    pace = asdict(loop)
    for free in FREE:
        del pace[free]
    return Training({**parts, **kept}, weights, optimizer, {**pace, **recipe}, [], folder)


def _report(on_step: OnStep | None, step: int, steps: int, training: Training) -> None:
    """Tell how it goes; if that stops the run, keep its state first."""
    if on_step is None:
        return
    try:
        on_step(step, steps, training.history[-1])
    except BaseException:
        training.save(step)
        raise
