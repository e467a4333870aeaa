"""The denoiser: input scaling, batching, padding, parameterisations, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from torch.testing import assert_close

from nodeflow.errors import InputError
from nodes import model as nodes_model
from nodes import schedule, sigmas
from nodes.types import Conditioning, Latent, Model, NoisePrediction, Step
from small import normal

STEP = schedule.step(sigmas.normal(schedule.scaled_linear(), 10), 3)


def text(tokens: int = 7, batch: int = 1, seed: int = 1) -> Conditioning:
    return Conditioning(normal(seed, batch, tokens, 16))


LATENT = Latent(normal(0, 2, 4, 8, 8) * math.sqrt(1 + STEP.sigma**2))


def ask(model: Model, latent: Latent, step: Step, given: Conditioning) -> torch.Tensor:
    """The network itself, called by hand."""
    with torch.no_grad():
        return model.network(
            latent.samples / math.sqrt(1 + step.sigma**2),
            step.timestep,
            encoder_hidden_states=given.embeddings.expand(len(latent.samples), -1, -1),
        ).sample


def test_scale_input_is_diffusers() -> None:
    theirs = EulerDiscreteScheduler()
    theirs.sigmas = torch.tensor([STEP.sigma, 0.0])
    theirs._step_index = 0
    expected = theirs.scale_model_input(LATENT.samples, None)
    assert_close(nodes_model.scale_input(LATENT, STEP).samples, expected, rtol=1e-6, atol=1e-6)


def test_scale_input_at_sigma_zero_is_nothing() -> None:
    clean = replace(STEP, sigma=0.0)
    assert torch.equal(nodes_model.scale_input(LATENT, clean).samples, LATENT.samples)


def test_predict_noise_is_the_network_s_answer(denoiser: Model) -> None:
    predicted = nodes_model.predict_noise(denoiser, LATENT, STEP, text())
    alone = [ask(denoiser, Latent(row), STEP, text()) for row in LATENT.samples.split(1)]
    assert torch.equal(predicted.samples, torch.cat(alone))
    assert not predicted.samples.requires_grad


def test_predict_noise_leaves_its_inputs(denoiser: Model) -> None:
    latent, given = Latent(LATENT.samples.clone()), text()
    nodes_model.predict_noise(denoiser, latent, STEP, given)
    assert torch.equal(latent.samples, LATENT.samples)
    assert torch.equal(given.embeddings, text().embeddings)


def test_predict_noise_broadcasts_one_text_over_the_batch(denoiser: Model) -> None:
    one = nodes_model.predict_noise(denoiser, LATENT, STEP, text())
    both = Conditioning(text().embeddings.repeat(2, 1, 1))
    assert torch.equal(one.samples, nodes_model.predict_noise(denoiser, LATENT, STEP, both).samples)


@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
def test_predict_noise_reads_other_parameterisations_as_diffusers(
    denoiser: Model, prediction: str
) -> None:
    theirs = EulerDiscreteScheduler(prediction_type=prediction)
    theirs.sigmas = torch.tensor([STEP.sigma, STEP.sigma_next])
    theirs._step_index = 0
    answer = ask(denoiser, LATENT, STEP, text())
    expected = theirs.step(answer, torch.tensor(STEP.timestep), LATENT.samples).pred_original_sample
    other = replace(denoiser, prediction=prediction)
    noise = nodes_model.predict_noise(other, LATENT, STEP, text())
    ours = nodes_model.to_denoised(LATENT, noise, STEP)
    assert_close(ours.samples, expected, rtol=1e-5, atol=1e-5)


def test_predict_noise_averages_several_texts(denoiser: Model) -> None:
    a, b, c = (text(seed=s) for s in (1, 2, 3))
    several = replace(a, more=(b, c))
    mean = sum(nodes_model.predict_noise(denoiser, LATENT, STEP, t).samples for t in (a, b, c)) / 3
    found = nodes_model.predict_noise(denoiser, LATENT, STEP, several).samples
    assert_close(found, mean, rtol=1e-5, atol=1e-5)


def test_predict_noise_answers_in_float32_for_a_bfloat16_network(denoiser: Model) -> None:
    half = replace(denoiser, network=type(denoiser.network).from_config(denoiser.network.config))
    half.network.load_state_dict(denoiser.network.state_dict())
    half.network.to(torch.bfloat16)
    found = nodes_model.predict_noise(half, LATENT, STEP, text()).samples
    assert found.dtype == torch.float32
    # bfloat16 has 8 bits of mantissa, and a few layers add their roundings up.
    whole = nodes_model.predict_noise(denoiser, LATENT, STEP, text()).samples
    assert_close(found, whole, rtol=0, atol=0.05)


@pytest.mark.parametrize(("cond", "uncond"), [(7, 7), (7, 14), (14, 7), (5, 3)])
def test_predict_pair_is_two_predictions(denoiser: Model, cond: int, uncond: int) -> None:
    wanted, without = text(cond, seed=1), text(uncond, seed=2)
    pair = nodes_model.predict_pair(denoiser, LATENT, STEP, wanted, without)
    for got, given in ((pair.cond, wanted), (pair.uncond, without)):
        alone = nodes_model.predict_noise(denoiser, LATENT, STEP, given)
        assert_close(got.samples, alone.samples, rtol=1e-5, atol=1e-5)


def test_predict_pair_of_several_texts(denoiser: Model) -> None:
    wanted = replace(text(5, seed=1), more=(text(9, seed=2),))
    pair = nodes_model.predict_pair(denoiser, LATENT, STEP, wanted, text(7, seed=3))
    alone = nodes_model.predict_noise(denoiser, LATENT, STEP, wanted)
    assert_close(pair.cond.samples, alone.samples, rtol=1e-5, atol=1e-5)


def test_to_denoised_and_to_noise_are_inverse() -> None:
    noise = NoisePrediction(normal(4, 2, 4, 8, 8))
    denoised = nodes_model.to_denoised(LATENT, noise, STEP)
    back = nodes_model.to_noise(LATENT, denoised, STEP)
    assert_close(back.samples, noise.samples, rtol=1e-4, atol=1e-5)


def test_to_denoised_finds_the_picture_behind_true_noise() -> None:
    clean, noise = normal(5, 1, 4, 8, 8), normal(6, 1, 4, 8, 8)
    noisy = Latent(clean + STEP.sigma * noise)
    found = nodes_model.to_denoised(noisy, NoisePrediction(noise), STEP)
    assert_close(found.samples, clean, rtol=1e-5, atol=1e-5)


def test_to_noise_refuses_sigma_zero() -> None:
    denoised = nodes_model.to_denoised(LATENT, NoisePrediction(LATENT.samples), STEP)
    with pytest.raises(InputError, match="There is no noise to find"):
        nodes_model.to_noise(LATENT, denoised, replace(STEP, sigma=0.0))


def test_to_denoised_wants_one_shape() -> None:
    with pytest.raises(InputError, match=r"noise: got \[1, 4, 8, 8\]"):
        nodes_model.to_denoised(LATENT, NoisePrediction(normal(0, 1, 4, 8, 8)), STEP)


def test_denoised_to_latent_is_the_same_tensor() -> None:
    denoised = nodes_model.to_denoised(LATENT, NoisePrediction(LATENT.samples), STEP)
    assert nodes_model.denoised_to_latent(denoised).samples is denoised.samples


def test_predict_noise_refuses_a_latent_of_other_channels(denoiser: Model) -> None:
    with pytest.raises(InputError, match="latent: got 16 channels, expected the network's 4"):
        nodes_model.predict_noise(denoiser, Latent(normal(0, 1, 16, 8, 8)), STEP, text())


def test_predict_noise_refuses_another_model_s_text(denoiser: Model) -> None:
    wide = Conditioning(normal(0, 1, 7, 24))
    with pytest.raises(InputError, match="embeddings of width 24, expected the network's 16"):
        nodes_model.predict_noise(denoiser, LATENT, STEP, wide)
    with pytest.raises(InputError, match="uncond: got embeddings of width 24"):
        nodes_model.predict_pair(denoiser, LATENT, STEP, text(), wide)


def test_predict_noise_steers_each_picture_by_its_own_text(denoiser: Model) -> None:
    a, b = text(seed=1), text(seed=2)
    both = Conditioning(torch.cat([a.embeddings, b.embeddings]))
    found = nodes_model.predict_noise(denoiser, LATENT, STEP, both).samples
    alone = [
        nodes_model.predict_noise(denoiser, Latent(LATENT.samples[k : k + 1]), STEP, own).samples
        for k, own in enumerate((a, b))
    ]
    assert torch.equal(found, torch.cat(alone))
    assert (found - found.flip(0)).abs().max() > 0.01


def test_predict_noise_refuses_no_picture(denoiser: Model) -> None:
    with pytest.raises(InputError, match="latent: got no picture"):
        nodes_model.predict_noise(denoiser, Latent(normal(0, 0, 4, 8, 8)), STEP, text())


def test_predict_noise_refuses_a_batch_that_does_not_fit(denoiser: Model) -> None:
    with pytest.raises(InputError, match="conditioning: got a batch of 3, expected 1 or the lat"):
        nodes_model.predict_noise(denoiser, LATENT, STEP, text(batch=3))


def test_predict_noise_stops_at_nan(denoiser: Model) -> None:
    samples = LATENT.samples.clone()
    samples[0, 0, 0, 0] = math.nan
    with pytest.raises(InputError, match="latent: got 1 of 512 values not finite at step 3"):
        nodes_model.predict_noise(denoiser, Latent(samples), STEP, text())
    with pytest.raises(InputError, match="model: got 512 of 512 values not finite at step 3"):
        nodes_model.predict_noise(
            denoiser, LATENT, STEP, Conditioning(text().embeddings * math.nan)
        )


def test_predict_noise_refuses_an_unknown_parameterisation(denoiser: Model) -> None:
    with pytest.raises(InputError, match="model: got velocity"):
        nodes_model.predict_noise(replace(denoiser, prediction="velocity"), LATENT, STEP, text())


def test_predict_noise_of_a_sample_model_needs_some_noise(denoiser: Model) -> None:
    clean = replace(STEP, sigma=0.0)
    with pytest.raises(InputError, match="step: got sigma 0, expected a finite sigma above 0"):
        nodes_model.predict_noise(replace(denoiser, prediction="sample"), LATENT, clean, text())
