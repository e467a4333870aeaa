"""Real components with a few channels, saved once as a checkpoint in diffusers' folder layout.

The weights are random: what is tested here is arithmetic and plumbing. Loading is a fixture's last
step, so that every test of a node runs on what `load.checkpoint` gives.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from nodeflow.context import RunContext
from nodes.model_files import shipped_models
from nodes.types import Clip, Model, Vae

WIDTH = 16  # of the text encoder, and what the denoiser attends to

SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "trained_betas": None,
    "prediction_type": "epsilon",
}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random weights from `seed`, the global generator as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def new_unet() -> Any:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with seeded(1):
        return UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            attention_head_dim=2,
            norm_num_groups=4,
        )


def new_autoencoder() -> Any:
    """Four levels, so that it shrinks by 8 as Stable Diffusion's does."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with seeded(2):
        return AutoencoderKL(
            block_out_channels=(4, 4, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            latent_channels=4,
            norm_num_groups=2,
            sample_size=64,
        )


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
    """A whole checkpoint of the three above, with the tokenizer of the model that is shipped."""
    from transformers.utils import logging

    new_unet().save_pretrained(folder / "unet")
    new_autoencoder().save_pretrained(folder / "vae")
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

    return Model(new_unet().eval(), scaled_linear())


@pytest.fixture
def ctx() -> RunContext:
    return RunContext()
