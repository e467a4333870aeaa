"""Networks of transformers that read a picture: loaded from a folder, asked for a whole batch.

Nothing is fetched, no code of a model's folder is run, and weights are safetensors alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from nodes.diffusion.checkpoints.finite import check_finite
from nodes.diffusion.checkpoints.header import read_header
from nodes.diffusion.pixels import resized
from nodes.types import DepthModel, DetectionModel, PoseModel, SegmentationModel

METRIC = ("zoedepth", "depth_pro")
"""Kinds of networks that always answer in metres."""


class PredictorError(ValueError):
    """A folder holds no network of the kind that is asked for, or half of one."""


def load_depth(folder: Path, device: str) -> DepthModel:
    """A depth estimator: DPT, Depth Anything, ZoeDepth, Depth Pro, PromptDA …"""
    from transformers import AutoModelForDepthEstimation

    network, processor = _load(AutoModelForDepthEstimation, "depth estimator", folder, device)
    kind = getattr(network.config, "depth_estimation_type", "relative")
    return DepthModel(network, processor, kind == "metric" or network.config.model_type in METRIC)


def load_segmentation(folder: Path, device: str) -> SegmentationModel:
    """A semantic segmenter: SegFormer, UPerNet, BEiT, DPT …"""
    from transformers import AutoModelForSemanticSegmentation

    auto = AutoModelForSemanticSegmentation
    network, processor = _load(auto, "semantic segmenter", folder, device)
    names = network.config.id2label
    return SegmentationModel(network, processor, tuple(names[k] for k in sorted(names)))


def load_detection(folder: Path, device: str) -> DetectionModel:
    """An object detector: YOLOS, RT-DETR, DETR, Deformable DETR …"""
    from transformers import AutoModelForObjectDetection

    network, processor = _load(AutoModelForObjectDetection, "object detector", folder, device)
    names = network.config.id2label
    return DetectionModel(network, processor, tuple(names[k] for k in sorted(names)))


def load_pose(folder: Path, device: str) -> PoseModel:
    """A ViTPose of COCO's 17 points."""
    from transformers import VitPoseForPoseEstimation

    if (kind := _kind(folder)) != "vitpose":
        raise PredictorError(f"{folder} cannot be read as a ViTPose: it is a {kind}")
    network, processor = _load(VitPoseForPoseEstimation, "ViTPose", folder, device)
    points = network.config.num_labels
    if points != 17:
        raise PredictorError(f"{folder} finds {points} points of a body; expected COCO's 17")
    return PoseModel(network, processor)


def _load(auto: Any, kind: str, folder: Path, device: str) -> tuple[Any, Any]:
    import transformers
    from safetensors import SafetensorError
    from transformers import AutoImageProcessor

    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise PredictorError(f"{folder / name} is missing: a {kind} of transformers has one")
    read_header(folder / "model.safetensors")  # says what is wrong with a file that is none
    # The processor that works with Pillow: the other one wants torchvision.
    new = int(transformers.__version__.split(".")[0]) >= 5
    choice: dict[str, Any] = {"backend": "pil"} if new else {"use_fast": False}
    try:
        with _quiet():
            processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, **choice)
            network, told = auto.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        told_in_full = " ".join(str(error).split())
        raise PredictorError(f"{folder} cannot be read as a {kind}: {told_in_full}") from error
    if told["missing_keys"]:
        first = sorted(told["missing_keys"])[0]
        count = len(told["missing_keys"])
        raise PredictorError(f"{folder} lacks {count} weights of a {kind}, {first} among them")
    check_finite(folder / "model.safetensors", network.state_dict(), f"a {kind}")
    return network.float().to(device).eval().requires_grad_(False), processor


