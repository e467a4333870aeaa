"""DPM-Solver in one step of order 1, 2 or 3, and the two samplers that choose their own steps.

Lu et al. 2022, arXiv 2206.00927, for x = x0 + sigma * epsilon, over t = -log sigma; after
k-diffusion's forms. Only for diffusions: in a flow the first alpha is 0 and the formulas divide by
it. Both samplers go from the first sigma of a list to its last above 0, and then, if the list goes
to 0, take the estimate as their last step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from nodes.diffusion.noise_levels import split_sigma
from nodes.diffusion.samplers import denoised, euler
from nodes.diffusion.sampling_run import After, Run
from nodes.diffusion.schedules import timestep_of_sigma
from nodes.types import Answer, Step


@dataclass(frozen=True)
class Looks:
    """The slopes of one step, each asked for once: at its start, and at shares of it in t."""

    run: Run
    x: Tensor
    step: Step
    eps: Tensor

    def at(self, sigma: float, moved: Tensor) -> Tensor:
        return self.run.slope(moved, self.run.at(self.step, sigma))

    def length(self) -> float:
        return math.log(self.step.sigma / self.step.sigma_next)

    def sigma(self, share: float) -> float:
        return self.step.sigma * math.exp(-share * self.length())


def order_2(looks: Looks, share: float, eps_there: Tensor) -> Tensor:
    """x - sigma' (e^h - 1) (eps + (eps_r - eps) / 2r): DPM-Solver-2."""
    lean = (eps_there - looks.eps) / (2 * share)
    return euler(looks.x, looks.eps + lean, looks.step.sigma, looks.step.sigma_next)


def first_look(looks: Looks, share: float) -> Tensor:
    """The slope at a share of the step, reached by Euler."""
    sigma = looks.sigma(share)
    return looks.at(sigma, euler(looks.x, looks.eps, looks.step.sigma, sigma))


def order_3(looks: Looks, eps_there: Tensor) -> Tensor:
    """DPM-Solver-3 with shares 1/3 and 2/3; `eps_there` is the slope at the first."""
    one, two, h = 1 / 3, 2 / 3, looks.length()
    sigma, last = looks.sigma(two), looks.step.sigma_next
    moved = euler(looks.x, looks.eps, looks.step.sigma, sigma)
    lean = sigma * (two / one) * (math.expm1(two * h) / (two * h) - 1)
    eps_two = looks.at(sigma, moved - lean * (eps_there - looks.eps))
    moved = euler(looks.x, looks.eps, looks.step.sigma, last)
    return moved - last / two * (math.expm1(h) / h - 1) * (eps_two - looks.eps)


def one_step(looks: Looks, order: int) -> Tensor:
    if order == 1:
        return euler(looks.x, looks.eps, looks.step.sigma, looks.step.sigma_next)
    if order == 2:
        return order_2(looks, 0.5, first_look(looks, 0.5))
    return order_3(looks, first_look(looks, 1 / 3))


def fast_orders(evaluations: int) -> list[int]:
    """Orders that add up to a number of evaluations: as many of 3 as go, then 2 and 1."""
    whole, rest = divmod(evaluations, 3)
    return [3] * (whole - 1) + [2, 1] if rest == 0 else [3] * whole + [rest]


def dpm_fast(run: Run, x: Tensor, after: After) -> Tensor:
    """As many evaluations as the list has steps, in steps of equal length in t: section 3.3."""
    high, low, to_zero = _ends(run.steps)
    evaluations = len(run.steps) - to_zero
    orders = fast_orders(evaluations) if evaluations else []
    count, h = len(orders), math.log(high / low) / max(len(orders), 1)
    levels = [high * math.exp(-h * i) for i in range(count)] + [low]
    for i, order in enumerate(orders):
        step = _own_step(run, i, count + to_zero, levels[i], levels[i + 1])
        down, up = _down(step, low, run.number("eta"))
        looks = Looks(run, x, replace(step, sigma_next=down), run.slope(x, step))
        x = one_step(looks, order)
        x = after(x + up * run.draw(x, step) if up else x, step)
    return _to_the_estimate(run, x, after, count, low) if to_zero else x


def dpm_adaptive(run: Run, x: Tensor, after: After) -> Tensor:
    """Steps as long as two orders agree: section 3.4. Each picture of a batch steps on its own.

    A picture's steps depend on nothing but it, so it is asked for with copies of itself in the
    places of the others: a batch of B costs B times as much for each.
    """
    if len(x) == 1:
        return _adaptive(run, x, after)
    return torch.cat([_alone(run, x, after, k) for k in range(len(x))])


