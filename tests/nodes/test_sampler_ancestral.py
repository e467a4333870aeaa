"""Ancestral samplers as values: their settings are those that the samplers read."""

from __future__ import annotations

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_ancestral
from nodes.diffusion import schedules
from nodes.diffusion.noise import gaussian
from nodes.diffusion.sampling import KINDS, Run, walk
from nodes.types import Answer, Sampler, Step

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
STEPS = schedules.step_list(schedules.at_sigmas(SD, schedules.karras(0.03, 14.6, 6, 7.0)))
START = 14.6 * gaussian((4, 4, 4), [2])


def ask(x: torch.Tensor, step: Step) -> Answer:
    """Smooth, not linear, and for the unwanted prompt something else."""
    clean = torch.tanh(x / (1 + step.sigma**2) ** 0.5)
    return Answer((x - clean) / step.sigma, (x - 0.5 * clean) / step.sigma)


def drawn(sampler: Sampler) -> torch.Tensor:
    run = Run(ask, SD, 3, STEPS, dict(sampler.settings))
    return walk(run, sampler.name, START, lambda x, _: x)


def check(sampler: Sampler, other: Sampler) -> None:
    """All settings are the sampler's, the defaults too, and another value draws another picture."""
    kind = KINDS[sampler.name]
    assert {name: kind.settings[name] for name, _ in sampler.settings} == dict(sampler.settings)
    assert sampler.settings == tuple(sorted(sampler.settings))
    assert sampler.name == other.name
    assert torch.equal(drawn(sampler), drawn(Sampler(sampler.name)))
    assert not torch.equal(drawn(sampler), drawn(other))


def test_euler_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.euler_ancestral
    check(made(), made(eta=0.5))
    check(made(), made(s_noise=0.5))


def test_euler_ancestral_cfg_pp_takes_eta_and_spread() -> None:
    made = sampler_ancestral.euler_ancestral_cfg_pp
    check(made(), made(eta=0.5))
    check(made(), made(s_noise=0.5))


def test_dpm_2_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.dpm_2_ancestral
    check(made(), made(eta=0.5))
    check(made(), made(s_noise=0.5))


def test_dpmpp_2s_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.dpmpp_2s_ancestral
    check(made(), made(eta=0.5))
    check(made(), made(s_noise=0.5))


def test_dpmpp_2s_ancestral_cfg_pp_takes_eta_and_spread() -> None:
    made = sampler_ancestral.dpmpp_2s_ancestral_cfg_pp
    check(made(), made(eta=0.5))
    check(made(), made(uncond_at="start"))


def test_res_multistep_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.res_multistep_ancestral
    check(made(), made(eta=0.5))
    check(made(), made(s_noise=0.5))


def test_res_multistep_ancestral_cfg_pp_takes_eta_and_spread() -> None:
    made = sampler_ancestral.res_multistep_ancestral_cfg_pp
    check(made(), made(eta=0.5))
    check(made(), made(s_noise=0.5))


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="eta: got -1"):
        sampler_ancestral.euler_ancestral(eta=-1.0)
    with pytest.raises(InputError, match="uncond_at: got 'end'"):
        sampler_ancestral.dpmpp_2s_ancestral_cfg_pp(uncond_at="end")
    with pytest.raises(InputError, match="noise_source: got 'gpu'"):
        sampler_ancestral.euler_ancestral(noise_source="gpu")


def test_the_device_s_noise_is_the_processor_s_on_a_processor() -> None:
    here = drawn(sampler_ancestral.euler_ancestral())
    assert torch.equal(here, drawn(sampler_ancestral.euler_ancestral(noise_source="device")))
