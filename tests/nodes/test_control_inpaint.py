"""ControlNets that fill in, against diffusers' pipelines on the same weights and noise.

Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per operation, carried over the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import control, control_inpaint
from nodes.diffusion import control_hints, schedules
from nodes.diffusion.guidance import cfg
from nodes.diffusion.prediction import predict_epsilons
from nodes.diffusion.requests import Request
from nodes.diffusion.samplers import euler
from nodes.types import (
    Area,
    Conditioning,
    ControlNet,
    FlowSchedule,
    Image,
    Mask,
    Model,
    Sigmas,
    Vae,
)

# diffusers hands tensors to NumPy in the old way, which NumPy 2 remarks on.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

WIDTH, POOLED, CHANNELS, STEPS, SCALE = 16, 12, 4, 4, 4.0
SD = schedules.schedule_of_betas(schedules.scaled_linear_betas(1000, 0.00085, 0.012))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lively(network: Any, seed: int) -> Any:
    """Weights that are none of them zero, as a trained ControlNet's."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


PICTURE = Image(torch.rand(1, 64, 96, 3, generator=torch.Generator().manual_seed(1)))
HOLE = Mask(torch.zeros(1, 64, 96))
HOLE.values[:, 16:40, 24:80] = 1.0
NOISE = normal(3, 1, CHANNELS, 8, 12)


def text(seed: int) -> Conditioning:
    return Conditioning(normal(seed, 1, 7, WIDTH), normal(seed + 50, 1, POOLED))


POSITIVE, NEGATIVE = text(1), text(2)
CALL = {
    "prompt_embeds": POSITIVE.embeddings,
    "negative_prompt_embeds": NEGATIVE.embeddings,
    "num_inference_steps": STEPS,
    "guidance_scale": SCALE,
    "output_type": "latent",
    "height": 64,
    "width": 96,
}


def run(model: Model, x: Tensor, levels: Sigmas, positive: Any, negative: Any) -> Tensor:
    for step in schedules.step_list(levels):
        uncond, cond = predict_epsilons(model, x, step, [negative, positive])
        x = euler(x, cfg(cond, uncond, SCALE), step.sigma, step.sigma_next)
    return x


