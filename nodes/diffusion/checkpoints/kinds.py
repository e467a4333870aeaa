"""What a file of weights is that is neither a model nor a part of one, told from its names: a LoRA,
a ControlNet, an embedding … Imports no torch.

What a loader takes passes the rule of its kind. Which family it is for, and whether it is whole,
the loader tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import Header

CALLED: Mapping[str, str] = {
    "checkpoints": "a whole checkpoint",
    "diffusion_models": "a denoiser",
    "vae": "an autoencoder",
    "text_encoders": "a text encoder",
    "loras": "a LoRA",
    "controlnet": "a ControlNet or T2I-Adapter",
    "embeddings": "a textual inversion embedding",
    "upscale_models": "an upscaler",
    "clip_vision": "a CLIP vision model",
    "hypernetworks": "a hypernetwork",
    "gligen": "GLIGEN's layers",
    "ipadapter": "an IP-Adapter",
    "style_models": "a style model",
    "vae_approx": "a small decoder for previews",
    "preprocessors": "a network that reads pictures",
}
"""What a file of each kind of model is, in the words of an error."""

_FACTOR = re.compile(
    r"(.*[._])?(lora|dora|hada|lokr|b?oft)[._].*|.+\.(up|down)\.weight|.+\.(diff|diff_b|[wb]_norm)"
)
_HYPER = re.compile(r"\d+\.[01]\..+")
_ENCODERS = ("clip_l", "clip_g", "clip_h", "t5", "t5xxl", "text_encoders_0", "text_encoders_1")
_CONTROL = ("control_model.", "controlnet_", "input_hint_block.", "adapter.", "lllite_")
_CONTROL_WHOLE = ("pos_embed_input.weight", "pos_embed_input.proj.weight", "lora_controlnet")

Names = Collection[str]


def _is_lora(names: Names) -> bool:
    return any(_FACTOR.fullmatch(name) for name in names) and not _is_control(names)


def _is_control(names: Names) -> bool:
    return any(
        name.startswith(_CONTROL)
        or name in _CONTROL_WHOLE
        or (name.startswith("body.") and ".block1." in name)
        for name in names
    )


def _is_embedding(names: Names) -> bool:
    return "emb_params" in names or any(name in _ENCODERS for name in names)


def _is_clip_vision(names: Names) -> bool:
    last = "vision_model.embeddings.position_embedding.weight"
    return any(n.endswith(last) or n.rpartition(".")[2] == "class_embedding" for n in names)


def _is_ip_adapter(names: Names) -> bool:
    return all(any(n.startswith(p) for n in names) for p in ("image_proj.", "ip_adapter."))


def _is_hypernetwork(names: Names) -> bool:
    return any(_HYPER.fullmatch(name) for name in names)


def _is_gligen(names: Names) -> bool:
    placed = any(name.endswith("position_net.null_positive_feature") for name in names)
    return placed and any(".fuser." in name for name in names)


RULES: Mapping[str, Callable[[Names], bool]] = {
    "ipadapter": _is_ip_adapter,
    "controlnet": _is_control,
    "loras": _is_lora,
    "gligen": _is_gligen,
    "hypernetworks": _is_hypernetwork,
    "clip_vision": _is_clip_vision,
    "embeddings": _is_embedding,
}
"""By kind, whether names may be of such a file; of the kinds with names of their own."""


def other_kind(header: Header) -> str:
    """What a file is that is no network of a diffusion model, in words; "" where none is known."""
    names = header.tensors
    return next((CALLED[kind] for kind, fits in RULES.items() if names and fits(names)), "")


def check(kind: str, header: Header, found: Callable[[Header], str]) -> None:
    """Raise `CheckpointError` where a file shows to be of another kind; `found` says of which."""
    rule = RULES.get(kind)
    alone = kind == "embeddings" and len(header.tensors) == 1  # diffusers' has the word's name
    if rule is not None and not alone and not rule(header.tensors):
        raise CheckpointError(f"{header.path}: expected {CALLED[kind]}, found {found(header)}")
