"""A recognised file becomes a denoiser, text encoders and an autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nodes.diffusion.checkpoint_files import CheckpointError, weights_in
from nodes.diffusion.checkpoints import clip_encoders, precision, recognise, stream
from nodes.diffusion.checkpoints.families import Detected, Family, LatentStatistics, Part
from nodes.diffusion.checkpoints.header import Header, read_header, read_headers
from nodes.diffusion.checkpoints.tokenizers import CLIP_FOLDER, TOKENIZERS
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.types import Clip, Model, Vae

Found = tuple[Header, Part]
"""An encoder and the file that it is in."""


def load_checkpoint(path: Path, device: str, dtype: str) -> tuple[Model, Clip, Vae]:
    """The parts of a single file.

    Raises:
        CheckpointError: it is no checkpoint, or lacks a part; names all that is missing.
    """
    header = read_header(path)
    detected = recognise.recognise(header)
    recognise.check_whole(header, detected)
    encoders = {kind: (header, part) for kind, part in detected.parts.items()}
    return (
        model_of(header, detected, device, dtype),
        clip_of(detected.family, encoders, device, dtype)
        if detected.family.encoders
        else wordless(detected.family),
        vae_of(header, detected.parts["vae"], detected.family, device, detected.latents),
    )


def load_model(path: Path, device: str, dtype: str) -> Model:
    """The denoiser alone, from a file of its own or from a whole checkpoint."""
    header = read_header(path)
    return model_of(header, recognise.wanted_denoiser(header), device, dtype)


def load_vae(path: Path, family: Family | None, device: str) -> Vae:
    """The autoencoder alone. Its shapes do not tell the scale of its latents: the family does."""
    header = read_header(path)
    detected = recognise.recognise_denoiser(header)
    part = recognise.wanted_vae(header)
    if family is None:
        family = detected.family if detected else recognise.family_of_latents(part)
    return vae_of(header, part, family, device, detected.latents if detected else None)


def load_clip(paths: Sequence[Path], family: Family | None, device: str, dtype: str) -> Clip:
    """Text encoders from files or folders of their own, or from whole checkpoints, in any order."""
    found: dict[str, Found] = {}
    for path in paths:
        header = read_headers(weights_in(path).files, path) if path.is_dir() else read_header(path)
        parts = recognise.wanted_encoders(header)
        found.update({kind: (header, part) for kind, part in parts.items()})
    if family is None:
        family = recognise.family_of_encoders(found)
    return clip_of(family, found, device, dtype)


def load_tokenizers(path: Path) -> Clip:
    """The tokenizers that go with a single file, with None for each text encoder."""
    family = recognise.recognise(read_header(path)).family
    if not family.encoders:
        return wordless(family)
    kinds = [kind for kind in family.encoders if kind not in family.optional]
    clips = [
        Clip(None, TOKENIZERS[kind](path), kind=kind, family=family.name)
        for kind in kinds or family.encoders
    ]
    return replace(clips[0], others=tuple(clips[1:]))


def model_of(header: Header, detected: Detected, device: str, dtype: str) -> Model:
    """The denoiser of a recognised file."""
    part, family = detected.parts["denoiser"], detected.family
    network = stream.build(part, header, precision.for_part(header, part, dtype, device), device)
    return Model(
        network,
        (detected.schedule or family.schedule)(),
        detected.prediction or family.prediction,
        family.name,
        detected.sigma_data,
    )


def clip_of(family: Family, found: Mapping[str, Found], device: str, dtype: str) -> Clip:
    """The family's text encoders in its order.

    Raises:
        CheckpointError: one that it cannot do without is missing, or it reads no text at all.
    """
    if not family.encoders:
        raise CheckpointError(f"{family.title} reads no text: it needs no text encoder")
    missing = [k for k in family.encoders if k not in found and k not in family.optional]
    if missing:
        files = ", ".join(sorted({str(header.path) for header, _ in found.values()}))
        raise CheckpointError(
            f"{files}: {family.title} reads a text by {' and '.join(family.encoders)}, found "
            f"{' and '.join(sorted(found)) or 'none'}: {' and '.join(missing)} is missing"
        )
    kinds = [kind for kind in family.encoders if kind in found]
    clips = [_clip(*found[kind], kind, family, device, dtype) for kind in kinds]
    return replace(clips[0], others=tuple(clips[1:]))


def wordless(family: Family) -> Clip:
    """What stands for the text encoder of a family that reads no text: an empty network."""
    tokenizer = ClipTokenizer.from_folder(CLIP_FOLDER)
    return Clip(nn.Module(), tokenizer, kind="none", family=family.name)


def _clip(header: Header, part: Part, kind: str, family: Family, device: str, dtype: str) -> Clip:
    if kind == "clip_l" and kind not in family.projected:
        part = clip_encoders.without_projection(part)
    encoder = stream.build(part, header, precision.for_part(header, part, dtype, device), device)
    tokenizer = TOKENIZERS[kind](header.path)
    known = int(encoder.config.vocab_size)  # type: ignore[union-attr,arg-type]
    if tokenizer.size > known:
        raise CheckpointError(
            f"{header.path}: the tokenizer of {kind} has {tokenizer.size} pieces, the text encoder "
            f"knows {known}"
        )
    return Clip(encoder, tokenizer, kind=kind, family=family.name)


def vae_of(
    header: Header,
    part: Part,
    family: Family,
    device: str,
    latents: LatentStatistics | None = None,
) -> Vae:
    """The autoencoder of a file, in float32: the half precision of XL's overflows."""
    scaling = latents.scaling if latents else family.scaling
    config = {**part.config, "scaling_factor": scaling, "shift_factor": family.shift or None}
    config["sample_size"] = family.size
    autoencoder = stream.build(replace(part, config=config), header, torch.float32, device)
    if latents is not None:
        scale_latents(autoencoder, latents.mean, latents.std)
    factor = 2 ** (len(part.config["block_out_channels"]) - 1)
    return Vae(autoencoder, scaling, family.shift, factor)


def scale_latents(autoencoder: Any, mean: Sequence[float], std: Sequence[float]) -> None:
    """Let an autoencoder give latents (z - mean) / std, per channel, and take such back.

    Both are part of its two 1 × 1 convolutions then. The encoder's says mean and log variance.
    """
    ways = autoencoder.quant_conv, autoencoder.post_quant_conv
    first, second = (way.weight for way in ways)
    m, s = (torch.tensor(values).to(first) for values in (mean, std))
    factor = torch.cat([1 / s, torch.ones_like(s)])  # [2C]
    offset = torch.cat([-m / s, -2 * s.log()])
    inner = second[:, :, 0, 0] @ m
    _replace(ways[0], first * factor[:, None, None, None], ways[0].bias * factor + offset)
    _replace(ways[1], second * s[None, :, None, None], ways[1].bias + inner)


def _replace(layer: nn.Module, weight: torch.Tensor, bias: torch.Tensor) -> None:
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.bias = nn.Parameter(bias, requires_grad=False)
