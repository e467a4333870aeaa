"""Sampler steps that ask the network twice: a trial move, a second look, then the real move.

In a graph: predict at `step`, trial node, predict at the trial's latent and step, correct node. At
the last step, to sigma 0, there is no second look: the trial stays where it is and its answer is
not used.
"""

from __future__ import annotations

from dataclasses import replace

from nodeflow.node import node
from nodes.checks import same_shape
from nodes.sample_parts import Trial, trial
from nodes.types import Latent, NoisePrediction, NoiseSchedule, Step


@node("sample_two_stage.heun_trial")
def heun_trial(latent: Latent, noise: NoisePrediction, step: Step) -> Trial:
    """Go to the next level by Euler, to look from there: x + (sigma' - sigma) * epsilon."""
    from nodes.diffusion.samplers import euler

    same_shape("noise", noise.samples, "latent", latent.samples)
    if step.sigma_next == 0:
        return Trial(latent, step)
    moved = euler(latent.samples, noise.samples, step.sigma, step.sigma_next)
    there = replace(step, sigma=step.sigma_next, timestep=step.timestep_next)
    return Trial(Latent(moved, latent.noise_mask), there)


@node("sample_two_stage.heun_correct")
def heun_correct(
    latent: Latent, noise: NoisePrediction, noise_there: NoisePrediction, step: Step
) -> Latent:
    """Go to the next level along the mean of the predictions at both ends (Heun's method).

    x + (sigma' - sigma) * (epsilon + epsilon') / 2, of second order. `latent` and `step` are those
    from before the trial. Karras et al. 2022, arXiv 2206.00364, algorithm 1.
    """
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    same_shape("noise_there", noise_there.samples, "latent", latent.samples)
    moved = samplers.heun_correct(latent.samples, noise.samples, noise_there.samples, step)
    return Latent(moved, latent.noise_mask)


@node("sample_two_stage.dpm2_trial", title="DPM2 trial")
def dpm2_trial(latent: Latent, noise: NoisePrediction, step: Step, betas: NoiseSchedule) -> Trial:
    """Go half way to the next level, in log sigma, to look from there: sqrt(sigma * sigma')."""
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    if step.sigma_next == 0:
        return Trial(latent, step)
    middle = samplers.middle_sigma(step.sigma, step.sigma_next)
    moved = samplers.euler(latent.samples, noise.samples, step.sigma, middle)
    return trial(latent, moved, step, middle, betas)


@node("sample_two_stage.dpm2_correct", title="DPM2 correct")
def dpm2_correct(
    latent: Latent, noise: NoisePrediction, noise_there: NoisePrediction, step: Step
) -> Latent:
    """Go the whole step along the prediction from its middle.

    x + (sigma' - sigma) * epsilon_middle, of second order. `latent` and `step` are those from
    before the trial. DPM-Solver-2 of Lu et al. 2022, arXiv 2206.00927, in k-diffusion's form
    `sample_dpm_2`.
    """
    from nodes.diffusion import samplers

    same_shape("noise", noise.samples, "latent", latent.samples)
    same_shape("noise_there", noise_there.samples, "latent", latent.samples)
    moved = samplers.dpm2_correct(latent.samples, noise.samples, noise_there.samples, step)
    return Latent(moved, latent.noise_mask)
