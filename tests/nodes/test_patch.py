"""Patches: nothing where they do nothing, their formulas where they do, the base never touched."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import patch
from nodes.diffusion import token_merging
from nodes.diffusion.prediction import predict_epsilons
from nodes.types import Conditioning, Model, Step
from small import normal

STEP = Step(5, 20, 2.0, 1.5, 400.0, 300.0)


X = 2 * normal(1, 1, 4, 16, 8)
TEXT = Conditioning(normal(2, 1, 7, 16))


def said(model: Model) -> torch.Tensor:
    return predict_epsilons(model, X, STEP, [TEXT])[0]


def test_freeu_is_that_of_diffusers_and_leaves_the_base(denoiser: Model) -> None:
    before = said(denoiser)
    patched = patch.freeu(denoiser, 1.5, 1.6, 0.9, 0.2)
    other = copy.deepcopy(denoiser.network)
    other.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)
    assert torch.equal(said(patched), said(Model(other, denoiser.betas)))
    assert torch.equal(said(denoiser), before)
    with pytest.raises(InputError, match="above 0"):
        patch.freeu(denoiser, 0.0)


def test_hypertile_of_one_tile_changes_nothing(denoiser: Model) -> None:
    assert_close(said(patch.hypertile(denoiser, tile=64, depth=4)), said(denoiser))


def test_hypertile_in_deep_layers_only_leaves_a_model_without_outer_attention(
    denoiser: Model,
) -> None:
    """This UNet attends at half the latent's size only."""
    assert torch.equal(said(patch.hypertile(denoiser, tile=2, depth=0)), said(denoiser))
    tiled = said(patch.hypertile(denoiser, tile=2, depth=1))
    assert (tiled - said(denoiser)).abs().max() > 1e-6


def test_tiles_are_cut_and_laid_back_in_their_places() -> None:
    x = torch.arange(6 * 4, dtype=torch.float32).reshape(1, 24, 1)
    tiles, back = token_merging.tiled(2)(x, 6, 4)
    assert tiles.shape == (6, 4, 1)
    assert tiles[0, :, 0].tolist() == [0, 1, 4, 5]
    assert torch.equal(back(tiles), x)


def test_token_merging_of_nothing_changes_nothing(denoiser: Model) -> None:
    assert torch.equal(said(patch.token_merging(denoiser, 0.0, depth=4)), said(denoiser))
    merged = said(patch.token_merging(denoiser, 0.5, depth=4))
    assert (merged - said(denoiser)).abs().max() > 1e-6
    assert merged.isfinite().all()
    with pytest.raises(InputError, match=r"0\.\.0\.75"):
        patch.token_merging(denoiser, 0.9)


def test_merging_joins_those_that_are_alike_and_gives_each_its_groups_answer() -> None:
    """Four colours in 2 × 2 squares: whatever is merged is equal, so all comes back as it was."""
    colours = normal(3, 4, 3)
    grid = colours.reshape(2, 2, 3).repeat_interleave(2, 0).repeat_interleave(2, 1)
    x = grid.reshape(1, 16, 3)
    smaller, back = token_merging.merged(0.75)(x, 4, 4)
    assert smaller.shape == (1, 4, 3)
    assert_close(smaller[0], colours)
    assert_close(back(smaller), x)
    assert_close(back(2 * smaller), 2 * x)


def test_merging_takes_the_mean_of_a_group() -> None:
    x = torch.tensor([[[1.0, 0.0], [2.0, 0.2], [0.0, 1.0], [3.0, 0.0]]])  # 2 × 2: place 0 stays
    smaller, back = token_merging.merged(0.5)(x, 2, 2)  # the two most like it join: 3 and 1
    assert_close(smaller[0, 0], torch.tensor([2.0, 0.2 / 3]))
    assert_close(smaller[0, 1], x[0, 2])
    answers = torch.tensor([[[10.0, 10.0], [20.0, 20.0]]])
    assert back(answers)[0, :, 0].tolist() == [10, 10, 20, 10]
