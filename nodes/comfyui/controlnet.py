"""ControlNets: hints that steer texts."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build
from nodeflow.formats.comfyui.spec import ComfyNode, node

_PAIR = "positive: CONDITIONING; negative: CONDITIONING; control_net: CONTROL_NET; "
_WHEN = (
    "strength: FLOAT=1.0[0..10]/0.01; start_percent: FLOAT=0.0[0..1]/0.001; "
    "end_percent: FLOAT=1.0[0..1]/0.001"
)
_GIVES = "CONDITIONING positive, CONDITIONING negative"
_MODES = {
    "openpose": "openpose",
    "depth": "depth",
    "hed/pidi/scribble/ted": "soft edge",
    "canny/lineart/anime_lineart/mlsd": "hard edge",
    "normal": "normal",
    "segment": "segment",
    "tile": "tile",
    "repaint": "repaint",
}


def _when(build: Build) -> dict[str, Any]:
    return {
        "strength": build["strength"],
        "start": build["start_percent"],
        "end": build["end_percent"],
    }


def _both(build: Build, type: str, **ports: Any) -> Any:
    """Applied to each of the two texts."""
    positive, negative = (
        build.add(
            type, role, conditioning=build[role], controlnet=build["control_net"], **ports
        ).conditioning
        for role in ("positive", "negative")
    )
    return positive, negative


def _apply(build: Build) -> Any:
    """The old node steers the negative text as well, wherever the positive one is used."""
    ports = {
        "controlnet": build["control_net"],
        "image": build["image"],
        "strength": build["strength"],
    }
    made = build.add("control.apply", conditioning=build["conditioning"], **ports)
    before = build["conditioning"].about.get("hints", ())
    return made.conditioning.telling(hints=(*before, ports))


def _advanced(build: Build) -> Any:
    if build["vae"] is not None:
        return _both(
            build, "control.apply_encoded", vae=build["vae"], image=build["image"], **_when(build)
        )
    made = build.add(
        "control.apply_pair",
        cond=build["positive"],
        uncond=build["negative"],
        controlnet=build["control_net"],
        image=build["image"],
        **_when(build),
    )
    return made.cond, made.uncond


def _sd3(build: Build) -> Any:
    return _both(
        build, "control.apply_encoded", vae=build["vae"], image=build["image"], **_when(build)
    )


def _inpaint(build: Build) -> Any:
    ports = {"vae": build["vae"], "image": build["image"], "mask": build["mask"]}
    return _both(build, "control_inpaint.apply_encoded", **ports, **_when(build))


def _union(build: Build) -> Any:
    kind = build.literal("type")
    if kind == "auto":
        return build["control_net"]
    return build.add(
        "control.set_union_mode", controlnet=build["control_net"], mode=_MODES[kind]
    ).controlnet


NODES: list[ComfyNode] = [
    node(
        "ControlNetApply",
        "conditioning/controlnet",
        "conditioning: CONDITIONING; control_net: CONTROL_NET; image: IMAGE; "
        "strength: FLOAT=1.0[0..10]/0.01",
        "CONDITIONING",
        _apply,
        title="Apply ControlNet (OLD)",
        deprecated=True,
    ),
    node(
        "ControlNetApplyAdvanced",
        "conditioning/controlnet",
        f"{_PAIR}image: IMAGE; {_WHEN} ? vae: VAE",
        _GIVES,
        _advanced,
        title="Apply ControlNet",
    ),
    node(
        "ControlNetApplySD3",
        "conditioning/controlnet",
        f"{_PAIR}vae: VAE; image: IMAGE; {_WHEN}",
        _GIVES,
        _sd3,
        deprecated=True,
    ),
    node(
        "SetUnionControlNetType",
        "conditioning/controlnet",
        f"control_net: CONTROL_NET; type: {{auto|{'|'.join(_MODES)}}}",
        "CONTROL_NET",
        _union,
    ),
    node(
        "ControlNetInpaintingAliMamaApply",
        "conditioning/controlnet",
        f"{_PAIR}vae: VAE; image: IMAGE; mask: MASK; {_WHEN}",
        _GIVES,
        _inpaint,
    ),
]
