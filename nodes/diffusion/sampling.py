"""The whole way from noise to picture in one call, and the list of all samplers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from nodes.diffusion import sampling_moves as moves
from nodes.diffusion.noise_levels import raised
from nodes.diffusion.samplers import Past
from nodes.diffusion.samplers_dpm import dpm_adaptive, dpm_fast
from nodes.diffusion.sampling_run import After, Move, Run, Setting, Whole
from nodes.types import Answer, NoiseSchedule, Step

__all__ = ["KINDS", "Kind", "Run", "one_step", "walk"]


@dataclass(frozen=True)
class Kind:
    """A sampler: a move from one level to the next, or one that chooses its own steps.

    `settings` are all that it reads, with their defaults. `in_flows` says whether its formulas hold
    where alpha is 1 - sigma.
    """

    move: Move | None = None
    whole: Whole | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    in_flows: bool = True


def walk(run: Run, name: str, x: Tensor, after: After) -> Tensor:
    """x at the end of the run's steps; `after` gets each step's latent and gives the one to go on
    with. A step that rises adds fresh noise and begins the sampler's memory anew. Settings that the
    run does not give are the sampler's defaults."""
    kind = KINDS[name]
    run = replace(run, settings={**kind.settings, **run.settings})
    if not run.steps:
        return x
    if kind.whole is not None:
        return kind.whole(run, x, after)
    assert kind.move is not None
    past: Past = ()
    for step in run.steps:
        if step.sigma_next > step.sigma:
            x, past = raised(x, step, run.draw(x, step)), ()
        else:
            x, past = kind.move(run, x, step, past)
        x = after(x, step)
    return x


def one_step(
    name: str,
    x: Tensor,
    answer: Answer,
    step: Step,
    past: Past,
    seed: int,
    schedule: NoiseSchedule | None,
    settings: Mapping[str, Setting],
) -> tuple[Tensor, Past]:
    """A single move of a sampler that asks once a step, when the answer is known already."""
    kind = KINDS[name]
    assert kind.move is not None
    merged = {**kind.settings, **settings}
    run = Run(lambda *_: answer, schedule or NoiseSchedule(), seed, [step], merged)
    return kind.move(run, x, step, past)


def _plain(move: Move, **settings: Setting) -> Kind:
    return Kind(move, settings=settings)


def _random(move: Move, **settings: Setting) -> Kind:
    """A sampler that adds noise: of strength eta, times s_noise, drawn on the CPU or the device."""
    noise: dict[str, Setting] = {"eta": 1.0, "s_noise": 1.0, "noise_source": "cpu"}
    return Kind(move, settings={**noise, **settings})


def _churning(move: Move) -> Kind:
    """A sampler that may add noise before each step: Karras et al. 2022, algorithm 2."""
    bounds: dict[str, Setting] = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": 1000.0}
    return Kind(move, settings={**bounds, "s_noise": 1.0, "noise_source": "cpu"})


_FAST: dict[str, Setting] = {"eta": 0.0, "s_noise": 1.0, "noise_source": "cpu"}
_ADAPTIVE: dict[str, Setting] = {
    **_FAST,
    "order": 3,
    "rtol": 0.05,
    "atol": 0.0078,
    "h_init": 0.05,
    "pcoeff": 0.0,
    "icoeff": 1.0,
    "dcoeff": 0.0,
    "accept_safety": 0.81,
}
_ADAMS: dict[str, Setting] = {
    "sde_start_percent": 0.2,
    "sde_end_percent": 0.8,
    "predictor_order": 3,
    "corrector_order": 4,
    "simple_order_2": False,
}


def _drawn_on(source: str, suffix: str) -> dict[str, Kind]:
    """The samplers that there are twice, with noise from the CPU and from the device."""
    sde, midpoint, heun = moves.dpmpp_2m_sde, "midpoint", "heun"
    return {
        f"dpmpp_sde{suffix}": _random(moves.dpmpp_sde, noise_source=source, r=0.5),
        f"dpmpp_2m_sde{suffix}": _random(sde, noise_source=source, solver_type=midpoint),
        f"dpmpp_2m_sde_heun{suffix}": _random(sde, noise_source=source, solver_type=heun),
        f"dpmpp_3m_sde{suffix}": _random(moves.dpmpp_3m_sde, noise_source=source),
    }


KINDS: dict[str, Kind] = {
    "euler": _churning(moves.euler),
    "euler_cfg_pp": _random(moves.cfg_pp, eta=0.0),
    "euler_ancestral": _random(moves.ancestral),
    "euler_ancestral_cfg_pp": _random(moves.cfg_pp),
    "heun": _churning(moves.heun),
    "heunpp2": _churning(moves.heunpp2),
    "dpm_2": _churning(moves.dpm_2),
    "dpm_2_ancestral": _random(moves.dpm_2_ancestral),
    "lms": _plain(moves.lms, order=4),
    "dpm_fast": Kind(whole=dpm_fast, settings=_FAST, in_flows=False),
    "dpm_adaptive": Kind(whole=dpm_adaptive, settings=_ADAPTIVE, in_flows=False),
    "dpmpp_2s_ancestral": _random(moves.dpmpp_2s_ancestral),
    "dpmpp_2s_ancestral_cfg_pp": _random(moves.dpmpp_2s_ancestral_cfg_pp, uncond_at="middle"),
    **_drawn_on("cpu", ""),
    **_drawn_on("device", "_gpu"),
    "dpmpp_2m": _plain(moves.dpmpp_2m),
    "dpmpp_2m_cfg_pp": _plain(moves.dpmpp_2m_cfg_pp),
    "ddpm": _plain(moves.ddpm, s_noise=1.0, noise_source="cpu"),
    "lcm": _plain(moves.lcm, s_noise=1.0, noise_source="cpu"),
    "ipndm": _plain(moves.ipndm, order=4),
    "ipndm_v": _plain(moves.ipndm_v, order=4),
    "deis": _plain(moves.deis, order=3, over="time"),
    "res_multistep": _random(moves.res_multistep, eta=0.0),
    "res_multistep_cfg_pp": _random(moves.res_multistep_cfg_pp, eta=0.0),
    "res_multistep_ancestral": _random(moves.res_multistep),
    "res_multistep_ancestral_cfg_pp": _random(moves.res_multistep_cfg_pp),
    "gradient_estimation": _plain(moves.gradient_estimation, gamma=2.0),
    "gradient_estimation_cfg_pp": _plain(moves.gradient_estimation_cfg_pp, gamma=2.0),
    "er_sde": _random(moves.er_sde, solver_type="er_sde", max_stage=3),
    "seeds_2": _random(moves.seeds_2, r=0.5),
    "seeds_3": _random(moves.seeds_3, r_1=1 / 3, r_2=2 / 3),
    "sa_solver": _random(moves.sa_solver, **_ADAMS),
    "sa_solver_pece": _random(moves.sa_solver_pece, **_ADAMS),
    "ddim": _random(moves.ddim, eta=0.0),
    "uni_pc": _plain(moves.uni_pc("bh1"), order=3),
    "uni_pc_bh2": _plain(moves.uni_pc("bh2"), order=3),
}
