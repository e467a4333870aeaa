"""What ComfyUI does in ways of its own, held against torch's own generator and its file names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import as_comfyui, noise, sampler_ancestral
from nodes.types import Clip, Image, Latent, Sampler


def empty(batch: int) -> Latent:
    return Latent(torch.zeros(batch, 4, 4, 4))


def test_noise_is_of_one_generator() -> None:
    """As `torch.manual_seed` and one `torch.randn` of the whole batch."""
    drawn = as_comfyui.noise(empty(3), 42)
    generator = torch.Generator().manual_seed(42)
    assert torch.equal(drawn.samples, torch.randn(3, 4, 4, 4, generator=generator))
    assert drawn.whole_spread


def test_noise_of_one_picture_is_that_of_its_seed() -> None:
    assert torch.equal(as_comfyui.noise(empty(1), 7).samples, noise.gaussian(empty(1), 7).samples)
    assert not torch.equal(
        as_comfyui.noise(empty(2), 7).samples, noise.gaussian(empty(2), 7).samples
    )


@pytest.mark.parametrize("seed", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_noise_takes_every_seed_that_comfyui_has(seed: int) -> None:
    assert torch.isfinite(as_comfyui.noise(empty(1), seed).samples).all()


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_noise_refuses_other_seeds(seed: int) -> None:
    with pytest.raises(InputError, match="seed"):
        as_comfyui.noise(empty(1), seed)


def test_sampler_draws_step_after_step_from_the_next_seed() -> None:
    made = as_comfyui.sampler(sampler_ancestral.euler_ancestral(eta=0.5), 9)
    settings = dict(made.settings)
    assert made.name == "euler_ancestral"
    assert settings["eta"] == 0.5
    assert settings["stream_seed"] == 10
    assert dict(as_comfyui.sampler(Sampler("lcm"), 2**64 - 1).settings)["stream_seed"] == 0


def test_sampler_of_a_run_takes_its_noise_from_the_stream() -> None:
    from nodes.diffusion.noise import stream
    from nodes.diffusion.sampling_run import Run
    from nodes.types import NoiseSchedule, Step

    run = Run(lambda *_: None, NoiseSchedule(), 0, stream=stream(10))  # type: ignore[arg-type, return-value]
    x = torch.zeros(2, 4, 2, 2)
    step = Step(0, 2, 2.0, 1.0, 500.0, 300.0)
    generator = torch.Generator().manual_seed(10)
    for _ in range(2):
        assert torch.equal(run.draw(x, step), torch.randn(x.shape, generator=generator))


def _clip(family: str, kind: str = "clip_l", layers: int = 12) -> Clip:
    encoder: Any = SimpleNamespace(config=SimpleNamespace(num_hidden_layers=layers))
    return Clip(encoder, None, kind=kind, family=family)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "layer", "skip"),
    [("sd1", -1, 0), ("sd1", -2, 1), ("sdxl", -2, 0), ("sdxl", -3, 1), ("sd2", -2, 0)],
)
def test_last_layer_counts_as_comfyui(family: str, layer: int, skip: int) -> None:
    assert as_comfyui.last_layer(_clip(family), layer).skip == skip


@pytest.mark.parametrize(("family", "layer"), [("sdxl", -1), ("sd1", -13)])
def test_last_layer_refuses_what_is_not_there(family: str, layer: int) -> None:
    with pytest.raises(InputError, match="layer"):
        as_comfyui.last_layer(_clip(family), layer)


def test_save_image_names_and_counts(tmp_path: Path) -> None:
    context = RunContext(output_dir=tmp_path, metadata={"prompt": "{}"})
    image = Image(torch.rand(2, 4, 6, 3, generator=torch.Generator().manual_seed(0)))
    first = as_comfyui.save_image(image, "sub/Comfy_%width%x%height%", ctx=context)
    names = [Path(path).relative_to(tmp_path).as_posix() for path in first]
    assert names == ["sub/Comfy_6x4_00001_.png", "sub/Comfy_6x4_00002_.png"]
    assert as_comfyui.save_image(image, "sub/Comfy_%width%x%height%", ctx=context) == first
    other = as_comfyui.save_image(Image(1 - image.pixels), "sub/Comfy_6x4", ctx=context)
    assert [Path(path).name for path in other] == ["Comfy_6x4_00003_.png", "Comfy_6x4_00004_.png"]
    each = as_comfyui.save_image(image, "b%batch_num%", ctx=context)
    assert [Path(path).name for path in each] == ["b0_00001_.png", "b1_00001_.png"]


def test_save_image_stays_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        as_comfyui.save_image(
            Image(torch.zeros(1, 2, 2, 3)), "../out", ctx=RunContext(output_dir=tmp_path)
        )
