"""Runs with ControlNets and adapters equal diffusers' pipelines on the same weights and noise.

Tolerance 1e-4 in float32 on latents: rounding of a few 1e-7 per operation, carried over the steps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import small
from nodes.diffusion import control, control_hints, control_steps, schedules
from nodes.diffusion.networks_flow import packed
from nodes.diffusion.prediction import in_one_batch, predict_epsilons
from nodes.diffusion.requests import Request
from nodes.types import (
    Area,
    Conditioning,
    Control,
    ControlNet,
    ControlUse,
    FlowSchedule,
    Model,
    NoiseSchedule,
    Span,
    Vae,
)
from small import SCALE, SD, WIDTH, lively, normal, run, seeded, text, uniform

pytestmark = [
    small.OLD_NUMPY,
    # FluxControlNetModel itself makes it.
    pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning"),
]

CHANNELS, STEPS = 4, 5
XL = small.told_sizes(8)


def hint(seed: int, batch: int = 1, height: int = 64, width: int = 96) -> Tensor:
    return uniform(seed, batch, height, width, 3)


def new_autoencoder(shift: float | None = None) -> Any:
    return small.sure(small.autoencoder(scaling_factor=1.5, shift_factor=shift))


POSITIVE, NEGATIVE = text(1), text(2)
NOISE = normal(3, 1, CHANNELS, 8, 12)


def steered(conditioning: Conditioning, *uses: ControlUse) -> Conditioning:
    return replace(conditioning, controls=uses)


def run_unet(unet: Any, positive: Conditioning, negative: Conditioning) -> Tensor:
    levels = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, STEPS))
    return run(Model(unet, SD), NOISE * levels.values[0], levels, positive, negative)


UNET_CALL = {
    "prompt_embeds": POSITIVE.embeddings,
    "negative_prompt_embeds": NEGATIVE.embeddings,
    "num_inference_steps": STEPS,
    "guidance_scale": SCALE,
    "output_type": "latent",
    "height": 64,
    "width": 96,
}
XL_CALL = {
    **UNET_CALL,
    "pooled_prompt_embeds": POSITIVE.pooled,
    "negative_pooled_prompt_embeds": NEGATIVE.pooled,
}


def controlled(cls: Any, **parts: Any) -> Any:
    """A pipeline of a UNet."""
    return small.pipeline(cls, vae=new_autoencoder(), scheduler=small.euler_scheduler(), **parts)


def nchw(pixels: Tensor) -> Tensor:
    return pixels.movedim(-1, 1)


def sd_controlled(unet: Any, nets: Any, **call: Any) -> Tensor:
    from diffusers.pipelines.controlnet.pipeline_controlnet import (
        StableDiffusionControlNetPipeline,
    )

    pipe = controlled(StableDiffusionControlNetPipeline, unet=unet, controlnet=nets)
    images: Tensor = pipe(latents=NOISE.clone(), **{**UNET_CALL, **call}).images
    return images


def test_sd1_run_is_the_pipeline_s() -> None:
    unet = small.unet()
    net = small.controlnet(unet)
    expected = sd_controlled(unet, net, image=nchw(hint(1)), controlnet_conditioning_scale=0.8)
    use = ControlUse(ControlNet(net), hint(1), 0.8)
    got = run_unet(unet, steered(POSITIVE, use), steered(NEGATIVE, use))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)
    without = run_unet(unet, POSITIVE, NEGATIVE)
    assert (got - without).abs().max() > 0.05  # it does something


def test_sd1_run_under_two_controlnets_is_the_pipeline_s() -> None:
    unet = small.unet()
    nets = [small.controlnet(unet), small.controlnet(unet, seed=5)]
    expected = sd_controlled(
        unet,
        nets,
        image=[nchw(hint(1)), nchw(hint(2))],
        controlnet_conditioning_scale=[0.8, 0.4],
    )
    uses = [ControlUse(ControlNet(net), hint(1 + k), (0.8, 0.4)[k]) for k, net in enumerate(nets)]
    got = run_unet(unet, steered(POSITIVE, *uses), steered(NEGATIVE, *uses))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_guess_mode_run_is_the_pipeline_s() -> None:
    """diffusers leaves the negative text without ControlNet, which here is the graph's business."""
    unet = small.unet()
    net = small.controlnet(unet)
    expected = sd_controlled(unet, net, image=nchw(hint(1)), guess_mode=True)
    use = ControlUse(ControlNet(net), hint(1), guess=True)
    got = run_unet(unet, steered(POSITIVE, use), NEGATIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_a_part_of_the_way_is_the_pipeline_s() -> None:
    """Steps 1 and 2 of 5, which diffusers counts in steps and we in shares of the schedule."""
    unet = small.unet()
    net = small.controlnet(unet)
    expected = sd_controlled(
        unet,
        net,
        image=nchw(hint(1)),
        control_guidance_start=0.2,
        control_guidance_end=0.6,
    )
    for span in (Span(0.1, 0.5), Span(0.2, 0.6, "steps")):
        use = ControlUse(ControlNet(net), hint(1), span=span)
        got = run_unet(unet, steered(POSITIVE, use), steered(NEGATIVE, use))
        assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_a_net_that_averages_over_the_picture_is_the_pipeline_s() -> None:
    """Those for shuffled pictures; diffusers keeps them off the negative text."""
    unet = small.unet()
    net = small.controlnet(unet)
    net.register_to_config(global_pool_conditions=True)
    expected = sd_controlled(unet, net, image=nchw(hint(1)))
    got = run_unet(unet, steered(POSITIVE, ControlUse(ControlNet(net), hint(1))), NEGATIVE)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_xl_run_is_the_pipeline_s() -> None:
    from diffusers.pipelines.controlnet.pipeline_controlnet_sd_xl import (
        StableDiffusionXLControlNetPipeline,
    )

    unet = small.unet(**XL)
    net = small.controlnet(unet)
    pipe = controlled(StableDiffusionXLControlNetPipeline, unet=unet, controlnet=net)
    expected = pipe(latents=NOISE.clone(), image=nchw(hint(1)), **XL_CALL).images
    use = ControlUse(ControlNet(net, "sdxl"), hint(1))
    got = run_unet(unet, steered(POSITIVE, use), steered(NEGATIVE, use))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_xl_union_run_is_the_pipeline_s() -> None:
    from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
    from diffusers.pipelines.controlnet.pipeline_controlnet_union_sd_xl import (
        StableDiffusionXLControlNetUnionPipeline,
    )

    unet = small.unet(**XL)
    with seeded(2):
        net = ControlNetUnionModel(
            **{k: unet.config[k] for k in ("down_block_types", "block_out_channels")},
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            attention_head_dim=2,
            norm_num_groups=4,
            conditioning_embedding_out_channels=(4, 4, 4, 4),
            num_trans_channel=8,
            num_proj_channel=8,
            num_trans_head=2,
            **XL,
        )
    net = lively(net, 2)
    pipe = controlled(StableDiffusionXLControlNetUnionPipeline, unet=unet, controlnet=net)
    expected = pipe(
        latents=NOISE.clone(),
        control_image=[nchw(hint(1))],
        control_mode=[3],
        controlnet_conditioning_scale=0.7,
        **XL_CALL,
    ).images
    use = ControlUse(ControlNet(net, "sdxl", mode=3), hint(1), 0.7)
    got = run_unet(unet, steered(POSITIVE, use), steered(NEGATIVE, use))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"control\.set_union_mode"):
        run_unet(unet, steered(POSITIVE, replace(use, net=ControlNet(net))), NEGATIVE)


