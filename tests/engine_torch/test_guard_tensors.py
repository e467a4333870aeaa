"""In-place changes of tensors are caught by their version counters."""

from __future__ import annotations

import torch

from nodeflow.guard import InputWatch
from nodes.types import Latent


def test_an_in_place_operation_is_caught() -> None:
    latent = Latent(torch.zeros(1, 4, 2, 2))
    watch = InputWatch({"latent": latent})
    latent.samples + 1
    assert watch.changed() == {}
    latent.samples[0].add_(1)
    assert "[1, 4, 2, 2]" in watch.changed()["latent"]


def test_models_are_watched() -> None:
    layer = torch.nn.Linear(2, 2)
    watch = InputWatch({"model": [layer]})
    with torch.no_grad():
        layer.weight.zero_()
    assert list(watch.changed()) == ["model"]
