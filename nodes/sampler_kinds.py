"""Samplers as values: which one, and with which settings, for the one-node samplers.

Ancestral ones are in `sampler_ancestral`, those of the stochastic equation in `sampler_sde`, those
that remember in `sampler_multistep`.
"""

from __future__ import annotations

from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Choice, Number, Slider
from nodes.sampler_names import (
    SAMPLERS,
    Eta,
    NoiseSource,
    NoiseSpread,
    SamplerName,
    made,
    within,
)
from nodes.types import Sampler

Coefficient = Annotated[float, Number(0, 100, step=0.01)]
Tolerance = Annotated[float, Number(1e-6, 100, step=0.001)]
CHURNING = ("euler", "heun", "heunpp2", "dpm_2")


@node("sampler_kinds.by_name")
def by_name(name: SamplerName = "euler") -> Sampler:
    """Take a sampler by its name, with the settings that it usually has."""
    if name not in SAMPLERS:
        raise InputError("name", repr(name), f"one of {', '.join(SAMPLERS)}")
    return Sampler(name)


@node("sampler_kinds.churned")
def churned(
    name: Annotated[str, Choice(*CHURNING)] = "euler",
    s_churn: Annotated[float, Number(0, 1000, step=0.5)] = 10.0,
    s_tmin: Annotated[float, Number(0, 10_000)] = 0.0,
    s_tmax: Annotated[float, Number(0, 10_000)] = 1000.0,
    s_noise: NoiseSpread = 1.0,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Add a little noise before each step and take it away again, which mends earlier mistakes.

    sigma is raised to sigma (1 + min(s_churn / steps, sqrt(2) - 1)) where it lies within s_tmin and
    s_tmax, by noise of spread `s_noise`: Karras et al. 2022, arXiv 2206.00364, algorithm 2. Only
    for diffusions.
    """
    if name not in CHURNING:
        raise InputError("name", repr(name), f"one of {', '.join(CHURNING)}")
    bounds = {"s_churn": s_churn, "s_tmin": s_tmin, "s_tmax": s_tmax}
    return made(name, s_noise=s_noise, noise_source=noise_source, **bounds)


@node("sampler_kinds.ddim", title="DDIM")
def ddim(
    eta: Annotated[float, Slider(0, 1, step=0.05)] = 0.0,
    s_noise: NoiseSpread = 1.0,
    noise_source: NoiseSource = "cpu",
) -> Sampler:
    """Go to the clean estimate and back along the prediction, `eta` of the way by fresh noise.

    Song et al. 2020, arXiv 2010.02502, eq. 12; eta 0 is Euler, eta 1 DDPM.
    """
    within("eta", eta, 0, 1)
    return made("ddim", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_kinds.ddpm", title="DDPM")
def ddpm(s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu") -> Sampler:
    """Draw each latent from the posterior of the diffusion: Ho et al. 2020, arXiv 2006.11239."""
    return made("ddpm", s_noise=s_noise, noise_source=noise_source)


@node("sampler_kinds.lcm", title="LCM")
def lcm(s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu") -> Sampler:
    """Take the estimate itself and noise it anew, for models that draw in a few steps.

    alpha' D + sigma' * noise: Luo et al. 2023, arXiv 2310.04378, algorithm 2.
    """
    return made("lcm", s_noise=s_noise, noise_source=noise_source)


@node("sampler_kinds.dpm_fast", title="DPM fast")
def dpm_fast(
    eta: Eta = 0.0, s_noise: NoiseSpread = 1.0, noise_source: NoiseSource = "cpu"
) -> Sampler:
    """Go from the first sigma to the last in even steps of log sigma, of third order where it can.

    As many predictions as the list has steps; the sigmas between are not used. Lu et al. 2022,
    arXiv 2206.00927, section 3.3. Only for diffusions.
    """
    return made("dpm_fast", eta=eta, s_noise=s_noise, noise_source=noise_source)


@node("sampler_kinds.dpm_adaptive", title="DPM adaptive")
def dpm_adaptive(
    order: Annotated[int, Slider(2, 3, step=1)] = 3,
    rtol: Tolerance = 0.05,
    atol: Tolerance = 0.0078,
    h_init: Annotated[float, Number(0.001, 10, step=0.01)] = 0.05,
    pcoeff: Coefficient = 0.0,
    icoeff: Coefficient = 1.0,
    dcoeff: Coefficient = 0.0,
    accept_safety: Annotated[float, Slider(0, 1, step=0.01)] = 0.81,
    eta: Eta = 0.0,
    s_noise: NoiseSpread = 1.0,
) -> Sampler:
    """Step as far as two orders agree: few steps where little happens, as many as exactness needs.

    The first step is `h_init` long in log sigma. A step is accepted if the root mean square of the
    difference, over max(atol, rtol |x|), lets the controller (PID coefficients) ask for at least
    `accept_safety` of its length next. Lu et al. 2022, arXiv 2206.00927, section 3.4. The list's
    ends are used, not what is between. Each picture of a batch takes its own steps, which costs as
    much again for each. Only for diffusions.
    """
    within("order", order, 2, 3)
    within("rtol", rtol, 1e-6, 100)
    within("atol", atol, 1e-6, 100)
    within("h_init", h_init, 0.001, 10)
    within("accept_safety", accept_safety, 0, 1)
    control = {"pcoeff": pcoeff, "icoeff": icoeff, "dcoeff": dcoeff}
    exact = {"rtol": rtol, "atol": atol, "h_init": h_init, "accept_safety": accept_safety}
    return made("dpm_adaptive", order=order, eta=eta, s_noise=s_noise, **control, **exact)
