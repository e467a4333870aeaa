"""Train nodes: small things beside a frozen model. A LoRA, an embedding, a ControlNet.

What is given stays as it is. Each training stops when it is cancelled, and with a `folder` (under
the run's output folder) goes on where it was. `name` is the file or folder that it writes there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import NewPath, Number, Seed, Slider, Text
from nodes import training_runs
from nodes.training_runs import Batch, Folder, Rate, Steps
from nodes.types import Clip, ControlNet, Examples, Losses, Model

Share = Annotated[float, Slider(0, 1, 0.01)]
Name = Annotated[str, NewPath()]


class TrainedLora(NamedTuple):
    model: Model
    path: str
    losses: Losses


class TrainedEmbedding(NamedTuple):
    path: str
    losses: Losses


class TrainedControlNet(NamedTuple):
    controlnet: ControlNet
    path: str
    losses: Losses


@node("train_adapter.lora", title="Train LoRA", writes=True)
def lora(
    model: Model,
    clip: Clip,
    examples: Examples,
    name: Name = "loras/my_lora",
    steps: Steps = 1400,
    rank: Annotated[int, Number(1, 256, 1)] = 8,
    learning_rate: Rate = 0.002,
    batch: Batch = 16,
    dropped_captions: Share = 0.1,
    offset_noise: Share = 0.5,
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedLora:
    """Learn a style as a low-rank change of the denoiser's transformer blocks.

    `W + B A` with A [rank, in] and B [out, rank], B zero at first; the weighted MSE of epsilon that
    the shipped model was trained by. `offset_noise` 0.5 is what that one had, 0 what Stable
    Diffusion had. `name`.safetensors has kohya's names and is read by diffusers too. Hu et al.
    2021, arXiv 2106.09685.
    """
    from nodes.diffusion.training import lora as training
    from nodes.diffusion.training.adapters import AdapterRecipe

    _check(model, clip, examples)
    path = _path(name, ".safetensors", ctx)
    network, history = training_runs.going_on(training.train_lora, folder, ctx)(
        model,
        clip,
        examples,
        training_runs.loop(steps, learning_rate, seed),
        rank=rank,
        recipe=AdapterRecipe(batch, dropped_captions, offset_noise),
    )
    training.save_lora(path, network, rank)
    return TrainedLora(replace(model, network=network), str(path), training_runs.losses(history))


@node("train_adapter.embedding", writes=True)
def embedding(
    model: Model,
    clip: Clip,
    examples: Examples,
    word: Annotated[str, Text()] = "<house>",
    name: Name = "embeddings/my-house",
    begin_with: Annotated[str, Text()] = "shape",
    vectors: Annotated[int, Number(1, 32, 1)] = 2,
    steps: Steps = 500,
    learning_rate: Rate = 0.005,
    batch: Batch = 16,
    offset_noise: Share = 0.5,
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedEmbedding:
    """Learn vectors for a new word, all networks frozen: textual inversion.

    The captions contain `word`; its `vectors` begin as the mean of the vectors of `begin_with`.
    `name`.safetensors holds them as `emb_params` [vectors, D], as other programs do. Gal et al.
    2022, arXiv 2208.01618, eq. 2.
    """
    from nodes.diffusion.training import embedding as training
    from nodes.diffusion.training.adapters import AdapterRecipe

    _check(model, clip, examples)
    if not word.strip() or not all(word in text for said in examples.captions for text in said):
        raise InputError("word", repr(word), "a word that every caption contains")
    if not clip.tokenizer.split(begin_with)[0]:
        raise InputError("begin_with", repr(begin_with), "at least one word")
    path = _path(name, ".safetensors", ctx)
    learnt, history = training_runs.going_on(training.train_embedding, folder, ctx)(
        model,
        clip,
        examples,
        word,
        training_runs.loop(steps, learning_rate, seed),
        words=begin_with,
        vectors=vectors,
        recipe=AdapterRecipe(batch, 0.0, offset_noise),
    )
    training.save_embedding(path, learnt)
    return TrainedEmbedding(str(path), training_runs.losses(history))


@node("train_adapter.controlnet", title="Train ControlNet", writes=True)
def controlnet(
    model: Model,
    clip: Clip,
    examples: Examples,
    name: Name = "controlnet/my_controlnet",
    steps: Steps = 2200,
    learning_rate: Rate = 0.001,
    batch: Batch = 16,
    dropped_captions: Share = 0.3,
    offset_noise: Share = 0.5,
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedControlNet:
    """Learn to draw where a hint says, by a second encoder that adds to the frozen denoiser.

    It begins as the denoiser's encoder without its attention and adds nothing, through convolutions
    that are zero at first. `name` is a folder in diffusers' layout. Zhang et al. 2023, arXiv
    2302.05543, section 3.
    """
    from nodes.diffusion.training import controlnet as training
    from nodes.diffusion.training.adapters import AdapterRecipe

    _check(model, clip, examples)
    if examples.hints is None:
        hint = "Take examples from train_examples.edges or train_examples.hinted"
        raise InputError("examples", "no hints", "a hint for each picture", hint)
    path = _path(name, "", ctx)
    network, history = training_runs.going_on(training.train_controlnet, folder, ctx)(
        model,
        clip,
        examples,
        training_runs.loop(steps, learning_rate, seed),
        recipe=AdapterRecipe(batch, dropped_captions, offset_noise),
    )
    training.save_controlnet(path, network)
    return TrainedControlNet(
        ControlNet(network, model.family), str(path), training_runs.losses(history)
    )


def _check(model: Model, clip: Clip, examples: Examples) -> None:
    """These trainings know a UNet that predicts epsilon and has one text encoder."""
    kind = type(model.network).__name__
    if kind != "UNet2DConditionModel" or model.prediction != "epsilon" or model.family != "sd1":
        got = f"{kind} of {model.family}, {model.prediction}"
        raise InputError("model", got, "a UNet2DConditionModel of sd1, epsilon")
    if not training_runs.on_trained_schedule(model):
        raise InputError("model", "another noise schedule", "Stable Diffusion's own")
    wanted, width = model.network.config.cross_attention_dim, clip.encoder.config.hidden_size
    if width != wanted or clip.skip:
        got = f"width {width}, {clip.skip} layers skipped"
        raise InputError("clip", got, f"the model's own: width {wanted}, no layer skipped")
    channels = examples.latents.shape[1]
    if channels != model.network.config.in_channels:
        got = f"latents of {channels} channels"
        raise InputError("examples", got, f"{model.network.config.in_channels}, as the model's")


def _path(name: str, suffix: str, ctx: RunContext) -> Path:
    """Where the result goes, the suffix added if it is not there."""
    if not name:
        raise InputError("name", "no name", "a name for what is written")
    return ctx.output_dir / (name.removesuffix(suffix) + suffix)
