"""The samplers and schedules that are offered by name: helpers, no nodes."""

from __future__ import annotations

import math
from typing import Annotated

from nodeflow.errors import InputError
from nodeflow.widgets import Choice, Number, Slider
from nodes.types import Sampler

SAMPLERS = (
    "euler",
    "euler_cfg_pp",
    "euler_ancestral",
    "euler_ancestral_cfg_pp",
    "heun",
    "heunpp2",
    "dpm_2",
    "dpm_2_ancestral",
    "lms",
    "dpm_fast",
    "dpm_adaptive",
    "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp",
    "dpmpp_sde",
    "dpmpp_sde_gpu",
    "dpmpp_2m",
    "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_gpu",
    "dpmpp_2m_sde_heun",
    "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde",
    "dpmpp_3m_sde_gpu",
    "ddpm",
    "lcm",
    "ipndm",
    "ipndm_v",
    "deis",
    "res_multistep",
    "res_multistep_cfg_pp",
    "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp",
    "gradient_estimation",
    "gradient_estimation_cfg_pp",
    "er_sde",
    "seeds_2",
    "seeds_3",
    "sa_solver",
    "sa_solver_pece",
    "ddim",
    "uni_pc",
    "uni_pc_bh2",
)
"""As ComfyUI's KSampler lists them."""

SCHEDULERS = (
    "simple",
    "sgm_uniform",
    "karras",
    "exponential",
    "ddim_uniform",
    "beta",
    "normal",
    "linear_quadratic",
    "kl_optimal",
)
"""As ComfyUI's KSampler lists them."""

SamplerName = Annotated[str, Choice(*SAMPLERS)]

Eta = Annotated[float, Number(0, 100, step=0.05)]
SchedulerName = Annotated[str, Choice(*SCHEDULERS)]
NoiseSpread = Annotated[float, Number(0, 100, step=0.01)]
NoiseSource = Annotated[str, Choice("cpu", "device")]
Share = Annotated[float, Slider(0, 1, step=0.01)]


def made(name: str, **settings: float | int | str | bool) -> Sampler:
    """A sampler with settings, as a value: the numbers finite and not negative."""
    for port, value in settings.items():
        if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
            raise InputError(port, f"{value:g}", "a finite number of at least 0")
    source = settings.get("noise_source", "cpu")
    if source not in ("cpu", "device"):
        raise InputError("noise_source", repr(source), "cpu or device")
    return Sampler(name, tuple(sorted(settings.items())))


def within(port: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(port, f"{value:g}", f"{low:g}..{high:g}")


def one_of(port: str, value: str, *options: str) -> None:
    if value not in options:
        raise InputError(port, repr(value), " or ".join(options))
