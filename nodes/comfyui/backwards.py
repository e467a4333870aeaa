"""What reading the table backwards needs beside it: nodes of ours that come near ComfyUI's, what a
wire tells, and loops as samplers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nodeflow.formats.comfyui.build import Build, Later, Wire, anything
from nodeflow.formats.comfyui.spec import ComfyNode
from nodes.comfyui import conditioning, images, sampling, schedules
from nodes.comfyui.sampling import guided, noise_schedule
from nodes.tools import explode

_NOISE = "the noise of a seed is drawn in another way: another picture of the same kind"
_WEIGHTS = "brackets in the text weigh words there, and are letters here"
_SCHEDULES = {
    "normal": "sigmas.normal",
    "karras": "sigmas.karras",
    "exponential": "sigmas.exponential",
    "sgm_uniform": "sigmas.sgm_uniform",
    "simple": "sigmas.simple",
    "ddim_uniform": "sigmas.ddim_uniform",
    "beta": "sigmas.beta",
    "linear_quadratic": "sigmas.linear_quadratic",
}


def _noises(hole: Wire) -> list[Any]:
    return [
        Later(lambda latent: hole, needs=["latent"], seed=anything("seed"), adds=adds)
        for adds in (True, False)
    ]


HOLES = {
    "GUIDER": lambda hole: [hole.telling(model=anything("model"))],
    "SAMPLER": lambda hole: [
        hole.telling(name=name) for name in ("euler", "dpmpp_sde", "euler_ancestral")
    ],
    "NOISE": _noises,
    "CLIP_VISION_OUTPUT": lambda hole: [hole.telling(unclip=anything("unclip"))],
}
_GUIDANCE = ("RescaleCFG", "PerturbedAttentionGuidance", "SkipLayerGuidanceSD3")
JOINED: dict[str, dict[str, tuple[str, ...]]] = {
    name: {"model": _GUIDANCE, "positive": ("ControlNetApply",)}
    for name in ("KSampler", "KSamplerAdvanced", "SamplerCustom", "CFGGuider")
}
JOINED["near SamplerCustomAdvanced"] = {"noise": ("RandomNoise",)}
SHOWS: dict[str, dict[str, tuple[str, str]]] = {
    "save": {"Image": ("SaveImage", "images"), "Mask": ("MaskPreview", "mask")},
    "preview": {"Image": ("PreviewImage", "images"), "Mask": ("MaskPreview", "mask")},
}
for _plain in ("str", "int", "float", "bool"):
    for _way in SHOWS.values():
        _way[_plain] = ("PreviewAny", "source")


def _text(build: Build) -> Any:
    """Where every sign is a letter, ComfyUI wants brackets marked as such."""
    text = build.literal("text").replace("\\(", "(").replace("\\)", ")")
    return build.add("text.encode", clip=build["clip"], text=text).conditioning


def _wired_text(build: Build) -> Any:
    return build.add("text.encode", clip=build["clip"], text=build["text"]).conditioning


def _scheduled(build: Build, model: Wire, steps: Any, name: str) -> Wire:
    return build.add(_SCHEDULES[name], betas=noise_schedule(build, model), steps=steps).sigmas


def _sampler(name: str, cut: bool, type: str = "sampler.sample") -> Any:
    """`sampler.sample` over one of the usual schedules, the last share of it if `cut`."""

    def make(build: Build) -> Any:
        hold = build.hold(type)
        sigmas = _scheduled(build, build["model"], build["steps"], name)
        if cut:
            wire = build.add("schedule.by_strength", sigmas=sigmas, strength=build["denoise"])
            sigmas = wire.sigmas
        build.literal("scheduler")
        return build.add(
            type,
            hold,
            model=build["model"],
            positive=build["positive"],
            negative=build["negative"],
            latent=build["latent_image"],
            sigmas=sigmas,
            sampler=build["sampler_name"],
            guidance_scale=build["cfg"],
            seed=build["seed"],
        ).latent

    return make


def _over(name: str) -> Any:
    def make(build: Build) -> Any:
        return _scheduled(build, build["model"], build["steps"], name)

    return make


def _custom(type: str) -> Any:
    """A node that samples over any list of sigmas."""

    def make(build: Build) -> Any:
        ports = {"latent": build["latent_image"], "sigmas": build["sigmas"]}
        made = build.hold(type)
        guider = guided(build, build["model"], build["positive"], build["negative"], build["cfg"])
        seed = build["noise_seed"]
        found = build.add(type, made, guider=guider, sampler=build["sampler"], seed=seed, **ports)
        return found.latent, None

    return make


def _advanced(build: Build) -> Any:
    hold, noise = build.hold("sampler.sample_guided"), build["noise"]
    ports = {"guider": build["guider"], "latent": build["latent_image"]}
    ports |= {"sigmas": build["sigmas"], "sampler": build["sampler"]}
    seed = noise.about["seed"]
    return build.add("sampler.sample_guided", hold, seed=seed, **ports).latent, None


def _pictures(build: Build) -> Any:
    return build.add("image.batch", images=[build["image1"], build["image2"]]).image


def _levels(params: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The formula that gives a list of noise levels: that of Karras, or of exponents."""
    values = [float(value) for value in params.get("values", ())]
    if len(values) < 3 or values[-1] != 0 or min(values[:-1]) <= 0:
        return None
    high, low, steps = values[0], values[-2], len(values) - 1
    ends = {"steps": steps, "sigma_max": round(high, 9), "sigma_min": round(low, 9)}
    if not high > low:
        return None
    for name, formula, rhos in (
        ("KarrasScheduler", schedules.karras_levels, (7.0, *_RHOS)),
        ("ExponentialScheduler", schedules.exponential_levels, (1.0,)),
        ("PolyexponentialScheduler", schedules.exponential_levels, _RHOS),
    ):
        for rho in rhos:
            made = formula(steps, ends["sigma_max"], ends["sigma_min"], rho)
            if all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(made, values, strict=False)):
                given = ends if name == "ExponentialScheduler" else {**ends, "rho": rho}
                return name, given
    return None


