"""A model as a folder in diffusers' layout: a pipeline's parts, each with its configuration.

model_index.json            which class each part is
unet/ or transformer/, vae/ config.json, diffusion_pytorch_model.safetensors
text_encoder/ (_2, _3)      config.json, model.safetensors
tokenizer/ (_2, _3)         vocab.json and merges.txt, or tokenizer.json
scheduler/                  scheduler_config.json
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from nodes.diffusion.adapters.bake import baked_clip
from nodes.diffusion.checkpoints.unets import stable_diffusion_betas, zero_snr_betas
from nodes.diffusion.export.original import ExportError, hugging_face_state, plain, stored
from nodes.types import (
    BetaSchedule,
    Clip,
    ContinuousSchedule,
    FlowSchedule,
    Model,
    NoiseSchedule,
    Vae,
)

_PIPELINES = {
    "sd1": "StableDiffusionPipeline",
    "sd2": "StableDiffusionPipeline",
    "sdxl": "StableDiffusionXLPipeline",
    "sdxl_refiner": "StableDiffusionXLImg2ImgPipeline",
    "sd3": "StableDiffusion3Pipeline",
    "flux": "FluxPipeline",
    "auraflow": "AuraFlowPipeline",
    "pixart": "PixArtSigmaPipeline",
}
_INPAINTING = {
    "StableDiffusionPipeline": "StableDiffusionInpaintPipeline",
    "StableDiffusionXLPipeline": "StableDiffusionXLInpaintPipeline",
}
_ABSENT = {
    "StableDiffusion": ("feature_extractor", "image_encoder", "safety_checker"),
    "Flux": ("feature_extractor", "image_encoder"),
}
"""Parts that a pipeline of such a name may be without."""
_SAME = 1e-6  # how far apart equal noise schedules may be after a round in float32


def save_folder(folder: Path, model: Model, clip: Clip, vae: Vae, dtype: torch.dtype) -> None:
    """Write the folder. LoRAs that lie over the networks become part of their weights.

    Raises:
        ExportError: the family has no pipeline, or the schedule no scheduler, that could be named.
    """
    if model.family not in _PIPELINES:
        raise ExportError(f"the family {model.family} has no pipeline in diffusers that is written")
    scheduler = scheduler_config(model)
    network, encoders = plain(model.network), _encoders(baked_clip(clip))
    denoiser = "unet" if type(network).__name__.startswith("UNet") else "transformer"
    diffusers = {denoiser: network, "vae": plain(vae.autoencoder)}
    for name, part in diffusers.items():
        _write_diffusers_part(folder / name, part, dtype)
    for name, each in encoders.items():
        _write_encoder(folder / name, each.encoder, dtype)
        tokenizer = folder / name.replace("text_encoder", "tokenizer")
        tokenizer.mkdir(parents=True, exist_ok=True)
        each.tokenizer.save(tokenizer)
    _write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    _write_json(folder / "model_index.json", _index(model, diffusers, encoders, scheduler))


def _encoders(clip: Clip) -> dict[str, Clip]:
    """By folder. The refiner reads by what is Stable Diffusion XL's second one alone."""
    if clip.family == "sdxl_refiner":
        return {"text_encoder_2": clip}
    names = ("text_encoder", "text_encoder_2", "text_encoder_3")
    return dict(zip(names, (clip, *clip.others), strict=False))


def _write_diffusers_part(folder: Path, network: Any, dtype: torch.dtype) -> None:
    config = {k: v for k, v in network.config.items() if k != "_name_or_path"}
    _write_json(folder / "config.json", {"_class_name": type(network).__name__, **config})
    _write_weights(folder / "diffusion_pytorch_model.safetensors", network.state_dict(), dtype)


def _write_encoder(folder: Path, encoder: Any, dtype: torch.dtype) -> None:
    config = encoder.config.to_dict()
    config.pop("_name_or_path", None)
    # transformers 5 loads in the precision that is said here, diffusers in float32 unless told
    # otherwise: a pipeline would mix the two.
    config.pop("torch_dtype", None)
    config |= {"architectures": [type(encoder).__name__], "dtype": "float32"}
    _write_json(folder / "config.json", config)
    _write_weights(folder / "model.safetensors", hugging_face_state(encoder), dtype)


