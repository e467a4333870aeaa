"""Networks that read a picture: how far things are, what they are, how people stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nodeflow.sockets import socket


@socket("depth_model", colour="#a3b18a", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class DepthModel:
    """A depth estimator of transformers with the processor of its pictures.

    `metric` says that it answers in metres, which grow with distance; else the nearer the larger.
    """

    network: Any
    processor: Any
    metric: bool = False


@socket("segmentation_model", colour="#90a955", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class SegmentationModel:
    """A semantic segmenter of transformers with its processor. `labels` names its classes."""

    network: Any
    processor: Any
    labels: tuple[str, ...]


@socket("detection_model", colour="#b5a642", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class DetectionModel:
    """An object detector of transformers with its processor. `labels` names what it knows."""

    network: Any
    processor: Any
    labels: tuple[str, ...]


@socket("pose_model", colour="#ecb365", shape="square", persist=False)
@dataclass(frozen=True, eq=False)
class PoseModel:
    """A ViTPose of transformers with its processor: COCO's 17 points of a body in a box."""

    network: Any
    processor: Any
