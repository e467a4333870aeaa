"""Textual inversions: vectors that stand where words do. Gal et al. 2022, arXiv 2208.01618.

A file holds `emb_params` [n, D] (the web UI's), one tensor under the token's own name (diffusers'),
or one for each encoder under `clip_l`, `clip_g`, `t5` (Stable Diffusion XL and later).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.finite import check_finite
from nodes.diffusion.checkpoints.header import read_header
from nodes.diffusion.cloning import clone_modules
from nodes.diffusion.prompts.chunks import Inversions
from nodes.types import Clip

_OF_ENCODER = {
    "clip_l": "clip_l",
    "clip_g": "clip_g",
    "clip_h": "clip_h",
    "text_encoders_0": "clip_l",  # as OneTrainer and diffusers' trainer of XL write them
    "text_encoders_1": "clip_g",
    "t5": "t5",
    "t5xxl": "t5",
}


def read_embedding(path: Path) -> dict[str, Tensor]:
    """The vectors of a file, float32 [n, D], by kind of encoder; "" where the file names none.

    Raises:
        CheckpointError: it is no safetensors file, or holds something else than vectors.
    """
    from safetensors.torch import load_file

    read_header(path)  # tells what is wrong with a file, and how to convert a pickle
    tensors: Mapping[str, Tensor] = load_file(str(path))
    found = {_OF_ENCODER[name]: t for name, t in tensors.items() if name in _OF_ENCODER}
    if not found and len(tensors) == 1:
        found = {"": next(iter(tensors.values()))}
    if not found and "emb_params" in tensors:
        found = {"": tensors["emb_params"]}
    if not found or any(t.ndim not in (1, 2) or not t.is_floating_point() for t in found.values()):
        names = ", ".join(sorted(tensors)[:4]) or "nothing"
        raise CheckpointError(
            f"{path} is no textual inversion: it holds {names}; expected emb_params, clip_l and "
            "clip_g, or one tensor of vectors"
        )
    check_finite(path, tensors, "a textual inversion embedding")
    return {kind: t.float().reshape(-1, t.shape[-1]) for kind, t in found.items()}


def vectors_for(clip: Clip, path: Path) -> dict[str, Tensor]:
    """A file's vectors for the encoders of `clip`, by their kind.

    A file that names no encoder is for the one whose width it has.

    Raises:
        CheckpointError: its vectors fit none of the encoders, or not the one that they are for.
    """
    read = read_embedding(path)
    widths = {part.kind: width_of(part) for part in (clip, *clip.others)}
    if "" in read:
        fitting = [kind for kind, width in widths.items() if width == read[""].shape[1]]
        read = {fitting[0]: read[""]} if fitting else read
    found = {kind: t for kind, t in read.items() if kind in widths}
    wrong = {kind: t for kind, t in found.items() if t.shape[1] != widths[kind]}
    if wrong or not found:
        wanted = ", ".join(f"{width} for {kind}" for kind, width in widths.items())
        got = ", ".join(
            f"{t.shape[1]}{f' for {kind}' if kind else ''}" for kind, t in (wrong or read).items()
        )
        raise CheckpointError(
            f"{path} is a textual inversion of width {got}; this text encoder takes {wanted}. It "
            "was made for another family of models"
        )
    return found


def width_of(clip: Clip) -> int:
    """How wide the vectors are that an encoder reads."""
    return int(clip.encoder.get_input_embeddings().weight.shape[1])


def inversions_for(
    clip: Clip, files: Mapping[str, Path], bare: Mapping[str, Path] | None = None
) -> dict[str, Inversions]:
    """The textual inversions `files`, by name, for each encoder of `clip`, by its kind.

    `bare` are those whose name stands for them without `embedding:` before it; one that is for
    another family of models is a word like any other.
    """
    bare = bare or {}
    read = _fitting(clip, bare) | {name: vectors_for(clip, path) for name, path in files.items()}
    found = {}
    for part in (clip, *clip.others):
        mine = {name: vectors[part.kind] for name, vectors in read.items() if part.kind in vectors}
        places, end = {}, 0
        for name, vectors in mine.items():
            places[name] = range(end, end + len(vectors))
            end += len(vectors)
        words = {tuple(part.tokenizer.split(_stem(name))[0]): name for name in bare if name in mine}
        words.pop((), None)
        found[part.kind] = Inversions(
            torch.cat(list(mine.values())) if mine else None, places, words
        )
    return found


def _fitting(clip: Clip, files: Mapping[str, Path]) -> dict[str, dict[str, Tensor]]:
    found = {}
    for name, path in files.items():
        try:
            found[name] = vectors_for(clip, path)
        except CheckpointError:
            continue
    return found


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".safetensors")


class _WithVectors(nn.Module):  # type: ignore[misc]
    """A table of vectors, and further ones under the ids -1, -2 …: no id of a piece is negative, so
    an encoder that looks for the end mark as the highest id finds it."""

    def __init__(self, table: nn.Module, vectors: Tensor) -> None:
        super().__init__()
        self.table = table
        self.register_buffer("vectors", vectors, persistent=False)  # [n, D]

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [B, tokens] to vectors [B, tokens, D]."""
        known: Tensor = self.table(ids.clamp(min=0))
        further = self.vectors[(-1 - ids).clamp(min=0)].to(known)
        return torch.where((ids < 0)[..., None], further, known)


def with_vectors(encoder: Any, vectors: Tensor | None) -> Any:
    """An encoder that shares `encoder`'s weights and knows `vectors` [n, D] as the ids -1, -2 …"""
    if vectors is None:
        return encoder
    clone = clone_modules(encoder)
    table = clone.get_input_embeddings()
    further = _WithVectors(table, vectors.to(table.weight.device))
    for module in list(clone.modules()):
        for name, child in list(module.named_children()):
            # T5 has its table under two names; in some releases as two modules with one weight.
            if isinstance(child, nn.Embedding) and child.weight is table.weight:
                setattr(module, name, further)
    return clone