def _write_weights(path: Path, weights: Mapping[str, Any], dtype: torch.dtype) -> None:
    save_file(stored(weights, dtype), path, {"format": "pt"})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, sort_keys=True, default=str) + "\n"
    path.write_text(text, "utf-8")


def _index(
    model: Model,
    diffusers: Mapping[str, nn.Module],
    encoders: Mapping[str, Clip],
    scheduler: Mapping[str, Any],
) -> dict[str, Any]:
    pipeline = _PIPELINES[model.family]
    if getattr(model.network.config, "in_channels", 4) == 9:
        pipeline = _INPAINTING.get(pipeline, pipeline)
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": "0.36.0"}
    for start, names in _ABSENT.items():
        if pipeline.startswith(start) and not pipeline.startswith("StableDiffusion3"):
            index |= {name: [None, None] for name in names}
    if model.family == "sdxl_refiner":
        index |= {"text_encoder": [None, None], "tokenizer": [None, None]}
        index["requires_aesthetics_score"] = True
    if pipeline.startswith("StableDiffusionXL"):
        index.pop("safety_checker")
    elif "safety_checker" in index:
        index["requires_safety_checker"] = False
    if model.family == "sd3" and "text_encoder_3" not in encoders:
        index |= {"text_encoder_3": [None, None], "tokenizer_3": [None, None]}
    index |= {name: ["diffusers", type(part).__name__] for name, part in diffusers.items()}
    for name, each in encoders.items():
        tokenizer = "CLIPTokenizer" if each.kind.startswith("clip") else "T5TokenizerFast"
        index[name] = ["transformers", type(each.encoder).__name__]
        index[name.replace("text_encoder", "tokenizer")] = ["transformers", tokenizer]
    index["scheduler"] = ["diffusers", scheduler["_class_name"]]
    return index


def scheduler_config(model: Model) -> dict[str, Any]:
    """What a model was trained on, as a scheduler of diffusers says it.

    Raises:
        ExportError: none says that.
    """
    schedule, prediction = model.betas, model.prediction
    if isinstance(schedule, FlowSchedule):
        return {
            "_class_name": "FlowMatchEulerDiscreteScheduler",
            "num_train_timesteps": schedule.count,
            "shift": schedule.shift,
        }
    if isinstance(schedule, ContinuousSchedule):
        return {
            "_class_name": "EDMEulerScheduler",
            "prediction_type": "epsilon" if prediction == "edm" else prediction,
            "sigma_data": model.sigma_data,
            "sigma_max": schedule.sigma_max,
            "sigma_min": schedule.sigma_min,
        }
    if not isinstance(schedule, BetaSchedule) or prediction == "edm":
        raise ExportError(f"a model that predicts {prediction} on a {type(schedule).__name__}")
    distilled = prediction == "lcm"
    return {
        "_class_name": "LCMScheduler" if distilled else "DDIMScheduler",
        "clip_sample": False,
        "num_train_timesteps": len(schedule.alphas_cumprod),
        "prediction_type": "epsilon" if distilled else prediction,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        **_betas(schedule),
    }


def _betas(schedule: BetaSchedule) -> dict[str, Any]:
    """The usual ones by name, others one by one: beta_t = 1 - alpha_bar_t / alpha_bar_(t - 1)."""
    usual = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    if _close(schedule, stable_diffusion_betas()):
        return usual
    if _close(schedule, zero_snr_betas()):
        return {**usual, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    bars = (1.0, *schedule.alphas_cumprod)
    return {"trained_betas": [1 - new / old for old, new in pairwise(bars)]}


def _close(a: NoiseSchedule, b: BetaSchedule) -> bool:
    ours = getattr(a, "alphas_cumprod", ())
    return len(ours) == len(b.alphas_cumprod) and all(
        math.isclose(x, y, rel_tol=_SAME, abs_tol=_SAME**2)
        for x, y in zip(ours, b.alphas_cumprod, strict=True)
    )
