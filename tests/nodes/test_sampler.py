"""The one-node sampler is the explicit loop: the same functions, the same bits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodeflow.context import RunContext
from nodeflow.errors import Cancelled, InputError
from nodes import (
    forward,
    guidance,
    noise,
    sample,
    sample_two_stage,
    sampler,
    sampler_runs,
    schedule,
    sigmas,
    sigmas_edit,
)
from nodes import model as nodes_model
from nodes import sample_multistep as multistep
from nodes.sampler_names import SAMPLERS
from nodes.types import (
    Answer,
    Area,
    Conditioning,
    ControlNet,
    ControlUse,
    FlowSchedule,
    Guider,
    Latent,
    Mask,
    Model,
    NoisePrediction,
    Sampler,
    Sigmas,
    Span,
    Step,
)

SD = schedule.scaled_linear()
LEVELS = sigmas.karras(SD, 5)
SCALE, SEED = 5.0, 21
EMPTY = Latent(torch.zeros(2, 4, 8, 8))
Guided = Callable[[Latent, Step], NoisePrediction]


def text(seed: int) -> Conditioning:
    return Conditioning(torch.randn(1, 7, 16, generator=torch.Generator().manual_seed(seed)))


POSITIVE, NEGATIVE = text(1), text(2)


def in_one_batch(model: Model) -> Guided:
    def ask(x: Latent, step: Step) -> NoisePrediction:
        pair = nodes_model.predict_pair(model, x, step, POSITIVE, NEGATIVE)
        return guidance.cfg_combine(pair.cond, pair.uncond, SCALE)

    return ask


def one_by_one(model: Model) -> Guided:
    def ask(x: Latent, step: Step) -> NoisePrediction:
        cond = nodes_model.predict_noise(model, x, step, POSITIVE)
        uncond = nodes_model.predict_noise(model, x, step, NEGATIVE)
        return guidance.cfg_combine(cond, uncond, SCALE)

    return ask


def heun(ask: Guided, x: Latent, step: Step) -> Latent:
    first = ask(x, step)
    trial = sample_two_stage.heun_trial(x, first, step)
    return sample_two_stage.heun_correct(x, first, ask(*trial), step)


def dpm2(ask: Guided, x: Latent, step: Step) -> Latent:
    first = ask(x, step)
    trial = sample_two_stage.dpm2_trial(x, first, step, SD)
    return sample_two_stage.dpm2_correct(x, first, ask(*trial), step)


SINGLE: dict[str, Callable[[Guided, Latent, Step], Latent]] = {
    "euler": lambda ask, x, s: sample.euler_step(x, ask(x, s), s),
    "euler_ancestral": lambda ask, x, s: sample.euler_ancestral_step(x, ask(x, s), s, SEED),
    "ddim": lambda ask, x, s: sample.ddim_step(x, ask(x, s), s),
    "ddpm": lambda ask, x, s: sample.ddpm_step(x, ask(x, s), s, SEED),
    "heun": heun,
    "dpm_2": dpm2,
}
REMEMBERING: dict[str, Callable[..., multistep.Move]] = {
    "lms": multistep.lms_step,
    "dpmpp_2m": multistep.dpmpp_2m_step,
    "dpmpp_2m_sde": lambda x, eps, s, h: multistep.dpmpp_2m_sde_step(x, eps, s, h, SEED),
}


Keep = Callable[[Latent, Step], Latent]


def loop(
    ask: Guided, name: str, x: Latent, levels: Sigmas = LEVELS, keep: Keep = lambda x, _: x
) -> Latent:
    history = multistep.no_history()
    for step in schedule.steps(levels):
        if name in SINGLE:
            x = SINGLE[name](ask, x, step)
        else:
            x, history = REMEMBERING[name](x, ask(x, step), step, history)
        x = keep(x, step)
    return x


def start(latent: Latent, levels: Sigmas = LEVELS) -> Latent:
    return forward.start(latent, noise.gaussian(latent, SEED), levels)


def whole(model: Model, name: str, latent: Latent = EMPTY, **other: Any) -> Latent:
    given = {"guidance_scale": SCALE, "seed": SEED, "ctx": RunContext(), **other}
    levels = given.pop("sigmas", LEVELS)
    return sampler.sample(model, POSITIVE, NEGATIVE, latent, levels, name, **given)


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    # 1e-5 of the spread: a network of random weights leaves latents as large as the noise was.
    assert_close(ours, theirs, rtol=0, atol=1e-5 * float(theirs.std()))


@pytest.mark.parametrize("name", [*SINGLE, *REMEMBERING])
def test_sample_is_the_loop_to_the_bit(denoiser: Model, name: str) -> None:
    explicit = loop(in_one_batch(denoiser), name, start(EMPTY))
    assert torch.equal(whole(denoiser, name).samples, explicit.samples)


@pytest.mark.parametrize("name", ["euler", "dpmpp_2m"])
def test_sample_is_the_loop_of_single_predictions(denoiser: Model, name: str) -> None:
    # Another batch size takes other kernels: equal but for rounding, carried over the steps.
    explicit = loop(one_by_one(denoiser), name, start(EMPTY))
    close(whole(denoiser, name).samples, explicit.samples)


@pytest.mark.parametrize("name", SAMPLERS)
def test_sample_of_image_k_is_that_of_seed_plus_k(denoiser: Model, name: str) -> None:
    alone = whole(denoiser, name, Latent(EMPTY.samples[:1]), seed=SEED + 1)
    batch = whole(denoiser, name)
    assert torch.equal(batch.samples[1:], alone.samples)


def test_sample_at_scale_one_asks_for_the_prompt_alone(denoiser: Model) -> None:
    asked = []
    count = denoiser.network.register_forward_pre_hook(lambda _, args: asked.append(len(args[0])))
    found = whole(denoiser, "euler", guidance_scale=1.0)
    count.remove()
    assert asked == [1] * 5 * 2, "a picture at a time, and never the negative prompt"
    x = start(EMPTY)
    for step in schedule.steps(LEVELS):
        cond = nodes_model.predict_noise(denoiser, x, step, POSITIVE)
        x = sample.euler_step(x, cond, step)
    assert torch.equal(found.samples, x.samples)


def test_sample_at_strength_zero_is_the_picture(denoiser: Model) -> None:
    picture = Latent(torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)))
    none = schedule.by_strength(LEVELS, 0.0)
    assert torch.equal(whole(denoiser, "euler", picture, sigmas=none).samples, picture.samples)


@pytest.mark.parametrize("name", [*SINGLE, *REMEMBERING])
def test_sample_keeps_what_the_noise_mask_protects(denoiser: Model, name: str) -> None:
    picture = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    found = whole(denoiser, name, Latent(picture, mask))
    assert torch.equal(found.samples[..., :4], picture[..., :4])
    assert found.noise_mask is mask
    drawn = noise.gaussian(Latent(picture), SEED)

    def keep(x: Latent, step: Step) -> Latent:
        return sample.keep_unmasked(x, Latent(picture), drawn, step, Mask(mask[:, 0]))

    explicit = loop(in_one_batch(denoiser), name, start(Latent(picture)), LEVELS, keep)
    assert torch.equal(found.samples, explicit.samples)


@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "heun", "ddpm"])
def test_resume_after_a_split_is_the_whole(denoiser: Model, name: str) -> None:
    high, low = schedule.split(LEVELS, 2)
    half = whole(denoiser, name, sigmas=high)
    found = sampler.resume(
        denoiser, POSITIVE, NEGATIVE, half, low, name, SCALE, SEED, ctx=RunContext()
    )
    assert torch.equal(found.samples, whole(denoiser, name).samples)


def test_resume_refuses_a_noise_mask(denoiser: Model) -> None:
    masked = Latent(EMPTY.samples, torch.ones(2, 1, 8, 8))
    with pytest.raises(InputError, match="latent: got a latent with a noise mask"):
        sampler.resume(denoiser, POSITIVE, NEGATIVE, masked, LEVELS, ctx=RunContext())


def test_sample_reports_each_step(denoiser: Model) -> None:
    told: list[tuple[int, int, float]] = []
    ctx = RunContext(on_progress=lambda i, n, info: told.append((i, n, info["sigma"])))
    cut = schedule.by_strength(LEVELS, 0.6)
    whole(denoiser, "euler", sigmas=cut, ctx=ctx)
    assert told == [(i + 1, 3, cut.values[i + 1]) for i in range(3)]


def test_sample_stops_within_one_step_when_cancelled(denoiser: Model) -> None:
    stop, told = threading.Event(), []

    def after_two(i: int, n: int, info: Any) -> None:
        told.append(i)
        if i == 2:
            stop.set()

    with pytest.raises(Cancelled):
        whole(denoiser, "euler", ctx=RunContext(on_progress=after_two, cancel_event=stop))
    assert told == [1, 2]


def test_sample_leaves_inputs_and_global_random_state(denoiser: Model) -> None:
    latent, before = Latent(torch.zeros(1, 4, 8, 8)), torch.get_rng_state()
    whole(denoiser, "dpmpp_2m_sde", latent)
    assert not latent.samples.any()
    assert torch.equal(before, torch.get_rng_state())


def test_samplers_offered_are_those_there_are() -> None:
    from nodes.diffusion.sampling import KINDS

    assert set(KINDS) == set(SAMPLERS)
    assert len(SAMPLERS) == 42


def test_sample_refuses_what_does_not_fit(denoiser: Model) -> None:
    with pytest.raises(InputError, match="sampler: got 'eular'"):
        whole(denoiser, "eular")
    with pytest.raises(InputError, match="sigmas: got 0 sigmas"):
        whole(denoiser, "euler", sigmas=Sigmas((), ()))
    with pytest.raises(InputError, match="expected a step downwards"):
        whole(denoiser, "euler", sigmas=schedule.flip(LEVELS))
    with pytest.raises(InputError, match="latent: got 3 channels"):
        whole(denoiser, "euler", Latent(torch.zeros(1, 3, 8, 8)))
    with pytest.raises(InputError, match="latent: got no picture"):
        whole(denoiser, "euler", Latent(torch.zeros(0, 4, 8, 8)))
    with pytest.raises(InputError, match="seed: got -1"):
        whole(denoiser, "euler", seed=-1)
    narrow = Conditioning(torch.zeros(1, 7, 8))
    with pytest.raises(InputError, match="negative: got embeddings of width 8"):
        sampler.sample(denoiser, POSITIVE, narrow, EMPTY, LEVELS, ctx=RunContext())


def test_sample_sees_before_the_first_step_that_a_later_one_has_no_text(denoiser: Model) -> None:
    told: list[int] = []
    ctx = RunContext(on_progress=lambda i, n, info: told.append(i))
    early = replace(POSITIVE, spans=(Span(0, 2, "index"),))
    with pytest.raises(
        InputError, match=r"positive: got no text at step 2 of 5, .*conditioning\.com"
    ):
        sampler.sample(denoiser, early, NEGATIVE, EMPTY, LEVELS, ctx=ctx)
    half = replace(POSITIVE, area=Area(0, 0, 1, 0.5))
    with pytest.raises(InputError, match="positive: got a part of the picture without any text"):
        sampler.sample(denoiser, half, NEGATIVE, EMPTY, LEVELS, ctx=ctx)
    assert told == []


def test_sample_needs_no_negative_text_where_it_is_not_asked(denoiser: Model) -> None:
    early = replace(NEGATIVE, spans=(Span(0, 2, "index"),))
    found = sampler.sample(
        denoiser, POSITIVE, early, EMPTY, LEVELS, guidance_scale=1.0, ctx=RunContext()
    )
    plain = sampler.sample(
        denoiser, POSITIVE, NEGATIVE, EMPTY, LEVELS, guidance_scale=1.0, ctx=RunContext()
    )
    assert torch.equal(found.samples, plain.samples)
    with pytest.raises(InputError, match="negative: got no text at step 2 of 5"):
        sampler.sample(denoiser, POSITIVE, early, EMPTY, LEVELS, ctx=RunContext())


def test_sample_refuses_a_controlnet_for_other_models(denoiser: Model) -> None:
    from diffusers.models.controlnets.controlnet import ControlNetModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        wide = ControlNetModel(
            block_out_channels=(32,),
            down_block_types=("CrossAttnDownBlock2D",),
            cross_attention_dim=8,
            attention_head_dim=8,
            conditioning_embedding_out_channels=(4, 4),
        )
    use = ControlUse(ControlNet(wide, "sd1"), torch.zeros(1, 64, 64, 3))
    steered = replace(POSITIVE, controls=(use,))
    with pytest.raises(
        InputError, match=r"positive: got a ControlNet of another kind.*text width 8"
    ):
        sampler.sample(denoiser, steered, NEGATIVE, EMPTY, LEVELS, ctx=RunContext())


def test_sample_names_the_text_whose_layers_the_model_lacks(denoiser: Model) -> None:
    boxes = replace(POSITIVE, extras=(("cross_attention", {"gligen": {}}),))
    with pytest.raises(InputError, match=r"positive: got boxes for GLIGEN.*gligen\.attach"):
        sampler.sample(denoiser, boxes, NEGATIVE, EMPTY, LEVELS, ctx=RunContext())


def test_sample_stops_at_nan(denoiser: Model) -> None:
    broken = replace(POSITIVE, embeddings=POSITIVE.embeddings * float("nan"))
    with pytest.raises(InputError, match="model: got 512 of 512 values not finite at step 0"):
        sampler.sample(denoiser, broken, NEGATIVE, EMPTY, LEVELS, ctx=RunContext())


def test_graphs_of_version_1_are_brought_to_todays_names() -> None:
    from nodeflow.formats.graph_json import read_graph
    from nodeflow.node import definition_of
    from nodeflow.registry import Registry

    known = Registry()
    for function in (sampler.sample, sampler.resume):
        known.add(definition_of(function))
    graph = read_graph(Path(__file__).parent / "fixtures" / "sampler_1.json", known)
    assert graph.nodes["whole"].params == {"sampler": "dpm_2", "seed": 3}
    assert graph.nodes["rest"].params == {"sampler": "dpm_2"}
    assert graph.nodes["other"].params == {"sampler": "lms"}
    assert not graph.nodes["plain"].params
    assert {node.version for node in graph.nodes.values()} == {2}


def guider(model: Model) -> Guider:
    return sampler_runs.guider_of(model, POSITIVE, NEGATIVE, SCALE)


def guided_sample(model: Model, made: Sampler, latent: Latent = EMPTY) -> Latent:
    return sampler.sample_guided(guider(model), latent, LEVELS, made, SEED, ctx=RunContext())


@pytest.mark.parametrize("name", ["euler", "heun", "dpmpp_2m_sde", "uni_pc"])
def test_sample_guided_is_sample(denoiser: Model, name: str) -> None:
    found = guided_sample(denoiser, Sampler(name))
    assert torch.equal(found.samples, whole(denoiser, name).samples)


def test_sample_guided_takes_the_sampler_s_settings(denoiser: Model) -> None:
    still = guided_sample(denoiser, Sampler("euler_ancestral", (("eta", 0.0),)))
    assert torch.equal(still.samples, whole(denoiser, "euler").samples)


def test_sample_guided_keeps_what_the_noise_mask_protects(denoiser: Model) -> None:
    picture = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    for name in ("dpm_fast", "dpm_adaptive", "seeds_3", "uni_pc"):  # below, all of them in a flow
        found = guided_sample(denoiser, Sampler(name), Latent(picture, mask))
        assert torch.equal(found.samples[..., :4], picture[..., :4]), name


FLOW = Model(None, FlowSchedule(3.0), "flow")
FLOW_LEVELS = sigmas.simple(FLOW.betas, 6)


def flow_guider(picture: torch.Tensor) -> Guider:
    """A flow that knows the one picture there is: its velocity is epsilon - x0."""

    def ask(x: torch.Tensor, step: Step) -> Answer:
        return Answer((x - picture) / step.sigma)

    return Guider(FLOW, ask)


@pytest.mark.parametrize("name", [n for n in SAMPLERS if not n.startswith(("dpm_fast", "dpm_ad"))])
def test_sample_guided_of_a_flow_finds_its_picture_and_keeps_the_mask(name: str) -> None:
    picture = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    kept = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 4:] = 1
    found = sampler.sample_guided(
        flow_guider(picture), Latent(kept, mask), FLOW_LEVELS, Sampler(name), ctx=RunContext()
    )
    assert_close(found.samples[..., 4:], picture[..., 4:], rtol=0, atol=1e-4)
    assert torch.equal(found.samples[..., :4], kept[..., :4])


@pytest.mark.parametrize(
    "made", [Sampler("dpm_fast"), Sampler("dpm_adaptive"), Sampler("euler", (("s_churn", 5.0),))]
)
def test_sample_guided_refuses_in_a_flow_what_divides_by_alpha(made: Sampler) -> None:
    with pytest.raises(InputError, match=r"sampler: got .* in a flow"):
        sampler.sample_guided(
            flow_guider(EMPTY.samples), EMPTY, FLOW_LEVELS, made, ctx=RunContext()
        )


def advanced(model: Model, latent: Latent = EMPTY, name: str = "euler", **other: Any) -> Any:
    given = {"sigmas": LEVELS, "seed": SEED, "ctx": RunContext(), **other}
    levels = given.pop("sigmas")
    drawn = noise.gaussian(latent, SEED)
    return sampler.sample_advanced(guider(model), drawn, latent, levels, Sampler(name), **given)


@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "heun", "dpmpp_2m", "dpm_fast"])
def test_sample_advanced_over_all_steps_is_sample(denoiser: Model, name: str) -> None:
    found = advanced(denoiser, name=name)
    assert torch.equal(found.latent.samples, whole(denoiser, name).samples)


def test_sample_advanced_shows_every_step(denoiser: Model) -> None:
    found, ask, x = advanced(denoiser, name="heun"), in_one_batch(denoiser), start(EMPTY)
    for i, step in enumerate(schedule.steps(LEVELS)):
        clean = nodes_model.to_denoised(x, ask(x, step), step)
        assert_close(found.estimates[i].samples, clean.samples, rtol=0, atol=1e-6)
        x = heun(ask, x, step)
        assert torch.equal(found.trace[i].samples, x.samples)
    assert len(found.trace) == len(found.estimates) == 5
    assert found.denoised is found.estimates[-1]


@pytest.mark.parametrize("name", ["euler", "euler_ancestral", "dpm_2"])
def test_sample_advanced_in_two_parts_is_the_whole(denoiser: Model, name: str) -> None:
    first = advanced(denoiser, name=name, end_step=2, leftover_noise=True)
    rest = advanced(denoiser, first.latent, name, start_step=2, add_noise=False)
    assert torch.equal(rest.latent.samples, whole(denoiser, name).samples)
    assert len(first.trace) == 2
    assert len(rest.trace) == 3


def test_sample_advanced_without_leftover_noise_ends_at_the_estimate(denoiser: Model) -> None:
    found = advanced(denoiser, end_step=2)
    assert_close(found.latent.samples, found.denoised.samples, rtol=0, atol=1e-5)
    assert len(found.trace) == 2


def test_sample_advanced_without_steps_is_the_start(denoiser: Model) -> None:
    found = advanced(denoiser, start_step=5, end_step=5, add_noise=False)
    assert torch.equal(found.latent.samples, EMPTY.samples)
    assert torch.equal(found.denoised.samples, EMPTY.samples)
    assert found.trace == found.estimates == []


def test_sample_advanced_refuses_what_does_not_fit(denoiser: Model) -> None:
    with pytest.raises(InputError, match="end_step: got 1 after start_step 3"):
        advanced(denoiser, start_step=3, end_step=1)
    with pytest.raises(InputError, match="latent: got a latent with a noise mask"):
        advanced(denoiser, Latent(EMPTY.samples, torch.ones(2, 1, 8, 8)), add_noise=False)
    with pytest.raises(InputError, match="latent: got a batch of 2"):
        advanced(denoiser, name="dpm_adaptive")
    few = noise.gaussian(Latent(EMPTY.samples[:1]), 1)
    with pytest.raises(InputError, match="noise: got"):
        sampler.sample_advanced(
            guider(denoiser), few, EMPTY, LEVELS, Sampler("euler"), ctx=RunContext()
        )


def test_sample_goes_up_again_where_the_sigmas_do(denoiser: Model) -> None:
    levels = sigmas_edit.with_restart(LEVELS, SD, 0.5, 2.0, 2)
    told: list[float] = []
    ctx = RunContext(on_progress=lambda i, n, info: told.append(info["sigma"]))
    found = whole(denoiser, "euler", sigmas=levels, ctx=ctx)
    assert tuple(told) == levels.values[1:]
    assert not torch.equal(found.samples, whole(denoiser, "euler").samples)
    with pytest.raises(InputError, match="expected a step downwards"):
        whole(denoiser, "dpm_fast", sigmas=levels)
    twice = Sigmas((3.0, 1.0, 4.0, 0.0), (500.0, 300.0, 600.0, 0.0))
    with pytest.raises(InputError, match="expected a step downwards"):
        whole(denoiser, "euler", sigmas=twice)
