"""Random steps that ask the network twice: a trial, a second look from there, then the real move.

In a graph: predict at `step`, trial node, predict at the trial's latent and step, correct node,
which takes both predictions and the trial's latent. `seed`, `eta` and `r` must be the same in both.
At the last step, to sigma 0, there is no second look, and its answer is not used.
"""

from __future__ import annotations

from nodeflow.node import node
from nodes.checks import same_shape
from nodes.sample_parts import (
    Eta,
    Part,
    SeedPort,
    Trial,
    check_stage,
    check_there,
    clean,
    fresh,
    trial,
)
from nodes.types import Latent, NoisePrediction, NoiseSchedule, Step


@node("sample_two_stage_sde.dpm2_ancestral_trial", title="DPM2 ancestral trial")
def dpm2_ancestral_trial(
    latent: Latent, noise: NoisePrediction, step: Step, betas: NoiseSchedule, eta: Eta = 1.0
) -> Trial:
    """Go half way down, in log sigma, to where the step will go before its noise."""
    from nodes.diffusion import noise_levels, samplers

    check_stage(latent, noise, step, eta)
    down = noise_levels.split(step, eta).down
    if down == 0:
        return Trial(latent, step)
    middle = samplers.middle_sigma(step.sigma, down)
    moved = samplers.euler(latent.samples, noise.samples, step.sigma, middle)
    return trial(latent, moved, step, middle, betas)


@node("sample_two_stage_sde.dpm2_ancestral_correct", title="DPM2 ancestral correct")
def dpm2_ancestral_correct(
    latent: Latent,
    noise: NoisePrediction,
    noise_there: NoisePrediction,
    step: Step,
    seed: SeedPort = 0,
    eta: Eta = 1.0,
) -> Latent:
    """Go all the way down along the slope of the middle, then add fresh noise.

    DPM-Solver-2 of Lu et al. 2022, arXiv 2206.00927, in k-diffusion's `sample_dpm_2_ancestral`.
    """
    from nodes.diffusion import noise_levels, samplers

    check_stage(latent, noise, step, eta)
    same_shape("noise_there", noise_there.samples, "latent", latent.samples)
    looked = noise_levels.split(step, eta).down > 0
    slope = noise_there.samples if looked else noise.samples
    added = fresh(latent, seed, step, eta)
    return Latent(samplers.ancestral(latent.samples, slope, step, eta, added), latent.noise_mask)


@node("sample_two_stage_sde.dpmpp_2s_ancestral_trial", title="DPM++ 2S ancestral trial")
def dpmpp_2s_ancestral_trial(
    latent: Latent, noise: NoisePrediction, step: Step, betas: NoiseSchedule, eta: Eta = 1.0
) -> Trial:
    """Go half way down in lambda, towards the clean estimate: (m/sigma) x + (1 - m/sigma) D."""
    from nodes.diffusion import noise_levels, samplers

    check_stage(latent, noise, step, eta)
    if noise_levels.split(step, eta).down == 0:
        return Trial(latent, step)
    moved, middle = samplers.dpmpp_2s_trial(latent.samples, noise.samples, step, eta)
    return trial(latent, moved, step, middle, betas)


@node("sample_two_stage_sde.dpmpp_2s_ancestral_correct", title="DPM++ 2S ancestral correct")
def dpmpp_2s_ancestral_correct(
    latent: Latent,
    noise: NoisePrediction,
    latent_there: Latent,
    noise_there: NoisePrediction,
    step_there: Step,
    step: Step,
    seed: SeedPort = 0,
    eta: Eta = 1.0,
) -> Latent:
    """Go all the way down with the clean estimate of the middle, then add fresh noise.

    DPM-Solver++(2S): Lu et al. 2022, arXiv 2211.01095, algorithm 1, made ancestral.
    """
    from nodes.diffusion import noise_levels, samplers

    check_stage(latent, noise, step, eta)
    check_there(latent, latent_there, noise_there)
    x, added = latent.samples, fresh(latent, seed, step, eta)
    if noise_levels.split(step, eta).down == 0:
        return Latent(samplers.ancestral(x, noise.samples, step, eta, added), latent.noise_mask)
    target = clean(latent_there, noise_there, step_there)
    return Latent(samplers.dpmpp_2s_correct(x, target, step, eta, added), latent.noise_mask)


@node("sample_two_stage_sde.dpmpp_sde_trial", title="DPM++ SDE trial")
def dpmpp_sde_trial(
    latent: Latent,
    noise: NoisePrediction,
    step: Step,
    betas: NoiseSchedule,
    seed: SeedPort = 0,
    eta: Eta = 1.0,
    r: Part = 0.5,
) -> Trial:
    """Go a share `r` of the way in lambda, with the noise that lies on it."""
    from nodes.diffusion import samplers_sde

    check_stage(latent, noise, step, eta, r)
    if step.sigma_next == 0:
        return Trial(latent, step)
    target, middle = clean(latent, noise, step), samplers_sde.place(step, r)
    added = fresh(latent, seed, step, eta)
    moved = samplers_sde.split_towards(latent.samples, target, step, middle, eta, added)
    return trial(latent, moved, step, middle, betas)


@node("sample_two_stage_sde.dpmpp_sde_correct", title="DPM++ SDE correct")
def dpmpp_sde_correct(
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
    """Go the whole step with D + (D_r - D) / 2r, and with noise of which the trial's was a part.

    DPM-Solver++ in its stochastic form, Lu et al. 2022, arXiv 2211.01095, after k-diffusion's
    `sample_dpmpp_sde`; both noises are of one Wiener path over sigma.
    """
    from nodes.diffusion import samplers_sde

    check_stage(latent, noise, step, eta, r)
    check_there(latent, latent_there, noise_there)
    first_look = clean(latent, noise, step)
    if step.sigma_next == 0:
        return Latent(first_look, latent.noise_mask)
    second_look = clean(latent_there, noise_there, step_there)
    target = samplers_sde.two_looks(first_look, second_look, r)
    first, second = fresh(latent, seed, step, eta), fresh(latent, seed, step, eta, part=1)
    added = None
    if first is not None and second is not None:
        added = samplers_sde.joined(step, r, first, second)
    moved = samplers_sde.split_towards(latent.samples, target, step, step.sigma_next, eta, added)
    return Latent(moved, latent.noise_mask)
