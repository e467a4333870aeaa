"""Attention maps against diffusers' own scores."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import attention
from nodes.diffusion import attention as maps
from nodes.diffusion.prediction import predict_epsilons, scale_input
from nodes.types import Conditioning, Latent, Model, Span, Step
from small import normal

STEP = Step(5, 20, 2.0, 1.5, 400.0, 300.0)


X = 2 * normal(1, 2, 4, 8, 8)
TEXT = Conditioning(normal(2, 1, 7, 16))


def scores(model: Model, cross: bool) -> list[torch.Tensor]:
    """What diffusers' `get_attention_scores` gives in each layer: [n heads, queries, keys]."""
    network, found = copy.deepcopy(model.network), []

    def processor(attn: Any, hidden: torch.Tensor, context: Any = None, **_: Any) -> torch.Tensor:
        context = hidden if context is None else context
        query = attn.head_to_batch_dim(attn.to_q(hidden))
        key, value = (attn.head_to_batch_dim(to(context)) for to in (attn.to_k, attn.to_v))
        found.append(attn.get_attention_scores(query, key))
        return attn.to_out[0](attn.batch_to_head_dim(found[-1] @ value))

    for module in maps.attentions(network, cross).values():
        module.processor = lambda attn, hidden, encoder_hidden_states=None, **_: processor(
            attn, hidden, encoder_hidden_states
        )
    with torch.no_grad():
        network(
            scale_input(X, STEP.sigma),
            torch.full((2,), STEP.timestep),
            encoder_hidden_states=TEXT.embeddings.expand(2, -1, -1),
        )
    return found


def test_word_map_is_the_mean_of_diffusers_scores_for_the_word(denoiser: Model) -> None:
    found = attention.word_map(denoiser, Latent(X), STEP, TEXT, slot=3).values
    total = torch.zeros(2, 8, 8)
    for layer in scores(denoiser, cross=True):
        heads = layer.unflatten(0, (2, -1)).mean(dim=1)[..., 3]  # [B, places]
        side = round(heads.shape[1] ** 0.5)
        grid = heads.reshape(2, 1, side, side)
        total += torch.nn.functional.interpolate(grid, (8, 8), mode="bilinear")[:, 0]
    assert_close(found, total / total.amax(dim=(1, 2), keepdim=True), rtol=1e-4, atol=1e-5)


def test_word_map_of_some_places_differs_and_names_those_there_are(denoiser: Model) -> None:
    everywhere = attention.word_map(denoiser, Latent(X), STEP, TEXT, slot=3)
    middle = attention.word_map(denoiser, Latent(X), STEP, TEXT, slot=3, places="mid")
    assert (everywhere.values - middle.values).abs().max() > 1e-4
    with pytest.raises(InputError, match="down_blocks"):
        attention.word_map(denoiser, Latent(X), STEP, TEXT, slot=3, places="middle")
    with pytest.raises(InputError, match=r"0\.\.6"):
        attention.word_map(denoiser, Latent(X), STEP, TEXT, slot=7)


def test_word_map_of_a_prompt_that_changes_is_of_the_text_that_holds(denoiser: Model) -> None:
    other = replace(TEXT, embeddings=TEXT.embeddings.flip(1))
    first = replace(TEXT, spans=(Span(0, STEP.index + 1, "index"),))
    then = replace(other, spans=(Span(STEP.index + 1, 99, "index"),))
    found = attention.word_map(denoiser, Latent(X), STEP, replace(then, more=(first,)), slot=3)
    alone = attention.word_map(denoiser, Latent(X), STEP, TEXT, slot=3)
    assert torch.equal(found.values, alone.values)
    with pytest.raises(InputError, match="conditioning: got 2 texts at this step"):
        attention.word_map(denoiser, Latent(X), STEP, replace(TEXT, more=(other,)), slot=3)


def test_listened_to_marks_what_gets_more_than_its_share(denoiser: Model) -> None:
    found = attention.listened_to(denoiser, Latent(X), STEP, TEXT).values
    middle = scores(denoiser, cross=False)[1]  # down, mid, up
    received = middle.unflatten(0, (2, -1)).mean(dim=1).sum(dim=1)
    assert_close(found.flatten(1), (received > 1).float())
    assert 0 < float(found.mean()) < 1


def test_looking_changes_nothing(denoiser: Model) -> None:
    (before,) = predict_epsilons(denoiser, X, STEP, [TEXT])
    attention.word_map(denoiser, Latent(X), STEP, TEXT)
    attention.listened_to(denoiser, Latent(X), STEP, TEXT)
    assert torch.equal(predict_epsilons(denoiser, X, STEP, [TEXT])[0], before)


def test_side_lengths_finds_the_grid_of_a_layer() -> None:
    assert maps.side_lengths(96, 16, 24) == (8, 12)
    assert maps.side_lengths(15, 9, 5) == (5, 3)
    with pytest.raises(ValueError, match="no grid"):
        maps.side_lengths(7, 16, 16)
