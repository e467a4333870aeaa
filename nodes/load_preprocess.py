"""Load networks that read pictures, for preprocessors: depth, areas, things, poses. No torch.

Each is a folder as transformers saves and publishes it (`config.json`, `preprocessor_config.json`,
`model.safetensors`), under `preprocessors/` of a model folder, or named by its path.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nodeflow.context import RunContext
from nodeflow.node import node
from nodes.diffusion.checkpoint_files import CheckpointError, read_json
from nodes.model_files import ModelName, files_of, opened
from nodes.types import DepthModel, DetectionModel, PoseModel, SegmentationModel

KIND = "preprocessors"
_FILES = ("config.json", "preprocessor_config.json", "model.safetensors")


@dataclass(frozen=True)
class NetworkName(ModelName):
    """A folder of transformers by name or path; offers those that are found.

    `task` is the end of the names of its classes (`ForDepthEstimation`); a folder that names its
    class and is for another task is refused.
    """

    kind: str = KIND
    task: str = ""

    def examine(self, path: Path) -> None:
        from nodes.diffusion.checkpoints.header import read_header

        for name in _FILES:
            if not (path / name).is_file():
                raise CheckpointError(f"{path / name} is missing: transformers' layout has one")
        classes = read_json(path / "config.json").get("architectures") or [self.task]
        if not any(str(cls).endswith(self.task) for cls in classes):
            raise CheckpointError(f"{path}: expected a network {self.task}, found {classes[0]}")
        read_json(path / "preprocessor_config.json")
        read_header(path / "model.safetensors")


@node("load_preprocess.depth", reads=files_of(KIND))
def depth(
    name: Annotated[str, NetworkName(task="ForDepthEstimation")],
    *,
    ctx: RunContext,
) -> DepthModel:
    """Load a network that tells how near things are: Depth Anything, DPT (MiDaS), ZoeDepth.

    `name` is a folder under `preprocessors/` of a folder in NODEFLOW_MODELS or of `models/`, or a
    path, in transformers' layout. Weights are read as float32 from safetensors alone, and nothing
    is fetched. Ranftl et al. 2021, arXiv 2103.13413; Yang et al. 2024, arXiv 2406.09414.
    """
    from nodes.diffusion.perception import load_depth

    with opened(KIND, name) as folder:
        return load_depth(folder, ctx.device)


@node("load_preprocess.segmentation", reads=files_of(KIND))
def segmentation(
    name: Annotated[str, NetworkName(task="ForSemanticSegmentation")],
    *,
    ctx: RunContext,
) -> SegmentationModel:
    """Load a network that tells what each pixel shows: SegFormer, UPerNet, BEiT.

    `name` as in `load_preprocess.depth`. Segmentation ControlNets were trained with the 150 classes
    of ADE20K. Xie et al. 2021, "SegFormer", arXiv 2105.15203.
    """
    from nodes.diffusion.perception import load_segmentation

    with opened(KIND, name) as folder:
        return load_segmentation(folder, ctx.device)


@node("load_preprocess.detection", reads=files_of(KIND))
def detection(
    name: Annotated[str, NetworkName(task="ForObjectDetection")],
    *,
    ctx: RunContext,
) -> DetectionModel:
    """Load a network that tells where things are: YOLOS, RT-DETR, DETR.

    `name` as in `load_preprocess.depth`. Fang et al. 2021, "You only look at one sequence", arXiv
    2106.00666; Zhao et al. 2023, "RT-DETR", arXiv 2304.08069.
    """
    from nodes.diffusion.perception import load_detection

    with opened(KIND, name) as folder:
        return load_detection(folder, ctx.device)


@node("load_preprocess.pose", reads=files_of(KIND))
def pose(
    name: Annotated[str, NetworkName(task="ForPoseEstimation")],
    *,
    ctx: RunContext,
) -> PoseModel:
    """Load a network that finds the joints of people: ViTPose with COCO's 17 points.

    `name` as in `load_preprocess.depth`. Xu et al. 2022, "ViTPose", arXiv 2204.12484.
    """
    from nodes.diffusion.perception import load_pose

    with opened(KIND, name) as folder:
        return load_pose(folder, ctx.device)
