"""Ancestral samplers as values: their settings are those that the samplers read."""

from __future__ import annotations

import pytest
import torch

from nodeflow.errors import InputError
from nodes import sampler_ancestral
from sampler_checks import check_settings, drawn


def test_euler_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.euler_ancestral
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(s_noise=0.5))


def test_euler_ancestral_cfg_pp_takes_eta_and_spread() -> None:
    made = sampler_ancestral.euler_ancestral_cfg_pp
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(s_noise=0.5))


def test_dpm_2_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.dpm_2_ancestral
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(s_noise=0.5))


def test_dpmpp_2s_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.dpmpp_2s_ancestral
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(s_noise=0.5))


def test_dpmpp_2s_ancestral_cfg_pp_takes_eta_and_spread() -> None:
    made = sampler_ancestral.dpmpp_2s_ancestral_cfg_pp
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(uncond_at="start"))


def test_res_multistep_ancestral_takes_eta_and_spread() -> None:
    made = sampler_ancestral.res_multistep_ancestral
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(s_noise=0.5))


def test_res_multistep_ancestral_cfg_pp_takes_eta_and_spread() -> None:
    made = sampler_ancestral.res_multistep_ancestral_cfg_pp
    check_settings(made(), made(eta=0.5))
    check_settings(made(), made(s_noise=0.5))


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
