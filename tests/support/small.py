"""Real networks of a few channels with random weights, and what runs them here and in diffusers.

Tests import this by pytest's `pythonpath`, in pyproject.toml. The same arguments give the same
weights, in evaluation mode; another seed gives others. The engine's tests run without torch: they,
and tests/conftest.py, do not import it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from nodes.diffusion import schedules
from nodes.diffusion.guidance import cfg
from nodes.diffusion.prediction import predict_epsilons
from nodes.diffusion.samplers import euler
from nodes.types import Conditioning, Model, Sigmas

WIDTH, POOLED = 16, 12  # of a text's tokens, and of a text as one vector
SCALE = 4.0  # of guidance

SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))
BETAS: dict[str, Any] = {
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
}
"""SD as diffusers' schedulers are told it."""

OLD_NUMPY = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
"""diffusers hands tensors to NumPy in the old way, which NumPy 2 remarks on."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random weights from `seed`, the global generator as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def uniform(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def text(seed: int, tokens: int = 7, width: int = WIDTH, pooled: int = POOLED) -> Conditioning:
    return Conditioning(normal(seed, 1, tokens, width), normal(seed + 50, 1, pooled))


def lively(network: Any, seed: int) -> Any:
    """The network, its weights moved: none is zero, as those of a fresh ControlNet are."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def unet(seed: int = 1, **changes: Any) -> Any:
    """A UNet of two levels that attends on the lower one."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    given: dict[str, Any] = {
        "sample_size": 8,
        "block_out_channels": (8, 16),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    }
    with seeded(seed):
        return UNet2DConditionModel(**{**given, **changes}).eval()


def told_sizes(numbers: int, pooled: int = POOLED) -> dict[str, Any]:
    """What makes a UNet one of Stable Diffusion XL: it is told six sizes, and the pooled text."""
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": numbers,
        "projection_class_embeddings_input_dim": pooled + 6 * numbers,
    }


def controlnet(unet: Any, seed: int = 2, **changes: Any) -> Any:
    """One for this UNet, none of its weights zero."""
    from diffusers.models.controlnets.controlnet import ControlNetModel

    with seeded(seed):
        network = ControlNetModel.from_unet(
            unet, conditioning_embedding_out_channels=(4, 4, 4, 4), **changes
        )
    return lively(network, seed)


def autoencoder(channels: int = 4, seed: int = 4, **changes: Any) -> Any:
    """Four levels, so that it shrinks by 8 as Stable Diffusion's does."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    given: dict[str, Any] = {
        "block_out_channels": (4, 4, 4, 4),
        "norm_num_groups": 2,
        "latent_channels": channels,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
    }
    with seeded(seed):
        return AutoencoderKL(**{**given, **changes}).eval()


def sure(autoencoder: Any) -> Any:
    """The autoencoder, its encoder made sure: to draw from what it says is to take its mean."""
    channels = autoencoder.config.latent_channels
    with torch.no_grad():
        autoencoder.quant_conv.weight[channels:] = 0
        autoencoder.quant_conv.bias[channels:] = -60
    return autoencoder


def sd3_config(channels: int = 4, width: int = WIDTH, pooled: int = POOLED) -> dict[str, Any]:
    """Of Stable Diffusion 3's transformer and of its ControlNets, but for how deep they are."""
    return {
        "sample_size": 16,
        "in_channels": channels,
        "out_channels": channels,
        "attention_head_dim": 8,
        "num_attention_heads": 2,
        "caption_projection_dim": 16,
        "joint_attention_dim": width,
        "pooled_projection_dim": pooled,
        "pos_embed_max_size": 16,
    }


def sd3(seed: int = 1, num_layers: int = 2, **config: Any) -> Any:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    with seeded(seed):
        return SD3Transformer2DModel(num_layers=num_layers, **{**sd3_config(), **config}).eval()


def flux_config(channels: int = 4, width: int = WIDTH, pooled: int = POOLED) -> dict[str, Any]:
    """Of Flux' transformer and of its ControlNets, but for how deep they are."""
    return {
        "in_channels": 4 * channels,
        "attention_head_dim": 8,
        "num_attention_heads": 2,
        "joint_attention_dim": width,
        "pooled_projection_dim": pooled,
        "axes_dims_rope": (2, 2, 4),
    }


def flux(guidance: bool, seed: int = 2, layers: int = 1, singles: int = 1, **config: Any) -> Any:
    """`guidance`: whether it is told a scale, as dev is and schnell is not."""
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

    depth = {"num_layers": layers, "num_single_layers": singles, "guidance_embeds": guidance}
    with seeded(seed):
        return FluxTransformer2DModel(**{**flux_config(), **depth, **config}).eval()


def clip_vision(seed: int = 1, **changes: Any) -> Any:
    """CLIP's reader of pictures of 28 px, projected to POOLED numbers."""
    from transformers.models.clip.configuration_clip import CLIPVisionConfig
    from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

    given: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 1,
        "image_size": 28,
        "patch_size": 14,
        "projection_dim": POOLED,
        "hidden_act": "quick_gelu",
    }
    with seeded(seed):
        return CLIPVisionModelWithProjection(CLIPVisionConfig(**{**given, **changes})).eval()


def euler_scheduler(**changes: Any) -> Any:
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    return EulerDiscreteScheduler(**{**BETAS, "timestep_spacing": "trailing", **changes})


def ddim_scheduler(**changes: Any) -> Any:
    """Without noise of its own DDIM is Euler's method on x / sqrt(alpha-bar)."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return DDIMScheduler(**{**BETAS, "clip_sample": False, **changes})


def flow_scheduler(**config: Any) -> Any:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    return FlowMatchEulerDiscreteScheduler(**config)


def pipeline(cls: Any, **parts: Any) -> Any:
    """diffusers' pipeline of these parts and without any other, which draws no progress bar."""
    takes = inspect.signature(cls).parameters
    others = {name: None for name, taken in takes.items() if taken.default is taken.empty}
    unused = dict.fromkeys(takes.keys() & {"requires_safety_checker", "add_watermarker"}, False)
    pipe = cls(**{**others, **unused, **parts})
    pipe.set_progress_bar_config(disable=True)
    return pipe


def run(
    model: Model,
    x: Tensor,
    levels: Sigmas,
    positive: Conditioning,
    negative: Conditioning | None = None,
    scale: float = SCALE,
) -> Tensor:
    """Euler over the levels, by the functions that the nodes stand on; guided if told from what."""
    for step in schedules.step_list(levels):
        if negative is None:
            (moves,) = predict_epsilons(model, x, step, [positive])
        else:
            uncond, cond = predict_epsilons(model, x, step, [negative, positive])
            moves = cfg(cond, uncond, scale)
        x = euler(x, moves, step.sigma, step.sigma_next)
    return x
