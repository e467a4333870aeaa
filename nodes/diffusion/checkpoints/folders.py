"""A folder in diffusers' layout becomes a denoiser, text encoders and an autoencoder.

The libraries' own classes are built and their own loading is used, so that what loads there loads
here: sharded files, half precision, attention layers under their older names. Nothing is fetched.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import nn

from nodes.diffusion.checkpoint_files import (
    DENOISERS,
    ENCODERS,
    CheckpointError,
    parts_of,
    read_json,
    tokenizer_of,
    weights_in,
)
from nodes.diffusion.checkpoints import assemble, flux, precision, recognise, stream, unets
from nodes.diffusion.checkpoints.families import Family
from nodes.diffusion.checkpoints.finite import check_finite
from nodes.diffusion.checkpoints.header import read_headers
from nodes.diffusion.checkpoints.scheduler_config import Training, training_of
from nodes.diffusion.t5_tokenizer import T5Tokenizer
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.types import Clip, Model, Vae


def _only(cls: str) -> Callable[[Mapping[str, Any]], Family]:
    """The one family whose denoiser is of a class."""
    family = next(f for f in recognise.FAMILIES.values() if f.denoiser == cls)
    return lambda config: family


FAMILY_OF: dict[str, Callable[[Mapping[str, Any]], Family]] = {
    "UNet2DConditionModel": unets.family_of,
    **{cls: _only(cls) for cls in DENOISERS["transformer"]},
    flux.CLASS: flux.family_of,
}
"""By the denoiser's class: from its configuration, whose it is."""

TOKENIZERS: dict[str, Callable[[Path], Any]] = {
    "CLIPTextModel": ClipTokenizer.from_folder,
    "CLIPTextModelWithProjection": ClipTokenizer.from_folder,
    "T5EncoderModel": T5Tokenizer.from_folder,
    "UMT5EncoderModel": T5Tokenizer.from_folder,
}
"""By the text encoder's class: what makes its tokenizer from a folder."""


def load_checkpoint(folder: Path, device: str, dtype: str) -> tuple[Model, Clip, Vae]:
    """All parts of a checkpoint folder."""
    parts_of(folder)
    return (
        load_model(folder, device, dtype),
        load_clip(folder, device, dtype),
        load_vae(folder, device),
    )


def load_model(folder: Path, device: str, dtype: str) -> Model:
    """The denoiser of a checkpoint with what it was trained on."""
    part, cls = _denoiser(folder)
    config_file = folder / "scheduler" / "scheduler_config.json"
    family = _family(folder / part, cls)
    training = training_of(read_json(config_file), config_file, family.schedule())
    network = load_part(folder / part, cls, device, dtype)
    return _model(network, family, training)


def load_alone(folder: Path, device: str, dtype: str) -> Model:
    """The denoiser that a folder holds without the rest; its family tells what it was trained on.

    A `scheduler/` beside it is read where there is one, as within a whole checkpoint.
    """
    config = read_json(folder / "config.json")
    cls = str(config.get("_class_name"))
    if cls not in FAMILY_OF:
        raise CheckpointError(
            f"{folder / 'config.json'}: expected a denoiser, one of {', '.join(FAMILY_OF)}, "
            f"found {cls}"
        )
    family = FAMILY_OF[cls](config)
    training = Training(family.schedule(), family.prediction)
    beside = folder.parent / "scheduler" / "scheduler_config.json"
    if beside.is_file():
        training = training_of(read_json(beside), beside, family.schedule())
    return _model(load_part(folder, cls, device, dtype), family, training)


def load_clip(folder: Path, device: str, dtype: str) -> Clip:
    """The text encoders of a checkpoint with their tokenizers."""
    family, encoders = _encoders(folder)
    if not encoders:
        return assemble.wordless(family)
    clips = [_clip(folder, part, cls, kind, family, device, dtype) for part, cls, kind in encoders]
    return replace(clips[0], others=tuple(clips[1:]))


def load_tokenizers(folder: Path) -> Clip:
    """As `load_clip`, with None for each encoder."""
    family, encoders = _encoders(folder)
    if not encoders:
        return assemble.wordless(family)
    clips = [
        Clip(None, TOKENIZERS[cls](folder / tokenizer_of(part)), kind=kind, family=family.name)
        for part, cls, kind in encoders
    ]
    return replace(clips[0], others=tuple(clips[1:]))


