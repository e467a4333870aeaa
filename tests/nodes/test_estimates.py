"""Estimates against the bytes that nodes really return."""

from __future__ import annotations

import torch

from nodeflow.node import definition_of
from nodes import forward, noise, sample_multistep, schedule, sigmas
from nodes import model as nodes_model
from nodes.estimates import as_large_as
from nodes.types import Conditioning, Latent, Model

LATENT = Latent(torch.zeros(2, 4, 8, 8))
BYTES = LATENT.samples.nbytes
STEP = schedule.step(sigmas.normal(schedule.scaled_linear(), 4), 1)


def test_as_large_as_multiplies_and_keeps_quiet_without_its_port() -> None:
    estimate = as_large_as("latent", latent=1, history=3)
    assert estimate({}, {"latent": 10, "step": 5}) == {"latent": 10, "history": 30}
    assert estimate({}, {"step": 5}) == {}


def test_estimates_are_what_comes(denoiser: Model) -> None:
    drawn = noise.gaussian(LATENT, 1)
    text = Conditioning(torch.zeros(1, 7, 16))
    predicted = nodes_model.predict_noise(denoiser, LATENT, STEP, text)
    levels = sigmas.normal(schedule.scaled_linear(), 4)
    made = {
        noise.gaussian: (drawn.samples,),
        forward.start_from_noise: (forward.start_from_noise(drawn, levels).samples,),
        nodes_model.predict_noise: (predicted.samples,),
        nodes_model.to_denoised: (nodes_model.to_denoised(LATENT, predicted, STEP).samples,),
    }
    for function, tensors in made.items():
        definition = definition_of(function)
        assert definition.estimate is not None
        told = definition.estimate({}, {"latent": BYTES, "noise": BYTES})
        assert list(told.values()) == [t.nbytes for t in tensors], definition.id


def test_estimates_name_outputs_that_there_are() -> None:
    for module in (noise, forward, nodes_model, sample_multistep):
        for function in vars(module).values():
            definition = getattr(function, "__node__", None)
            if definition is not None and definition.estimate is not None:
                sizes = dict.fromkeys(definition.inputs, 8)
                names = {port.name for port in definition.outputs}
                assert set(definition.estimate({}, sizes)) <= names, definition.id
