"""The one training loop: AdamW, warm-up, one long cosine, clipping, checkpoints.

Whatever is random in a step is drawn from (seed, step), so a resumed run repeats the run that was
never stopped, bit for bit.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nodes.diffusion.training.checkpointing import load_state, save_state

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


def rate_at(step: int, progress: float, loop: Loop) -> float:
    """Linear warm-up, then a cosine over the whole progress from 1 down to `final_rate`."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    share = loop.final_rate + (1 - loop.final_rate) * cosine
    return loop.learning_rate * share * min(1.0, (step + 1) / max(loop.warmup, 1))


def train(
    parts: Mapping[str, nn.Module],
    loss_of: LossOf,
    loop: Loop,
    *,
    kept: Mapping[str, nn.Module] | None = None,
    after_step: Callable[[int], None] | None = None,
    folder: Path | None = None,
    on_step: OnStep | None = None,
    progress: Progress | None = None,
    share_gradients: ShareGradients | None = None,
) -> History:
    """Train `parts` in place. `kept` (such as an EMA) is saved and resumed, but not optimised.

    With a `folder` the run goes on from the state there. `progress` other than step / steps lets a
    run be measured in time; `share_gradients` lets processes train one model together.
    """
    modules = {**parts, **(kept or {})}
    weights = [p for part in parts.values() for p in part.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        weights,
        lr=loop.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=loop.weight_decay,
        fused=True,
    )
    history: History = []
    step = _resume(folder, modules, optimizer, history)
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
        history.append({"step": step, "loss": loss.item(), **values})
        if folder and step % loop.save_every == 0:
            _save(folder, step, modules, optimizer, history)
        _report(on_step, step, loop.steps, history, folder, modules, optimizer)
    if folder:
        _save(folder, step, modules, optimizer, history)
    return history


def _report(
    on_step: OnStep | None,
    step: int,
    steps: int,
    history: History,
    folder: Path | None,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Tell how it goes; if that stops the run, keep its state first."""
    if on_step is None:
        return
    try:
        on_step(step, steps, history[-1])
    except BaseException:
        if folder:
            _save(folder, step, modules, optimizer, history)
        raise


def _save(
    folder: Path,
    step: int,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    history: History,
) -> None:
    states = {name: module.state_dict() for name, module in modules.items()}
    state = {"step": step, "optimizer": optimizer.state_dict(), "history": history, **states}
    save_state(folder, state)


def _resume(
    folder: Path | None,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    history: History,
) -> int:
    """Fill everything from the folder's state; the step to go on from."""
    state = load_state(folder) if folder else None
    if state is None:
        return 0
    for name, module in modules.items():
        module.load_state_dict(state[name])
    optimizer.load_state_dict(state["optimizer"])
    history.extend(state["history"])
    return int(state["step"])
