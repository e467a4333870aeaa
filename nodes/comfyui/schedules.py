"""Lists of sigmas, and samplers as values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nodeflow.formats.comfyui.build import Build, Later, Wire
from nodeflow.formats.comfyui.spec import ComfyNode, node
from nodes.comfyui.sampling import named_sigmas, noise_schedule

_STEPS = "steps: INT=20[1..10000]"
_ENDS = "sigma_max: FLOAT=14.614642[0..5000]/0.01; sigma_min: FLOAT=0.0291675[0..5000]/0.01"
_DENOISE = "denoise: FLOAT=1.0[0..1]/0.01"
_HOW = "sampling/custom_sampling/schedulers"
_EDIT = "sampling/custom_sampling/sigmas"
_SAMPLERS = "sampling/custom_sampling/samplers"


def _linspace(start: float, end: float, count: int) -> list[float]:
    return [start + (end - start) * i / max(count - 1, 1) for i in range(count)]


def karras_levels(steps: int, most: float, least: float, rho: float) -> list[float]:
    high, low = (value ** (1 / rho) for value in (most, least))
    return [value**rho for value in _linspace(high, low, steps)]


def exponential_levels(steps: int, most: float, least: float, rho: float = 1.0) -> list[float]:
    high, low = math.log(most), math.log(least)
    return [math.exp(ramp**rho * (high - low) + low) for ramp in _linspace(1, 0, steps)]


def _ends(build: Build) -> tuple[int, float, float]:
    steps, most, least = (build.literal(n) for n in ("steps", "sigma_max", "sigma_min"))
    return steps, most, least


def _karras(build: Build) -> Sequence[float]:
    return karras_levels(*_ends(build), build.literal("rho"))


def _exponential(build: Build) -> Sequence[float]:
    return exponential_levels(*_ends(build))


def _polyexponential(build: Build) -> Sequence[float]:
    return exponential_levels(*_ends(build), build.literal("rho"))


def _variance_preserving(build: Build) -> Sequence[float]:
    slope, least = build.literal("beta_d"), build.literal("beta_min")
    times = _linspace(1, build.literal("eps_s"), build.literal("steps"))
    return [math.sqrt(math.exp(slope * t**2 / 2 + least * t) - 1) for t in times]


def _listed(name: str, inputs: str, formula: Callable[[Build], Sequence[float]]) -> ComfyNode:
    """A scheduler that asks for no model: its numbers are worked out now."""

    def make(build: Build) -> Any:
        try:
            values = [*formula(build), 0.0]
        except (ValueError, ZeroDivisionError, OverflowError) as error:
            build.refuse("sigma_max", f"these numbers make no schedule: {error}")

        def sigmas(betas: Wire) -> Wire:
            return build.add("sigmas.from_list", betas=betas, values=values).sigmas

        return Later(sigmas, needs=["betas"])

    return node(name, _HOW, inputs, "SIGMAS", make)


def _waiting(
    name: str,
    category: str,
    inputs: str,
    make: Callable[[Build, Wire], Wire],
    **more: Any,
) -> ComfyNode:
    """A list of sigmas that is made where the model is known."""

    def later(build: Build) -> Any:
        return Later(lambda betas: make(build, betas), needs=["betas"])

    return node(name, category, inputs, "SIGMAS", later, **more)


def _basic(build: Build) -> Any:
    betas = noise_schedule(build, build["model"])
    return named_sigmas(build, betas, build["scheduler"], build["steps"], build["denoise"])


def _beta(build: Build) -> Any:
    betas = noise_schedule(build, build["model"])
    ports = {name: build[name] for name in ("steps", "alpha", "beta")}
    return build.add("sigmas.beta", betas=betas, **ports).sigmas


def _turbo(build: Build) -> Any:
    betas = noise_schedule(build, build["model"])
    steps, strength = build["steps"], build["denoise"]
    return build.add("sigmas_curves.turbo", betas=betas, steps=steps, strength=strength).sigmas


def _laplace(build: Build, betas: Wire) -> Wire:
    ports = {name: build[name] for name in ("steps", "mu", "beta")}
    return build.add("sigmas_curves.laplace", betas=betas, **ports).sigmas


def _table(type: str) -> Callable[[Build, Wire], Wire]:
    """A schedule from a table, of which the last share is taken."""

    def make(build: Build, betas: Wire) -> Wire:
        steps, denoise = build.literal("steps"), build.literal("denoise")
        trained = build.literal("model_type").lower()
        made = build.add(type, betas=betas, steps=steps, trained_for=trained).sigmas
        left = steps - round(steps * denoise)
        return build.add("schedule.split", sigmas=made, at=left).low if left else made

    return make


# ── lists that are changed ─────────────────────────────────────────────────────────────────────


def _changed(
    name: str, inputs: str, change: Callable[[Build, Wire], Mapping[str, Wire]], gives: str
) -> ComfyNode:
    """A list made of a list, which may itself wait for the model."""
    names = [part.split()[-1] for part in gives.split(", ")]

    def make(build: Build) -> Any:
        given = build["sigmas"]
        if isinstance(given, Wire):
            found = change(build, given)
            return tuple(found[name] for name in names)
        made = Later(lambda betas: change(build, given(betas=betas)), needs=["betas"])

        def part(name: str) -> Later:
            return Later(lambda betas: made(betas=betas)[name], needs=["betas"])

        return tuple(part(name) for name in names)

    return node(name, _EDIT, f"sigmas: SIGMAS{inputs}", gives, make)


def _split(build: Build, sigmas: Wire) -> Mapping[str, Wire]:
    made = build.add("schedule.split", sigmas=sigmas, at=build["step"])
    return {"high_sigmas": made.high, "low_sigmas": made.low}


def _split_denoise(build: Build, sigmas: Wire) -> Mapping[str, Wire]:
    made = build.add("sigmas_edit.split_by_strength", sigmas=sigmas, strength=build["denoise"])
    return {"high_sigmas": made.high, "low_sigmas": made.low}


def _flip(build: Build, sigmas: Wire) -> Mapping[str, Wire]:
    return {"SIGMAS": build.add("schedule.flip", sigmas=sigmas).sigmas}


def _with_betas(name: str, inputs: str, change: Callable[[Build, Any, Wire], Wire]) -> ComfyNode:
    """A change for which the model has to be known."""

    def make(build: Build) -> Any:
        given = build["sigmas"]

        def sigmas(betas: Wire) -> Wire:
            known = given(betas=betas) if isinstance(given, Later) else given
            return change(build, known, betas)

        return Later(sigmas, needs=["betas"])

    return node(name, _EDIT, f"sigmas: SIGMAS; {inputs}", "SIGMAS", make)


def _first(build: Build, sigmas: Any, betas: Wire) -> Wire:
    sigma = build["sigma"]
    return build.add("sigmas_edit.set_first", sigmas=sigmas, betas=betas, sigma=sigma).sigmas


def _extend(build: Build, sigmas: Any, betas: Wire) -> Wire:
    start = build.literal("start_at_sigma")
    return build.add(
        "sigmas_edit.refine",
        sigmas=sigmas,
        betas=betas,
        parts=build["steps"],
        from_sigma=20000.0 if start < 0 else start,
        to_sigma=build["end_at_sigma"],
        spacing=build["spacing"],
    ).sigmas


def _percent(build: Build) -> Any:
    betas = noise_schedule(build, build["model"])
    if not build.literal("return_actual_sigma"):
        build.warn("the ends are the model's own sigmas, as with return_actual_sigma")
    return build.add(
        "sigmas_edit.sigma_at_share", betas=betas, share=build["sampling_percent"]
    ).value


# ── samplers ───────────────────────────────────────────────────────────────────────────────────


def _select(build: Build) -> Any:
    name = build.literal("sampler_name")
    return build.add("sampler_kinds.by_name", name=name).sampler.telling(name=name)


def _cfg_pp(build: Build) -> Any:
    if build.literal("version") != "regular":
        build.refuse("version", "the alternative form has no equivalent here", "take regular")
    made = build.add("sampler_kinds.by_name", name="euler_cfg_pp")
    return made.sampler.telling(name="euler_cfg_pp")


def _sampler(
    comfy: str, kind: str, type: str, inputs: str, ports: str, noise: bool = False, **more: Any
) -> ComfyNode:
    """A sampler with its settings: `ports` as `order eta=eta`; where `noise` it says what device
    draws."""
    pairs = [part.partition("=") for part in ports.split()]

    def make(build: Build) -> Any:
        given = {ours: build[theirs or ours] for ours, _, theirs in pairs}
        if noise:
            given["noise_source"] = "device" if build.literal("noise_device") == "gpu" else "cpu"
        return build.add(type, **given).sampler.telling(name=kind)

    return node(comfy, _SAMPLERS, inputs, "SAMPLER", make, **more)


_ETA = "eta: FLOAT=1.0[0..100]/0.01; s_noise: FLOAT=1.0[0..100]/0.01"
_DEVICE = "noise_device: {gpu|cpu}"
_ER = {"ER-SDE": "er_sde", "Reverse-time SDE": "reverse_sde", "ODE": "ode"}


def _er_sde(build: Build) -> Any:
    made = build.add(
        "sampler_sde.er_sde",
        solver_type=_ER[build.literal("solver_type")],
        max_stage=build["max_stage"],
        eta=build["eta"],
        s_noise=build["s_noise"],
    )
    return made.sampler.telling(name="er_sde")


def _number(name: str, default: str) -> str:
    return f"{name}: FLOAT={default}[0..100]/0.01"


NODES: list[ComfyNode] = [
    node(
        "BasicScheduler",
        _HOW,
        f"model: MODEL; scheduler: {{@schedulers}}=normal; {_STEPS}; {_DENOISE}",
        "SIGMAS",
        _basic,
    ),
    _listed("KarrasScheduler", f"{_STEPS}; {_ENDS}; rho: FLOAT=7.0[0..100]/0.01", _karras),
    _listed("ExponentialScheduler", f"{_STEPS}; {_ENDS}", _exponential),
    _listed(
        "PolyexponentialScheduler",
        f"{_STEPS}; {_ENDS}; rho: FLOAT=1.0[0..100]/0.01",
        _polyexponential,
    ),
    _listed(
        "VPScheduler",
        f"{_STEPS}; beta_d: FLOAT=19.9[0..5000]/0.01; beta_min: FLOAT=0.1[0..5000]/0.01; "
        "eps_s: FLOAT=0.001[0..1]/0.0001",
        _variance_preserving,
    ),
    _waiting(
        "LaplaceScheduler",
        _HOW,
        f"{_STEPS}; {_ENDS}; mu: FLOAT=0.0[-10..10]/0.1; beta: FLOAT=0.5[0..10]/0.1",
        _laplace,
        differs="sigma_max and sigma_min are the model's own",
    ),
    node(
        "BetaSamplingScheduler",
        _HOW,
        f"model: MODEL; {_STEPS}; alpha: FLOAT=0.6[0..50]/0.01; beta: FLOAT=0.6[0..50]/0.01",
        "SIGMAS",
        _beta,
    ),
    node(
        "SDTurboScheduler",
        _HOW,
        f"model: MODEL; steps: INT=1[1..10]; {_DENOISE}",
        "SIGMAS",
        _turbo,
    ),
    _waiting(
        "AlignYourStepsScheduler",
        _HOW,
        f"model_type: {{SD1|SDXL|SVD}}; steps: INT=10[1..10000]; {_DENOISE}",
        _table("sigmas_curves.align_your_steps"),
    ),
    _waiting(
        "OptimalStepsScheduler",
        _HOW,
        f"model_type: {{FLUX|Wan|Chroma}}; steps: INT=20[3..1000]; {_DENOISE}",
        _table("sigmas_curves.optimal_steps"),
    ),
    _changed(
        "SplitSigmas",
        "; step: INT=0[0..10000]",
        _split,
        "SIGMAS high_sigmas, SIGMAS low_sigmas",
    ),
    _changed(
        "SplitSigmasDenoise",
        f"; {_DENOISE}",
        _split_denoise,
        "SIGMAS high_sigmas, SIGMAS low_sigmas",
    ),
    _changed("FlipSigmas", "", _flip, "SIGMAS"),
    _with_betas("SetFirstSigma", "sigma: FLOAT=136.0[0..20000]/0.001", _first),
    _with_betas(
        "ExtendIntermediateSigmas",
        "steps: INT=2[1..100]; start_at_sigma: FLOAT=-1.0[-1..20000]/0.01; "
        "end_at_sigma: FLOAT=12.0[0..20000]/0.01; spacing: {linear|cosine|sine}",
        _extend,
    ),
    node(
        "SamplingPercentToSigma",
        _EDIT,
        "model: MODEL; sampling_percent: FLOAT=0.0[0..1]/0.0001; "
        "return_actual_sigma: BOOLEAN=False",
        "FLOAT",
        _percent,
    ),
    node("KSamplerSelect", _SAMPLERS, "sampler_name: {@samplers}=euler", "SAMPLER", _select),
    node(
        "SamplerEulerCFGpp",
        "_for_testing",
        "version: {regular|alternative}",
        "SAMPLER",
        _cfg_pp,
        experimental=True,
    ),
    _sampler(
        "SamplerEulerAncestral",
        "euler_ancestral",
        "sampler_ancestral.euler_ancestral",
        _ETA,
        "eta s_noise",
    ),
    _sampler(
        "SamplerEulerAncestralCFGPP",
        "euler_ancestral_cfg_pp",
        "sampler_ancestral.euler_ancestral_cfg_pp",
        "eta: FLOAT=1.0[0..1]/0.01; s_noise: FLOAT=1.0[0..10]/0.01",
        "eta s_noise",
    ),
    _sampler("SamplerLMS", "lms", "sampler_multistep.lms", "order: INT=4[1..100]", "order"),
    _sampler(
        "SamplerDPMPP_3M_SDE",
        "dpmpp_3m_sde",
        "sampler_sde.dpmpp_3m_sde",
        f"{_ETA}; {_DEVICE}",
        "eta s_noise",
        noise=True,
    ),
    _sampler(
        "SamplerDPMPP_2M_SDE",
        "dpmpp_2m_sde",
        "sampler_sde.dpmpp_2m_sde",
        f"solver_type: {{midpoint|heun}}; {_ETA}; {_DEVICE}",
        "solver_type eta s_noise",
        noise=True,
    ),
    _sampler(
        "SamplerDPMPP_SDE",
        "dpmpp_sde",
        "sampler_sde.dpmpp_sde",
        f"{_ETA}; r: FLOAT=0.5[0..100]/0.01; {_DEVICE}",
        "eta s_noise r",
        noise=True,
    ),
    _sampler(
        "SamplerDPMPP_2S_Ancestral",
        "dpmpp_2s_ancestral",
        "sampler_ancestral.dpmpp_2s_ancestral",
        _ETA,
        "eta s_noise",
    ),
    _sampler(
        "SamplerDPMAdaptative",
        "dpm_adaptive",
        "sampler_kinds.dpm_adaptive",
        "order: INT=3[2..3]; "
        + "; ".join(
            _number(name, default)
            for name, default in {
                "rtol": "0.05",
                "atol": "0.0078",
                "h_init": "0.05",
                "pcoeff": "0.0",
                "icoeff": "1.0",
                "dcoeff": "0.0",
                "accept_safety": "0.81",
                "eta": "0.0",
                "s_noise": "1.0",
            }.items()
        ),
        "order rtol atol h_init pcoeff icoeff dcoeff accept_safety eta s_noise",
    ),
    node(
        "SamplerER_SDE",
        _SAMPLERS,
        f"solver_type: {{{'|'.join(_ER)}}}; max_stage: INT=3[1..3]; {_ETA}",
        "SAMPLER",
        _er_sde,
    ),
    _sampler(
        "SamplerSASolver",
        "sa_solver",
        "sampler_multistep.sa_solver",
        "model: MODEL; eta: FLOAT=1.0[0..10]/0.01; sde_start_percent: FLOAT=0.2[0..1]/0.001; "
        "sde_end_percent: FLOAT=0.8[0..1]/0.001; s_noise: FLOAT=1.0[0..100]/0.01; "
        "predictor_order: INT=3[1..6]; corrector_order: INT=4[0..6]; use_pece: BOOLEAN; "
        "simple_order_2: BOOLEAN",
        "eta sde_start_percent sde_end_percent s_noise predictor_order corrector_order "
        "evaluate_again=use_pece simple_order_2",
    ),
]
