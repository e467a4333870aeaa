"""What a scheduler's configuration in diffusers' layout says of the model's training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodes.diffusion import schedules
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.types import BetaSchedule, ContinuousSchedule, FlowSchedule, NoiseSchedule

_BETAS: dict[str, Callable[[int, float, float], list[float]]] = {
    "linear": schedules.linear_betas,
    "scaled_linear": schedules.scaled_linear_betas,
    "squaredcos_cap_v2": lambda count, start, end: schedules.squared_cosine_betas(count),
}
_TOKENS = 4096  # of a picture of 1024 × 1024 pixels
_PREDICTIONS = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True)
class Training:
    """A model's noise schedule, what it predicts, and the spread of its clean latents."""

    schedule: NoiseSchedule
    prediction: str
    sigma_data: float = 1.0


def training_of(config: Mapping[str, Any], config_file: Path, usual: NoiseSchedule) -> Training:
    """What a model was trained on, told by its scheduler.

    A scheduler of Karras' kind (EDM…) means a network that is scaled as EDM's, one of flow matching
    means a flow, and LCM's a consistency model. `usual` are the levels of the model's family, whose
    clock a flow keeps.
    """
    name = str(config.get("_class_name", ""))
    if name.startswith("FlowMatch"):
        return Training(_flow_schedule(config, usual), "flow")
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS:
        raise CheckpointError(
            f"{config_file}: prediction_type is {prediction!r}, expected one of {_PREDICTIONS}"
        )
    if name.startswith("EDM"):
        ends = float(config.get("sigma_min", 0.002)), float(config.get("sigma_max", 80.0))
        says = "edm" if prediction == "epsilon" else prediction
        return Training(ContinuousSchedule(*ends), says, float(config.get("sigma_data", 0.5)))
    if name == "LCMScheduler" and prediction == "epsilon":
        prediction = "lcm"
    return Training(beta_schedule(config, config_file), prediction)


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


def _flow_schedule(config: Mapping[str, Any], usual: NoiseSchedule) -> FlowSchedule:
    """Where the shift goes by the picture's size, that of 1024 × 1024 pixels."""
    shift = float(config.get("shift", 1.0))
    if config.get("use_dynamic_shifting"):
        shift = schedules.shift_for_tokens(
            _TOKENS,
            float(config.get("base_shift", 0.5)),
            float(config.get("max_shift", 1.15)),
            int(config.get("base_image_seq_len", 256)),
            int(config.get("max_image_seq_len", 4096)),
        )
    return FlowSchedule(
        shift,
        usual.multiplier if isinstance(usual, FlowSchedule) else 1000.0,
        int(config.get("num_train_timesteps", 1000)),
    )
