"""Steps with memory and noise: their loop is the one-node sampler."""

from __future__ import annotations

from typing import Any

import pytest

from nodeflow.errors import InputError
from nodes import sample_multistep_sde
from nodes.diffusion import schedules
from nodes.types import History, NoiseSchedule
from sampler_checks import BOTH, SEED, begin, check_loop, levels, noise_at, remembering
from small import SD


@BOTH
@pytest.mark.parametrize("given", [{}, {"eta": 0.5, "s_noise": 0.9}])
def test_dpmpp_3m_sde_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_sde.dpmpp_3m_sde_step
    check_loop(remembering(node, seed=SEED, **given), "dpmpp_3m_sde", betas, **given)


@BOTH
@pytest.mark.parametrize(
    "given", [{}, {"solver_type": "reverse_sde", "eta": 0.5}, {"solver_type": "ode"}]
)
def test_er_sde_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_sde.er_sde_step
    check_loop(remembering(node, seed=SEED, **given), "er_sde", betas, **given)


@BOTH
@pytest.mark.parametrize("given", [{}, {"eta": 0.5, "corrector_order": 0, "predictor_order": 2}])
def test_sa_solver_step_is_the_sampler(betas: NoiseSchedule, given: dict[str, Any]) -> None:
    node = sample_multistep_sde.sa_solver_step
    loop = remembering(node, betas=betas, seed=SEED, **given)
    check_loop(loop, "sa_solver", betas, **given)


@pytest.mark.parametrize(
    ("name", "given", "port"),
    [
        ("dpmpp_3m_sde_step", {"eta": -1.0}, "eta"),
        ("er_sde_step", {"max_stage": 4}, "max_stage"),
        ("er_sde_step", {"solver_type": "sde"}, "solver_type"),
        ("sa_solver_step", {"betas": SD, "predictor_order": 0}, "predictor_order"),
        ("sa_solver_step", {"betas": SD, "corrector_order": 7}, "corrector_order"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: Any, port: str) -> None:
    step, x = schedules.step_list(levels(SD))[0], begin(SD)
    with pytest.raises(InputError, match=f"{port}: got"):
        getattr(sample_multistep_sde, name)(x, noise_at(x, step), step, History(), **given)