def _kind(folder: Path) -> str:
    """The `model_type` of a folder's config, or "folder without a config"."""
    try:
        return str(json.loads((folder / "config.json").read_text("utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        return "folder without a config"


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither bars nor reports of what was loaded: what is wrong is raised."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _pillows(pixels: torch.Tensor) -> list[Any]:
    from PIL import Image as Pillow

    bytes8 = (pixels[..., :3].clamp(0, 1) * 255).round().byte().cpu().numpy()
    return [Pillow.fromarray(picture) for picture in bytes8]


def depth(model: DepthModel, pixels: torch.Tensor) -> torch.Tensor:
    """How near each pixel is, [B, H, W], 1 the nearest of each picture and 0 the farthest.

    A metric network's metres become 1 / metres first: what others answer, and ControlNets know.
    """
    result = []
    for picture in _pillows(pixels):
        inputs = model.processor(images=picture, return_tensors="pt")
        with torch.no_grad():
            found = model.network(inputs["pixel_values"].to(_device(model.network)))
        near = found.predicted_depth.float().reshape(1, *found.predicted_depth.shape[-2:])
        if model.metric:
            near = 1 / near.clamp(min=1e-3)
        low, high = near.amin(), near.amax()
        flat = (near - low) / (high - low) if high > low else torch.zeros_like(near)
        width, height = picture.size
        result.append(resized(flat[..., None].expand(-1, -1, -1, 3), width, height, "bicubic"))
    return torch.cat(result)[..., 0].to(pixels.device)


def classes(model: SegmentationModel, pixels: torch.Tensor) -> torch.Tensor:
    """The number of the class that each pixel most likely shows, int64 [B, H, W]."""
    result = []
    for picture in _pillows(pixels):
        inputs = model.processor(images=picture, return_tensors="pt")
        with torch.no_grad():
            logits = model.network(inputs["pixel_values"].to(_device(model.network))).logits
        width, height = picture.size
        large = torch.nn.functional.interpolate(logits.float(), (height, width), mode="bilinear")
        result.append(large.argmax(1))
    return torch.cat(result).to(pixels.device)


def boxes(
    model: DetectionModel, picture: torch.Tensor, label: int, threshold: float
) -> list[tuple[float, float, float, float]]:
    """Where a picture [1, H, W, C] shows one class, the surest first: left, top, width, height."""
    _, height, width, _ = picture.shape
    inputs = model.processor(images=_pillows(picture), return_tensors="pt")
    with torch.no_grad():
        found = model.network(inputs["pixel_values"].to(_device(model.network)))
    [told] = model.processor.post_process_object_detection(
        found, threshold=threshold, target_sizes=[(height, width)]
    )
    chosen = [
        (float(score), *box)
        for score, name, box in zip(
            told["scores"], told["labels"].tolist(), told["boxes"].tolist(), strict=True
        )
        if name == label
    ]
    result = []
    for _, x0, y0, x1, y1 in sorted(chosen, reverse=True):
        left, top = max(0.0, x0), max(0.0, y0)
        right, bottom = min(float(width), x1), min(float(height), y1)
        if right > left and bottom > top:
            result.append((left, top, right - left, bottom - top))
    return result


def points(
    model: PoseModel, picture: torch.Tensor, boxes: Sequence[Sequence[float]]
) -> list[list[tuple[float, float, float]]]:
    """Of each box (left, top, width, height) in a picture [1, H, W, C], COCO's 17 points.

    Each is x, y in pixels and how sure the network is. Xu et al. 2022, "ViTPose", arXiv 2204.12484.
    """
    asked = [[list(box) for box in boxes]]
    inputs = model.processor(_pillows(picture), boxes=asked, return_tensors="pt")
    told: dict[str, torch.Tensor] = {}
    if getattr(model.network.config.backbone_config, "num_experts", 1) > 1:
        told["dataset_index"] = torch.zeros(len(boxes), dtype=torch.int64)  # COCO is the first
    with torch.no_grad():
        found = model.network(inputs["pixel_values"].to(_device(model.network)), **told)
    [people] = model.processor.post_process_pose_estimation(found, boxes=asked)
    return [
        [
            (*place, float(score))
            for place, score in zip(
                person["keypoints"].tolist(), person["scores"].flatten(), strict=True
            )
        ]
        for person in people
    ]


def _device(network: Any) -> torch.device:
    return next(iter(network.parameters())).device
