"""GLIGEN nodes against diffusers' pipeline, on tiny random weights."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close

import small
from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodes import gligen, model_files
from nodes import text as text_nodes
from nodes.diffusion import gligen as layers
from nodes.diffusion import schedules
from nodes.diffusion.checkpoint_files import CheckpointError
from nodes.diffusion.prediction import in_one_batch, predict_epsilons
from nodes.types import Clip, Conditioning, Model
from small import SCALE, SD, WIDTH, normal

pytestmark = small.OLD_NUMPY

STEPS = 5
STEP = schedules.step_list(schedules.normal(SD, 10))[3]


NOISE = normal(3, 1, 4, 8, 8)


def new_unet(attention: str = "default", layers_per_block: int = 2) -> Any:
    """The same weights with GLIGEN's layers (`gated`) and without; those are none of them zero."""
    made = small.unet(
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=layers_per_block,
        attention_type=attention,
    )
    for k, (name, parameter) in enumerate(sorted(made.named_parameters())):
        own = "fuser" in name or "position_net" in name
        seed = 1000 + k if own else sum(name.encode())
        parameter.data = 0.2 * normal(seed, *parameter.shape) + ("norm" in name)
    return made


def new_parts(unet: Any) -> dict[str, Tensor]:
    names = ("fuser", "position_net")
    return {n: t for n, t in unet.state_dict().items() if any(word in n for word in names)}


def authors_name(name: str) -> str:
    if match := re.match(r"down_blocks\.(\d+)\.attentions\.(\d+)(.*)", name):
        return f"input_blocks.{1 + 3 * int(match[1]) + int(match[2])}.1{match[3]}"
    if match := re.match(r"up_blocks\.(\d+)\.attentions\.(\d+)(.*)", name):
        return f"output_blocks.{3 * int(match[1]) + int(match[2])}.1{match[3]}"
    return name.replace("mid_block.attentions.0", "middle_block.1")


def load(path: Path) -> Any:
    return gligen.load(str(path), ctx=RunContext())


@pytest.fixture
def with_layers(tmp_path: Path) -> Model:
    save_file(new_parts(new_unet("gated")), tmp_path / "g.safetensors")
    return gligen.attach(Model(new_unet(), SD), load(tmp_path / "g.safetensors"))


def pipeline(unet: Any, clip: Clip, folder: Path) -> Any:
    import diffusers
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    return small.pipeline(
        diffusers.StableDiffusionGLIGENPipeline,  # its module moved between versions
        vae=small.autoencoder(),
        text_encoder=clip.encoder,
        tokenizer=CLIPTokenizer.from_pretrained(str(folder / "tokenizer")),
        unet=unet,
        scheduler=small.euler_scheduler(),
    )


def run(model: Model, positive: Conditioning, negative: Conditioning) -> Tensor:
    levels = schedules.at_timesteps(SD, schedules.trailing_timesteps(1000, STEPS))
    return small.run(model, NOISE * levels.values[0], levels, positive, negative)


def boxed(clip: Clip, end: float = 1.0) -> tuple[Conditioning, Conditioning]:
    positive = text_nodes.encode(clip, "a circle and a square")
    positive = gligen.box(positive, clip, "a red circle", 0.1, 0.2, 0.4, 0.5, 0.0, end)
    positive = gligen.box(positive, clip, "a blue square", 0.5, 0.0, 0.5, 0.3, 0.0, end)
    return positive, gligen.no_boxes(text_nodes.encode(clip, "blurry"), clip)


@pytest.mark.parametrize("share", [1.0, 0.4], ids=["all the way", "two steps of five"])
def test_box_run_is_the_pipeline_s(
    share: float, with_layers: Model, clip: Clip, checkpoint_folder: Path
) -> None:
    """Tolerance 1e-4 on latents: rounding of a few 1e-7, carried over the steps."""
    pipe = pipeline(new_unet("gated"), clip, checkpoint_folder)
    expected = pipe(
        "a circle and a square",
        negative_prompt="blurry",
        gligen_phrases=["a red circle", "a blue square"],
        gligen_boxes=[[0.1, 0.2, 0.5, 0.7], [0.5, 0.0, 1.0, 0.3]],
        gligen_scheduled_sampling_beta=share,
        latents=NOISE.clone(),
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        height=64,
        width=64,
        output_type="latent",
    ).images
    # In shares of the schedule: two steps of five are timesteps 999 and 799.
    positive, negative = boxed(clip, 1.0 if share == 1 else 0.3)
    if share < 1:  # diffusers turns the layers off for the unwanted prompt as well
        plain = text_nodes.encode(clip, "blurry")
        negative = between(negative, plain)
    assert_close(run(with_layers, positive, negative), expected, rtol=1e-4, atol=1e-4)


