"""The half of CLIP that reads pictures: its files, its view of a picture, its answers."""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch
from torch import Tensor

from nodes.diffusion.checkpoint_files import CheckpointError, read_json
from nodes.diffusion.checkpoints import precision, stream
from nodes.diffusion.checkpoints.families import Part, Shapes, Source, chunk
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.resampling import resample
from nodes.types import ClipVision, ImageEmbedding

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_EXPECTED = "a CLIP vision model (safetensors, or a transformers folder)"
_PREFIXES = ("", "visual.", "embedder.model.visual.", "image_encoder.")
_HEADS = {768: 12, 1024: 16, 1280: 16, 1664: 16}  # of ViT-B, L, H and bigG; else 64 wide each
_WHOLE = {
    "conv1.weight": "embeddings.patch_embedding.weight",
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
_INNER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}


def load(path: Path, device: str = "cpu", dtype: str = "auto") -> ClipVision:
    """The vision model in a file (Hugging Face's names or OpenCLIP's, alone or in an unCLIP
    checkpoint) or a folder.

    Raises:
        CheckpointError: there is none, or it is damaged; says what was found.
    """
    header = read_header(_weights_in(path) if path.is_dir() else path)
    part = recognise(header)
    if part is None:
        from nodes.diffusion.checkpoints.recognise import describe

        raise CheckpointError(f"{path}: expected {_EXPECTED}, found {describe(header)}")
    if path.is_dir():
        part = Part(part.cls, _folder_config(path, part), part.prefix, part.sources)
    computes = precision.for_part(header, part, dtype, device)
    return ClipVision(stream.build(part, header, computes, device))


def _weights_in(folder: Path) -> Path:
    for name in ("model.safetensors", "model.fp16.safetensors", "model.safetensors.index.json"):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(f"{folder}: expected model.safetensors, found none")


def _folder_config(folder: Path, part: Part) -> dict[str, object]:
    """What shapes do not tell is in the folder's config, of the vision model or of a whole CLIP."""
    config = read_json(folder / "config.json")
    vision = config.get("vision_config")
    inner = vision if isinstance(vision, dict) else config
    told = ("num_attention_heads", "hidden_act", "layer_norm_eps")
    return {**part.config, **{key: inner[key] for key in told if key in inner}}


def recognise(header: Header) -> Part | None:
    """The vision model in a file under any of the usual prefixes."""
    for prefix in _PREFIXES:
        shapes = header.under(prefix)
        if "vision_model.embeddings.position_embedding.weight" in shapes:
            return _part(shapes, prefix, _as_they_are(shapes))
        if "class_embedding" in shapes and "conv1.weight" in shapes:
            return _part(shapes, prefix, _from_openclip(shapes))
    return None


def _as_they_are(shapes: Shapes) -> dict[str, Source]:
    kept = (n for n in shapes if n.startswith("vision_model.") or n == "visual_projection.weight")
    return {name: Source((name,)) for name in kept if not name.endswith("position_ids")}


def _from_openclip(shapes: Shapes) -> dict[str, Source]:
    found = {f"vision_model.{new}": Source((old,)) for old, new in _WHOLE.items() if old in shapes}
    if "proj" in shapes:
        found["visual_projection.weight"] = Source(("proj",), lambda weight: weight.T)
    for name in shapes:
        match = re.match(r"transformer\.resblocks\.(\d+)\.(.+)", name)
        if match is None:
            continue
        base = f"vision_model.encoder.layers.{match[1]}"
        if match[2].startswith("attn.in_proj_"):
            kind = match[2].removeprefix("attn.in_proj_")
            for at, letter in enumerate("qkv"):
                found[f"{base}.self_attn.{letter}_proj.{kind}"] = Source((name,), chunk(at, 3))
            continue
        module, _, last = match[2].rpartition(".")
        found[f"{base}.{_INNER.get(module, module)}.{last}"] = Source((name,))
    return found


def _part(shapes: Shapes, prefix: str, sources: dict[str, Source]) -> Part:
    def shape(name: str) -> tuple[int, ...]:
        return shapes[sources[name].names[0]]

    places, width = shape("vision_model.embeddings.position_embedding.weight")
    patch = shape("vision_model.embeddings.patch_embedding.weight")[-1]
    layers = {m[1] for n in sources if (m := re.search(r"encoder\.layers\.(\d+)\.", n))}
    projection = sources.get("visual_projection.weight")
    out = shapes[projection.names[0]][1 if projection.change else 0] if projection else width
    config = {
        "hidden_size": width,
        "intermediate_size": shape("vision_model.encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": len(layers),
        "num_attention_heads": _HEADS.get(width, max(width // 64, 1)),
        "image_size": math.isqrt(places - 1) * patch,
        "patch_size": patch,
        "projection_dim": out,
        # OpenAI's models have the quick one, OpenCLIP's the usual one.
        "hidden_act": "quick_gelu" if width <= 1024 else "gelu",
    }
    return Part("CLIPVisionModelWithProjection", config, prefix, sources)


def seen(pixels: Tensor, size: int, crop: bool = True) -> Tensor:
    """Pictures [B, H, W, 3] in 0..1 as CLIP sees them, [B, 3, size, size].

    The shorter side is resized to `size` (bicubic) and the middle cut out; without `crop` both
    sides are resized. Then each colour is brought to mean 0 and spread 1 over CLIP's pictures.
    """
    height, width = pixels.shape[1:3]
    target = (size, size)
    if crop:
        short = min(height, width)
        target = (size * height // short, size * width // short)
    resized = resample(pixels, *target, "bicubic").clamp(0, 1)
    top, left = ((side - size) // 2 for side in target)
    middle = resized[:, top : top + size, left : left + size]
    mean, std = (torch.tensor(v, dtype=middle.dtype, device=middle.device) for v in (MEAN, STD))
    return ((middle - mean) / std).movedim(-1, 1)


def encode(vision: ClipVision, pixels: Tensor, crop: bool = True) -> ImageEmbedding:
    """What pictures [B, H, W, 3] mean to CLIP, each read by itself."""
    network = vision.network
    shown = seen(pixels, int(network.config.image_size), crop)
    answers = [_ask(network, picture) for picture in shown.split(1)]
    _, blank = _ask(network, torch.zeros_like(shown[:1]))
    pooled, hidden = (torch.cat(rows) for rows in zip(*answers, strict=True))
    return ImageEmbedding(pooled, hidden, blank)


def _ask(network: torch.nn.Module, picture: Tensor) -> tuple[Tensor, Tensor]:
    weight = next(network.parameters())
    with torch.no_grad():
        answer = network(picture.to(weight.device, weight.dtype), output_hidden_states=True)
    return answer.image_embeds.float(), answer.hidden_states[-2].float()
