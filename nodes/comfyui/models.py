"""Models changed: how they are sampled, patched, merged, saved."""

from __future__ import annotations

from typing import Any

from nodeflow.formats.comfyui.build import Build, Wire
from nodeflow.formats.comfyui.spec import ComfyNode, node, simple
from nodes.comfyui.common import minus
from nodes.comfyui.images import prefix

_EDM = {
    "v_prediction": ("v_prediction", 1.0),
    "edm": ("edm", 0.5),
    "edm_playground_v2.5": ("edm", 0.5),
    "eps": ("epsilon", 1.0),
}


def _discrete(build: Build) -> Any:
    model, how = build["model"], build.literal("sampling")
    zero = bool(build.literal("zsnr"))
    if how == "img_to_img":
        build.refuse("sampling", "img_to_img has no equivalent here")
    if how in ("lcm", "x0"):
        if zero:
            build.warn(f"zsnr is not used with {how}")
        return build.add(f"model_sampling.{how}", model=model).model
    prediction = "epsilon" if how == "eps" else "v_prediction"
    ports = {"model": model, "prediction": prediction, "zero_snr": zero}
    return build.add("model_sampling.discrete", **ports).model


def _continuous(build: Build) -> Any:
    how = build.literal("sampling")
    if how not in _EDM:
        build.refuse("sampling", f"{how} has no equivalent here")
    prediction, spread = _EDM[how]
    return build.add(
        "model_sampling.edm",
        model=build["model"],
        prediction=prediction,
        sigma_min=build["sigma_min"],
        sigma_max=build["sigma_max"],
        sigma_data=spread,
    ).model


def _rescale(build: Build) -> Any:
    """Changes no model: it says how the sampler guides."""
    how = {"type": "guider.cfg_rescaled", "ports": {"amount": build["multiplier"]}}
    return _model(build).telling(guidance=how)


def _worse(type: str, **ports: Any) -> Any:
    """A patch that guides away from what a worse model says."""

    def make(build: Build) -> Any:
        model = _model(build)
        given = {port: value(build) if callable(value) else value for port, value in ports.items()}
        how = {"scale": build["scale"]}
        for ours, theirs in (("start", "start_percent"), ("end", "end_percent")):
            if build[theirs] is not None:
                how[ours] = build[theirs]
        entry = {"type": type, "ports": given, "how": how}
        return model.telling(worse=(*model.about.get("worse", ()), entry))

    return make


def _layers(build: Build) -> list[int]:
    text = build.literal("layers")
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    if not numbers or not all(number.isdigit() for number in numbers):
        build.refuse("layers", f"{text!r} is no list of numbers", "write 7, 8, 9")
    return [int(number) for number in numbers]


def _model(build: Build) -> Wire:
    model = build["model"]
    assert isinstance(model, Wire)
    return model


def _hypertile(build: Build) -> Any:
    if build.literal("scale_depth"):
        build.warn("tiles are of one size in all layers")
    tile = max(32, build.literal("tile_size")) // 8
    ports = {"model": build["model"], "tile": tile, "depth": build["max_depth"]}
    return build.add("patch.hypertile", **ports).model


def _merge(build: Build) -> Any:
    amount = minus(build, build["ratio"])
    return build.add("merge.models", a=build["model1"], b=build["model2"], amount=amount).model


def _merge_clips(build: Build) -> Any:
    amount = minus(build, build["ratio"])
    return build.add("merge.clips", a=build["clip1"], b=build["clip2"], amount=amount).clip


def _merge_blocks(build: Build) -> Any:
    """What is in no block goes with the input blocks."""
    hold = build.hold("merge.blocks")
    first = minus(build, build["input"], "input")
    shares = {
        "input": first,
        "middle": minus(build, build["middle"], "middle"),
        "output": minus(build, build["out"], "output"),
        "rest": first,
    }
    return build.add("merge.blocks", hold, a=build["model1"], b=build["model2"], **shares).model


def _subtract(build: Build) -> Any:
    made = build.add("merge.subtract", a=build["model1"], b=build["model2"])
    if build.literal("multiplier") != 1:
        build.refuse(
            "multiplier",
            "a difference is taken whole here",
            "give 1, and weigh it where it is added",
        )
    return made.model


def _save(build: Build) -> Any:
    name = prefix(build)
    if isinstance(name, Wire):
        build.refuse("filename_prefix", "the name has to be a value", "write it here")
    ports = {port: build[port] for port in ("model", "clip", "vae")}
    made = build.add("save_model.checkpoint", name=f"{name}.safetensors", **ports)
    build.show(made.path, key="checkpoints")
    return ()


_M = "model: MODEL"
_PAIR = "model1: MODEL; model2: MODEL"
_RANGE = "start_percent: FLOAT={}[0..1]/0.001; end_percent: FLOAT={}[0..1]/0.001"
_FREEU = "backbone_1=b1 backbone_2=b2 skip_1=s1 skip_2=s2"
_EDM_ENDS = "sigma_max: FLOAT=120.0[0..1000]/0.001; sigma_min: FLOAT=0.002[0..1000]/0.001"

