"""Control nodes: applied to a conditioning, the same in a loop of one's own, looked at, refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import control, model_files, schedule, sigmas
from nodes import model as nodes_model
from nodes.types import (
    Area,
    Conditioning,
    Control,
    ControlNet,
    FlowSchedule,
    Image,
    Latent,
    Model,
    Span,
    Vae,
)
from small import lively, normal, seeded, uniform

LEVELS = sigmas.normal(schedule.scaled_linear(), 10)
STEP = schedule.step(LEVELS, 3)


def hint(seed: int, batch: int = 1) -> Image:
    return Image(uniform(seed, batch, 64, 64, 3))


def text(seed: int = 1) -> Conditioning:
    return Conditioning(normal(seed, 1, 7, 16))


@pytest.fixture(scope="module")
def net(denoiser: Model) -> ControlNet:
    return ControlNet(small.controlnet(denoiser.network, 2))


@pytest.fixture(scope="module")
def other(denoiser: Model) -> ControlNet:
    return ControlNet(small.controlnet(denoiser.network, 3))


def new_flux_net() -> ControlNet:
    from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel

    with seeded(4):
        made = FluxControlNetModel(
            **small.flux_config(), num_layers=2, num_single_layers=0, num_mode=7
        ).eval()
    known = ("canny", "tile", "depth", "blur", "pose", "gray", "low quality")
    return ControlNet(made, "flux", known)


# FluxControlNetModel itself makes it.
flux_warns = pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")

LATENT = Latent(normal(0, 2, 4, 8, 8) * math.sqrt(1 + STEP.sigma**2))


def test_load_reads_a_folder_by_name(
    net: ControlNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net.network.save_pretrained(tmp_path / "controlnet" / "edges")
    monkeypatch.setenv(model_files.ENVIRONMENT, str(tmp_path))
    found = control.load("edges", ctx=RunContext())
    assert found.family == "sd1"
    for name, tensor in net.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], tensor)
    with pytest.raises(FileNotFoundError, match="edges"):
        control.load("edgse", ctx=RunContext())


def test_load_is_estimated_from_headers(net: ControlNet, tmp_path: Path) -> None:
    from nodeflow.node import definition_of

    net.network.save_pretrained(tmp_path / "edges")
    estimate = definition_of(control.load).estimate
    assert estimate is not None
    numbers = sum(p.numel() for p in net.network.parameters())
    name = str(tmp_path / "edges")
    assert estimate({"name": name}, {}) == {"controlnet": 4 * numbers}
    assert estimate({"name": name, "dtype": "float16"}, {}) == {"controlnet": 2 * numbers}
    assert estimate({}, {}) == {}
    assert [port.name for port in definition_of(control.load).outputs] == ["controlnet"]


def test_apply_is_the_explicit_loop_bit_for_bit(denoiser: Model, net: ControlNet) -> None:
    steered = control.apply(text(), net, hint(1), 0.7)
    applied = nodes_model.predict_noise(denoiser, LATENT, STEP, steered)
    added = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1), 0.7)
    looped = control.predict_noise(denoiser, LATENT, STEP, text(), [added])
    assert torch.equal(applied.samples, looped.samples)
    bare = nodes_model.predict_noise(denoiser, LATENT, STEP, text())
    assert (applied.samples - bare.samples).abs().max() > 0.01


def test_apply_adds_up_and_reaches_every_text(net: ControlNet, other: ControlNet) -> None:
    several = replace(text(), more=(text(2),))
    steered = control.apply(control.apply(several, net, hint(1)), other, hint(2), 0.5)
    for each in (steered, *steered.more):
        assert [use.net for use in each.controls] == [net, other]
        assert [use.strength for use in each.controls] == [1.0, 0.5]
    assert several.controls == ()


def test_apply_holds_between_start_and_end(denoiser: Model, net: ControlNet) -> None:
    steered = control.apply(text(), net, hint(1), 1.0, 0.2, 0.5)
    assert steered.controls[0].span == Span(0.2, 0.5)
    for step in schedule.steps(LEVELS):
        got = nodes_model.predict_noise(denoiser, LATENT, step, steered).samples
        bare = nodes_model.predict_noise(denoiser, LATENT, step, text()).samples
        inside = 200 < 1000 - step.timestep <= 500
        assert torch.equal(got, bare) is not inside


def test_apply_refuses_what_does_not_fit(net: ControlNet) -> None:
    with pytest.raises(InputError, match="remove_alpha"):
        control.apply(text(), net, Image(torch.zeros(1, 8, 8, 4)))
    with pytest.raises(InputError, match="at most end"):
        control.apply(text(), net, hint(1), 1.0, 0.6, 0.5)


@flux_warns
def test_apply_refuses_a_net_that_reads_latents() -> None:
    with pytest.raises(InputError, match=r"control\.apply_encoded"):
        control.apply(text(), new_flux_net(), hint(1))


def test_apply_pair_is_apply_on_each(denoiser: Model, net: ControlNet) -> None:
    pair = control.apply_pair(text(1), text(2), net, hint(1), 0.8, 0.0, 0.9)
    assert pair.cond.controls == pair.uncond.controls  # one and the same, so one batch
    for got, alone in ((pair.cond, text(1)), (pair.uncond, text(2))):
        wanted = control.apply(alone, net, hint(1), 0.8, 0.0, 0.9)
        a, b = (nodes_model.predict_noise(denoiser, LATENT, STEP, c) for c in (got, wanted))
        assert torch.equal(a.samples, b.samples)


def test_apply_guess_weakens_the_fine_places(denoiser: Model, net: ControlNet) -> None:
    """The weights 10^(-1 + k / n), written out, on what an unweakened network adds."""
    guessed = control.apply_guess(text(), net, hint(1), 0.6)
    got = nodes_model.predict_noise(denoiser, LATENT, STEP, guessed)
    added = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1), 0.6)
    (down, fine), (mid, middle) = added.residuals
    scales = [10 ** (-1 + k / len(fine)) for k in range(len(fine) + 1)]
    weakened = tuple(t * s for t, s in zip(fine, scales, strict=False))
    by_hand = Control(((down, weakened), (mid, middle)))
    expected = control.predict_noise(denoiser, LATENT, STEP, text(), [by_hand])
    assert_close(got.samples, expected.samples, rtol=1e-5, atol=1e-6)


@flux_warns
def test_apply_guess_refuses_a_transformer_s_net() -> None:
    with pytest.raises(InputError, match="a ControlNet of a UNet"):
        control.apply_guess(text(), new_flux_net(), hint(1))


@flux_warns
def test_apply_encoded_lays_the_hint_s_latent_on(vae: Vae) -> None:
    net = new_flux_net()
    steered = control.apply_encoded(text(), net, vae, hint(1), 0.5, 0.0, 0.8)
    (use,) = steered.controls
    assert torch.equal(use.hint, control.encode_hint(net, vae, hint(1)).samples)
    assert (use.strength, use.span) == (0.5, Span(0.0, 0.8))


@flux_warns
def test_encode_hint_is_the_encoder_s_mean(vae: Vae) -> None:
    got = control.encode_hint(new_flux_net(), vae, hint(1)).samples
    with torch.no_grad():
        pixels = hint(1).pixels.movedim(-1, 1) * 2 - 1
        mean = vae.autoencoder.encode(pixels).latent_dist.mean
    assert_close(got, (mean - vae.shift) * vae.scaling, rtol=1e-5, atol=1e-6)


def test_encode_hint_refuses_a_net_that_reads_pixels(net: ControlNet, vae: Vae) -> None:
    with pytest.raises(InputError, match=r"control\.apply takes the picture"):
        control.encode_hint(net, vae, hint(1))


@flux_warns
def test_set_union_mode_counts_from_the_first() -> None:
    net = new_flux_net()
    assert control.set_union_mode(net, "depth").mode == 2
    assert net.mode is None
    with pytest.raises(InputError, match="canny, tile, depth"):
        control.set_union_mode(net, "openpose")


def test_set_union_mode_refuses_a_net_for_one_kind(net: ControlNet) -> None:
    with pytest.raises(InputError, match="one kind of hint"):
        control.set_union_mode(net, "depth")


def test_residuals_name_each_place(denoiser: Model, net: ControlNet) -> None:
    found = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1))
    shapes = [(name, [tuple(t.shape) for t in tensors]) for name, tensors in found.residuals]
    assert shapes == [
        (
            "down_block_additional_residuals",
            [(2, 8, 8, 8), (2, 8, 8, 8), (2, 8, 4, 4), (2, 16, 4, 4)],
        ),
        ("mid_block_additional_residual", [(2, 16, 4, 4)]),
    ]


def test_residuals_are_linear_in_strength(denoiser: Model, net: ControlNet) -> None:
    one = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1), 1.0)
    two = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1), 2.0)
    for (_, a), (_, b) in zip(one.residuals, two.residuals, strict=True):
        for x, y in zip(a, b, strict=True):
            assert_close(2 * x, y)


def test_residuals_refuse_several_texts_and_other_families(
    denoiser: Model, net: ControlNet
) -> None:
    for several in (replace(text(), more=(text(2),)), replace(text(), area=Area(0, 0, 1, 0.5))):
        with pytest.raises(InputError, match="one text for the whole picture"):
            control.residuals(net, denoiser, LATENT, STEP, several, hint(1))
    wider = Model(small.unet(5, cross_attention_dim=24), denoiser.betas, family="sd2")
    with pytest.raises(
        InputError, match=r"family sd1 .text width 16., but this model is of family"
    ):
        control.residuals(net, wider, LATENT, STEP, Conditioning(normal(0, 1, 7, 24)), hint(1))


@flux_warns
def test_residuals_encoded_are_those_of_apply_encoded(vae: Vae) -> None:
    network = small.flux(False, seed=6, layers=2)
    net = control.set_union_mode(new_flux_net(), "depth")
    lively(net.network, 7)
    betas = FlowSchedule(multiplier=1.0)
    model = Model(network, betas, "flow", "flux")
    step = schedule.steps(sigmas.simple(betas, 4))[1]
    given = replace(text(), pooled=normal(8, 1, 12))
    seen = control.encode_hint(net, vae, hint(1))
    added = control.residuals_encoded(net, model, LATENT, step, given, seen, 0.5)
    looped = control.predict_noise(model, LATENT, step, given, [added])
    steered = control.apply_encoded(given, net, vae, hint(1), 0.5)
    applied = nodes_model.predict_noise(model, LATENT, step, steered)
    assert torch.equal(applied.samples, looped.samples)
    bare = nodes_model.predict_noise(model, LATENT, step, given)
    assert (applied.samples - bare.samples).abs().max() > 1e-3


def test_sum_is_both_applied(denoiser: Model, net: ControlNet, other: ControlNet) -> None:
    a = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1))
    b = control.residuals(other, denoiser, LATENT, STEP, text(), hint(2), 0.5)
    both = control.predict_noise(denoiser, LATENT, STEP, text(), [control.sum([a, b])])
    listed = control.predict_noise(denoiser, LATENT, STEP, text(), [a, b])
    steered = control.apply(control.apply(text(), net, hint(1)), other, hint(2), 0.5)
    applied = nodes_model.predict_noise(denoiser, LATENT, STEP, steered)
    assert torch.equal(both.samples, listed.samples)
    assert torch.equal(both.samples, applied.samples)


def test_sum_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        control.sum([])


def test_sum_of_different_depths_is_refused() -> None:
    one, two = (Control((("blocks", (torch.ones(1, 4, 5),) * n),)) for n in (1, 2))
    with pytest.raises(InputError, match=r"1 and 2 tensors for blocks.*control\.predict_noise"):
        control.sum([one, two])


def test_scale_goes_on_a_line_from_fine_to_middle(denoiser: Model, net: ControlNet) -> None:
    added = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1))
    got = control.scale(added, 0.0, 2.0)
    (_, before), (_, (middle,)) = added.residuals
    (_, after), (_, (last,)) = got.residuals
    for k, (a, b) in enumerate(zip(before, after, strict=True)):
        assert_close(a * 0.5 * k, b)
    assert_close(2 * middle, last)


def test_scale_of_one_changes_nothing(denoiser: Model, net: ControlNet) -> None:
    added = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1))
    for (_, a), (_, b) in zip(added.residuals, control.scale(added).residuals, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_predict_noise_without_controls_is_model_predict_noise(denoiser: Model) -> None:
    got = control.predict_noise(denoiser, LATENT, STEP, text(), [])
    bare = nodes_model.predict_noise(denoiser, LATENT, STEP, text())
    assert torch.equal(got.samples, bare.samples)


def test_predict_noise_takes_controls_on_top_of_the_text_s_own(
    denoiser: Model, net: ControlNet, other: ControlNet
) -> None:
    added = control.residuals(other, denoiser, LATENT, STEP, text(), hint(2))
    mixed = control.apply(text(), net, hint(1))
    got = control.predict_noise(denoiser, LATENT, STEP, mixed, [added])
    both = control.apply(mixed, other, hint(2))
    expected = nodes_model.predict_noise(denoiser, LATENT, STEP, both)
    assert_close(got.samples, expected.samples, rtol=1e-5, atol=1e-6)


def test_predict_noise_refuses_what_was_made_for_other_sizes(
    denoiser: Model, net: ControlNet
) -> None:
    few = Latent(normal(0, 1, 4, 4, 4))
    added = control.residuals(net, denoiser, few, STEP, text(), hint(1))
    with pytest.raises(InputError, match="4 × 4"):
        control.predict_noise(denoiser, LATENT, STEP, text(), [added])
    three = Latent(normal(0, 3, 4, 8, 8))
    added = control.residuals(net, denoiser, three, STEP, text(), hint(1))
    with pytest.raises(InputError, match="3 pictures"):
        control.predict_noise(denoiser, LATENT, STEP, text(), [added])


def test_to_image_draws_a_panel_for_each_place() -> None:
    bright = torch.zeros(1, 2, 4, 4)
    bright[..., 1, 2] = -3.0
    tokens = torch.zeros(1, 4, 5)
    tokens[0, 1] = 1.0
    given = Control((("down", (bright, torch.ones(1, 2, 2, 2))), ("tokens", (tokens,))))
    pixels = control.to_image(given, Latent(torch.zeros(1, 4, 4, 4))).pixels
    assert pixels.shape == (1, 96, 3 * 96 + 2 * 2, 3)
    first, second, third = (pixels[0, :, at : at + 96] for at in (0, 98, 196))
    assert first[24:48, 48:72].min() == 1
    assert first.sum() == first[24:48, 48:72].sum()
    assert second.min() == 1
    assert third[:48, 48:].min() == 1
    assert third.sum() == third[:48, 48:].sum()


def test_to_image_gives_one_picture_for_each_of_the_batch(denoiser: Model, net: ControlNet) -> None:
    added = control.residuals(net, denoiser, LATENT, STEP, text(), hint(1))
    pixels = control.to_image(added, LATENT).pixels
    assert pixels.shape[0] == 2
    assert not torch.equal(pixels[0], pixels[1])
    with pytest.raises(InputError, match="nothing"):
        control.to_image(Control(()), LATENT)
