"""What a scheduler's configuration says of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.checkpoints.scheduler_config import Training, training_of
from nodes.types import BetaSchedule, ContinuousSchedule, FlowSchedule

FILE = Path("scheduler_config.json")
USUAL = FlowSchedule(multiplier=1.0)


@pytest.mark.parametrize(
    ("config", "prediction"),
    [
        ({}, "epsilon"),
        ({"_class_name": "LCMScheduler"}, "lcm"),
        ({"_class_name": "LCMScheduler", "prediction_type": "v_prediction"}, "v_prediction"),
        ({"_class_name": "EulerDiscreteScheduler", "prediction_type": "sample"}, "sample"),
    ],
)
def test_a_discrete_schedule_and_what_is_predicted(config: dict[str, Any], prediction: str) -> None:
    found = training_of(config, FILE, USUAL)
    assert isinstance(found.schedule, BetaSchedule)
    assert (found.prediction, found.sigma_data) == (prediction, 1.0)


def test_flow_matching_is_a_flow() -> None:
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    assert training_of(config, FILE, USUAL) == Training(FlowSchedule(3.0, 1.0), "flow")


def test_edm_is_continuous() -> None:
    config = {
        "_class_name": "EDMDPMSolverMultistepScheduler",
        "sigma_min": 0.002,
        "sigma_max": 80.0,
        "sigma_data": 0.5,
        "prediction_type": "epsilon",
    }
    assert training_of(config, FILE, USUAL) == Training(ContinuousSchedule(0.002, 80.0), "edm", 0.5)
    config["prediction_type"] = "v_prediction"
    assert training_of(config, FILE, USUAL).prediction == "v_prediction"


def test_zero_terminal_snr_ends_in_noise_alone() -> None:
    schedule = training_of({"rescale_betas_zero_snr": True}, FILE, USUAL).schedule
    assert isinstance(schedule, BetaSchedule)
    assert schedule.alphas_cumprod[-1] == 0


def test_an_unknown_prediction_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"scheduler_config\.json: prediction_type is 'y'"):
        training_of({"prediction_type": "y"}, FILE, USUAL)
