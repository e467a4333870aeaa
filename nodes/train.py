"""Train nodes: the three networks of a small Stable Diffusion, from nothing.

The order is autoencoder, text encoder, denoiser, and the autoencoder's decoder once more. Each
training shows its progress, stops when it is cancelled, and with a `folder` (under the run's output
folder) goes on where it was stopped.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

from nodeflow.context import RunContext
from nodeflow.errors import InputError
from nodeflow.node import node
from nodeflow.widgets import Number, Seed, Slider
from nodes import model_files, training_runs
from nodes.training_runs import Batch, Folder, Rate, Steps
from nodes.types import Clip, EncodedScenes, Losses, Model, SceneSet, Vae


class TrainedVae(NamedTuple):
    vae: Vae
    losses: Losses


class TrainedClip(NamedTuple):
    clip: Clip
    losses: Losses


class TrainedModel(NamedTuple):
    model: Model
    losses: Losses


@node("train.autoencoder", writes=True)
def autoencoder(
    scenes: SceneSet,
    steps: Steps = 4000,
    learning_rate: Rate = 0.0015,
    kl_weight: Annotated[float, Number(0, 1)] = 0.002,
    widths: Annotated[list[int], Number(8, 1024, 8)] = [24, 40, 64, 128],  # noqa: B006
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedVae:
    """Learn to shrink pictures 8 times per side to 4 channels, and to rebuild them.

    L1 + MSE + gradient L1 of the picture + `kl_weight` * KL(posterior || N(0, 1)), on crops that
    grow from 32 to 128 pixels; afterwards each latent channel is given mean 0 and spread 1.
    Rombach et al. 2021, arXiv 2112.10752, section 3.1.
    """
    from nodes.diffusion.training import autoencoder as training
    from nodes.diffusion.training.export import SCALING, normalise_latents

    if len(widths) < 2 or any(width % 8 for width in widths):
        raise InputError("widths", str(widths), "two or more multiples of 8")
    vae = training.new_autoencoder(widths, seed)
    history = training_runs.going_on(training.train_autoencoder, folder, ctx)(
        vae,
        scenes.scenes,
        training_runs.loop(steps, learning_rate, seed),
        kl_weight=kl_weight,
    )
    some = scenes.scenes[:: max(1, len(scenes.scenes) // 500)]
    vae = normalise_latents(vae, training.encode_scenes(vae, some))
    trained = Vae(vae.requires_grad_(False), SCALING, factor=2 ** (len(widths) - 1))
    return TrainedVae(trained, training_runs.losses(history))


@node("train.decoder", writes=True)
def decoder(
    vae: Vae,
    scenes: SceneSet,
    steps: Steps = 1500,
    learning_rate: Rate = 0.0005,
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedVae:
    """Make rebuilt pictures crisper: train the decoder on, and leave the encoder as it is.

    Latents made before stay what they are, so a denoiser trained on them need not learn anew. The
    loss is that of `train.autoencoder`, on whole pictures of 128 pixels.
    """
    from copy import deepcopy

    from nodes.diffusion.training import autoencoder as training

    finer = deepcopy(vae.autoencoder).requires_grad_(True)
    history = training_runs.going_on(training.train_autoencoder, folder, ctx)(
        finer,
        scenes.scenes,
        training_runs.loop(steps, learning_rate, seed),
        crops=training.CROPS[-1:],
        decoder_only=True,
    )
    trained = replace(vae, autoencoder=finer.requires_grad_(False))
    return TrainedVae(trained, training_runs.losses(history))


@node("train.text_encoder", writes=True)
def text_encoder(
    scenes: SceneSet,
    steps: Steps = 1000,
    learning_rate: Rate = 0.001,
    batch: Batch = 192,
    layers: Annotated[int, Number(1, 24, 1)] = 3,
    hidden: Annotated[int, Number(8, 1024, 8)] = 128,
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedClip:
    """Learn what captions mean, by telling each caption's picture from all others of a batch.

    Symmetric cross entropy over cosine similarities; half of a batch are near misses of the other
    half. Radford et al. 2021, arXiv 2103.00020. CLIP's own tokenizer, 49,408 pieces.
    """
    from nodes.diffusion.tokenizer import ClipTokenizer
    from nodes.diffusion.training import text_image as training

    tokenizer = ClipTokenizer.from_folder(_tokenizer_folder())
    encoder = training.new_text_encoder(hidden, layers, seed)
    history = training_runs.going_on(training.train_text_encoder, folder, ctx)(
        encoder,
        training.ContrastHead(hidden, seed=seed),
        tokenizer,
        scenes.scenes,
        training_runs.loop(steps, learning_rate, seed, weight_decay=0.05),
        batch=batch,
    )
    return TrainedClip(
        Clip(encoder.requires_grad_(False), tokenizer), training_runs.losses(history)
    )


@node("train.denoiser", writes=True)
def denoiser(
    encoded: EncodedScenes,
    clip: Clip,
    steps: Steps = 15_000,
    learning_rate: Rate = 0.001,
    batch: Batch = 32,
    dropped_captions: Annotated[float, Slider(0, 1, 0.01)] = 0.1,
    ema: Annotated[float, Slider(0, 1, 0.0001)] = 0.999,
    widths: Annotated[list[int], Number(16, 1024, 16)] = [64, 96, 160],  # noqa: B006
    seed: Annotated[int, Seed()] = 0,
    folder: Folder = "",
    *,
    ctx: RunContext,
) -> TrainedModel:
    """Learn to predict the noise in a latent from timestep and caption; the text encoder is frozen.

    Weighted MSE of epsilon, captions dropped for guidance, and the weights' moving average is what
    comes out. Ho et al. 2020, arXiv 2006.11239; Ho & Salimans 2022, arXiv 2207.12598.
    """
    from nodes.diffusion.training import denoiser as training

    if len(widths) != 3 or any(width % 16 for width in widths):
        raise InputError("widths", str(widths), "three multiples of 16")
    data = {k: training.EncodedScenes(*part) for k, part in encoded.by_kind.items()}
    unet, history = training_runs.going_on(training.train_denoiser, folder, ctx)(
        training.new_unet(widths, clip.encoder.config.hidden_size, seed),
        clip.encoder,
        clip.tokenizer,
        data,
        training_runs.loop(steps, learning_rate, seed),
        training.Recipe(batch=batch, dropped=dropped_captions, ema=ema),
    )
    return TrainedModel(Model(unet, training.beta_schedule()), training_runs.losses(history))


def _tokenizer_folder() -> Path:
    """CLIP's tokenizer, as it comes with nodeflow."""
    return model_files.shipped_models() / "tiny" / "tokenizer"