def new_autoencoder() -> Any:
    """One whose encoder is sure, so that drawing from what it says is its mean."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with seeded(4):
        made = AutoencoderKL(
            block_out_channels=(4, 4, 4, 4),
            norm_num_groups=2,
            latent_channels=CHANNELS,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            scaling_factor=1.5,
            shift_factor=0.3,
        ).eval()
    with torch.no_grad():
        made.quant_conv.weight[CHANNELS:] = 0
        made.quant_conv.bias[CHANNELS:] = -60
    return made


@pytest.fixture(scope="module")
def unet_net(denoiser: Model) -> ControlNet:
    from diffusers.models.controlnets.controlnet import ControlNetModel

    with seeded(2):
        made = ControlNetModel.from_unet(
            denoiser.network, conditioning_embedding_out_channels=(4, 4, 4, 4)
        )
    return ControlNet(lively(made, 2))


def test_apply_run_is_the_pipeline_s(denoiser: Model, unet_net: ControlNet) -> None:
    from diffusers.pipelines.controlnet.pipeline_controlnet import (
        StableDiffusionControlNetPipeline,
    )
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    pipe = StableDiffusionControlNetPipeline(
        vae=new_autoencoder(),
        text_encoder=None,
        tokenizer=None,
        unet=denoiser.network,
        controlnet=unet_net.network,
        scheduler=EulerDiscreteScheduler(
            timestep_spacing="trailing",
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    shown = torch.where(HOLE.values[..., None] > 0.5, -1.0, PICTURE.pixels).movedim(-1, 1)
    expected = pipe(latents=NOISE.clone(), image=shown, **CALL).images
    given = (control_inpaint.apply(t, unet_net, PICTURE, HOLE) for t in (POSITIVE, NEGATIVE))
    levels = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, STEPS))
    got = run(denoiser, NOISE * levels.values[0], levels, *given)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_apply_cuts_picture_and_hole_to_an_area(unet_net: ControlNet) -> None:
    (use,) = control_inpaint.apply(POSITIVE, unet_net, PICTURE, HOLE).controls
    whole = control_hints.pixel_rows(use, Request(NOISE, 500.0, [POSITIVE], [0]))
    right = Request(NOISE[..., 6:], 500.0, [POSITIVE], [0], Area(0.0, 0.5, 1.0, 0.5))
    assert torch.equal(control_hints.pixel_rows(use, right), whole[..., 48:])
    small = Request(NOISE[..., :4, :6], 500.0, [POSITIVE], [0])
    half = control_hints.pixel_rows(use, small)
    assert half.shape == (1, 3, 32, 48)
    assert (half == -1).all(dim=1).sum() == 12 * 28


def test_apply_refuses_a_mask_of_another_size(unet_net: ControlNet) -> None:
    with pytest.raises(InputError, match=r"mask: got 8 × 8 px, expected the picture's 96 × 64"):
        control_inpaint.apply(POSITIVE, unet_net, PICTURE, Mask(torch.zeros(1, 8, 8)))


SD3: dict[str, Any] = {
    "sample_size": 16,
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "caption_projection_dim": 16,
    "joint_attention_dim": WIDTH,
    "pooled_projection_dim": POOLED,
    "pos_embed_max_size": 16,
}


def sd3_net(beside: int) -> ControlNet:
    from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel

    with seeded(7):
        made = SD3ControlNetModel(num_layers=1, extra_conditioning_channels=beside, **SD3)
    return ControlNet(lively(made, 7), "sd3")


def test_apply_encoded_run_is_the_pipeline_s() -> None:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.pipelines.controlnet_sd3 import (
        pipeline_stable_diffusion_3_controlnet_inpainting as theirs,
    )
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    net, autoencoder = sd3_net(1), new_autoencoder()
    with seeded(1):
        network = SD3Transformer2DModel(num_layers=2, **SD3).eval()
    nothing = dict.fromkeys(
        [f"{word}{n}" for word in ("text_encoder", "tokenizer") for n in ("", "_2", "_3")]
    )
    pipe = theirs.StableDiffusion3ControlNetInpaintingPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=autoencoder,
        transformer=network,
        controlnet=net.network,
        **nothing,
    )
    pipe.set_progress_bar_config(disable=True)
    expected = pipe(
        latents=NOISE.clone(),
        control_image=2 * PICTURE.pixels.movedim(-1, 1) - 1,
        control_mask=HOLE.values[:, None],
        pooled_prompt_embeds=POSITIVE.pooled,
        negative_pooled_prompt_embeds=NEGATIVE.pooled,
        **CALL,
    ).images
    vae = Vae(autoencoder, 1.5, 0.3)
    given = (
        control_inpaint.apply_encoded(t, net, vae, PICTURE, HOLE) for t in (POSITIVE, NEGATIVE)
    )
    schedule = FlowSchedule(shift=3.0)
    # diffusers spreads the times down to sigma of time 1 / 1000, shifted already.
    times = np.linspace(1, 3 / (1000 + 2), STEPS)
    levels = schedules.at_sigmas(schedule, [*schedules.shifted(times, 3.0), 0.0])
    got = run(Model(network, schedule, "flow", "sd3"), NOISE, levels, *given)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_apply_encoded_and_apply_encoded_of_control_refuse_each_other_s_nets() -> None:
    vae = Vae(new_autoencoder(), 1.5, 0.3)
    with pytest.raises(InputError, match="sees 0 channels beside the latent, expected one that"):
        control_inpaint.apply_encoded(POSITIVE, sd3_net(0), vae, PICTURE, HOLE)
    with pytest.raises(InputError, match=r"control_inpaint\.apply_encoded"):
        control.apply_encoded(POSITIVE, sd3_net(1), vae, PICTURE)
