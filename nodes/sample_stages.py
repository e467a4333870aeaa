"""Steps of other shapes: Heun++, which looks ahead twice, SEEDS-2, and the rise of a restart.

Where a step to sigma 0 leaves no second look, its answer is not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodeflow.node import node
from nodes.checks import same_shape, sigma_list
from nodes.sample_parts import Eta, Part, SeedPort, Trial, check_stage, check_there, clean, trial
from nodes.types import Latent, NoisePrediction, NoiseSchedule, Sigmas, Step

if TYPE_CHECKING:
    import torch


@node("sample_stages.heunpp_ahead", title="Heun++ ahead")
def heunpp_ahead(latent: Latent, noise: NoisePrediction, step: Step, sigmas: Sigmas) -> Trial:
    """Go on by Euler to the next level of the list, to look from there; stay where it ends.

    Two of these one after the other, the second with what the first and its prediction gave, make
    the three slopes of `sample_stages.heunpp_correct`.
    """
    from nodes.diffusion.samplers import euler

    same_shape("noise", noise.samples, "latent", latent.samples)
    later = _later(sigmas, step)
    if not later:
        return Trial(latent, step)
    moved = euler(latent.samples, noise.samples, step.sigma, later[0].sigma)
    return Trial(Latent(moved, latent.noise_mask), later[0])


@node("sample_stages.heunpp_correct", title="Heun++ correct")
def heunpp_correct(
    latent: Latent,
    noise: NoisePrediction,
    noise_ahead: NoisePrediction,
    noise_further: NoisePrediction,
    step: Step,
    sigmas: Sigmas,
) -> Latent:
    """Go the step along the slopes of three levels, weighed by their share of the first sigma.

    w_k = sigma_k / (n sigma_0) for the n - 1 levels ahead, the rest for the slope of the step's
    beginning; n is 3, 2 before the last step, and 1 there. As ComfyUI's `heunpp2`.
    """
    from nodes.diffusion import samplers

    given = {"noise": noise, "noise_ahead": noise_ahead, "noise_further": noise_further}
    for port, slope in given.items():
        same_shape(port, slope.samples, "latent", latent.samples)
    later = [s.sigma for s in _later(sigmas, step)]
    weights = samplers.heunpp_weights(sigmas.values[0], later)
    mean = noise.samples * weights[0]
    for weight, slope in zip(weights[1:], (noise_ahead, noise_further), strict=False):
        mean = mean + weight * slope.samples
    return Latent(
        samplers.euler(latent.samples, mean, step.sigma, step.sigma_next), latent.noise_mask
    )


@node("sample_stages.seeds_2_trial", title="SEEDS-2 trial")
def seeds_2_trial(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    betas: NoiseSchedule,
    seed: SeedPort = 0,
    eta: Eta = 1.0,
    r: Part = 0.5,
) -> Trial:
    """Go a share `r` of the way along the stochastic equation, with the noise that lies on it."""
    from nodes.diffusion import samplers_sde

    check_stage(latent, noise, step, eta, r)
    if step.sigma_next == 0:
        return Trial(latent, step)
    middle = samplers_sde.place(step, r)
    target = clean(latent, noise, step)
    moved = samplers_sde.sde_towards(latent.samples, target, step, middle, eta)
    moved = moved + _seeds_noise(latent, seed, step, (r,), eta)
    return trial(latent, moved, step, middle, betas)


@node("sample_stages.seeds_2_correct", title="SEEDS-2 correct")
def seeds_2_correct(
    latent: Latent,
    noise: NoisePrediction,
    latent_there: Latent,
    noise_there: NoisePrediction,
    step_there: Step,
    step: Step,
    seed: SeedPort = 0,
    eta: Eta = 1.0,
    r: Part = 0.5,
) -> Latent:
    """Go the whole step with D + (D_r - D) / 2r, keeping the trial's noise and adding the rest's.

    Gonzalez et al. 2023, arXiv 2305.14267, for estimates of the clean latent.
    """
    from nodes.diffusion import samplers_sde

    check_stage(latent, noise, step, eta, r)
    check_there(latent, latent_there, noise_there)
    first_look = clean(latent, noise, step)
    if step.sigma_next == 0:
        return Latent(first_look, latent.noise_mask)
    second_look = clean(latent_there, noise_there, step_there)
    target = samplers_sde.two_looks(first_look, second_look, r)
    moved = samplers_sde.sde_towards(latent.samples, target, step, step.sigma_next, eta)
    moved = moved + _seeds_noise(latent, seed, step, (r, 1.0), eta)
    return Latent(moved, latent.noise_mask)


@node("sample_stages.euler_restart_step")
def euler_restart_step(
    latent: Latent, noise: NoisePrediction, step: Step, seed: SeedPort = 0
) -> Latent:
    """Step by Euler where the list of sigmas falls; where it rises, add noise up to the next level.

    Up: (alpha'/alpha) x + sqrt(sigma'^2 - (alpha' sigma / alpha)^2) * fresh, whatever the
    prediction. For lists of `sigmas_edit.with_restart`: Xu et al. 2023, arXiv 2306.14878.
    """
    from nodes.diffusion import noise_levels, samplers
    from nodes.diffusion.noise import step_noise

    same_shape("noise", noise.samples, "latent", latent.samples)
    if step.sigma_next <= step.sigma:
        x = samplers.euler(latent.samples, noise.samples, step.sigma, step.sigma_next)
    else:
        drawn = step_noise(latent.samples, seed, step.index)
        x = noise_levels.raised(latent.samples, step, drawn)
    return Latent(x, latent.noise_mask)


def _later(sigmas: Sigmas, step: Step) -> list[Step]:
    """The two steps of the list after one, as far as there are."""
    from nodes.diffusion.schedules import step_list

    sigma_list(sigmas)
    return [s for s in step_list(sigmas) if s.index > step.index][:2]


def _seeds_noise(
    latent: Latent, seed: int, step: Step, shares: tuple[float, ...], eta: float
) -> torch.Tensor | float:
    from nodes.diffusion import samplers_sde
    from nodes.diffusion.noise import step_noise

    if eta == 0:
        return 0.0
    draws = [step_noise(latent.samples, seed, step.index, part) for part in range(len(shares))]
    return samplers_sde.sde_noise(step, shares, eta, draws)
