"""The whole way from noise to picture in one call, over the same functions as the single steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from nodes.diffusion import samplers
from nodes.diffusion.guidance import cfg
from nodes.diffusion.noise import step_noise
from nodes.diffusion.prediction import predict_epsilons
from nodes.diffusion.samplers import Past
from nodes.diffusion.schedules import timestep_of_sigma
from nodes.types import Conditioning, Model, NoiseSchedule, Step


@dataclass(frozen=True)
class Run:
    """What stays the same over all steps: how to ask the model, its schedule, and the seed."""

    ask: Callable[[Tensor, Step], Tensor]
    schedule: NoiseSchedule
    seed: int

    def noise(self, x: Tensor, step: Step) -> Tensor | None:
        """Fresh noise for a step, None at the last, which adds none."""
        return step_noise(x, self.seed, step.index) if step.sigma_next > 0 else None


Move = Callable[[Run, Tensor, Tensor, Step, Past], tuple[Tensor, Past]]


def guided(
    model: Model, positive: Conditioning, negative: Conditioning, scale: float
) -> Callable[[Tensor, Step], Tensor]:
    """How to ask a model under guidance; at scale 1 the negative prompt would not count."""

    def ask(x: Tensor, step: Step) -> Tensor:
        if scale == 1:
            return predict_epsilons(model, x, step, [positive])[0]
        uncond, cond = predict_epsilons(model, x, step, [negative, positive])
        return cfg(cond, uncond, scale)

    return ask


def walk(
    run: Run, name: str, x: Tensor, steps: Sequence[Step], after: Callable[[Tensor, Step], Tensor]
) -> Tensor:
    """x at the end of `steps`; `after` gets each step's latent and gives the one to go on with."""
    past: Past = ()
    for step in steps:
        x, past = MOVES[name](run, x, run.ask(x, step), step, past)
        x = after(x, step)
    return x


def _euler(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.euler(x, eps, step.sigma, step.sigma_next), past


def _ancestral(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.ancestral(x, eps, step, 1.0, run.noise(x, step)), past


def _ddim(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.ddim(x, eps, step, 0.0, None), past


def _ddpm(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.ddpm(x, eps, step, run.noise(x, step)), past


def _lms(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.lms(x, eps, step, past, 4)


def _heun(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    moved = samplers.euler(x, eps, step.sigma, step.sigma_next)
    if step.sigma_next == 0:
        return moved, past
    there = replace(step, sigma=step.sigma_next, timestep=step.timestep_next)
    return samplers.heun_correct(x, eps, run.ask(moved, there), step), past


def _dpm2(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    if step.sigma_next == 0:
        return samplers.euler(x, eps, step.sigma, step.sigma_next), past
    middle = samplers.middle_sigma(step.sigma, step.sigma_next)
    moved = samplers.euler(x, eps, step.sigma, middle)
    there = replace(step, sigma=middle, timestep=timestep_of_sigma(run.schedule, middle))
    return samplers.dpm2_correct(x, eps, run.ask(moved, there), step), past


def _dpmpp_2m(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.dpmpp_2m(x, eps, step, past)


def _dpmpp_2m_sde(run: Run, x: Tensor, eps: Tensor, step: Step, past: Past) -> tuple[Tensor, Past]:
    return samplers.dpmpp_2m_sde(x, eps, step, past, 1.0, run.noise(x, step))


MOVES: dict[str, Move] = {
    "euler": _euler,
    "euler_ancestral": _ancestral,
    "heun": _heun,
    "dpm2": _dpm2,
    "lms": _lms,
    "ddim": _ddim,
    "ddpm": _ddpm,
    "dpmpp_2m": _dpmpp_2m,
    "dpmpp_2m_sde": _dpmpp_2m_sde,
}