def adapter(**config: Any) -> Any:
    from diffusers.models.adapter import T2IAdapter

    with seeded(6):
        return lively(T2IAdapter(**config), 6)


ADAPTERS: dict[str, Any] = {
    "full": {"channels": [8, 16], "num_res_blocks": 2},
    "grey": {"channels": [8, 16], "in_channels": 1},
    "light": {"channels": [8], "adapter_type": "light_adapter", "num_res_blocks": 2},
}


def flat_hint(seed: int, channels: int) -> Tensor:
    """A hint of one brightness for all channels where the adapter has one."""
    return hint(seed) if channels == 3 else hint(seed)[..., :1].expand(-1, -1, -1, 3)


@pytest.mark.parametrize("kind", ADAPTERS)
def test_sd1_adapter_run_is_the_pipeline_s(kind: str) -> None:
    from diffusers.pipelines.t2i_adapter.pipeline_stable_diffusion_adapter import (
        StableDiffusionAdapterPipeline,
    )

    # A light adapter's features end with the last channels twice, as the UNet's do; the attention
    # comes first, as in Stable Diffusion 1.
    unet = small.unet(
        block_out_channels=(8, 8) if kind == "light" else (8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    net = adapter(**ADAPTERS[kind])
    pipe = controlled(StableDiffusionAdapterPipeline, unet=unet, adapter=net)
    channels = net.config.in_channels
    shown = nchw(flat_hint(1, channels))[:, :channels]
    expected = pipe(
        latents=NOISE.clone(), image=shown, adapter_conditioning_scale=0.6, **UNET_CALL
    ).images
    use = ControlUse(ControlNet(net), flat_hint(1, channels), 0.6)
    got = run_unet(unet, steered(POSITIVE, use), steered(NEGATIVE, use))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_sd1_run_under_two_adapters_is_the_pipeline_s() -> None:
    from diffusers.pipelines.t2i_adapter.pipeline_stable_diffusion_adapter import (
        StableDiffusionAdapterPipeline,
    )

    unet = small.unet(
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    nets = [adapter(channels=[8, 16]), lively(adapter(channels=[8, 16]), 9)]
    pipe = controlled(StableDiffusionAdapterPipeline, unet=unet, adapter=nets)
    expected = pipe(
        latents=NOISE.clone(),
        image=[nchw(hint(1)), nchw(hint(2))],
        adapter_conditioning_scale=[0.6, 0.3],
        **UNET_CALL,
    ).images
    uses = [ControlUse(ControlNet(n), hint(1 + k), (0.6, 0.3)[k]) for k, n in enumerate(nets)]
    got = run_unet(unet, steered(POSITIVE, *uses), steered(NEGATIVE, *uses))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_xl_adapter_run_is_the_pipeline_s() -> None:
    from diffusers.pipelines.t2i_adapter.pipeline_stable_diffusion_xl_adapter import (
        StableDiffusionXLAdapterPipeline,
    )

    unet = small.unet(
        **XL,
        block_out_channels=(8, 16, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )
    net = adapter(channels=[8, 16, 16, 16], adapter_type="full_adapter_xl", downscale_factor=16)
    pipe = controlled(StableDiffusionXLAdapterPipeline, unet=unet, adapter=net)
    expected = pipe(latents=NOISE.clone(), image=nchw(hint(1)), **XL_CALL).images
    use = ControlUse(ControlNet(net, "sdxl"), hint(1))
    got = run_unet(unet, steered(POSITIVE, use), steered(NEGATIVE, use))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


SD3_NETS: dict[str, Any] = {
    "3": {"num_layers": 1},
    "told the pooled text": {"num_layers": 2, "force_zeros_for_pooled_projection": False},
    "3.5": {
        "num_layers": 1,
        "joint_attention_dim": None,
        "use_pos_embed": False,
        "pos_embed_type": None,
        "force_zeros_for_pooled_projection": False,
    },
}


def sd3_net(kind: str) -> Any:
    from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel

    with seeded(7):
        return lively(SD3ControlNetModel(**{**small.sd3_config(), **SD3_NETS[kind]}), 7)


@pytest.mark.parametrize("kind", SD3_NETS)
def test_sd3_run_is_the_pipeline_s(kind: str) -> None:
    from diffusers.pipelines.controlnet_sd3.pipeline_stable_diffusion_3_controlnet import (
        StableDiffusion3ControlNetPipeline,
    )

    network, net, vae = small.sd3(num_layers=3), sd3_net(kind), new_autoencoder(0.3)
    use = ControlUse(ControlNet(net, "sd3"), torch.zeros(1))
    seen = control_steps.encoded_hint(use.net, Vae(vae, 1.5, 0.3), hint(1))
    use = replace(use, hint=seen)
    schedule = FlowSchedule(shift=3.0)
    # diffusers spreads the times down to sigma of time 1 / 1000, shifted already.
    times = np.linspace(1, 3 / (1000 + 2), STEPS)
    levels = schedules.at_sigmas(schedule, [*schedules.shifted(times, 3.0), 0.0])
    model = Model(network, schedule, "flow", "sd3")
    got = run(model, NOISE, levels, steered(POSITIVE, use), steered(NEGATIVE, use))
    pipe = small.pipeline(
        StableDiffusion3ControlNetPipeline,
        transformer=network,
        controlnet=net,
        vae=vae,
        scheduler=small.flow_scheduler(shift=3.0),
    )
    expected = pipe(latents=NOISE.clone(), control_image=2 * nchw(hint(1)) - 1, **XL_CALL).images
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


FLUX_NETS: dict[str, Any] = {
    "plain": {"num_layers": 2, "num_single_layers": 1},
    "union": {"num_layers": 1, "num_single_layers": 0, "num_mode": 4},
    "own hint block": {
        "num_layers": 2,
        "num_single_layers": 0,
        "conditioning_embedding_channels": CHANNELS,
        "patch_size": 2,
    },
}


def flux_net(kind: str) -> Any:
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel

    with seeded(8):
        made = FluxControlNetModel(**small.flux_config(), **FLUX_NETS[kind], guidance_embeds=True)
    return lively(made, 8)


FLUX_LEVELS = schedules.simple(FlowSchedule(multiplier=1.0), STEPS)


def flux_use(net: Any, vae: Any, seed: int = 1) -> ControlUse:
    found = ControlNet(net, "flux", mode=2 if net.union else None)
    if net.input_hint_block is not None:
        return ControlUse(found, hint(seed), 0.9)
    return ControlUse(found, control_steps.encoded_hint(found, Vae(vae, 1.5, 0.3), hint(seed)), 0.9)


@pytest.mark.parametrize("kind", FLUX_NETS)
def test_flux_run_is_the_pipeline_s(kind: str) -> None:
    from diffusers.pipelines.flux.pipeline_flux_controlnet import FluxControlNetPipeline

    network, net, vae = small.flux(True, layers=3, singles=2), flux_net(kind), new_autoencoder(0.3)
    use = flux_use(net, vae)
    model = Model(network, FlowSchedule(multiplier=1.0), "flow", "flux")
    told = replace(steered(POSITIVE, use), guidance=2.5)
    got = run(model, NOISE, FLUX_LEVELS, told, None)
    pipe = small.pipeline(
        FluxControlNetPipeline,
        transformer=network,
        controlnet=net,
        vae=vae,
        scheduler=small.flow_scheduler(),
    )
    call = {k: v for k, v in XL_CALL.items() if "negative" not in k}
    expected = pipe(
        latents=packed(NOISE),
        control_image=2 * nchw(hint(1)) - 1,
        control_mode=use.net.mode,
        controlnet_conditioning_scale=0.9,
        **{**call, "guidance_scale": 2.5},
    ).images
    assert_close(packed(got), expected, rtol=1e-4, atol=1e-4)
    bare = run(model, NOISE, FLUX_LEVELS, replace(POSITIVE, guidance=2.5), None)
    assert (bare - got).abs().max() > 1e-2


def test_flux_nets_of_different_depth_add_up() -> None:
    """In one call as in two: each is first dealt out to all blocks, as the transformer would."""
    network, vae = small.flux(True, layers=3, singles=2), new_autoencoder(0.3)
    uses = [flux_use(flux_net(kind), vae, k) for k, kind in enumerate(FLUX_NETS)]
    model = Model(network, FlowSchedule(multiplier=1.0), "flow", "flux")
    request = Request(NOISE, 0.5, [POSITIVE], [0])
    total = control.residuals_of(uses, model, request)["controlnet_block_samples"]
    parts = [control.residuals_of([use], model, request) for use in uses]
    plain, union, own = (part["controlnet_block_samples"] for part in parts)
    assert [len(plain), len(union), len(own), len(total)] == [2, 1, 3, 3]
    spread = [plain[0], plain[0], plain[1]]
    for k in range(3):
        assert_close(total[k], spread[k] + union[0] + own[k], rtol=1e-5, atol=1e-6)


STEP = schedules.step_list(schedules.normal(SD, 10))[3]


def test_texts_of_different_length_share_a_call_without_padding_showing() -> None:
    unet = small.unet()
    use = ControlUse(ControlNet(small.controlnet(unet)), hint(1))
    texts = [steered(text(k, tokens), use) for k, tokens in enumerate((5, 9, 5))]
    model = Model(unet, SD)
    together = in_one_batch(model, NOISE, STEP, texts)
    for got, one in zip(together, texts, strict=True):
        (alone,) = in_one_batch(model, NOISE, STEP, [one])
        assert_close(got, alone, rtol=1e-5, atol=1e-5)


def test_each_picture_of_a_batch_sees_its_own_hint() -> None:
    unet = small.unet()
    net = ControlNet(small.controlnet(unet))
    model, x = Model(unet, SD), normal(5, 2, CHANNELS, 8, 12)
    both = steered(POSITIVE, ControlUse(net, hint(1, batch=2)))
    (got,) = predict_epsilons(model, x, STEP, [both])
    (batch,) = in_one_batch(model, x, STEP, [both])
    for k in range(2):
        own = steered(POSITIVE, ControlUse(net, hint(1, batch=2)[k : k + 1]))
        (alone,) = predict_epsilons(model, x[k : k + 1], STEP, [own])
        assert torch.equal(got[k : k + 1], alone)
        assert_close(batch[k : k + 1], alone, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="2 hints, and picture 3 has none"):
        predict_epsilons(model, normal(5, 3, CHANNELS, 8, 12), STEP, [both])


def test_a_text_for_an_area_sees_that_part_of_the_hint() -> None:
    unet = small.unet()
    net = ControlNet(small.controlnet(unet))
    area = Area(0.0, 0.5, 1.0, 0.5)
    request = Request(NOISE[..., 6:], 500.0, [POSITIVE], [0], area)
    use = ControlUse(net, hint(1))
    assert torch.equal(control_hints.pixel_rows(use, request), nchw(hint(1))[..., 48:])


def test_hints_of_another_size_are_resized() -> None:
    grey = torch.full((1, 20, 30, 3), 0.4)
    request = Request(NOISE, 500.0, [POSITIVE], [0])
    use = ControlUse(ControlNet(None), grey)
    assert_close(control_hints.pixel_rows(use, request), torch.full((1, 3, 64, 96), 0.4))
    assert control_hints.pixel_rows(use, request, multiple=40).shape == (1, 3, 80, 120)


def test_latent_hints_of_another_size_are_refused() -> None:
    use = ControlUse(ControlNet(None), normal(1, 1, CHANNELS, 8, 8))
    with pytest.raises(ValueError, match="hint is 64 × 64 px, the picture 96 × 64"):
        control_hints.latent_rows(use, Request(NOISE, 500.0, [POSITIVE], [0]))


def test_a_net_of_half_precision_serves_a_model_of_single() -> None:
    """bfloat16 has 8 bits: half a percent of what the network adds."""
    import copy

    unet = small.unet()
    net, model = small.controlnet(unet), Model(unet, SD)
    half = copy.deepcopy(net).to(torch.bfloat16)
    uses = [ControlUse(ControlNet(n), hint(1)) for n in (net, half)]
    whole, less = (predict_epsilons(model, NOISE, STEP, [steered(POSITIVE, u)])[0] for u in uses)
    (bare,) = predict_epsilons(model, NOISE, STEP, [POSITIVE])
    assert less.dtype == torch.float32
    assert (less - whole).abs().max() < 0.05 * (whole - bare).abs().max()


def test_strength_0_is_no_control_at_all() -> None:
    unet = small.unet()
    use = ControlUse(ControlNet(small.controlnet(unet)), hint(1), 0.0)
    model = Model(unet, SD)
    (got,) = predict_epsilons(model, NOISE, STEP, [steered(POSITIVE, use)])
    (without,) = predict_epsilons(model, NOISE, STEP, [POSITIVE])
    assert torch.equal(got, without)


@pytest.mark.parametrize(
    ("net", "model", "words"),
    [
        ("sdxl", "sd1", "family sdxl .text width 16., but this model is of family sd1 .24."),
        ("sd3", "sd1", "family sd3 .a SD3Transformer2DModel., .* family sd1 .a UNet2D"),
        ("sd1", "sd3", "family sd1 .a UNet2DConditionModel., .* family sd3 .a SD3Tran"),
        ("adapter", "sdxl", r"T2I-Adapter is for models of family sd1 .channels \(8, 16\)."),
    ],
)
def test_a_net_of_another_family_is_refused_by_both_names(net: str, model: str, words: str) -> None:
    nets = {
        "sd1": lambda: small.controlnet(small.unet()),
        "sdxl": lambda: small.controlnet(small.unet(**XL)),
        "sd3": lambda: sd3_net("3"),
        "adapter": lambda: adapter(channels=[8, 16]),
    }
    models: dict[str, Any] = {
        "sd1": lambda: (small.unet(cross_attention_dim=24), SD),
        "sdxl": lambda: (small.unet(block_out_channels=(8, 24), **XL), SD),
        "sd3": lambda: (small.sd3(num_layers=1), FlowSchedule()),
    }
    found = ControlNet(nets[net](), {"adapter": "sd1"}.get(net, net))
    network, schedule = models[model]()
    given: tuple[Any, NoiseSchedule] = (network, schedule)
    with pytest.raises(ValueError, match=words):
        control.residuals_of(
            [ControlUse(found, hint(1))],
            Model(*given, family=model),
            Request(NOISE, 500.0, [POSITIVE], [0]),
        )


def test_added_up_is_a_sum_at_each_place() -> None:
    a = Control((("down", (torch.ones(1, 2, 2, 2),)), ("mid", (torch.ones(1, 1),))))
    b = Control((("down", (torch.full((1, 2, 2, 2), 2.0),)), ("inside", (torch.ones(1),))))
    total = dict(control_steps.added_up([a, b]).residuals)
    assert sorted(total) == ["down", "inside", "mid"]
    assert torch.equal(total["down"][0], torch.full((1, 2, 2, 2), 3.0))
