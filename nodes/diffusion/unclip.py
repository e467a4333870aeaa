"""Image embeddings as what unCLIP models are told: with noise, and how much of it.

Ramesh et al. 2022, arXiv 2204.06125, section 2.1; as in Stable unCLIP, whose noise follows the
squared-cosine schedule of 1000 steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from nodes.diffusion import clip_vision, noise, schedules
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.header import Header, read_header
from nodes.diffusion.checkpoints.recognise import UNCLIP, UNCLIP_FOLDER, check_unclip
from nodes.diffusion.checkpoints.stream import Weights
from nodes.types import ClipVision, UnclipNoise

LEVELS = 1000
_MEAN, _STD = UNCLIP


def files_of(path: Path) -> list[Path]:
    """The files of a checkpoint that `load` reads."""
    if path.is_file():
        return [path]
    folders = (path / "image_encoder", path / "image_normalizer")
    kinds = (".json", ".safetensors")
    return sorted(f for folder in folders for f in folder.glob("*") if f.suffix in kinds)


def load(path: Path, device: str, dtype: str) -> tuple[ClipVision, UnclipNoise]:
    """The parts of an unCLIP checkpoint that other models do not have.

    Raises:
        CheckpointError: it has none, or is damaged; names the file.
    """
    check_unclip(path)
    if path.is_dir():
        file = path / UNCLIP_FOLDER
        vision = clip_vision.load(path / "image_encoder", device, dtype)
        return vision, _noise(read_header(file), "mean", "std")
    header = read_header(path)
    return clip_vision.load(path, device, dtype), _noise(header, _MEAN, _STD)


def _noise(header: Header, mean: str, std: str) -> UnclipNoise:
    weights, faults = Weights(header), list[str]()
    try:
        found = [weights.read(name, torch.float32, faults).reshape(1, -1) for name in (mean, std)]
    except KeyError as error:
        raise CheckpointError(f"{header.path}: expected a tensor {error}, found none") from None
    finally:
        weights.close()
    if faults:
        raise CheckpointError(f"{header.path}: {'; '.join(faults)}")
    return UnclipNoise(found[0].clone(), found[1].clone())


def told(embedding: Tensor, scale: UnclipNoise, amount: float, seeds: Sequence[int]) -> Tensor:
    """What the denoiser is told of embeddings [B, D]: [B, 2 D].

    With e = (embedding - mean) / std: sqrt(a) e + sqrt(1 - a) epsilon, scaled back, and the level
    of the noise as cosines and sines; a is alpha-bar of the level. `amount` is the level's share.
    """
    level = round(amount * (LEVELS - 1))
    betas = schedules.squared_cosine_betas(LEVELS)
    kept = schedules.schedule_of_betas(betas).alphas_cumprod[level]
    mean, std = (t.to(embedding) for t in (scale.mean, scale.std))
    epsilon = noise.gaussian(embedding.shape[1:], seeds).to(embedding)
    scaled = (embedding - mean) / std
    noisy = math.sqrt(kept) * scaled + math.sqrt(1 - kept) * epsilon
    return torch.cat([noisy * std + mean, _waves(level, embedding)], dim=1)


def _waves(level: int, like: Tensor) -> Tensor:
    """cos(level * f_k), then sin, f_k = 10000^(-k / n), n a half of the width: [B, D]."""
    half = like.shape[1] // 2
    rates = torch.exp(torch.arange(half) * (-math.log(10000.0) / half))
    waves = torch.cat([(level * rates).cos(), (level * rates).sin()])
    padded = torch.nn.functional.pad(waves, (0, like.shape[1] % 2))
    return padded.to(like).expand(len(like), -1)
