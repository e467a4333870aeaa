"""KSampler and its kin: schedule, noise, guider and sampler become one node each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodeflow.formats.comfyui.build import Build, Later, Wire
from nodeflow.formats.comfyui.spec import ComfyNode, node
from nodes.comfyui.common import WIDE, made_for

_DROPS_ONE = ("dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2")
"""Samplers that take one step more and leave out the last sigma above 0."""
_BROWNIAN = ("dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde")
_PLAIN = (
    *("euler", "euler_cfg_pp", "heun", "heunpp2", "dpm_2", "lms", "dpm_fast", "dpm_adaptive"),
    *("dpmpp_2m", "dpmpp_2m_cfg_pp", "ipndm", "ipndm_v", "deis", "ddim", "uni_pc", "uni_pc_bh2"),
    *("res_multistep", "res_multistep_cfg_pp", "gradient_estimation"),
    "gradient_estimation_cfg_pp",
)
"""Samplers that draw nothing."""
_SMALL_SEED = 2**63

_MODEL = "model: MODEL; "
_SAMPLER = "sampler_name: {@samplers}=euler; scheduler: {@schedulers}=normal; "
_PROMPTS = "positive: CONDITIONING; negative: CONDITIONING; "
_STEPS = "steps: INT=20[1..10000]; cfg: FLOAT=8.0[0..100]/0.1; "


def guided(build: Build, model: Wire, positive: Any, negative: Any, cfg: Any) -> Wire:
    """The guider of a model under two texts, with what patches of the model and the old ControlNet
    node ask for."""
    model, negative = with_boxes(build, model, positive, negative)
    for hint in positive.about.get("hints", ()):
        negative = build.add("control.apply", "hint", conditioning=negative, **hint).conditioning
    ports = {"model": model, "positive": positive, "negative": negative, "scale": cfg}
    how: Mapping[str, Any] = model.about.get("guidance", {})
    guider = build.add(how.get("type", "guider.cfg"), "guider", **ports, **how.get("ports", {}))
    made = guider.guider
    for worse in model.about.get("worse", ()):
        other = build.add(worse["type"], "worse", model=model, **worse["ports"]).model
        made = build.add(
            "guider_mix.push_away",
            "guider",
            guider=made,
            worse=other,
            text=positive,
            **worse["how"],
        ).guider
    return made.telling(model=model)


def with_boxes(build: Build, model: Wire, positive: Any, negative: Any) -> tuple[Wire, Any]:
    """The model that places things in boxes, where the text has such, and a negative without."""
    gligen = positive.about.get("gligen")
    if gligen is None:
        return model, negative
    model = build.add("gligen.attach", model=model, gligen=gligen).model.telling(**model.about)
    if negative is not None:
        clip = positive.about["gligen_clip"]
        negative = build.add("gligen.no_boxes", conditioning=negative, clip=clip).conditioning
    return model, negative


def noise_schedule(build: Build, model: Wire) -> Wire:
    return build.add("schedule.of_model", model=model).betas


def named_sigmas(
    build: Build, betas: Wire, scheduler: Any, steps: Any, denoise: Any, drops_one: bool = False
) -> Wire:
    """The sigmas of a scheduler; of those for a picture the last `steps`."""
    ports = {"betas": betas, "scheduler": scheduler}
    if not drops_one:
        return build.add("sigmas.by_name", steps=steps, strength=denoise, **ports).sigmas
    denoise, steps = _known(build, "denoise", denoise), _known(build, "steps", steps)
    if denoise <= 0:
        return build.add("sigmas.by_name", steps=steps, strength=0.0, **ports).sigmas
    every = steps if denoise > 0.9999 else int(steps / denoise)
    made = build.add("sigmas.by_name", steps=every + 1, strength=1.0, **ports).sigmas
    made = build.add("sigmas_edit.without_penultimate", sigmas=made).sigmas
    if every > steps:
        made = build.add("schedule.split", sigmas=made, at=every - steps).low
    return made


def _known(build: Build, name: str, value: Any) -> Any:
    """The number itself; where a wire brings it, it has to be known."""
    return build.literal(name) if isinstance(value, Wire) else value


def own_noise(build: Build, sampler: Wire, name: str, seed: Any) -> tuple[Wire, Any]:
    """The sampler with the noise that ComfyUI gives it, and the seed for its own."""
    kind = name.removesuffix("_gpu").removesuffix("_heun")
    if kind in _BROWNIAN:
        build.warn(
            f"{name} draws its noise in another way than ComfyUI: the same seed gives another "
            "picture of the same kind"
        )
        return sampler, seed if isinstance(seed, Wire) else seed % _SMALL_SEED
    if name in _PLAIN:
        return sampler, None
    return build.add(
        "as_comfyui.sampler", "sampler_noise", sampler=sampler, seed=seed
    ).sampler, None


def latent_for(build: Build, name: str, model: Wire) -> Wire:
    found = made_for(build[name], model=model)
    assert isinstance(found, Wire)
    return found


def _ksampler(build: Build) -> Any:
    return _sample(build, build["denoise"], seed=build["seed"])


def _advanced(build: Build) -> Any:
    adds = build.literal("add_noise") == "enable"
    return _sample(
        build,
        1.0,
        seed=build["noise_seed"],
        start_step=build["start_at_step"],
        end_step=build["end_at_step"],
        add_noise=adds,
        leftover_noise=build.literal("return_with_leftover_noise") == "enable",
    )


def _sample(build: Build, denoise: Any, seed: Any, add_noise: bool = True, **more: Any) -> Any:
    name = build.literal("sampler_name")
    hold = build.hold("sampler.sample_advanced")
    model = build["model"]
    latent = latent_for(build, "latent_image", model)
    guider = guided(build, model, build["positive"], build["negative"], build["cfg"])
    betas = noise_schedule(build, guider.about["model"])
    drops = name in _DROPS_ONE
    sigmas = named_sigmas(build, betas, build["scheduler"], build["steps"], denoise, drops)
    sampler = build.add("sampler_kinds.by_name", "sampler", name=name).sampler
    sampler, own_seed = own_noise(build, sampler, name, seed)
    noise = _noise(build, latent, seed, add_noise)
    made = build.add(
        "sampler.sample_advanced",
        hold,
        guider=guider,
        noise=noise,
        latent=latent,
        sigmas=sigmas,
        sampler=sampler,
        seed=own_seed,
        add_noise=None if add_noise else False,
        **more,
    )
    return made.latent


def _noise(build: Build, latent: Wire, seed: Any, add_noise: bool) -> Wire:
    if add_noise:
        return build.add("as_comfyui.noise", latent=latent, seed=seed).noise
    return build.add("noise.none", "noise", latent=latent).noise


# ── custom sampling ────────────────────────────────────────────────────────────────────────────


def _custom(build: Build) -> Any:
    hold = build.hold("sampler.sample_advanced")
    guider = guided(build, build["model"], build["positive"], build["negative"], build["cfg"])
    latent = latent_for(build, "latent_image", build["model"])
    adds = bool(build.literal("add_noise"))
    noise = _noise(build, latent, build["noise_seed"], adds)
    return _custom_run(build, hold, guider, latent, noise, build["noise_seed"], adds)


def _custom_advanced(build: Build) -> Any:
    hold = build.hold("sampler.sample_advanced")
    guider, noise = build["guider"], build["noise"]
    latent = latent_for(build, "latent_image", guider.about["model"])
    adds, seed = True, 0
    if isinstance(noise, Later):
        adds, seed = noise.about["adds"], noise.about["seed"]
        noise = noise(latent=latent)
    return _custom_run(build, hold, guider, latent, noise, seed, adds)


def _custom_run(
    build: Build, hold: str, guider: Wire, latent: Wire, noise: Wire, seed: Any, adds: bool
) -> Any:
    sigmas = build["sigmas"]
    if isinstance(sigmas, Later):
        sigmas = sigmas(betas=noise_schedule(build, guider.about["model"]))
    sampler = build["sampler"]
    name = sampler.about.get("name", "euler_ancestral")
    sampler, own_seed = own_noise(build, sampler, name, seed)
    made = build.add(
        "sampler.sample_advanced",
        hold,
        guider=guider,
        noise=noise,
        latent=latent,
        sigmas=sigmas,
        sampler=sampler,
        seed=own_seed,
        add_noise=None if adds else False,
        leftover_noise=True,
    )
    denoised = build.add("model.denoised_to_latent", "denoised", denoised=made.denoised).latent
    return made.latent, denoised


def _random_noise(build: Build) -> Any:
    seed = build["noise_seed"]

    def drawn(latent: Wire) -> Wire:
        return build.add("as_comfyui.noise", latent=latent, seed=seed).noise

    return Later(drawn, needs=["latent"], seed=seed, adds=True)


def _no_noise(build: Build) -> Any:
    def nothing(latent: Wire) -> Wire:
        return build.add("noise.none", latent=latent).noise

    return Later(nothing, needs=["latent"], seed=0, adds=False)


def _cfg_guider(build: Build) -> Any:
    return guided(build, build["model"], build["positive"], build["negative"], build["cfg"])


def _basic_guider(build: Build) -> Any:
    text = build["conditioning"]
    model, _ = with_boxes(build, build["model"], text, None)
    made = build.add("guider.single", model=model, conditioning=text)
    return made.guider.telling(model=model)


def _dual_guider(build: Build) -> Any:
    model, negative = build["model"], build["negative"]
    first, second = build["cond1"], build["cond2"]
    one, two = build["cfg_conds"], build["cfg_cond2_negative"]
    if build.literal("style") == "nested":
        ports = {"first": first, "second": second, "negative": negative}
        made = build.add("guider_mix.nested", model=model, scale=one, negative_scale=two, **ports)
    else:
        ports = {"both": first, "image_only": second, "neither": negative}
        made = build.add("guider_mix.dual", model=model, text_scale=one, image_scale=two, **ports)
    return made.guider.telling(model=model)


def _perpendicular(build: Build) -> Any:
    model = build["model"]
    made = build.add(
        "guider_mix.perpendicular",
        model=model,
        positive=build["positive"],
        negative=build["negative"],
        empty=build["empty_conditioning"],
        negative_scale=build["neg_scale"],
        scale=build["cfg"],
    )
    return made.guider.telling(model=model)


_CUSTOM = "sampling/custom_sampling"
_CFG = "cfg: FLOAT=8.0[0..100]/0.1"
_SEED = f"INT=0{WIDE}"

NODES: list[ComfyNode] = [
    node(
        "KSampler",
        "sampling",
        f"{_MODEL}seed: {_SEED}; {_STEPS}{_SAMPLER}{_PROMPTS}latent_image: LATENT; "
        "denoise: FLOAT=1.0[0..1]/0.01",
        "LATENT",
        _ksampler,
        title="KSampler",
    ),
    node(
        "KSamplerAdvanced",
        "sampling",
        f"{_MODEL}add_noise: {{enable|disable}}; noise_seed: {_SEED}; {_STEPS}{_SAMPLER}{_PROMPTS}"
        "latent_image: LATENT; start_at_step: INT=0[0..10000]; end_at_step: INT=10000[0..10000]; "
        "return_with_leftover_noise: {disable|enable}",
        "LATENT",
        _advanced,
        title="KSampler (Advanced)",
    ),
    node(
        "SamplerCustom",
        _CUSTOM,
        f"{_MODEL}add_noise: BOOLEAN=True; noise_seed: {_SEED}; {_CFG}; {_PROMPTS}"
        "sampler: SAMPLER; sigmas: SIGMAS; latent_image: LATENT",
        "LATENT output, LATENT denoised_output",
        _custom,
    ),
    node(
        "SamplerCustomAdvanced",
        _CUSTOM,
        "noise: NOISE; guider: GUIDER; sampler: SAMPLER; sigmas: SIGMAS; latent_image: LATENT",
        "LATENT output, LATENT denoised_output",
        _custom_advanced,
    ),
    node("RandomNoise", f"{_CUSTOM}/noise", f"noise_seed: {_SEED}", "NOISE", _random_noise),
    node("DisableNoise", f"{_CUSTOM}/noise", "", "NOISE", _no_noise),
    node("CFGGuider", f"{_CUSTOM}/guiders", f"{_MODEL}{_PROMPTS}{_CFG}", "GUIDER", _cfg_guider),
    node(
        "BasicGuider",
        f"{_CUSTOM}/guiders",
        "model: MODEL; conditioning: CONDITIONING",
        "GUIDER",
        _basic_guider,
    ),
    node(
        "DualCFGGuider",
        f"{_CUSTOM}/guiders",
        "model: MODEL; cond1: CONDITIONING; cond2: CONDITIONING; negative: CONDITIONING; "
        "cfg_conds: FLOAT=8.0[0..100]/0.1; cfg_cond2_negative: FLOAT=8.0[0..100]/0.1; "
        "style: {regular|nested}",
        "GUIDER",
        _dual_guider,
    ),
    node(
        "PerpNegGuider",
        "_for_testing",
        f"{_MODEL}{_PROMPTS}empty_conditioning: CONDITIONING; {_CFG}; "
        "neg_scale: FLOAT=1.0[0..100]/0.01",
        "GUIDER",
        _perpendicular,
        experimental=True,
    ),
]
