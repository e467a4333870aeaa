"""ControlNets that fill in, against diffusers' pipelines on the same weights and noise.

Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per operation, carried over the steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import small
from nodeflow.errors import InputError
from nodes import control, control_inpaint
from nodes.diffusion import control_hints, schedules
from nodes.diffusion.requests import Request
from nodes.types import (
    Area,
    ControlNet,
    FlowSchedule,
    Image,
    Mask,
    Model,
    Vae,
)
from small import SCALE, SD, lively, normal, run, seeded, text, uniform

pytestmark = small.OLD_NUMPY

CHANNELS, STEPS = 4, 4


PICTURE = Image(uniform(1, 1, 64, 96, 3))
HOLE = Mask(torch.zeros(1, 64, 96))
HOLE.values[:, 16:40, 24:80] = 1.0
NOISE = normal(3, 1, CHANNELS, 8, 12)


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


def new_autoencoder() -> Any:
    return small.sure(small.autoencoder(scaling_factor=1.5, shift_factor=0.3))


@pytest.fixture(scope="module")
def unet_net(denoiser: Model) -> ControlNet:
    return ControlNet(small.controlnet(denoiser.network))


def test_apply_run_is_the_pipeline_s(denoiser: Model, unet_net: ControlNet) -> None:
    from diffusers.pipelines.controlnet.pipeline_controlnet import (
        StableDiffusionControlNetPipeline,
    )

    pipe = small.pipeline(
        StableDiffusionControlNetPipeline,
        vae=new_autoencoder(),
        unet=denoiser.network,
        controlnet=unet_net.network,
        scheduler=small.euler_scheduler(),
    )
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


def sd3_net(beside: int) -> ControlNet:
    from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel

    with seeded(7):
        made = SD3ControlNetModel(
            num_layers=1, extra_conditioning_channels=beside, **small.sd3_config()
        )
    return ControlNet(lively(made, 7), "sd3")


def test_apply_encoded_run_is_the_pipeline_s() -> None:
    from diffusers.pipelines.controlnet_sd3 import (
        pipeline_stable_diffusion_3_controlnet_inpainting as theirs,
    )

    net, autoencoder, network = sd3_net(1), new_autoencoder(), small.sd3()
    pipe = small.pipeline(
        theirs.StableDiffusion3ControlNetInpaintingPipeline,
        scheduler=small.flow_scheduler(shift=3.0),
        vae=autoencoder,
        transformer=network,
        controlnet=net.network,
    )
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
