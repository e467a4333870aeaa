"""Ancestral samplers as values: each step goes down further than asked, and up by fresh noise.

`eta` 0 is the sampler without noise, 1 takes as much as the diffusion itself has; `s_noise` scales
the noise, and `noise_source` draws it on the CPU, the same everywhere, or on the device.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice
from nodes.sampler_names import Eta, NoiseSource, NoiseSpread, made
from nodes.types import Sampler


@node("sampler_ancestral.euler_ancestral")
def euler_ancestral(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Euler with fresh noise at each step; details keep changing with the number of steps.

    After k-diffusion; in a flow the picture is scaled so that x keeps its form.
    """
    return made("euler_ancestral", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_ancestral.euler_ancestral_cfg_pp", title="Euler ancestral CFG++")
def euler_ancestral_cfg_pp(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Euler ancestral that goes back up along the unwanted prompt's prediction: CFG++.

    Chung et al. 2024, arXiv 2406.08070. Guidance scales of about 0.5 to 2 do what 7 does elsewhere.
    """
    return made("euler_ancestral_cfg_pp", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_ancestral.dpm_2_ancestral", title="DPM2 ancestral")
def dpm_2_ancestral(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Two looks a step, the second half way down in log sigma, then fresh noise.

    DPM-Solver-2 of arXiv 2206.00927 in k-diffusion's form.
    """
    return made("dpm_2_ancestral", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_ancestral.dpmpp_2s_ancestral", title="DPM++ 2S ancestral")
def dpmpp_2s_ancestral(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Two looks a step, of second order in the clean estimate, then fresh noise.

    DPM-Solver++(2S): Lu et al. 2022, arXiv 2211.01095, algorithm 1.
    """
    return made("dpmpp_2s_ancestral", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_ancestral.dpmpp_2s_ancestral_cfg_pp", title="DPM++ 2S ancestral CFG++")
def dpmpp_2s_ancestral_cfg_pp(
    eta: Eta = 1.0,
    s_noise: NoiseSpread = 1.0,
    noise_source: NoiseSource = "cpu",
    uncond_at: Annotated[str, Choice("middle", "start")] = "middle",
) -> Sampler:
    """DPM++ 2S ancestral in the manner of CFG++: x is moved by what guidance changes.

    `uncond_at` says whose unwanted estimate that is in the whole step: the middle's, as ComfyUI has
    it, or the start's, which alone comes nearer to the data with more steps.
    """
    if uncond_at not in ("middle", "start"):
        raise InputError("uncond_at", repr(uncond_at), "middle or start")
    return made(
        "dpmpp_2s_ancestral_cfg_pp",
        eta=eta,
        uncond_at=uncond_at,
        s_noise=s_noise,
        noise_source=noise_source,
    )


@node("sampler_ancestral.res_multistep_ancestral", title="RES multistep ancestral")
def res_multistep_ancestral(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Second order with one prediction a step, then fresh noise.

    The exponential integrator of RES: Zhang et al. 2023, arXiv 2308.02157.
    """
    return made("res_multistep_ancestral", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_ancestral.res_multistep_ancestral_cfg_pp", title="RES multistep ancestral CFG++")
def res_multistep_ancestral_cfg_pp(
    eta: Eta = 1.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """RES multistep ancestral on the unwanted estimates, in the manner of CFG++."""
    return made(
        "res_multistep_ancestral_cfg_pp", eta=eta, s_noise=s_noise, noise_source=noise_source
    )
