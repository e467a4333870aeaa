"""How each sampler asks and steps: thin, over the pure functions. `sampling` lists them by name.

A move goes from one sigma to the next. (run, x, step, past) → (x there, what the next step gets).
"""

from __future__ import annotations

from torch import Tensor

from nodes.diffusion import samplers, samplers_adams, samplers_sde
from nodes.diffusion import samplers_multistep as multistep
from nodes.diffusion.deis import deis as deis_step
from nodes.diffusion.noise_levels import split
from nodes.diffusion.samplers import Past, denoised
from nodes.diffusion.sampling_run import Move, Run
from nodes.diffusion.schedules import sigma_of_share
from nodes.types import Step

Moved = tuple[Tensor, Past]


def euler(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    x, step = run.churned(x, step)
    return samplers.euler(x, run.slope(x, step), step.sigma, step.sigma_next), past


def ancestral(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eps = run.slope(x, step)
    return samplers.ancestral(x, eps, step, run.number("eta"), run.noise(x, step)), past


def cfg_pp(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, answer = run.number("eta"), run.ask(x, step)
    return samplers.cfg_pp(x, answer, step, eta, run.noise(x, step)), past


def ddim(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta = run.number("eta")
    return samplers.ddim(x, run.slope(x, step), step, eta, run.noise(x, step)), past


def ddpm(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    return samplers.ddpm(x, run.slope(x, step), step, run.noise(x, step)), past


def lcm(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    return samplers.lcm(x, run.slope(x, step), step, run.noise(x, step)), past


def heun(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    x, step = run.churned(x, step)
    eps = run.slope(x, step)
    moved = samplers.euler(x, eps, step.sigma, step.sigma_next)
    if step.sigma_next == 0:
        return moved, past
    there = run.at(step, step.sigma_next)
    return samplers.heun_correct(x, eps, run.slope(moved, there), step), past


def heunpp2(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    """Looks ahead as far as two steps, but not past the last."""
    x, step = run.churned(x, step)
    slopes = [run.slope(x, step)]
    ahead = [s for s in run.steps if s.index > step.index][:2]
    place, sigma = x, step.sigma
    for later in ahead:
        place = samplers.euler(place, slopes[-1], sigma, later.sigma)
        slopes.append(run.slope(place, later))
        sigma = later.sigma
    weights = samplers.heunpp_weights(run.steps[0].sigma, [s.sigma for s in ahead])
    mean = slopes[0] * weights[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        mean = mean + weight * slope
    return samplers.euler(x, mean, step.sigma, step.sigma_next), past


def dpm_2(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    x, step = run.churned(x, step)
    eps = run.slope(x, step)
    if step.sigma_next == 0:
        return samplers.euler(x, eps, step.sigma, step.sigma_next), past
    middle = samplers.middle_sigma(step.sigma, step.sigma_next)
    moved = samplers.euler(x, eps, step.sigma, middle)
    slope = run.slope(moved, run.at(step, middle))
    return samplers.dpm2_correct(x, eps, slope, step), past


def dpm_2_ancestral(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, slope = run.number("eta"), run.slope(x, step)
    down = split(step, eta).down
    if down > 0:
        middle = samplers.middle_sigma(step.sigma, down)
        moved = samplers.euler(x, slope, step.sigma, middle)
        slope = run.slope(moved, run.at(step, middle))
    return samplers.ancestral(x, slope, step, eta, run.noise(x, step)), past


def dpmpp_2s_ancestral(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, eps = run.number("eta"), run.slope(x, step)
    if split(step, eta).down == 0:
        return samplers.ancestral(x, eps, step, eta, run.noise(x, step)), past
    moved, middle = samplers.dpmpp_2s_trial(x, eps, step, eta)
    clean = run.clean(moved, run.at(step, middle))
    return samplers.dpmpp_2s_correct(x, clean, step, eta, run.noise(x, step)), past


def dpmpp_2s_ancestral_cfg_pp(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    """In the manner of CFG++: x moved by what guidance changes, D - D_uncond, before each part.

    `uncond_at` says which D_uncond counts for the whole step: `middle` is ComfyUI's, whose pictures
    its users know, but mixes two levels, so that more steps do not bring it nearer to the data;
    `start` does.
    """
    eta, (eps, uncond) = run.number("eta"), run.both(x, step)
    if split(step, eta).down == 0:
        return samplers.ancestral(x, eps, step, eta, run.noise(x, step)), past
    moved, middle = samplers.dpmpp_2s_trial(x, eps, step, eta, uncond)
    eps_there, uncond_there = run.both(moved, run.at(step, middle))
    plain = denoised(x, uncond, step.sigma)
    if run.choice("uncond_at") == "middle":
        plain = denoised(moved, uncond_there, middle)
    shifted = x + step.alpha * (denoised(x, eps, step.sigma) - plain)
    clean = denoised(moved, eps_there, middle)
    return samplers.dpmpp_2s_correct(shifted, clean, step, eta, run.noise(x, step)), past


def dpmpp_sde(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, share = run.number("eta"), run.number("r")
    clean = run.clean(x, step)
    if step.sigma_next == 0:
        return clean, past
    middle, first = samplers_sde.place(step, share), run.noise(x, step)
    moved = samplers_sde.split_towards(x, clean, step, middle, eta, first)
    there = run.clean(moved, run.at(step, middle))
    target, noise = samplers_sde.two_looks(clean, there, share), None
    if first is not None:
        noise = samplers_sde.joined(step, share, first, run.draw(x, step, part=1))
    return samplers_sde.split_towards(x, target, step, step.sigma_next, eta, noise), past


def seeds_2(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, share = run.number("eta"), run.number("r")
    clean = run.clean(x, step)
    if step.sigma_next == 0:
        return clean, past
    there = _seeds_look(run, x, clean, step, (share,), None)
    target = samplers_sde.two_looks(clean, there, share)
    moved = samplers_sde.sde_towards(x, target, step, step.sigma_next, eta)
    return moved + _seeds_noise(run, x, step, (share, 1.0)), past


def seeds_3(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, one, two = run.number("eta"), run.number("r_1"), run.number("r_2")
    clean = run.clean(x, step)
    if step.sigma_next == 0:
        return clean, past
    first = _seeds_look(run, x, clean, step, (one,), None)
    second = _seeds_look(run, x, clean, step, (one, two), (first - clean) * (two / one))
    moved = samplers_sde.sde_towards(x, clean, step, step.sigma_next, eta)
    moved = samplers_sde.leaning(moved, second - clean, step, 1.0, eta, 1 / two)
    return moved + _seeds_noise(run, x, step, (one, two, 1.0)), past


def _seeds_look(
    run: Run, x: Tensor, clean: Tensor, step: Step, shares: tuple[float, ...], lean: Tensor | None
) -> Tensor:
    """The estimate at the last of `shares`, reached with the noise that lies before it."""
    eta, sigma = run.number("eta"), samplers_sde.place(step, shares[-1])
    moved = samplers_sde.sde_towards(x, clean, step, sigma, eta)
    if lean is not None:
        moved = samplers_sde.leaning(moved, lean, step, shares[-1], eta, 1.0)
    return run.clean(moved + _seeds_noise(run, x, step, shares), run.at(step, sigma))


def _seeds_noise(run: Run, x: Tensor, step: Step, shares: tuple[float, ...]) -> Tensor | float:
    eta = run.number("eta")
    if eta == 0:
        return 0.0
    draws = [run.draw(x, step, part) for part in range(len(shares))]
    return samplers_sde.sde_noise(step, shares, eta, draws)


def er_sde(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    kind, eta = run.choice("solver_type"), run.number("eta")
    scale, stages = samplers_sde.er_scale(kind, eta), run.whole("max_stage")
    noise = run.noise(x, step) if kind == "reverse_sde" else None
    if kind == "er_sde" and step.sigma_next > 0:
        noise = run.draw(x, step)  # its own noise, which eta does not weigh
    return samplers_sde.er_sde(x, run.slope(x, step), step, past, scale, stages, noise)


def lms(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    return multistep.lms(x, run.slope(x, step), step, past, run.whole("order"))


def ipndm(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    return multistep.ipndm(x, run.slope(x, step), step, past, run.whole("order"))


def ipndm_v(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    return multistep.ipndm_v(x, run.slope(x, step), step, past, run.whole("order"))


def deis(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    order, over = run.whole("order"), run.choice("over")
    return deis_step(x, run.slope(x, step), step, past, order, over)


def gradient_estimation(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eps = run.slope(x, step)
    return multistep.gradient_estimation(x, eps, step, past, run.number("gamma"))


def gradient_estimation_cfg_pp(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eps, uncond = run.both(x, step)
    return multistep.gradient_estimation(x, eps, step, past, run.number("gamma"), uncond)


def dpmpp_2m(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    return multistep.dpmpp_2m(x, run.slope(x, step), step, past)


def dpmpp_2m_cfg_pp(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eps, uncond = run.both(x, step)
    return multistep.dpmpp_2m_cfg_pp(x, eps, step, past, uncond)


def dpmpp_2m_sde(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, solver, noise = run.number("eta"), run.choice("solver_type"), run.noise(x, step)
    return multistep.dpmpp_2m_sde(x, run.slope(x, step), step, past, eta, noise, solver)


def dpmpp_3m_sde(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, noise = run.number("eta"), run.noise(x, step)
    return multistep.dpmpp_3m_sde(x, run.slope(x, step), step, past, eta, noise)


def res_multistep(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    eta, noise = run.number("eta"), run.noise(x, step)
    return multistep.res_multistep(x, run.slope(x, step), step, past, eta, noise)


def res_multistep_cfg_pp(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    (eps, uncond), eta, noise = run.both(x, step), run.number("eta"), run.noise(x, step)
    return multistep.res_multistep(x, eps, step, past, eta, noise, uncond)


def sa_solver(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    """Correct what the last step predicted, then predict on: one evaluation a step."""
    return _sa_solver(run, x, step, past, evaluate_again=False)


def sa_solver_pece(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
    """As `sa_solver`, asking once more where the corrector has moved x."""
    return _sa_solver(run, x, step, past, evaluate_again=True)


def _sa_solver(run: Run, x: Tensor, step: Step, past: Past, evaluate_again: bool) -> Moved:
    simple, left = run.flag("simple_order_2"), step.count - step.index
    eps, order = run.slope(x, step), run.whole("corrector_order")
    clean = denoised(x, eps, step.sigma)
    if past and order > 0:
        tau = _tau(run, past[0][0], step.sigma)
        # at most two points more than there are steps left: diffusers' lower_order_final
        x = samplers_adams.sa_solver_correct(x, eps, step, past, tau, min(order, left + 2), simple)
        if evaluate_again:
            clean = run.clean(x, step)
    tau, order = _tau(run, step.sigma, step.sigma_next), min(run.whole("predictor_order"), left)
    noise = run.draw(x, step) if step.sigma_next > 0 and tau > 0 else None
    return samplers_adams.sa_solver_predict(x, clean, step, past, tau, order, noise, simple)


def _tau(run: Run, sigma: float, sigma_next: float) -> float:
    """The strength of the noise on the step to sigma_next: eta within the two shares, else 0."""
    high = sigma_of_share(run.schedule, run.number("sde_start_percent"))
    low = sigma_of_share(run.schedule, run.number("sde_end_percent"))
    return run.number("eta") if low <= sigma_next <= high else 0.0


def uni_pc(variant: str) -> Move:
    """UniPC with one of its two scales, `bh1` or `bh2`."""

    def move(run: Run, x: Tensor, step: Step, past: Past) -> Moved:
        left, order = step.count - step.index, run.whole("order")
        known = len(past) - 1 if past else 0
        eps = run.slope(x, step)
        clean = denoised(x, eps, step.sigma)
        before = min(order, left + 1, known)
        x = samplers_adams.unipc_correct(x, eps, step, past, variant, before)
        order = min(order, left, known + 1)
        return samplers_adams.unipc_predict(x, clean, step, past, variant, order)

    return move