def _encoders(folder: Path) -> tuple[Family, list[tuple[str, str, str]]]:
    """The family of a checkpoint, and each of its text encoders: folder, class, kind."""
    parts = parts_of(folder)
    part, cls = _denoiser(folder)
    family = _family(folder / part, cls)
    encoders = [part for part in parts if part in ENCODERS] if family.encoders else []
    kinds = [k for k in family.encoders if k not in family.optional] or list(family.encoders)
    if len(encoders) > len(kinds):
        kinds = list(family.encoders)
    return family, [(part, parts[part], kind) for part, kind in zip(encoders, kinds, strict=False)]


def load_vae(folder: Path, device: str) -> Vae:
    """The autoencoder of a checkpoint, in float32."""
    return load_vae_alone(folder / "vae", device)


def load_vae_alone(folder: Path, device: str) -> Vae:
    """The autoencoder that a folder holds. It halves the picture once per block but the last."""
    autoencoder: Any = load_part(folder, "AutoencoderKL", device, "float32")
    config = autoencoder.config
    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean and std:
        assemble.scale_latents(autoencoder, mean, std)
    return Vae(
        autoencoder,
        scaling=float(config.scaling_factor),
        shift=float(config.shift_factor or 0.0),
        factor=2 ** (len(config.block_out_channels) - 1),
    )


def _denoiser(folder: Path) -> tuple[str, str]:
    return next((part, cls) for part, cls in parts_of(folder).items() if part in DENOISERS)


def _family(folder: Path, cls: str) -> Family:
    return FAMILY_OF[cls](read_json(folder / "config.json"))


def _model(network: nn.Module, family: Family, training: Training) -> Model:
    return Model(network, training.schedule, training.prediction, family.name, training.sigma_data)


def _clip(
    folder: Path, part: str, cls: str, kind: str, family: Family, device: str, dtype: str
) -> Clip:
    tokenizer = TOKENIZERS[cls](folder / tokenizer_of(part))
    encoder: Any = load_part(folder / part, cls, device, dtype)
    if tokenizer.size > encoder.config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {tokenizer.size} pieces, the text encoder knows "
            f"{encoder.config.vocab_size}; they belong to different models"
        )
    return Clip(encoder, tokenizer, kind=kind, family=family.name)


def load_part(folder: Path, cls_name: str, device: str, dtype: str) -> nn.Module:
    """One network through its library. The two libraries call the wanted precision differently."""
    library = stream.library_of(cls_name)
    cls = getattr(importlib.import_module(library), cls_name)
    weights = weights_in(folder)
    read_json(folder / "config.json")
    header = read_headers(weights.files, folder)
    wanted = precision.fitting(stream.common_dtype(header.tensors.values()), dtype, device)
    try:
        with _quiet():
            network, report = cls.from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                variant=weights.variant or None,
                output_loading_info=True,
                **{"torch_dtype" if library == "diffusers" else "dtype": wanted},
            )
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder}: {cls_name} does not load: {error}") from error
    missing, unfitting = sorted(report["missing_keys"]), report["mismatched_keys"]
    if missing or unfitting:
        # The libraries fill such gaps with random weights and only log it.
        names = ", ".join(str(name) for name in [*missing, *unfitting][:3])
        raise CheckpointError(
            f"{weights.files[0]}: {len(missing)} weights of {cls_name} are missing and "
            f"{len(unfitting)} have another shape than config.json says, among them {names}"
        )
    check_finite(weights.files[0], network.state_dict(), f"a {cls_name}")
    return network.requires_grad_(False).eval().to(device)  # type: ignore[no-any-return]


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no log lines while the libraries load; as before afterwards."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    before = [(lib.get_verbosity(), _shows_bars(lib)) for lib in libraries]
    for lib in libraries:
        lib.set_verbosity(lib.CRITICAL)
        lib.disable_progress_bar()
    try:
        yield
    finally:
        for lib, (verbosity, bar) in zip(libraries, before, strict=True):
            lib.set_verbosity(verbosity)
            if bar:
                lib.enable_progress_bar()


def _shows_bars(library: Any) -> bool:
    """Whether a library draws progress bars; older ones cannot be asked, and by default they do."""
    return bool(getattr(library, "is_progress_bar_enabled", lambda: True)())
