"""A model as one safetensors file, in the layout that its family was published in.

    model.diffusion_model.…     the denoiser
    first_stage_model.…         the autoencoder (vae.… in Flux, AuraFlow, PixArt)
    cond_stage_model.…, conditioner.embedders.0.…, text_encoders.clip_l.…     text encoders

ComfyUI, A1111, diffusers' `from_single_file` and `load.checkpoint` read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from nodes.diffusion.adapters.bake import baked_clip
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import Header, TensorInfo
from nodes.diffusion.checkpoints.recognise import recognise
from nodes.diffusion.export.original import (
    ExportError,
    Weights,
    denoiser_state,
    hugging_face_state,
    openclip_h_state,
    openclip_state,
    plain,
    stored,
    vae_state,
)
from nodes.types import BetaSchedule, Clip, Model, Vae

_State = Callable[[Any], Weights]
_HUGGING_FACE, _OPENCLIP = hugging_face_state, openclip_state


@dataclass(frozen=True)
class Layout:
    """Where a family's encoders and autoencoder go, and what the file is called."""

    architecture: str
    encoders: dict[str, tuple[str, _State]]
    vae: str = "first_stage_model."


def _packed(*kinds: tuple[str, str]) -> dict[str, tuple[str, _State]]:
    return {kind: (f"text_encoders.{name}.transformer.", _HUGGING_FACE) for kind, name in kinds}


_CLIPS = ("clip_l", "clip_l"), ("clip_g", "clip_g")
_T5 = ("t5", "t5xxl")
LAYOUTS = {
    "sd1": Layout(
        "stable-diffusion-v1", {"clip_l": ("cond_stage_model.transformer.", _HUGGING_FACE)}
    ),
    "sd2": Layout("stable-diffusion-v2", {"clip_h": ("cond_stage_model.model.", openclip_h_state)}),
    "sdxl": Layout(
        "stable-diffusion-xl-v1-base",
        {
            "clip_l": ("conditioner.embedders.0.transformer.", _HUGGING_FACE),
            "clip_g": ("conditioner.embedders.1.model.", _OPENCLIP),
        },
    ),
    "sdxl_refiner": Layout(
        "stable-diffusion-xl-v1-refiner", {"clip_g": ("conditioner.embedders.0.model.", _OPENCLIP)}
    ),
    "sd3": Layout("stable-diffusion-v3", _packed(*_CLIPS, _T5)),
    "flux": Layout("flux-1", _packed(_CLIPS[0], _T5), "vae."),
    "auraflow": Layout("auraflow", _packed(("umt5", "pile_t5xl")), "vae."),
    "pixart": Layout("pixart", _packed(_T5), "vae."),
}
_PREDICTIONS = ("epsilon", "v_prediction", "lcm", "flow")


def save_single_file(path: Path, model: Model, clip: Clip, vae: Vae, dtype: torch.dtype) -> None:
    """Write the file. LoRAs that lie over the networks become part of their weights.

    Raises:
        ExportError: the family, a network or what the model predicts has no place in such a file.
    """
    if model.family not in LAYOUTS:
        raise ExportError(f"the family {model.family} has no single file that is written")
    layout = LAYOUTS[model.family]
    weights = _under("model.diffusion_model.", denoiser_state(plain(model.network)))
    merged = baked_clip(clip)
    networks = {"denoiser": model.network, "vae": vae.autoencoder}
    for each in (merged, *merged.others):
        if each.kind not in layout.encoders:
            raise ExportError(f"a {model.family} has no place for a text encoder {each.kind}")
        prefix, state = layout.encoders[each.kind]
        weights |= _under(prefix, state(each.encoder))
        networks[each.kind] = each.encoder
    weights |= _under(layout.vae, vae_state(plain(vae.autoencoder)))
    metadata = {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": layout.architecture,
        "modelspec.title": path.stem,
    }
    told = _told_prediction(model)
    if told:
        metadata["modelspec.prediction_type"] = told
    weights = {**weights, **_marks(model)}
    _check_told(_header(path, weights, metadata), model.family, networks)
    save_file(stored(weights, dtype), path, metadata)


def _under(prefix: str, weights: Weights) -> Weights:
    return {prefix + name: tensor for name, tensor in weights.items()}


# What no shape tells. Readers take the published models' for granted.
_UNTOLD = {
    "attention_head_dim": None,
    "num_attention_heads": None,
    "hidden_act": None,
    "norm_num_groups": 32,
}


def _header(path: Path, weights: Weights, metadata: dict[str, str]) -> Header:
    tensors = {n: TensorInfo("F32", tuple(t.shape), path) for n, t in weights.items()}
    return Header(path, (path,), tensors, metadata)


def _check_told(header: Header, family: str, networks: dict[str, Any]) -> None:
    """A file has no configurations: whoever reads it must find the same ones by names and shapes,
    or it would be another model that answers wrongly."""
    try:
        detected = recognise(header)
    except CheckpointError as error:
        raise ExportError(f"a model that nothing would recognise: {error}") from None
    if detected.family.name != family:
        raise ExportError(f"a {family} that would be taken for {detected.family.title}")
    for role, network in networks.items():
        taken = detected.parts[role].config
        for key, usual in _UNTOLD.items():
            own, theirs = getattr(network.config, key, None), taken.get(key, usual)
            if own is not None and theirs is not None and not _equal(own, theirs):
                raise ExportError(
                    f"a {type(network).__name__} whose {key} is {own}: no file says so, and "
                    f"whoever reads it takes {theirs}. A folder can say it"
                )


def _equal(a: Any, b: Any) -> bool:
    """One number stands for as many as there are."""
    if isinstance(a, (tuple, list)) or isinstance(b, (tuple, list)):
        each = [list(x) if isinstance(x, (tuple, list)) else [x] for x in (a, b)]
        length = max(map(len, each))
        first, second = (x * length if len(x) == 1 else x for x in each)
        return first == second
    return bool(a == b)


def _told_prediction(model: Model) -> str:
    """What the file says that the model predicts; shapes do not tell."""
    distilled = bool(getattr(model.network.config, "time_cond_proj_dim", None))
    if model.prediction not in _PREDICTIONS or (model.prediction == "lcm" and not distilled):
        raise ExportError(
            f"a model that predicts {model.prediction}: no single file can say so; a folder can"
        )
    return {"epsilon": "epsilon", "v_prediction": "v"}.get(model.prediction, "")


def _marks(model: Model) -> Weights:
    """Empty tensors by which ComfyUI and others tell models that predict v, and such that were
    trained to zero signal."""
    if model.prediction != "v_prediction" or model.family == "sd2":
        return {}
    found = {"v_pred": torch.tensor([])}
    if isinstance(model.betas, BetaSchedule) and model.betas.alphas_cumprod[-1] < 1e-6:
        found["ztsnr"] = torch.tensor([])
    return found