def _alone(run: Run, x: Tensor, after: After, k: int) -> Tensor:
    def ask(row: Tensor, step: Step) -> Answer:
        answer = run.ask(row.expand_as(x), step)
        uncond = None if answer.uncond is None else answer.uncond[k : k + 1]
        return Answer(answer.noise[k : k + 1], uncond)

    def own(row: Tensor, step: Step) -> Tensor:
        return after(row.expand_as(x), step)[k : k + 1]

    return _adaptive(replace(run, ask=ask, seed=run.seed + k), x[k : k + 1], own)


def _adaptive(run: Run, x: Tensor, after: After) -> Tensor:
    high, low, to_zero = _ends(run.steps)
    eta, order = run.number("eta"), run.whole("order")
    control = Control(run, 1.5 if eta else float(order))
    h, sigma, accepted, x_low_last = run.number("h_init"), high, 0, x
    while math.log(sigma / low) > 1e-5:
        step = _own_step(run, accepted, len(run.steps), sigma, max(low, sigma * math.exp(-h)))
        down, up = _down(step, low, eta)
        looks = Looks(run, x, replace(step, sigma_next=down), run.slope(x, step))
        x_low, x_high = _two_orders(looks, order)
        size = torch.maximum(x_low.abs(), x_low_last.abs())
        allowed = (run.number("rtol") * size).clamp_min(run.number("atol"))
        error = float(((x_low - x_high) / allowed).square().mean().sqrt())
        factor = control.factor(error)
        # What is not a number is let through: who looks at each step stops there.
        if not factor < run.number("accept_safety"):
            control.accept()
            x_low_last, sigma = x_low, step.sigma_next
            x = after(x_high + up * run.draw(x, step) if up else x_high, step)
            accepted += 1
        h *= factor
    return _to_the_estimate(run, x, after, accepted, low) if to_zero else x


class Control:
    """The PID controller of the step's length: each error weighs with its own power."""

    def __init__(self, run: Run, order: float) -> None:
        p, i, d = (run.number(name) for name in ("pcoeff", "icoeff", "dcoeff"))
        self.powers = (p + i + d) / order, -(p + 2 * d) / order, d / order
        self.inverse: list[float] = []

    def factor(self, error: float) -> float:
        """By how much the next step may be longer, held between 0.2 and 2.6 by an arc tangent."""
        now = 1 / (error + 1e-8)
        self.inverse = [now, *self.inverse[1:]] if self.inverse else [now] * 3
        both = zip(self.inverse, self.powers, strict=True)
        return 1 + math.atan(math.prod(inverse**power for inverse, power in both) - 1)

    def accept(self) -> None:
        self.inverse = [self.inverse[0], *self.inverse[:2]]


def _two_orders(looks: Looks, order: int) -> tuple[Tensor, Tensor]:
    """The step by order - 1 and by order, which share their slopes."""
    if order == 2:
        return one_step(looks, 1), one_step(looks, 2)
    eps_there = first_look(looks, 1 / 3)
    return order_2(looks, 1 / 3, eps_there), order_3(looks, eps_there)


def _ends(steps: Sequence[Step]) -> tuple[float, float, bool]:
    """The first sigma, the last above 0, and whether the list goes on to 0."""
    last = steps[-1]
    return steps[0].sigma, last.sigma_next or last.sigma, last.sigma_next == 0


def _own_step(run: Run, index: int, count: int, sigma: float, sigma_next: float) -> Step:
    """A step between levels of the sampler's own choice, told as the model knows them."""
    first = run.steps[0].index
    told, told_next = (timestep_of_sigma(run.schedule, s) for s in (sigma, sigma_next))
    return Step(first + index, first + count, sigma, sigma_next, told, told_next)


def _down(step: Step, low: float, eta: float) -> tuple[float, float]:
    """How far down to go, not below `low`, and the noise that brings it up to the next level."""
    if eta == 0:
        return step.sigma_next, 0.0
    down = max(split_sigma(step.sigma, step.sigma_next, eta)[0], low)
    return down, math.sqrt(max(step.sigma_next**2 - down**2, 0.0))


def _to_the_estimate(run: Run, x: Tensor, after: After, index: int, low: float) -> Tensor:
    step = _own_step(run, index, index + 1, low, 0.0)
    return after(denoised(x, run.slope(x, step), low), step)
