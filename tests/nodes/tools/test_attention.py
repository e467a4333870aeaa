"""What is heard of attention while a network is asked, text by text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import small
from nodes.diffusion.attention import attentions
from nodes.diffusion.prediction import predict_epsilons
from nodes.diffusion.watching import EAR, Ear
from nodes.tools.attention import AttentionWatch
from nodes.types import Guider, Model, Step

STEP = Step(5, 20, 2.0, 1.5, 400.0, 300.0)
X = 2 * small.normal(1, 2, 4, 8, 8)
LONG, SHORT = small.text(2), small.text(3, tokens=4)


@pytest.fixture
def watch() -> Iterator[AttentionWatch]:
    made = AttentionWatch()
    yield made
    made.close()
    assert EAR.get() is None


def heard(watch: AttentionWatch, model: Model, asked: list[Any], **ports: Any) -> dict[str, Any]:
    watch.begin(ports, True)
    predict_epsilons(model, X, STEP, asked)
    return dict(watch.take()[0])


def test_a_short_text_in_a_batch_is_heard_as_alone(watch: AttentionWatch, denoiser: Model) -> None:
    """What fills it up to the longer one is hidden from it, and left out."""
    ports = {"cond": LONG, "uncond": SHORT}
    alone = heard(watch, denoiser, [SHORT], **ports)
    both = heard(watch, denoiser, [SHORT, LONG], **ports)
    layers = attentions(denoiser.network, cross=True)
    assert set(both) == {f"{port}:{layer}" for port in ports for layer in layers}
    for part, maps in alone.items():
        assert maps.shape[:2] == (2, 4)
        assert_close(both[part], maps, rtol=0, atol=1e-3)
        assert_close(
            maps.float().sum(dim=1), torch.ones_like(maps[:, 0]).float(), atol=5e-3, rtol=0
        )
    assert all(maps.shape[1] == 7 for part, maps in both.items() if part.startswith("cond:"))


def test_joined_texts_and_those_of_a_guider_have_names(
    watch: AttentionWatch, denoiser: Model
) -> None:
    joined = replace(LONG, more=(small.text(4),))
    told = heard(watch, denoiser, [joined], positive=joined)
    assert {part.split(":")[0] for part in told} == {"positive 1", "positive 2"}
    guider = Guider(denoiser, lambda x, step: None, (("negative", SHORT), ("positive", LONG)))  # type: ignore[arg-type,return-value]
    told = heard(watch, denoiser, [SHORT, LONG], guider=guider)
    assert {part.split(":")[0] for part in told} == {"negative", "positive"}
    told = heard(watch, denoiser, [small.text(9)], positive=LONG)
    assert {part.split(":")[0] for part in told} == {"text 0"}


def test_nothing_is_left_on_the_network_and_nothing_changes(
    watch: AttentionWatch, denoiser: Model
) -> None:
    (alone,) = predict_epsilons(denoiser, X, STEP, [LONG])
    watch.begin({"positive": LONG}, True)
    (watched,) = predict_epsilons(denoiser, X, STEP, [LONG])
    assert torch.equal(alone, watched)
    assert watch.take()[0]
    assert not any(module._forward_pre_hooks for module in denoiser.network.modules())


def test_only_who_listens_hears(watch: AttentionWatch, denoiser: Model) -> None:
    watch.begin({"positive": LONG}, False)
    predict_epsilons(denoiser, X, STEP, [LONG])
    assert watch.take() == ([], "")
    watch.listen(True)
    predict_epsilons(denoiser, X, STEP, [LONG])
    assert watch.take()[0]
    assert watch.take() == ([], "")
    watch.begin({"latent": X}, True)  # a node without texts
    predict_epsilons(denoiser, X, STEP, [LONG])
    assert watch.take() == ([], "")


def test_a_network_without_cross_attention_is_told(watch: AttentionWatch) -> None:
    plain = Model(
        small.unet(
            down_block_types=("DownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "UpBlock2D"),
            mid_block_type=None,
        ),
        small.SD,
    )
    watch.begin({"positive": LONG}, True)
    predict_epsilons(plain, X, STEP, [LONG])
    maps, remark = watch.take()
    assert (maps, "no cross-attention" in remark) == ([], True)


def test_the_first_of_two_asks_counts() -> None:
    ear = Ear({})
    first, second = torch.zeros(1, 2, 3, 3), torch.ones(1, 2, 3, 3)
    for first_picture, maps in ((1, first), (0, first), (0, second)):
        ear.hear("a", "layer", first_picture, maps)
    ((name, layer, found),) = ear.take()
    assert (name, layer) == ("a", "layer")
    assert torch.equal(found, torch.zeros(2, 2, 3, 3))