_RHOS = tuple(number / 100 for number in range(1, 2001))
SOLVED: dict[str, Callable[[Any], tuple[str, dict[str, Any]] | None]] = {
    "sigmas.from_list": _levels
}


def _one(nodes: list[ComfyNode], name: str) -> ComfyNode:
    return next(found for found in nodes if found.name == name)


def _near(spec: ComfyNode, make: Any, differs: str, **fixed: Any) -> ComfyNode:
    """The same node type made otherwise, some of its choices fixed."""
    inputs = dict(spec.inputs)
    for name, value in fixed.items():
        inputs[name] = replace(inputs[name], options=(value,), default=value, source="")
    return replace(spec, inputs=inputs, make=make, differs=differs)


def _all() -> list[ComfyNode]:
    text = _one(conditioning.NODES, "CLIPTextEncode")
    sampler = _one(sampling.NODES, "KSampler")
    basic = _one(schedules.NODES, "BasicScheduler")
    custom = _one(sampling.NODES, "SamplerCustom")
    found = [_near(text, _text, ""), _near(text, _wired_text, _WEIGHTS)]
    for name in _SCHEDULES:
        found.append(_near(sampler, _sampler(name, False), _NOISE, scheduler=name))
        share = "of a schedule cut by strength ComfyUI draws the part anew, with as many steps"
        found.append(_near(sampler, _sampler(name, True), f"{_NOISE}; {share}", scheduler=name))
        found.append(_near(basic, _over(name), "", scheduler=name))
    found.append(_near(custom, _custom("sampler.sample_guided"), _NOISE))
    found.append(_near(_one(sampling.NODES, "SamplerCustomAdvanced"), _advanced, _NOISE))
    found.append(_near(_one(images.NODES, "ImageBatch"), _pictures, ""))
    return found


NEAR = _all()


def collapse(graph: dict[str, Any], path: str) -> dict[str, Any]:
    """The graph file with the loop at `path` as a sampler.

    Raises:
        InputError: it does something else.
    """
    found: Mapping[str, Any] = explode.collapse({"graph": graph, "node": path})
    made: dict[str, Any] = found["graph"]
    return made


__all__ = ["HOLES", "JOINED", "NEAR", "SHOWS", "collapse"]
