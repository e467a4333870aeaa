"""A checkpoint folder in diffusers' layout becomes a denoiser, a text encoder and an autoencoder.

The libraries' own classes are built and their own loading is used, so that what loads there loads
here: sharded files, half precision, attention layers under their older names. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from nodes.diffusion import schedules
from nodes.diffusion.checkpoint_files import CheckpointError, check_parts, read_json, weights_of
from nodes.diffusion.tokenizer import ClipTokenizer
from nodes.types import BetaSchedule, Clip, Model, Vae

_BETAS: dict[str, Callable[[int, float, float], list[float]]] = {
    "linear": schedules.linear_betas,
    "scaled_linear": schedules.scaled_linear_betas,
    "squaredcos_cap_v2": lambda count, start, end: schedules.squared_cosine_betas(count),
}
_PREDICTIONS = ("epsilon", "v_prediction", "sample")


def load_checkpoint(folder: Path, device: str = "cpu") -> tuple[Model, Clip, Vae]:
    """The three parts of the checkpoint in `folder`: float32, in evaluation mode, frozen.

    Raises:
        CheckpointError: a part is missing, damaged or of a kind that is not read; names the file.
    """
    check_parts(folder)
    return load_model(folder, device), load_clip(folder, device), load_vae(folder, device)


def load_model(folder: Path, device: str = "cpu") -> Model:
    """The denoiser of a checkpoint with its noise schedule."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    config_file = folder / "scheduler" / "scheduler_config.json"
    config = read_json(config_file)
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS:
        raise CheckpointError(
            f"{config_file}: prediction_type is {prediction!r}, expected one of {_PREDICTIONS}"
        )
    network = _load_part(UNet2DConditionModel, folder, "unet", "torch_dtype", device)
    return Model(network, beta_schedule(config, config_file), prediction)


def load_clip(folder: Path, device: str = "cpu") -> Clip:
    """The text encoder of a checkpoint with its tokenizer."""
    from transformers.models.clip.modeling_clip import CLIPTextModel

    tokenizer = ClipTokenizer.from_folder(folder / "tokenizer")
    encoder = _load_part(CLIPTextModel, folder, "text_encoder", "dtype", device)
    if tokenizer.size > encoder.config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {tokenizer.size} pieces, the text encoder knows "
            f"{encoder.config.vocab_size}; they belong to different models"
        )
    return Clip(encoder, tokenizer)


def load_vae(folder: Path, device: str = "cpu") -> Vae:
    """The autoencoder of a checkpoint. It halves the picture once per block but the last."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    autoencoder = _load_part(AutoencoderKL, folder, "vae", "torch_dtype", device)
    config = autoencoder.config
    return Vae(
        autoencoder,
        scaling=float(config.scaling_factor),
        shift=float(config.shift_factor or 0.0),
        factor=2 ** (len(config.block_out_channels) - 1),
    )


def beta_schedule(config: Mapping[str, Any], config_file: Path) -> BetaSchedule:
    """The noise schedule that a scheduler's configuration describes."""
    kind = config.get("beta_schedule", "linear")
    if kind not in _BETAS:
        raise CheckpointError(
            f"{config_file}: beta_schedule is {kind!r}, expected one of {', '.join(_BETAS)}"
        )
    betas = config.get("trained_betas") or _BETAS[kind](
        int(config.get("num_train_timesteps", 1000)),
        float(config.get("beta_start", 0.0001)),
        float(config.get("beta_end", 0.02)),
    )
    schedule = schedules.schedule_of_betas(betas)
    if config.get("rescale_betas_zero_snr"):
        schedule = schedules.zero_terminal_snr(schedule)
    return schedule


def _load_part(cls: Any, folder: Path, part: str, dtype_name: str, device: str) -> nn.Module:
    """One network through its library. The two libraries call the wanted precision differently."""
    weights = weights_of(folder, part)
    read_json(folder / part / "config.json")
    try:
        with _quiet():
            network, report = cls.from_pretrained(
                str(folder / part),
                local_files_only=True,
                use_safetensors=True,
                variant=weights.variant or None,
                output_loading_info=True,
                **{dtype_name: torch.float32},
            )
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / part}: {cls.__name__} does not load: {error}") from error
    missing, unfitting = sorted(report["missing_keys"]), report["mismatched_keys"]
    if missing or unfitting:
        # The libraries fill such gaps with random weights and only log it.
        names = ", ".join(str(name) for name in [*missing, *unfitting][:3])
        raise CheckpointError(
            f"{weights.files[0]}: {len(missing)} weights of {cls.__name__} are missing and "
            f"{len(unfitting)} have another shape than config.json says, among them {names}"
        )
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
