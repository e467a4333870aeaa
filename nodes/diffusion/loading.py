"""Models from disk, whatever form they lie there in: single files, folders in diffusers' layout,
and files or folders of one part alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodes.diffusion.checkpoint_files import is_checkpoint
from nodes.diffusion.checkpoints import assemble, folders
from nodes.diffusion.checkpoints.families import Family
from nodes.diffusion.checkpoints.recognise import FAMILIES
from nodes.diffusion.checkpoints.scheduler_config import beta_schedule
from nodes.types import Clip, Model, Vae

__all__ = ["beta_schedule", "load_checkpoint", "load_clip", "load_model", "load_vae"]


def load_checkpoint(
    path: Path, device: str = "cpu", dtype: str = "auto"
) -> tuple[Model, Clip, Vae]:
    """The parts of the checkpoint at `path`, a file or a folder: in evaluation mode, frozen.

    `dtype` is `auto` (float32 on the CPU, elsewhere what is stored), `float32`, `float16` or
    `bfloat16`; autoencoders are float32 always.

    Raises:
        CheckpointError: a part is missing, damaged or of a kind that is not read; names the file.
    """
    if path.is_dir():
        return folders.load_checkpoint(path, device, dtype)
    return assemble.load_checkpoint(path, device, dtype)


def load_model(path: Path, device: str = "cpu", dtype: str = "auto") -> Model:
    """The denoiser of a checkpoint, or one that lies alone, with what it was trained on."""
    if is_checkpoint(path):
        return folders.load_model(path, device, dtype)
    if path.is_dir():
        return folders.load_alone(path, device, dtype)
    return assemble.load_model(path, device, dtype)


def load_clip(
    path: Path | Sequence[Path], device: str = "cpu", dtype: str = "auto", family: str = "auto"
) -> Clip:
    """The text encoders of a checkpoint folder, or those in one file or folder or in
    several."""
    paths = [path] if isinstance(path, Path) else list(path)
    if is_checkpoint(paths[0]):
        return folders.load_clip(paths[0], device, dtype)
    return assemble.load_clip(paths, _family(family), device, dtype)


def load_tokenizers(path: Path) -> Clip:
    """The tokenizers of a checkpoint, with None for each text encoder: what cuts a text needs no
    weights."""
    return folders.load_tokenizers(path) if path.is_dir() else assemble.load_tokenizers(path)


def load_vae(path: Path, device: str = "cpu", family: str = "auto") -> Vae:
    """The autoencoder of a checkpoint, or one that lies alone."""
    if is_checkpoint(path):
        return folders.load_vae(path, device)
    if path.is_dir():
        return folders.load_vae_alone(path, device)
    return assemble.load_vae(path, _family(family), device)


def _family(name: str) -> Family | None:
    return None if name == "auto" else FAMILIES[name]
