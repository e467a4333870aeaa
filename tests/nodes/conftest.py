"""Real components with a few channels, saved once as a checkpoint in diffusers' folder layout.

The weights are random: what is tested here is arithmetic and plumbing. Loading is a fixture's last
step, so that every test of a node runs on what `load.checkpoint` gives.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from nodeflow.context import RunContext
from nodes.model_files import shipped_models
from nodes.types import Clip, Model, Vae
from small import WIDTH, seeded

pytest.register_assert_rewrite("sampler_checks")

SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "trained_betas": None,
    "prediction_type": "epsilon",
}


def new_text_encoder() -> Any:
    from transformers.models.clip.configuration_clip import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        projection_dim=WIDTH,
        bos_token_id=49406,
        eos_token_id=49407,
        pad_token_id=49407,
    )
    with seeded(3):
        return CLIPTextModel(config).eval()


def write_checkpoint(folder: Path) -> Path:
    """A whole checkpoint, with the tokenizer of the model that is shipped."""
    from transformers.utils import logging

    small.unet().save_pretrained(folder / "unet")
    vae = small.autoencoder(seed=2, block_out_channels=(4, 4, 8, 8), sample_size=64)
    vae.save_pretrained(folder / "vae")
    logging.disable_progress_bar()  # the library draws one on stderr, even for three layers
    new_text_encoder().save_pretrained(folder / "text_encoder")
    logging.enable_progress_bar()
    shutil.copytree(shipped_models() / "tiny" / "tokenizer", folder / "tokenizer")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER), "utf-8")
    parts = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(parts), "utf-8")
    return folder


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint on disk. Shared: a test that changes one copies it first."""
    return write_checkpoint(tmp_path_factory.mktemp("models") / "checkpoints" / "few-channels")


@pytest.fixture(scope="session")
def loaded(checkpoint_folder: Path) -> tuple[Model, Clip, Vae]:
    from nodes.load import checkpoint

    return checkpoint(str(checkpoint_folder), ctx=RunContext())


@pytest.fixture(scope="session")
def model(loaded: tuple[Model, Clip, Vae]) -> Model:
    """A denoiser of 4 latent channels that attends to WIDTH numbers per token."""
    return loaded[0]


@pytest.fixture(scope="session")
def clip(loaded: tuple[Model, Clip, Vae]) -> Clip:
    """A text encoder of three layers, WIDTH wide, with CLIP's own 49,408 pieces."""
    return loaded[1]


@pytest.fixture(scope="session")
def vae(loaded: tuple[Model, Clip, Vae]) -> Vae:
    """An autoencoder that shrinks by 8."""
    return loaded[2]


@pytest.fixture(scope="session")
def denoiser() -> Model:
    """A denoiser of random weights that comes from no file, with Stable Diffusion's schedule."""
    from nodes.schedule import scaled_linear

    return Model(small.unet(), scaled_linear())


@pytest.fixture
def ctx() -> RunContext:
    return RunContext()


READS_PICTURES: dict[str, dict[str, Any]] = {
    "depth": {"image_processor_type": "DPTImageProcessor", "ensure_multiple_of": 14},
    "segmentation": {"image_processor_type": "SegformerImageProcessor"},
    "detection": {"image_processor_type": "YolosImageProcessor"},
    "pose": {"image_processor_type": "VitPoseImageProcessor", "do_affine_transform": True},
}
"""What the networks that read pictures are told of how to look at one."""


def new_depth_estimator() -> Any:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(
        image_size=56,
        patch_size=14,
        hidden_size=8,
        num_hidden_layers=4,
        num_attention_heads=2,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=8,
        neck_hidden_sizes=[4, 4, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
    )
    with seeded(4):
        network = DepthAnythingForDepthEstimation(config).eval()
    with torch.no_grad():  # as new it tells depths apart by 1e-8, which a last bit would blur
        for layer in network.head.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.mul_(100)
    return network


def new_segmenter() -> Any:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        hidden_sizes=[4, 4, 8, 8],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=8,
        id2label={0: "sky", 1: "Person", 2: "tree"},
    )
    with seeded(5):
        return SegformerForSemanticSegmentation(config).eval()


def new_detector() -> Any:
    from transformers import YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[64, 64],
        num_detection_tokens=6,
        id2label={0: "person", 1: "dog"},
    )
    with seeded(7):
        network = YolosForObjectDetection(config).eval()
        with torch.no_grad():  # as new, all that it looks for is the same, and so is what it sees
            network.vit.embeddings.detection_tokens.normal_()
            for head in (network.class_labels_classifier, network.bbox_predictor):
                for layer in head.layers:
                    layer.weight.mul_(20)
    return network


def new_pose_finder() -> Any:
    from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

    backbone = VitPoseBackboneConfig(
        image_size=(64, 48),
        patch_size=(16, 16),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        out_indices=[2],
    )
    config = VitPoseConfig(backbone_config=backbone, num_labels=17, use_simple_decoder=True)
    with seeded(6):
        return VitPoseForPoseEstimation(config).eval()


@pytest.fixture(scope="session")
def networks_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models whose `preprocessors/` has `depth`, `segmentation`, `detection` and `pose`."""
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("networks")
    made = {
        "depth": new_depth_estimator,
        "segmentation": new_segmenter,
        "detection": new_detector,
        "pose": new_pose_finder,
    }
    logging.disable_progress_bar()
    for name, new in made.items():
        part = folder / "preprocessors" / name
        new().save_pretrained(part)
        sizes = {
            "depth": (56, 56),
            "segmentation": (32, 32),
            "detection": (64, 64),
            "pose": (64, 48),
        }
        height, width = sizes[name]
        config = {**READS_PICTURES[name], "size": {"height": height, "width": width}}
        (part / "preprocessor_config.json").write_text(json.dumps(config), "utf-8")
    logging.enable_progress_bar()
    return folder
