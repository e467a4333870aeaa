"""Labels as what steers a model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import class_label as nodes
from nodes import model as model_nodes
from nodes import schedule
from nodes.types import Latent, Model, Step

LABELS = 6
STEP = Step(0, 1, 2.0, 0.0, 500.0, 0.0)
X = Latent(torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def model() -> Model:
    from diffusers.models.transformers.dit_transformer_2d import DiTTransformer2DModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        network: Any = DiTTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=4,
            out_channels=8,
            num_layers=1,
            sample_size=4,
            num_embeds_ada_norm=LABELS,
        )
    return Model(network.eval(), schedule.linear(), family="dit")


def asked(model: Model, label: int) -> torch.Tensor:
    with torch.no_grad():
        output: torch.Tensor = model.network(
            X.samples / 5**0.5,
            timestep=torch.tensor([500.0]),
            class_labels=torch.tensor([label]),
        ).sample[:, :4]
    return output


def test_of_asks_for_a_label(model: Model) -> None:
    for label in (0, LABELS - 1):
        got = model_nodes.predict_noise(model, X, STEP, nodes.of(model, label))
        assert_close(got.samples, asked(model, label))


def test_none_is_the_label_after_the_last(model: Model) -> None:
    got = model_nodes.predict_noise(model, X, STEP, nodes.none())
    assert_close(got.samples, asked(model, LABELS))


def test_of_refuses_a_label_that_the_model_has_not(model: Model) -> None:
    with pytest.raises(InputError, match=r"label: got 6, expected 0\.\.5"):
        nodes.of(model, LABELS)


def test_of_refuses_a_model_of_texts(denoiser: Model) -> None:
    with pytest.raises(InputError, match="one that knows labels"):
        nodes.of(denoiser, 1)
