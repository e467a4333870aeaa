"""DeepCache: exact where it runs the whole network, and where nothing changed beneath."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import deep_cache, guider, sampler, sampler_kinds, timesteps
from nodes import model as nodes_model
from nodes.types import Conditioning, Latent, Model, Span, Step
from small import normal

STEP = Step(6, 20, 2.0, 1.5, 400.0, 300.0)
NEXT = replace(STEP, index=7, sigma=1.5, timestep=350.0)


X = Latent(2 * normal(1, 2, 4, 8, 8))
A, B = Conditioning(normal(2, 1, 7, 16)), Conditioning(normal(3, 2, 5, 16))


def test_predict_pair_at_a_whole_step_is_the_models_own(denoiser: Model) -> None:
    own = nodes_model.predict_pair(denoiser, X, STEP, A, B)
    for step, every in ((STEP, 3), (NEXT, 1), (NEXT, 5)):
        found = deep_cache.predict_pair(denoiser, X, step, A, B, None, every)
        expected = own if step is STEP else nodes_model.predict_pair(denoiser, X, step, A, B)
        assert torch.equal(found.cond.samples, expected.cond.samples)
        assert torch.equal(found.uncond.samples, expected.uncond.samples)
    assert len(found.features.tensors) == 2  # a call a picture


def test_predict_pair_from_features_is_exact_where_nothing_changed(denoiser: Model) -> None:
    whole = deep_cache.predict_pair(denoiser, X, STEP, A, B, None, 3)
    again = deep_cache.predict_pair(denoiser, X, replace(STEP, index=7), A, B, whole.features, 3)
    assert_close(again.cond.samples, whole.cond.samples)
    assert_close(again.uncond.samples, whole.uncond.samples)
    assert again.features is whole.features


def test_predict_pair_from_features_leaves_the_depths_out(denoiser: Model) -> None:
    ran: list[str] = []
    hooks = [
        getattr(denoiser.network, name).register_forward_hook(
            lambda module, args, output, name=name: ran.append(name)
        )
        for name in ("conv_in", "mid_block")
    ]
    whole = deep_cache.predict_pair(denoiser, X, STEP, A, B, None, 3)
    assert ran == ["conv_in", "mid_block"] * 2
    shallow = deep_cache.predict_pair(denoiser, X, NEXT, A, B, whole.features, 3)
    for hook in hooks:
        hook.remove()
    assert ran[4:] == ["conv_in"] * 2
    own = nodes_model.predict_pair(denoiser, X, NEXT, A, B)
    assert (shallow.cond.samples - own.cond.samples).abs().max() > 1e-6


def test_predict_pair_runs_whole_where_features_do_not_fit(denoiser: Model) -> None:
    one = Latent(X.samples[:1])
    other = deep_cache.predict_pair(denoiser, one, STEP, A, A, None, 3).features
    found = deep_cache.predict_pair(denoiser, X, NEXT, A, B, other, 3)
    own = nodes_model.predict_pair(denoiser, X, NEXT, A, B)
    assert torch.equal(found.cond.samples, own.cond.samples)
    later = replace(A, more=(replace(B, spans=(Span(7, 9, "index"),)),))
    early = deep_cache.predict_pair(denoiser, X, STEP, later, B, None, 3)
    joined = deep_cache.predict_pair(denoiser, X, NEXT, later, B, early.features, 3)
    own = nodes_model.predict_pair(denoiser, X, NEXT, later, B)
    assert torch.equal(joined.cond.samples, own.cond.samples)


def test_predict_pair_wants_a_unet_with_depths(denoiser: Model) -> None:
    with pytest.raises(InputError, match="at least 1"):
        deep_cache.predict_pair(denoiser, X, STEP, A, B, None, 0)
    flat = replace(denoiser, network=torch.nn.Linear(1, 1))
    with pytest.raises(InputError, match="a denoiser"):
        deep_cache.predict_pair(flat, X, STEP, A, B)


def test_cfg_begins_anew_with_each_sampling(denoiser: Model) -> None:
    cached, plain = deep_cache.cfg(denoiser, A, B, 5.0, 3), guider.cfg(denoiser, A, B, 5.0)
    first, second = cached.start(), cached.start()
    assert torch.equal(first(X.samples, STEP).noise, plain.ask(X.samples, STEP).noise)
    shallow = first(X.samples, NEXT).noise
    own = plain.ask(X.samples, NEXT).noise
    assert (shallow - own).abs().max() > 1e-6
    assert torch.equal(second(X.samples, NEXT).noise, own)
    assert torch.equal(cached.ask(X.samples, NEXT).noise, own)


def test_cfg_reuses_features_within_a_sampling_and_none_of_an_earlier_one(
    denoiser: Model, ctx: RunContext
) -> None:
    sigmas = timesteps.trailing(denoiser.betas, 6)
    euler = sampler_kinds.by_name("euler")

    def sampled(every: int) -> torch.Tensor:
        asked = deep_cache.cfg(denoiser, A, A, 5.0, every)
        return sampler.sample_guided(asked, X, sigmas, euler, 0, ctx=ctx).samples

    plain = sampler.sample_guided(
        guider.cfg(denoiser, A, A, 5.0), X, sigmas, euler, 0, ctx=ctx
    ).samples
    assert torch.equal(sampled(1), plain)
    assert (sampled(3) - plain).abs().max() > 1e-6
    assert torch.equal(sampled(3), sampled(3))