NODES: list[ComfyNode] = [
    node(
        "ModelSamplingDiscrete",
        "advanced/model",
        f"{_M}; sampling: {{eps|v_prediction|lcm|x0|img_to_img}}; zsnr: BOOLEAN=False",
        "MODEL",
        _discrete,
    ),
    node(
        "ModelSamplingContinuousEDM",
        "advanced/model",
        f"{_M}; sampling: {{v_prediction|edm|edm_playground_v2.5|eps|cosmos_rflow}}; {_EDM_ENDS}",
        "MODEL",
        _continuous,
    ),
    simple(
        "ModelSamplingSD3",
        "advanced/model",
        f"{_M}; shift: FLOAT=3.0[0..100]/0.01",
        "MODEL",
        "model_sampling.flow",
        "model shift",
        "model",
    ),
    simple(
        "ModelSamplingAuraFlow",
        "advanced/model",
        f"{_M}; shift: FLOAT=1.73[0..100]/0.01",
        "MODEL",
        "model_sampling.aura",
        "model shift",
        "model",
    ),
    simple(
        "ModelSamplingFlux",
        "advanced/model",
        f"{_M}; max_shift: FLOAT=1.15[0..100]/0.01; base_shift: FLOAT=0.5[0..100]/0.01; "
        "width: INT=1024[16..16384]/8; height: INT=1024[16..16384]/8",
        "MODEL",
        "model_sampling.flux",
        "model max_shift base_shift width height",
        "model",
    ),
    node(
        "RescaleCFG",
        "advanced/model",
        f"{_M}; multiplier: FLOAT=0.7[0..1]/0.01",
        "MODEL",
        _rescale,
    ),
    node(
        "PerturbedAttentionGuidance",
        "model_patches/unet",
        f"{_M}; scale: FLOAT=3.0[0..100]/0.01",
        "MODEL",
        _worse("perturb.identity_attention"),
    ),
    node(
        "SkipLayerGuidanceSD3",
        "advanced/guidance",
        f"{_M}; layers: STRING='7, 8, 9'; scale: FLOAT=3.0[0..10]/0.1; "
        f"{_RANGE.format('0.01', '0.15')}",
        "MODEL",
        _worse("perturb.skip_layers", layers=_layers),
        experimental=True,
    ),
    simple(
        "TomePatchModel",
        "model_patches/unet",
        f"{_M}; ratio: FLOAT=0.3[0..1]/0.01",
        "MODEL",
        "patch.token_merging",
        "model share=ratio",
        "model",
    ),
    simple(
        "FreeU_V2",
        "model_patches/unet",
        f"{_M}; b1: FLOAT=1.3[0..10]/0.01; b2: FLOAT=1.4[0..10]/0.01; "
        "s1: FLOAT=0.9[0..10]/0.01; s2: FLOAT=0.2[0..10]/0.01",
        "MODEL",
        "patch.freeu",
        f"model {_FREEU}",
        "model",
        differs="this is the first form of FreeU, with constant factors",
    ),
    simple(
        "FreeU",
        "model_patches/unet",
        f"{_M}; b1: FLOAT=1.1[0..10]/0.01; b2: FLOAT=1.2[0..10]/0.01; "
        "s1: FLOAT=0.9[0..10]/0.01; s2: FLOAT=0.2[0..10]/0.01",
        "MODEL",
        "patch.freeu",
        f"model {_FREEU}",
        "model",
    ),
    node(
        "HyperTile",
        "model_patches/unet",
        f"{_M}; tile_size: INT=256[1..2048]; swap_size: INT=2[1..128]; "
        "max_depth: INT=0[0..10]; scale_depth: BOOLEAN=False",
        "MODEL",
        _hypertile,
        differs="tiles keep their size; swap_size is not used",
    ),
    node(
        "ModelMergeSimple",
        "advanced/model_merging",
        f"{_PAIR}; ratio: FLOAT=1.0[0..1]/0.01",
        "MODEL",
        _merge,
    ),
    node(
        "ModelMergeBlocks",
        "advanced/model_merging",
        f"{_PAIR}; input: FLOAT=1.0[0..1]/0.01; middle: FLOAT=1.0[0..1]/0.01; "
        "out: FLOAT=1.0[0..1]/0.01",
        "MODEL",
        _merge_blocks,
    ),
    node(
        "ModelMergeSubtract",
        "advanced/model_merging",
        f"{_PAIR}; multiplier: FLOAT=1.0[-10..10]/0.01",
        "MODEL",
        _subtract,
    ),
    simple(
        "ModelMergeAdd",
        "advanced/model_merging",
        _PAIR,
        "MODEL",
        "merge.add",
        "a=model1 b=model2",
        "model",
    ),
    node(
        "CLIPMergeSimple",
        "advanced/model_merging",
        "clip1: CLIP; clip2: CLIP; ratio: FLOAT=1.0[0..1]/0.01",
        "CLIP",
        _merge_clips,
    ),
    node(
        "CheckpointSave",
        "advanced/model_merging",
        f"{_M}; clip: CLIP; vae: VAE; filename_prefix: STRING='checkpoints/ComfyUI'",
        "",
        _save,
        output_node=True,
    ),
]
