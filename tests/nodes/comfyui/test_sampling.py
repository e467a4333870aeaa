"""KSampler by the table, held against diffusers: the same noise, the same steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from nodeflow.context import RunContext
from nodeflow.executor import run
from nodeflow.formats.comfyui.spec import load_table
from nodeflow.formats.comfyui.translate import translate
from nodeflow.registry import default_registry
from nodes import load, prompt


def sampled(**given: Any) -> torch.Tensor:
    """The latent that a KSampler of the shipped model makes of two empty latents."""
    inputs = {
        "model": ["1", 0],
        "seed": 2**64 - 3,
        "steps": 4,
        "cfg": 5.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": ["3", 0],
        "negative": ["4", 0],
        "latent_image": ["2", 0],
        "denoise": 1.0,
    }
    given = {name: value for name, value in given.items() if value is not None}
    kind = given.pop("kind", "KSampler")
    if kind != "KSampler":
        inputs["noise_seed"] = inputs.pop("seed")
        del inputs["denoise"]
    made = translate(
        {
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny"}},
            "2": {
                "class_type": "EmptyLatentImage",
                "inputs": {"width": 64, "height": 64, "batch_size": 2},
            },
            "3": {"class_type": "CLIPTextEncode", "inputs": {"text": TEXT, "clip": ["1", 1]}},
            "4": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
            "5": {"class_type": kind, "inputs": {**inputs, **given}},
        },
        load_table(),
        default_registry(),
        everything=True,
    )
    assert [p for p in made.problems if p.severity == "error"] == []
    output = f"{made.mapping['5'].nodes[0]}.latent"
    found: torch.Tensor = run(made.graph, outputs=[output]).outputs[output].samples
    return found


TEXT = "a red circle"


def by_diffusers(seed: int, steps: int = 4, scale: float = 5.0) -> torch.Tensor:
    """Euler's method as diffusers has it, from noise of spread sqrt(1 + sigma^2)."""
    from diffusers import EulerDiscreteScheduler

    loaded = load.checkpoint("tiny", "auto", ctx=RunContext())
    texts = [prompt.encode_comfyui(loaded.clip, text).embeddings for text in ("", TEXT)]
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing="linspace",
        steps_offset=0,
    )
    scheduler.set_timesteps(steps)
    sigma = float(scheduler.sigmas[0])
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    x = noise * (1 + sigma**2) ** 0.5
    embeddings = torch.cat([text.expand(2, -1, -1) for text in texts])
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(torch.cat([x, x]), t)
        with torch.no_grad():
            answer = loaded.model.network(scaled, t, encoder_hidden_states=embeddings).sample
        uncond, cond = answer.chunk(2)
        x = scheduler.step(uncond + scale * (cond - uncond), t, x).prev_sample
    return x


# diffusers' scheduler hands tensors to NumPy as NumPy 2 would not have it
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn.t accept a copy keyword")
def test_euler_normal_is_that_of_diffusers() -> None:
    """Both in float32; sums in another order differ by some 1e-5 of latents of spread 1."""
    assert_close(sampled(), by_diffusers(2**64 - 3), atol=2e-4, rtol=2e-4)


def test_advanced_in_two_parts_is_the_whole() -> None:
    """The first part leaves its noise in, the second adds none."""
    whole = sampled(kind="KSamplerAdvanced", **_part("enable", 0, 10000, "disable"))
    assert_close(whole, sampled(), atol=1e-6, rtol=1e-6)


def _part(add: str, start: int, end: int, leave: str) -> dict[str, Any]:
    return {
        "add_noise": add,
        "start_at_step": start,
        "end_at_step": end,
        "return_with_leftover_noise": leave,
    }


def test_denoise_takes_the_last_steps_of_a_longer_list() -> None:
    """Of int(4 / 0.5) = 8 steps the last 4, from noise of spread sigma, not sqrt(1 + sigma^2)."""
    whole = sampled(kind="KSamplerAdvanced", steps=8, **_part("enable", 4, 10000, "disable"))
    assert_close(sampled(denoise=0.5), whole, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", ["euler_ancestral", "lcm", "dpm_2", "uni_pc", "dpmpp_2m_sde"])
def test_samplers_run(name: str) -> None:
    first = sampled(sampler_name=name)
    assert torch.isfinite(first).all()
    assert torch.equal(first, sampled(sampler_name=name))


def test_ancestral_noise_is_of_the_next_seed() -> None:
    """Two steps of Euler ancestral, written out with torch's generators."""
    seed = 5
    made = sampled(sampler_name="euler_ancestral", steps=2, seed=seed, cfg=1.0)
    again = sampled(sampler_name="euler_ancestral", steps=2, seed=seed + 1, cfg=1.0)
    assert not torch.equal(made, again)
    loaded = load.checkpoint("tiny", "auto", ctx=RunContext())
    text = prompt.encode_comfyui(loaded.clip, TEXT).embeddings.expand(2, -1, -1)
    table = torch.tensor(loaded.model.betas.alphas_cumprod, dtype=torch.float64)  # type: ignore[attr-defined]
    sigmas = ((1 - table) / table).sqrt()
    high, low = float(sigmas[-1]), float(sigmas[0])
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    x = noise * (1 + high**2) ** 0.5

    def slope(x: torch.Tensor, sigma: float, timestep: float) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = loaded.model.network(
                x / (1 + sigma**2) ** 0.5, timestep, encoder_hidden_states=text
            ).sample
        return found

    up = min(low, (low**2 * (high**2 - low**2) / high**2) ** 0.5)
    down = (low**2 - up**2) ** 0.5
    x = x + slope(x, high, 999.0) * (down - high)
    x = x + up * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed + 1))
    x = x - slope(x, low, 0.0) * low
    assert_close(made, x, atol=2e-4, rtol=2e-4)