def between(first: Conditioning, then: Conditioning) -> Conditioning:
    from nodes.types import Span

    return replace(first, spans=(Span(0, 0.3),), more=(replace(then, spans=(Span(0.3, 1.0),)),))


def predict(model: Model, given: Conditioning) -> Tensor:
    (found,) = predict_epsilons(model, NOISE, STEP, [given])
    return found


def test_box_fills_one_place_after_the_other(clip: Clip) -> None:
    positive, _ = boxed(clip)
    corners, words, there = layers.boxes_of(positive, WIDTH)
    assert there.sum() == 2
    assert_close(corners[0, :3], torch.tensor([[0.1, 0.2, 0.5, 0.7], [0.5, 0, 1, 0.3], [0.0] * 4]))
    pooled = text_nodes.encode(clip, "a red circle").pooled
    assert pooled is not None
    assert_close(words[0, 0], pooled[0])
    assert (words[0, 2:] == 0).all()


def test_box_in_one_batch_is_box_alone(with_layers: Model, clip: Clip) -> None:
    positive, negative = boxed(clip)
    together = in_one_batch(with_layers, NOISE, STEP, [positive, negative])
    for got, one in zip(together, (positive, negative), strict=True):
        assert_close(got, predict(with_layers, one), rtol=1e-4, atol=1e-5)


def test_box_refuses_a_31st_and_one_without_room(clip: Clip) -> None:
    full = text_nodes.encode(clip, "x")
    for _ in range(30):
        full = gligen.box(full, clip, "x")
    with pytest.raises(InputError, match="30 boxes"):
        gligen.box(full, clip, "x")
    with pytest.raises(InputError, match="some room"):
        gligen.box(full, clip, "x", 1.0, 0.0, 0.5, 0.5)


def test_no_boxes_is_looked_at_and_not_passed_by(with_layers: Model, clip: Clip) -> None:
    plain = text_nodes.encode(clip, "blurry")
    empty = gligen.no_boxes(plain, clip)
    assert layers.boxes_of(empty, WIDTH)[2].sum() == 0
    assert not torch.equal(predict(with_layers, empty), predict(with_layers, plain))


def test_attach_leaves_the_model_and_texts_without_boxes(with_layers: Model, clip: Clip) -> None:
    base, plain = Model(new_unet(), SD), text_nodes.encode(clip, "a circle")
    assert torch.equal(predict(with_layers, plain), predict(base, plain))
    with pytest.raises(ValueError, match=r"gligen\.attach"):
        predict(base, boxed(clip)[0])


def test_attach_refuses_layers_for_another_network(tmp_path: Path) -> None:
    save_file(new_parts(new_unet("gated")), tmp_path / "g.safetensors")
    shallow = Model(new_unet(layers_per_block=1), SD)
    with pytest.raises(InputError, match="do not fit the network"):
        gligen.attach(shallow, load(tmp_path / "g.safetensors"))


def test_load_reads_both_kinds_of_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_layers: Model, clip: Clip
) -> None:
    (tmp_path / "gligen").mkdir()
    parts = new_parts(new_unet("gated"))
    whole = {**parts, "conv_in.weight": torch.zeros(1)}
    save_file(
        {authors_name(n): t for n, t in whole.items()}, tmp_path / "gligen" / "sd14.safetensors"
    )
    monkeypatch.setenv(model_files.ENVIRONMENT, str(tmp_path))
    found = gligen.load("sd14", ctx=RunContext())
    assert ("mid", 0, 0) in found.fusers
    other = gligen.attach(Model(new_unet(), SD), found)
    positive, _ = boxed(clip)
    assert torch.equal(predict(other, positive), predict(with_layers, positive))


def test_load_says_what_a_wrong_file_holds(tmp_path: Path) -> None:
    save_file({"a.lora_up.weight": torch.zeros(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"x\.safetensors: expected GLIGEN's.*a LoRA"):
        load(tmp_path / "x.safetensors")
